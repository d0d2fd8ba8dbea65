//! How is a readiness document read? The rules of one probe, and rules that have no effect.

use super::share;
use crate::config::files::{Findings, Place};
use crate::config::schema::{
    AssertSpec, DocumentRulesSpec, DocumentSpec, OtherwiseSpec, ProbeSpec, UnclearSpec, VocabularySpec,
};
use crate::config::words::not_exactly_one;
use pulsegate_core::plan::{Assertion, Condition, DocumentPlan, ProbeKind, Vocabulary};

/// The rules for an HTTP probe; `None`: only its status counts. `method` in upper case. Of itself only readiness is read: whether a process
/// must be restarted, no guess at a word decides.
pub(super) fn compile(
    kind: ProbeKind,
    spec: &ProbeSpec,
    method: &str,
    place: &Place,
    findings: &mut Findings,
) -> Option<DocumentPlan> {
    let plan = match &spec.document {
        Some(DocumentSpec::Off) => None,
        None if !kind.reads_documents() => None,
        None | Some(DocumentSpec::Auto) => Some(DocumentPlan::default()),
        Some(DocumentSpec::Rules(written)) => Some(rules(written, &place.at("document"), findings)),
    };
    if method != "HEAD" {
        return plan;
    }
    if matches!(spec.document, Some(DocumentSpec::Auto | DocumentSpec::Rules(_))) {
        let found = "rules for a document, with `method: HEAD`";
        findings.warning(&place.at("document"), found, "they have no effect: an answer to HEAD has no document");
    }
    None
}

/// A TCP probe gets no document, and a gRPC check has words of its own.
pub(super) fn without_http(spec: &ProbeSpec, place: &Place, findings: &mut Findings) {
    if matches!(spec.document, Some(DocumentSpec::Auto | DocumentSpec::Rules(_))) {
        let found = "rules for a document, with a probe by TCP or gRPC";
        findings.warning(&place.at("document"), found, "they have no effect: only an answer of HTTP is one");
    }
}

fn rules(spec: &DocumentRulesSpec, place: &Place, findings: &mut Findings) -> DocumentPlan {
    for name in spec.critical.iter().filter(|name| spec.ignore.contains(name)) {
        findings.warning(
            &place.at("critical"),
            format!("{name:?}, which `ignore` names too"),
            "it counts for nothing, so that it is critical has no effect",
        );
    }
    for (key, names) in [("critical", &spec.critical), ("ignore", &spec.ignore)] {
        if names.iter().any(|name| name.trim().is_empty()) {
            findings.error(
                &place.at(key),
                "a component without a name",
                "names as the document writes them, such as db",
            );
        }
    }
    let default = DocumentPlan::default();
    let degraded_share = share(spec.degraded.weight, default.degraded_share);
    if degraded_share <= 0.0 {
        let allowed = "more than 0% (a backend that must get nothing while it is degraded should say DOWN)";
        findings.error(&place.at("degraded.weight"), "0%", allowed);
    }
    let written = spec.assert.iter().enumerate();
    DocumentPlan {
        vocabulary: spec.format.map(vocabulary),
        critical: spec.critical.clone(),
        ignore: spec.ignore.clone(),
        degraded_share,
        unknown_word: spec.unknown_word.map_or(default.unknown_word, UnclearSpec::unknown_word),
        on_malformed: spec.on_malformed.map_or(default.on_malformed, UnclearSpec::on_malformed),
        assertions: written
            .filter_map(|(index, spec)| assertion(spec, &place.at(&format!("assert.{index}")), findings))
            .collect(),
    }
}

const fn vocabulary(format: VocabularySpec) -> Vocabulary {
    match format {
        VocabularySpec::Plain => Vocabulary::Plain,
        VocabularySpec::Spring => Vocabulary::Spring,
        VocabularySpec::Microprofile => Vocabulary::Microprofile,
        VocabularySpec::Aspnet => Vocabulary::Aspnet,
        VocabularySpec::Ietf => Vocabulary::Ietf,
        VocabularySpec::Kubernetes => Vocabulary::Kubernetes,
    }
}

fn assertion(spec: &AssertSpec, place: &Place, findings: &mut Findings) -> Option<Assertion> {
    if let Err(error) = pulsegate_document::check_path(&spec.path) {
        findings.error(
            &place.at("path"),
            format!("{:?}, {error}", spec.path),
            "a JSONPath (RFC 9535), such as $.queue.depth",
        );
    }
    let equals = |text: &Option<crate::config::schema::ScalarSpec>| text.as_ref().map(|scalar| scalar.0.clone());
    let conditions = [
        ("below", spec.below.map(Condition::Below)),
        ("at_most", spec.at_most.map(Condition::AtMost)),
        ("above", spec.above.map(Condition::Above)),
        ("at_least", spec.at_least.map(Condition::AtLeast)),
        ("equals", equals(&spec.equals).map(Condition::Equals)),
        ("not_equals", equals(&spec.not_equals).map(Condition::NotEquals)),
        ("present", spec.present.then_some(Condition::Present)),
        ("absent", spec.absent.then_some(Condition::Absent)),
    ];
    let given = conditions.each_ref().map(|(name, condition)| (*name, condition.is_some()));
    if let Some(found) = not_exactly_one(&given) {
        findings.error(place, found, "exactly one of them");
        return None;
    }
    let is = conditions.into_iter().find_map(|(_, condition)| condition)?;
    let default = Assertion::of(&spec.path, is);
    let degrades = spec.otherwise.map_or(default.degrades, |otherwise| matches!(otherwise, OtherwiseSpec::Degraded));
    Some(Assertion { degrades, ..default })
}
