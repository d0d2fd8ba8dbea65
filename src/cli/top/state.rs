//! What does `top` know, and what is it showing?

use super::rows::{Row, Sort, rows, shown};
use crate::cli::seen::{Picture, tamed};
use ratatui::widgets::TableState;
use std::time::Duration;

/// Whom a key is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Target {
    pub upstream: String,
    pub backend: String,
}

/// What lies over the rows, or takes the keys.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum Mode {
    #[default]
    Rows,
    /// The filter is being written; what it was before.
    Filter {
        before: String,
    },
    /// `text`: nothing yet, an explanation or a sentence why there is none.
    Explain {
        target: Target,
        text: Vec<String>,
        scroll: u16,
    },
    /// Shall it be done?
    Confirm {
        action: &'static str,
        target: Target,
        reason: String,
    },
    Help,
}

#[derive(Clone, Debug)]
pub(super) struct State {
    /// Where the gateway is.
    pub base: String,
    pub rows: Vec<Row>,
    pub upstreams: usize,
    pub sort: Sort,
    pub reverse: bool,
    pub filter: String,
    pub mode: Mode,
    pub paused: bool,
    /// When the rows were asked for, since the start of `top`; `None` before the first.
    pub seen_at: Option<Duration>,
    /// Why the gateway does not answer now.
    pub lost: Option<String>,
    /// What came of the last order.
    pub note: Option<String>,
    /// Whom the cursor is on: a row keeps it when it moves.
    selected: Option<Target>,
    /// Which part of the rows is on the screen.
    pub table: TableState,
    /// Colours may be used.
    pub colours: bool,
}

impl State {
    pub(super) fn new(base: &str, sort: Sort, filter: &str) -> Self {
        Self {
            base: base.to_owned(),
            rows: Vec::new(),
            upstreams: 0,
            sort,
            reverse: false,
            filter: filter.to_owned(),
            mode: Mode::Rows,
            paused: false,
            seen_at: None,
            lost: None,
            note: None,
            selected: None,
            table: TableState::default(),
            colours: true,
        }
    }

    /// What the gateway answered `at` that time since the start.
    pub(super) fn seen(&mut self, answer: Result<Picture, String>, at: Duration) {
        match answer {
            Ok(picture) => {
                self.rows = rows(&picture);
                self.upstreams = picture.upstreams.len();
                self.seen_at = Some(at);
                self.lost = None;
            }
            Err(why) => self.lost = Some(tamed(&why)),
        }
    }

    /// The answer to an explanation that was asked for. Whoever looks at something else by now is not disturbed.
    pub(super) fn explained(&mut self, about: &Target, answer: &str) {
        if let Mode::Explain { target, text, .. } = &mut self.mode
            && target == about
        {
            *text = answer.lines().map(tamed).collect();
        }
    }

    pub(super) fn shown(&self) -> Vec<&Row> {
        shown(&self.rows, &self.filter, self.sort, self.reverse)
    }

    /// The place of the cursor among the rows that are shown: the first while its backend is not among them.
    pub(super) fn cursor(&self) -> usize {
        let is_it = |row: &&Row| {
            self.selected.as_ref().is_some_and(|it| it.upstream == row.upstream && it.backend == row.backend)
        };
        self.shown().iter().position(is_it).unwrap_or_default()
    }

    pub(super) fn target(&self) -> Option<Target> {
        let row = self.shown().get(self.cursor()).copied()?;
        Some(Target { upstream: row.upstream.clone(), backend: row.backend.clone() })
    }

    /// Puts the cursor at this place, or at the last.
    pub(super) fn select(&mut self, place: usize) {
        let shown = self.shown();
        let row = shown.get(place).or_else(|| shown.last());
        self.selected = row.map(|row| Target { upstream: row.upstream.clone(), backend: row.backend.clone() });
    }

    /// How old is what is shown?
    pub(super) fn age(&self, now: Duration) -> Option<Duration> {
        self.seen_at.map(|at| now.saturating_sub(at))
    }
}
