//! How does it stand with the client? Its connection, what was kept of its body, what it was told, and what becomes of the connection.

use crate::proxy::downstream::{ClientSide, Fate};
use crate::proxy::replay::Replay;
use crate::proxy::wire::Alarm;
use std::time::Duration;

/// The client's side of one exchange.
pub(super) struct Dialogue<'c> {
    pub client: &'c mut ClientSide,
    pub replay: Replay,
    /// 100 Continue was sent.
    pub continued: bool,
    pub fate: Fate,
    /// How long the client has kept its answer waiting.
    pub stalled: Duration,
    /// Wakes the task of this exchange.
    pub alarm: Alarm,
}

impl<'c> Dialogue<'c> {
    pub(super) fn with(client: &'c mut ClientSide) -> Self {
        let alarm = client.alarm();
        Self { client, replay: Replay::default(), continued: false, fate: Fate::Finish, stalled: Duration::ZERO, alarm }
    }

    /// The exchange is over. Returns how the client's part in it is to end.
    pub(super) fn over(self) -> Fate {
        self.client.set_alarm(self.alarm);
        self.fate
    }
}
