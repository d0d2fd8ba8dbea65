//! What goes into the board, and what comes out? The words of its interface; no logic.

pub(super) mod discovery;
pub(super) mod output;
pub(super) mod probe;
pub(super) mod report;
pub(super) mod steering;
