//! What follows from what a backend says of itself? The status code is the anchor: a document never makes a failing status pass, and a
//! passing status does not save a backend that says no.
//!
//! Where the status fails, the document adds the cause; one that asks for a drain with a 503 is a drain. Where it passes, the first of
//! these decides: a critical component that cannot serve; the word for the whole (without one, the worst component that counts); an
//! assertion that is broken. What cannot be understood, a word or all of it, is decided by its rule, and always told.

use super::components::{self, critical_failing, critical_missing, cut, only_ignored_offend, told};
use super::{ByStatus, Severity, Verdict};
use crate::health::document::{Document, Meaning};
use crate::health::reason::{
    Cause, Complaint, Degraded, NotUnderstood, Note, Parts, Reason, Remark, Says, Unknown, Warnings, Whole,
};
use crate::plan::ProbeFailure;
use crate::plan::{DocumentPlan, OnMalformed, UnknownWord};

/// The verdict of the status, and what the document makes of it.
pub(super) fn weigh(status: u16, by_status: ByStatus, document: &Document, rules: &DocumentPlan) -> Verdict {
    match by_status {
        ByStatus::Passes(remark) => {
            let mut heard = Heard::with(remark);
            heard.hear(document, rules);
            heard.verdict(status, told(document, rules, Meaning::Drain))
        }
        ByStatus::Fails(failed) => match asks_for_drain(document, rules) {
            Some(whole) if status == 503 => Verdict::Drain { why: failed.because(Some(Cause::Says(whole))) },
            // A wrong path or a missing login has a hint, and its document is not about health.
            _ if failed.hint().is_some() => failed.into_verdict(),
            _ => failed.told(cause(document, rules)),
        },
    }
}

/// A body beyond `cap` bytes cannot be read as a document.
pub(super) fn not_understood(status: u16, by_status: ByStatus, cap: usize, rules: &DocumentPlan) -> Verdict {
    match by_status {
        ByStatus::Fails(failed) => failed.into_verdict(),
        ByStatus::Passes(remark) => {
            let mut heard = Heard::with(remark);
            heard.hear_malformed(NotUnderstood::TooLarge { cap }, rules);
            heard.verdict(status, None)
        }
    }
}

/// What speaks for a drain, unless it cannot serve anyway.
fn asks_for_drain(document: &Document, rules: &DocumentPlan) -> Option<Whole> {
    let drains = document.malformed.is_none() && critical_failing(document, rules).is_none();
    match overall(document, rules) {
        Overall::Says(Meaning::Drain, whole) if drains => Some(whole),
        _ => None,
    }
}

/// Why the status fails, as the document tells it.
fn cause(document: &Document, rules: &DocumentPlan) -> Option<Cause> {
    let critical = critical_failing(document, rules).map(components::part);
    let critical = critical.map(|part| Parts { named: vec![part], more: 0 });
    if let Some(parts) = critical.or_else(|| told(document, rules, Meaning::Degraded)) {
        return Some(Cause::Parts(parts));
    }
    match (components::unknown(document, rules), &document.overall) {
        (Some(unknown), _) => Some(Cause::Unknown(unknown)),
        (None, Some(said)) if said.means == Some(Meaning::Pass) => Some(Cause::Although(cut(&said.word))),
        (None, Some(said)) if !said.word.is_empty() => Some(Cause::Says(Whole::Word(cut(&said.word)))),
        (None, _) => None,
    }
}

/// What it says of the whole.
enum Overall {
    Silent,
    Says(Meaning, Whole),
    /// A word that no list knows.
    Unknown(String),
}

/// By its own word, else by the worst component that counts.
fn overall(document: &Document, rules: &DocumentPlan) -> Overall {
    if let Some(said) = &document.overall {
        let word = cut(&said.word);
        return match said.means {
            Some(means) => Overall::Says(means, Whole::Word(word)),
            None => Overall::Unknown(word),
        };
    }
    let worst =
        components::counted(document, rules).filter(|one| one.said.means.is_some()).max_by_key(|one| one.said.means);
    match worst.and_then(|one| Some((one.said.means?, one))) {
        Some((Meaning::Pass, _)) | None => Overall::Silent,
        Some((means, one)) => Overall::Says(means, Whole::Worst { name: cut(&one.name), word: cut(&one.said.word) }),
    }
}

/// What was heard, before it is weighed.
#[derive(Default)]
struct Heard {
    fails: Option<Complaint>,
    drains: Option<Whole>,
    broken: Option<Complaint>,
    degraded: Vec<Degraded>,
    remarks: Vec<Remark>,
}

impl Heard {
    fn with(remark: Option<Remark>) -> Self {
        Self { remarks: remark.into_iter().collect(), ..Self::default() }
    }

    /// What could be read of a malformed document counts against it, and its rule counts as well.
    fn hear(&mut self, document: &Document, rules: &DocumentPlan) {
        self.fails = critical_failing(document, rules).map(|one| Complaint::Critical(components::part(one)));
        match &document.malformed {
            Some(why) => self.hear_malformed(NotUnderstood::Document(cut(why)), rules),
            None => self.miss(critical_missing(document, rules)),
        }
        self.hear_overall(document, rules);
        if let (None, Some(unknown)) = (&document.overall, components::unknown(document, rules)) {
            // Nothing speaks for the whole, so each component that counts does.
            self.hear_unknown(unknown, rules);
        }
        for broken in &document.broken_assertions {
            if broken.degrades {
                self.degraded.push(Degraded::Broken(broken.why.clone()));
            } else {
                self.broken.get_or_insert_with(|| Complaint::Broken(broken.why.clone()));
            }
        }
    }

    fn hear_malformed(&mut self, what: NotUnderstood, rules: &DocumentPlan) {
        match rules.on_malformed {
            OnMalformed::Pass => self.remarks.push(Remark::NotUnderstood { what, decides: true }),
            OnMalformed::Degraded => {
                self.degraded.push(Degraded::NotUnderstood(what.clone()));
                self.remarks.push(Remark::NotUnderstood { what, decides: false });
            }
            OnMalformed::Fail => {
                self.fails.get_or_insert(Complaint::NotUnderstood(what));
            }
        }
    }

    fn miss(&mut self, critical: Vec<&str>) {
        let missing = critical.into_iter().map(|name| Remark::CriticalMissing { name: name.to_owned() });
        self.remarks.extend(missing);
    }

    fn hear_overall(&mut self, document: &Document, rules: &DocumentPlan) {
        let with_parts = |whole| Says { whole, parts: told(document, rules, Meaning::Degraded) };
        match overall(document, rules) {
            Overall::Silent | Overall::Says(Meaning::Pass, _) => {}
            Overall::Says(means, whole) if only_ignored_offend(document, rules, means) => {
                self.remarks.push(Remark::OnlyIgnored { whole });
            }
            Overall::Says(Meaning::Degraded, whole) => self.degraded.push(Degraded::Says(with_parts(whole))),
            Overall::Says(Meaning::Drain, whole) => self.drains = Some(whole),
            Overall::Says(Meaning::Fail, whole) => {
                self.fails.get_or_insert_with(|| Complaint::Says(with_parts(whole)));
            }
            Overall::Unknown(word) => self.hear_unknown(Unknown::Whole(word), rules),
        }
    }

    fn hear_unknown(&mut self, what: Unknown, rules: &DocumentPlan) {
        match rules.unknown_word {
            UnknownWord::Pass => self.remarks.push(Remark::Unknown { what, decides: true }),
            UnknownWord::Degraded => {
                self.degraded.push(Degraded::Unknown(what.clone()));
                self.remarks.push(Remark::Unknown { what, decides: false });
            }
            UnknownWord::Fail => {
                self.fails.get_or_insert(Complaint::Unknown(what));
            }
        }
    }

    /// `failing`: components that the application can serve without, as it has decided.
    fn verdict(self, status: u16, failing: Option<Parts>) -> Verdict {
        // It is alive and says so.
        let fails = |complaint| Verdict::Fail {
            kind: ProbeFailure::Document,
            severity: Severity::NotReady,
            why: Reason::Document { status, complaint },
            hint: None,
        };
        match (self.fails, self.drains, self.broken) {
            (Some(complaint), ..) | (None, None, Some(complaint)) => fails(complaint),
            (None, Some(whole), _) => Verdict::Drain { why: Reason::Drains { status, whole } },
            (None, None, None) => Verdict::Pass {
                warning: Warnings::all(self.remarks),
                degraded: Degraded::all(self.degraded),
                note: failing.map(Note),
            },
        }
    }
}
