//! Which format does whoever asks for metrics want? The one of its Accept header that it likes best, of those that there are.
//!
//! Somebody who names none of them gets Prometheus' text: an answer that can be read beats a refusal.

/// A format of the metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Prometheus' text format, version 0.0.4.
    Text,
    /// OpenMetrics' text format, version 1.0.0.
    OpenMetrics,
    /// Prometheus' protocol buffers, each with its length in front.
    Protobuf,
}

impl Format {
    /// The best of what `accept` (the values of the header) names.
    pub fn wanted<'a>(accept: impl IntoIterator<Item = &'a str>) -> Self {
        let wishes = accept.into_iter().flat_map(|value| value.split(',')).filter_map(wish);
        // Of equals, the first that was named.
        let best = wishes.fold(None, |best: Option<(Self, f32)>, wish| match best {
            Some((_, liked)) if liked >= wish.1 => best,
            _ => Some(wish),
        });
        best.map_or(Self::Text, |(format, _)| format)
    }

    /// What Content-Type says.
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Text => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Self::Protobuf => {
                "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited"
            }
        }
    }
}

/// One element of the header: a format that there is, and how much it is liked.
fn wish(element: &str) -> Option<(Format, f32)> {
    let mut parts = element.split(';').map(str::trim);
    let media = parts.next()?.to_ascii_lowercase();
    let parameters: Vec<(String, &str)> = parts
        .filter_map(|part| part.split_once('='))
        .map(|(name, value)| (name.trim().to_ascii_lowercase(), value.trim().trim_matches('"')))
        .collect();
    let parameter = |name: &str| parameters.iter().find(|(found, _)| found == name).map(|(_, value)| *value);
    let format = match media.as_str() {
        // Nothing of ours differs between them.
        "application/openmetrics-text" if matches!(parameter("version"), None | Some("1.0.0" | "0.0.1")) => {
            Format::OpenMetrics
        }
        "application/vnd.google.protobuf"
            if parameter("proto") == Some("io.prometheus.client.MetricFamily")
                && parameter("encoding") == Some("delimited") =>
        {
            Format::Protobuf
        }
        "text/plain" if matches!(parameter("version"), None | Some("0.0.4")) => Format::Text,
        "text/*" | "*/*" => Format::Text,
        _ => return None,
    };
    let liked = parameter("q").map_or(1.0, |q| q.parse().unwrap_or(0.0));
    (liked > 0.0).then_some((format, liked))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROTOBUF: &str = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited";

    #[test]
    fn the_format_that_is_liked_best() {
        let prometheus_3 = "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,\
            application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,\
            text/plain;version=0.0.4;q=0.3,*/*;q=0.2";
        let native = format!("{PROTOBUF};q=0.7,{prometheus_3}");
        for (accept, expected) in [
            ("", Format::Text),
            ("*/*", Format::Text),
            ("text/html,application/xhtml+xml,*/*;q=0.8", Format::Text),
            ("application/json", Format::Text),
            (prometheus_3, Format::OpenMetrics),
            (&native, Format::Protobuf),
            (PROTOBUF, Format::Protobuf),
            ("application/openmetrics-text", Format::OpenMetrics),
            ("application/openmetrics-text; version=2.0.0", Format::Text),
            ("Application/OpenMetrics-Text; Version=\"1.0.0\"", Format::OpenMetrics),
            ("application/openmetrics-text;q=0, text/plain", Format::Text),
            ("text/plain;q=0.5, application/openmetrics-text;q=0.4", Format::Text),
            ("text/plain, application/openmetrics-text", Format::Text),
            ("application/vnd.google.protobuf", Format::Text),
            ("application/openmetrics-text;q=nonsense", Format::Text),
        ] {
            assert_eq!(Format::wanted([accept]), expected, "{accept}");
        }
        assert_eq!(Format::wanted(["*/*;q=0.1", "application/openmetrics-text"]), Format::OpenMetrics);
        assert_eq!(Format::wanted([]), Format::Text);
    }
}
