//! How does it look? The state as a picture, in whatever room there is.
//!
//! Colours only repeat what words say: a standing is its word, a cursor is its mark, a lost connection says so.

use super::columns::{Column, Drawn, GAP, fitting};
use super::rows::Row;
use super::state::{Mode, State};
use crate::clock::when;
use clap::ValueEnum;
use pulsegate_core::health::standing::Cause;
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span, Text};
use ratatui::widgets::{Cell, Paragraph, Row as TableRow, Table, Wrap};
use std::time::Duration;

const MARK: &str = "> ";
const KEYS: &str = "q quit  ? help  / filter  s sort  e explain  d drain  u undrain  p pause";
const HELP: &str = "\
up down j k       move the cursor; page up and down, g and G: to the ends
s, S              sort by the next column; turn the order round
/                 show only rows with a text in upstream, backend, standing or
                  cause; Enter keeps it, Esc takes it back
e, Enter          explain: why it stands there, when it returns
d, u              drain and undrain, after a confirmation; a reason may be given
p                 pause: the picture stays as it is
q, Ctrl-C         quit

STANDING why it is in or out   COUNT left of its threshold   SHARE of its weight
INFL requests in flight        REQ/S ERR% P50ms P99ms of the last 10 s
SINCE when it changed          any key closes this";

/// The whole screen, `now` being the time since the start of `top`.
pub(super) fn draw(frame: &mut Frame<'_>, state: &mut State, now: Duration) {
    let area = frame.area();
    // In very little room the rows come first.
    let extra = u16::from(area.height >= 7);
    let parts = [Constraint::Length(1 + extra), Constraint::Min(0), Constraint::Length(extra), Constraint::Length(1)];
    let [head, body, detail, foot] = Layout::vertical(parts).areas(area);
    frame.render_widget(Paragraph::new(heading(state, now, head.height)), head);
    match &state.mode {
        Mode::Explain { target, text, scroll } => {
            let title = format!("{} {}: an explanation; q closes it", target.upstream, target.backend);
            pane(frame, body, state, &title, text, *scroll);
        }
        Mode::Help => {
            let text: Vec<String> = HELP.lines().map(str::to_owned).collect();
            pane(frame, body, state, "Keys", &text, 0);
        }
        _ => table(frame, body, state),
    }
    frame.render_widget(Paragraph::new(detail_of(state)), detail);
    frame.render_widget(Paragraph::new(footing(state)), foot);
}

/// The picture as text for scripts, in as much room as it needs.
pub(super) fn plain(state: &State) -> String {
    let rows = state.shown();
    let columns = fitting(&rows, u16::MAX);
    let mut text = line(&columns, |column| column.title().to_owned());
    for row in rows {
        text.push_str(&line(&columns, |column| column.cell(row)));
    }
    text
}

fn line(columns: &[Drawn], cell: impl Fn(Column) -> String) -> String {
    let cells = columns.iter().map(|one| {
        let width = usize::from(one.width);
        match one.column {
            Column::Cause => cell(one.column),
            column if column.right() => format!("{:>width$}", cell(column)),
            column => format!("{:<width$}", cell(column)),
        }
    });
    cells.collect::<Vec<_>>().join("  ").trim_end().to_owned() + "\n"
}

// -------------------------------------------------------------------- parts

fn heading(state: &State, now: Duration, height: u16) -> Text<'static> {
    let eligible = state.rows.iter().filter(|row| row.standing.eligible()).count();
    let counts = format!("{} upstreams, {} backends, {eligible} eligible", state.upstreams, state.rows.len());
    let first =
        Line::from(vec![Span::styled("pulsegate top  ", bold()), Span::raw(format!("{}  {counts}", state.base))]);
    let second = connection(state, now);
    match height {
        ..=1 => Text::from(second),
        _ => Text::from(vec![first, second]),
    }
}

fn connection(state: &State, now: Duration) -> Line<'static> {
    let age = state.age(now);
    if let Some(why) = &state.lost {
        let data = age.map_or("nothing was seen yet".to_owned(), |age| format!("this is {} old", when::span(age)));
        let style = bold().patch(coloured(state, Color::Red)).add_modifier(Modifier::REVERSED);
        return Line::styled(format!("CONNECTION LOST, {data}: {why}"), style);
    }
    let Some(age) = age else { return Line::from("asking the gateway ...") };
    let sort = state.sort.to_possible_value();
    let sort = sort.as_ref().map_or("", |value| value.get_name());
    let reversed = if state.reverse { ", reversed" } else { "" };
    let filter = if state.filter.is_empty() { String::new() } else { format!("  only {:?}", state.filter) };
    let live = if state.paused { "PAUSED, this is" } else { "live," };
    Line::from(format!("{live} {} old  sorted by {sort}{reversed}{filter}", when::span(age)))
}

fn table(frame: &mut Frame<'_>, area: Rect, state: &mut State) {
    let cursor = state.cursor();
    let mark = u16::try_from(MARK.len()).unwrap_or_default();
    let widget = {
        let shown = state.shown();
        let columns = fitting(&shown, area.width.saturating_sub(mark));
        let title = columns.iter().map(|one| cell(*one, one.column.title().to_owned(), Style::new()));
        let rows = shown.iter().map(|row| {
            TableRow::new(columns.iter().map(|one| cell(*one, one.column.cell(row), tone(state, one.column, row))))
        });
        let rows: Vec<TableRow<'static>> = rows.collect();
        Table::new(rows, columns.iter().map(|one| Constraint::Length(one.width)))
            .header(TableRow::new(title).style(bold().add_modifier(Modifier::UNDERLINED)))
            .column_spacing(GAP)
            .highlight_symbol(MARK)
            .row_highlight_style(Style::new().add_modifier(Modifier::REVERSED))
    };
    let dim = if state.lost.is_some() { Modifier::DIM } else { Modifier::empty() };
    state.table.select((!state.shown().is_empty()).then_some(cursor));
    frame.render_stateful_widget(widget.style(Style::new().add_modifier(dim)), area, &mut state.table);
}

fn cell(drawn: Drawn, text: String, style: Style) -> Cell<'static> {
    let text = Text::from(text).style(style);
    Cell::from(if drawn.column.right() { text.right_aligned() } else { text })
}

/// The standing's own colour; that of a backend that is out is bold as well.
fn tone(state: &State, column: Column, row: &Row) -> Style {
    if column != Column::Standing {
        return Style::new();
    }
    let colour = match row.standing {
        Cause::Up => Color::Green,
        Cause::ForcedUp | Cause::Trial | Cause::Degraded | Cause::Ramping => Color::Yellow,
        Cause::Drained | Cause::Draining | Cause::Starting | Cause::Unchecked => Color::Cyan,
        Cause::ForcedDown | Cause::Ejected | Cause::NotAlive | Cause::Down | Cause::NotReady => Color::Red,
    };
    let style = coloured(state, colour);
    if row.standing.eligible() { style } else { style.add_modifier(Modifier::BOLD) }
}

fn pane(frame: &mut Frame<'_>, area: Rect, state: &State, title: &str, text: &[String], scroll: u16) {
    let [head, body] = Layout::vertical([Constraint::Length(1), Constraint::Min(0)]).areas(area);
    let style = bold().patch(coloured(state, Color::Cyan)).add_modifier(Modifier::UNDERLINED);
    frame.render_widget(Line::styled(title.to_owned(), style), head);
    let waiting = [Line::from("asking the gateway ...")];
    let lines: Vec<Line<'_>> = text.iter().map(|line| Line::from(line.as_str())).collect();
    let text = Text::from(if lines.is_empty() { waiting.to_vec() } else { lines });
    frame.render_widget(Paragraph::new(text).wrap(Wrap { trim: false }).scroll((scroll, 0)), body);
}

/// The cause of the row under the cursor, which the table has mostly no room for.
fn detail_of(state: &State) -> String {
    let shown = state.shown();
    match (shown.get(state.cursor()), &state.mode) {
        (Some(row), Mode::Rows | Mode::Filter { .. } | Mode::Confirm { .. }) => {
            let back = row.returns_in_ms.map(Duration::from_millis);
            let back = back.map_or(String::new(), |back| format!("; back in {} at the earliest", when::span(back)));
            format!("{}: {}{back}", row.backend, row.why)
        }
        (None, Mode::Rows) if state.seen_at.is_some() => "no backend is shown".to_owned(),
        _ => String::new(),
    }
}

fn footing(state: &State) -> Line<'static> {
    match (&state.mode, &state.note) {
        (Mode::Filter { .. }, _) => Line::styled(format!("filter: {}_", state.filter), bold()),
        (Mode::Confirm { action, target, reason }, _) => Line::styled(
            format!("{action} {} {}? Enter: yes, Esc: no. Reason: {reason}_", target.upstream, target.backend),
            bold(),
        ),
        (_, Some(note)) => Line::styled(note.clone(), bold()),
        (Mode::Explain { .. }, None) => Line::from("q back  up down scroll"),
        _ => Line::from(KEYS),
    }
}

fn bold() -> Style {
    Style::new().add_modifier(Modifier::BOLD)
}

fn coloured(state: &State, colour: Color) -> Style {
    if state.colours { Style::new().fg(colour) } else { Style::new() }
}

#[cfg(test)]
mod tests;
