//! Which metrics exist? One table: name, type, labels, unit and help of each.
//!
//! Registration, rendering and the page `docs/metrics.md` all come from here, so that none of them can say something else. What
//! a metric's value is, [`super::metrics`] knows. Every label's values come from the plan, the board (of what a backend
//! names, so many and no more) or a fixed set of words, never from a client: the number of series is bounded.

use Label::{Backend, Certificate, Component, Listener, Receiver, Route, Upstream, Word};
use std::fmt::Write;

/// What kind of series a metric is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    Counter,
    Gauge,
    /// With the upper bounds of its buckets.
    Histogram(&'static [f64]),
}

/// A label, and what its values name. Whoever adds one says so: a series goes with whom its labels name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Label {
    Route,
    Upstream,
    Listener,
    /// Of alerts and events, by HTTP or as mail.
    Receiver,
    /// A backend of the upstream beside it.
    Backend,
    /// Of a readiness document of the backend beside it.
    Component,
    /// A name in the certificates of the listener beside it.
    Certificate,
    /// One of a fixed set of words.
    Word(&'static str),
}

impl Label {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Route => "route",
            Self::Upstream => "upstream",
            Self::Listener => "listener",
            Self::Receiver => "webhook",
            Self::Backend => "backend",
            Self::Component => "component",
            Self::Certificate => "name",
            Self::Word(name) => name,
        }
    }
}

/// One row of the table.
#[derive(Clone, Copy, Debug)]
pub struct Metric {
    pub name: &'static str,
    pub kind: Kind,
    pub labels: &'static [Label],
    /// What one is: "requests", "seconds", "bytes", "0 or 1"…
    pub unit: &'static str,
    pub help: &'static str,
}

/// Seconds. Dense between 1 ms and 1 s, where gateways live; the last one is the default total timeout.
const LATENCY: &[f64] = &[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0];

/// Seconds. What a gateway adds is microseconds; what is beyond a few milliseconds is an overloaded machine.
const OVERHEAD: &[f64] =
    &[0.000_025, 0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0];

/// Declares the constants and the list of all of them in one go, so that no metric can miss in [`ALL`].
macro_rules! table {
    ($($id:ident = $name:literal, $kind:expr, [$($label:expr),*], $unit:literal, $help:literal;)*) => {
        $(pub const $id: Metric = Metric { name: $name, kind: $kind, labels: &[$($label),*], unit: $unit, help: $help };)*
        /// Every metric, sorted by name. No counter has the name of a gauge plus `_total`: OpenMetrics counts those as one family.
        pub const ALL: &[Metric] = &[$($id),*];
    };
}

table! {
    PROCESS_CPU = "process_cpu_seconds_total", Kind::Counter, [], "seconds", "User and system CPU time of the process.";
    PROCESS_MAX_FDS = "process_max_fds", Kind::Gauge, [], "file descriptors", "The most file descriptors that the process may open.";
    PROCESS_OPEN_FDS = "process_open_fds", Kind::Gauge, [], "file descriptors", "Open file descriptors.";
    PROCESS_MEMORY = "process_resident_memory_bytes", Kind::Gauge, [], "bytes", "Resident memory.";
    PROCESS_START = "process_start_time_seconds", Kind::Gauge, [], "Unix seconds", "When the process started.";
    PROCESS_THREADS = "process_threads", Kind::Gauge, [], "threads", "Threads of the process.";
    ACCESS_DROPPED = "pulsegate_access_log_dropped_total", Kind::Counter, [], "lines", "Access-log lines that were dropped: their reader was too slow, or they could not be written.";
    ACCESS_LINES = "pulsegate_access_log_lines_total", Kind::Counter, [], "lines", "Access-log lines that were written.";
    ACCESS_WAITING = "pulsegate_access_log_waiting_bytes", Kind::Gauge, [], "bytes", "Access-log lines that wait to be written. Beyond 16 MiB they are dropped.";
    ADMIN_WRITES = "pulsegate_admin_writes_total", Kind::Counter, [Word("action"), Word("result")], "calls", "Calls of the admin API that wanted to change something: applied, refused (it could not be done) or denied (who asked may not).";
    ALERT_TRANSITIONS_DROPPED = "pulsegate_alert_transitions_dropped_total", Kind::Counter, [], "transitions", "Beginnings and ends of conditions that no alert knows of: more than 1024 waited (the last of each condition is kept), or more than 10 000 conditions held.";
    ALERTS_FIRING = "pulsegate_alerts_firing", Kind::Gauge, [Word("severity")], "conditions", "Conditions that hold now and that alerts speak of, whoever is told.";
    ATTEMPTS = "pulsegate_attempts_total", Kind::Counter, [Upstream, Word("result")], "attempts", "Attempts at backends, retries included, by what came of each: response, or how it failed (bad_status is a 5xx that blames the backend; abandoned: the client left or took nothing, or another backend that was asked too answered first; deadline: a timeout of the request, or its caller's own, or nothing moved; no_room: no HTTP/2 stream was free in time).";
    BACKEND_COMPONENT = "pulsegate_backend_component_up", Kind::Gauge, [Upstream, Backend, Component], "0 or 1", "What the backend's last readiness document says of its component: 1 when it is well or degraded, 0 when it fails or drains. Absent for a word that no list knows. At most 20 per backend.";
    EJECTION_NTH = "pulsegate_backend_ejection_nth", Kind::Gauge, [Upstream, Backend], "ejections", "Which ejection in a row holds the backend out; 0 when it is not ejected.";
    BACKEND_ELIGIBLE = "pulsegate_backend_eligible", Kind::Gauge, [Upstream, Backend], "0 or 1", "1 when the backend may receive traffic.";
    BACKEND_IN_FLIGHT = "pulsegate_backend_in_flight", Kind::Gauge, [Upstream, Backend], "requests", "Requests in flight to the backend.";
    BACKEND_PROBE_PASSED = "pulsegate_backend_last_probe_passed", Kind::Gauge, [Upstream, Backend], "0 or 1", "1 when the last probe of the backend passed. Absent before the first probe.";
    BACKEND_PROBE_SECONDS = "pulsegate_backend_last_probe_seconds", Kind::Gauge, [Upstream, Backend], "seconds", "How long the last probe of the backend took.";
    BACKEND_TRANSITION = "pulsegate_backend_last_transition_timestamp_seconds", Kind::Gauge, [Upstream, Backend], "Unix seconds", "Since when the backend has its standing: its last transition, or when it joined.";
    BACKEND_OUTCOMES = "pulsegate_backend_outcomes_total", Kind::Counter, [Upstream, Backend, Word("outcome")], "attempts", "Outcomes of live traffic at the backend: success or failure. What blames nobody is not counted.";
    BACKEND_SHARE = "pulsegate_backend_share", Kind::Gauge, [Upstream, Backend], "share, 0 to 1", "The share of its weight that the backend receives now: less than 1 while it ramps or is degraded, 0 when it is not eligible.";
    BACKEND_STANDING = "pulsegate_backend_standing", Kind::Gauge, [Upstream, Backend, Word("standing")], "0 or 1", "The backend's standing as a state set: 1 for the current one, 0 for all others.";
    BUILD = "pulsegate_build_info", Kind::Gauge, [Word("version")], "always 1", "The running version.";
    CERTIFICATE_EXPIRY = "pulsegate_certificate_expiry_timestamp_seconds", Kind::Gauge, [Listener, Certificate], "Unix seconds", "When the certificate that a listener has for a name ends; the earliest where it has several. The name is empty for a certificate without names.";
    RELOAD_AT = "pulsegate_config_last_reload_success_timestamp_seconds", Kind::Gauge, [], "Unix seconds", "When the configuration in force was loaded.";
    RELOAD_OK = "pulsegate_config_last_reload_successful", Kind::Gauge, [], "0 or 1", "1 when the configuration file as last read is in force; 0 when a reload was refused and the old one stays.";
    CONNECTIONS = "pulsegate_connections", Kind::Gauge, [Listener], "connections", "Open client connections.";
    CONNECTIONS_ACCEPTED = "pulsegate_connections_accepted_total", Kind::Counter, [Listener], "connections", "Client connections that were accepted.";
    DETECTION_FAILED = "pulsegate_detection_failed_requests_total", Kind::Counter, [Upstream], "requests", "What detection cost: requests that clients saw fail at a backend which was in rotation when it was asked and went out for failing within the next minute, or while the request was under way. Counted when the backend goes out.";
    DISAGREEMENTS = "pulsegate_disagreements_total", Kind::Counter, [Upstream, Word("what")], "episodes", "Episodes in which a backend's probes and traffic contradicted each other: lying_readiness (probes pass, traffic fails) or failing_readiness (the reverse).";
    DISCOVERY_KEPT = "pulsegate_discovery_failures_total", Kind::Counter, [Upstream], "answers", "Answers of a discovery source that failed or were empty: the last set of backends was kept.";
    EJECTIONS_REFUSED = "pulsegate_ejections_refused_total", Kind::Counter, [Upstream], "ejections", "Ejections that passive evidence asked for and the floor of fit backends refused.";
    EJECTIONS = "pulsegate_ejections_total", Kind::Counter, [Upstream, Word("cause")], "ejections", "Backends ejected by passive evidence, by the detector that found them, or trial: the request that was to decide their return failed.";
    FIRST_ROUND = "pulsegate_first_probe_round_done", Kind::Gauge, [], "0 or 1", "1 when every probed backend has had its first verdict.";
    HEALTH_SHIELDED = "pulsegate_health_shielded_total", Kind::Counter, [Route], "requests", "Requests for a probed path that `shield_health` hid: they were answered 404.";
    HEDGED = "pulsegate_hedged_requests_total", Kind::Counter, [Route, Word("result")], "requests", "Requests of which another backend was asked too, since the answer was late (sent), and those that it answered first (won).";
    IP_DENIED = "pulsegate_ip_denied_total", Kind::Counter, [Route], "requests", "Requests that `allow` or `deny` of the route did not let in (403).";
    LOG_DROPPED = "pulsegate_log_dropped_total", Kind::Counter, [], "lines", "Lines of the process's log (events) that were dropped: whoever takes stderr was too slow, or they could not be written.";
    LOG_LINES = "pulsegate_log_lines_total", Kind::Counter, [], "lines", "Lines of the process's log (events) that were written.";
    LOG_WAITING = "pulsegate_log_waiting_bytes", Kind::Gauge, [], "bytes", "Lines of the process's log (events) that wait to be written. Beyond 16 MiB they are dropped.";
    MIRRORED = "pulsegate_mirrored_requests_total", Kind::Counter, [Route, Word("result")], "requests", "Requests of a route's mirrored share: a copy was sent, or dropped (its body was too long to keep, or 256 copies were under way).";
    NEED_RESTART = "pulsegate_need_restart_total", Kind::Counter, [Upstream, Word("probe")], "episodes", "How often a backend's liveness probe failed for good, or its startup probe did (it did not start): somebody must restart it.";
    OVERHEAD_SECONDS = "pulsegate_overhead_seconds", Kind::Histogram(OVERHEAD), [Upstream], "seconds", "What the gateway itself added to the time to the response head of a request that a backend answered: from the request's head (read and checked) to the response's head (ready to be sent), less the waits for backends (to connect, and from sending the request to the head, or to the end of an attempt without one), in the queue and for somebody to be eligible.";
    OWN_ANSWERS = "pulsegate_own_answers_total", Kind::Counter, [Word("reason")], "requests", "Requests that the gateway answered by itself or whose exchange broke, by the reason of the access log.";
    PANICS = "pulsegate_panics_total", Kind::Counter, [], "panics", "Mistakes of this program that ended a task: each is a line of the log (event=process.panic) with its place. Expected is 0.";
    POOL_EMPTIED = "pulsegate_pool_emptied_total", Kind::Counter, [Upstream], "times", "How often the upstream lost its last eligible backend.";
    POOL_HELD = "pulsegate_pool_held_total", Kind::Counter, [Upstream], "times", "How often most of the upstream fell together for one reason and was held in place.";
    PROBE_SECONDS = "pulsegate_probe_duration_seconds", Kind::Histogram(LATENCY), [Upstream, Word("probe")], "seconds", "How long probes took, from the start of the connect to the end of the answer or of their time.";
    PROBE_START_DELAY = "pulsegate_probe_start_delay_seconds", Kind::Histogram(LATENCY), [], "seconds", "How long after it was due a probe started: beyond a few milliseconds, the gateway is short of CPU or `probing.concurrency` holds probes back.";
    PROBE_TIMEOUTS_HELD = "pulsegate_probe_timeouts_held_total", Kind::Counter, [Upstream], "verdicts", "Verdicts from probe timeouts alone that were held back because live traffic succeeded.";
    PROBES = "pulsegate_probes_total", Kind::Counter, [Upstream, Word("probe"), Word("result")], "probes", "Probes by what they came to: passed, draining (the answer asks for no new traffic), or how they failed: refused, timeout, tls, status, body, document, identity.";
    QUEUE_REQUESTS = "pulsegate_queue_requests", Kind::Gauge, [Upstream], "requests", "Requests that wait for room at the upstream's backends (`limits.queue`).";
    RATE_LIMITED = "pulsegate_rate_limited_total", Kind::Counter, [Route], "requests", "Requests over the `rate_limit` of the route (429).";
    RECEIVED_BYTES = "pulsegate_received_bytes_total", Kind::Counter, [Route, Upstream], "bytes", "Bytes received from clients.";
    REFUSED = "pulsegate_refused_total", Kind::Counter, [Listener, Word("reason")], "connections", "Connections and request heads that were refused before they became a request.";
    RELOADS = "pulsegate_reloads_total", Kind::Counter, [Word("result")], "reloads", "Reloads of the configuration: applied or refused.";
    REQUEST_SECONDS = "pulsegate_request_duration_seconds", Kind::Histogram(LATENCY), [Route, Upstream], "seconds", "From the request's head to the end of the response. Route and upstream are empty where none was found.";
    REQUESTS = "pulsegate_requests_total", Kind::Counter, [Route, Upstream, Word("code_class")], "requests", "Finished requests. A client that left before an answer counts as 4xx (499), a gRPC call by its own status: OK is 2xx, what a caller may mend 4xx, all else 5xx. Route and upstream are empty where none was found.";
    RESTARTED = "pulsegate_restarts_seen_total", Kind::Counter, [Upstream], "restarts", "How often another instance was seen to answer at a backend's address.";
    RETRIES = "pulsegate_retries_total", Kind::Counter, [Upstream, Word("reason")], "attempts", "Attempts beyond a request's first, by what had come of the one before (as in pulsegate_attempts_total; abandoned: another backend was asked too, since the answer was late).";
    RETRY_STOPPED = "pulsegate_retry_stopped_total", Kind::Counter, [Upstream, Word("reason")], "requests", "Requests whose last failure was not tried again, by what forbade it.";
    SAVED = "pulsegate_saved_requests_total", Kind::Counter, [Upstream, Word("by")], "requests", "Requests that failing backends would have failed and that succeeded: by a retry (an attempt failed, and another backend answered with a success), or by ejection. The latter is an estimate: of each request that succeeded at its first try, the share of the pool's weight that was out for failing (ejected, down, not ready, not alive or on trial), as if all had been in rotation.";
    SENT_BYTES = "pulsegate_sent_bytes_total", Kind::Counter, [Route, Upstream], "bytes", "Bytes sent to clients.";
    GENERATION = "pulsegate_snapshot_generation", Kind::Gauge, [], "publications", "The generation of the snapshot that requests read.";
    SPANS_DROPPED = "pulsegate_trace_spans_dropped_total", Kind::Counter, [Word("reason")], "spans", "Spans that no collector has: the queue was full (queue_full), three tries failed (not_exported), or it did not want them (rejected).";
    SPANS_EXPORTED = "pulsegate_trace_spans_exported_total", Kind::Counter, [], "spans", "Spans that the trace collector took.";
    SPANS_WAITING = "pulsegate_trace_spans_waiting", Kind::Gauge, [], "spans", "Spans that wait to be sent. When those of 2048 requests wait, more are dropped.";
    TRANSITIONS = "pulsegate_transitions_total", Kind::Counter, [Upstream, Word("to")], "transitions", "Changes of a backend's standing, by the new standing.";
    UPSTREAM_BACKENDS = "pulsegate_upstream_backends", Kind::Gauge, [Upstream], "backends", "Backends of the upstream, whatever their standing.";
    UPSTREAM_CONNECTIONS = "pulsegate_upstream_connections", Kind::Gauge, [Upstream, Word("state")], "connections", "Open connections to the upstream's backends: active ones carry requests, idle ones wait for the next.";
    UPSTREAM_ELIGIBLE = "pulsegate_upstream_eligible_backends", Kind::Gauge, [Upstream], "backends", "Backends of the upstream that may receive traffic.";
    UPSTREAM_SECONDS = "pulsegate_upstream_response_seconds", Kind::Histogram(LATENCY), [Upstream], "seconds", "From the start of a request's last attempt to its response head.";
    WEBHOOK_NOTICES = "pulsegate_webhook_notices_total", Kind::Counter, [Receiver, Word("result")], "events", "Events and alerts for a receiver (webhook or smtp): delivered, failed (given up after all attempts, or refused for good) or dropped (too many waited).";
    WORKER_CONNECTIONS = "pulsegate_worker_connections", Kind::Gauge, [Word("worker")], "connections", "Open client connections of each worker thread. A new one goes to the worker with the fewest, and stays with it.";
    WOULD_EJECT = "pulsegate_would_eject_total", Kind::Counter, [Upstream, Word("detector")], "findings", "Backends that a detector which does not enforce would have ejected, told once per ejection time.";
    WOULD_RATE_LIMIT = "pulsegate_would_rate_limit_total", Kind::Counter, [Route], "requests", "Requests that a `rate_limit` with `enforce: false` would have denied.";
}

/// The page `docs/metrics.md`.
pub fn page() -> String {
    let mut page = String::from(
        "# Metrics\n\n\
         The admin listener serves these at `/metrics`: in Prometheus' text format (0.0.4), in OpenMetrics' (1.0.0), or as \
         Prometheus' protocol buffers, whichever the request's `Accept` likes best. With `metrics.native_histograms: true` the last has \
         native histograms (schema 3) beside the classic buckets. This page is generated from \
         `src/telemetry/table.rs`; a test fails when it is stale (`PULSEGATE_BLESS=1 cargo test --lib telemetry::table` writes it anew).\n\n\
         Label values come from the configuration, from discovery, from fixed words and (components, bounded) from readiness documents, never from a client. The series of a removed \
         backend, route or upstream disappear. Series of the gauges about backends are computed when they are asked for.\n\n\
         | Metric | Type | Labels | Unit | Meaning |\n|---|---|---|---|---|\n",
    );
    for metric in ALL {
        let labels: Vec<String> = metric.labels.iter().map(|label| format!("`{}`", label.name())).collect();
        let _ = writeln!(
            page,
            "| `{}` | {} | {} | {} | {} |",
            metric.name,
            metric.kind.word(),
            labels.join(", "),
            metric.unit,
            metric.help
        );
    }
    page
}

impl Kind {
    /// As Prometheus says it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram(_) => "histogram",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_is_current() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/metrics.md");
        if std::env::var_os("PULSEGATE_BLESS").is_some() {
            std::fs::write(path, page()).unwrap();
        }
        assert_eq!(std::fs::read_to_string(path).unwrap(), page(), "docs/metrics.md is stale");
    }

    #[test]
    fn names_follow_the_conventions_of_prometheus() {
        for metric in ALL {
            let ours = metric.name.starts_with("pulsegate_") || metric.name.starts_with("process_");
            assert!(ours, "{}", metric.name);
            assert_eq!(metric.name.ends_with("_total"), metric.kind == Kind::Counter, "{}", metric.name);
            assert!(metric.help.ends_with('.'), "{}: {}", metric.name, metric.help);
            assert!(!metric.help.contains('|'), "{}: it would break the table of the page", metric.name);
        }
    }

    #[test]
    fn a_counter_shares_its_family_name_with_nobody() {
        for metric in ALL {
            let family = metric.name.strip_suffix("_total").unwrap_or_default();
            assert!(ALL.iter().all(|other| other.name != family), "{}", metric.name);
        }
    }

    #[test]
    fn an_owner_is_called_as_no_word_is() {
        let owned = [Route, Upstream, Listener, Receiver, Backend, Component, Certificate].map(Label::name);
        for metric in ALL {
            for label in metric.labels {
                assert!(!matches!(label, Word(name) if owned.contains(name)), "{}: {label:?}", metric.name);
            }
        }
    }

    #[test]
    fn the_table_is_sorted_and_no_name_stands_twice() {
        for pair in ALL.windows(2) {
            assert!(pair[0].name < pair[1].name, "{} before {}", pair[0].name, pair[1].name);
        }
    }
}
