//! Is a piece of code there outside tests? What only tests see may know whatever it likes.

use syn::punctuated::Punctuated;
use syn::{Attribute, Meta, Token};

/// Does an attribute say that this is compiled for tests alone?
pub fn is_left_out(attributes: &[Attribute]) -> bool {
    attributes.iter().filter(|attribute| attribute.path().is_ident("cfg")).any(|attribute| {
        let condition = attribute.parse_args::<Meta>().expect("a condition in cfg");
        holds(&condition) == Some(false)
    })
}

/// The condition's value outside tests; `None` where it hangs on something else.
fn holds(condition: &Meta) -> Option<bool> {
    match condition {
        Meta::Path(path) if path.is_ident("test") => Some(false),
        Meta::Path(_) | Meta::NameValue(_) => None,
        Meta::List(list) => {
            let parts =
                list.parse_args_with(Punctuated::<Meta, Token![,]>::parse_terminated).expect("conditions in cfg");
            let values: Vec<Option<bool>> = parts.iter().map(holds).collect();
            if list.path.is_ident("not") {
                values[0].map(|value| !value)
            } else {
                together(&values, list.path.is_ident("all"))
            }
        }
    }
}

/// `all` of them, or `any`: one value decides at once, and otherwise all must be known.
fn together(values: &[Option<bool>], all: bool) -> Option<bool> {
    if values.contains(&Some(!all)) {
        return Some(!all);
    }
    values.iter().all(Option::is_some).then_some(all)
}
