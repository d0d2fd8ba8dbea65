//! `pulsegate check --timings`: how soon a broken backend is out, how soon it is back, and what that costs, by the plan alone.

mod json;
mod table;

use clap::Args;
use pulsegate_core::plan::Plan;
use pulsegate_core::timings::{Load, timings};

/// What is computed beside the diagnostics.
#[derive(Debug, Args)]
pub(super) struct Wish {
    /// Compute for each upstream how soon backends go out and come back, what probes cost, and how many requests fail meanwhile
    #[arg(long)]
    timings: bool,
    /// Requests per second that one gateway sends to each upstream, evenly
    #[arg(long, default_value_t = 100.0, requires = "timings", value_name = "N", value_parser = rate)]
    rate: f64,
    /// Gateways that probe the same backends
    #[arg(long, default_value_t = 1, requires = "timings", value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    replicas: u32,
    /// Print the timings as JSON, and nothing else
    #[arg(long, requires = "timings")]
    json: bool,
}

impl Wish {
    /// What to print of a good plan; `summary` unless programs are to read it.
    pub(super) fn fulfil(&self, plan: &Plan, summary: String) -> String {
        if !self.timings {
            return summary;
        }
        let load = Load { rate: self.rate, replicas: self.replicas };
        let timings = timings(plan, load);
        if self.json {
            return format!("{:#}\n", json::of(&timings, load));
        }
        timings.iter().fold(summary, |text, one| text + "\n" + &table::of(one, load))
    }
}

fn rate(text: &str) -> Result<f64, String> {
    let rate = text.parse::<f64>().ok().filter(|rate| (0.0..=1e6).contains(rate));
    rate.ok_or_else(|| "0 to 1000000 requests per second".to_owned())
}
