//! How does a receiver know that it was us? By an HMAC-SHA256 over id, time and body, as the Standard Webhooks specification has it
//! (`webhook-id`, `webhook-timestamp`, `webhook-signature: v1,…`), which libraries of every language verify.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring_crypto::hmac::{self, HMAC_SHA256, Key};
use std::fmt;

/// Shorter ones can be guessed.
const LEAST: usize = 16;

/// Signs with one secret.
#[derive(Clone)]
pub struct Signer {
    key: Key,
    /// Of something known, so that two can be compared.
    mark: [u8; 32],
}

impl Signer {
    /// `whsec_…` is base64, as the specification writes secrets; anything else is taken as it is.
    ///
    /// # Errors
    /// Why it is none.
    pub fn new(secret: &str) -> Result<Self, String> {
        let bytes = match secret.strip_prefix("whsec_") {
            Some(encoded) => STANDARD.decode(encoded).map_err(|_| "what follows whsec_ is no base64".to_owned())?,
            None => secret.as_bytes().to_vec(),
        };
        if bytes.len() < LEAST {
            return Err(format!("found {} bytes, allowed: at least {LEAST} (openssl rand -hex 32)", bytes.len()));
        }
        let key = Key::new(HMAC_SHA256, &bytes);
        let mut mark = [0; 32];
        for (to, from) in mark.iter_mut().zip(hmac::sign(&key, b"mark").as_ref()) {
            *to = *from;
        }
        Ok(Self { key, mark })
    }

    /// The value of `webhook-signature`.
    pub fn sign(&self, id: &str, timestamp: i64, body: &[u8]) -> String {
        let signed = [format!("{id}.{timestamp}.").as_bytes(), body].concat();
        format!("v1,{}", STANDARD.encode(hmac::sign(&self.key, &signed)))
    }
}

impl PartialEq for Signer {
    fn eq(&self, other: &Self) -> bool {
        self.mark == other.mark
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Signer")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_the_specification_signs() {
        // The example of the Standard Webhooks specification.
        let signer = Signer::new("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let signature = signer.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, br#"{"test": 2432232314}"#);
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn an_address_without_its_secret_is_told_and_no_secret_is_shown() {
        for (secret, words) in [("short", "found 5 bytes"), ("whsec_!", "no base64"), ("whsec_YQ==", "found 1 bytes")] {
            assert!(Signer::new(secret).unwrap_err().contains(words), "{secret}");
        }
        let (one, other) = (Signer::new("0123456789abcdef").unwrap(), Signer::new("0123456789abcdeg").unwrap());
        assert!(one == one.clone() && one != other);
        assert_eq!(format!("{one:?}"), "Signer");
    }
}
