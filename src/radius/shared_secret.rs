//! A client's shared secret, prepared once so that each packet costs only the hashing of its own bytes. In: a [`Secret`]; out: MD5
//! and HMAC-MD5 states that begin with it. Never prints it.

use hmac::{Hmac, Mac};
use md5::{Digest, Md5};

use super::Authenticator;
use crate::secret::Secret;

/// A shared secret with its hash states (RFC 2104 for HMAC; RFC 2865 section 5.2 puts the secret first, section 3 puts it last).
/// An empty secret is no secret (RFC 2865 section 3): whoever makes a client refuses it.
#[derive(Clone)]
pub struct SharedSecret {
    secret: Secret,
    hmac: Hmac<Md5>,
    prefix: Md5,
}

impl SharedSecret {
    /// Prepares the states; the secret is copied.
    pub fn new(secret: &Secret) -> Self {
        Self {
            secret: secret.clone(),
            hmac: keyed(secret.expose()),
            prefix: Md5::new_with_prefix(secret.expose()),
        }
    }

    /// HMAC-MD5 over the parts, in their order.
    pub(super) fn hmac(&self, parts: &[&[u8]]) -> Authenticator {
        let mut hmac = self.hmac.clone();
        for part in parts {
            hmac.update(part);
        }
        hmac.finalize().into_bytes().into()
    }

    /// MD5 over the secret, then the bytes: one step of User-Password.
    pub(super) fn md5_before(&self, bytes: &[u8]) -> Authenticator {
        let mut md5 = self.prefix.clone();
        md5.update(bytes);
        md5.finalize().into()
    }

    /// MD5 over the parts, then the secret: the authenticator of replies and of accounting.
    pub(super) fn md5_after(&self, parts: &[&[u8]]) -> Authenticator {
        let mut md5 = Md5::new();
        for part in parts {
            md5.update(part);
        }
        md5.update(self.secret.expose());
        md5.finalize().into()
    }
}

/// An HMAC state under this key.
fn keyed(key: &[u8]) -> Hmac<Md5> {
    // HMAC takes keys of every length, so the second arm does not run; it is there because the type allows an error.
    <Hmac<Md5> as Mac>::new_from_slice(key)
        .unwrap_or_else(|_| <Hmac<Md5> as hmac::digest::KeyInit>::new(&[0; 64].into()))
}

impl From<&Secret> for SharedSecret {
    fn from(secret: &Secret) -> Self {
        Self::new(secret)
    }
}

/// The hash states are as good as the secret, and the hash crates do not wipe theirs: they are written over here.
impl Drop for SharedSecret {
    fn drop(&mut self) {
        self.hmac = keyed(&[]);
        self.prefix = Md5::new_with_prefix([0; 63]);
        std::hint::black_box(&self.hmac);
        std::hint::black_box(&self.prefix);
    }
}

impl std::fmt::Debug for SharedSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SharedSecret(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 2202 section 2, cases 1, 2 and 6 (a key longer than a block).
    #[test]
    fn rfc2202_2_hmac_md5() {
        let cases: [(&[u8], &[u8], &str); 3] = [
            (&[0x0b; 16], b"Hi There", "9294727a3638bb1c13f48ef8158bfc9d"),
            (
                b"Jefe",
                b"what do ya want for nothing?",
                "750c783e6ab0b503eaa86e310a5db738",
            ),
            (
                &[0xaa; 80],
                b"Test Using Larger Than Block-Size Key - Hash Key First",
                "6b1ab7fe4bd7bf8f0b62e6ce61b9d0cd",
            ),
        ];
        for (key, text, expected) in cases {
            let secret = SharedSecret::new(&Secret::new(key.to_vec()));
            let (head, tail) = text.split_at(text.len() / 2);
            assert_eq!(data_encoding::HEXLOWER.encode(&secret.hmac(&[head, tail])), expected);
        }
    }

    #[test]
    fn r21_a_shared_secret_does_not_print() {
        assert_eq!(
            format!("{:?}", SharedSecret::new(&Secret::from("xyzzy5461"))),
            "SharedSecret(..)"
        );
    }
}
