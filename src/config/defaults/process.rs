//! What is in force of the process: its listeners, its logs, its admin side, and whom it tells?

use super::written::{
    half_closed_clients, hours, list, minutes, otlp, scopes, secs, share, size, smtp_tls, tls_version,
};
use super::{Defaults, values};
use pulsegate_core::plan::{
    AccessFile, AccessForm, AccessPlan, AdminLimits, AdminPlan, AlertsPlan, ClientAuth, FlappingPlan, ListenerLimits,
    ListenerPlan, ListenerTls, LoggingPlan, OtlpPlan, Plan, ProbingPlan, RecordPlan, Scopes, ShutdownPlan, SmtpPlan,
    SmtpTls, StartPlan, TokenSource, TracingPlan, UpgradePlan, WebhookKind, WebhookPlan, WebhookUrl,
};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

pub(super) fn all() -> Vec<Defaults> {
    let parts = [whole(), listeners(), admin(), logging(), tracing(), told()];
    parts.into_iter().flatten().collect()
}

fn whole() -> Vec<Defaults> {
    let (probing, start, shutdown) = (ProbingPlan::default(), StartPlan::default(), ShutdownPlan::default());
    let (upgrade, record) = (UpgradePlan::default(), RecordPlan::to(PathBuf::new()));
    vec![
        values(
            "Spec",
            [("threads", Plan::default().threads.to_string()), ("admin", format!("{{ address: \"{}\" }}", address()))],
        ),
        values("ProbingSpec", [("concurrency", probing.concurrency.to_string())]),
        values("StartSpec", [("wait", secs(start.wait))]),
        values("ShutdownSpec", [("delay", secs(shutdown.delay)), ("grace", secs(shutdown.grace))]),
        values("UpgradeSpec", [("timeout", secs(upgrade.timeout))]),
        values("RecordSpec", [("max_size", size(record.max_size)), ("keep", record.keep.to_string())]),
    ]
}

fn listeners() -> Vec<Defaults> {
    let anywhere = ListenerPlan::at(SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)));
    let limits = ListenerLimits::default();
    let client_auth = ClientAuth::by(PathBuf::new());
    vec![
        values(
            "ListenerSpec",
            [
                ("http2", anywhere.http2.to_string()),
                ("half_closed_clients", half_closed_clients(anywhere.half_closed_clients).to_owned()),
            ],
        ),
        values(
            "LimitsSpec",
            [
                ("head_bytes", size(limits.head_bytes as u64)),
                ("head_timeout", secs(limits.head_timeout)),
                ("body_idle_timeout", secs(limits.body_idle_timeout)),
                ("keepalive_timeout", secs(limits.keepalive_timeout)),
                ("keepalive_requests", limits.keepalive_requests.to_string()),
                ("body_bytes", size(limits.body_bytes)),
                ("connections", limits.connections.to_string()),
                ("connections_per_client", limits.connections_per_client.to_string()),
                ("streams", limits.streams.to_string()),
                ("loops", limits.loops.to_string()),
            ],
        ),
        values(
            "ListenerTlsSpec",
            [("minimum_version", tls_version(ListenerTls::of(Vec::new()).minimum_version).to_owned())],
        ),
        values("ClientAuthSpec", [("mode", if client_auth.required { "required" } else { "optional" }.to_owned())]),
    ]
}

fn address() -> String {
    AdminPlan::default().address.map_or_else(|| "off".to_owned(), |address| address.to_string())
}

fn admin() -> Vec<Defaults> {
    let limits = AdminLimits::default();
    vec![
        values("AdminOnSpec", [("address", address())]),
        values("TokenSpec", [("scopes", scopes(Scopes::default()))]),
        values("AdminClientSpec", [("scopes", scopes(Scopes::default()))]),
        values(
            "AdminLimitsSpec",
            [
                ("requests_per_second", limits.requests_per_second.to_string()),
                ("wrong_tokens_per_minute", limits.wrong_tokens_per_minute.to_string()),
            ],
        ),
    ]
}

fn logging() -> Vec<Defaults> {
    let plan = LoggingPlan::default();
    let (access, file) = (AccessPlan::plain(AccessForm::from(plan.format)), AccessFile::at(PathBuf::new()));
    vec![
        values(
            "LoggingSpec",
            [
                ("level", plan.level),
                ("format", plan.format.word().to_owned()),
                ("access", plan.access.is_some().to_string()),
            ],
        ),
        values(
            "AccessHowSpec",
            [
                ("sample", share(access.sample)),
                ("max_size", size(file.max_size)),
                ("keep", file.keep.to_string()),
                ("headers", list(&access.headers)),
                ("redact_headers", list(&access.redacted.headers)),
                ("redact_query", list(&access.redacted.query)),
            ],
        ),
    ]
}

fn tracing() -> Vec<Defaults> {
    let plan = TracingPlan::to(OtlpPlan::to(""));
    vec![
        values(
            "TracingSpec",
            [
                ("ratio", share(plan.ratio)),
                ("follow_parent", plan.follow_parent.to_string()),
                ("probes", share(plan.probes)),
                ("service", plan.service),
            ],
        ),
        values("OtlpSpec", [("protocol", otlp(plan.otlp.protocol).to_owned()), ("timeout", secs(plan.otlp.timeout))]),
    ]
}

fn told() -> Vec<Defaults> {
    let alerts = AlertsPlan::default();
    let FlappingPlan { transitions, within } = alerts.flapping;
    let url = WebhookUrl::Secret(TokenSource::Env(String::new()));
    let webhook = WebhookPlan::to("", WebhookKind::Generic, url);
    let attempts =
        format!("Default: {}, and {} for `slack` and `pagerduty`.", webhook.attempts, WebhookKind::Slack.attempts());
    let smtp = SmtpPlan::to("", "", "", Vec::new());
    let [usual, implicit, plain] = [smtp.tls, SmtpTls::Implicit, SmtpTls::None].map(SmtpTls::port);
    let ports = format!("Default of the port: {usual}, {implicit} for `tls: implicit`, {plain} for `tls: none`.");
    vec![
        values(
            "AlertsSpec",
            [
                ("group_wait", secs(alerts.group_wait)),
                ("group_interval", minutes(alerts.group_interval)),
                ("repeat_interval", hours(alerts.repeat_interval)),
                ("source", alerts.source.to_string()),
            ],
        ),
        values("FlapsSpec", [("transitions", transitions.to_string()), ("within", minutes(within))]),
        values("WebhookSpec", [("timeout", secs(webhook.timeout))]),
        Defaults { of: "WebhookSpec", told: vec![("attempts", attempts)] },
        Defaults { of: "SmtpSpec", told: vec![("smarthost", ports)] },
        values(
            "SmtpSpec",
            [
                ("tls", smtp_tls(smtp.tls).to_owned()),
                ("timeout", secs(smtp.timeout)),
                ("attempts", smtp.attempts.to_string()),
            ],
        ),
    ]
}
