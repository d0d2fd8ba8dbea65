//! What was asked for on the command line?

use std::path::PathBuf;
use std::time::Duration;

pub const USAGE: &str =
    "[--rounds N] [--seconds N] [--rows ROW,ROW] [--only NAME,NAME] [--newer] [--write FILE] --pulsegate PATH";

#[derive(Debug)]
pub struct Options {
    pub pulsegate: String,
    pub rounds: usize,
    /// How long each cell is measured in each round.
    pub cell: Duration,
    /// Only these rows, by their keys.
    pub rows: Option<Vec<String>>,
    /// Only these gateways, by their names.
    pub only: Option<Vec<String>>,
    /// Envoy, Caddy, Traefik and bare pingora too, in the rows where they are stated.
    pub newer: bool,
    /// The document whose tables are renewed.
    pub write: Option<PathBuf>,
}

impl Options {
    pub fn of(words: &[&str]) -> Self {
        let mut options = Self {
            pulsegate: String::new(),
            rounds: 7,
            cell: Duration::from_secs(2),
            rows: None,
            only: None,
            newer: false,
            write: None,
        };
        let mut words = words.iter();
        while let Some(word) = words.next() {
            let mut value = || *words.next().unwrap_or_else(|| panic!("{word} wants a value; {USAGE}"));
            let names = |text: &str| Some(text.split(',').map(|name| name.trim().to_owned()).collect());
            match *word {
                "--pulsegate" => options.pulsegate = value().to_owned(),
                "--rounds" => options.rounds = value().parse().expect("--rounds: a number"),
                "--seconds" => {
                    options.cell = Duration::from_secs_f64(value().parse().expect("--seconds: a number"));
                }
                "--rows" => options.rows = names(value()),
                "--only" => options.only = names(value()),
                "--newer" => options.newer = true,
                "--write" => options.write = Some(value().into()),
                _ => panic!("{word} is not known here; {USAGE}"),
            }
        }
        let whole = options.rows.is_none() && options.only.is_none();
        assert!(whole || options.write.is_none(), "--write wants the whole table: not with --rows or --only");
        assert!(!options.pulsegate.is_empty(), "--pulsegate is missing: the path of the binary; {USAGE}");
        options
    }

    /// Whether a row of this key was asked for.
    pub fn wants_row(&self, key: &str) -> bool {
        self.rows.as_ref().is_none_or(|rows| rows.iter().any(|row| row == key))
    }
}
