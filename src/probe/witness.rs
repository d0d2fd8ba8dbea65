//! How far has a probe come? What an exchange notes beside its answer, and what is told when its deadline passes before there is one.

use super::recognise::Recogniser;
use super::steps::Watch;
use ::http::StatusCode;
use pulsegate_core::health::reading::ReadingResult;
use std::sync::atomic::{AtomicBool, AtomicU16, Ordering};

/// How far a probe has come: what is told of it when its deadline passes.
#[derive(Debug, Default)]
pub(super) struct Seen {
    connected: AtomicBool,
    /// The status of the head; 0 = none came.
    status: AtomicU16,
}

impl Seen {
    pub(super) fn connection(&self) {
        self.connected.store(true, Ordering::Relaxed);
    }

    pub(super) fn head(&self, status: StatusCode) {
        self.status.store(status.as_u16(), Ordering::Relaxed);
    }

    /// What a probe whose time is over has read.
    pub(super) fn result(&self) -> ReadingResult {
        match self.status.load(Ordering::Relaxed) {
            0 => ReadingResult::TimedOut { connected: self.connected.load(Ordering::Relaxed) },
            status => ReadingResult::HeadOnly { status },
        }
    }
}

/// What is looked for in an exchange beside its answer: its times, how far it has come, and who answers.
#[derive(Clone, Copy, Debug)]
pub(super) struct Witness<'a> {
    pub watch: &'a Watch,
    pub seen: &'a Seen,
    pub recogniser: Recogniser<'a>,
    /// What the upstream takes of a response head, bytes.
    pub head_limit: usize,
}

impl Witness<'_> {
    /// The same as a setting of HTTP/2.
    pub(super) fn head_list_limit(&self) -> u32 {
        u32::try_from(self.head_limit).unwrap_or(u32::MAX)
    }

    /// The answer's head is there.
    pub(super) fn head(&self, status: StatusCode) {
        self.watch.heard();
        self.seen.head(status);
    }
}
