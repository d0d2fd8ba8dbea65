//! Where do lines and spans go at this moment? Both ways change with the configuration, while traffic goes on.

use super::access::{self, AccessLog};
use super::tracing::{self, Tracer};
use crate::clock::Clock;
use arc_swap::{ArcSwapOption, Guard};
use pulsegate_core::plan::{AccessPlan, Plan};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

#[derive(Debug)]
pub struct Outlets {
    /// Closed: switched off, or it could not be started (said at start).
    pub access: Outlet<AccessLog>,
    /// Closed: nobody gets traces.
    pub tracer: Outlet<Tracer>,
    clock: Clock,
    access_health: access::Health,
    tracing_health: tracing::Health,
}

/// One way out. To find it closed costs a request one look.
#[derive(Debug)]
pub struct Outlet<T> {
    is_open: AtomicBool,
    current: ArcSwapOption<T>,
}

impl<T> Outlet<T> {
    fn new(current: Option<Arc<T>>) -> Self {
        Self { is_open: AtomicBool::new(current.is_some()), current: ArcSwapOption::new(current) }
    }

    /// `None`: it is closed.
    pub fn get(&self) -> Option<Guard<Option<Arc<T>>>> {
        self.is_open.load(Relaxed).then(|| self.current.load())
    }

    fn change(&self, to: Option<Arc<T>>) {
        let is_open = to.is_some();
        self.current.store(to);
        self.is_open.store(is_open, Relaxed);
    }
}

/// A prepared change of where lines and spans go.
#[derive(Debug)]
pub struct Change {
    access: Option<Arc<AccessLog>>,
    tracer: Option<Arc<Tracer>>,
}

impl Outlets {
    /// Starts the writer of the access log, where there is to be one. Nothing is traced yet.
    pub fn new(plan: Option<&AccessPlan>, clock: Clock, healths: (access::Health, tracing::Health)) -> Self {
        let (access_health, tracing_health) = healths;
        let access = plan.and_then(|plan| {
            let opened = AccessLog::open(plan, access_health.clone());
            opened.inspect_err(|error| log::error!("the access log is off: {error}")).ok()
        });
        let access = Outlet::new(access.map(Arc::new));
        Self { access, tracer: Outlet::new(None), clock, access_health, tracing_health }
    }

    /// Begins to trace, where the plan wants it. Within a runtime.
    pub fn start_tracing(&self, plan: &Plan) {
        let Some(plan) = &plan.tracing else { return };
        match Tracer::start(plan, self.clock, self.tracing_health.clone()) {
            Ok(tracer) => self.tracer.change(Some(Arc::new(tracer))),
            Err(why) => log::error!("nothing is traced: {why}"),
        }
    }

    /// Opens what a changed plan asks for; nothing is in force before [`Self::change`].
    ///
    /// # Errors
    /// What cannot be opened, as a sentence.
    pub fn prepare(&self, plan: &Plan) -> Result<Change, String> {
        let current = self.access.current.load_full();
        let access = match &plan.logging.access {
            Some(wanted) if current.as_ref().is_some_and(|current| current.plan() == wanted) => current,
            Some(wanted) => Some(Arc::new(AccessLog::open(wanted, self.access_health.clone())?)),
            None => None,
        };
        let current = self.tracer.current.load_full();
        let tracer = match &plan.tracing {
            Some(wanted) if current.as_ref().is_some_and(|current| current.plan() == wanted) => current,
            Some(wanted) => Some(Arc::new(Tracer::start(wanted, self.clock, self.tracing_health.clone())?)),
            None => None,
        };
        Ok(Change { access, tracer })
    }

    /// From now on lines go where the new plan says. What the former log holds is still written.
    pub fn change(&self, change: Change) {
        self.access.change(change.access);
        self.tracer.change(change.tracer);
    }

    /// Returns when the collector has the spans so far, or after two seconds. For the end of the process.
    pub async fn flush_traces(&self) {
        if let Some(tracer) = self.tracer.current.load_full() {
            tracer.flush().await;
        }
    }

    /// Blocks until the access log has written what it holds (two seconds at most). For the end of the process.
    pub fn flush_lines(&self) {
        if let Some(access) = &*self.access.current.load() {
            access.flush();
        }
    }
}
