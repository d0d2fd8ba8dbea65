//! Which paths does a file name? Those in `use`, in code, in attributes (`#[serde(with = "…")]`) and among the tokens of macros;
//! not those in code for tests.

use crate::cfg::is_left_out;
use proc_macro2::{TokenStream, TokenTree};
use syn::visit::{self, Visit};

/// A path as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mention {
    /// The modules inside of the file (`mod inner { … }`) in which it stands.
    pub inside: Vec<String>,
    pub parts: Vec<String>,
    pub line: usize,
}

/// `use path as name`, or `use path::*`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Import {
    pub inside: Vec<String>,
    /// The name that it brings; `None`: all that is public there.
    pub name: Option<String>,
    pub parts: Vec<String>,
    /// It is a re-export, and no import of the module's own.
    pub public: bool,
}

/// What one file says.
#[derive(Debug, Default)]
pub struct Mentions {
    pub paths: Vec<Mention>,
    pub imports: Vec<Import>,
    /// Names of items, each with the modules inside of the file.
    pub items: Vec<(Vec<String>, String)>,
    /// Inherent methods, each as the modules inside of the file, and the path of its type.
    pub methods: Vec<(Vec<String>, Vec<String>)>,
    inside: Vec<String>,
}

pub fn mentions(items: &[syn::Item]) -> Mentions {
    let mut found = Mentions::default();
    for item in items {
        found.visit_item(item);
    }
    found
}

impl Mentions {
    fn path(&mut self, parts: Vec<String>, line: usize) {
        self.paths.push(Mention { inside: self.inside.clone(), parts, line });
    }

    fn tree(&mut self, tree: &syn::UseTree, mut before: Vec<String>, public: bool) {
        let (name, parts, line) = match tree {
            syn::UseTree::Path(path) => {
                before.push(path.ident.to_string());
                return self.tree(&path.tree, before, public);
            }
            syn::UseTree::Group(group) => {
                return group.items.iter().for_each(|tree| self.tree(tree, before.clone(), public));
            }
            syn::UseTree::Glob(glob) => (None, before, glob.star_token.spans[0].start().line),
            syn::UseTree::Name(name) => {
                let line = name.ident.span().start().line;
                if name.ident != "self" {
                    before.push(name.ident.to_string());
                }
                (before.last().cloned(), before, line)
            }
            syn::UseTree::Rename(rename) => {
                if rename.ident != "self" {
                    before.push(rename.ident.to_string());
                }
                (Some(rename.rename.to_string()), before, rename.ident.span().start().line)
            }
        };
        self.imports.push(Import { inside: self.inside.clone(), name, parts: parts.clone(), public });
        self.path(parts, line);
    }

    /// Names joined by `::`, wherever they stand among the tokens; not a field or a method behind a dot.
    fn tokens(&mut self, tokens: TokenStream) {
        let (mut parts, mut line, mut colons) = (Vec::<String>::new(), 0, 0);
        let mut after_dot = false;
        for token in tokens {
            match &token {
                TokenTree::Ident(ident) if !after_dot => {
                    if colons != 2 {
                        self.flush(&mut parts, line);
                    }
                    line = ident.span().start().line;
                    parts.push(ident.to_string());
                    colons = 0;
                }
                TokenTree::Punct(punct) if punct.as_char() == ':' => colons += 1,
                other => {
                    self.flush(&mut parts, line);
                    colons = 0;
                    if let TokenTree::Group(group) = other {
                        self.tokens(group.stream());
                    }
                }
            }
            after_dot = matches!(&token, TokenTree::Punct(punct) if punct.as_char() == '.');
        }
        self.flush(&mut parts, line);
    }

    fn flush(&mut self, parts: &mut Vec<String>, line: usize) {
        if !parts.is_empty() {
            self.path(std::mem::take(parts), line);
        }
    }

    /// Paths that an attribute has in quotes: `with`, `default`, `schema_with`.
    fn quoted(&mut self, tokens: TokenStream) {
        for token in tokens {
            match token {
                TokenTree::Group(group) => self.quoted(group.stream()),
                TokenTree::Literal(literal) => {
                    let path =
                        syn::parse_str::<syn::LitStr>(&literal.to_string()).ok().and_then(|text| text.parse().ok());
                    if let Some(path) = path {
                        self.path(names(&path), literal.span().start().line);
                    }
                }
                _ => {}
            }
        }
    }

    fn own_methods(&mut self, block: &syn::ItemImpl) {
        let syn::Type::Path(this) = &*block.self_ty else { return };
        if block.trait_.is_some() {
            return;
        }
        for item in &block.items {
            if let syn::ImplItem::Fn(method) = item
                && !is_left_out(&method.attrs)
            {
                self.methods.push((self.inside.clone(), names(&this.path)));
            }
        }
    }
}

fn names(path: &syn::Path) -> Vec<String> {
    path.segments.iter().map(|segment| segment.ident.to_string()).collect()
}

/// The attributes of an item, and its name.
fn described(item: &syn::Item) -> (&[syn::Attribute], Option<&syn::Ident>) {
    use syn::Item::{Const, Enum, Fn, Impl, Macro, Mod, Static, Struct, Trait, TraitAlias, Type, Union, Use};
    match item {
        Const(item) => (&item.attrs, Some(&item.ident)),
        Enum(item) => (&item.attrs, Some(&item.ident)),
        Fn(item) => (&item.attrs, Some(&item.sig.ident)),
        Impl(item) => (&item.attrs, None),
        Macro(item) => (&item.attrs, item.ident.as_ref()),
        Mod(item) => (&item.attrs, None),
        Static(item) => (&item.attrs, Some(&item.ident)),
        Struct(item) => (&item.attrs, Some(&item.ident)),
        Trait(item) => (&item.attrs, Some(&item.ident)),
        TraitAlias(item) => (&item.attrs, Some(&item.ident)),
        Type(item) => (&item.attrs, Some(&item.ident)),
        Union(item) => (&item.attrs, Some(&item.ident)),
        Use(item) => (&item.attrs, None),
        _ => (&[], None),
    }
}

impl<'ast> Visit<'ast> for Mentions {
    fn visit_item(&mut self, item: &'ast syn::Item) {
        let (attributes, name) = described(item);
        if is_left_out(attributes) {
            return;
        }
        if let Some(name) = name {
            self.items.push((self.inside.clone(), name.to_string()));
        }
        if let syn::Item::Impl(block) = item {
            self.own_methods(block);
        }
        visit::visit_item(self, item);
    }

    fn visit_item_mod(&mut self, module: &'ast syn::ItemMod) {
        self.inside.push(module.ident.to_string());
        visit::visit_item_mod(self, module);
        self.inside.pop();
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        self.tree(&item.tree, Vec::new(), !matches!(item.vis, syn::Visibility::Inherited));
    }

    fn visit_impl_item_fn(&mut self, method: &'ast syn::ImplItemFn) {
        if !is_left_out(&method.attrs) {
            visit::visit_impl_item_fn(self, method);
        }
    }

    fn visit_field(&mut self, field: &'ast syn::Field) {
        if !is_left_out(&field.attrs) {
            visit::visit_field(self, field);
        }
    }

    fn visit_local(&mut self, local: &'ast syn::Local) {
        if !is_left_out(&local.attrs) {
            visit::visit_local(self, local);
        }
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let line = path.segments.first().map_or(0, |first| first.ident.span().start().line);
        self.path(names(path), line);
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, call: &'ast syn::Macro) {
        self.tokens(call.tokens.clone());
        visit::visit_macro(self, call);
    }

    /// `pub(in path)` names no dependency, it bounds others'.
    fn visit_visibility(&mut self, _: &'ast syn::Visibility) {}

    fn visit_attribute(&mut self, attribute: &'ast syn::Attribute) {
        if let syn::Meta::List(list) = &attribute.meta {
            self.tokens(list.tokens.clone());
            self.quoted(list.tokens.clone());
        }
    }
}
