//! How does it stand with the client? Its connection, what was kept of its body, what it was told, and what becomes of the connection.

use crate::proxy::Served;
use crate::proxy::downstream::{ClientSide, Fate};
use crate::proxy::replay::Replay;
use crate::proxy::wire::Alarm;
use std::time::Duration;

/// The client's side of one exchange.
pub(super) struct Dialogue {
    pub client: ClientSide,
    pub replay: Replay,
    /// 100 Continue was sent.
    pub continued: bool,
    pub fate: Fate,
    /// How long the client has kept its answer waiting.
    pub stalled: Duration,
    /// Wakes the task of this exchange.
    pub alarm: Alarm,
}

impl Dialogue {
    pub(super) fn with(mut client: ClientSide) -> Self {
        let alarm = client.alarm();
        Self { client, replay: Replay::default(), continued: false, fate: Fate::Finish, stalled: Duration::ZERO, alarm }
    }
    /// The exchange is over. Returns what became of the connection.
    pub(super) async fn end(self) -> Served {
        let Self { mut client, fate, alarm, .. } = self;
        client.set_alarm(alarm);
        client.end(fate).await
    }
}
