//! What do backends say of themselves in the storm? Documents that lie under a 200, degrade, drain, and tell too much.

use super::dice::Dice;
use pulsegate_core::health::document::{Component, Document, Leak, Meaning, Said};
use pulsegate_core::health::reading::{HttpAnswer, ReadingResult};
use pulsegate_core::plan::Vocabulary;

/// 8: it is down and answers 200; 9: it is degraded; 10: it wants no traffic.
pub fn answer(mood: u32, dice: &mut dyn Dice) -> ReadingResult {
    let (status, word, means) = match mood {
        8 => ([200, 200, 503][dice.below(3) as usize], "DOWN", Some(Meaning::Fail)),
        9 => (200, "DEGRADED", Some(Meaning::Degraded)),
        _ => ([200, 503][dice.below(2) as usize], "OUT_OF_SERVICE", Some(Meaning::Drain)),
    };
    let said = match dice.below(8) {
        0 => Said { word: "WOBBLY".to_owned(), means: None },
        1 => Said { word: "UP".to_owned(), means: Some(Meaning::Pass) },
        _ => Said { word: word.to_owned(), means },
    };
    let component = Component { name: "redis".to_owned(), said: said.clone(), message: None };
    let document = Document {
        vocabulary: Vocabulary::Plain,
        overall: (dice.below(4) > 0).then_some(said),
        components: vec![component],
        malformed: (dice.below(12) == 0).then(|| "ends in the middle".to_owned()),
        leaks: if dice.below(4) == 0 { vec![Leak::UrlCredentials] } else { Vec::new() },
        ..Document::default()
    };
    ReadingResult::Http(HttpAnswer { status, document: Some(Box::new(document)), ..HttpAnswer::default() })
}
