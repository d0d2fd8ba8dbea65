//! What is in force for the document of a readiness probe: how it is read, and what follows from what it says.

#[derive(Clone, Debug, PartialEq)]
pub struct DocumentPlan {
    /// `None`: told by content type and shape.
    pub vocabulary: Option<Vocabulary>,
    /// Components without which it cannot serve: one that fails fails it, whatever the whole says.
    pub critical: Vec<String>,
    /// Components that count for nothing.
    pub ignore: Vec<String>,
    /// The share of its weight that a degraded backend keeps (0.0..=1.0).
    pub degraded_share: f64,
    pub unknown_word: UnknownWord,
    pub on_malformed: OnMalformed,
    pub assertions: Vec<Assertion>,
}

/// What a word means that no list knows. The status code is the anchor: this is asked only where it passes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UnknownWord {
    /// The status code decides.
    #[default]
    Pass,
    Degraded,
    Fail,
}

/// What a document means that cannot be understood. As above, asked only where the status code passes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnMalformed {
    /// The status code decides, with a warning.
    #[default]
    Pass,
    Degraded,
    Fail,
}

/// A condition on the document.
#[derive(Clone, Debug, PartialEq)]
pub struct Assertion {
    /// JSONPath (RFC 9535), as written.
    pub path: String,
    pub is: Condition,
    /// Where it does not hold, the backend is degraded; otherwise the probe fails.
    pub degrades: bool,
}

impl Assertion {
    /// The probe fails where it does not hold.
    pub fn of(path: &str, is: Condition) -> Self {
        Self { path: path.to_owned(), is, degrades: false }
    }
}

/// What every value must fulfil that the path finds. Where it finds nothing, the condition does not hold, except for `Absent`.
#[derive(Clone, Debug, PartialEq)]
pub enum Condition {
    Below(f64),
    AtMost(f64),
    Above(f64),
    AtLeast(f64),
    /// As text: strings without quotes, everything else as JSON writes it.
    Equals(String),
    NotEquals(String),
    Present,
    Absent,
}

impl Default for DocumentPlan {
    fn default() -> Self {
        Self {
            vocabulary: None,
            critical: Vec::new(),
            ignore: Vec::new(),
            degraded_share: 1.0,
            unknown_word: UnknownWord::default(),
            on_malformed: OnMalformed::default(),
            assertions: Vec::new(),
        }
    }
}

/// The family of words that a document was read in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Vocabulary {
    /// `status` UP / DEGRADED / DOWN, `components` with status and message; also what comes close to it.
    Plain,
    /// Spring Boot Actuator.
    Spring,
    /// MicroProfile Health: `checks[]`.
    Microprofile,
    /// ASP.NET Core, text and the UI writer's `entries`.
    Aspnet,
    /// `application/health+json`, the IETF draft.
    Ietf,
    /// The verbose text of Kubernetes: `[+]ping ok`.
    Kubernetes,
    /// No document that speaks about health: the status code decides alone.
    #[default]
    None,
}

impl Vocabulary {
    /// The stable word for the admin API, documents and the configuration.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Spring => "spring",
            Self::Microprofile => "microprofile",
            Self::Aspnet => "aspnet",
            Self::Ietf => "ietf",
            Self::Kubernetes => "kubernetes",
            Self::None => "none",
        }
    }
}
