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
        if head.has(&name) && ends_where_listed(name.as_bytes()) {
            ending.push(name.into_owned());
        }
    }
    ending
}

/// Longer than nearly all names of fields.
const ROOM: usize = 64;

/// What is no text names no field.
fn lower<'r>(option: &[u8], room: &'r mut [u8; ROOM]) -> Cow<'r, str> {
    let Some(place) = room.get_mut(..option.len()) else {
        return Cow::Owned(String::from_utf8(option.to_ascii_lowercase()).unwrap_or_default());
    };
    place.copy_from_slice(option);
    place.make_ascii_lowercase();
    Cow::Borrowed(std::str::from_utf8(place).unwrap_or_default())
}

/// A sink behind what a route changes: what it takes out or sets does not come from anybody else.
pub(super) struct Edited<'e, S> {
    out: &'e mut S,
    /// `None`: it changes nothing, as most do.
    edits: Option<&'e HeaderEdits>,
}

impl<'e, S: Sink> Edited<'e, S> {
    pub(super) fn of(out: &'e mut S, edits: &'e HeaderEdits) -> Self {
        Self { out, edits: Some(edits).filter(|edits| edits.names().next().is_some()) }
    }

    pub(super) fn edits(&self) -> Option<&'e HeaderEdits> {
        self.edits
    }

    #[inline(always)]
    pub(super) fn put(&mut self, name: &str, value: &[u8]) {
        if !takes_out(self.edits, name.as_bytes()) {
            self.out.put(name, value);
        }
    }

    pub(super) fn copy<'h>(&mut self, fields: impl Iterator<Item = HeadField<'h>>) {
        let edits = self.edits;
        self.out.copy(fields.filter(|field| !takes_out(edits, field.name())));
    }

    pub(super) fn finish(self) {
        for (name, value) in self.edits.iter().flat_map(|edits| edits.set.iter().chain(&edits.add)) {
            self.out.put(name, value.as_bytes());
        }
    }
}

#[inline(always)]
fn takes_out(edits: Option<&HeaderEdits>, name: &[u8]) -> bool {
    edits.is_some_and(|edits| is_taken_out(edits, name))
}

pub(super) fn is_taken_out(edits: &HeaderEdits, name: &[u8]) -> bool {
    let mut names = edits.remove.iter().chain(edits.set.iter().map(|(set, _)| set));
    names.any(|edited| edited.as_bytes().eq_ignore_ascii_case(name))
}
