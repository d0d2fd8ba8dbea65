//! What of another version's document does this one have no word for? That much of it is left out, and the rest is taken.

use serde_json::Value;

/// Leaves out the items of `list` whose `key` is a word that nobody here knows.
pub(super) fn leave_out(document: &mut Value, (list, key): (&str, &str), is_known: impl Fn(&str) -> bool) {
    if let Some(Value::Array(items)) = document.get_mut(list) {
        items.retain(|item| item[key].as_str().is_none_or(&is_known));
    }
}
