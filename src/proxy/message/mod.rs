//! What does a message's head look like to whoever decides on it? The same, whether HTTP/1 wrote it or HTTP/2 sent it as a map.

mod answer;
mod fields;
mod kept;
mod places;
mod request;
mod sink;

pub use answer::AnswerHead;
pub use fields::HeadField;
pub use places::Places;
pub use request::RequestHead;
pub use sink::Sink;

/// Whoever writes the fields of a head that we send.
pub trait Told {
    fn status(&self) -> u16;

    /// The reason phrase that came with it.
    fn reason(&self) -> Option<&[u8]> {
        None
    }

    /// All that travels end to end, in order.
    fn fields(&self, out: &mut impl Sink);

    /// How long the body is, where that is known.
    fn length(&self) -> Option<u64>;

    /// A Date is among the fields.
    fn is_dated(&self) -> bool;
}
