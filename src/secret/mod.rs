//! How does a secret get from where the configuration says it is to where it is used? Read from its file or variable, never kept in a plan.
//!
//! A URL may be one, too: what [`url`] says of it never repeats it.

pub mod url;

use crate::file;
use pulsegate_core::plan::TokenSource;
use std::io::Read;

/// Longer ones are cut.
const MOST: u64 = 4096;

/// The secret without the blanks around it.
///
/// # Errors
/// Why it cannot be read, as a sentence.
pub fn read(source: &TokenSource) -> Result<String, String> {
    match source {
        TokenSource::File(path) => {
            let mut text = String::new();
            let read = file::read_with(path, |file| file.take(MOST).read_to_string(&mut text));
            read.map(|_| text.trim().to_owned()).map_err(|error| format!("{} cannot be read: {error}", path.display()))
        }
        TokenSource::Env(variable) => std::env::var(variable)
            .map(|text| text.trim().to_owned())
            .map_err(|_| format!("the variable {variable} is not set, or is no text")),
    }
}
