//! What is written down of the process and of each request, where, and in which form?

use crate::plan::access_log::Template;
use std::path::PathBuf;

#[derive(Clone, Debug, PartialEq)]
pub struct LoggingPlan {
    pub level: String,
    pub format: LogFormat,
    /// A line per request; `None` = none.
    pub access: Option<AccessPlan>,
}

impl Default for LoggingPlan {
    fn default() -> Self {
        Self { level: "info".to_owned(), format: LogFormat::Text, access: None }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    Text,
    Json,
}

impl LogFormat {
    pub const fn word(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Json => "json",
        }
    }
}

/// The access log.
#[derive(Clone, Debug, PartialEq)]
pub struct AccessPlan {
    pub form: AccessForm,
    /// The share of successes that get a line. What failed always gets one.
    pub sample: f64,
    /// `None` = stdout.
    pub file: Option<AccessFile>,
    /// The query stands behind the path.
    pub query: bool,
    /// Request headers that have a place in the line (lower case); formats with fields only.
    pub headers: Vec<String>,
    pub redacted: Redacted,
}

impl AccessPlan {
    /// To stdout, everything, nothing special.
    pub fn plain(form: AccessForm) -> Self {
        Self { form, sample: 1.0, file: None, query: false, headers: Vec::new(), redacted: Redacted::default() }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AccessForm {
    /// `key=value`.
    Text,
    Json,
    /// NCSA's common log format.
    Common,
    /// Apache's combined log format: common, referrer, user agent.
    Combined,
    Template(Template),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessFile {
    pub path: PathBuf,
    /// Bytes beyond which another file is begun; 0 = never.
    pub max_size: u64,
    /// Former files that are kept.
    pub keep: u32,
}

/// Whose values are never written (lower case).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redacted {
    pub headers: Vec<String>,
    pub query: Vec<String>,
}

impl Redacted {
    pub const HEADERS: [&str; 5] = ["authorization", "proxy-authorization", "cookie", "set-cookie", "x-api-key"];
    pub const QUERY: [&str; 10] = [
        "access_token",
        "api_key",
        "apikey",
        "client_secret",
        "code",
        "id_token",
        "password",
        "refresh_token",
        "secret",
        "token",
    ];
}

impl Default for Redacted {
    fn default() -> Self {
        Self { headers: Self::HEADERS.map(str::to_owned).into(), query: Self::QUERY.map(str::to_owned).into() }
    }
}
