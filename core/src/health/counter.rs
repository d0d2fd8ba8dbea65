//! How many results does a change of mind take? HAProxy's health counter.
//!
//! One integer in `0..=rise+fall-1`; up means `≥ rise`. A pass counts up and jumps to the maximum on reaching `rise`; a failure
//! counts down and falls to 0 on leaving `rise` behind. So one whose mind is made up changes after `rise` passes or `fall` failures,
//! results to the contrary push the change away again (true hysteresis), and the state prints itself: "2/3".
//!
//! Source: HAProxy's `check.c` as documented under `rise` and `fall` in its configuration manual.

/// The counter of one check of one backend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counter {
    value: u32,
    rise: u32,
    fall: u32,
}

/// A counter for another process, with the thresholds that it counted under: that one may have others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Deserialize, serde::Serialize),
    serde(from = "(u32, u32, u32)", into = "(u32, u32, u32)")
)]
pub struct CounterState {
    pub value: u32,
    pub rise: u32,
    pub fall: u32,
}

#[cfg(feature = "serde")]
impl From<(u32, u32, u32)> for CounterState {
    fn from((value, rise, fall): (u32, u32, u32)) -> Self {
        Self { value, rise, fall }
    }
}

#[cfg(feature = "serde")]
impl From<CounterState> for (u32, u32, u32) {
    fn from(CounterState { value, rise, fall }: CounterState) -> Self {
        (value, rise, fall)
    }
}

impl Counter {
    /// A counter at its extreme: fully up or fully down. Thresholds below 1 count as 1.
    pub fn decided(up: bool, rise: u32, fall: u32) -> Self {
        let (rise, fall) = (rise.max(1), fall.max(1));
        Self { value: if up { rise.saturating_add(fall) - 1 } else { 0 }, rise, fall }
    }

    pub fn export(self) -> CounterState {
        CounterState { value: self.value, rise: self.rise, fall: self.fall }
    }

    /// As another process counted, under the thresholds of this one: others than there keep the verdict and nothing of the way to the
    /// next. What does not fit is brought into bounds.
    pub fn import(state: CounterState, rise: u32, fall: u32) -> Self {
        let empty = Self::decided(false, state.rise, state.fall);
        let there = Self { value: state.value.min(empty.maximum()), ..empty };
        let here = Self::decided(there.up(), rise, fall);
        if (here.rise, here.fall) == (there.rise, there.fall) { there } else { here }
    }

    pub fn up(self) -> bool {
        self.value >= self.rise
    }

    /// A change has begun and is not decided: the next results matter soon.
    pub fn pending(self) -> bool {
        self.value != 0 && self.value != self.maximum()
    }

    pub fn pass(&mut self) {
        let next = (self.value + 1).min(self.maximum());
        self.value = if next == self.rise { self.maximum() } else { next };
    }

    pub fn fail(&mut self) {
        let next = self.value.saturating_sub(1);
        self.value = if next < self.rise { 0 } else { next };
    }

    /// For people: while up, failures that are left before it goes down, of `fall`; while down, passes so far, of `rise`.
    pub fn shown(self) -> (u32, u32) {
        if self.up() { (self.value + 1 - self.rise, self.fall) } else { (self.value, self.rise) }
    }

    fn maximum(self) -> u32 {
        self.rise.saturating_add(self.fall) - 1
    }
}

#[cfg(test)]
mod tests {
    use super::Counter;

    fn after(start_up: bool, rise: u32, fall: u32, results: &str) -> (bool, (u32, u32)) {
        let mut counter = Counter::decided(start_up, rise, fall);
        for result in results.chars() {
            if result == '+' { counter.pass() } else { counter.fail() }
        }
        (counter.up(), counter.shown())
    }

    #[test]
    fn the_table() {
        for (start_up, rise, fall, results, up, shown) in [
            (true, 2, 3, "", true, (3, 3)),
            (true, 2, 3, "-", true, (2, 3)),
            (true, 2, 3, "--", true, (1, 3)),
            (true, 2, 3, "---", false, (0, 2)),
            (true, 2, 3, "--+", true, (2, 3)),
            (true, 2, 3, "--+--", false, (0, 2)),
            (false, 2, 3, "+", false, (1, 2)),
            (false, 2, 3, "+-", false, (0, 2)),
            (false, 2, 3, "+-+", false, (1, 2)),
            (false, 2, 3, "++", true, (3, 3)),
            (true, 1, 1, "-", false, (0, 1)),
            (false, 1, 1, "+", true, (1, 1)),
            (true, 0, 0, "-", false, (0, 1)),
        ] {
            assert_eq!(after(start_up, rise, fall, results), (up, shown), "{rise}/{fall} {start_up} {results}");
        }
    }

    #[test]
    fn pending_is_between_the_extremes() {
        let mut counter = Counter::decided(true, 2, 3);
        assert!(!counter.pending());
        counter.fail();
        assert!(counter.pending());
    }
}
