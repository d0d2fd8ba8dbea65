//! Transcripts: what is to be done for a request, moment by moment. Times are milliseconds; backends are called by their numbers.

mod attempts;
mod bound;
mod everything;
mod given_back;
mod hedges;
mod records;
mod rig;
mod waits;
