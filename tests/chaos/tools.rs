//! Where are the programs? Pulsegate is named by whoever starts the suite; `make chaos-needs` brings the others.

use super::gateway::Kind;
use std::path::PathBuf;
use support::needs::tool;

#[derive(Clone, Debug)]
pub struct Tools {
    pub pulsegate: PathBuf,
}

impl Tools {
    pub fn program(&self, kind: Kind) -> PathBuf {
        match kind {
            Kind::Pulsegate => self.pulsegate.clone(),
            Kind::Haproxy => tool("HAPROXY").into(),
            Kind::Nginx => tool("NGINX").into(),
            Kind::Envoy => tool("ENVOY").into(),
        }
    }
}
