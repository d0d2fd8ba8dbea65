//! What does a path mean? It is followed through imports and re-exports to the file in which its item is defined, as the compiler would.

use crate::mentions::{Import, Mentions};
use crate::sources::{PACKAGES, Source};
use std::collections::{BTreeMap, BTreeSet};

/// Where a path ends.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum End {
    /// An item of a file (by its index), or something that a macro makes there.
    Item(usize, String),
    /// The file's module itself.
    Module(usize),
    /// In another crate.
    Outside(Vec<String>),
}

/// What a path leads to, and which files it passes by re-export.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reached {
    pub ends: BTreeSet<End>,
    pub passed: BTreeSet<usize>,
}

/// A module: a crate's index and its parts, inline ones included.
type Key = (usize, Vec<String>);

/// A path on its way.
#[derive(Debug, Default)]
struct Search {
    /// The imports that are being followed: they may lead in a circle.
    open: BTreeSet<(Key, Import)>,
    reached: Reached,
}

#[derive(Debug, Default)]
struct Module {
    file: usize,
    items: BTreeSet<String>,
    imports: Vec<Import>,
}

impl Module {
    /// The imports by which `looker` finds something here, which is the module `this`.
    fn visible_to(&self, looker: &Key, this: &Key) -> impl Iterator<Item = &Import> {
        let lies_in = looker.0 == this.0 && looker.1.starts_with(&this.1);
        self.imports.iter().filter(move |import| import.public || lies_in)
    }
}

/// All names of the house.
#[derive(Debug)]
pub struct Names {
    modules: BTreeMap<Key, Module>,
    /// Of each file.
    keys: Vec<Key>,
}

impl Names {
    pub fn of(sources: &[Source]) -> Self {
        let mut names = Self { modules: BTreeMap::new(), keys: Vec::new() };
        for (file, source) in sources.iter().enumerate() {
            names.keys.push((source.package, source.module.clone()));
            names.add(file, &source.mentions);
        }
        names
    }

    fn add(&mut self, file: usize, mentions: &Mentions) {
        self.module(file, &[]);
        for (inside, item) in &mentions.items {
            self.module(file, inside).items.insert(item.clone());
        }
        for import in &mentions.imports {
            self.module(file, &import.inside).imports.push(import.clone());
        }
        for path in &mentions.paths {
            self.module(file, &path.inside);
        }
    }

    fn module(&mut self, file: usize, inside: &[String]) -> &mut Module {
        let key = self.key(file, inside);
        self.modules.entry(key).or_insert_with(|| Module { file, ..Module::default() })
    }

    fn key(&self, file: usize, inside: &[String]) -> Key {
        let (package, parts) = &self.keys[file];
        (*package, parts.iter().chain(inside).cloned().collect())
    }

    /// Follows a path that stands in `file`, in its modules `inside`.
    pub fn follow(&self, file: usize, inside: &[String], parts: &[String]) -> Reached {
        let mut search = Search::default();
        self.walk(&self.key(file, inside), parts, &mut search);
        search.reached
    }

    /// A path as it is read in `module`.
    fn walk(&self, module: &Key, parts: &[String], search: &mut Search) {
        let Some((first, rest)) = parts.split_first() else { return };
        let (package, above) = module;
        match first.as_str() {
            "crate" => self.step(&(*package, Vec::new()), rest, module, search),
            "self" => self.climb(module, rest, module, search),
            "super" => {
                let parent = above.split_last().map_or(&[][..], |(_, parent)| parent);
                self.climb(&(*package, parent.to_vec()), rest, module, search);
            }
            _ if self.look(module, parts, module, search) => {}
            _ => match PACKAGES.iter().position(|package| package.name == first) {
                Some(index) => self.step(&(index, Vec::new()), rest, module, search),
                None => {
                    search.reached.ends.insert(End::Outside(parts.to_vec()));
                }
            },
        }
    }

    /// `super::super::…`, `self::super::…`
    fn climb(&self, module: &Key, parts: &[String], looker: &Key, search: &mut Search) {
        match (parts.split_first(), module.1.split_last()) {
            (Some((first, rest)), Some((_, parent))) if first == "super" => {
                self.climb(&(module.0, parent.to_vec()), rest, looker, search);
            }
            _ => self.step(module, parts, looker, search),
        }
    }

    /// On from a module that a path of `looker` has reached.
    fn step(&self, module: &Key, parts: &[String], looker: &Key, search: &mut Search) {
        let Some(at) = self.modules.get(module) else { return };
        if parts.is_empty() {
            search.reached.ends.insert(End::Module(at.file));
        } else if !self.look(module, parts, looker, search) {
            search.reached.ends.insert(End::Item(at.file, parts[0].clone()));
        }
    }

    /// Looks the first part up among what `module` has for `looker`: what it imports is a re-export, or for itself and what it holds alone.
    fn look(&self, module: &Key, parts: &[String], looker: &Key, search: &mut Search) -> bool {
        let Some(at) = self.modules.get(module) else { return false };
        let (first, rest) = (&parts[0], &parts[1..]);
        let child = (module.0, module.1.iter().chain([first]).cloned().collect());
        let mut found = self.modules.contains_key(&child);
        self.step(&child, rest, looker, search);
        if at.items.contains(first) {
            found = true;
            search.reached.ends.insert(End::Item(at.file, first.clone()));
        }
        // `use log::log`: the first is the crate.
        let named = at.visible_to(looker, module).filter(|import| import.name.as_ref() == Some(first));
        for import in named.filter(|import| import.parts.first() != Some(first)) {
            let whole: Vec<String> = import.parts.iter().chain(rest).cloned().collect();
            found |= self.through(module, import, looker, search, |search| {
                self.walk(module, &whole, search);
                true
            });
        }
        if found {
            return true;
        }
        for import in at.visible_to(looker, module).filter(|import| import.name.is_none()) {
            found |= self.through(module, import, looker, search, |search| {
                let modules = self.modules_of(module, &import.parts, search);
                let others = modules.into_iter().filter(|file| self.keys[*file] != *module);
                // Every one of them is looked at: each notes what it passes.
                let looks: Vec<bool> = others.map(|file| self.look(&self.keys[file], parts, module, search)).collect();
                looks.contains(&true)
            });
        }
        found
    }

    /// Follows an import, once at a time; noted as passed where somebody else than its module comes through it.
    fn through(
        &self,
        module: &Key,
        import: &Import,
        looker: &Key,
        search: &mut Search,
        follow: impl FnOnce(&mut Search) -> bool,
    ) -> bool {
        let key = (module.clone(), import.clone());
        if !search.open.insert(key.clone()) {
            return false;
        }
        let found = follow(search);
        search.open.remove(&key);
        if found && looker != module {
            search.reached.passed.insert(self.modules[module].file);
        }
        found
    }

    /// The modules that the path of a glob means.
    fn modules_of(&self, module: &Key, parts: &[String], search: &mut Search) -> Vec<usize> {
        let mut inner = Search { open: std::mem::take(&mut search.open), reached: Reached::default() };
        self.walk(module, parts, &mut inner);
        search.open = inner.open;
        let module_of = |end: &End| if let End::Module(file) = end { Some(*file) } else { None };
        inner.reached.ends.iter().filter_map(module_of).collect()
    }
}
