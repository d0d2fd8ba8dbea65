//! What does a package hold beside the binary? Shell completions and the man page, from the same definitions that parse the command line.

use super::{Cli, print_out};
use clap::CommandFactory;
use clap_complete::Shell;
use std::process::ExitCode;

pub(super) fn completions(shell: Shell) -> ExitCode {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "pulsegate", &mut script);
    print_out(&String::from_utf8_lossy(&script))
}

/// One page for all commands: they are few, and each has a section of its own.
pub(super) fn man() -> ExitCode {
    let mut page = Vec::new();
    if let Err(error) = write_page(&mut page) {
        eprintln!("pulsegate: the man page cannot be made: {error}");
        return ExitCode::FAILURE;
    }
    print_out(&String::from_utf8_lossy(&page))
}

fn write_page(page: &mut Vec<u8>) -> std::io::Result<()> {
    let command = Cli::command();
    clap_mangen::Man::new(command.clone()).render(page)?;
    for subcommand in command.get_subcommands() {
        let name = subcommand.get_name().to_uppercase();
        page.extend_from_slice(format!(".SH \"{name}\"\n").as_bytes());
        let part = clap_mangen::Man::new(subcommand.clone());
        part.render_description_section(page)?;
        part.render_options_section(page)?;
    }
    Ok(())
}
