//! Which of a listener's certificates answers to a name? An exact name before a wildcard, the first written before the others.
//!
//! Several certificates may have one name (an RSA and an ECDSA key): all of them are candidates, in the order in which they were
//! written, and the shell takes the first that the client can use. A client that asks for no name, or for one that nobody has, gets
//! the first certificate, or none where the listener is strict.

use std::collections::BTreeMap;

/// The names of a listener's certificates.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    exact: BTreeMap<String, Vec<usize>>,
    /// By what follows `*.`: a wildcard stands for one label (RFC 9525 §6.3).
    wildcard: BTreeMap<String, Vec<usize>>,
    /// For everybody else.
    default: Vec<usize>,
}

impl Names {
    /// `certificates`: the names of each, as they stand in it. `strict`: nobody is answered whose name no certificate has.
    pub fn new(certificates: &[&[String]], strict: bool) -> Self {
        let mut names = Self::default();
        for (index, certificate) in certificates.iter().enumerate() {
            for name in *certificate {
                let name = normal(name);
                let (table, key) = match name.strip_prefix("*.") {
                    Some(domain) => (&mut names.wildcard, domain.to_owned()),
                    None => (&mut names.exact, name),
                };
                let candidates = table.entry(key).or_default();
                if !candidates.contains(&index) {
                    candidates.push(index);
                }
            }
            // One with the same names as the first is its twin with another kind of key.
            if !strict && certificates.first() == Some(certificate) {
                names.default.push(index);
            }
        }
        names
    }

    /// The certificates that may answer, best first; none: the handshake is refused.
    pub fn candidates(&self, asked: Option<&str>) -> &[usize] {
        let Some(asked) = asked.map(normal) else { return &self.default };
        let wildcard = || asked.split_once('.').and_then(|(_, domain)| self.wildcard.get(domain));
        self.exact.get(&asked).or_else(wildcard).unwrap_or(&self.default)
    }
}

fn normal(name: &str) -> String {
    name.trim_end_matches('.').to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(certificates: &[&[&str]], strict: bool) -> Names {
        let owned: Vec<Vec<String>> =
            certificates.iter().map(|names| names.iter().map(|&name| name.to_owned()).collect()).collect();
        let borrowed: Vec<&[String]> = owned.iter().map(Vec::as_slice).collect();
        Names::new(&borrowed, strict)
    }

    #[test]
    fn certificates_answer_to_their_names() {
        let certificates: &[&[&str]] = &[
            &["default.test"],
            &["*.shop.test", "shop.test"],
            &["pay.shop.test", "Pay.Example"],
            &["*.shop.test"],
            &["*.deep.shop.test"],
        ];
        let relaxed = names(certificates, false);
        let strict = names(certificates, true);
        for (asked, answers, strictly) in [
            (Some("default.test"), &[0][..], &[0][..]),
            (Some("shop.test"), &[1], &[1]),
            (Some("www.shop.test"), &[1, 3], &[1, 3]),
            // The exact name wins, wherever it is written.
            (Some("pay.shop.test"), &[2], &[2]),
            (Some("PAY.shop.TEST"), &[2], &[2]),
            (Some("pay.example"), &[2], &[2]),
            (Some("pay.example."), &[2], &[2]),
            (Some("a.deep.shop.test"), &[4], &[4]),
            // A wildcard is one label, no more and no less.
            (Some("a.b.shop.test"), &[0], &[]),
            (Some("deep.test"), &[0], &[]),
            (Some("unknown.test"), &[0], &[]),
            (Some("test"), &[0], &[]),
            (Some(""), &[0], &[]),
            (Some("*.shop.test"), &[1, 3], &[1, 3]),
            (None, &[0], &[]),
        ] {
            assert_eq!(relaxed.candidates(asked), answers, "{asked:?}");
            assert_eq!(strict.candidates(asked), strictly, "{asked:?}, strictly");
        }
    }

    #[test]
    fn twins_of_the_default_answer_with_it() {
        let twins = names(&[&["a.test", "b.test"], &["a.test"], &["a.test", "b.test"]], false);
        assert_eq!(twins.candidates(None), [0, 2]);
        assert_eq!(twins.candidates(Some("a.test")), [0, 1, 2]);
        assert_eq!(twins.candidates(Some("b.test")), [0, 2]);
    }

    #[test]
    fn a_name_that_stands_twice_in_a_certificate_counts_once() {
        assert_eq!(names(&[&["a.test", "A.test"]], true).candidates(Some("a.test")), [0]);
    }
}
