//! Why? The reasons that the board goes by, as values that are compared, and the one place where a sentence for people is made of each.

pub(super) mod disagreement;
pub(super) mod failure;
pub(super) mod hold;
pub(super) mod oddity;
pub(super) mod probes;
pub(super) mod source;
pub(super) mod standing;
pub(super) mod words;
