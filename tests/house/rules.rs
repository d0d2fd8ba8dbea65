//! Which walls does a house need, and where are they broken? Every rule returns what breaks it, in sentences.

use crate::knots::knots;
use crate::plan::Plan;
use crate::sources::PACKAGES;
use std::collections::BTreeSet;

/// Inherent methods of one type.
pub const METHODS: usize = 30;
/// Files in which they lie.
pub const HOMES: usize = 4;
/// Rust files directly in one folder.
pub const FILES: usize = 20;

/// Files that call each other in a circle because what they evaluate is recursive.
pub struct Recursive {
    pub files: &'static [&'static str],
    pub reason: &'static str,
}

/// Files that can only be understood together.
pub fn file_cycles(plan: &Plan, recursive: &[Recursive]) -> Vec<String> {
    let named: Vec<BTreeSet<&str>> = recursive.iter().map(|group| group.files.iter().copied().collect()).collect();
    let mut broken = Vec::new();
    let mut needed = BTreeSet::new();
    for knot in knots(plan.arrows.keys().copied()) {
        let files: BTreeSet<&str> = knot.iter().map(|&file| plan.sources[file].path.as_str()).collect();
        match named.iter().position(|group| *group == files) {
            Some(group) => drop(needed.insert(group)),
            None => broken.push(told(plan, &knot)),
        }
    }
    for (index, group) in recursive.iter().enumerate() {
        if !needed.contains(&index) {
            broken.push(format!("no cycle of its own any more, and still named ({}): {:?}", group.reason, group.files));
        }
    }
    broken
}

/// The arrows of a knot, each with its place.
fn told(plan: &Plan, knot: &BTreeSet<usize>) -> String {
    let inside = plan.arrows.iter().filter(|((from, to), _)| knot.contains(from) && knot.contains(to));
    let arrows: Vec<String> = inside
        .map(|(&(from, to), line)| format!("  {}:{line} → {}", plan.sources[from].path, plan.sources[to].path))
        .collect();
    format!("a cycle of {} files:\n{}", knot.len(), arrows.join("\n"))
}

/// Rooms or wings that need each other.
pub fn room_cycles(plan: &Plan) -> Vec<String> {
    let mut broken = Vec::new();
    for (package, crate_) in PACKAGES.iter().enumerate() {
        let between = plan.between_rooms(package);
        for knot in knots(between.keys().copied()) {
            let inside = between.iter().filter(|((from, to), _)| knot.contains(from) && knot.contains(to));
            let arrows: Vec<String> =
                inside.map(|((from, to), places)| format!("  {from} → {to}: {}", places.join(", "))).collect();
            broken.push(format!("{}: a cycle of rooms {knot:?}:\n{}", crate_.folder, arrows.join("\n")));
        }
    }
    broken
}

/// Types that do too much, or all over the place.
pub fn types(plan: &Plan) -> Vec<String> {
    let too_much = plan.types.iter().filter(|(_, methods)| methods.count > METHODS || methods.files.len() > HOMES);
    too_much
        .map(|(name, methods)| format!("{name}: {} methods in {} files", methods.count, methods.files.len()))
        .collect()
}

/// Folders in which one has to search.
pub fn folders(plan: &Plan) -> Vec<String> {
    let crowded = plan.folders.iter().filter(|&(_, &files)| files > FILES);
    crowded.map(|(folder, files)| format!("{folder}: {files} files")).collect()
}
