//! Which arrows does the map in `ARCHITECTURE.md` have, and are they those of the code?

use crate::plan::Plan;
use crate::sources::{PACKAGES, Source};
use std::collections::{BTreeMap, BTreeSet};

/// Which rooms, wings and crates a room may use. A wing is called `core/http`, a room of the shells by its name alone.
pub type Map = BTreeMap<String, BTreeSet<String>>;

/// The table whose head is `room` and `may use`: names in backquotes, anything else is explanation.
pub fn read(document: &str) -> Map {
    let cells = |line: &str| line.split('|').map(|cell| cell.trim().to_owned()).collect::<Vec<_>>();
    document
        .lines()
        .skip_while(|line| !matches!(&cells(line)[..], [_, room, uses, ..] if room == "room" && uses == "may use"))
        .skip(2)
        .take_while(|line| line.starts_with('|'))
        .flat_map(|line| {
            let cells = cells(line);
            let uses: BTreeSet<String> = quoted(&cells[2]).into_iter().collect();
            quoted(&cells[1]).into_iter().map(move |room| (room, uses.clone()))
        })
        .collect()
}

fn quoted(cell: &str) -> Vec<String> {
    cell.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

/// What the map calls the room of a file; nothing where a file lies in none.
fn name(file: &Source) -> Option<String> {
    match PACKAGES[file.package].name {
        "pulsegate_core" => file.room().map(|wing| format!("core/{wing}")),
        "pulsegate_document" => Some("document".to_owned()),
        _ => file.room().map(str::to_owned),
    }
}

/// The arrows of the code, each with one place. The core is below everybody, and not drawn; nor are a crate's own files at its root.
fn drawn(plan: &Plan) -> BTreeMap<(String, String), String> {
    let mut arrows = BTreeMap::new();
    for (&(from, to), line) in &plan.arrows {
        let (from, to) = (&plan.sources[from], &plan.sources[to]);
        let (Some(room), Some(other)) = (name(from), name(to)) else { continue };
        let pair = (room, other);
        let to_core = from.package != to.package && PACKAGES[to.package].name == "pulsegate_core";
        if pair.0 != pair.1 && !to_core {
            arrows.entry(pair).or_insert_with(|| format!("{}:{line} → {}", from.path, to.path));
        }
    }
    arrows
}

/// Arrows that the map does not have, those that it has for nobody, and rooms that it has not heard of.
pub fn differences(plan: &Plan, map: &Map) -> Vec<String> {
    let drawn = drawn(plan);
    let rooms: BTreeSet<String> = plan.sources.iter().filter_map(name).collect();
    let allowed: BTreeSet<(&String, &String)> =
        map.iter().flat_map(|(room, uses)| uses.iter().map(move |other| (room, other))).collect();
    let mut broken: Vec<String> =
        rooms.iter().filter(|room| !map.contains_key(*room)).map(|room| format!("no row for {room}")).collect();
    broken.extend(map.keys().filter(|room| !rooms.contains(*room)).map(|room| format!("no such room: {room}")));
    for ((from, to), place) in &drawn {
        if !allowed.contains(&(from, to)) {
            broken.push(format!("no arrow {from} → {to} in the map: {place}"));
        }
    }
    for (from, to) in allowed {
        if !drawn.contains_key(&(from.clone(), to.clone())) {
            broken.push(format!("an arrow that nobody needs: {from} → {to}"));
        }
    }
    broken
}
