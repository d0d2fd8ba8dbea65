//! Who can be told? A receiver of the plan with its secrets read, which are in no plan and are shown nowhere.

use super::sign::Signer;
use crate::secret::{self, url};
use pulsegate_core::plan::{Hidden, HttpTarget, SmtpPlan, TokenSource, WebhookKind, WebhookPlan, WebhookUrl};
use std::sync::Arc;

/// A receiver that can be told.
#[derive(Clone, Debug, PartialEq)]
pub struct Ready {
    pub name: Arc<str>,
    pub attempts: u32,
    pub way: Way,
}

/// How it is told.
#[derive(Clone, Debug, PartialEq)]
pub enum Way {
    Http(Box<Http>),
    Mail(Mailer),
}

#[derive(Clone, Debug, PartialEq)]
pub struct Http {
    pub plan: Arc<WebhookPlan>,
    pub target: HttpTarget,
    pub signer: Option<Signer>,
    /// PagerDuty's.
    pub routing_key: Option<Hidden>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Mailer {
    pub plan: Arc<SmtpPlan>,
    pub password: Option<Hidden>,
}

impl Ready {
    /// "webhook chat".
    pub(super) fn title(&self) -> String {
        let word = match self.way {
            Way::Http(_) => "webhook",
            Way::Mail(_) => "smtp",
        };
        format!("{word} {}", self.name)
    }
}

/// Reads what the receivers of a plan need.
///
/// # Errors
/// A sentence for each secret that cannot be used.
pub fn prepare(webhooks: &[Arc<WebhookPlan>], smtp: &[Arc<SmtpPlan>]) -> Result<Vec<Ready>, Vec<String>> {
    let ready = webhooks.iter().map(http).chain(smtp.iter().map(mailer));
    let (mut usable, mut problems) = (Vec::new(), Vec::new());
    for one in ready {
        match one {
            Ok(ready) => usable.push(ready),
            Err(why) => problems.push(why),
        }
    }
    if problems.is_empty() { Ok(usable) } else { Err(problems) }
}

fn http(plan: &Arc<WebhookPlan>) -> Result<Ready, String> {
    let at = |key: &str| format!("webhooks.{}.{key}", plan.name);
    let signer = plan.secret.as_ref().map(|source| secret::read(source).and_then(|secret| Signer::new(&secret)));
    let signer = signer.transpose().map_err(|why| format!("{}: {why}", at("secret")))?;
    let target = match &plan.url {
        WebhookUrl::Known(target) => target.clone(),
        WebhookUrl::Secret(source) => {
            let secret = read(source, &at("url"))?;
            url::target(&secret.0).map_err(|found| format!("{}: found {found}, allowed: a URL", at("url")))?
        }
    };
    let routing_key = match &plan.kind {
        WebhookKind::PagerDuty { routing_key } => Some(read(routing_key, &at("routing_key"))?),
        WebhookKind::Generic | WebhookKind::Slack => None,
    };
    let way = Way::Http(Box::new(Http { plan: plan.clone(), target, signer, routing_key }));
    Ok(Ready { name: plan.name.clone(), attempts: plan.attempts, way })
}

fn mailer(plan: &Arc<SmtpPlan>) -> Result<Ready, String> {
    let password = plan.login.as_ref().map(|(_, source)| read(source, &format!("smtp.{}.password", plan.name)));
    let way = Way::Mail(Mailer { plan: plan.clone(), password: password.transpose()? });
    Ok(Ready { name: plan.name.clone(), attempts: plan.attempts, way })
}

fn read(source: &TokenSource, key: &str) -> Result<Hidden, String> {
    let secret = secret::read(source).map_err(|why| format!("{key}: {why}"))?;
    if secret.is_empty() { Err(format!("{key}: it is empty")) } else { Ok(Hidden(secret)) }
}
