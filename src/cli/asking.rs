//! Where is the gateway, who asks it, and how? The way of every command to the admin listener of a running gateway.

use crate::tls::ClientConfigs;
use bytes::Bytes;
use clap::Args;
use http::{Method, Request, StatusCode, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use pulsegate_core::plan::{KeyPair, Protocol, UpstreamTls};
use serde_json::Value;
use std::path::PathBuf;
use std::time::Duration;
use tokio::time::timeout;

/// Of the whole call. A reload binds and reads certificates first.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);
/// Ten thousand backends with their histories.
const ANSWER: usize = 256 << 20;
const TOKEN: &str = "PULSEGATE_TOKEN";

/// Where the gateway is, and who asks.
#[derive(Clone, Debug, Args)]
pub(super) struct Asking {
    /// The admin listener: http://ADDRESS:PORT, or https:// where it has `admin.tls`
    #[arg(long, env = "PULSEGATE_ADMIN", default_value = "http://127.0.0.1:9090", value_name = "URL")]
    admin: String,
    /// A file with the bearer token; else the variable PULSEGATE_TOKEN, else none
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// With https: a PEM file of the authority that signed its certificate; else the system's roots
    #[arg(long, env = "PULSEGATE_CA", value_name = "FILE")]
    ca: Option<PathBuf>,
    /// With https: a PEM file of a certificate to show, where it asks for one
    #[arg(long, env = "PULSEGATE_CERT", value_name = "FILE", requires = "key")]
    cert: Option<PathBuf>,
    /// A PEM file of the key of `--cert`
    #[arg(long, env = "PULSEGATE_KEY", value_name = "FILE", requires = "cert")]
    key: Option<PathBuf>,
}

/// Status and body.
pub(super) type Answer = (StatusCode, Bytes);

/// A way to one gateway, which keeps its connection for the next question.
#[derive(Clone, Debug)]
pub(super) struct Admin {
    base: String,
    token: Option<String>,
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
}

impl Admin {
    /// # Errors
    /// A sentence when the address, the token or a file cannot be used.
    pub(super) fn new(asking: &Asking) -> Result<Self, String> {
        let base = base(&asking.admin)?;
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        let connector = HttpsConnectorBuilder::new().with_tls_config(tls(asking, &base)?).https_or_http();
        let client = Client::builder(TokioExecutor::new()).build(connector.enable_http1().wrap_connector(tcp));
        Ok(Self { base, token: token(asking)?, client })
    }

    /// Where it asks, for people.
    pub(super) fn base(&self) -> &str {
        &self.base
    }

    /// # Errors
    /// A sentence when nothing was answered within `patience`.
    pub(super) async fn ask(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
        patience: Duration,
    ) -> Result<Answer, String> {
        let base = &self.base;
        let mut request = Request::builder().method(method).uri(format!("{base}{path}"));
        if body.is_some() {
            request = request.header(header::CONTENT_TYPE, "application/json");
        }
        if let Some(token) = &self.token {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        let request = request.body(Full::new(body.map(ToString::to_string).unwrap_or_default().into()));
        let request = request.map_err(|error| format!("--admin {base} or the token cannot be sent: {error}"))?;
        let answer = timeout(patience, self.exchange(request)).await;
        let answer = answer.map_err(|_| format!("no answer from {base} within {patience:?}"))?;
        answer.map_err(|error| format!("no answer from the admin listener at {base}: {error}"))
    }

    async fn exchange(&self, request: Request<Full<Bytes>>) -> Result<Answer, String> {
        let response = self.client.request(request).await.map_err(|error| reasons(&error))?;
        let status = response.status();
        let body = Limited::new(response.into_body(), ANSWER).collect().await.map_err(|error| error.to_string())?;
        Ok((status, body.to_bytes()))
    }
}

/// Runs what a command waits for.
///
/// # Errors
/// A sentence when this process gets no runtime.
pub(super) fn wait_for<T>(work: impl Future<Output = T>) -> Result<T, String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    Ok(runtime.map_err(|error| format!("the runtime could not be started: {error}"))?.block_on(work))
}

/// One question of a command that ends with its answer.
///
/// # Errors
/// A sentence when there is no answer.
pub(super) fn ask(asking: &Asking, method: Method, path: &str, body: Option<&Value>) -> Result<Answer, String> {
    wait_for(async { Admin::new(asking)?.ask(method, path, body, PATIENCE).await })?
}

/// Why an answer is no success, with the names that it knows in lines of their own.
pub(super) fn problem((status, answer): &Answer) -> String {
    let answer: Value = serde_json::from_slice(answer).unwrap_or_default();
    let detail = answer["detail"].as_str().unwrap_or("no sentence; is that an admin listener of Pulsegate?");
    let known = answer["known"].as_array().into_iter().flatten();
    known.fold(format!("{status}: {detail}"), |told, known| format!("{told}\n  {}", word(known)))
}

/// A string as it is, anything else as JSON.
pub(super) fn word(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
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
    let (scheme, rest) = admin.split_once("://").unwrap_or(("http", admin));
    if !matches!(scheme, "http" | "https") {
        return Err(format!("--admin: found {scheme}://, allowed: http://ADDRESS:PORT or https://ADDRESS:PORT"));
    }
    Ok(format!("{scheme}://{}", rest.trim_end_matches('/')))
}

/// Plain HTTP needs no roots, and a machine without any can ask all the same.
fn tls(asking: &Asking, base: &str) -> Result<rustls::ClientConfig, String> {
    let pair = asking.cert.clone().zip(asking.key.clone());
    let secure = base.starts_with("https://");
    let terms = UpstreamTls {
        // The address names the server that is verified.
        sni: String::new(),
        verify: secure,
        ca: asking.ca.clone().filter(|_| secure),
        identity: pair
            .filter(|_| secure)
            .map(|(certificate, key)| Box::new(KeyPair { certificate, key, strict_permissions: false })),
    };
    let client = ClientConfigs::default().get(&terms, Protocol::Http1)?;
    let mut config = rustls::ClientConfig::clone(&client.config);
    // The connector sets its own.
    config.alpn_protocols.clear();
    Ok(config)
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
        assert_eq!(base("https://gateway:9090/").as_deref(), Ok("https://gateway:9090"));
        assert!(base("ftp://gateway").unwrap_err().contains("allowed: http://"));
    }
}
