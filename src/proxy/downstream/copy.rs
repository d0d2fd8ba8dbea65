//! How does the copy of a request take part? As a client that sent everything and takes everything, and is never heard of again.

use super::{FromClient, Read};
use crate::proxy::heads::Body;
use crate::proxy::message::RequestHead;
use bytes::Bytes;
use std::task::Poll;

/// A request that somebody else has made, to be made once more.
#[derive(Debug)]
pub struct CopyClient {
    head: RequestHead,
    /// What is left to send.
    body: Option<Bytes>,
    framing: Body,
    status: Option<u16>,
}

impl CopyClient {
    pub(in crate::proxy) fn new(head: RequestHead, body: Bytes) -> Self {
        let framing = if body.is_empty() { Body::None } else { Body::Length(body.len() as u64) };
        Self { head, body: (!body.is_empty()).then_some(body), framing, status: None }
    }

    pub(super) fn head(&self) -> &RequestHead {
        &self.head
    }

    pub(super) fn body(&self) -> Body {
        self.framing
    }

    pub(super) fn body_done(&self) -> bool {
        self.body.is_none()
    }

    pub(super) fn poll_next(&mut self, read: Read) -> Poll<FromClient> {
        match self.body.take_if(|_| read == Read::Body) {
            Some(body) => Poll::Ready(FromClient::Chunk(body)),
            None => Poll::Pending,
        }
    }

    pub(super) fn take_head(&mut self, status: u16) {
        self.status = Some(status);
    }

    pub(super) fn status(&self) -> Option<u16> {
        self.status
    }
}
