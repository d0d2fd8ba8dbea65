//! The files that a record is kept in, and what becomes of it when they cannot be written.

use super::bucket::Bucket;
use super::file::Files;
use super::line::{Line, VERSION};
use pulsegate_core::base::identity::{Address, BackendId};
use pulsegate_core::base::time::Timestamp;
use pulsegate_core::plan::RecordPlan;
use pulsegate_core::traffic::cell::Record;
use pulsegate_core::traffic::outcome::{FailureKind, Outcome};
use std::path::{Path, PathBuf};
use std::time::Duration;

fn files(folder: &Path, max_size: u64, keep: u32) -> (Files, PathBuf) {
    let file = folder.join("record.ndjson");
    (Files::new(RecordPlan { file: file.clone(), max_size, keep }), file)
}

fn begin(continued: bool) -> Line {
    Line::Begin { at: 0, version: VERSION, wall: String::new(), program: String::new(), continued }
}

fn read(path: &Path) -> Vec<Line> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn config(number: usize) -> Line {
    Line::Config { at: 1, fingerprint: format!("{number:0100}") }
}

#[test]
fn a_full_file_is_followed_by_the_next_and_the_oldest_is_given_up() {
    let folder = tempfile::tempdir().unwrap();
    let (mut files, file) = files(folder.path(), 600, 2);
    std::fs::write(&file, "of the process before").unwrap();
    for number in 0..20 {
        files.put(&config(number));
        files.write(1, begin);
    }
    let older = |number: u32| file.with_file_name(format!("record.ndjson.{number}"));
    let size = |path: &Path| std::fs::metadata(path).map(|found| found.len()).unwrap_or_default();
    assert!([size(&file), size(&older(1)), size(&older(2))].iter().all(|size| (1..=600).contains(size)));
    assert!(!older(3).exists());
    assert_eq!(read(&file).first(), Some(&begin(true)), "others come before it");
    assert_eq!(read(&file).last(), Some(&config(19)));
    let kept: Vec<Line> = [older(2), older(1), file].iter().flat_map(|file| read(file)).collect();
    let kept: Vec<&Line> = kept.iter().filter(|line| matches!(line, Line::Config { .. })).collect();
    let expected: Vec<Line> = (20 - kept.len()..20).map(config).collect();
    assert_eq!(kept, expected.iter().collect::<Vec<_>>(), "the last ones, none missing between them");
}

#[test]
fn the_first_file_of_a_process_continues_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (mut files, file) = files(folder.path(), 600, 2);
    std::fs::write(&file, "of the process before").unwrap();
    files.put(&config(0));
    files.write(1, begin);
    assert_eq!(read(&file), [begin(false), config(0)]);
    let before = std::fs::read_to_string(file.with_file_name("record.ndjson.1")).unwrap();
    assert_eq!(before, "of the process before");
}

#[test]
fn lines_that_could_not_be_written_are_counted_and_said_when_they_can() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("missing");
    let (mut files, file) = files(&missing, 600, 2);
    files.put(&config(0));
    files.put(&config(1));
    files.write(1_000, begin);
    files.lose(3);
    files.put(&config(2));
    files.write(2_000, begin);
    std::fs::create_dir(&missing).unwrap();
    files.put(&config(3));
    files.write(5_000, begin);
    assert!(!file.exists(), "it is let alone for a while");
    files.put(&config(4));
    files.write(12_000, begin);
    let lines = read(&file);
    assert_eq!(lines.first(), Some(&begin(false)));
    assert!(lines.contains(&config(4)), "{lines:?}");
    let lost = lines.iter().find_map(|line| if let Line::Gap { lost, .. } = line { Some(*lost) } else { None });
    assert_eq!(lost, Some(2 + 3 + 1 + 1), "{lines:?}");
}

/// `/dev/full` says what a full disk says.
#[test]
fn a_full_disk_costs_lines_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let (mut files, file) = files(folder.path(), 600, 0);
    std::os::unix::fs::symlink("/dev/full", &file).unwrap();
    files.put(&config(0));
    files.write(1_000, begin);
    std::fs::remove_file(&file).unwrap();
    files.write(20_000, begin);
    let lines = read(&file);
    assert!(matches!(lines.last(), Some(Line::Gap { lost: 1, .. })), "{lines:?}");
}

#[test]
fn a_second_keeps_the_order_of_outcomes_and_how_long_they_took() {
    let mut bucket = Bucket::default();
    let failed = Outcome::Failure(FailureKind::Status(503));
    for (after, outcome, millis, client) in
        [(0, Outcome::Success, 3, 1), (5, Outcome::Success, 30, 2), (9, failed, 1, 1), (20, failed, 1, 1)]
    {
        let record =
            Record { outcome, latency: Duration::from_millis(millis), client, trial: false, now: Timestamp::ZERO };
        bucket.add(&record, after);
    }
    let backend = BackendId { upstream: "a".into(), address: Address::Socket(([10, 0, 0, 7], 80).into()) };
    let Line::Traffic { runs, latency, clients, failed_clients, .. } = bucket.line(7_000, &backend) else {
        panic!("a line of traffic");
    };
    assert_eq!(runs, [(0, 5, "success".to_owned(), 2), (9, 20, "status:503".to_owned(), 2)]);
    assert_eq!(latency, [0, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0]);
    assert!(clients && !failed_clients);
}
