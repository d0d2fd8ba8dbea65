//! What must another process know of what receivers were told, so that nothing is told again?

use super::What;
use crate::base::identity::Address;
use std::sync::Arc;
use std::time::Duration;

/// What a receiver was told of an upstream, for another process.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize))]
pub struct GroupState {
    pub receiver: Arc<str>,
    pub upstream: Option<Arc<str>>,
    pub incident: String,
    pub sent: u32,
    /// How long ago the last message was.
    #[cfg_attr(feature = "serde", serde(with = "crate::base::nanos"))]
    pub ago: Duration,
    /// What holds for all that it knows.
    pub told: Vec<AnnouncedState>,
}

/// A condition of that upstream.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize))]
pub struct AnnouncedState {
    pub what: What,
    #[cfg_attr(feature = "serde", serde(flatten, with = "place"))]
    pub backend: Option<Address>,
    /// It was told that it comes and goes.
    pub flaps: bool,
}

/// Written down, an address lies under the key of its kind beside the others, and the other kind's key is empty.
#[cfg(feature = "serde")]
mod place {
    use super::Address;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};
    use std::net::SocketAddr;
    use std::path::PathBuf;

    #[derive(Deserialize, Serialize)]
    struct Place {
        socket: Option<SocketAddr>,
        unix: Option<PathBuf>,
    }

    pub(super) fn serialize<S: Serializer>(address: &Option<Address>, serializer: S) -> Result<S::Ok, S::Error> {
        let place = match address.clone() {
            None => Place { socket: None, unix: None },
            Some(Address::Socket(socket)) => Place { socket: Some(socket), unix: None },
            Some(Address::Unix(path)) => Place { socket: None, unix: Some(path) },
        };
        place.serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Address>, D::Error> {
        let Place { socket, unix } = Place::deserialize(deserializer)?;
        Ok(socket.map(Address::Socket).or(unix.map(Address::Unix)))
    }
}
