//! How does it stand with the client? Its connection, what was kept of its body, what it was told, and what becomes of the connection.

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
    pub(super) fn with(client: ClientSide) -> Self {
        Self {
            client,
            replay: Replay::default(),
            continued: false,
            fate: Fate::Finish,
            stalled: Duration::ZERO,
            alarm: Alarm::default(),
        }
    }
}
