//! Frames between a host and a PN532 (its user manual, 6.2.1). In: the bytes of a line as they come, whole or in pieces, with junk
//! around them; out: frames whose checksums are right, and word of those whose are not. No I/O, no clock, and never more than
//! [`CAPACITY`] bytes kept. What stands in a frame may be a challenge or a seed, so everything that holds one is wiped.

use std::fmt;

use zeroize::{Zeroize, Zeroizing};

/// "I have your frame", in both directions; from the host while a command runs: "stop it".
pub const ACK: [u8; 6] = [0x00, 0x00, 0xff, 0x00, 0xff, 0x00];
/// "Send that frame again."
pub const NACK: [u8; 6] = [0x00, 0x00, 0xff, 0xff, 0x00, 0x00];
/// First byte of what goes to the chip.
pub const TO_CHIP: u8 = 0xd4;
/// First byte of what comes from it.
pub const FROM_CHIP: u8 = 0xd5;
/// The only byte of the frame that says "I do not understand that command".
pub const REFUSED: u8 = 0x7f;

/// The longest body (direction byte and data) of an extended frame.
pub const BODY_MAX: usize = 265;
/// The longest body of a normal frame.
const NORMAL_MAX: usize = 255;
/// Bytes that a framer keeps; a frame of any length fits three times.
pub const CAPACITY: usize = 1024;

/// What was found on the line.
#[derive(PartialEq, Eq)]
pub enum Found {
    /// The other side has our frame.
    Ack,
    /// It has not, and wants it again.
    Nack,
    /// A frame's body: the direction byte, then the data.
    Frame(Zeroizing<Vec<u8>>),
    /// Something that began as a frame and is none: a wrong checksum or no end.
    Bad,
}

impl fmt::Debug for Found {
    /// Of a body its length alone (R21).
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ack => f.write_str("Ack"),
            Self::Nack => f.write_str("Nack"),
            Self::Frame(body) => write!(f, "Frame({} bytes)", body.len()),
            Self::Bad => f.write_str("Bad"),
        }
    }
}

/// The frame around a body, normal or extended as its length wants. None for an empty body and for one over [`BODY_MAX`].
pub fn encode(body: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    if body.is_empty() || body.len() > BODY_MAX {
        return None;
    }
    let [.., high, low] = body.len().to_be_bytes();
    // Room for all of it at once, so that no shorter copy is left behind.
    let mut out = Zeroizing::new(Vec::with_capacity(body.len() + 10));
    out.extend_from_slice(&[0x00, 0x00, 0xff]);
    if body.len() <= NORMAL_MAX {
        out.extend_from_slice(&[low, low.wrapping_neg()]);
    } else {
        out.extend_from_slice(&[0xff, 0xff, high, low, high.wrapping_add(low).wrapping_neg()]);
    }
    out.extend_from_slice(body);
    out.extend_from_slice(&[sum(body).wrapping_neg(), 0x00]);
    Some(out)
}

/// All bytes added, modulo 256.
fn sum(bytes: &[u8]) -> u8 {
    bytes.iter().fold(0, |sum: u8, byte| sum.wrapping_add(*byte))
}

/// What stands at the beginning of some bytes.
enum Head {
    /// Nothing that could be a frame in the first so many bytes.
    Junk(usize),
    /// A frame may begin here; more bytes will tell.
    Short,
    /// This, in so many bytes.
    Whole(Found, usize),
    /// A frame begins here that is none.
    Broken,
}

/// The start code. The 00 before it carries nothing, so its loss is none.
const START: [u8; 2] = [0x00, 0xff];

/// Reads the beginning of what came.
fn head(bytes: &[u8]) -> Head {
    let Some(start) = bytes.windows(START.len()).position(|pair| pair == START) else {
        // The last byte may be the first of a start code.
        let kept = usize::from(bytes.last() == Some(&0x00));
        return match bytes.len() - kept {
            0 => Head::Short,
            junk => Head::Junk(junk),
        };
    };
    if start > 0 {
        return Head::Junk(start);
    }
    let (length, begin) = match bytes.get(START.len()..).unwrap_or_default() {
        [0x00, 0xff, end, ..] => return simple(Found::Ack, *end),
        [0xff, 0x00, end, ..] => return simple(Found::Nack, *end),
        [0xff, 0xff, high, low, check, ..] => {
            if sum(&[*high, *low, *check]) != 0 {
                return Head::Broken;
            }
            (usize::from(u16::from_be_bytes([*high, *low])), 7)
        }
        [0xff, 0xff, ..] | [_] | [] | [0x00, 0xff] | [0xff, 0x00] => return Head::Short,
        [length, check, ..] => {
            if sum(&[*length, *check]) != 0 {
                return Head::Broken;
            }
            (usize::from(*length), 4)
        }
    };
    if length == 0 || length > BODY_MAX {
        return Head::Broken;
    }
    let end = begin + length + 2;
    let Some(rest) = bytes.get(begin..end) else {
        return Head::Short;
    };
    let (checked, last) = rest.split_at(length + 1);
    let Some((_, body)) = checked.split_last() else {
        return Head::Broken;
    };
    // The last byte carries nothing, but a frame without it was cut off.
    if sum(checked) != 0 || last != [0x00] {
        return Head::Broken;
    }
    Head::Whole(Found::Frame(Zeroizing::new(body.to_vec())), end)
}

/// A frame without a body.
fn simple(found: Found, end: u8) -> Head {
    match end {
        0x00 => Head::Whole(found, 5),
        _ => Head::Broken,
    }
}

/// Finds frames in what comes over a line.
pub struct Framer {
    held: Zeroizing<Vec<u8>>,
}

impl Default for Framer {
    fn default() -> Self {
        Self {
            held: Zeroizing::new(Vec::with_capacity(CAPACITY)),
        }
    }
}

impl Framer {
    /// How many bytes may be pushed now. At least two frames' worth after [`Framer::next`] said none.
    pub fn room(&self) -> usize {
        CAPACITY.saturating_sub(self.held.len())
    }

    /// Takes bytes as they came; what is more than [`Framer::room`] is lost.
    pub fn push(&mut self, bytes: &[u8]) {
        let fits = bytes.get(..self.room()).unwrap_or(bytes);
        self.held.extend_from_slice(fits);
    }

    /// The next thing in order, none until more bytes come.
    pub fn take(&mut self) -> Option<Found> {
        loop {
            match head(&self.held) {
                Head::Short => return None,
                Head::Junk(count) => drop(self.held.drain(..count)),
                Head::Whole(found, count) => {
                    self.held.drain(..count);
                    return Some(found);
                }
                Head::Broken => {
                    // Only its first byte goes: a good frame may stand in what looked like one.
                    self.held.drain(..1);
                    return Some(Found::Bad);
                }
            }
        }
    }

    /// For when nothing more comes: where a whole frame stands behind the beginning of one that never ends, as junk may look, that
    /// beginning is dropped. Says whether it was so.
    pub fn uncover(&mut self) -> bool {
        let whole = |from: &usize| {
            let rest = self.held.get(*from..).unwrap_or_default();
            matches!(head(rest), Head::Whole(..))
        };
        match (1..self.held.len()).find(whole) {
            Some(from) => {
                self.held.drain(..from);
                true
            }
            None => false,
        }
    }

    /// Forgets and wipes what came so far.
    pub fn clear(&mut self) {
        self.held.zeroize();
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
mod tests {
    use data_encoding::HEXLOWER_PERMISSIVE;
    use proptest::prelude::*;

    use super::*;

    fn hex(text: &str) -> Vec<u8> {
        HEXLOWER_PERMISSIVE.decode(text.replace(' ', "").as_bytes()).unwrap()
    }

    fn frame(body: &[u8]) -> Found {
        Found::Frame(Zeroizing::new(body.to_vec()))
    }

    fn all(framer: &mut Framer) -> Vec<Found> {
        std::iter::from_fn(|| framer.take()).collect()
    }

    fn found(bytes: &[u8]) -> Vec<Found> {
        let mut framer = Framer::default();
        framer.push(bytes);
        all(&mut framer)
    }

    #[test]
    fn the_frames_of_the_makers_notes() {
        for (body, whole) in [
            ("d41401", "00 00 ff 03 fd d4 14 01 17 00"),
            ("d515", "00 00 ff 02 fe d5 15 16 00"),
            ("d402", "00 00 ff 02 fe d4 02 2a 00"),
            ("d41214", "00 00 ff 03 fd d4 12 14 06 00"),
            ("d513", "00 00 ff 02 fe d5 13 18 00"),
            ("d44a0100", "00 00 ff 04 fc d4 4a 01 00 e1 00"),
            ("d54b00", "00 00 ff 03 fd d5 4b 00 e0 00"),
            (
                "d4400180410000020211",
                "00 00 ff 0a f6 d4 40 01 80 41 00 00 02 02 11 15 00",
            ),
            ("d541009000", "00 00 ff 05 fb d5 41 00 90 00 5a 00"),
            ("d54101", "00 00 ff 03 fd d5 41 01 e9 00"),
            ("7f", "00 00 ff 01 ff 7f 81 00"),
        ] {
            assert_eq!(encode(&hex(body)).unwrap().as_slice(), hex(whole), "{body}");
            assert_eq!(found(&hex(whole)), [frame(&hex(body))], "{whole}");
        }
        assert_eq!(found(&ACK), [Found::Ack]);
        assert_eq!(found(&NACK), [Found::Nack]);
    }

    #[test]
    fn bodies_over_255_bytes_travel_in_extended_frames() {
        for length in [1, 254, 255, 256, 264, BODY_MAX] {
            let body: Vec<u8> = (0..length).map(|i| u8::try_from(i % 256).unwrap()).collect();
            let whole = encode(&body).unwrap();
            assert_eq!(whole.starts_with(&[0x00, 0x00, 0xff, 0xff, 0xff]), length > 255);
            assert_eq!(found(&whole), [frame(&body)]);
        }
        assert_eq!(encode(&[]), None);
        assert_eq!(encode(&[0; BODY_MAX + 1]), None);
        // A length that no chip sends is no frame, in whichever form.
        assert_eq!(found(&hex("0000ff ffff 010af5 d5"))[0], Found::Bad);
        assert_eq!(found(&hex("0000ff 0000 00"))[0], Found::Bad);
    }

    #[test]
    fn wrong_checksums_and_a_missing_end_are_told_and_the_next_frame_is_found() {
        let good = hex("0000ff 03fd d54101 e900");
        for bad in [
            "0000ff 03fc d54101 e900",
            "0000ff 03fd d54101 e800",
            "0000ff 03fd d54101 e901",
            "0000ff 00ff 01",
            "0000ff ff00 01",
            "0000ff ffff 0001fe d5 2b00",
        ] {
            let mut bytes = hex(bad);
            bytes.extend(&good);
            let found = found(&bytes);
            assert!(found.contains(&Found::Bad), "{bad}");
            assert_eq!(found.last(), Some(&frame(&[0xd5, 0x41, 0x01])), "{bad}");
            assert_eq!(
                found.iter().filter(|f| matches!(f, Found::Frame(_))).count(),
                1,
                "{bad}"
            );
        }
    }

    #[test]
    fn a_frame_that_junk_swallowed_is_found_when_nothing_more_comes() {
        let mut framer = Framer::default();
        framer.push(&hex("0000ff 20e0 d5 0000ff 03fd d54101 e900 55"));
        assert_eq!(framer.take(), None);
        assert!(framer.uncover());
        assert_eq!(framer.take(), Some(frame(&[0xd5, 0x41, 0x01])));
        assert_eq!((framer.take(), framer.uncover()), (None, false));
    }

    #[test]
    fn what_is_cut_off_anywhere_is_no_frame() {
        for whole in [
            hex("0000ff 05fb d541009000 5a00"),
            encode(&[7; 260]).unwrap().to_vec(),
            ACK.to_vec(),
            NACK.to_vec(),
        ] {
            for cut in 0..whole.len() {
                let mut framer = Framer::default();
                framer.push(&whole[..cut]);
                assert_eq!((framer.take(), framer.uncover()), (None, false), "{cut}");
                // And it is whole when the rest comes.
                framer.push(&whole[cut..]);
                assert!(framer.take().is_some_and(|found| found != Found::Bad), "{cut}");
            }
        }
    }

    #[test]
    fn r21_a_frame_does_not_print_its_body() {
        assert_eq!(format!("{:?}", frame(&[0xd5, 0x41])), "Frame(2 bytes)");
    }

    proptest! {
        #[test]
        fn any_bytes_in_any_pieces_do_no_harm(pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..400), 0..12)) {
            let mut framer = Framer::default();
            for piece in pieces {
                framer.push(&piece);
                all(&mut framer);
                prop_assert!(framer.room() >= CAPACITY - BODY_MAX - 16);
                framer.uncover();
            }
        }

        #[test]
        fn frames_start_often_in_bytes_that_are_likely_to_be_some(
            bytes in prop::collection::vec(prop::sample::select(vec![0u8, 0xff, 1, 2, 0xfe, 0xd5, 0x7f, 0x81]), 0..900)
        ) {
            let mut framer = Framer::default();
            framer.push(&bytes);
            for found in all(&mut framer) {
                if let Found::Frame(body) = found {
                    prop_assert!(!body.is_empty() && body.len() <= BODY_MAX);
                }
            }
            prop_assert!(framer.room() >= CAPACITY - BODY_MAX - 16);
        }

        #[test]
        fn a_frame_comes_back_however_cut(
            body in prop::collection::vec(any::<u8>(), 1..=BODY_MAX),
            cuts in prop::collection::vec(1usize..40, 0..40),
        ) {
            let whole = encode(&body).unwrap();
            let (mut framer, mut rest) = (Framer::default(), whole.as_slice());
            let mut cuts = cuts.into_iter();
            while !rest.is_empty() {
                prop_assert_eq!(framer.take(), None);
                let (piece, more) = rest.split_at(cuts.next().unwrap_or(rest.len()).min(rest.len()));
                framer.push(piece);
                rest = more;
            }
            prop_assert_eq!(framer.take(), Some(frame(&body)));
            prop_assert_eq!(framer.take(), None);
        }

        #[test]
        fn a_frame_comes_back_from_behind_any_junk(
            junk in prop::collection::vec(any::<u8>(), 0..300),
            body in prop::collection::vec(any::<u8>(), 1..200),
        ) {
            let mut framer = Framer::default();
            framer.push(&junk);
            framer.push(&encode(&body).unwrap());
            let mut found = all(&mut framer);
            while framer.uncover() {
                found.extend(all(&mut framer));
            }
            prop_assert!(found.contains(&frame(&body)));
        }
    }
}
