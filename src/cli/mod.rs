//! What can be asked of the program? The command definitions, and one file per command that does something.

mod check;
mod demo;
mod healthcheck;
mod papers;
mod run;

use clap::{Parser, Subcommand};
use std::net::SocketAddr;
use std::path::PathBuf;
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
        /// The configuration file
        #[arg(short, long, default_value = "pulsegate.yaml", value_name = "FILE")]
        config: PathBuf,
        /// Take the listeners and the health over from the process that runs, where one does; it leaves when this one is ready
        #[arg(long)]
        takeover: bool,
    },
    /// Check a configuration: every diagnostic, and what it comes to; exit code 64 when it cannot be used
    Check {
        /// The configuration file
        #[arg(short, long, default_value = "pulsegate.yaml", value_name = "FILE")]
        config: PathBuf,
    },
    /// Print the JSON Schema of the configuration, for editors
    Schema,
    /// Print the configuration reference (Markdown)
    Reference,
    /// Ask a running gateway whether it lives; exit code 0 or 1
    Healthcheck {
        /// The admin listener's address
        #[arg(long, default_value = "127.0.0.1:9090", value_name = "ADDRESS")]
        admin: SocketAddr,
    },
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
    },
}

/// Parses the command line and does what it says.
pub fn main() -> ExitCode {
    match Cli::parse().command {
        Command::Run { config, takeover } => run::run(&config, takeover),
        Command::Check { config } => check::check(&config),
        Command::Schema => print_out(&format!("{:#}\n", crate::config::schema())),
        Command::Reference => print_out(&crate::config::reference()),
        Command::Healthcheck { admin } => healthcheck::healthcheck(admin),
        Command::Completions { shell } => papers::completions(shell),
        Command::Man => papers::man(),
        Command::Demo { length } => demo::demo(length),
    }
}

/// Writes to stdout; a reader that has gone (`| head`) is no failure.
fn print_out(text: &str) -> ExitCode {
    use std::io::Write;
    let _ = std::io::stdout().write_all(text.as_bytes());
    ExitCode::SUCCESS
}
