//! On which line stands a path of the document? A walk through the text by indentation.
//!
//! serde_yaml gives lines for syntax only. This finds the line of a key in block style; for what is inside a flow mapping
//! (`{ … }`) it gives the line of the nearest key that has one of its own. A line is a courtesy: where none is found, none is said.

use super::vocabulary::PROBES;

/// The 1-based line of `path` (keys, and indices written as numbers), or of its nearest ancestor that can be found.
pub(super) fn line_of(text: &str, path: &[String]) -> Option<usize> {
    let lines: Vec<Line<'_>> =
        text.lines().enumerate().filter_map(|(number, line)| Line::of(number + 1, line)).collect();
    let mut range = 0..lines.len();
    let mut found = None;
    for step in path {
        let within = lines.get(range.clone())?;
        let Some(at) = find(within, step) else { break };
        let at = range.start + at;
        found = lines.get(at).map(|line| line.number);
        let indent = lines.get(at)?.indent_of(step);
        let end = lines
            .iter()
            .skip(at + 1)
            .position(|line| line.indent <= indent && !line.continues(indent))
            .map_or(lines.len(), |n| at + 1 + n);
        // A sequence item's own line also holds the first key of its mapping.
        let start = if step.parse::<usize>().is_ok() { at } else { at + 1 };
        range = start..end.min(range.end.max(end));
    }
    found
}

struct Line<'a> {
    number: usize,
    /// Of the text, dashes not counted as text.
    indent: usize,
    /// Of the first dash, for a sequence item.
    dash: Option<usize>,
    text: &'a str,
}

impl<'a> Line<'a> {
    /// `None` for blank lines and comments.
    fn of(number: usize, line: &'a str) -> Option<Self> {
        let text = line.trim_start();
        if text.is_empty() || text.starts_with('#') {
            return None;
        }
        let indent = line.len() - text.len();
        match text.strip_prefix("- ") {
            Some(item) => {
                let inner = item.trim_start();
                Some(Self { number, indent: line.len() - inner.len(), dash: Some(indent), text: inner })
            }
            None if text == "-" => Some(Self { number, indent: indent + 2, dash: Some(indent), text: "" }),
            None => Some(Self { number, indent, dash: None, text }),
        }
    }

    fn key(&self) -> Option<&str> {
        let (key, rest) = self.text.split_once(':')?;
        (rest.is_empty() || rest.starts_with(' ')).then(|| key.trim().trim_matches(['"', '\'']))
    }

    fn indent_of(&self, step: &str) -> usize {
        match self.dash {
            Some(dash) if step.parse::<usize>().is_ok() => dash,
            _ => self.indent,
        }
    }

    /// The items of a sequence may stand at the indentation of its key.
    fn continues(&self, indent: usize) -> bool {
        self.dash == Some(indent) && self.indent > indent
    }
}

fn kubernetes_name(ours: &str) -> Option<&'static str> {
    PROBES.iter().find(|(_, name)| *name == ours).map(|(theirs, _)| *theirs)
}

fn find(lines: &[Line<'_>], step: &str) -> Option<usize> {
    if let Ok(index) = step.parse::<usize>() {
        let first = lines.iter().find_map(|line| line.dash)?;
        return lines.iter().enumerate().filter(|(_, line)| line.dash == Some(first)).nth(index).map(|(at, _)| at);
    }
    let indent = lines.iter().map(|line| line.indent).min()?;
    lines
        .iter()
        .position(|line| line.key() == Some(step) && line.indent == indent)
        .or_else(|| lines.iter().position(|line| line.key() == Some(step)))
        // A pasted block stands under its own name.
        .or_else(|| kubernetes_name(step).and_then(|theirs| find(lines, theirs)))
}

#[cfg(test)]
mod tests {
    use super::line_of;

    const TEXT: &str = "\
# a comment
listeners:
  - address: a
    limits:
      head_bytes: 1
  - address: b

upstreams:
  orders:
    backends:
    - one
    - two
    readiness: { path: /x, period: 1s }
  users:
    backends: [x]
";

    #[test]
    fn keys_items_and_what_is_inside_a_flow_mapping() {
        for (path, line) in [
            ("listeners", 2),
            ("listeners.0.address", 3),
            ("listeners.0.limits.head_bytes", 5),
            ("listeners.1.address", 6),
            ("upstreams.orders", 9),
            ("upstreams.orders.backends.1", 12),
            ("upstreams.orders.readiness.period", 13),
            ("upstreams.users.backends.0", 15),
            ("upstreams.nobody", 8),
        ] {
            let steps: Vec<String> = path.split('.').map(str::to_owned).collect();
            assert_eq!(line_of(TEXT, &steps), Some(line), "{path}");
        }
    }
}
