//! What is in force for who must answer a probe: which service, and what tells one instance of it from the next.

/// What an answer is recognised by.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recognition {
    /// The service that must answer.
    pub identity: Option<Identity>,
    /// What tells one instance from the next: an id, or the moment at which it started.
    pub instance: Option<Fact>,
}

/// The service that must answer, and where it says so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    pub fact: Fact,
    pub service: String,
}

/// Where an answer says something of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fact {
    /// A header, in lower case.
    Header(String),
    /// A JSONPath into its body.
    Json(String),
}

impl Fact {
    /// "the header x-service", "$.service in its body".
    pub fn place(&self) -> String {
        match self {
            Self::Header(name) => format!("the header {name}"),
            Self::Json(path) => format!("{path} in its body"),
        }
    }
}
