//! Which request decides a trial? The one that claims the token: the board arms it, and one claim takes it.
//!
//! A result that comes late, when the board has called the trial off or offers the next one, moves nothing. (A claim has no number: where the
//! next trial is claimed too, a late result is taken for its own. Then one more request may decide, which costs no more than a request.)

use crate::base::sync::{AtomicU8, AtomicU64, Relaxed};
use std::time::Duration;

const NONE: u8 = 0;
const ARMED: u8 = 1;
const CLAIMED: u8 = 2;

/// The token of one backend.
#[derive(Debug, Default)]
pub(super) struct TrialToken {
    state: AtomicU8,
    /// A trial request that takes longer has failed; nanoseconds, 0 = it may take what it takes.
    limit: AtomicU64,
}

impl TrialToken {
    /// Offers the next suitable request as the one that decides.
    pub(super) fn arm(&self) {
        self.becomes(ARMED);
    }

    pub(super) fn disarm(&self) {
        self.becomes(NONE);
    }

    /// True for exactly one caller per armed trial.
    pub(super) fn claim(&self) -> bool {
        self.passes(ARMED, CLAIMED)
    }

    /// The claimed request ended without a verdict: the next one decides.
    pub(super) fn offer_again(&self) {
        self.passes(CLAIMED, ARMED);
    }

    /// The claimed request ended. Was it fast enough?
    pub(super) fn end(&self, latency: Duration) -> bool {
        self.passes(CLAIMED, NONE);
        let limit = self.limit.load(Relaxed);
        limit == 0 || latency <= Duration::from_nanos(limit)
    }

    /// The next trial request must not take longer than this.
    pub(super) fn limit(&self, limit: Option<Duration>) {
        let nanos = limit.map_or(0, |limit| u64::try_from(limit.as_nanos()).unwrap_or(u64::MAX));
        self.limit.store(nanos, Relaxed);
    }

    /// A swap where a store would do: loom takes a store that meets an exchange for one that may have come before it (tokio-rs/loom#254).
    fn becomes(&self, state: u8) {
        self.state.swap(state, Relaxed);
    }

    fn passes(&self, from: u8, to: u8) -> bool {
        self.state.compare_exchange(from, to, Relaxed, Relaxed).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What happens to a new token, one letter each: (a)rmed, (d)isarmed, (c)laimed, (o)ffered again, (e)nded. A claim that is granted is
    /// written in upper case.
    #[test]
    fn one_claim_is_granted_per_arming() {
        for (rule, stories) in [
            ("armed once, claimed once", "c aCc aCcc aaCc"),
            ("armed again, claimed again", "aCaCc aCeaCc adaCc"),
            ("called off, claimed by nobody", "d adc aCdc"),
            ("offered again after no verdict", "aCoCc aCoCoCc"),
            ("ended, claimed by nobody", "aCec aCoCec"),
            ("late results offer nothing", "oc ec adoc aCdoc aCeoc aCdec"),
            ("late results take nothing away", "aoCc aeCc aCdaeCc aCdaoCc"),
        ] {
            for story in stories.split_whitespace() {
                tell(story, rule);
            }
        }
    }

    fn tell(story: &str, rule: &str) {
        let token = TrialToken::default();
        for step in story.chars() {
            match step {
                'a' => token.arm(),
                'd' => token.disarm(),
                'o' => token.offer_again(),
                'e' => assert!(token.end(Duration::ZERO)),
                claim => assert_eq!(token.claim(), claim == 'C', "{rule}: {story}"),
            }
        }
    }

    /// A limit, and how long the request took.
    #[test]
    fn a_trial_request_may_take_as_long_as_its_limit() {
        let millis = Duration::from_millis;
        for (limit, latency, fast_enough) in [
            (None, Duration::MAX, true),
            (Some(millis(100)), millis(0), true),
            (Some(millis(100)), millis(100), true),
            (Some(millis(100)), millis(100) + Duration::from_nanos(1), false),
            // Nanoseconds beyond 64 bits are no limit that anybody meets.
            (Some(Duration::MAX), Duration::from_secs(1), true),
        ] {
            let token = TrialToken::default();
            token.limit(Some(millis(1)));
            token.limit(limit);
            assert_eq!(token.end(latency), fast_enough, "{latency:?} within {limit:?}");
        }
    }
}

#[cfg(loom)]
#[cfg(test)]
mod model {
    use super::*;
    use loom::thread::spawn;
    use std::sync::Arc;

    fn shared() -> (Arc<TrialToken>, Arc<TrialToken>, Arc<TrialToken>) {
        let token = Arc::new(TrialToken::default());
        (Arc::clone(&token), Arc::clone(&token), token)
    }

    #[test]
    fn an_armed_trial_is_claimed_exactly_once() {
        loom::model(|| {
            let (first, second, token) = shared();
            token.arm();
            let claims = [spawn(move || first.claim()), spawn(move || second.claim())];
            let own = token.claim();
            let others = claims.map(|claim| claim.join().unwrap());
            assert_eq!(u32::from(own) + others.map(u32::from).iter().sum::<u32>(), 1);
        });
    }

    /// It is armed twice while two ask: no more claims than armings, and nothing that was armed last is lost.
    #[test]
    fn a_trial_that_is_armed_while_requests_ask_is_claimed_once_per_arming() {
        loom::model(|| {
            let (first, second, token) = shared();
            let claims = [spawn(move || first.claim()), spawn(move || second.claim())];
            token.arm();
            token.arm();
            let claims: u32 = claims.map(|claim| u32::from(claim.join().unwrap())).iter().sum();
            let late = u32::from(token.claim());
            assert!((1..=2).contains(&(claims + late)), "{claims} while it was armed, {late} afterwards");
            assert!(!token.claim());
        });
    }

    /// The claimed request ends without a verdict while the board calls the trial off: it stays off.
    #[test]
    fn a_trial_that_was_called_off_is_not_offered_again() {
        loom::model(|| {
            let (holder, other, token) = shared();
            token.arm();
            assert!(token.claim());
            let ends = spawn(move || holder.offer_again());
            let asks = spawn(move || other.claim());
            token.disarm();
            ends.join().unwrap();
            asks.join().unwrap();
            assert!(!token.claim());
        });
    }

    /// The claimed request ends with a verdict while the next trial is armed: that one has its claim.
    #[test]
    fn a_late_verdict_does_not_take_away_the_next_trial() {
        loom::model(|| {
            let (holder, other, token) = shared();
            token.arm();
            assert!(token.claim());
            token.disarm();
            let ends = spawn(move || holder.end(Duration::ZERO));
            let asks = spawn(move || other.claim());
            token.arm();
            ends.join().unwrap();
            let claimed = asks.join().unwrap();
            assert_eq!(u32::from(claimed) + u32::from(token.claim()), 1);
        });
    }
}
