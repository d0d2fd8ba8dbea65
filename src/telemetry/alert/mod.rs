//! How do alerts get from events to people? The machine of `core/src/alert`, with a clock, an inbox and the words of each kind of receiver.
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

use super::instruments::{Counter, Gauge, Registry};
use super::table;
use super::webhook::{Notice, Way, Webhooks};
use crate::control::Handle;
use inbox::Inbox;
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
    firing: [(Severity, Arc<Gauge>); Severity::ALL.len()],
    /// Transitions of which no alert knows.
    dropped: Arc<Counter>,
}

impl Counts {
    pub fn new(registry: &mut Registry) -> Self {
        let firing = registry.gauges(&table::ALERTS_FIRING);
        Self {
            firing: Severity::ALL.map(|severity| (severity, firing.get([severity.word()]))),
            dropped: registry.counter(&table::ALERT_TRANSITIONS_DROPPED),
        }
    }

    fn holding(&self, severity: Severity, conditions: usize) {
        if let Some((_, firing)) = self.firing.iter().find(|(known, _)| *known == severity) {
            firing.set(conditions as i64);
        }
    }
}

/// The way to the task.
#[derive(Debug)]
pub struct Alerting {
    webhooks: Arc<Webhooks>,
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
    pub(super) fn new(counts: Counts, webhooks: Arc<Webhooks>) -> Self {
        let (orders, received) = mpsc::unbounded_channel();
        let inbox = Arc::new(Inbox::new(counts.dropped.clone()));
        Self { webhooks, inbox, orders, received: Some(received).into(), counts }
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
    pub fn begin(&self, plan: &Plan, handle: Handle, known: Vec<GroupState>) {
        let received = self.received.lock().map(|mut received| received.take());
        let Ok(Some(orders)) = received else { return };
        let (inbox, webhooks, counts) = (self.inbox.clone(), self.webhooks.clone(), self.counts.clone());
        let task = Task::new(Terms::of(plan), inbox, webhooks, handle, counts);
        tokio::spawn(task.run(orders, known));
    }

    /// What alerts know of upstreams and receivers is `plan` now.
    pub fn reconfigure(&self, plan: &Plan) {
        self.order(Order::Reconfigure(Terms::of(plan)));
    }

    /// What was told and is not over, for the process after this one.
    pub async fn known(&self) -> Vec<GroupState> {
        let (reply, answer) = oneshot::channel();
        self.order(Order::Known(reply));
        answer.await.unwrap_or_default()
    }

    /// Nothing is told any more: another process does.
    pub fn end(&self) {
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
