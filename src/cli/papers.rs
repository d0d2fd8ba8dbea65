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

/// One page for all commands: they are few, and each has a part of its own.
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
    let man = clap_mangen::Man::new(command.clone());
    man.render_title(page)?;
    man.render_name_section(page)?;
    man.render_synopsis_section(page)?;
    man.render_options_section(page)?;
    // In place of the section that refers to a page per command.
    page.extend_from_slice(b".SH COMMANDS\n");
    for subcommand in command.get_subcommands() {
        page.extend_from_slice(format!(".SS \"{}\"\n", subcommand.get_name()).as_bytes());
        let man = clap_mangen::Man::new(subcommand.clone());
        let mut part = Vec::new();
        man.render_description_section(&mut part)?;
        man.render_options_section(&mut part)?;
        page.extend_from_slice(without_headings(&String::from_utf8_lossy(&part)).as_bytes());
    }
    man.render_version_section(page)
}

/// A part of a page without headings of its own and without what stands at the top of a page once.
fn without_headings(part: &str) -> String {
    let own = |line: &&str| ![".SH ", ".ie ", ".el "].iter().any(|macro_name| line.starts_with(macro_name));
    part.lines().filter(own).flat_map(|line| [line, "\n"]).collect()
}
