//! What does a pick hang on beside chance? The key of a hash policy, and the cookie that binds a client.
//!
//! A sticky cookie holds a keyed hash of the backend's identity: it can be checked but not read, and never shows an address.

use crate::proxy::Proxy;
use crate::proxy::asked::Asked;
use crate::proxy::message::RequestHead;
use pulsegate_core::base::identity::BackendKey;
use pulsegate_core::base::rng::hash_bytes;
use pulsegate_core::http::fields::Fields;
use pulsegate_core::plan::{HashBy, StickyPlan};
use pulsegate_core::traffic::snapshot::Pool;
use siphasher::sip::SipHasher24;
use std::hash::Hasher;
use std::net::IpAddr;

/// The hash of what a policy hashes by; `None` where the request lacks it.
pub(super) fn hash(by: &HashBy, head: &RequestHead, asked: &Asked) -> Option<u64> {
    match by {
        HashBy::ClientAddress => Some(client_hash(asked.asker.client)),
        HashBy::Path => Some(hash_bytes(asked.target.path.as_bytes())),
        HashBy::Header(name) if name == "host" => Some(hash_bytes(asked.target.host.as_bytes())),
        HashBy::Header(name) => head.lines(name).next().map(hash_bytes),
        HashBy::Cookie(name) => cookie(head, name).map(hash_bytes),
    }
}

pub(in crate::proxy) fn client_hash(client: IpAddr) -> u64 {
    match client {
        IpAddr::V4(address) => hash_bytes(&address.octets()),
        IpAddr::V6(address) => hash_bytes(&address.octets()),
    }
}

impl Proxy {
    /// The backend that the request's cookie names, if it is one of the pool's.
    pub(super) fn pinned(&self, pool: &Pool, plan: &StickyPlan, head: &RequestHead) -> Option<BackendKey> {
        let named = cookie(head, &plan.cookie)?;
        pool.members.iter().map(|member| member.key).find(|key| self.cookie_value(plan, *key).as_bytes() == named)
    }

    /// The Set-Cookie header that binds the client to `key`.
    pub(super) fn pin(&self, plan: &StickyPlan, key: BackendKey) -> String {
        let mut header = format!("{}={}; Path=/; HttpOnly; SameSite=Lax", plan.cookie, self.cookie_value(plan, key));
        if let Some(ttl) = plan.ttl {
            header.push_str(&format!("; Max-Age={}", ttl.as_secs()));
        }
        if plan.secure {
            header.push_str("; Secure");
        }
        header
    }

    fn cookie_value(&self, plan: &StickyPlan, key: BackendKey) -> String {
        let secret = plan.secret.as_ref().map_or(self.sticky_key, |secret| {
            let (low, high) = (hash_bytes(secret.as_bytes()), hash_bytes(format!("{secret}\0").as_bytes()));
            (u128::from(high) << 64 | u128::from(low)).to_le_bytes()
        });
        let mut hasher = SipHasher24::new_with_key(&secret);
        hasher.write_u64(key.0);
        format!("{:016x}", hasher.finish())
    }
}

/// The first of its name. A line with an odd byte holds the others all the same.
fn cookie<'a>(head: &'a RequestHead, name: &str) -> Option<&'a [u8]> {
    let pairs = head.lines("cookie").flat_map(|line| line.split(|byte| *byte == b';'));
    pairs.map(<[u8]>::trim_ascii).find_map(|pair| pair.strip_prefix(name.as_bytes())?.strip_prefix(b"="))
}
