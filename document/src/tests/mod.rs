//! Documents as they come: answers of real libraries, documents of libraries that are not there, broken ones, and noise.

mod broken;
mod payloads;
mod rules;
mod secrets;
mod vocabularies;

use super::read;
use pulsegate_core::health::document::{Document, Meaning};
use pulsegate_core::plan::DocumentPlan;

fn plainly(body: &str) -> Document {
    read(body.as_bytes(), None, &DocumentPlan::default())
}

/// `+` pass, `~` degraded, `>` drain, `-` fail, `?` a word that no list knows.
fn sign(means: Option<Meaning>) -> char {
    match means {
        Some(Meaning::Pass) => '+',
        Some(Meaning::Degraded) => '~',
        Some(Meaning::Drain) => '>',
        Some(Meaning::Fail) => '-',
        None => '?',
    }
}

/// What was understood, in one line: vocabulary, the whole, the parts.
fn shown(document: &Document) -> String {
    let whole = document.overall.as_ref().map_or("".to_owned(), |said| format!(" {}{}", sign(said.means), said.word));
    let parts = document.components.iter().map(|part| format!(" {}{}", sign(part.said.means), part.name));
    format!("{:?}{whole} |{}", document.vocabulary, parts.collect::<String>())
}
