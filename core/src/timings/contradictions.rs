//! Which settings of an upstream do nothing, or not what they seem to, under this load? What is so under every load, the configuration's
//! own diagnostics say.

use super::{Scene, silence, traffic};
use std::fmt;

/// A setting, what was found, and what follows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contradiction {
    pub key: &'static str,
    pub found: String,
    pub consequence: String,
}

impl fmt::Display for Contradiction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}; {}", self.key, self.found, self.consequence)
    }
}

pub(super) fn all(scene: &Scene<'_>) -> Vec<Contradiction> {
    [nobody_ejected(scene), unreachable_share(scene), endless_silence(scene)].into_iter().flatten().collect()
}

fn nobody_ejected(scene: &Scene<'_>) -> Option<Contradiction> {
    let (passive, pool) = (&scene.upstream.passive, scene.pool);
    let never = passive.enabled && !pool.watched && !scene.spares_one();
    never.then(|| Contradiction {
        key: "passive.minimum_fit",
        found: format!("{} of {} must stay fit", passive.must_stay_fit(pool.counted), pool.counted),
        consequence: "live traffic ejects nobody".to_owned(),
    })
}

/// The idlest backend of all decides.
fn unreachable_share(scene: &Scene<'_>) -> Option<Contradiction> {
    let passive = &scene.upstream.passive;
    let every = scene.paces().into_iter().max()?;
    let held = traffic::outcomes_in_window(passive, every);
    let in_vain = passive.enabled && passive.failure_ratio > 0.0 && held < u64::from(passive.minimum_outcomes);
    in_vain.then(|| Contradiction {
        key: "passive.failure_ratio",
        found: format!(
            "minimum_outcomes is {}, and {:?} hold at most {held} requests to one backend",
            passive.minimum_outcomes, passive.window
        ),
        consequence: "the ratio ejects nobody at this rate; only failures in a row do".to_owned(),
    })
}

fn endless_silence(scene: &Scene<'_>) -> Option<Contradiction> {
    let passive = &scene.upstream.passive;
    let route = scene.routes.iter().find(|route| silence(route).is_none()).filter(|_| passive.enabled)?;
    Some(Contradiction {
        key: "timeouts.per_try",
        found: format!("none on the route {}, or none shorter than total", route.name),
        consequence: "a backend that accepts and never answers is ejected by no traffic of that route".to_owned(),
    })
}
