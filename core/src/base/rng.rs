//! Where does the core's randomness come from? From a seed that the caller hands in.
//!
//! SplitMix64 (Steele, Lea, Flood, 2014): one multiply-xorshift chain per draw, equidistributed over 64 bits, and any
//! seed is a good seed. Not for secrets.

/// A stream of 64-bit draws.
#[derive(Clone, Debug)]
pub struct Rng(u64);

impl Rng {
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The stream of a name under a seed: whoever draws from another name's stream shifts nothing in it.
    pub fn of(seed: u64, name: &str) -> Self {
        Self(mix(mix(seed) ^ hash_bytes(name.as_bytes())))
    }

    /// A stream for one decision, however many draws that takes.
    pub fn fork(&mut self) -> Self {
        Self(self.next_u64())
    }

    pub fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        mix(self.0)
    }

    /// A whole number in `0..bound`; 0 when `bound` is 0. The bias (below 2⁻³²) is of no matter here.
    pub fn below(&mut self, bound: u32) -> u32 {
        ((u128::from(self.next_u64()) * u128::from(bound)) >> 64) as u32
    }

    /// A number in `0.0..1.0`.
    pub fn unit(&mut self) -> f64 {
        (self.next_u64() >> 11) as f64 / (1u64 << 53) as f64
    }
}

/// SplitMix64's finaliser: turns a counter or a weak hash into well-spread bits.
pub const fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// FNV-1a over bytes, then [`mix`]: a stable hash for rings and identities, the same on every machine and in every run.
pub fn hash_bytes(bytes: &[u8]) -> u64 {
    let fnv = bytes.iter().fold(0xCBF2_9CE4_8422_2325u64, |h, b| (h ^ u64::from(*b)).wrapping_mul(0x0100_0000_01B3));
    mix(fnv)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draws(mut rng: Rng) -> Vec<u64> {
        (0..100).map(|_| rng.next_u64()).collect()
    }

    #[test]
    fn a_stream_is_told_by_its_seed_and_its_name() {
        let stream = draws(Rng::of(1, "orders"));
        assert_eq!(stream, draws(Rng::of(1, "orders")));
        let others = [Rng::of(2, "orders"), Rng::of(1, "users"), Rng::of(0, ""), Rng::new(1)].map(draws);
        for other in others {
            assert!(!other.iter().any(|draw| stream.contains(draw)));
        }
    }

    #[test]
    fn a_fork_takes_one_draw_of_its_stream() {
        let (mut one, mut other) = (Rng::new(7), Rng::new(7));
        one.fork().unit();
        assert_eq!(draws(other.fork()).len(), 100);
        assert_eq!(draws(one), draws(other));
    }

    /// The reference implementation's first draws.
    #[test]
    fn draws_are_those_of_splitmix64() {
        let mut rng = Rng::new(1_234_567);
        for expected in [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423] {
            assert_eq!(rng.next_u64(), expected);
        }
    }

    #[test]
    fn whole_numbers_lie_below_their_bound_and_reach_all_of_it() {
        let mut rng = Rng::new(1);
        for bound in [0, 1, 2, 3, 10] {
            let mut seen = vec![0_u32; bound.max(1) as usize];
            (0..1000).for_each(|_| seen[rng.below(bound) as usize] += 1);
            let fair = 1000 / bound.max(1);
            assert!(seen.iter().all(|count| count.abs_diff(fair) <= 60), "{bound}: {seen:?}");
        }
        assert!((0..1000).any(|_| rng.below(u32::MAX) > u32::MAX / 2));
    }

    #[test]
    fn parts_lie_below_one() {
        let mut rng = Rng::new(42);
        let mean =
            (0..10_000).map(|_| rng.unit()).inspect(|part| assert!((0.0..1.0).contains(part))).sum::<f64>() / 1e4;
        assert!((0.49..0.51).contains(&mean), "{mean}");
    }

    /// Rings and identities of all gateways before one pool must be the same.
    #[test]
    fn hashes_are_the_same_everywhere_and_for_ever() {
        for (text, hash) in [
            ("", mix(0xCBF2_9CE4_8422_2325)),
            ("a", mix(0xAF63_DC4C_8601_EC8C)),
            ("foobar", mix(0x8594_4171_F739_67E8)),
        ] {
            assert_eq!(hash_bytes(text.as_bytes()), hash, "{text:?}");
        }
    }
}
