//! The tokens' cryptography (maker's notes): SM4 in ECB for seeds and titles, a MAC by SM4-CBC over each command that writes, and an
//! answer to a challenge. In: a key and bytes; out: bytes. Pure. Key schedules, seeds and intermediate blocks are wiped when dropped;
//! what the SHA-1 library leaves on the stack while it derives a key is not within reach.
//!
//! None of this hides a single-profile token's seed from a listener: its key is public, and the challenge is not in the encryption.

use std::fmt;

use sha1::{Digest, Sha1};
use sm4::Sm4;
use sm4::cipher::{BlockEncrypt, KeyInit};
use zeroize::Zeroizing;

use super::apdu::{Body, Header, PLAIN};
use crate::secret::Secret;

/// Bytes of an SM4 block, and of a key.
pub const BLOCK: usize = 16;

/// Bytes of a MAC on the wire.
pub const MAC: usize = 4;

/// Bytes of a challenge.
pub const CHALLENGE: usize = 8;

/// The key of every single-profile token: public, in the maker's notes, never changed.
const SINGLE: [u8; BLOCK] = [
    0x8A, 0xD2, 0x06, 0x88, 0x3C, 0xA3, 0x69, 0x48, 0x2A, 0xB2, 0x71, 0x82, 0xB6, 0xE8, 0x32, 0x24,
];

/// The customer key of a Molto-2 as it leaves the maker; public.
const MOLTO2: &[u8] = b"TOKEN2MOLTO1-KEY";

/// A token's SM4 key, expanded.
pub struct Key(Box<Sm4>);

impl Key {
    /// The key of every single-profile token.
    pub fn single() -> Key {
        Key(Box::new(Sm4::new(&SINGLE.into())))
    }

    /// The key of a Molto-2, by its customer key; none: the one it leaves the maker with.
    pub fn molto2(customer: Option<&Secret>) -> Key {
        let bytes = derive(customer.map_or(MOLTO2, Secret::expose));
        Key(Box::new(Sm4::new((&*bytes).into())))
    }

    /// Encrypts whole blocks, each by itself (ECB). What is left over after the last whole block stays as it is: every body that is
    /// encrypted was padded.
    pub fn encrypt(&self, mut body: Body) -> Body {
        for block in body.as_mut_slice().chunks_exact_mut(BLOCK) {
            if let Ok(block) = <&mut [u8; BLOCK]>::try_from(block) {
                self.0.encrypt_block(block.into());
            }
        }
        body
    }

    /// The first four bytes of the last SM4-CBC block (IV 0) over `80 INS P1 P2 Lc' body`: the class is 80 although 84 goes over the
    /// wire, Lc' leaves the MAC out, and the padding (80, zeros) is only there if the rest is not whole blocks.
    pub fn mac(&self, [ins, p1, p2]: Header, body: &Body) -> [u8; MAC] {
        let mut message = Zeroizing::new(Vec::with_capacity(6 * BLOCK));
        message.extend_from_slice(&[PLAIN, ins, p1, p2, body.length()]);
        message.extend_from_slice(body.as_slice());
        let whole = message.len().next_multiple_of(BLOCK);
        if message.len() < whole {
            message.push(0x80);
            message.resize(whole, 0);
        }
        let mut chain = Zeroizing::new([0; BLOCK]);
        for block in message.chunks_exact(BLOCK) {
            chain.iter_mut().zip(block).for_each(|(to, from)| *to ^= from);
            self.0.encrypt_block((&mut *chain).into());
        }
        let [a, b, c, d, ..] = *chain;
        [a, b, c, d]
    }

    /// The answer to a challenge: the challenge and eight zeros, encrypted.
    pub fn answer(&self, challenge: [u8; CHALLENGE]) -> Body {
        let mut block = Zeroizing::new([0; BLOCK]);
        block.iter_mut().zip(challenge).for_each(|(to, from)| *to = from);
        self.encrypt(Body::of(&block))
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(..)")
    }
}

/// K of a customer key: the first 16 bytes of its SHA-1.
pub fn derive(customer: &[u8]) -> Zeroizing<[u8; BLOCK]> {
    let mut key = Zeroizing::new([0; BLOCK]);
    let digest: Zeroizing<[u8; 20]> = Zeroizing::new(Sha1::digest(customer).into());
    key.iter_mut().zip(digest.iter()).for_each(|(to, from)| *to = *from);
    key
}

/// A seed as it may be written: 1 to 63 bytes, not all zero.
pub struct Seed(Body);

/// Why a seed cannot be written; says nothing of the seed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadSeed {
    /// Tokens take 1 to 63 bytes.
    #[error("the seed has {0} bytes: a token takes 1 to 63")]
    Length(usize),
    /// A token takes zeros for "clear".
    #[error("the seed is all zeros, which a token takes for \"clear\": that is no seed")]
    Zero,
}

impl Seed {
    /// # Errors
    /// [`BadSeed`].
    pub fn new(seed: &Secret) -> Result<Seed, BadSeed> {
        match Body::padded(seed.expose()) {
            Some(_) if seed.is_empty() => Err(BadSeed::Length(0)),
            None => Err(BadSeed::Length(seed.len())),
            Some(_) if seed.expose().iter().all(|byte| *byte == 0) => Err(BadSeed::Zero),
            Some(padded) => Ok(Seed(padded)),
        }
    }

    /// The padded seed, encrypted: the plain one is gone.
    pub(super) fn sealed(self, key: &Key) -> Body {
        key.encrypt(self.0)
    }
}

impl fmt::Debug for Seed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Seed(..)")
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
mod tests {
    use super::*;

    #[test]
    fn the_published_sm4_vector() {
        // GB/T 32907-2016, appendix A.1.
        let key: [u8; 16] = 0x0123_4567_89ab_cdef_fedc_ba98_7654_3210_u128.to_be_bytes();
        let sealed = Key(Box::new(Sm4::new(&key.into()))).encrypt(Body::of(&key));
        assert_eq!(
            sealed.as_slice(),
            0x681e_df34_d206_965e_86b3_e94f_536e_4246_u128.to_be_bytes()
        );
    }

    #[test]
    fn the_makers_customer_key() {
        let derived = derive(b"TOKEN2MOLTO1-KEY");
        assert_eq!(*derived, 0x0992_50fd_b017_f442_da42_9ecb_bee1_7f79_u128.to_be_bytes());
        let given = Secret::from("TOKEN2MOLTO1-KEY");
        let challenge = 0x1122_3344_5566_7788_u64.to_be_bytes();
        assert_eq!(
            Key::molto2(Some(&given)).answer(challenge).as_slice(),
            Key::molto2(None).answer(challenge).as_slice()
        );
    }

    #[test]
    fn answers_to_the_challenge_of_the_notes() {
        let challenge = 0x1122_3344_5566_7788_u64.to_be_bytes();
        assert_eq!(
            Key::single().answer(challenge).as_slice(),
            0x8b74_50f2_2721_bc29_985c_2c46_0b65_045d_u128.to_be_bytes()
        );
        assert_eq!(
            Key::molto2(None).answer(challenge).as_slice(),
            0x550e_c132_8f96_3eb0_2972_bb14_1e1c_f521_u128.to_be_bytes()
        );
    }

    #[test]
    fn a_mac_pads_only_what_is_not_whole_blocks() {
        let key = Key::single();
        // 5 + 11 bytes are one block: CBC over it with IV 0 is the block's encryption.
        let body = Body::of(&[9; 11]);
        let mut block = vec![0x80, 0xD4, 0, 0, 11];
        block.extend([9; 11]);
        let one = key.encrypt(Body::of(&<[u8; 16]>::try_from(block).unwrap()));
        assert_eq!(key.mac([0xD4, 0, 0], &body), one.as_slice()[..4]);
        // 5 + 10 bytes are padded to one.
        let mut block = vec![0x80, 0xD4, 0, 0, 10];
        block.extend([9; 10]);
        block.push(0x80);
        let one = key.encrypt(Body::of(&<[u8; 16]>::try_from(block).unwrap()));
        assert_eq!(key.mac([0xD4, 0, 0], &Body::of(&[9; 10])), one.as_slice()[..4]);
    }

    #[test]
    fn seeds_that_no_token_takes_are_refused() {
        for length in [1, 10, 16, 20, 32, 48, 63] {
            assert!(Seed::new(&Secret::new(vec![1; length])).is_ok(), "{length}");
        }
        for length in [0, 64, 100] {
            let refused = Seed::new(&Secret::new(vec![1; length])).unwrap_err();
            assert_eq!(refused, BadSeed::Length(length));
        }
        for length in [1, 16, 20, 63] {
            assert_eq!(Seed::new(&Secret::new(vec![0; length])).unwrap_err(), BadSeed::Zero);
        }
        let mut last = vec![0; 20];
        last[19] = 1;
        assert!(Seed::new(&Secret::new(last)).is_ok());
    }

    #[test]
    fn r21_no_key_and_no_seed_is_printed() {
        assert_eq!(format!("{:?}", Key::molto2(None)), "Key(..)");
        let seed = Seed::new(&Secret::from("12345678901234567890")).unwrap();
        assert_eq!(format!("{seed:?}"), "Seed(..)");
    }
}
