//! Where does a thread keep room for the places of fields? With itself, between one head and the next, so that a head asks nobody for memory.

use crate::proxy::spare::{self, Spares};
use pulsegate_core::http::http1::spans::Spans;
use std::ops::{Deref, DerefMut};

/// What a thread keeps at most.
const KEPT: usize = 128;

thread_local! {
    static RESTING: Spares<Spans> = const { Spares::at_most(KEPT) };
}

/// The places of one head's fields.
#[derive(Clone, Debug)]
pub struct Places(Spans);

impl Default for Places {
    fn default() -> Self {
        Self(spare::take(&RESTING).unwrap_or_default())
    }
}

impl Deref for Places {
    type Target = Spans;

    fn deref(&self) -> &Spans {
        &self.0
    }
}

impl DerefMut for Places {
    fn deref_mut(&mut self) -> &mut Spans {
        &mut self.0
    }
}

impl Drop for Places {
    fn drop(&mut self) {
        let mut spans = std::mem::take(&mut self.0);
        spans.clear();
        spare::keep(&RESTING, spans);
    }
}
