//! How does an explanation fit one screen? Titles at the left, text beside them, folded and bounded.
//!
//! Whatever backends said is in it: nothing unprintable gets through, and nothing makes it longer than a screen.

use crate::telemetry::escape;

/// Columns of a line.
const WIDTH: usize = 100;
/// Lines of a screen.
const HEIGHT: usize = 40;
/// Where the text begins.
const INDENT: usize = 10;

#[derive(Debug, Default)]
pub(super) struct Page {
    lines: Vec<String>,
}

impl Page {
    /// A line without a title, folded.
    pub(super) fn head(&mut self, text: &str) {
        self.lines.extend(fold(&clean(text), WIDTH));
        self.lines.push(String::new());
    }

    /// A paragraph of at most so many lines; what is longer is cut.
    pub(super) fn entry(&mut self, title: &str, text: &str, lines: usize) {
        let mut folded = fold(&clean(text), WIDTH - INDENT);
        if folded.len() > lines {
            folded.truncate(lines);
            if let Some(last) = folded.last_mut() {
                let kept: String = last.chars().take(WIDTH - INDENT - 2).collect();
                *last = format!("{kept} …");
            }
        }
        for (number, line) in folded.iter().enumerate() {
            let title = if number == 0 { title } else { "" };
            self.lines.push(format!("{title:<INDENT$}{line}").trim_end().to_owned());
        }
    }

    /// One paragraph per text under one title.
    pub(super) fn entries(&mut self, title: &str, texts: impl IntoIterator<Item = String>, lines: usize) {
        for (number, text) in texts.into_iter().enumerate() {
            self.entry(if number == 0 { title } else { "" }, &text, lines);
        }
    }

    pub(super) fn finished(mut self) -> String {
        if self.lines.len() > HEIGHT {
            self.lines.truncate(HEIGHT - 1);
            self.lines.push("… more in the JSON form".to_owned());
        }
        self.lines.join("\n") + "\n"
    }
}

fn clean(text: &str) -> String {
    let mut clean = String::new();
    escape::control(&mut clean, text);
    clean
}

/// Broken between words; a word that is longer than a line is broken where the line ends.
fn fold(text: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    let mut length = 0;
    for word in text.split(' ') {
        let size = word.chars().count();
        if length > 0 && length + 1 + size > width {
            lines.push(std::mem::take(&mut line));
            length = 0;
        }
        if length > 0 {
            line.push(' ');
            length += 1;
        }
        for c in word.chars() {
            if length == width {
                lines.push(std::mem::take(&mut line));
                length = 0;
            }
            line.push(c);
            length += 1;
        }
    }
    lines.push(line);
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_texts_are_folded_and_cut() {
        let mut page = Page::default();
        page.entry("Why", &"word ".repeat(100), 3);
        page.entry("", &"x".repeat(1_000), 2);
        page.entries("", (0..100).map(|number| number.to_string()), 1);
        let text = page.finished();
        assert!(text.lines().count() == HEIGHT && text.lines().all(|line| line.chars().count() <= WIDTH), "{text}");
        assert!(text.starts_with("Why       word word"), "{text}");
        assert!(text.ends_with("… more in the JSON form\n"), "{text}");
    }

    #[test]
    fn nothing_talks_to_the_terminal() {
        let mut page = Page::default();
        page.entry("Why", "a\u{1b}[2Jb\r\nc\u{202e}d\te", 3);
        assert_eq!(page.finished(), "Why       a\\u{1b}[2Jb\\r\\nc\\u{202e}d\\te\n");
    }
}
