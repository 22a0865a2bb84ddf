//! The local password (R4): argon2id in PHC form, for break-glass and test users. In: a password; out: a hash, or whether it fits
//! one. Slow on purpose: never to be called on the packet's threads.

use argon2::password_hash::{PasswordHash, PasswordHasher, PasswordVerifier, SaltString};
use argon2::Argon2;

use crate::secret::Secret;

/// The shortest local password, in characters.
pub const PASSWORD_MIN: usize = 12;
/// The longest, in bytes: what a User-Password holds with a code behind it (RFC 2865 5.2).
pub const PASSWORD_MAX: usize = 120;

/// Why a password is not taken.
#[derive(Debug, thiserror::Error)]
pub enum PasswordError {
    /// Shorter than [`PASSWORD_MIN`].
    #[error("the password is shorter than {PASSWORD_MIN} characters: choose a longer one")]
    TooShort,
    /// Longer than [`PASSWORD_MAX`].
    #[error("the password is longer than {PASSWORD_MAX} bytes: RADIUS cannot carry it with a code")]
    TooLong,
    /// Not UTF-8, or with a NUL inside.
    #[error("the password is not text, or has a NUL inside")]
    NotText,
    /// The hash could not be made.
    #[error("the password could not be hashed")]
    Hash,
}

/// Hashes a new password with argon2id (19 MiB, 2 passes, 1 lane: OWASP's figure). `salt` is 16 random bytes.
pub fn hash(password: &Secret, salt: &[u8; 16]) -> Result<Secret, PasswordError> {
    let text = password.expose_str().filter(|text| !text.contains('\0')).ok_or(PasswordError::NotText)?;
    if text.chars().count() < PASSWORD_MIN {
        return Err(PasswordError::TooShort);
    }
    if text.len() > PASSWORD_MAX {
        return Err(PasswordError::TooLong);
    }
    let salt = SaltString::encode_b64(salt).map_err(|_| PasswordError::Hash)?;
    let hash = Argon2::default().hash_password(text.as_bytes(), &salt).map_err(|_| PasswordError::Hash)?;
    Ok(Secret::from(hash.to_string()))
}

/// Whether the hash is of this password. A hash that cannot be read is of none.
pub fn verify(hash: &Secret, password: &Secret) -> bool {
    let Some(Ok(hash)) = hash.expose_str().map(PasswordHash::new) else { return false };
    Argon2::default().verify_password(password.expose(), &hash).is_ok()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
mod tests {
    use super::*;

    #[test]
    fn r4_a_hash_fits_its_password_alone() {
        let hashed = hash(&"correct horse".into(), &[7; 16]).unwrap();
        assert!(hashed.expose_str().unwrap().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
        assert!(verify(&hashed, &"correct horse".into()));
        assert!(!verify(&hashed, &"correct horsf".into()));
        assert!(!verify(&"no hash".into(), &"correct horse".into()));
    }

    #[test]
    fn what_cannot_be_a_password_is_refused() {
        for (bad, words) in [("short", "shorter"), (&"x".repeat(121), "longer"), ("nul\0inside is bad", "NUL")] {
            let error = hash(&bad.into(), &[7; 16]).unwrap_err().to_string();
            assert!(error.contains(words), "{error}");
        }
    }
}
