//! What does a backend say that is asked `grpc.health.v1.Health/Check`? Two tiny messages, and what each answer means.
//!
//! Sources: the gRPC health checking protocol and its `health.proto`; Protocol Buffers' wire format; the gRPC over HTTP/2 protocol
//! document for the frame around a message.

use crate::health::reading::{GrpcAnswer, GrpcSaid};
use crate::health::reason::{Hint, Reason};
use crate::health::verdict::{Severity, Verdict};
use crate::http::grpc;
use crate::plan::{GrpcCheck, ProbeFailure};

pub const PATH: &str = "/grpc.health.v1.Health/Check";
/// An answer is two bytes in a frame of five; what is beyond this is none.
pub const ANSWER_CAP: usize = 4096;

/// The question about `service`, in its frame.
pub fn request(service: &str) -> Vec<u8> {
    let mut message = Vec::with_capacity(service.len() + 8);
    if !service.is_empty() {
        message.push(0x0a);
        push_varint(&mut message, service.len() as u64);
        message.extend_from_slice(service.as_bytes());
    }
    let mut frame = vec![0];
    frame.extend_from_slice(&u32::try_from(message.len()).unwrap_or(u32::MAX).to_be_bytes());
    frame.append(&mut message);
    frame
}

fn push_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// The serving status in the body of an answer.
///
/// # Errors
/// A sentence: what the body is instead of one message.
pub fn serving_status(body: &[u8]) -> Result<u64, String> {
    let Some((frame, rest)) = body.split_at_checked(5) else {
        return Err(match body.len() {
            0 => "answered grpc-status 0 without a message".to_owned(),
            length => format!("the answer ends within the head of its message ({length} of 5 bytes)"),
        });
    };
    let (flag, length) = match frame {
        [flag, a, b, c, d] => (*flag, u32::from_be_bytes([*a, *b, *c, *d]) as usize),
        _ => return Err("the head of its message is none".to_owned()),
    };
    match flag {
        0 => {}
        1 => return Err("the answer is compressed, which was not asked for".to_owned()),
        other => return Err(format!("the answer is no gRPC message: it begins with the byte {other}")),
    }
    if rest.len() < length {
        return Err(format!("the answer ends within its message ({} of {length} bytes)", rest.len()));
    }
    if rest.len() > length {
        return Err(format!("{} bytes follow the one message of the answer", rest.len() - length));
    }
    status_field(rest).ok_or_else(|| "the answer's message is no HealthCheckResponse".to_owned())
}

/// Field 1 of the message; the last one counts, and unknown fields are skipped. `None`: no such message.
fn status_field(mut rest: &[u8]) -> Option<u64> {
    let mut status = 0;
    while !rest.is_empty() {
        let tag = take_varint(&mut rest)?;
        let (field, wire) = (tag >> 3, tag & 7);
        match (field, wire) {
            (0, _) => return None,
            (1, 0) => status = take_varint(&mut rest)?,
            (1, _) => return None,
            (_, 0) => drop(take_varint(&mut rest)?),
            (_, 1) => rest = rest.get(8..)?,
            (_, 2) => {
                let length = usize::try_from(take_varint(&mut rest)?).ok()?;
                rest = rest.get(length..)?;
            }
            (_, 5) => rest = rest.get(4..)?,
            _ => return None,
        }
    }
    Some(status)
}

/// At most ten bytes.
fn take_varint(rest: &mut &[u8]) -> Option<u64> {
    let mut value = 0_u64;
    for shift in 0..10 {
        let (byte, after) = rest.split_first()?;
        *rest = after;
        value |= u64::from(byte & 0x7f).checked_shl(shift * 7)?;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

/// The verdict on an answer.
pub fn judge(answer: &GrpcAnswer, check: &GrpcCheck) -> Verdict {
    use Severity::{Down, NotReady};
    let no_service = || Some(Hint::NoService { service: check.service.clone() });
    let (severity, hint) = match &answer.said {
        GrpcSaid::Health(1) => return Verdict::PASSED,
        GrpcSaid::Health(2) => (NotReady, None),
        GrpcSaid::Health(0) => (Down, Some(Hint::StatusNeverSet)),
        GrpcSaid::Health(3) | GrpcSaid::Status { code: grpc::NOT_FOUND, .. } => (Down, no_service()),
        GrpcSaid::Health(_) => (Down, None),
        // Alive, and says that it cannot now: as a 503 does, or a timeout.
        GrpcSaid::Status { code: grpc::DEADLINE_EXCEEDED | grpc::RESOURCE_EXHAUSTED | grpc::UNAVAILABLE, .. } => {
            (NotReady, None)
        }
        GrpcSaid::Status { code: grpc::UNIMPLEMENTED, .. } => (Down, Some(Hint::NoHealthService)),
        GrpcSaid::Status { code: grpc::UNAUTHENTICATED | grpc::PERMISSION_DENIED, .. } => {
            (Down, Some(Hint::HealthWantsAuthorisation))
        }
        GrpcSaid::Status { .. } => (Down, None),
        GrpcSaid::Http(503) => (NotReady, None),
        GrpcSaid::Http(404 | 405 | 415) => (Down, Some(Hint::PortOfHttp)),
        GrpcSaid::Http(401 | 403) => (Down, Some(Hint::BehindAuthorisation)),
        GrpcSaid::Http(_) => (Down, None),
    };
    let why = Reason::Grpc { said: answer.said.clone(), service: check.service.clone() };
    Verdict::Fail { kind: ProbeFailure::Status, severity, why, hint }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::health::reading::Sighting;

    fn told(service: &str, said: GrpcSaid) -> (Option<Severity>, String) {
        let answer = GrpcAnswer { said, sighting: Sighting::default() };
        match judge(&answer, &GrpcCheck { service: service.to_owned(), ..GrpcCheck::default() }) {
            Verdict::Fail { severity, why, hint, .. } => {
                (Some(severity), why.to_string() + &hint.map(|hint| format!(": {hint}")).unwrap_or_default())
            }
            _ => (None, "passed".to_owned()),
        }
    }

    #[test]
    fn every_answer_has_its_meaning() {
        use GrpcSaid::{Health, Http};
        let status = |code| GrpcSaid::Status { code, message: "why".to_owned() };
        let (down, not_ready) = (Some(Severity::Down), Some(Severity::NotReady));
        for (said, severity, words) in [
            (Health(1), None, "passed"),
            (Health(2), not_ready, "NOT_SERVING for service \"orders.v1\""),
            (Health(0), down, "never told its status"),
            (Health(3), down, "has no service \"orders.v1\"; check readiness.grpc.service"),
            (Health(99), down, "the serving status 99"),
            (status(5), down, "answered NOT_FOUND for service \"orders.v1\": the server has no"),
            (status(12), down, "answered UNIMPLEMENTED (\"why\"): the server does not implement grpc.health.v1"),
            (status(14), not_ready, "answered UNAVAILABLE"),
            (status(4), not_ready, "answered DEADLINE_EXCEEDED"),
            (status(8), not_ready, "answered RESOURCE_EXHAUSTED"),
            (status(16), down, "wants authorisation"),
            (status(13), down, "answered INTERNAL (\"why\")"),
            (status(77), down, "answered the unknown grpc-status 77"),
            (Http(503), not_ready, "answered HTTP 503"),
            (Http(404), down, "speak HTTP and no gRPC"),
            (Http(502), down, "answered HTTP 502, which is no answer of gRPC"),
        ] {
            let (found, why) = told("orders.v1", said.clone());
            assert_eq!(found, severity, "{said:?}");
            assert!(why.contains(words), "{said:?}: {why}");
        }
        assert!(told("", Health(2)).1.contains("the server as a whole"));
    }

    #[test]
    fn the_question_is_a_frame_with_one_field() {
        assert_eq!(request(""), [0, 0, 0, 0, 0]);
        assert_eq!(request("a.v1"), [0, 0, 0, 0, 6, 0x0a, 4, b'a', b'.', b'v', b'1']);
        let long = "x".repeat(300);
        let framed = request(&long);
        assert_eq!(framed.get(..8), Some([0, 0, 0, 1, 47, 0x0a, 0xac, 0x02].as_slice()));
        assert_eq!(framed.len(), 308);
    }

    #[test]
    fn a_body_is_one_message_or_says_what_it_is() {
        let serving: &[u8] = &[0, 0, 0, 0, 2, 8, 1];
        for (body, expected) in [
            (serving, Ok(1)),
            (&[0, 0, 0, 0, 0], Ok(0)),
            // Unknown fields of every wire type before and behind it; the last of two statuses.
            (
                &[0, 0, 0, 0, 24, 0x10, 5, 0x1a, 2, 9, 9, 8, 2, 0x25, 0, 0, 0, 0, 0x29, 0, 0, 0, 0, 0, 0, 0, 0, 8, 1],
                Ok(1),
            ),
            (
                &[
                    0, 0, 0, 0, 25, 0x10, 5, 0x1a, 2, 9, 9, 8, 2, 0x25, 0, 0, 0, 0, 0x29, 0, 0, 0, 0, 0, 0, 0, 0, 8, 1,
                    0x10,
                ],
                Err("is no HealthCheck"),
            ),
            (&[0, 0, 0, 0, 4, 8, 2, 8, 1], Ok(1)),
            (&[0, 0, 0, 0, 6, 0x1a, 2, 9, 9, 8, 1], Ok(1)),
            (&[0, 0, 0, 0, 11, 8, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1], Ok(u64::MAX)),
            (&[0, 0, 0, 0, 12, 8, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1], Err("is no HealthCheck")),
            (&[], Err("without a message")),
            (&[0, 0, 0], Err("3 of 5 bytes")),
            (&[1, 0, 0, 0, 2, 8, 1], Err("compressed")),
            (b"<html>", Err("begins with the byte 60")),
            (&[0, 0, 0, 0, 9, 8, 1], Err("2 of 9 bytes")),
            (&[0, 255, 255, 255, 255, 8, 1], Err("ends within its message")),
            (&[0, 0, 0, 0, 2, 8, 1, 0, 0, 0, 0, 2, 8, 2], Err("7 bytes follow")),
            (&[0, 0, 0, 0, 2, 0x0a, 0], Err("is no HealthCheck")),
            (&[0, 0, 0, 0, 2, 0x1a, 200], Err("is no HealthCheck")),
            (&[0, 0, 0, 0, 1, 0], Err("is no HealthCheck")),
        ] {
            match (serving_status(body), expected) {
                (Ok(status), Ok(expected)) => assert_eq!(status, expected, "{body:?}"),
                (Err(why), Err(words)) => assert!(why.contains(words), "{body:?}: {why}"),
                (found, _) => panic!("{body:?}: {found:?}"),
            }
        }
    }
}
