//! Which instance of a backend answered last? By the kind of the probe, since each may ask for another fact.

use crate::plan::ProbeKind;

#[derive(Clone, Debug, Default)]
pub(super) struct Instances([Option<String>; 3]);

impl Instances {
    pub(super) fn export(&self) -> [Option<String>; 3] {
        self.0.clone()
    }

    pub(super) const fn import(state: [Option<String>; 3]) -> Self {
        Self(state)
    }

    /// Remembers the instance that answered; the one before where it was another.
    pub(super) fn see(&mut self, kind: ProbeKind, instance: &str) -> Option<String> {
        let before = self.slot(kind).replace(instance.to_owned()).filter(|before| before != instance)?;
        // The facts that others go by are the new instance's, too, and learned anew.
        let seen = self.slot(kind).take();
        *self = Self::default();
        *self.slot(kind) = seen;
        Some(before)
    }

    const fn slot(&mut self, kind: ProbeKind) -> &mut Option<String> {
        let [startup, readiness, liveness] = &mut self.0;
        match kind {
            ProbeKind::Startup => startup,
            ProbeKind::Readiness => readiness,
            ProbeKind::Liveness => liveness,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_instance_is_told_once_and_by_each_kind_of_probe_for_itself() {
        use ProbeKind::{Liveness, Readiness};
        let mut instances = Instances::default();
        for (kind, instance, before) in [
            (Readiness, "a", None),
            (Liveness, "pid 1", None),
            (Readiness, "a", None),
            (Readiness, "b", Some("a")),
            (Readiness, "b", None),
            // What liveness knew was the former instance's.
            (Liveness, "pid 2", None),
            (Liveness, "pid 3", Some("pid 2")),
        ] {
            assert_eq!(instances.see(kind, instance).as_deref(), before, "{kind} {instance}");
        }
    }
}
