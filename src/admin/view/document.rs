//! What does a backend say of itself? Its readiness document as it was understood, with every word beside what it means here.

use pulsegate_core::health::document::{Document as Understood, Said};
use serde::Serialize;

#[derive(Clone, Debug, Serialize)]
pub struct Document {
    pub vocabulary: &'static str,
    /// `null`: it has no word for the whole.
    pub status: Option<Word>,
    /// What it says of the whole in free words.
    pub message: Option<String>,
    pub components: Vec<Component>,
    /// How many components are not listed.
    pub left_out: u32,
    /// Assertions of the configuration that do not hold.
    pub broken_assertions: Vec<String>,
    /// Why it could not be understood.
    pub malformed: Option<String>,
}

#[derive(Clone, Debug, Serialize)]
pub struct Component {
    pub name: String,
    #[serde(flatten)]
    pub said: Word,
    pub message: Option<String>,
}

#[derive(Clone, Debug, Serialize)]
pub struct Word {
    pub word: String,
    /// `pass`, `degraded`, `drain`, `fail`; `null`: no list knows the word.
    pub means: Option<&'static str>,
}

pub fn document(understood: &Understood) -> Document {
    let component = |component: &pulsegate_core::health::document::Component| Component {
        name: component.name.clone(),
        said: word(&component.said),
        message: component.message.clone(),
    };
    Document {
        vocabulary: understood.vocabulary.word(),
        status: understood.overall.as_ref().map(word),
        message: understood.message.as_deref().map(str::to_owned),
        left_out: understood.left_out,
        components: understood.components.iter().map(component).collect(),
        broken_assertions: understood.broken_assertions.iter().map(|broken| broken.why.clone()).collect(),
        malformed: understood.malformed.clone(),
    }
}

fn word(said: &Said) -> Word {
    Word { word: said.word.clone(), means: said.means.map(pulsegate_core::health::document::Meaning::word) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pulsegate_core::health::document::{BrokenAssertion, Component, Meaning};
    use pulsegate_core::plan::Vocabulary;
    use serde_json::json;

    #[test]
    fn every_word_stands_beside_what_it_means() {
        let said = |word: &str, means| Said { word: word.to_owned(), means };
        let component = |name: &str, said, message: Option<&str>| Component {
            name: name.to_owned(),
            said,
            message: message.map(str::to_owned),
        };
        let understood = Understood {
            vocabulary: Vocabulary::Plain,
            overall: Some(said("UP", Some(Meaning::Pass))),
            components: vec![
                component("redis", said("DOWN", Some(Meaning::Fail)), Some("refused")),
                component("disk", said("WOBBLY", None), None),
            ],
            broken_assertions: vec![BrokenAssertion { why: "too deep".to_owned(), degrades: true }],
            left_out: 2,
            ..Understood::default()
        };
        let expected = json!({
            "vocabulary": "plain",
            "status": { "word": "UP", "means": "pass" },
            "message": null,
            "left_out": 2,
            "components": [
                { "name": "redis", "word": "DOWN", "means": "fail", "message": "refused" },
                { "name": "disk", "word": "WOBBLY", "means": null, "message": null },
            ],
            "broken_assertions": ["too deep"],
            "malformed": null,
        });
        assert_eq!(serde_json::to_value(document(&understood)).unwrap(), expected);
    }
}
