//! What does a key do? It changes what is shown, and may ask for something to be done.

use super::state::{Mode, State, Target};
use crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

/// What is to be done outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Errand {
    Quit,
    Explain(Target),
    Steer { action: &'static str, target: Target, reason: String },
}

/// Rows of a page key.
const PAGE: usize = 10;
/// As long as the admin API takes it.
const REASON: usize = 200;

pub(super) fn press(state: &mut State, key: KeyEvent) -> Option<Errand> {
    if key.kind == KeyEventKind::Release {
        return None;
    }
    if key.modifiers.contains(KeyModifiers::CONTROL) {
        return (key.code == KeyCode::Char('c')).then_some(Errand::Quit);
    }
    state.note = None;
    match std::mem::take(&mut state.mode) {
        Mode::Rows => in_rows(state, key.code),
        Mode::Filter { before } => in_filter(state, key.code, before),
        Mode::Explain { target, text, scroll } => in_explain(state, key.code, target, text, scroll),
        Mode::Confirm { action, target, reason } => in_confirm(state, key.code, action, target, reason),
        Mode::Help => match key.code {
            KeyCode::Char('q') => Some(Errand::Quit),
            _ => None,
        },
    }
}

fn in_rows(state: &mut State, key: KeyCode) -> Option<Errand> {
    let cursor = state.cursor();
    match key {
        KeyCode::Char('q') => return Some(Errand::Quit),
        KeyCode::Up | KeyCode::Char('k') => state.select(cursor.saturating_sub(1)),
        KeyCode::Down | KeyCode::Char('j') => state.select(cursor + 1),
        KeyCode::PageUp => state.select(cursor.saturating_sub(PAGE)),
        KeyCode::PageDown => state.select(cursor + PAGE),
        KeyCode::Home | KeyCode::Char('g') => state.select(0),
        KeyCode::End | KeyCode::Char('G') => state.select(usize::MAX),
        KeyCode::Char('s') => state.sort = state.sort.next(),
        KeyCode::Char('S') => state.reverse = !state.reverse,
        KeyCode::Char('p') => state.paused = !state.paused,
        KeyCode::Char('?') => state.mode = Mode::Help,
        KeyCode::Char('/') => state.mode = Mode::Filter { before: state.filter.clone() },
        KeyCode::Esc => state.filter.clear(),
        KeyCode::Enter | KeyCode::Char('e') => {
            let target = state.target()?;
            state.mode = Mode::Explain { target: target.clone(), text: Vec::new(), scroll: 0 };
            return Some(Errand::Explain(target));
        }
        KeyCode::Char('d') => confirm(state, "drain"),
        KeyCode::Char('u') => confirm(state, "undrain"),
        _ => {}
    }
    None
}

fn confirm(state: &mut State, action: &'static str) {
    if let Some(target) = state.target() {
        state.mode = Mode::Confirm { action, target, reason: String::new() };
    }
}

fn in_filter(state: &mut State, key: KeyCode, before: String) -> Option<Errand> {
    match key {
        KeyCode::Enter => return None,
        KeyCode::Esc => {
            state.filter = before;
            return None;
        }
        KeyCode::Backspace => drop(state.filter.pop()),
        KeyCode::Char(c) => state.filter.push(c),
        _ => {}
    }
    state.mode = Mode::Filter { before };
    None
}

fn in_explain(state: &mut State, key: KeyCode, target: Target, text: Vec<String>, scroll: u16) -> Option<Errand> {
    let last = u16::try_from(text.len().saturating_sub(1)).unwrap_or(u16::MAX);
    let scroll = match key {
        KeyCode::Char('q') | KeyCode::Esc | KeyCode::Enter | KeyCode::Char('e') => return None,
        KeyCode::Up | KeyCode::Char('k') => scroll.saturating_sub(1),
        KeyCode::Down | KeyCode::Char('j') => scroll.saturating_add(1).min(last),
        KeyCode::PageUp => scroll.saturating_sub(10),
        KeyCode::PageDown => scroll.saturating_add(10).min(last),
        KeyCode::Home | KeyCode::Char('g') => 0,
        KeyCode::End | KeyCode::Char('G') => last,
        _ => scroll,
    };
    state.mode = Mode::Explain { target, text, scroll };
    None
}

/// Enter does it, Esc does not; whatever is written between is the reason.
fn in_confirm(
    state: &mut State,
    key: KeyCode,
    action: &'static str,
    target: Target,
    mut reason: String,
) -> Option<Errand> {
    match key {
        KeyCode::Enter => return Some(Errand::Steer { action, target, reason: reason.trim().to_owned() }),
        KeyCode::Esc => {
            state.note = Some(format!("{action} of {} {}: not done", target.upstream, target.backend));
            return None;
        }
        KeyCode::Backspace => drop(reason.pop()),
        KeyCode::Char(c) if reason.chars().count() < REASON => reason.push(c),
        _ => {}
    }
    state.mode = Mode::Confirm { action, target, reason };
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::seen::samples::{picture, pool};
    use crate::cli::top::rows::Sort;
    use pulsegate_core::health::standing::Cause;
    use std::time::Duration;

    fn state() -> State {
        let mut state = State::new("http://gateway", Sort::Upstream, "");
        let seen = picture(vec![pool("api", &[Cause::Up, Cause::Down]), pool("orders", &[Cause::Up])]);
        state.seen(Ok(seen), Duration::ZERO);
        state
    }

    /// Presses what is written: `<enter>`, `<esc>`, `<back>`, `<up>`, `<down>`, `<pgdn>`, `<end>`, `<^c>`, and letters. The last errand.
    fn type_in(state: &mut State, keys: &str) -> Option<Errand> {
        let mut errand = None;
        let mut rest = keys;
        while let Some(c) = rest.chars().next() {
            let named = rest.strip_prefix('<').and_then(|inner| inner.split_once('>'));
            let (event, after) = match named {
                Some(("^c", after)) => (KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL), after),
                Some((name, after)) => {
                    let code = match name {
                        "enter" => KeyCode::Enter,
                        "esc" => KeyCode::Esc,
                        "back" => KeyCode::Backspace,
                        "up" => KeyCode::Up,
                        "down" => KeyCode::Down,
                        "pgdn" => KeyCode::PageDown,
                        "end" => KeyCode::End,
                        other => panic!("no key {other}"),
                    };
                    (KeyEvent::from(code), after)
                }
                None => (KeyEvent::from(KeyCode::Char(c)), &rest[c.len_utf8()..]),
            };
            errand = press(state, event);
            rest = after;
        }
        errand
    }

    fn target(upstream: &str, backend: &str) -> Target {
        Target { upstream: upstream.to_owned(), backend: backend.to_owned() }
    }

    #[test]
    fn the_cursor_moves_and_stays_within_the_rows() {
        for (keys, place) in [
            ("", 0),
            ("j", 1),
            ("jj", 2),
            ("jjjj", 2),
            ("<down><down><up>", 1),
            ("k", 0),
            ("G", 2),
            ("<end>g", 0),
            ("<pgdn>", 2),
        ] {
            let mut state = state();
            assert_eq!(type_in(&mut state, keys), None);
            assert_eq!(state.cursor(), place, "{keys}");
        }
    }

    #[test]
    fn the_cursor_stays_on_its_backend_when_rows_move_or_go() {
        let mut state = state();
        type_in(&mut state, "j");
        assert_eq!(state.target(), Some(target("api", "127.0.0.1:9002")));
        type_in(&mut state, "s");
        assert_eq!((state.sort, state.cursor()), (Sort::Standing, 0), "who is out is first now");
        assert_eq!(state.target(), Some(target("api", "127.0.0.1:9002")));
        type_in(&mut state, "S");
        assert_eq!((state.reverse, state.cursor()), (true, 2));
        state.seen(Ok(picture(vec![pool("api", &[Cause::Up])])), Duration::from_secs(1));
        assert_eq!(state.target(), Some(target("api", "127.0.0.1:9001")));
        state.seen(Ok(picture(Vec::new())), Duration::from_secs(2));
        assert_eq!((state.target(), type_in(&mut state, "d<enter>")), (None, None), "nobody is there");
        assert_eq!(state.mode, Mode::Rows);
    }

    #[test]
    fn a_filter_is_written_kept_or_taken_back() {
        for (keys, filter, rows) in [
            ("/ord", "ord", 1),
            ("/ord<enter>", "ord", 1),
            ("/ordx<back>", "ord", 1),
            ("/ord<esc>", "", 3),
            ("/ord<enter>/q<esc>", "ord", 1),
            ("/ord<enter><esc>", "", 3),
            ("/q", "q", 0),
        ] {
            let mut state = state();
            assert_eq!(type_in(&mut state, keys), None, "{keys}");
            assert_eq!((&*state.filter, state.shown().len()), (filter, rows), "{keys}");
        }
    }

    #[test]
    fn an_order_needs_its_confirmation_and_may_have_a_reason() {
        let steer = |action, reason: &str| {
            let target = target("api", "127.0.0.1:9002");
            Some(Errand::Steer { action, target, reason: reason.to_owned() })
        };
        for (keys, errand) in [
            ("jd", None),
            ("jd<enter>", steer("drain", "")),
            ("jd new disk <enter>", steer("drain", "new disk")),
            ("jdq<enter>", steer("drain", "q")),
            ("ju<enter>", steer("undrain", "")),
            ("jd<esc>", None),
            ("jd<esc><enter><esc>", None),
        ] {
            assert_eq!(type_in(&mut state(), keys), errand, "{keys}");
        }
        let mut state = state();
        type_in(&mut state, "d<esc>");
        assert_eq!(state.note.as_deref(), Some("drain of api 127.0.0.1:9001: not done"));
        type_in(&mut state, &format!("d{}", "x".repeat(250)));
        assert!(matches!(&state.mode, Mode::Confirm { reason, .. } if reason.len() == REASON));
    }

    #[test]
    fn an_explanation_opens_scrolls_and_closes() {
        for open in ["e", "<enter>"] {
            let mut state = state();
            let about = target("api", "127.0.0.1:9001");
            assert_eq!(type_in(&mut state, open), Some(Errand::Explain(about.clone())));
            state.explained(&target("orders", "127.0.0.1:9001"), "of another");
            state.explained(&about, "one\ntwo\u{1b}[2J\nthree");
            let Mode::Explain { text, .. } = &state.mode else { panic!("{:?}", state.mode) };
            assert_eq!(text, &["one", "two\u{fffd}[2J", "three"]);
            for (keys, place) in [("j", 1), ("jj", 2), ("k", 1), ("G", 2), ("g", 0)] {
                assert_eq!(type_in(&mut state, keys), None);
                assert!(matches!(state.mode, Mode::Explain { scroll, .. } if scroll == place), "{keys}");
            }
            assert_eq!(type_in(&mut state, "q"), None, "it closes the pane, not the program");
            assert_eq!(state.mode, Mode::Rows);
        }
    }

    #[test]
    fn pause_help_and_the_ways_out() {
        let mut state = state();
        type_in(&mut state, "p");
        assert!(state.paused);
        type_in(&mut state, "p?");
        assert!(!state.paused && state.mode == Mode::Help);
        type_in(&mut state, "x");
        assert_eq!(state.mode, Mode::Rows);
        for keys in ["q", "?q", "<^c>", "/q<^c>", "d<^c>", "e<^c>"] {
            assert_eq!(type_in(&mut self::state(), keys), Some(Errand::Quit), "{keys}");
        }
    }

    #[test]
    fn a_lost_connection_keeps_the_rows_and_their_age() {
        let mut state = state();
        state.seen(Err("no answer\u{7}".to_owned()), Duration::from_secs(5));
        assert_eq!((state.rows.len(), state.lost.as_deref()), (3, Some("no answer\u{fffd}")));
        assert_eq!(state.age(Duration::from_secs(7)), Some(Duration::from_secs(7)));
        state.seen(Ok(picture(Vec::new())), Duration::from_secs(8));
        assert_eq!((state.lost.as_ref(), state.age(Duration::from_secs(9))), (None, Some(Duration::from_secs(1))));
    }
}
