//! How do alerts get from events to people? The machine of `domain/alert`, with a clock, an inbox and the words of each kind of receiver.
//!
//! Events are put into a bounded inbox, which never waits; one task owns the machine, renders what it says and hands it to the one sender
//! (`telemetry/webhook`). It begins when every backend has its first verdict. Nothing here decides what is told, or when.

mod generic;
mod inbox;
mod mail;
mod message;
mod pagerduty;
mod slack;
mod task;
#[cfg(test)]
mod tests;
mod words;

pub use message::Message;

use super::webhook::{Notice, Way, Webhooks};
use crate::control::Handle;
use inbox::Inbox;
use prometheus::{IntCounter, IntGaugeVec};
use pulsegate_core::alert::{GroupState, Input};
use pulsegate_core::health::event::Event;
use pulsegate_core::plan::{AlertsPlan, Plan, Severity, WebhookKind};
use std::sync::Arc;
use task::{Order, Task};
use tokio::sync::{mpsc, oneshot};

/// What is counted of alerts.
#[derive(Clone, Debug)]
pub struct Counts {
    /// Conditions that hold, by severity.
    pub firing: IntGaugeVec,
    /// Transitions of which no alert knows.
    pub dropped: IntCounter,
}

/// The way to the task.
#[derive(Debug)]
pub(super) struct Alerting {
    inbox: Arc<Inbox>,
    orders: mpsc::UnboundedSender<Order>,
    /// Taken by the task when it starts.
    received: std::sync::Mutex<Option<mpsc::UnboundedReceiver<Order>>>,
    counts: Counts,
}

/// What a plan says of alerts.
#[derive(Clone, Debug)]
struct Terms {
    plan: Arc<AlertsPlan>,
    upstreams: Vec<Arc<str>>,
    receivers: Vec<Arc<str>>,
}

impl Terms {
    fn of(plan: &Plan) -> Self {
        Self {
            plan: plan.alerts.clone(),
            upstreams: plan.upstreams.iter().map(|upstream| upstream.name.clone()).collect(),
            receivers: plan.receivers(),
        }
    }
}

impl Alerting {
    pub(super) fn new(counts: Counts) -> Self {
        let (orders, received) = mpsc::unbounded_channel();
        let inbox = Arc::new(Inbox::new(counts.dropped.clone()));
        for severity in Severity::ALL {
            counts.firing.with_label_values(&[severity.word()]).set(0);
        }
        Self { inbox, orders, received: Some(received).into(), counts }
    }

    /// Never waits.
    pub(super) fn hear(&self, event: &Event) {
        if let Some(input) = Input::of(event) {
            self.inbox.put(input);
        }
    }

    pub(super) fn put(&self, input: Input) {
        self.inbox.put(input);
    }

    /// Begins to tell, on the current runtime; what holds already is told, except what the process before has told. A second call
    /// does nothing.
    pub(super) fn begin(&self, plan: &Plan, webhooks: Arc<Webhooks>, handle: Handle, known: Vec<GroupState>) {
        let received = self.received.lock().map(|mut received| received.take());
        let Ok(Some(orders)) = received else { return };
        let (inbox, counts) = (self.inbox.clone(), self.counts.clone());
        let task = Task::new(Terms::of(plan), inbox, webhooks, handle, counts);
        tokio::spawn(task.run(orders, known));
    }

    pub(super) fn reconfigure(&self, plan: &Plan) {
        self.order(Order::Reconfigure(Terms::of(plan)));
    }

    /// What was told and is not over, for the process after this one.
    pub(super) async fn known(&self) -> Vec<GroupState> {
        let (reply, answer) = oneshot::channel();
        self.order(Order::Known(reply));
        answer.await.unwrap_or_default()
    }

    /// Nothing is told any more: another process does.
    pub(super) fn end(&self) {
        self.order(Order::End);
    }

    /// Silent when the task has ended, or never began.
    fn order(&self, order: Order) {
        let _ = self.orders.send(order);
    }
}

/// The message in the words of whoever gets it.
pub fn render(message: &Message, way: &Way) -> Vec<Notice> {
    match way {
        Way::Mail(_) => vec![mail::render(message)],
        Way::Http(http) => match (&http.plan.kind, &http.routing_key) {
            (WebhookKind::Slack, _) => vec![slack::render(message)],
            (WebhookKind::PagerDuty { .. }, Some(key)) => pagerduty::render(message, &key.0),
            (WebhookKind::Generic | WebhookKind::PagerDuty { .. }, _) => vec![generic::render(message)],
        },
    }
}

/// When a message was made: in Unix seconds, for its headers.
fn unix(message: &Message) -> i64 {
    crate::clock::when::unix_seconds(message.at) as i64
}
