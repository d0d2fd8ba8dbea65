//! What does a row say? The bytes to send, where they come from, and the one verdict that is right.
//!
//! Bytes are written as YAML strings with escapes; `\xNN` is the byte NN. `{text*100}` stands for a hundred times `text`.

use super::pace::Pace;
use serde::Deserialize;
use std::collections::BTreeSet;

/// What a client sends, and what must come of it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    pub name: String,
    /// The rule or the publication that the row comes from.
    pub source: String,
    /// Why this verdict, where another could be defended.
    #[serde(default)]
    pub why: String,
    send: Parts,
    verdict: Verdict,
    /// The first answer is to a HEAD.
    #[serde(default)]
    pub head: bool,
}

/// One write, or several; before each further one the client waits for an answer to the one before.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
enum Parts {
    One(String),
    Many(Vec<String>),
}

/// What must come of a row.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Answered with this status, the connection ends, the upstream saw nothing.
    Refused(u16),
    /// As `refused`, but the fault is in the body: the upstream may have seen the beginning of this one request, never its end.
    Cut(u16),
    /// The upstream saw exactly this.
    Harmless(Harmless),
}

impl Verdict {
    /// May the backend see the beginning of a request that never ends?
    pub fn may_begin(&self) -> bool {
        match self {
            Self::Refused(_) => false,
            Self::Cut(_) => true,
            Self::Harmless(harmless) => harmless.connection != After::Kept,
        }
    }
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Harmless {
    pub sees: Vec<Seen>,
    /// The statuses that the client gets, interim ones included; default: 200 for each request that the upstream saw.
    answers: Option<Vec<u16>>,
    /// A 100 may come in front of them, or not: it depends on who is faster.
    #[serde(default)]
    pub may_continue: bool,
    /// What becomes of the connection behind the last answer.
    #[serde(default)]
    pub connection: After,
}

#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum After {
    /// It carries another request.
    #[default]
    Kept,
    Closed,
    /// The rules allow both, and it depends on who is faster.
    Either,
}

/// A request as it must reach the upstream.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Seen {
    pub line: String,
    #[serde(default)]
    body: String,
    /// Fields that must be there, as `name: value` with the name in lower case.
    #[serde(default)]
    pub has: Vec<String>,
    /// Names that must not be there, in lower case.
    #[serde(default)]
    pub lacks: Vec<String>,
}

impl Request {
    pub fn parts(&self) -> Vec<Vec<u8>> {
        match &self.send {
            Parts::One(text) => vec![bytes(text)],
            Parts::Many(texts) => texts.iter().map(|text| bytes(text)).collect(),
        }
    }

    pub fn verdict(&self) -> &Verdict {
        &self.verdict
    }

    /// The statuses that the client must get, in order.
    pub fn statuses(&self) -> Vec<u16> {
        match &self.verdict {
            Verdict::Refused(status) | Verdict::Cut(status) => vec![*status],
            Verdict::Harmless(harmless) => harmless.answers.clone().unwrap_or_else(|| vec![200; harmless.sees.len()]),
        }
    }

    /// A 100 that need not come may come.
    pub fn may_continue(&self) -> bool {
        matches!(&self.verdict, Verdict::Harmless(harmless) if harmless.may_continue)
    }

    pub fn connection(&self) -> After {
        match &self.verdict {
            Verdict::Refused(_) | Verdict::Cut(_) => After::Closed,
            Verdict::Harmless(harmless) => harmless.connection,
        }
    }
}

impl Seen {
    pub fn body(&self) -> Vec<u8> {
        bytes(&self.body)
    }

    pub fn line(&self) -> String {
        String::from_utf8_lossy(&bytes(&self.line)).into_owned()
    }
}

/// What a backend answers, and what the client must get of it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answer {
    pub name: String,
    /// The rule or the publication that the row comes from.
    pub source: String,
    /// Why this verdict, where another could be defended.
    #[serde(default)]
    pub why: String,
    answer: String,
    /// Bytes behind the answer, in one write with its last ones. Any later they would be the answer to the next request, and nobody
    /// could tell.
    #[serde(default)]
    behind: String,
    /// What the backend does behind its answer.
    #[serde(default)]
    pub then: Then,
    #[serde(default = "get")]
    pub method: String,
    /// Of the client.
    #[serde(default = "http11")]
    pub version: String,
    /// The interim answers that the client gets before.
    #[serde(default)]
    pub interim: Vec<Interim>,
    pub client: Gets,
}

/// So many interim answers, one like the other.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Interim {
    pub status: u16,
    #[serde(default = "once")]
    pub times: usize,
    /// Fields that must be there, as `name: value` with the name in lower case.
    #[serde(default)]
    pub has: Vec<String>,
    /// Names that must not be there, in lower case.
    #[serde(default)]
    pub lacks: Vec<String>,
}

#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum Then {
    /// Waits for the next request.
    #[default]
    Keep,
    Close,
}

/// What the client must get.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Gets {
    /// A problem document with this status, and a connection that goes on.
    Problem(u16),
    /// A framed answer.
    Whole(Whole),
    /// The beginning of an answer, and an end before it is whole.
    Broken(u16),
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Whole {
    pub status: u16,
    #[serde(default)]
    body: String,
    /// Fields that must be there, as `name: value` with the name in lower case.
    #[serde(default)]
    pub has: Vec<String>,
    /// Names that must not be there, in lower case.
    #[serde(default)]
    pub lacks: Vec<String>,
    /// The connection ends behind it.
    #[serde(default)]
    pub ends: bool,
}

impl Answer {
    /// The writes that it is sent in.
    pub fn writes(&self, pace: Pace) -> Vec<Vec<u8>> {
        let answer = bytes(&self.answer);
        let mut writes: Vec<_> = answer.chunks(pace.piece(answer.len())).map(<[u8]>::to_vec).collect();
        if let Some(last) = writes.last_mut() {
            last.extend(bytes(&self.behind));
        }
        writes
    }
}

impl Whole {
    pub fn body(&self) -> Vec<u8> {
        bytes(&self.body)
    }
}

fn once() -> usize {
    1
}

fn get() -> String {
    "GET".to_owned()
}

fn http11() -> String {
    "HTTP/1.1".to_owned()
}

/// The rows that may leave half a request at the backend come last: it may arrive late, and would be laid at another row's door.
pub fn requests() -> Vec<Request> {
    let mut rows: Vec<Request> = read(include_str!("../data/requests.yaml"));
    rows.sort_by_key(|row| row.verdict.may_begin());
    check(rows.iter().map(|row| (row.name.as_str(), row.source.as_str(), row.why.as_str())));
    rows
}

pub fn answers() -> Vec<Answer> {
    let rows: Vec<Answer> = read(include_str!("../data/answers.yaml"));
    check(rows.iter().map(|row| (row.name.as_str(), row.source.as_str(), row.why.as_str())));
    rows
}

fn read<T: for<'de> Deserialize<'de>>(text: &str) -> Vec<T> {
    // By way of JSON's values: serde_yaml alone wants enums as tags.
    let rows: Vec<serde_json::Value> = serde_yaml::from_str(text).unwrap_or_else(|error| panic!("the corpus: {error}"));
    let row = |row: serde_json::Value| {
        serde_json::from_value(row.clone()).unwrap_or_else(|error| panic!("the corpus: {error} in {row}"))
    };
    rows.into_iter().map(row).collect()
}

/// Every row has a name of its own and a source.
fn check<'a>(rows: impl Iterator<Item = (&'a str, &'a str, &'a str)>) {
    let mut names = BTreeSet::new();
    for (name, source, why) in rows {
        assert!(names.insert(name), "two rows are called {name}");
        assert!(!source.is_empty(), "{name} has no source");
        assert!(why.is_empty() || why.ends_with('.'), "{name}: the reason is not a sentence: {why}");
    }
}

/// The bytes that a text of the corpus stands for.
fn bytes(text: &str) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        out.extend(latin(before));
        let (inner, behind) = after.split_once('}').unwrap_or_else(|| panic!("an open brace in {text:?}"));
        let (what, times) = inner.rsplit_once('*').unwrap_or_else(|| panic!("no repeat in {text:?}"));
        out.extend(latin(what).repeat(times.parse().unwrap_or_else(|_| panic!("no number in {text:?}"))));
        rest = behind;
    }
    out.extend(latin(rest));
    out
}

/// One byte per character; a character beyond them is a mistake in the corpus.
fn latin(text: &str) -> Vec<u8> {
    text.chars().map(|c| u8::try_from(u32::from(c)).unwrap_or_else(|_| panic!("{c:?} is no byte"))).collect()
}

#[test]
fn escapes_and_repeats() {
    assert_eq!(bytes("a{bc*2}d\r\u{e4}\0"), b"abcbcd\r\xe4\0");
}
