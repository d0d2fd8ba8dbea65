//! What of a head does not come from whoever sent it? What `Connection` lists ends here, and what a route takes out or sets comes from nobody else.

use crate::proxy::message::{HeadField, Sink};
use pulsegate_core::http::fields::{Field, Fields};
use pulsegate_core::http::forwarding::{connection_options, ends_where_listed};
use pulsegate_core::plan::HeaderEdits;
use std::borrow::Cow;

/// The fields of a head that end here since its `Connection` lists them, in lower case. Each is looked for by the name in the list, since a list may be
/// long where there are many fields.
pub(super) fn listed(head: &impl Fields) -> Vec<String> {
    if !head.has("connection") {
        return Vec::new();
    }
    let (mut room, mut ending) = ([0; ROOM], Vec::new());
    for option in connection_options(head.lines("connection")) {
        let name = lower(option, &mut room);
        if head.has(&name) && ends_where_listed(&name) {
            ending.push(name.into_owned());
        }
    }
    ending
}

/// Longer than nearly all names of fields.
const ROOM: usize = 64;

fn lower<'r>(option: &str, room: &'r mut [u8; ROOM]) -> Cow<'r, str> {
    let Some(place) = room.get_mut(..option.len()) else { return Cow::Owned(option.to_ascii_lowercase()) };
    place.copy_from_slice(option.as_bytes());
    place.make_ascii_lowercase();
    Cow::Borrowed(std::str::from_utf8(place).unwrap_or_default())
}

/// Names are tokens, which are ASCII.
pub(super) fn name_of<'f>(field: &'f HeadField<'_>) -> &'f str {
    std::str::from_utf8(field.name()).unwrap_or_default()
}

/// A sink behind what a route changes: what it takes out or sets does not come from anybody else.
pub(super) struct Edited<'e, S> {
    pub out: &'e mut S,
    pub edits: &'e HeaderEdits,
}

impl<S: Sink> Edited<'_, S> {
    pub(super) fn put(&mut self, name: &str, value: &[u8]) {
        if !is_taken_out(self.edits, name) {
            self.out.put(name, value);
        }
    }

    pub(super) fn copy(&mut self, field: HeadField<'_>) {
        if !is_taken_out(self.edits, name_of(&field)) {
            self.out.copy(field);
        }
    }

    pub(super) fn finish(self) {
        for (name, value) in self.edits.set.iter().chain(&self.edits.add) {
            self.out.put(name, value.as_bytes());
        }
    }
}

pub(super) fn is_taken_out(edits: &HeaderEdits, name: &str) -> bool {
    edits.remove.iter().chain(edits.set.iter().map(|(set, _)| set)).any(|edited| edited.eq_ignore_ascii_case(name))
}
