//! What does a source of backends find?

use crate::base::identity::Address;

/// A backend as a source found it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize))]
pub struct Found {
    pub address: Address,
    pub weight: u32,
    pub backup: bool,
}
