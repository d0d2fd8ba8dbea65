//! Which files make a crate, and what stands in each? Its modules, as the compiler finds them: from the root, along `mod`.

use crate::cfg::is_left_out;
use crate::mentions::{Mentions, mentions};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// The text of every Rust file, by its path below the house (`core/src/lib.rs`).
pub type Files = BTreeMap<String, String>;

/// A crate of the house.
#[derive(Clone, Debug)]
pub struct Package {
    /// As other crates name it.
    pub name: &'static str,
    /// Where its sources lie.
    pub folder: &'static str,
}

pub const PACKAGES: [Package; 3] = [
    Package { name: "pulsegate_core", folder: "core/src" },
    Package { name: "pulsegate_document", folder: "document/src" },
    Package { name: "pulsegate", folder: "src" },
];

/// One file, parsed.
#[derive(Debug)]
pub struct Source {
    /// Which of [`PACKAGES`].
    pub package: usize,
    /// `board::check`, as its parts; none for the root.
    pub module: Vec<String>,
    /// Below the house.
    pub path: String,
    pub mentions: Mentions,
    pub lines: usize,
}

impl Source {
    /// The room, or the wing: the first part of the module.
    pub fn room(&self) -> Option<&str> {
        self.module.first().map(String::as_str)
    }

    /// Is `other` the `mod.rs` of a folder in which this file lies?
    pub fn lies_in(&self, other: &Self) -> bool {
        self.package == other.package && self.module.starts_with(&other.module)
    }
}

/// Every Rust file below `house` that belongs to one of the crates. A tree from before the workspace has fewer of them.
pub fn read(house: &Path) -> Files {
    let mut files = Files::new();
    for package in &PACKAGES {
        collect(house, &house.join(package.folder), &mut files);
    }
    files
}

fn collect(house: &Path, folder: &Path, files: &mut Files) {
    for entry in fs::read_dir(folder).into_iter().flatten() {
        let path = entry.expect("an entry of a folder").path();
        if path.is_dir() {
            collect(house, &path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let name = path.strip_prefix(house).expect("a path below the house").to_string_lossy().into_owned();
            files.insert(name, fs::read_to_string(&path).expect("a source file"));
        }
    }
}

/// The files that are compiled outside tests.
pub fn parse(files: &Files) -> Vec<Source> {
    let mut sources = Vec::new();
    for (index, package) in PACKAGES.iter().enumerate() {
        let root = format!("{}/lib.rs", package.folder);
        if files.contains_key(&root) {
            follow(files, index, Vec::new(), root, &mut sources);
        }
    }
    sources
}

/// A file and all that it declares.
fn follow(files: &Files, package: usize, module: Vec<String>, path: String, sources: &mut Vec<Source>) {
    let text = &files[&path];
    let file = syn::parse_file(text).unwrap_or_else(|error| panic!("{path}: {error}"));
    let children: Vec<String> = file.items.iter().filter_map(declared).collect();
    sources.push(Source {
        package,
        module: module.clone(),
        path: path.clone(),
        mentions: mentions(&file.items),
        lines: text.lines().count(),
    });
    for child in children {
        let module: Vec<String> = module.iter().cloned().chain([child]).collect();
        let below = format!("{}/{}", PACKAGES[package].folder, module.join("/"));
        let found =
            [format!("{below}.rs"), format!("{below}/mod.rs")].into_iter().find(|path| files.contains_key(path));
        let found = found.unwrap_or_else(|| panic!("{path} declares {module:?}, which has no file"));
        follow(files, package, module, found, sources);
    }
}

/// The name in `mod name;`, unless it is for tests alone.
fn declared(item: &syn::Item) -> Option<String> {
    match item {
        syn::Item::Mod(module) if module.content.is_none() && !is_left_out(&module.attrs) => {
            Some(module.ident.to_string())
        }
        _ => None,
    }
}
