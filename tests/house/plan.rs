//! Which file leans on which, and which type has which methods? The plan of the house, drawn from its sources.

use crate::names::{End, Names, Reached};
use crate::sources::{Files, Source, parse};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// A path to another crate, as it is meant once imports are followed.
#[derive(Clone, Debug)]
pub struct Outside {
    pub file: usize,
    pub line: usize,
    pub parts: Vec<String>,
}

/// The inherent methods of one type.
#[derive(Clone, Debug, Default)]
pub struct Methods {
    pub count: usize,
    pub files: BTreeSet<String>,
}

#[derive(Debug, Default)]
pub struct Plan {
    pub sources: Vec<Source>,
    /// From a file to another, and the first line that says so. A file may name the `mod.rs` of the folders that it lies in.
    pub arrows: BTreeMap<(usize, usize), usize>,
    pub outside: Vec<Outside>,
    /// By crate, file and name of the type.
    pub types: BTreeMap<String, Methods>,
    /// How many Rust files lie in a folder, tests included.
    pub folders: BTreeMap<String, usize>,
}

impl Plan {
    pub fn of(files: &Files) -> Self {
        let sources = parse(files);
        let names = Names::of(&sources);
        let mut plan = Self { sources, ..Self::default() };
        for file in 0..plan.sources.len() {
            plan.draw_arrows(file, &names);
            plan.count_methods(file, &names);
        }
        for path in files.keys() {
            let folder = Path::new(path).parent().expect("a folder").to_string_lossy().into_owned();
            *plan.folders.entry(folder).or_default() += 1;
        }
        plan
    }

    fn draw_arrows(&mut self, file: usize, names: &Names) {
        let mentions = std::mem::take(&mut self.sources[file].mentions.paths);
        for path in mentions {
            let Reached { ends, passed } = names.follow(file, &path.inside, &path.parts);
            for to in passed {
                self.arrow(file, to, path.line);
            }
            for end in ends {
                match end {
                    End::Item(to, _) => self.arrow(file, to, path.line),
                    // One name alone, and not in an import, is a variable that has a module's name.
                    End::Module(to) if path.parts.len() > 1 => self.arrow(file, to, path.line),
                    End::Module(_) => {}
                    End::Outside(parts) => self.outside.push(Outside { file, line: path.line, parts }),
                }
            }
        }
    }

    fn arrow(&mut self, from: usize, to: usize, line: usize) {
        if !self.sources[from].lies_in(&self.sources[to]) {
            self.arrows.entry((from, to)).and_modify(|first| *first = line.min(*first)).or_insert(line);
        }
    }

    fn count_methods(&mut self, file: usize, names: &Names) {
        let methods = std::mem::take(&mut self.sources[file].mentions.methods);
        for (inside, this) in methods {
            for end in names.follow(file, &inside, &this).ends {
                if let End::Item(home, name) = end {
                    let methods = self.types.entry(format!("{} {name}", self.sources[home].path)).or_default();
                    methods.count += 1;
                    methods.files.insert(self.sources[file].path.clone());
                }
            }
        }
    }

    /// Between the rooms of a crate: from, to, and the arrows of files that make it.
    pub fn between_rooms(&self, package: usize) -> BTreeMap<(&str, &str), Vec<String>> {
        let mut found: BTreeMap<(&str, &str), Vec<String>> = BTreeMap::new();
        for (&(from, to), line) in &self.arrows {
            let (from, to) = (&self.sources[from], &self.sources[to]);
            if let (Some(room), Some(other)) = (from.room(), to.room())
                && from.package == package
                && to.package == package
                && room != other
            {
                found.entry((room, other)).or_default().push(format!("{}:{line} → {}", from.path, to.path));
            }
        }
        found
    }
}
