//! What is told of what a document says? Its words as they came, bounded, and what our rules make of them.

use std::fmt;

/// A component as a sentence names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    pub name: String,
    pub word: String,
    pub message: Option<String>,
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.name, self.word)?;
        match &self.message {
            Some(message) => write!(f, " ({message})"),
            None => Ok(()),
        }
    }
}

/// Some components, the worst first, and how many more there are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parts {
    pub named: Vec<Part>,
    pub more: usize,
}

impl fmt::Display for Parts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&listed(self.named.iter().map(Part::to_string), self.more))
    }
}

/// "redis DOWN, queue DOWN, 2 more".
fn listed(named: impl Iterator<Item = String>, more: usize) -> String {
    let more = (more > 0).then(|| format!("{more} more"));
    named.chain(more).collect::<Vec<_>>().join(", ")
}

/// What speaks for the whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Whole {
    /// A word of its own.
    Word(String),
    /// The worst component that counts.
    Worst { name: String, word: String },
}

impl fmt::Display for Whole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Word(word) => f.write_str(word),
            Self::Worst { name, word } => write!(f, "{name} {word}"),
        }
    }
}

/// The whole, and the components that are as bad. Where the worst of them speaks for the whole, it is in the list already.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Says {
    pub whole: Whole,
    pub parts: Option<Parts>,
}

impl fmt::Display for Says {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let listed_first = |parts: &Parts| {
            let first = parts.named.first();
            let first = first.map(|part| Whole::Worst { name: part.name.clone(), word: part.word.clone() });
            first.as_ref() == Some(&self.whole)
        };
        let is_mute = self.whole == Whole::Word(String::new());
        match &self.parts {
            Some(parts) if is_mute || listed_first(parts) => write!(f, "{parts}"),
            Some(parts) => write!(f, "{}: {parts}", self.whole),
            None => write!(f, "{}", self.whole),
        }
    }
}

/// Words that no list knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unknown {
    Whole(String),
    /// Names and words, and how many more.
    Components {
        named: Vec<(String, String)>,
        more: usize,
    },
}

impl fmt::Display for Unknown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole(word) => write!(f, "{word:?}"),
            Self::Components { named, more } => {
                f.write_str(&listed(named.iter().map(|(name, word)| format!("{name} {word:?}")), *more))
            }
        }
    }
}

/// What cannot be read as a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotUnderstood {
    /// As the reader of documents tells it.
    Document(String),
    TooLarge {
        cap: usize,
    },
}

impl fmt::Display for NotUnderstood {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Document(why) => write!(f, "a document that cannot be understood: {why}"),
            Self::TooLarge { cap } => write!(f, "a body beyond {cap} bytes"),
        }
    }
}

/// What a document adds to a status that fails.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cause {
    Parts(Parts),
    Unknown(Unknown),
    /// It says something else than the status.
    Although(String),
    Says(Whole),
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Parts(parts) => write!(f, ": {parts}"),
            Self::Unknown(unknown) => write!(f, ": {unknown}"),
            Self::Although(word) => write!(f, ", although it says {word}"),
            Self::Says(whole) => write!(f, ": {whole}"),
        }
    }
}

/// What a document says against a status that passes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Complaint {
    Critical(Part),
    NotUnderstood(NotUnderstood),
    Says(Says),
    Unknown(Unknown),
    /// An assertion, as the reader of documents tells it.
    Broken(String),
}

impl fmt::Display for Complaint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Critical(part) => write!(f, "its critical component fails: {part}"),
            Self::NotUnderstood(what) => write!(f, "with {what} (on_malformed)"),
            Self::Says(says) => write!(f, "it says {says}"),
            Self::Unknown(what) => write!(f, "it says {what}, which no list of health words knows (unknown_word)"),
            Self::Broken(why) => f.write_str(why),
        }
    }
}

/// How it serves with a part of its weight only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Degraded {
    NotUnderstood(NotUnderstood),
    Says(Says),
    Unknown(Unknown),
    Broken(String),
    /// For all of these.
    Each(Vec<Degraded>),
}

impl Degraded {
    /// For all of these; `None` where there is nothing.
    pub fn all(mut reasons: Vec<Self>) -> Option<Self> {
        if reasons.len() > 1 { Some(Self::Each(reasons)) } else { reasons.pop() }
    }
}

impl fmt::Display for Degraded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotUnderstood(what) => write!(f, "answered with {what} (on_malformed)"),
            Self::Says(says) => write!(f, "{says}"),
            Self::Unknown(what) => write!(f, "says {what}, which no list of health words knows (unknown_word)"),
            Self::Broken(why) => f.write_str(why),
            Self::Each(reasons) => f.write_str(&joined(reasons)),
        }
    }
}

/// What is odd about an answer that passes. `decides`: the status alone does, by the rule that is named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Remark {
    Redirected { status: u16, location: Option<String> },
    NotUnderstood { what: NotUnderstood, decides: bool },
    CriticalMissing { name: String },
    OnlyIgnored { whole: Whole },
    Unknown { what: Unknown, decides: bool },
}

impl fmt::Display for Remark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let by = |decides: bool, rule: &str| {
            if decides { format!("; the status alone decides ({rule})") } else { String::new() }
        };
        match self {
            Self::Redirected { status, location: Some(target) } => write!(
                f,
                "answered {status} and points to {target}, which is not followed; probe the final path instead"
            ),
            Self::Redirected { status, location: None } => write!(
                f,
                "answered {status} and has no Location; let readiness answer 2xx, or name it in expected_statuses"
            ),
            Self::NotUnderstood { what, decides } => write!(f, "answered with {what}{}", by(*decides, "on_malformed")),
            Self::CriticalMissing { name } => {
                write!(f, "its document names no component {name:?}, which is critical here")
            }
            Self::OnlyIgnored { whole } => {
                write!(f, "says {whole}, but only because of components that are ignored here")
            }
            Self::Unknown { what, decides } => {
                write!(f, "says {what}, which no list of health words knows{}", by(*decides, "unknown_word"))
            }
        }
    }
}

/// At least one remark.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warnings(Vec<Remark>);

impl Warnings {
    pub fn all(remarks: Vec<Remark>) -> Option<Self> {
        (!remarks.is_empty()).then_some(Self(remarks))
    }
}

impl fmt::Display for Warnings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&joined(&self.0))
    }
}

/// What decides nothing: the application serves without these.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note(pub Parts);

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "passed, although {}", self.0)
    }
}

fn joined(sentences: &[impl fmt::Display]) -> String {
    sentences.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}
