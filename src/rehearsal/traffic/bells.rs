//! Whose place was given back? In the order in which it happened; whoever waits longest there is told, as in the proxy.

use pulsegate_core::traffic::request;
use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;

/// The upstreams at which a bell has rung and nobody was told yet.
#[derive(Clone, Debug, Default)]
pub(super) struct Bells(Rc<RefCell<VecDeque<Arc<str>>>>);

/// The bell of one upstream.
#[derive(Debug)]
pub(super) struct Bell {
    upstream: Arc<str>,
    bells: Bells,
}

impl Bells {
    pub(super) fn of(&self, upstream: &Arc<str>) -> Bell {
        Bell { upstream: Arc::clone(upstream), bells: self.clone() }
    }

    pub(super) fn next(&self) -> Option<Arc<str>> {
        self.0.borrow_mut().pop_front()
    }
}

impl request::Bell for Bell {
    fn ring(&self) {
        self.bells.0.borrow_mut().push_back(Arc::clone(&self.upstream));
    }
}
