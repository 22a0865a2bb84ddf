//! The ciphers, MACs and the key derivation that a PSKC file may name (RFC 6030 6). In: URIs, keys, bytes; out: bytes, wiped. It
//! decides nothing: whoever calls checks the MAC before it decrypts.

use std::num::NonZeroU32;

use aes::cipher::block_padding::Pkcs7;
use aes::cipher::generic_array::GenericArray;
use aes::cipher::{BlockDecrypt, BlockDecryptMut, BlockEncryptMut, KeyInit, KeyIvInit};
use aes::{Aes128, Aes192, Aes256};
use hmac::{Hmac, Mac};
use sha1::Sha1;
use sha2::{Sha224, Sha256, Sha384, Sha512};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::secret::Secret;

/// Bytes of a block, and of an initialisation vector.
pub(super) const BLOCK: usize = 16;
/// The integrity check value of AES key wrap (RFC 3394 2.2.3.1).
const WRAPPED: [u8; 8] = [0xa6; 8];

/// How a value is encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cipher {
    /// AES in CBC mode, the IV before the ciphertext; it needs a MAC.
    Cbc {
        /// Bytes of the key.
        key: usize,
    },
    /// AES key wrap (RFC 3394): it fails by itself where something was changed.
    Wrap {
        /// Bytes of the key.
        key: usize,
    },
}

impl Cipher {
    /// By its URI.
    pub(super) fn of(uri: &str) -> Option<Self> {
        Some(match uri.strip_prefix("http://www.w3.org/2001/04/xmlenc#")? {
            "aes128-cbc" => Self::Cbc { key: 16 },
            "aes192-cbc" => Self::Cbc { key: 24 },
            "aes256-cbc" => Self::Cbc { key: 32 },
            "kw-aes128" => Self::Wrap { key: 16 },
            "kw-aes192" => Self::Wrap { key: 24 },
            "kw-aes256" => Self::Wrap { key: 32 },
            _ => return None,
        })
    }

    /// The URI of AES-CBC with a key of so many bytes.
    pub(super) fn cbc_uri(key: usize) -> Option<&'static str> {
        match key {
            16 => Some("http://www.w3.org/2001/04/xmlenc#aes128-cbc"),
            24 => Some("http://www.w3.org/2001/04/xmlenc#aes192-cbc"),
            32 => Some("http://www.w3.org/2001/04/xmlenc#aes256-cbc"),
            _ => None,
        }
    }

    /// Bytes of its key.
    pub(super) fn key_length(self) -> usize {
        let (Self::Cbc { key } | Self::Wrap { key }) = self;
        key
    }

    /// The plain value; none where key or value are wrong.
    pub(super) fn decrypt(self, key: &Secret, value: &[u8]) -> Option<Secret> {
        let plain = match (self, key.len()) {
            (cipher, length) if length != cipher.key_length() => None,
            (Self::Cbc { .. }, 16) => open::<cbc::Decryptor<Aes128>>(key, value),
            (Self::Cbc { .. }, 24) => open::<cbc::Decryptor<Aes192>>(key, value),
            (Self::Cbc { .. }, 32) => open::<cbc::Decryptor<Aes256>>(key, value),
            (Self::Wrap { .. }, 16) => unwrap(&Aes128::new_from_slice(key.expose()).ok()?, value),
            (Self::Wrap { .. }, 24) => unwrap(&Aes192::new_from_slice(key.expose()).ok()?, value),
            (Self::Wrap { .. }, 32) => unwrap(&Aes256::new_from_slice(key.expose()).ok()?, value),
            _ => None,
        };
        plain.map(|mut plain| Secret::new(std::mem::take(&mut *plain)))
    }
}

/// AES-CBC with PKCS #5 padding, the IV first (RFC 6030 6.1; XML Encryption 5.2).
fn open<D: BlockDecryptMut + KeyIvInit>(key: &Secret, value: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let (iv, sealed) = value.split_at_checked(BLOCK)?;
    let mut plain = Zeroizing::new(sealed.to_vec());
    let cipher = D::new_from_slices(key.expose(), iv).ok()?;
    let length = cipher.decrypt_padded_mut::<Pkcs7>(&mut plain).ok()?.len();
    plain.truncate(length);
    Some(plain)
}

/// The other way: what AES-CBC makes of a value, the IV first. None where the key has another length.
pub(super) fn seal(key: &Secret, iv: &[u8; BLOCK], value: &[u8]) -> Option<Vec<u8>> {
    fn by<E: BlockEncryptMut + KeyIvInit>(key: &Secret, iv: &[u8; BLOCK], value: &[u8]) -> Option<Vec<u8>> {
        let cipher = E::new_from_slices(key.expose(), iv).ok()?;
        let mut sealed = iv.to_vec();
        sealed.extend_from_slice(value);
        // At least one byte of padding is added.
        sealed.resize(BLOCK + (value.len() / BLOCK + 1) * BLOCK, 0);
        let body = sealed.get_mut(BLOCK..)?;
        cipher.encrypt_padded_mut::<Pkcs7>(body, value.len()).ok()?;
        Some(sealed)
    }
    match key.len() {
        16 => by::<cbc::Encryptor<Aes128>>(key, iv, value),
        24 => by::<cbc::Encryptor<Aes192>>(key, iv, value),
        32 => by::<cbc::Encryptor<Aes256>>(key, iv, value),
        _ => None,
    }
}

/// AES key unwrap (RFC 3394 2.2.2).
fn unwrap<C: BlockDecrypt>(cipher: &C, value: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let (check, rest) = value.split_first_chunk::<8>()?;
    let (blocks, odd) = rest.as_chunks::<8>();
    if blocks.len() < 2 || !odd.is_empty() {
        return None;
    }
    let mut check = *check;
    let mut blocks = Zeroizing::new(blocks.to_vec());
    let count = u64::try_from(blocks.len()).ok()?;
    for round in (0..6_u64).rev() {
        for (number, block) in (1..=count).rev().zip(blocks.iter_mut().rev()) {
            let step = count.checked_mul(round)?.checked_add(number)?;
            let first = u64::from_be_bytes(check) ^ step;
            let mut both = Zeroizing::new([0; BLOCK]);
            let (high, low) = both.split_at_mut(8);
            high.copy_from_slice(&first.to_be_bytes());
            low.copy_from_slice(block);
            cipher.decrypt_block(GenericArray::from_mut_slice(both.as_mut_slice()));
            let (high, low) = both.split_at(8);
            check.copy_from_slice(high);
            block.copy_from_slice(low);
        }
    }
    bool::from(check.ct_eq(&WRAPPED)).then(|| Zeroizing::new(blocks.concat()))
}

/// A keyed hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Keyed {
    Sha1,
    Sha224,
    Sha256,
    Sha384,
    Sha512,
}

/// Runs one expression with the hash's type.
macro_rules! with_hash {
    ($keyed:expr, $hash:ident => $done:expr) => {
        match $keyed {
            Keyed::Sha1 => {
                type $hash = Sha1;
                $done
            }
            Keyed::Sha224 => {
                type $hash = Sha224;
                $done
            }
            Keyed::Sha256 => {
                type $hash = Sha256;
                $done
            }
            Keyed::Sha384 => {
                type $hash = Sha384;
                $done
            }
            Keyed::Sha512 => {
                type $hash = Sha512;
                $done
            }
        }
    };
}

impl Keyed {
    /// By its URI. The same hash goes by several (RFC 6931 2.2): what counts stands behind the `#`.
    pub(super) fn of(uri: &str) -> Option<Self> {
        Some(match uri.rsplit_once('#')?.1 {
            "hmac-sha1" => Self::Sha1,
            "hmac-sha224" => Self::Sha224,
            "hmac-sha256" => Self::Sha256,
            "hmac-sha384" => Self::Sha384,
            "hmac-sha512" => Self::Sha512,
            _ => return None,
        })
    }

    /// Whether it is the MAC of a value, in constant time.
    pub(super) fn is_of(self, key: &Secret, value: &[u8], mac: &[u8]) -> bool {
        with_hash!(self, H => <Hmac<H> as Mac>::new_from_slice(key.expose())
            .is_ok_and(|hash| hash.chain_update(value).verify_slice(mac).is_ok()))
    }

    /// The MAC of a value; none where the key cannot be one.
    pub(super) fn mac(self, key: &Secret, value: &[u8]) -> Option<Vec<u8>> {
        with_hash!(self, H => <Hmac<H> as Mac>::new_from_slice(key.expose())
            .ok()
            .map(|hash| hash.chain_update(value).finalize().into_bytes().to_vec()))
    }

    /// PBKDF2 (RFC 8018 5.2) with this hash; none with one that is not in use for it, or without a round.
    pub(super) fn pbkdf2(self, passphrase: &Secret, salt: &[u8], rounds: u32, length: usize) -> Option<Secret> {
        let way = match self {
            Self::Sha1 => ring::pbkdf2::PBKDF2_HMAC_SHA1,
            Self::Sha224 => return None,
            Self::Sha256 => ring::pbkdf2::PBKDF2_HMAC_SHA256,
            Self::Sha384 => ring::pbkdf2::PBKDF2_HMAC_SHA384,
            Self::Sha512 => ring::pbkdf2::PBKDF2_HMAC_SHA512,
        };
        let mut key = Zeroizing::new(vec![0; length]);
        ring::pbkdf2::derive(way, NonZeroU32::new(rounds)?, salt, passphrase.expose(), &mut key);
        Some(Secret::new(std::mem::take(&mut *key)))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
mod tests {
    use super::*;
    use data_encoding::HEXLOWER_PERMISSIVE as HEX;
    use proptest::prelude::*;

    fn hex(text: &str) -> Vec<u8> {
        HEX.decode(text.as_bytes()).unwrap()
    }

    #[test]
    fn aes_key_wrap_holds_rfc_3394s_vectors() {
        // RFC 3394 4.1, 4.3 and 4.6.
        for (key, wrapped, plain) in [
            (
                "000102030405060708090A0B0C0D0E0F",
                "1FA68B0A8112B447AEF34BD8FB5A7B829D3E862371D2CFE5",
                "00112233445566778899AABBCCDDEEFF",
            ),
            (
                "000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F",
                "64E8C3F9CE0F5BA263E9777905818A2A93C8191E7D6E8AE7",
                "00112233445566778899AABBCCDDEEFF",
            ),
            (
                "000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F",
                "28C9F404C4B810F4CBCCB35CFB87F8263F5786E2D80ED326CBC7F0E71A99F43BFB988B9B7A02DD21",
                "00112233445566778899AABBCCDDEEFF000102030405060708090A0B0C0D0E0F",
            ),
        ] {
            let (key, mut wrapped) = (Secret::new(hex(key)), hex(wrapped));
            let cipher = Cipher::Wrap { key: key.len() };
            assert_eq!(cipher.decrypt(&key, &wrapped).unwrap().expose(), hex(plain));
            for at in 0..wrapped.len() {
                wrapped[at] ^= 1;
                assert_eq!(cipher.decrypt(&key, &wrapped), None, "byte {at}");
                wrapped[at] ^= 1;
            }
            for length in 0..wrapped.len() {
                assert_eq!(cipher.decrypt(&key, &wrapped[..length]), None);
            }
        }
    }

    #[test]
    fn rfc_6030s_key_is_derived_and_its_value_decrypted() {
        // Figure 7: the passphrase, the salt, the rounds, and the key that comes of them.
        let key = Keyed::Sha1
            .pbkdf2(&"qwerty".into(), &hex("123eff3c4a72129c"), 1000, 16)
            .unwrap();
        assert_eq!(key.expose(), hex("651e63cd57008476af1ff6422cd02e41"));
        // Figure 6: key, IV, plain value.
        let key = Secret::new(hex("12345678901234567890123456789012"));
        let iv: [u8; 16] = hex("000102030405060708090a0b0c0d0e0f").try_into().unwrap();
        let sealed = seal(&key, &iv, b"12345678901234567890").unwrap();
        assert_eq!(
            data_encoding::BASE64.encode(&sealed),
            "AAECAwQFBgcICQoLDA0OD+cIHItlB3Wra1DUpxVvOx2lef1VmNPCMl8jwZqIUqGv"
        );
        let mac_key = Secret::new(hex("1122334455667788990011223344556677889900"));
        let mac = Keyed::Sha1.mac(&mac_key, &sealed).unwrap();
        assert_eq!(data_encoding::BASE64.encode(&mac), "Su+NvtQfmvfJzF6bmQiJqoLRExc=");
        assert!(Keyed::Sha1.is_of(&mac_key, &sealed, &mac) && !Keyed::Sha256.is_of(&mac_key, &sealed, &mac));
        assert!(!Keyed::Sha1.is_of(&mac_key, &sealed, &mac[..19]));
    }

    #[test]
    fn a_key_of_another_length_opens_nothing() {
        let value = [7; 48];
        for key in [0, 15, 16, 24, 32, 33] {
            let secret = Secret::new(vec![1; key]);
            for wants in [16, 24, 32].into_iter().filter(|wants| *wants != key) {
                assert_eq!(Cipher::Cbc { key: wants }.decrypt(&secret, &value), None);
                assert_eq!(Cipher::Wrap { key: wants }.decrypt(&secret, &value), None);
            }
        }
    }

    proptest! {
        #[test]
        fn what_is_sealed_is_opened(size in 0_usize..3, key: [u8; 32], iv: [u8; 16], value: Vec<u8>) {
            let length = [16, 24, 32][size];
            let key = Secret::new(key[..length].to_vec());
            let sealed = seal(&key, &iv, &value).unwrap();
            let opened = Cipher::Cbc { key: length }.decrypt(&key, &sealed).unwrap();
            prop_assert_eq!(opened.expose(), value);
            prop_assert_eq!(Cipher::of(Cipher::cbc_uri(length).unwrap()), Some(Cipher::Cbc { key: length }));
        }

        #[test]
        fn any_bytes_are_answered(value in proptest::collection::vec(any::<u8>(), 0..80), size in 0_usize..3) {
            let length = [16, 24, 32][size];
            let key = Secret::new(vec![3; length]);
            let _ = Cipher::Cbc { key: length }.decrypt(&key, &value);
            prop_assert_eq!(Cipher::Wrap { key: length }.decrypt(&key, &value), None);
        }
    }
}
