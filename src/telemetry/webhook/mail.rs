//! How does a mail get to a mail server? One SMTP session for each, by lettre, with our TLS.

use super::failed::{Failed, for_now};
use super::notice::{Content, Mail, Notice};
use super::ready::Mailer;
use lettre::message::header::{ContentType, Header, HeaderName, HeaderValue, InReplyTo, References};
use lettre::message::{Mailbox, Message};
use lettre::transport::smtp::AsyncSmtpTransportBuilder;
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, CertificateStore, Tls, TlsParameters};
use lettre::{AsyncSmtpTransport, AsyncTransport, Tokio1Executor};
use pulsegate_core::plan::{SmtpPlan, SmtpTls};
use std::error::Error;
use tokio::task::spawn_blocking;

type Boxed = Box<dyn Error + Send + Sync>;

pub(super) async fn send(mailer: &Mailer, notice: &Notice) -> Result<String, Failed> {
    let Content::Mail(mail) = &notice.content else {
        return Err(Failed::ForGood("a document is nothing for a mail server".to_owned()));
    };
    let message = compose(&mailer.plan, mail).map_err(|why| Failed::ForGood(format!("it is no mail: {why}")))?;
    // Its CA is a file.
    let known = mailer.clone();
    let transport = spawn_blocking(move || transport(&known).map_err(|why| why.to_string()));
    let transport = transport.await.map_err(|error| for_now(error.to_string()))?.map_err(for_now)?.build();
    let answer = transport.send(message).await.map_err(|error| {
        let mut why = error.to_string();
        if let Some(cause) = error.source() {
            why = format!("{why}: {cause}");
        }
        let (host, port) = (&mailer.plan.host, mailer.plan.port);
        let why = format!("{host}:{port} did not take it: {}", why.replace(['\r', '\n'], " "));
        if error.is_permanent() { Failed::ForGood(why) } else { for_now(why) }
    })?;
    Ok(format!("{} {}", answer.code(), answer.first_line().unwrap_or_default()))
}

fn transport(mailer: &Mailer) -> Result<AsyncSmtpTransportBuilder, Boxed> {
    let plan = &mailer.plan;
    let tls = match plan.tls {
        SmtpTls::None => Tls::None,
        SmtpTls::StartTls => Tls::Required(parameters(plan)?),
        SmtpTls::Implicit => Tls::Wrapper(parameters(plan)?),
    };
    let builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&plan.host)
        .port(plan.port)
        .tls(tls)
        .timeout(Some(plan.timeout));
    Ok(match (&plan.login, &mailer.password) {
        (Some((user, _)), Some(password)) => builder.credentials(Credentials::new(user.clone(), password.0.clone())),
        _ => builder,
    })
}

fn parameters(plan: &SmtpPlan) -> Result<TlsParameters, Boxed> {
    let builder = TlsParameters::builder(plan.host.clone());
    let builder = match &plan.ca {
        None => builder,
        Some(ca) => {
            let pem = crate::file::read(ca).map_err(|error| format!("{} cannot be read: {error}", ca.display()))?;
            builder.certificate_store(CertificateStore::None).add_root_certificate(Certificate::from_pem(&pem)?)
        }
    };
    Ok(builder.build_rustls()?)
}

fn compose(plan: &SmtpPlan, mail: &Mail) -> Result<Message, Boxed> {
    let from: Mailbox = plan.from.parse()?;
    let id = |local: &str| format!("<{local}@{}>", from.email.domain());
    let mut message = Message::builder()
        .message_id(Some(id(&mail.id)))
        .subject(mail.subject.clone())
        .header(AutoSubmitted)
        .header(ContentType::TEXT_PLAIN);
    if let Some(thread) = &mail.thread {
        message = message.header(InReplyTo::from(id(thread))).header(References::from(id(thread)));
    }
    for to in &plan.to {
        message = message.to(to.parse()?);
    }
    Ok(message.from(from).body(mail.text.clone())?)
}

/// RFC 3834: no vacation notice answers it.
#[derive(Clone, Copy, Debug)]
struct AutoSubmitted;

impl Header for AutoSubmitted {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(_: &str) -> Result<Self, Boxed> {
        Ok(Self)
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), "auto-generated".to_owned())
    }
}
