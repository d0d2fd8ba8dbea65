//! `pulsegate drain` and its kin: an order to a running gateway, over its admin API, and what came of it.
//!
//! The gateway decides; here is only how to ask and how to tell. Exit codes: 0 it is in force, 1 it is not (refused, or nobody reached),
//! 64 a reload was refused for its configuration.

use super::asking::{self, Answer, Asking, word};
use super::{EXIT_CONFIG, print_out};
use clap::Args;
use http::{Method, StatusCode};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};
use std::process::ExitCode;

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
        path(&self.upstream, &self.backend, action)
    }
}

/// Of what is asked or ordered about a backend.
pub(super) fn path(upstream: &str, backend: &str, action: &str) -> String {
    let encoded = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
    format!("/upstreams/{}/backends/{}/{action}", encoded(upstream), encoded(backend))
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

/// Shows what the admin listener answers at the path, as it is.
pub(super) fn show(path: &str, asking: &Asking) -> ExitCode {
    match asking::ask(asking, Method::GET, path, None) {
        Ok((status, answer)) if status.is_success() => print_out(&String::from_utf8_lossy(&answer)),
        outcome => told(outcome, |_| String::new()),
    }
}

fn told(outcome: Result<Answer, String>, line: impl FnOnce(&Value) -> String) -> ExitCode {
    match outcome {
        Ok((status, answer)) if status.is_success() => {
            print_out(&line(&serde_json::from_slice(&answer).unwrap_or_default()))
        }
        Ok(answer) => {
            eprintln!("pulsegate: {}", asking::problem(&answer));
            let config = answer.0 == StatusCode::UNPROCESSABLE_ENTITY;
            if config { ExitCode::from(EXIT_CONFIG) } else { ExitCode::FAILURE }
        }
        Err(sentence) => {
            eprintln!("pulsegate: {sentence}");
            ExitCode::FAILURE
        }
    }
}

fn post(asking: &Asking, path: &str, body: &Value) -> Result<Answer, String> {
    asking::ask(asking, Method::POST, path, Some(body))
}
