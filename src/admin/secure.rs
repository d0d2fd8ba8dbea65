//! With which certificates does the admin listener answer? Those of `admin.tls`, made as those of traffic listeners are.

use crate::tls::Certificates;
use pulsegate_core::plan::ListenerTls;

/// The certificates in force, and what they were read from.
#[derive(Clone, Debug)]
pub struct Secure {
    pub plan: ListenerTls,
    pub certificates: Certificates,
}

impl Secure {
    /// # Errors
    /// A sentence that names the file and what is wrong with it.
    pub fn read(plan: &ListenerTls) -> Result<Self, String> {
        let certificates = Certificates::read(plan, false).map_err(|error| format!("admin.tls: {error}"))?;
        Ok(Self { plan: plan.clone(), certificates })
    }
}
