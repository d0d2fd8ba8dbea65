//! What can be asked of the program? The command definitions, and one file per command that does something.

mod alert_test;
mod asking;
mod check;
mod demo;
mod explain;
mod healthcheck;
mod operate;
mod papers;
mod probe;
mod rehearse;
mod run;
mod seen;
mod standalone;
mod status;
mod timings;
mod top;

use asking::Asking;
use clap::{Parser, Subcommand};
use operate::{Target, Terms};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

/// The exit code for a configuration that cannot be used (EX_USAGE of sysexits.h, as HAProxy's and nginx's users script it).
const EXIT_CONFIG: u8 = 64;

/// A reverse proxy that is obsessed with the health of what stands behind it.
#[derive(Debug, Parser)]
#[command(name = "pulsegate", version)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the gateway
    Run {
        #[command(flatten)]
        file: ConfigFile,
        /// Take the listeners and the health over from the process that runs, where one does; it leaves when this one is ready
        #[arg(long)]
        takeover: bool,
    },
    /// Check a configuration: every diagnostic, and what it comes to; exit code 64 when it cannot be used
    Check {
        #[command(flatten)]
        file: ConfigFile,
        #[command(flatten)]
        wish: timings::Wish,
    },
    /// Print the JSON Schema of the configuration, for editors
    Schema,
    /// Print the configuration reference (Markdown)
    Reference,
    /// Ask a running gateway whether it lives; exit code 0 or 1
    Healthcheck {
        #[command(flatten)]
        asking: Asking,
    },
    /// One line per upstream, the worst first; exit code by it, as monitoring plugins have it: 0 OK, 1 WARNING (somebody is out or degraded), 2 CRITICAL (nobody is eligible), 3 UNKNOWN (the gateway could not be asked)
    Status {
        #[command(flatten)]
        wish: status::Wish,
    },
    /// Watch all backends in a terminal, live; sort, filter, explain, drain
    Top {
        #[command(flatten)]
        wish: top::Wish,
    },
    /// Say why a backend stands where it stands: the rule, the evidence, when it returns, and what would change it
    Explain {
        #[command(flatten)]
        target: Target,
        /// Everything, as JSON
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        asking: Asking,
    },
    /// Check backends once, exactly as the gateway would, from the configuration alone; exit code 0 when all pass, 1 when not, 64 when the configuration or the names cannot be used
    Probe {
        #[command(flatten)]
        wish: probe::Wish,
    },
    /// Give a backend no new requests; what is in flight finishes
    Drain {
        #[command(flatten)]
        target: Target,
        #[command(flatten)]
        terms: Terms,
        #[command(flatten)]
        asking: Asking,
    },
    /// Take a drain back
    Undrain {
        #[command(flatten)]
        target: Target,
        #[command(flatten)]
        asking: Asking,
    },
    /// Give a backend traffic, whatever probes and traffic say of it
    ForceUp {
        #[command(flatten)]
        target: Target,
        #[command(flatten)]
        terms: Terms,
        #[command(flatten)]
        asking: Asking,
    },
    /// Keep a backend out, whatever probes and traffic say of it
    ForceDown {
        #[command(flatten)]
        target: Target,
        #[command(flatten)]
        terms: Terms,
        #[command(flatten)]
        asking: Asking,
    },
    /// Take every order about a backend back: drain, force and weight
    Release {
        #[command(flatten)]
        target: Target,
        #[command(flatten)]
        asking: Asking,
    },
    /// Give a backend another weight
    Weight {
        #[command(flatten)]
        target: Target,
        /// 0 to 65535 (0 = no new requests), or `configured`
        weight: String,
        #[command(flatten)]
        terms: Terms,
        #[command(flatten)]
        asking: Asking,
    },
    /// Have a running gateway read its configuration again; exit code 64 when it refuses it
    Reload {
        #[command(flatten)]
        asking: Asking,
    },
    /// Send a test alert to every receiver of alerts, or to one, without a running gateway; exit code 1 when one does not take it
    AlertTest(alert_test::Wish),
    /// Rehearse a scenario against a configuration in virtual time; exit code 1 when it does not come as it is expected
    Simulate(rehearse::Simulate),
    /// Play a record again under a configuration: what it would have done to the recorded hours, beside what really happened
    Replay(rehearse::Replay),
    /// Print a completion script for a shell
    Completions {
        /// Which shell
        shell: clap_complete::Shell,
    },
    /// Print the man page (roff)
    Man,
    /// Show what it does: three small backends, the gateway, a little traffic, and a story
    Demo {
        /// How long the story takes, at least 10s
        #[arg(long = "for", default_value = "20s", value_name = "DURATION", value_parser = humantime::parse_duration)]
        length: Duration,
        /// Where its admin listener listens, for a Prometheus that draws the story; port 0 is any that is free
        #[arg(long, default_value = "127.0.0.1:0", value_name = "ADDRESS")]
        admin: SocketAddr,
    },
}

/// Which configuration: `--config FILE`, or `FILE` alone.
#[derive(Debug, clap::Args)]
struct ConfigFile {
    /// The configuration file
    #[arg(short, long, default_value = "pulsegate.yaml", value_name = "FILE")]
    config: PathBuf,
    /// The same, without `--config`
    #[arg(value_name = "FILE", conflicts_with = "config")]
    file: Option<PathBuf>,
}

impl ConfigFile {
    fn path(&self) -> &Path {
        self.file.as_ref().unwrap_or(&self.config)
    }
}

/// Parses the command line and does what it says.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(told) => return misunderstood(&told),
    };
    let code = done(cli.command);
    crate::telemetry::flush_logging();
    code
}

fn done(command: Command) -> ExitCode {
    match command {
        Command::Run { file, takeover } => run::run(file.path(), takeover),
        Command::Check { file, wish } => check::check(file.path(), &wish),
        Command::Schema => print_out(&format!("{:#}\n", crate::config::schema())),
        Command::Reference => print_out(&crate::config::reference()),
        Command::Healthcheck { asking } => healthcheck::healthcheck(&asking),
        Command::Status { wish } => status::status(&wish),
        Command::Top { wish } => top::top(&wish),
        Command::Explain { target, json, asking } => explain::explain(&target, json, &asking),
        Command::Probe { wish } => probe::probe(&wish),
        Command::Drain { target, terms, asking } => operate::steer("drain", &target, Some(&terms), None, &asking),
        Command::Undrain { target, asking } => operate::steer("undrain", &target, None, None, &asking),
        Command::ForceUp { target, terms, asking } => operate::steer("force-up", &target, Some(&terms), None, &asking),
        Command::ForceDown { target, terms, asking } => {
            operate::steer("force-down", &target, Some(&terms), None, &asking)
        }
        Command::Release { target, asking } => operate::steer("release", &target, None, None, &asking),
        Command::Weight { target, weight, terms, asking } => {
            operate::steer("weight", &target, Some(&terms), Some(&weight), &asking)
        }
        Command::Reload { asking } => operate::reload(&asking),
        Command::AlertTest(wish) => alert_test::alert_test(&wish),
        Command::Simulate(simulate) => rehearse::simulate(&simulate),
        Command::Replay(replay) => rehearse::replay(&replay),
        Command::Completions { shell } => papers::completions(shell),
        Command::Man => papers::man(),
        Command::Demo { length, admin } => demo::demo(length, admin),
    }
}

/// Help and version are answers. What is not understood exits with 2, but to monitoring that would be an outage.
fn misunderstood(told: &clap::Error) -> ExitCode {
    let _ = told.print();
    let of_status = std::env::args_os().nth(1).is_some_and(|command| command == "status");
    match told.exit_code() {
        0 => ExitCode::SUCCESS,
        _ if of_status => ExitCode::from(status::EXIT_UNKNOWN),
        code => ExitCode::from(u8::try_from(code).unwrap_or(2)),
    }
}

/// Says a line on stderr; that nobody takes it (a full disk) is no reason not to go on.
fn complain(line: &str) {
    use std::io::Write;
    let _ = std::io::stderr().write_all(format!("{line}\n").as_bytes());
}

/// Writes to stdout; a reader that has gone (`| head`) is no failure.
fn print_out(text: &str) -> ExitCode {
    use std::io::Write;
    let _ = std::io::stdout().write_all(text.as_bytes());
    ExitCode::SUCCESS
}
