//! Does the board keep its promises whatever happens to it? The simulation's storm and its witness, with dice that the fuzzer loads:
//! its bytes decide what happens next, so that it learns which order of events leads where nothing has led before.
#![no_main]

#[path = "../../simulation/dice.rs"]
mod dice;
#[path = "../../simulation/documents.rs"]
mod documents;
#[path = "../../simulation/invariants.rs"]
mod invariants;
#[path = "../../simulation/life.rs"]
mod life;
#[path = "../../simulation/listener.rs"]
mod listener;
#[allow(dead_code, reason = "the even pools are for the simulation of peers")]
#[path = "../../simulation/plans.rs"]
mod plans;
#[path = "../../simulation/requests/mod.rs"]
mod requests;
#[path = "../../simulation/shadow.rs"]
mod shadow;
#[path = "../../simulation/storm.rs"]
mod storm;
#[path = "../../simulation/trace.rs"]
mod trace;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let loaded = || Box::new(Loaded(bytes.to_vec().into_iter()));
    let run = || {
        let mut storm = storm::Storm::new(loaded());
        storm.rage(u32::MAX);
        storm.trace()
    };
    assert_eq!(run(), run(), "the same bytes left two different traces");
});

/// Dice that show what the bytes say.
struct Loaded(std::vec::IntoIter<u8>);

impl Loaded {
    fn number(&mut self, bytes: usize) -> u64 {
        self.0.by_ref().take(bytes).fold(0, |number, byte| number << 8 | u64::from(byte))
    }
}

impl dice::Dice for Loaded {
    fn below(&mut self, bound: u32) -> u32 {
        let bytes = if bound <= 256 { 1 } else { 2 };
        (self.number(bytes) as u32).checked_rem(bound).unwrap_or(0)
    }

    fn seed(&mut self) -> u64 {
        self.number(2)
    }

    fn used_up(&self) -> bool {
        self.0.as_slice().is_empty()
    }
}
