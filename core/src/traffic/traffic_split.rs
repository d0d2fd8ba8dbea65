//! Which upstream takes this request, where a route names several? By weight; one that has nobody to serve is passed over, so that a
//! canary that is down costs no client a request.

use crate::base::rng::Rng;
use crate::plan::Target;

/// One of `targets`, of those that serve, with probability ∝ weight; where none serves, of all. `None` where there is none.
pub fn choose(targets: &[Target], random: u64, serves: impl Fn(usize) -> bool) -> Option<usize> {
    match targets {
        [] => None,
        [only] => Some(only.upstream),
        several => {
            let serving: Vec<Target> = several.iter().copied().filter(|target| serves(target.upstream)).collect();
            draw(&serving, random).or_else(|| draw(several, random))
        }
    }
}

fn draw(targets: &[Target], random: u64) -> Option<usize> {
    let total: f64 = targets.iter().map(|target| f64::from(target.weight)).sum();
    let mut left = Rng::new(random).unit() * total;
    let found = targets.iter().find(|target| {
        left -= f64::from(target.weight);
        left < 0.0
    });
    found.map(|target| target.upstream)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CANARY: [Target; 2] = [Target { upstream: 0, weight: 90 }, Target { upstream: 1, weight: 10 }];

    fn shares(serves: impl Fn(usize) -> bool) -> [u32; 2] {
        let mut counts = [0; 2];
        for random in 0..10_000 {
            counts[choose(&CANARY, random, &serves).unwrap()] += 1;
        }
        counts
    }

    #[test]
    fn requests_are_spread_by_weight() {
        let [stable, canary] = shares(|_| true);
        assert!((8_700..9_300).contains(&stable) && stable + canary == 10_000, "{stable} {canary}");
    }

    #[test]
    fn an_upstream_that_cannot_serve_is_passed_over_unless_none_can() {
        assert_eq!(shares(|upstream| upstream == 0), [10_000, 0]);
        assert_eq!(shares(|upstream| upstream == 1), [0, 10_000]);
        assert!(shares(|_| false).iter().all(|count| *count > 0));
    }

    #[test]
    fn a_weight_of_zero_gets_nothing() {
        let targets = [Target { upstream: 0, weight: 0 }, Target { upstream: 1, weight: 1 }];
        assert!((0..1000).all(|random| choose(&targets, random, |_| true) == Some(1)));
        assert_eq!(choose(&[], 1, |_| true), None);
    }
}
