//! What may stand in an access-log line, and which requests get one for certain?
//!
//! The fields have one name each, in templates as in JSON. A template is read once, when the configuration is; its mistakes have a place.

/// A fact of a finished request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    Time,
    Client,
    Method,
    Host,
    Path,
    Query,
    Protocol,
    Status,
    GrpcStatus,
    Route,
    Upstream,
    Backend,
    Attempts,
    Tries,
    TookMs,
    HeadMs,
    QueueMs,
    UpstreamMs,
    StalledMs,
    BytesIn,
    BytesOut,
    Reason,
    RetryStopped,
    Listener,
    RequestId,
    TraceId,
}

/// The fields with their names, and with what stands in front of their values in JSON.
macro_rules! named {
    ($($name:literal => $field:ident,)*) => {
        impl Field {
            /// All of them, in the order of a line, with their names.
            pub const ALL: [(&str, Self); 26] = [$(($name, Self::$field)),*];
            /// The same with `,"name":`.
            pub const MEMBERS: [(&str, Self); 26] = [$((concat!(",\"", $name, "\":"), Self::$field)),*];
        }
    };
}

named! {
    "time" => Time,
    "client" => Client,
    "method" => Method,
    "host" => Host,
    "path" => Path,
    "query" => Query,
    "protocol" => Protocol,
    "status" => Status,
    "grpc_status" => GrpcStatus,
    "route" => Route,
    "upstream" => Upstream,
    "backend" => Backend,
    "attempts" => Attempts,
    "tries" => Tries,
    "took_ms" => TookMs,
    "head_ms" => HeadMs,
    "queue_ms" => QueueMs,
    "upstream_ms" => UpstreamMs,
    "stalled_ms" => StalledMs,
    "bytes_in" => BytesIn,
    "bytes_out" => BytesOut,
    "reason" => Reason,
    "retry_stopped" => RetryStopped,
    "listener" => Listener,
    "request_id" => RequestId,
    "trace_id" => TraceId,
}

/// A line with holes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template(pub Vec<Part>);

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    Text(String),
    Field(Field),
    /// A request header, by its name in lower case.
    Header(String),
}

/// Why a text is no template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// The character at which it stands; the first is 1.
    pub at: usize,
    pub flaw: Flaw,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Flaw {
    /// `{` without its `}`.
    Unclosed,
    /// `}` without its `{`.
    Unopened,
    UnknownField(String),
    /// `{header:…}` with something that cannot be one.
    NoHeader(String),
    /// A line break or another control character.
    Control,
}

impl Template {
    /// Reads `{name}`, `{header:name}`, `{{` and `}}`; everything else stands for itself.
    ///
    /// # Errors
    /// The first mistake, with its place.
    pub fn parse(text: &str) -> Result<Self, Mistake> {
        let mut parts = Vec::new();
        let mut plain = String::new();
        let mut rest = text.chars().enumerate().peekable();
        while let Some((index, c)) = rest.next() {
            let mistake = |flaw| Mistake { at: index + 1, flaw };
            match c {
                '{' | '}' if rest.next_if(|(_, next)| *next == c).is_some() => plain.push(c),
                '}' => return Err(mistake(Flaw::Unopened)),
                '{' => {
                    let mut name = String::new();
                    loop {
                        match rest.next() {
                            Some((_, '}')) => break,
                            None | Some((_, '{')) => return Err(mistake(Flaw::Unclosed)),
                            Some((_, c)) => name.push(c),
                        }
                    }
                    if !plain.is_empty() {
                        parts.push(Part::Text(std::mem::take(&mut plain)));
                    }
                    parts.push(hole(&name).map_err(mistake)?);
                }
                c if c.is_control() && c != '\t' => return Err(mistake(Flaw::Control)),
                c => plain.push(c),
            }
        }
        if !plain.is_empty() {
            parts.push(Part::Text(plain));
        }
        Ok(Self(parts))
    }
}

fn hole(name: &str) -> Result<Part, Flaw> {
    if let Some(header) = name.strip_prefix("header:") {
        let token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
        if header.is_empty() || !header.chars().all(token) {
            return Err(Flaw::NoHeader(header.to_owned()));
        }
        return Ok(Part::Header(header.to_ascii_lowercase()));
    }
    let known = Field::ALL.iter().find(|(known, _)| *known == name);
    known.map(|(_, field)| Part::Field(*field)).ok_or_else(|| Flaw::UnknownField(name.to_owned()))
}

/// May its line be left out? Only of a request that went as it should: answered by whom it was for, on the first attempt, whole, and with
/// no 5xx. `class`: 5 for one. `own_reason`: we answered by ourselves, or it broke off.
pub const fn is_success(class: u16, own_reason: bool, attempts: u32) -> bool {
    class < 5 && !own_reason && attempts <= 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_is_text_and_holes() {
        let parts = Template::parse("{client} \"{header:User-Agent}\" {{{status}}}").map(|template| template.0);
        let text = |text: &str| Part::Text(text.to_owned());
        let expected = vec![
            Part::Field(Field::Client),
            text(" \""),
            Part::Header("user-agent".to_owned()),
            text("\" {"),
            Part::Field(Field::Status),
            text("}"),
        ];
        assert_eq!(parts, Ok(expected));
    }

    #[test]
    fn a_mistake_has_its_place() {
        for (text, at, flaw) in [
            ("{client} {upsteam}", 10, Flaw::UnknownField("upsteam".into())),
            ("ü {status", 3, Flaw::Unclosed),
            ("{a{status}", 1, Flaw::Unclosed),
            ("status} ", 7, Flaw::Unopened),
            ("{}", 1, Flaw::UnknownField(String::new())),
            ("{header:}", 1, Flaw::NoHeader(String::new())),
            ("{header:a b}", 1, Flaw::NoHeader("a b".into())),
            ("{status}\n", 9, Flaw::Control),
        ] {
            assert_eq!(Template::parse(text), Err(Mistake { at, flaw }), "{text:?}");
        }
    }

    #[test]
    fn only_what_went_as_it_should_may_go_without_a_line() {
        for (class, own_reason, attempts, success) in [
            (2, false, 1, true),
            (3, false, 1, true),
            (3, false, 0, true),
            (4, false, 1, true),
            (4, true, 0, false),
            (2, true, 1, false),
            (2, false, 2, false),
            (5, false, 1, false),
            (5, true, 0, false),
        ] {
            assert_eq!(is_success(class, own_reason, attempts), success, "{class} {own_reason} {attempts}");
        }
    }
}
