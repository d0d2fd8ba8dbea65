//! What follows from what a backend says of itself? The status code is the anchor: a document never makes a failing status pass, and a
//! passing status does not save a backend that says no.
//!
//! Where the status fails, the document adds the cause; one that asks for a drain with a 503 is a drain. Where it passes, the first of
//! these decides: a critical component that cannot serve; the word for the whole (without one, the worst component that counts); an
//! assertion that is broken. What cannot be understood, a word or all of it, is decided by its rule, and always told.

use super::components::{self, critical_failing, critical_missing, cut, only_ignored_offend, told};
use super::{Severity, Verdict};
use crate::health::document::{Document, Meaning};
use crate::plan::ProbeFailure;
use crate::plan::{DocumentPlan, OnMalformed, UnknownWord};

/// The verdict of the status, and what the document makes of it.
pub(super) fn weigh(status: u16, by_status: Verdict, document: &Document, rules: &DocumentPlan) -> Verdict {
    match by_status {
        Verdict::Pass { warning, .. } => {
            let mut said = Said::with(warning);
            said.hear(document, rules);
            said.verdict(status, told(document, rules, Meaning::Drain))
        }
        Verdict::Fail { kind, severity, why, hint } => {
            if status == 503
                && let Some(word) = asks_for_drain(document, rules)
            {
                return Verdict::Drain { why: format!("{why}: {word}") };
            }
            // A wrong path or a missing login has a hint, and its document is not about health.
            let cause = if hint.is_none() { cause(document, rules) } else { None };
            let why = cause.map_or_else(|| why.clone(), |cause| format!("{why}{cause}"));
            Verdict::Fail { kind, severity, why, hint }
        }
        drain @ Verdict::Drain { .. } => drain,
    }
}

/// `what` was answered ("a body beyond 65536 bytes") that cannot be read as a document.
pub(super) fn not_understood(status: u16, by_status: Verdict, what: &str, rules: &DocumentPlan) -> Verdict {
    let Verdict::Pass { warning, .. } = by_status else { return by_status };
    let mut said = Said::with(warning);
    said.hear_malformed(what, rules);
    said.verdict(status, None)
}

fn failed(why: String) -> Verdict {
    // It is alive and says so.
    Verdict::Fail { kind: ProbeFailure::Document, severity: Severity::NotReady, why, hint: None }
}

/// The word by which it asks for a drain, unless it cannot serve anyway.
fn asks_for_drain(document: &Document, rules: &DocumentPlan) -> Option<String> {
    let drains = document.malformed.is_none() && critical_failing(document, rules).is_none();
    match whole(document, rules) {
        Whole::Says(Meaning::Drain, word) if drains => Some(word),
        _ => None,
    }
}

/// Why the status fails, as the document tells it: the end of its sentence.
fn cause(document: &Document, rules: &DocumentPlan) -> Option<String> {
    let critical = critical_failing(document, rules).map(components::tell);
    if let Some(parts) = critical.or_else(|| told(document, rules, Meaning::Degraded)) {
        return Some(format!(": {parts}"));
    }
    let unknown: Vec<_> = components::counted(document, rules).filter(|one| one.said.means.is_none()).collect();
    match &document.overall {
        _ if !unknown.is_empty() => Some(format!(": {}", components::names(&unknown))),
        Some(said) if said.means == Some(Meaning::Pass) => Some(format!(", although it says {}", cut(&said.word))),
        Some(said) if !said.word.is_empty() => Some(format!(": {}", cut(&said.word))),
        _ => None,
    }
}

/// What it says of the whole.
enum Whole {
    Silent,
    Says(Meaning, String),
    /// A word that no list knows.
    Unknown(String),
}

/// By its own word, else by the worst component that counts.
fn whole(document: &Document, rules: &DocumentPlan) -> Whole {
    if let Some(said) = &document.overall {
        let word = cut(&said.word);
        return said.means.map_or_else(|| Whole::Unknown(word.clone()), |means| Whole::Says(means, word.clone()));
    }
    let worst =
        components::counted(document, rules).filter(|one| one.said.means.is_some()).max_by_key(|one| one.said.means);
    match worst.and_then(|one| Some((one.said.means?, one))) {
        Some((Meaning::Pass, _)) | None => Whole::Silent,
        Some((means, one)) => Whole::Says(means, format!("{} {}", cut(&one.name), cut(&one.said.word))),
    }
}

/// What was heard, before it is weighed.
#[derive(Default)]
struct Said {
    fails: Option<String>,
    drains: Option<String>,
    broken: Option<String>,
    degraded: Vec<String>,
    warnings: Vec<String>,
}

impl Said {
    fn with(warning: Option<String>) -> Self {
        Self { warnings: warning.into_iter().collect(), ..Self::default() }
    }

    /// What could be read of a malformed document counts against it, and its rule counts as well.
    fn hear(&mut self, document: &Document, rules: &DocumentPlan) {
        if let Some(component) = critical_failing(document, rules) {
            self.fails = Some(format!("its critical component fails: {}", components::tell(component)));
        }
        match &document.malformed {
            Some(why) => self.hear_malformed(&format!("a document that cannot be understood: {}", cut(why)), rules),
            None => self.miss(critical_missing(document, rules)),
        }
        self.hear_whole(document, rules);
        if document.overall.is_none() {
            self.hear_unknown_components(document, rules);
        }
        for broken in &document.broken_assertions {
            if broken.degrades {
                self.degraded.push(broken.why.clone());
            } else {
                self.broken.get_or_insert_with(|| broken.why.clone());
            }
        }
    }

    fn hear_malformed(&mut self, what: &str, rules: &DocumentPlan) {
        match rules.on_malformed {
            OnMalformed::Pass => {
                self.warnings.push(format!("answered with {what}; the status alone decides (on_malformed)"))
            }
            OnMalformed::Degraded => {
                self.degraded.push(format!("answered with {what} (on_malformed)"));
                self.warnings.push(format!("answered with {what}"));
            }
            OnMalformed::Fail => {
                self.fails.get_or_insert_with(|| format!("with {what} (on_malformed)"));
            }
        }
    }

    fn miss(&mut self, critical: Vec<&str>) {
        for name in critical {
            self.warnings.push(format!("its document names no component {name:?}, which is critical here"));
        }
    }

    fn hear_whole(&mut self, document: &Document, rules: &DocumentPlan) {
        match whole(document, rules) {
            Whole::Silent | Whole::Says(Meaning::Pass, _) => {}
            Whole::Says(means, word) if only_ignored_offend(document, rules, means) => {
                self.warnings.push(format!("says {word}, but only because of components that are ignored here"));
            }
            Whole::Says(Meaning::Degraded, word) => {
                self.degraded.push(with_parts(&word, told(document, rules, Meaning::Degraded)));
            }
            Whole::Says(Meaning::Drain, word) => self.drains = Some(word),
            Whole::Says(Meaning::Fail, word) => {
                let parts = told(document, rules, Meaning::Degraded);
                self.fails.get_or_insert_with(|| format!("it says {}", with_parts(&word, parts)));
            }
            Whole::Unknown(word) => self.hear_unknown(&format!("says {word:?}"), rules),
        }
    }

    /// Nothing speaks for the whole, so each component that counts does.
    fn hear_unknown_components(&mut self, document: &Document, rules: &DocumentPlan) {
        let unknown: Vec<_> = components::counted(document, rules).filter(|one| one.said.means.is_none()).collect();
        if !unknown.is_empty() {
            self.hear_unknown(&format!("says {}", components::names(&unknown)), rules);
        }
    }

    fn hear_unknown(&mut self, what: &str, rules: &DocumentPlan) {
        let what = format!("{what}, which no list of health words knows");
        match rules.unknown_word {
            UnknownWord::Pass => self.warnings.push(format!("{what}; the status alone decides (unknown_word)")),
            UnknownWord::Degraded => {
                self.degraded.push(format!("{what} (unknown_word)"));
                self.warnings.push(what);
            }
            UnknownWord::Fail => {
                self.fails.get_or_insert_with(|| format!("it {what} (unknown_word)"));
            }
        }
    }

    fn verdict(self, status: u16, failing: Option<String>) -> Verdict {
        if let Some(fails) = self.fails {
            return failed(format!("answered {status}, but {fails}"));
        }
        if let Some(word) = self.drains {
            return Verdict::Drain { why: format!("answered {status}, and says {word}") };
        }
        if let Some(broken) = self.broken {
            return failed(format!("answered {status}, but {broken}"));
        }
        let all = |words: Vec<String>| (!words.is_empty()).then(|| words.join("; "));
        // The application decided that the rest of it can serve.
        let note = failing.map(|parts| format!("passed, although {parts}"));
        Verdict::Pass { warning: all(self.warnings), degraded: all(self.degraded), note }
    }
}

/// "DOWN: redis DOWN (connection refused)"; without an own word for the whole, the worst component is in the list already.
fn with_parts(word: &str, parts: Option<String>) -> String {
    match parts {
        Some(parts) if parts.starts_with(word) => parts,
        Some(parts) => format!("{word}: {parts}"),
        None => word.to_owned(),
    }
}
