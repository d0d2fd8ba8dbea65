//! Does a command print what the document shows? The commands of a `console` block and the comparison.
//!
//! `…` in the shown output stands for anything, line ends included. In a block marked `vary` numbers are not compared: they are those of
//! one run.

/// One command and what it shall print.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    pub command: String,
    pub output: String,
}

/// The commands of a `console` block: lines that begin with `$ `, continued while they end in a backslash.
pub fn shown(block: &str) -> Vec<Shown> {
    let mut all: Vec<Shown> = Vec::new();
    let mut continues = false;
    for line in block.lines() {
        match (line.strip_prefix("$ "), all.last_mut()) {
            (Some(command), _) if !continues => {
                all.push(Shown { command: format!("{command}\n"), output: String::new() });
            }
            (_, Some(last)) if continues => last.command.push_str(&format!("{line}\n")),
            (_, Some(last)) => last.output.push_str(&format!("{line}\n")),
            (_, None) => panic!("a console block begins with `$ `: {line}"),
        }
        continues = all.last().is_some_and(|last| last.output.is_empty() && last.command.ends_with("\\\n"));
    }
    all
}

/// Is `printed` what `expected` shows?
pub fn fits(expected: &str, printed: &str) -> bool {
    let pieces: Vec<&str> = expected.trim_end().split('…').collect();
    let printed = printed.trim_end();
    let [first, middle @ .., last] = pieces.as_slice() else { return expected.trim_end() == printed };
    let Some(mut rest) = printed.strip_prefix(first) else { return false };
    for piece in middle {
        let Some((_, after)) = rest.split_once(piece) else { return false };
        rest = after;
    }
    rest.ends_with(last)
}

/// The text with every number replaced by `0`.
pub fn without_numbers(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        let number = |c: char| c.is_ascii_digit();
        match number(c) {
            true if out.ends_with('0') => {}
            true => out.push('0'),
            // The blanks that pad a number belong to it.
            false if c == ' ' && out.ends_with(' ') => {}
            false => out.push(c),
        }
    }
    out
}

#[test]
fn commands_are_told_from_their_output() {
    let found = shown("$ a \\\n  b\none\ntwo\n$ c\n");
    let expected = [("a \\\n  b\n", "one\ntwo\n"), ("c\n", "")];
    assert_eq!(found.len(), 2);
    for (found, (command, output)) in found.iter().zip(expected) {
        assert_eq!((&*found.command, &*found.output), (command, output));
    }
}

#[test]
fn an_ellipsis_stands_for_anything_and_everything_else_for_itself() {
    assert!(fits("a … c\n", "a b\nb c\n"));
    assert!(fits("…\nb\n…\n", "a\nb\nc\n"));
    assert!(fits("a\n", "a\n"));
    assert!(!fits("a … c\n", "a b d\n"));
    assert!(!fits("a\n", "a\nb\n"));
    assert!(!fits("…\"status\": 503…", "\"status\": 200"));
}

#[test]
fn numbers_are_made_equal_where_they_vary() {
    assert_eq!(without_numbers("  6.29s  beta 100"), without_numbers(" 12.1s beta 7"));
    assert_ne!(without_numbers("up 1"), without_numbers("down 1"));
}
