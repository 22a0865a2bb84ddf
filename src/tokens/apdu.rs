//! Command APDUs (ISO 7816-4, short form) as the maker's tokens take them. In: instruction, parameters, a body; out: the bytes for
//! the wire. Wiped when dropped, since a body may be a seed. Knows no command by name: `single` and `molto2` do.

use std::fmt;

use zeroize::Zeroizing;

use super::crypto::{BLOCK, Key, MAC};

/// Most bytes of a body: a seed of 63 bytes, padded.
pub const BODY_MAX: usize = 64;

/// The class of commands that anybody may send, and of every command when its MAC is worked out.
pub const PLAIN: u8 = 0x80;

/// The class of commands that carry a MAC.
pub const SIGNED: u8 = 0x84;

/// What follows the header, [`BODY_MAX`] bytes at most, without its MAC.
pub struct Body {
    bytes: Zeroizing<Vec<u8>>,
    length: u8,
}

impl Body {
    /// These bytes.
    pub fn of<const N: usize>(bytes: &[u8; N]) -> Body {
        const { assert!(N <= BODY_MAX) };
        Body {
            bytes: Zeroizing::new(bytes.to_vec()),
            length: N as u8,
        }
    }

    /// These bytes, then 80, then zeros up to a whole block: one block more where they were whole blocks already, since tokens refuse
    /// seeds of 16 and 48 bytes without (maker's firmware). None: it would not fit.
    pub fn padded(plain: &[u8]) -> Option<Body> {
        let length = (plain.len() / BLOCK + 1) * BLOCK;
        let short = u8::try_from(length).ok().filter(|_| length <= BODY_MAX)?;
        let mut bytes = Zeroizing::new(Vec::with_capacity(length));
        bytes.extend_from_slice(plain);
        bytes.push(0x80);
        bytes.resize(length, 0);
        Some(Body { bytes, length: short })
    }

    /// The bytes.
    pub fn as_slice(&self) -> &[u8] {
        &self.bytes
    }

    /// The bytes, to be encrypted in place.
    pub(super) fn as_mut_slice(&mut self) -> &mut [u8] {
        &mut self.bytes
    }

    /// How many they are.
    pub fn length(&self) -> u8 {
        self.length
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Body({} bytes)", self.length)
    }
}

/// Instruction and parameters: INS, P1, P2.
pub type Header = [u8; 3];

/// A command, ready for the wire.
pub struct Command(Zeroizing<Vec<u8>>);

impl Command {
    /// Without a body: `80 INS P1 P2 Le`, and as much answer as there is (Le 00).
    pub fn ask(header: Header) -> Command {
        Command::assemble(PLAIN, header, 0, &[], &[])
    }

    /// With a body: `80 INS P1 P2 Lc body`. No Le: tokens refuse one there.
    pub fn plain(header: Header, body: &Body) -> Command {
        Command::assemble(PLAIN, header, body.length(), body.as_slice(), &[])
    }

    /// With a body and its MAC: `84 INS P1 P2 Lc body MAC`, where Lc counts both.
    pub fn signed(key: &Key, header: Header, body: &Body) -> Command {
        let mac = key.mac(header, body);
        // 64 + 4 at most.
        let length = body.length().saturating_add(MAC as u8);
        Command::assemble(SIGNED, header, length, body.as_slice(), &mac)
    }

    fn assemble(class: u8, [ins, p1, p2]: Header, fifth: u8, body: &[u8], mac: &[u8]) -> Command {
        let mut bytes = Zeroizing::new(Vec::with_capacity(5 + BODY_MAX + MAC));
        bytes.extend_from_slice(&[class, ins, p1, p2, fifth]);
        bytes.extend_from_slice(body);
        bytes.extend_from_slice(mac);
        Command(bytes)
    }

    /// The bytes for the wire.
    pub fn as_slice(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Command {
    /// Class and instruction alone: what follows may be a seed or an answer to a challenge (R21).
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.as_slice() {
            [class, ins, ..] => write!(f, "Command({class:02x} {ins:02x}, {} bytes)", self.0.len()),
            _ => f.write_str("Command"),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_of_whole_blocks_gets_a_block_of_padding() {
        for (plain, length) in [
            (1, 16),
            (15, 16),
            (16, 32),
            (20, 32),
            (32, 48),
            (47, 48),
            (48, 64),
            (63, 64),
        ] {
            let body = Body::padded(&vec![7; plain]).unwrap();
            assert_eq!((body.as_slice().len(), usize::from(body.length())), (length, length));
            assert_eq!(body.as_slice()[plain], 0x80);
            assert!(body.as_slice()[plain + 1..].iter().all(|b| *b == 0));
            assert!(body.as_slice()[..plain].iter().all(|b| *b == 7));
        }
        assert!(Body::padded(&[7; 64]).is_none());
        assert!(Body::padded(&[7; 300]).is_none());
    }

    #[test]
    fn r21_no_body_is_printed() {
        let body = Body::padded(b"12345678901234567890").unwrap();
        assert_eq!(format!("{body:?}"), "Body(32 bytes)");
        let command = Command::signed(&Key::single(), [0xC5, 1, 0], &body);
        assert_eq!(format!("{command:?}"), "Command(84 c5, 41 bytes)");
    }
}
