//! Can whatever is written into a configuration be read, and lived with? Every mistake is told as one sentence with its place; what
//! compiles can be printed and given to a board.
#![no_main]

use fuzz::seeds;
use libfuzzer_sys::fuzz_target;
use pulsegate::config::{Diagnostic, backends_file, load, summary};
use pulsegate_core::base::time::Timestamp;
use pulsegate_core::board::{Board, Input, Output, ProbeJob};
use pulsegate_core::health::reading::{Reading, ReadingResult};
use pulsegate_core::plan::Plan;
use std::path::PathBuf;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

/// A folder of its own, so that an `include` finds no more than the file itself.
static FILE: LazyLock<PathBuf> = LazyLock::new(|| {
    let folder = tempfile::tempdir().expect("a temporary folder").keep();
    folder.join("pulsegate.yaml")
});

fuzz_target!(init: seeds::dictionary(), |bytes: &[u8]| {
    // Anew each time: some file systems wait for the disk when a file is cut short and written again.
    let _ = std::fs::remove_file(&*FILE);
    std::fs::write(&*FILE, bytes).expect("a writable temporary file");
    match load(&FILE) {
        Ok(loaded) => {
            for warning in &loaded.warnings {
                sentence(warning, bytes);
                assert!(!warning.consequence.is_empty(), "no consequence: {warning}");
            }
            assert!(!summary(&loaded.plan).is_empty());
            live_with(loaded.plan);
        }
        Err(diagnostics) => {
            assert!(!diagnostics.is_empty(), "refused without a reason");
            diagnostics.iter().for_each(|diagnostic| sentence(diagnostic, bytes));
        }
    }
    if let Err(why) = backends_file(&String::from_utf8_lossy(bytes)) {
        assert!(!why.is_empty());
    }
});

fn sentence(diagnostic: &Diagnostic, bytes: &[u8]) {
    let text = diagnostic.to_string();
    assert!(!text.contains(char::is_control), "more than one line: {text:?}");
    assert!(diagnostic.file.ends_with("pulsegate.yaml"), "no place: {text}");
    assert!(!diagnostic.found.is_empty(), "no sentence: {text}");
    let lines = bytes.split(|byte| *byte == b'\n').count();
    // serde_yaml counts a lone CR as a line's end too.
    let lines = lines + bytes.iter().filter(|byte| **byte == b'\r').count();
    assert!(diagnostic.line.is_none_or(|line| (1..=lines + 1).contains(&line)), "no such line: {text}");
}

/// The first minutes of a process: every probe is answered, every deadline is met.
fn live_with(plan: Plan) {
    let mut now = Timestamp::ZERO;
    let mut board = Board::new(1, now);
    board.handle(Input::Reconfigure(Arc::new(plan)), now);
    let mut probes = 0u32;
    for _ in 0..200 {
        while let Some(output) = board.poll_output() {
            let Output::Probe(ProbeJob { ticket, .. }) = output else { continue };
            probes += 1;
            let status = if probes % 7 < 4 { 200 } else { 500 };
            let reading = Reading::new(ReadingResult::status(status), Duration::from_millis(1));
            board.handle(Input::ProbeDone { ticket, reading }, now);
        }
        board.report(now);
        match board.next_deadline() {
            Some(at) => now = now.max(at),
            None => return,
        }
        board.handle_deadline(now);
    }
}
