//! What stands on the screen, in rooms of several sizes.

use super::*;
use crate::cli::seen::Traffic;
use crate::cli::seen::samples::{picture, pool};
use crate::cli::top::keys::press;
use crate::cli::top::rows::Sort;
use crossterm::event::{KeyCode, KeyEvent};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::Buffer;

fn state() -> State {
    let mut seen = picture(vec![pool("api", &[Cause::Up, Cause::Ejected]), pool("orders", &[Cause::Drained])]);
    let busy = &mut seen.upstreams[0].backends[0];
    busy.in_flight = 4;
    busy.traffic =
        Some(Traffic { requests_per_second: 120.5, error_share: 0.02, p50_ms: Some(1.25), p99_ms: Some(40.0) });
    seen.upstreams[0].backends[1].why = "5 failures in a row".to_owned();
    let mut state = State::new("http://127.0.0.1:9090", Sort::Upstream, "");
    state.seen(Ok(seen), Duration::ZERO);
    state
}

fn screen(state: &mut State, width: u16, height: u16, now: Duration) -> Buffer {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| draw(frame, state, now)).unwrap();
    terminal.backend().buffer().clone()
}

fn lines(buffer: &Buffer) -> Vec<String> {
    let area = buffer.area;
    let line = |y| (0..area.width).map(|x| buffer[(x, y)].symbol()).collect::<String>().trim_end().to_owned();
    (0..area.height).map(line).collect()
}

fn shown(state: &mut State, width: u16, height: u16) -> Vec<String> {
    lines(&screen(state, width, height, Duration::from_secs(2)))
}

#[test]
fn a_terminal_of_80_by_24() {
    let mut state = state();
    press(&mut state, KeyEvent::from(KeyCode::Down));
    let shown = shown(&mut state, 80, 24);
    let expected = [
        "pulsegate top  http://127.0.0.1:9090  2 upstreams, 3 backends, 1 eligible",
        "live, 2 s old  sorted by upstream",
        "  UPSTREAM BACKEND        STANDING COUNT SHARE INFL REQ/S ERR% P50ms P99ms SINCE",
        "  api      127.0.0.1:9001 up         2/3  100%    4   120  2.0   1.2  40.0   12s",
        "> api      127.0.0.1:9002 ejected    2/3    0%    0     -    -     -     -   12s",
        "  orders   127.0.0.1:9003 drained    2/3    0%    0     -    -     -     -   12s",
    ];
    for (shown, expected) in shown.iter().zip(expected) {
        assert_eq!(shown, &expected.replace("9003", "9001"));
    }
    assert_eq!(shown[22], "127.0.0.1:9002: 5 failures in a row");
    assert_eq!(shown[23], KEYS);
}

#[test]
fn every_size_is_drawn_and_small_ones_show_standings() {
    for (width, height) in [(0, 0), (1, 1), (5, 2), (12, 3), (20, 5), (40, 10), (79, 6), (300, 80)] {
        for key in [KeyCode::Null, KeyCode::Char('?'), KeyCode::Char('e'), KeyCode::Char('d'), KeyCode::Char('/')] {
            let mut state = state();
            press(&mut state, KeyEvent::from(key));
            shown(&mut state, width, height);
        }
    }
    let small = shown(&mut state(), 40, 6);
    assert_eq!(small[0], "live, 2 s old  sorted by upstream");
    assert_eq!(small[3], "  api      127.0.0.1:9002 ejected    12s");
    let wide = shown(&mut state(), 140, 10);
    assert!(wide[4].ends_with("  12s 5 failures in a row"), "{wide:#?}");
}

#[test]
fn the_rows_scroll_with_the_cursor() {
    let mut state = State::new("http://gateway", Sort::Upstream, "");
    state.seen(Ok(picture(vec![pool("api", &[Cause::Up; 60])])), Duration::ZERO);
    press(&mut state, KeyEvent::from(KeyCode::End));
    let end = shown(&mut state, 80, 24);
    assert!(end.iter().any(|line| line.starts_with("> api      127.0.0.1:9060")), "{end:#?}");
    press(&mut state, KeyEvent::from(KeyCode::Up));
    assert_eq!(shown(&mut state, 80, 24)[3], end[3], "the rows stay while the cursor moves among them");
}

#[test]
fn a_lost_connection_says_so_with_the_age_of_what_is_shown() {
    let mut state = state();
    state.seen(Err("no answer from the admin listener: Connection refused".to_owned()), Duration::from_secs(9));
    let buffer = screen(&mut state, 100, 24, Duration::from_secs(75));
    let shown = lines(&buffer);
    assert!(shown[1].starts_with("CONNECTION LOST, this is 1 min 15 s old: no answer"), "{}", shown[1]);
    assert!(shown[3].contains("127.0.0.1:9001 up"), "{}", shown[3]);
    assert!(buffer[(3, 3)].modifier.contains(Modifier::DIM));
    let mut never = State::new("http://gateway", Sort::Upstream, "");
    assert_eq!(self::shown(&mut never, 80, 24)[1], "asking the gateway ...");
    never.seen(Err("401 Unauthorized".to_owned()), Duration::ZERO);
    assert_eq!(self::shown(&mut never, 80, 24)[1], "CONNECTION LOST, nothing was seen yet: 401 Unauthorized");
}

#[test]
fn without_colours_everything_is_said_all_the_same() {
    let mut state = state();
    let coloured = screen(&mut state, 80, 24, Duration::ZERO);
    assert!(coloured.content.iter().any(|cell| cell.fg == Color::Red));
    state.colours = false;
    let plain = screen(&mut state, 80, 24, Duration::ZERO);
    assert!(plain.content.iter().all(|cell| cell.fg == Color::Reset && cell.bg == Color::Reset));
    assert_eq!(lines(&plain), lines(&coloured));
}

#[test]
fn questions_and_panes() {
    let mut state = state();
    for (key, place, text) in [
        (KeyCode::Char('d'), 23, "drain api 127.0.0.1:9001? Enter: yes, Esc: no. Reason: _"),
        (KeyCode::Char('x'), 23, "drain api 127.0.0.1:9001? Enter: yes, Esc: no. Reason: x_"),
        (KeyCode::Esc, 23, "drain of api 127.0.0.1:9001: not done"),
        (KeyCode::Char('/'), 23, "filter: _"),
        (KeyCode::Char('o'), 1, "live, 2 s old  sorted by upstream  only \"o\""),
        (KeyCode::Esc, 1, "live, 2 s old  sorted by upstream"),
        (KeyCode::Char('?'), 2, "Keys"),
        (KeyCode::Char('x'), 2, "  UPSTREAM BACKEND        STANDING COUNT SHARE INFL REQ/S ERR% P50ms P99ms SINCE"),
        (KeyCode::Char('p'), 1, "PAUSED, this is 2 s old  sorted by upstream"),
        (KeyCode::Char('e'), 2, "api 127.0.0.1:9001: an explanation; q closes it"),
    ] {
        press(&mut state, KeyEvent::from(key));
        assert_eq!(shown(&mut state, 80, 24)[place], text, "{key:?}");
    }
    assert!(HELP.lines().count() <= 24 - 5 && HELP.lines().all(|line| line.len() <= 80), "it fits 80 by 24");
}

#[test]
fn plain_text_has_every_column() {
    let expected = "\
UPSTREAM  BACKEND         STANDING  COUNT  SHARE  INFL  REQ/S  ERR%  P50ms  P99ms  SINCE  CAUSE
api       127.0.0.1:9001  up          2/3   100%     4    120   2.0    1.2   40.0    12s  it is up
api       127.0.0.1:9002  ejected     2/3     0%     0      -     -      -      -    12s  5 failures in a row
orders    127.0.0.1:9001  drained     2/3     0%     0      -     -      -      -    12s  it is drained
";
    assert_eq!(plain(&state()), expected);
}
