//! The one owner of the machine: waits for news, an order or the next deadline, and sends what comes out.

use super::inbox::Inbox;
use super::message::Message;
use super::{Counts, Terms, render};
use crate::control::Handle;
use crate::telemetry::webhook::Webhooks;
use pulsegate_core::alert::{Alerts, GroupState, Input, Says};
use pulsegate_core::base::time::Timestamp;
use pulsegate_core::health::standing::Cause;
use std::sync::Arc;
use tokio::sync::{mpsc, oneshot};
use tokio::time::sleep_until;

#[derive(Debug)]
pub(super) enum Order {
    Reconfigure(Terms),
    Known(oneshot::Sender<Vec<GroupState>>),
    End,
}

pub(super) struct Task {
    terms: Terms,
    alerts: Alerts,
    inbox: Arc<Inbox>,
    webhooks: Arc<Webhooks>,
    handle: Handle,
    counts: Counts,
}

impl Task {
    pub(super) fn new(
        terms: Terms,
        inbox: Arc<Inbox>,
        webhooks: Arc<Webhooks>,
        handle: Handle,
        counts: Counts,
    ) -> Self {
        Self { alerts: Alerts::new(terms.plan.clone(), &terms.upstreams), terms, inbox, webhooks, handle, counts }
    }

    pub(super) async fn run(mut self, mut orders: mpsc::UnboundedReceiver<Order>, known: Vec<GroupState>) {
        self.look().await;
        self.alerts.import(known, &self.terms.receivers, self.now());
        loop {
            self.speak();
            let deadline = self.alerts.next_deadline();
            tokio::select! {
                // What waits may be about the plan that an order brings.
                biased;
                order = orders.recv() => match order {
                    Some(order) => if !self.obey(order).await { return },
                    None => return,
                },
                () = self.inbox.filled() => {}
                () = sleep_until(self.handle.clock().instant(deadline.unwrap_or_default())), if deadline.is_some() => {}
            }
            self.listen().await;
        }
    }

    /// False: nothing is to be said any more.
    async fn obey(&mut self, order: Order) -> bool {
        match order {
            Order::Reconfigure(terms) => {
                let now = self.now();
                self.alerts.reconfigure(terms.plan.clone(), &terms.upstreams, &terms.receivers, now);
                self.terms = terms;
            }
            Order::Known(reply) => {
                let _ = reply.send(self.alerts.export(self.now()));
            }
            Order::End => return false,
        }
        true
    }

    async fn listen(&mut self) {
        let news = self.inbox.take();
        // Who joins may bring a verdict from before, which no transition tells.
        let joined = news.iter().any(|input| input.says == Says::Stands(Cause::Unchecked));
        news.into_iter().for_each(|input| self.alerts.handle(input));
        if joined {
            self.look().await;
        }
    }

    /// Asks the board where everybody stands. What was heard since is newer, and counts.
    async fn look(&mut self) {
        let reports = self.handle.report().await;
        let picture = Input::picture(&reports, self.now());
        for input in self.inbox.take().into_iter().chain(picture) {
            self.alerts.handle(input);
        }
    }

    fn speak(&mut self) {
        self.alerts.advance(self.now());
        while let Some(notice) = self.alerts.poll() {
            let message = Message::of(&notice, &self.terms.plan.source, self.handle.clock());
            self.webhooks.tell_as(&notice.receiver, |way| render(&message, way));
        }
        self.counts.dropped.add(self.alerts.take_dropped());
        for (severity, holding) in self.alerts.holding() {
            self.counts.holding(severity, holding);
        }
    }

    fn now(&self) -> Timestamp {
        self.handle.clock().now()
    }
}
