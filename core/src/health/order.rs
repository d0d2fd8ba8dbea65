//! What can an operator order of one backend?

use std::fmt;

/// An order that decides a backend's standing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize), serde(rename_all = "snake_case"))]
pub enum Order {
    Drain,
    ForceUp,
    ForceDown,
}

impl Order {
    /// The stable word for the admin API and the log; [`super::standing::Cause`] has the word of the standing that follows.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Drain => "drain",
            Self::ForceUp => "force-up",
            Self::ForceDown => "force-down",
        }
    }
}

/// What an operator wants of one backend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Steer {
    /// In place of any order before.
    Order(Order),
    /// Takes a drain back, and nothing else: an operator who undrains does not know of a force.
    Undrain,
    /// Takes every order back, that of a weight included.
    Release,
    /// A weight in place of the configured one, at most [`WEIGHT_AT_MOST`]. 0 takes new traffic away without touching the standing, as HAProxy's does.
    /// `None`: the configured one again.
    Weight(Option<u32>),
}

impl fmt::Display for Steer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Order(order) => f.write_str(order.word()),
            Self::Undrain => f.write_str("undrain"),
            Self::Release => f.write_str("release"),
            Self::Weight(Some(weight)) => write!(f, "weight {weight}"),
            Self::Weight(None) => f.write_str("weight as configured"),
        }
    }
}
