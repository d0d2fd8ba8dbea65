//! How does text from strangers get into a line without breaking it?
//!
//! A value in a text line is written bare where it is harmless, else quoted, with control characters and line ends of every kind as
//! escapes. So no client can start a line of its own, end a field early or send codes to somebody's terminal.

/// Appends `key=`, with a space in front where it is not the first of its line.
pub fn key(line: &mut String, key: &str) {
    if !line.is_empty() && !line.ends_with('\n') {
        line.push(' ');
    }
    line.push_str(key);
    line.push('=');
}

/// Appends `key=value`; see [`key`].
pub fn pair(line: &mut String, key: &str, value: &str) {
    self::key(line, key);
    if bare(value) {
        line.push_str(value);
    } else {
        line.push('"');
        text(line, value);
        line.push('"');
    }
}

/// Appends `value` with everything unprintable escaped, quotes left alone: for the message of a line.
pub fn control(line: &mut String, value: &str) {
    for c in value.chars() {
        if unprintable(c) {
            line.extend(c.escape_default());
        } else {
            line.push(c);
        }
    }
}

/// Appends `value` with quotes, backslashes and everything unprintable escaped.
pub fn text(line: &mut String, value: &str) {
    for c in value.chars() {
        match c {
            '"' | '\\' => line.extend(['\\', c]),
            _ if unprintable(c) => line.extend(c.escape_default()),
            _ => line.push(c),
        }
    }
}

/// `value` on one line, for messages: what is unprintable is a blank, blanks in a row are one, and what is longer than `most` characters is cut.
pub fn one_line(value: &str, most: usize) -> String {
    let blank = |c: char| if unprintable(c) { ' ' } else { c };
    let printable: String = value.chars().take(4 * most).map(blank).collect();
    let line = printable.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

fn bare(value: &str) -> bool {
    let harmless = |c: char| !matches!(c, ' ' | '"' | '=' | '\\') && !unprintable(c);
    !value.is_empty() && value.chars().all(harmless)
}

/// Control characters, line and paragraph separators, and the marks that reorder text on a screen.
fn unprintable(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{2028}' | '\u{2029}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(value: &str) -> String {
        let mut line = String::new();
        pair(&mut line, "k", value);
        line
    }

    #[test]
    fn harmless_values_stay_bare() {
        assert_eq!(written("/orders/7?x"), "k=/orders/7?x");
        assert_eq!(written("größe"), "k=größe");
    }

    #[test]
    fn a_value_cannot_leave_its_field() {
        assert_eq!(written(""), r#"k="""#);
        assert_eq!(written("a b=c"), r#"k="a b=c""#);
        assert_eq!(written(r#"say "hi" \o/"#), r#"k="say \"hi\" \\o/""#);
    }

    #[test]
    fn a_value_cannot_start_a_line_or_talk_to_a_terminal() {
        assert_eq!(written("x\r\nstatus=200"), r#"k="x\r\nstatus=200""#);
        assert_eq!(written("\u{1b}[2J\u{2028}\u{202e}\u{85}"), r#"k="\u{1b}[2J\u{2028}\u{202e}\u{85}""#);
    }

    #[test]
    fn a_message_is_one_line_of_bounded_length() {
        assert_eq!(one_line(" a\r\n\u{1b}b  \u{202e}c ", 10), "a b c");
        assert_eq!(one_line("äöüß", 3), "äöü…");
        assert_eq!(one_line("", 3), "");
    }

    #[test]
    fn pairs_are_separated_by_one_space() {
        let mut line = String::new();
        pair(&mut line, "a", "1");
        pair(&mut line, "b", "2");
        assert_eq!(line, "a=1 b=2");
        line.push('\n');
        pair(&mut line, "a", "\n");
        assert_eq!(line, "a=1 b=2\na=\"\\n\"");
    }
}
