//! What would happen? The operator's own configuration, rehearsed in virtual time.
//!
//! The board and the request machine are the gateway's own; what is played here are the backends, the clients, the names and the clock.
//! Nothing sleeps, and one seed always tells one story. This room reads files and opens no socket.
//!
//! An upstream fares as if it were alone. Whatever is drawn comes from a stream that is told by seed and name, what happens at one moment is
//! in an order that others do not change, and those who wait look again only where something has changed.

mod agenda;
mod backends;
mod behaviour;
mod clients;
mod clock;
mod compile;
mod expect;
mod figures;

pub mod replay;
mod scenario;
mod spec;
mod stage;
mod story;
mod tell;
mod ticket;
mod traffic;
mod world;

pub use compile::{Rehearsal, load};
pub use tell::{json, text};

use expect::Verdict;
use story::Story;

/// A rehearsal that is over.
#[derive(Debug)]
pub struct Outcome {
    story: Story,
    verdicts: Vec<Verdict>,
}

impl Outcome {
    /// Everything came as it was expected.
    pub fn as_expected(&self) -> bool {
        self.verdicts.iter().all(|verdict| verdict.broken.is_none())
    }
}

/// Plays a rehearsal from its beginning to its end.
pub fn play(rehearsal: &Rehearsal) -> Outcome {
    let story = world::World::new(rehearsal).run();
    let verdicts = rehearsal.scenario.expectations.iter().map(|one| expect::judge(one, &story)).collect();
    Outcome { story, verdicts }
}
