//! What becomes of a panic? There is none that we know of; one that we do not know of is counted, and told as a line of the log, with the place
//! it came from. Whatever ran ends by it: a connection, a probe, a look at a name; nothing else does.

use std::any::Any;
use std::panic::{PanicHookInfo, set_hook};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

static SEEN: AtomicU64 = AtomicU64::new(0);

/// How many there were since the process started.
pub fn seen() -> u64 {
    SEEN.load(Relaxed)
}

/// From now on they are told by the log, instead of on stderr by whoever panics: nobody waits for a reader.
pub fn tell() {
    set_hook(Box::new(tell_one));
}

fn tell_one(panic: &PanicHookInfo<'_>) {
    SEEN.fetch_add(1, Relaxed);
    let place = panic.location().map(ToString::to_string).unwrap_or_default();
    let thread = std::thread::current();
    let thread = thread.name().unwrap_or("unnamed");
    log::error!(
        event = "process.panic", thread = thread, place = place;
        "a task ended by a panic, which is a mistake of this program; please report it: {}", words(panic.payload())
    );
}

fn words(payload: &dyn Any) -> &str {
    let text = payload.downcast_ref::<&str>().copied();
    text.or_else(|| payload.downcast_ref::<String>().map(String::as_str)).unwrap_or("it says nothing")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_a_panic_says_is_read() {
        assert_eq!(words(&"a word"), "a word");
        assert_eq!(words(&format!("a word of {}", 1)), "a word of 1");
        assert_eq!(words(&7), "it says nothing");
    }
}
