//! What is written down, and how? The process's log and the access log.

use super::{share, size};
use crate::config::files::{Findings, Place};
use crate::config::schema::{AccessFormatSpec, AccessHowSpec, AccessSpec, FormatSpec, LoggingSpec};
use crate::config::values::Words;
use crate::config::vocabulary::nearest;
use pulsegate_core::plan::access_log::{Field, Flaw, Mistake, Template};
use pulsegate_core::plan::{AccessFile, AccessForm, AccessPlan, LogFormat, LoggingPlan, Redacted};
use std::path::Path;

pub(super) fn compile(spec: &LoggingSpec, base: &Path, place: &Place, findings: &mut Findings) -> LoggingPlan {
    let default = LoggingPlan::of(spec.format.map_or_else(LogFormat::default, FormatSpec::plan));
    let usual = AccessPlan::plain(default.format.into());
    LoggingPlan {
        level: spec.level.map_or(default.level, |level| level.word().to_owned()),
        format: default.format,
        access: match &spec.access {
            None => default.access,
            Some(AccessSpec::Switch(on)) => on.then_some(usual),
            Some(AccessSpec::How(how)) => Some(access(how, usual, base, &place.at("access"), findings)),
        },
    }
}

fn access(spec: &AccessHowSpec, usual: AccessPlan, base: &Path, place: &Place, findings: &mut Findings) -> AccessPlan {
    let form = form(spec, usual.form, place, findings);
    let headers = names(spec.headers.as_ref(), usual.headers);
    if !headers.is_empty() && !matches!(form, AccessForm::Text | AccessForm::Json) {
        findings.error(
            &place.at("headers"),
            "headers for a line whose form is fixed",
            "`headers` with `format: text` or `json`; `{header:NAME}` in a template",
        );
    }
    if spec.file.is_none() {
        for (key, written) in [("max_size", spec.max_size.is_some()), ("keep", spec.keep.is_some())] {
            if written {
                findings.error(&place.at(key), format!("`{key}` without `file`"), "both, or none: stdout has no size");
            }
        }
    }
    let file = spec.file.as_ref().map(|path| {
        let default = AccessFile::at(base.join(path));
        AccessFile {
            max_size: size(spec.max_size, default.max_size),
            keep: spec.keep.unwrap_or(default.keep),
            ..default
        }
    });
    AccessPlan {
        form,
        sample: share(spec.sample, usual.sample),
        file,
        query: spec.query,
        headers,
        redacted: Redacted {
            headers: names(spec.redact_headers.as_ref(), usual.redacted.headers),
            query: names(spec.redact_query.as_ref(), usual.redacted.query),
        },
    }
}

fn form(spec: &AccessHowSpec, usual: AccessForm, place: &Place, findings: &mut Findings) -> AccessForm {
    let format = spec.format.map(|format| match format {
        AccessFormatSpec::Text => AccessForm::Text,
        AccessFormatSpec::Json => AccessForm::Json,
        AccessFormatSpec::Common => AccessForm::Common,
        AccessFormatSpec::Combined => AccessForm::Combined,
    });
    match (format, &spec.template) {
        (Some(_), Some(_)) => {
            findings.error(&place.at("template"), "`format` and `template` together", "one of them");
            usual
        }
        (format, None) => format.unwrap_or(usual),
        (None, Some(text)) => match Template::parse(text) {
            Ok(template) => AccessForm::Template(template),
            Err(mistake) => {
                tell(&mistake, &place.at("template"), findings);
                usual
            }
        },
    }
}

fn tell(mistake: &Mistake, place: &Place, findings: &mut Findings) {
    let known = Field::ALL.map(|(name, _)| name);
    let fields = known.map(|name| format!("{{{name}}}")).join(" ");
    let (found, allowed) = match &mistake.flaw {
        Flaw::Unclosed => ("a `{` that no `}` closes".to_owned(), "`{name}`; a brace itself is written `{{`"),
        Flaw::Unopened => ("a `}` that no `{` opens".to_owned(), "`{name}`; a brace itself is written `}}`"),
        Flaw::Control => ("a line break or another control character".to_owned(), "one line"),
        Flaw::NoHeader(name) => (format!("{name:?}, which is no name of a header"), "such as `{header:user-agent}`"),
        Flaw::UnknownField(name) => (format!("`{{{name}}}`, which is no field"), &*format!("{fields} {{header:NAME}}")),
    };
    let hint = match &mistake.flaw {
        Flaw::UnknownField(name) => nearest(name, &known).map(|name| format!("did you mean `{{{name}}}`?")),
        _ => None,
    };
    findings.hinted(place, format!("at character {}: {found}", mistake.at), allowed, hint);
}

fn names(written: Option<&Words>, usual: Vec<String>) -> Vec<String> {
    written.map_or(usual, |words| words.0.iter().map(|word| word.to_ascii_lowercase()).collect())
}

#[cfg(test)]
mod tests {
    use crate::config::load_text;
    use pulsegate_core::plan::access_log::{Field, Part, Template};
    use pulsegate_core::plan::{AccessForm, AccessPlan, LoggingPlan};
    use std::path::Path;

    fn read(logging: &str) -> Result<LoggingPlan, String> {
        let yaml = format!(
            "listeners: [{{ address: \"127.0.0.1:1\" }}]\nroutes: [{{ respond: {{ body: x }} }}]\nlogging:\n  {logging}\n"
        );
        let loaded = load_text(&yaml, Path::new("/etc/pulsegate"));
        loaded.map(|loaded| loaded.plan.logging).map_err(|diagnostics| diagnostics[0].to_string())
    }

    fn access(how: &str) -> AccessPlan {
        read(&format!("access: {{ {how} }}")).unwrap().access.unwrap()
    }

    #[test]
    fn a_switch_or_a_mapping() {
        assert_eq!(read("level: warn").unwrap().access, Some(AccessPlan::plain(AccessForm::Text)));
        assert_eq!(read("format: json").unwrap().access, Some(AccessPlan::plain(AccessForm::Json)));
        assert_eq!(read("access: true").unwrap().access, Some(AccessPlan::plain(AccessForm::Text)));
        for off in ["access: false", "access: off"] {
            assert_eq!(read(off).unwrap().access, None);
        }
        assert_eq!(access("format: combined").form, AccessForm::Combined);
    }

    #[test]
    fn written_keys_of_the_access_log_are_in_force() {
        let plan = access("sample: 10%, file: a.log, max_size: 1MiB, keep: 2, query: true, redact_query: [PIN]");
        assert_eq!((plan.sample, plan.query), (0.1, true));
        let file = plan.file.unwrap();
        assert_eq!((file.path.to_str(), file.max_size, file.keep), (Some("/etc/pulsegate/a.log"), 1 << 20, 2));
        assert_eq!(plan.redacted.query, ["pin"]);
        assert!(plan.redacted.headers.contains(&"authorization".to_owned()));
        let template = access("template: \"{status} {header:X-A}\"").form;
        let parts = vec![Part::Field(Field::Status), Part::Text(" ".into()), Part::Header("x-a".into())];
        assert_eq!(template, AccessForm::Template(Template(parts)));
    }

    #[test]
    fn a_mistake_has_its_place_and_what_is_allowed() {
        for (written, told) in [
            ("template: \"{client} {upsteam}\"", "at character 10: `{upsteam}`, which is no field"),
            ("template: \"{client} {upsteam}\"", "did you mean `{upstream}`?"),
            ("template: \"{client\"", "at character 1: a `{` that no `}` closes"),
            ("template: \"x\", format: json", "one of them"),
            ("format: xml", "text, json, common, combined"),
            ("max_size: 1MiB", "`max_size` without `file`"),
            ("format: common, headers: [a]", "format: text"),
            ("sample: 2", "a share from 0% to 100%"),
            ("smaple: 10%", "did you mean `sample`?"),
        ] {
            let error = read(&format!("access: {{ {written} }}")).unwrap_err();
            assert!(error.contains(told), "{written}: {error}");
        }
    }
}
