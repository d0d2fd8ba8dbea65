//! What does a profile of callgrind say? How many instructions there were, and who asked for memory how often.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::Path;
use std::process::Command;

/// What hands out memory: mimalloc's functions as Rust's allocator calls them, and libc's, for whoever is linked in and is not Rust.
const SOURCES: [&str; 8] = [
    "mi_malloc_aligned",
    "mi_zalloc_aligned",
    "mi_realloc_aligned",
    "malloc",
    "calloc",
    "realloc",
    "aligned_alloc",
    "posix_memalign",
];
/// So many callers tell one place that asks for memory from another.
const CALLERS: usize = 8;
/// What the profiles of its threads are called, with a number behind.
const NAME: &str = "profile";

/// Of one process, from its start to its end.
pub struct Profile {
    /// Those of all threads.
    pub instructions: u64,
    /// How often the thread that had the most to do asked for memory, by the names of the source and of its callers.
    pub allocations: BTreeMap<String, u64>,
}

impl Profile {
    /// What runs a program, still to be named, and leaves its profile in the folder.
    pub fn command(folder: &Path) -> Command {
        let mut command = Command::new("valgrind");
        let file = format!("--callgrind-out-file={}", folder.join(NAME).display());
        command.args(["--tool=callgrind", "--separate-threads=yes", &file]);
        command.args(SOURCES.map(|source| format!("--separate-callers{CALLERS}={source}")));
        command
    }

    pub fn of(folder: &Path) -> Self {
        let files = fs::read_dir(folder).expect("the folder").map(|file| file.expect("a file").path());
        let threads =
            files.filter(|file| file.file_name().is_some_and(|name| name.to_string_lossy().starts_with(NAME)));
        let threads: Vec<Self> =
            threads.map(|file| Self::of_one_thread(&fs::read_to_string(file).expect("a profile"))).collect();
        // Nothing starts without allocations: where there are none, the sources have other names by now, and every limit would be kept.
        let some =
            |source: &str| threads.iter().any(|thread| thread.allocations.keys().any(|key| key.starts_with(source)));
        assert!(SOURCES.iter().take(3).all(|source| some(source)), "no allocations of mimalloc in the profile");
        let instructions = threads.iter().map(|thread| thread.instructions).sum();
        let busiest = threads.into_iter().max_by_key(|thread| thread.instructions).expect("a thread");
        Self { instructions, allocations: busiest.allocations }
    }

    pub fn allocations(&self) -> u64 {
        self.allocations.values().sum()
    }

    /// A name stands behind its number once, and is left out after that.
    fn of_one_thread(text: &str) -> Self {
        let mut thread = Self { instructions: 0, allocations: BTreeMap::new() };
        let (mut names, mut called) = (HashMap::new(), "");
        for line in text.lines() {
            let (key, value) = line.split_once('=').or_else(|| line.split_once(": ")).unwrap_or((line, ""));
            match key {
                "totals" => thread.instructions = number(value),
                "fn" | "cfn" => {
                    let (id, name) = value.split_once(' ').unwrap_or((value, ""));
                    called = *names.entry(id).or_insert(name);
                }
                "calls" if SOURCES.contains(&called.split('\'').next().unwrap_or(called)) => {
                    *thread.allocations.entry(called.to_owned()).or_default() += number(value);
                }
                _ => {}
            }
        }
        thread
    }
}

fn number(value: &str) -> u64 {
    let first = value.split(' ').next().unwrap_or(value);
    first.parse().unwrap_or_else(|_| panic!("callgrind says {value:?} where a number is expected"))
}
