//! `pulsegate drain` and its kin: an order to a running gateway, over its admin API, and what came of it.
//!
//! The gateway decides; here is only how to ask and how to tell. Exit codes: 0 it is in force, 1 it is not (refused, or nobody reached),
//! 64 a reload was refused for its configuration.

use super::{EXIT_CONFIG, print_out};
use bytes::Bytes;
use clap::Args;
use http::{Method, Request, StatusCode, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;
use tokio::time::timeout;

/// Of the whole call. A reload binds and reads certificates first.
const PATIENCE: Duration = Duration::from_secs(30);
const ANSWER: usize = 1 << 20;
const TOKEN: &str = "PULSEGATE_TOKEN";

/// Which backend.
#[derive(Debug, Args)]
pub(super) struct Target {
    /// The upstream's name
    upstream: String,
    /// The backend's address, as /upstreams shows it
    backend: String,
}

impl Target {
    pub(super) fn path(&self, action: &str) -> String {
        let encoded = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
        format!("/upstreams/{}/backends/{}/{action}", encoded(&self.upstream), encoded(&self.backend))
    }
}

/// How long, and why.
#[derive(Debug, Args)]
pub(super) struct Terms {
    /// Take the order back after this (10m, 2h); without it, it stays until it is taken back
    #[arg(long = "for", value_name = "DURATION")]
    lasts: Option<String>,
    /// Why, for those who ask later
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
}

/// Where the gateway is, and who asks.
#[derive(Debug, Args)]
pub(super) struct Asking {
    /// The admin listener
    #[arg(long, env = "PULSEGATE_ADMIN", default_value = "http://127.0.0.1:9090", value_name = "URL")]
    admin: String,
    /// A file with the bearer token; else the variable PULSEGATE_TOKEN, else none
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
}

/// Steers one backend. `weight`: a number or `configured`.
pub(super) fn steer(
    action: &str,
    target: &Target,
    terms: Option<&Terms>,
    weight: Option<&str>,
    asking: &Asking,
) -> ExitCode {
    let path = target.path(action);
    let mut wish = serde_json::Map::new();
    if let Some(weight) = weight {
        let weight = weight.parse::<u64>().map_or_else(|_| json!(weight), |number| json!(number));
        wish.insert("weight".to_owned(), weight);
    }
    for (key, value) in
        [("for", terms.and_then(|t| t.lasts.as_ref())), ("reason", terms.and_then(|t| t.reason.as_ref()))]
    {
        if let Some(value) = value {
            wish.insert(key.to_owned(), json!(value));
        }
    }
    told(post(asking, &path, &Value::Object(wish)), |answer| {
        let backend = &answer["backend"];
        let mut line = format!(
            "{} {} is {}, with weight {}",
            target.upstream,
            target.backend,
            word(&backend["standing"]),
            backend["weight"]
        );
        for order in [&backend["order"], &backend["weight_order"]].into_iter().filter(|order| order.is_object()) {
            let until =
                order["until"]["at"].as_str().map_or("until it is taken back".to_owned(), |at| format!("until {at}"));
            line.push_str(&format!("; {} by {} {until}", word(&order["what"]), word(&order["by"])));
        }
        line + "\n"
    })
}

pub(super) fn reload(asking: &Asking) -> ExitCode {
    told(post(asking, "/reload", &json!({})), |_| "the new configuration is in force\n".to_owned())
}

/// A string as it is, anything else as JSON.
fn word(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Shows what the admin listener answers at the path, as it is.
pub(super) fn show(path: &str, asking: &Asking) -> ExitCode {
    match ask(asking, Method::GET, path, None) {
        Ok((status, answer)) if status.is_success() => print_out(&String::from_utf8_lossy(&answer)),
        outcome => told(outcome, |_| String::new()),
    }
}

fn told(outcome: Result<(StatusCode, Bytes), String>, line: impl FnOnce(&Value) -> String) -> ExitCode {
    let understood =
        |(status, answer): (StatusCode, Bytes)| (status, serde_json::from_slice(&answer).unwrap_or_default());
    match outcome.map(understood) {
        Ok((status, answer)) if status.is_success() => print_out(&line(&answer)),
        Ok((status, answer)) => {
            let detail = answer["detail"].as_str().unwrap_or("no sentence; is that an admin listener of Pulsegate?");
            eprintln!("pulsegate: {status}: {detail}");
            for known in answer["known"].as_array().into_iter().flatten() {
                eprintln!("  {}", word(known));
            }
            let config = status == StatusCode::UNPROCESSABLE_ENTITY;
            if config { ExitCode::from(EXIT_CONFIG) } else { ExitCode::FAILURE }
        }
        Err(sentence) => {
            eprintln!("pulsegate: {sentence}");
            ExitCode::FAILURE
        }
    }
}

fn post(asking: &Asking, path: &str, body: &Value) -> Result<(StatusCode, Bytes), String> {
    ask(asking, Method::POST, path, Some(body))
}

fn ask(asking: &Asking, method: Method, path: &str, body: Option<&Value>) -> Result<(StatusCode, Bytes), String> {
    let base = base(&asking.admin)?;
    let mut request = Request::builder().method(method).uri(format!("{base}{path}"));
    if body.is_some() {
        request = request.header(header::CONTENT_TYPE, "application/json");
    }
    if let Some(token) = token(asking)? {
        request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
    }
    let request = request.body(Full::new(body.map(ToString::to_string).unwrap_or_default().into()));
    let request = request.map_err(|error| format!("--admin {base} or the token cannot be sent: {error}"))?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| format!("the runtime could not be started: {error}"))?;
    let answer = runtime.block_on(async { timeout(PATIENCE, exchange(request)).await });
    let answer = answer.map_err(|_| format!("no answer from {base} within {PATIENCE:?}"))?;
    answer.map_err(|error| format!("no answer from the admin listener at {base}: {error}"))
}

async fn exchange(request: Request<Full<Bytes>>) -> Result<(StatusCode, Bytes), String> {
    let client = Client::builder(TokioExecutor::new()).build_http::<Full<Bytes>>();
    let response = client.request(request).await.map_err(|error| reasons(&error))?;
    let status = response.status();
    let body = Limited::new(response.into_body(), ANSWER).collect().await.map_err(|error| error.to_string())?;
    Ok((status, body.to_bytes()))
}

/// An error with everything behind it: the outer ones of the client say nothing.
fn reasons(error: &dyn std::error::Error) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}

fn base(admin: &str) -> Result<String, String> {
    let rest = match admin.split_once("://") {
        Some(("http", rest)) => rest,
        Some((scheme, _)) => {
            return Err(format!(
                "--admin: found {scheme}://, allowed: http://ADDRESS:PORT (the admin listener speaks no TLS; use a tunnel)"
            ));
        }
        None => admin,
    };
    Ok(format!("http://{}", rest.trim_end_matches('/')))
}

fn token(asking: &Asking) -> Result<Option<String>, String> {
    match &asking.token_file {
        Some(file) => std::fs::read_to_string(file)
            .map(|text| Some(text.trim().to_owned()))
            .map_err(|error| format!("--token-file {}: {error}", file.display())),
        None => Ok(std::env::var(TOKEN).ok().map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())),
    }
}

#[cfg(test)]
mod tests {
    use super::base;

    #[test]
    fn the_admin_listener_is_named_with_or_without_its_scheme() {
        for written in ["http://127.0.0.1:9090", "127.0.0.1:9090", "http://127.0.0.1:9090/"] {
            assert_eq!(base(written).as_deref(), Ok("http://127.0.0.1:9090"));
        }
        assert!(base("https://gateway:9090").unwrap_err().contains("speaks no TLS"));
    }
}
