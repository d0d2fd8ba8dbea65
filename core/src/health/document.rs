//! What does a backend say about itself? The document of a probe's answer, as understood.
//!
//! The pure reader (`crate::document`) fills it in; [`crate::health::judgement::judge`] turns it into a verdict, with the status code as the
//! anchor. Everything in it is bounded and free of secrets: it is shown to people.

use crate::plan::Vocabulary;
use std::fmt;

/// A document as understood.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Document {
    pub vocabulary: Vocabulary,
    /// What it says of the whole; `None` where it names no such word.
    pub overall: Option<Said>,
    /// What it says of the whole in free words. Bounded and redacted.
    pub message: Option<Box<str>>,
    /// In the document's order. Of more than can be kept, those that say the worst and those that the rules call critical.
    pub components: Vec<Component>,
    /// How many components are not listed.
    pub left_out: u32,
    /// The assertions of the configuration that do not hold, each as a sentence.
    pub broken_assertions: Vec<BrokenAssertion>,
    /// It is not what it should be, and why: a sentence. Where something could be read all the same, the fields above hold it: what it
    /// says against the backend counts, what it says in its favour is worth no more than the rule for malformed documents.
    pub malformed: Option<String>,
    /// The kinds of secrets that were found in it and are not shown.
    pub leaks: Vec<Leak>,
}

/// A kind of secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Leak {
    LongRandom,
    PrivateKey,
    StackTrace,
    /// Its name says so.
    Named,
    AccessKey,
    AccessToken,
    UrlCredentials,
}

impl fmt::Display for Leak {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::LongRandom => "a long value that looks random",
            Self::PrivateKey => "a private key",
            Self::StackTrace => "a stack trace",
            Self::Named => "a value that its name calls secret",
            Self::AccessKey => "an access key",
            Self::AccessToken => "an access token",
            Self::UrlCredentials => "credentials in a URL",
        })
    }
}

/// One word about health, and what it means here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// As it was said, bounded.
    pub word: String,
    /// `None`: a word that no list knows.
    pub means: Option<Meaning>,
}

/// What a word about health means, from best to worst.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Meaning {
    Pass,
    Degraded,
    /// It wants no new traffic, and means it.
    Drain,
    Fail,
}

impl Meaning {
    /// The stable word for the admin API and documents.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Degraded => "degraded",
            Self::Drain => "drain",
            Self::Fail => "fail",
        }
    }
}

/// A part of the backend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Component {
    /// Nested names are joined with `/`.
    pub name: String,
    pub said: Said,
    /// Bounded and redacted.
    pub message: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrokenAssertion {
    /// What was found against what is wanted: a sentence.
    pub why: String,
    /// It degrades; otherwise it fails.
    pub degrades: bool,
}
