//! Frames of a PN532 on a serial line, seen from the chip: what the host sends, found in a stream of bytes, and what the chip says.
//! No extended frames: nothing that tokens are told is that long.

/// The chip has taken the host's frame.
pub const ACK: [u8; 6] = [0x00, 0x00, 0xff, 0x00, 0xff, 0x00];
/// A frame was not understood.
pub const NACK: [u8; 6] = [0x00, 0x00, 0xff, 0xff, 0x00, 0x00];
/// The chip does not know a command, or not in this form.
pub const ERROR: [u8; 8] = [0x00, 0x00, 0xff, 0x01, 0xff, 0x7f, 0x81, 0x00];

const TO_CHIP: u8 = 0xd4;
const FROM_CHIP: u8 = 0xd5;

/// A frame with a direction and data.
pub fn frame(direction: u8, data: &[u8]) -> Vec<u8> {
    let length = u8::try_from(data.len() + 1).unwrap();
    let sum = data.iter().fold(direction, |sum, byte| sum.wrapping_add(*byte));
    let mut out = vec![0x00, 0x00, 0xff, length, length.wrapping_neg(), direction];
    out.extend(data);
    out.extend([sum.wrapping_neg(), 0x00]);
    out
}

/// An answer of the chip: code and what follows.
pub fn said(data: &[u8]) -> Vec<u8> {
    frame(FROM_CHIP, data)
}

/// What the host said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    /// Stop what you do.
    Ack,
    /// Say that again.
    Nack,
    /// A command: code and parameters.
    Command(Vec<u8>),
}

/// Finds frames in what comes over the line, in pieces of any size.
#[derive(Default)]
pub struct Ear(Vec<u8>);

impl Ear {
    /// Takes bytes and gives the frames that are whole now. What is no frame, or damaged, is passed over.
    pub fn take(&mut self, bytes: &[u8]) -> Vec<Heard> {
        self.0.extend(bytes);
        let mut all = Vec::new();
        let mut from = 0;
        while let Some(at) = self.0[from..].windows(2).position(|pair| pair == [0x00, 0xff]) {
            let start = from + at;
            let rest = &self.0[start + 2..];
            let (heard, length) = match *rest {
                [0x00, 0xff, ..] => (Some(Heard::Ack), 2),
                [0xff, 0x00, ..] => (Some(Heard::Nack), 2),
                [length, sum, ..] if length != 0 && length.wrapping_add(sum) == 0 => {
                    let Some((body, check)) = rest[2..]
                        .split_at_checked(usize::from(length))
                        .filter(|(_, c)| !c.is_empty())
                    else {
                        self.0.drain(..start);
                        return all;
                    };
                    let whole = body.iter().fold(check[0], |sum, byte| sum.wrapping_add(*byte)) == 0;
                    let command =
                        (whole && body[0] == TO_CHIP && body.len() > 1).then(|| Heard::Command(body[1..].to_vec()));
                    (command, 2 + body.len() + 1)
                }
                [_, _, ..] => (None, 0),
                _ => {
                    self.0.drain(..start);
                    return all;
                }
            };
            all.extend(heard);
            from = start + 2 + length;
        }
        // The last byte may be the first of a start code.
        let keep = self.0.len().saturating_sub(1).max(from).min(self.0.len());
        self.0.drain(..keep);
        all
    }

    /// Forgets half a frame.
    pub fn clear(&mut self) {
        self.0.clear();
    }
}
