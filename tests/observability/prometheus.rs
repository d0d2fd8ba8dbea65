//! A real Prometheus as a child process: started with a configuration, asked over its HTTP API, ended with its test.

use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;
use std::fs::{self, File};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use support::needs::tool;
use support::{eventually, free_address};
use tempfile::TempDir;

pub struct Prometheus {
    address: SocketAddr,
    process: Child,
    folder: TempDir,
    client: Client<HttpConnector, Empty<Bytes>>,
}

/// One series of an answer: its labels, and its values where they are numbers.
#[derive(Clone, Debug)]
pub struct Series {
    pub labels: Value,
    pub values: Vec<f64>,
}

impl Prometheus {
    /// Starts in `folder` with the `prometheus.yml` that lies there, and waits until it is ready.
    pub async fn start(folder: TempDir) -> Self {
        let address = free_address();
        let said = File::create(folder.path().join("output")).unwrap();
        let process = Command::new(tool("PROMETHEUS"))
            .arg(format!("--config.file={}", folder.path().join("prometheus.yml").display()))
            .arg(format!("--storage.tsdb.path={}", folder.path().join("data").display()))
            .arg(format!("--web.listen-address={address}"))
            .stdin(Stdio::null())
            .stdout(said.try_clone().unwrap())
            .stderr(said)
            .spawn()
            .unwrap_or_else(|error| panic!("prometheus: {error}: run `make test-needs`"));
        let client = Client::builder(TokioExecutor::new()).build_http();
        let started = Self { address, process, folder, client };
        eventually("Prometheus is ready", async || started.get("/-/ready").await.is_some_and(|(ok, _)| ok)).await;
        started
    }

    async fn get(&self, path: &str) -> Option<(bool, Bytes)> {
        let uri = format!("http://{}{path}", self.address).parse().expect("an address");
        let answer = self.client.get(uri).await.ok()?;
        let fine = answer.status().is_success();
        Some((fine, answer.into_body().collect().await.ok()?.to_bytes()))
    }

    /// The `data` of an answer of the API; `Err` is Prometheus' own sentence.
    pub async fn api(&self, path: &str) -> Result<Value, String> {
        let (_, body) = self.get(&format!("/api/v1/{path}")).await.expect("Prometheus answers");
        let answer: Value = serde_json::from_slice(&body).expect("JSON");
        match &answer["status"] {
            Value::String(status) if status == "success" => Ok(answer["data"].clone()),
            _ => Err(answer["error"].to_string()),
        }
    }

    /// By its clock, Unix seconds.
    pub async fn now(&self) -> f64 {
        let data = self.api("query?query=time()").await.unwrap();
        data["result"][0].as_f64().expect("a scalar: a moment and its value")
    }

    /// What `expr` comes to at a moment (Unix seconds).
    pub async fn at(&self, expr: &str, moment: f64) -> Result<Vec<Series>, String> {
        self.api(&format!("query?query={}&time={moment:.3}", escaped(expr))).await.map(|data| series(&data))
    }

    /// What `expr` comes to from `start` to `end`, every `step` seconds.
    pub async fn over(&self, expr: &str, (start, end): (f64, f64), step: u32) -> Result<Vec<Series>, String> {
        let query = format!("query_range?query={}&start={start:.3}&end={end:.3}&step={step}", escaped(expr));
        self.api(&query).await.map(|data| series(&data))
    }

    /// The values that a label has had, once there are any.
    pub async fn values_of(&self, label: &str) -> Vec<String> {
        let mut found = Vec::new();
        eventually(&format!("a series with the label {label}"), async || {
            let data = self.api(&format!("label/{label}/values")).await.unwrap();
            found = data.as_array().unwrap().iter().filter_map(|value| value.as_str().map(str::to_owned)).collect();
            !found.is_empty()
        })
        .await;
        found
    }

    /// Is the one job of its configuration scraped without an error?
    pub async fn scrapes(&self) -> bool {
        let Ok(targets) = self.api("targets?state=active").await else { return false };
        targets["activeTargets"].as_array().is_some_and(|all| all.iter().all(|target| target["health"] == "up"))
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        if std::thread::panicking() {
            let said = fs::read_to_string(self.folder.path().join("output")).unwrap_or_default();
            let worth: Vec<&str> = said.lines().filter(|line| !line.contains("level=info")).collect();
            eprintln!("--- Prometheus said:\n{}", worth.join("\n"));
        }
    }
}

fn escaped(expr: &str) -> String {
    utf8_percent_encode(expr, NON_ALPHANUMERIC).to_string()
}

fn series(data: &Value) -> Vec<Series> {
    let numbers = |series: &Value| {
        let points = series["values"].as_array().cloned().unwrap_or_else(|| vec![series["value"].clone()]);
        let number = |point: &Value| point[1].as_str()?.parse::<f64>().ok().filter(|value| value.is_finite());
        points.iter().filter_map(number).collect()
    };
    let all = data["result"].as_array().cloned().unwrap_or_default();
    all.iter().map(|series| Series { labels: series["metric"].clone(), values: numbers(series) }).collect()
}
