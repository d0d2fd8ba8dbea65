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

impl LoggingPlan {
    /// In one format for both logs.
    pub fn of(format: LogFormat) -> Self {
        Self { level: "info".to_owned(), format, access: Some(AccessPlan::plain(format.into())) }
    }
}

impl Default for LoggingPlan {
    fn default() -> Self {
        Self::of(LogFormat::default())
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    #[default]
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

impl From<LogFormat> for AccessForm {
    fn from(format: LogFormat) -> Self {
        match format {
            LogFormat::Text => Self::Text,
            LogFormat::Json => Self::Json,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessFile {
    pub path: PathBuf,
    /// Bytes beyond which another file is begun; 0 = never.
    pub max_size: u64,
    /// Former files that are kept.
    pub keep: u32,
}

impl AccessFile {
    pub fn at(path: PathBuf) -> Self {
        Self { path, max_size: 100 << 20, keep: 5 }
    }
}

/// Whose values are never written (lower case).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redacted {
    pub headers: Vec<String>,
    pub query: Vec<String>,
}

impl Default for Redacted {
    fn default() -> Self {
        let headers = ["authorization", "proxy-authorization", "cookie", "set-cookie", "x-api-key"];
        let query = [
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
        Self { headers: headers.map(str::to_owned).into(), query: query.map(str::to_owned).into() }
    }
}
