//! How does the house stand, in numbers? `HOUSE=folder` gives those of another tree.

use crate::knots::knots;
use crate::plan::Plan;
use crate::sources::PACKAGES;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

pub fn figures(plan: &Plan) -> String {
    let mut text = String::new();
    for (package, crate_) in PACKAGES.iter().enumerate() {
        let of_package: Vec<usize> =
            (0..plan.sources.len()).filter(|&file| plan.sources[file].package == package).collect();
        if of_package.is_empty() {
            continue;
        }
        let lines: usize = of_package.iter().map(|&file| plan.sources[file].lines).sum();
        let between = plan.between_rooms(package);
        let _ = writeln!(text, "{}: {} files, {lines} lines", crate_.folder, of_package.len());
        let _ = writeln!(text, "  arrows between rooms: {}; cycles of rooms: {:?}", between.len(), cycles(&between));
        let _ = writeln!(text, "  files in cycles, by cycle: {:?}", file_cycles(plan, package));
        let _ = writeln!(text, "  most methods: {}", most_methods(plan, crate_.folder));
        let _ = writeln!(text, "  largest folders: {}", largest_folders(plan, crate_.folder));
    }
    text
}

fn cycles<'plan>(between: &BTreeMap<(&'plan str, &'plan str), Vec<String>>) -> Vec<BTreeSet<&'plan str>> {
    knots(between.keys().copied())
}

fn file_cycles(plan: &Plan, package: usize) -> Vec<usize> {
    let inside = plan.arrows.keys().copied().filter(|(from, _)| plan.sources[*from].package == package);
    knots(inside).iter().map(BTreeSet::len).collect()
}

fn most_methods(plan: &Plan, folder: &str) -> String {
    let mut types: Vec<_> = plan.types.iter().filter(|(name, _)| name.starts_with(&format!("{folder}/"))).collect();
    types.sort_by_key(|(_, methods)| std::cmp::Reverse(methods.count));
    let of_type = |name: &str| name.rsplit(' ').next().unwrap_or_default().to_owned();
    let told = types
        .iter()
        .take(5)
        .map(|(name, methods)| format!("{} {} in {} files", of_type(name), methods.count, methods.files.len()));
    told.collect::<Vec<_>>().join(", ")
}

fn largest_folders(plan: &Plan, within: &str) -> String {
    let mut folders: Vec<_> = plan.folders.iter().filter(|(folder, _)| folder.starts_with(within)).collect();
    folders.sort_by_key(|(_, files)| std::cmp::Reverse(**files));
    folders.iter().take(3).map(|(folder, files)| format!("{folder} {files}")).collect::<Vec<_>>().join(", ")
}
