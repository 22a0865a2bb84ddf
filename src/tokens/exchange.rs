//! One question to a token, one answer. In: a command; out: the answer to it if the token said "done", or a [`Fault`]: the link
//! failed, or the token refused. Never sends anything twice.

use super::apdu::{Body, Command};
use super::channel::{ApduChannel, LinkError, Response};
use super::crypto::{CHALLENGE, Key};

/// "Done" (ISO 7816-4).
pub const DONE: u16 = 0x9000;

/// "Authentication blocked" (ISO 7816-4); single-profile tokens say it of a wrong answer, a bad MAC and a missing authentication too.
pub const BLOCKED: u16 = 0x6983;

/// Why a step was not done. Holds no bytes of a command or an answer but the status word.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// Whether the token took the command is not known.
    #[error(transparent)]
    Link(#[from] LinkError),
    /// It does not take our key, and may be locked (6983).
    #[error("the token does not take the key and may be locked (6983)")]
    Locked,
    /// It does not take our key; it locks after so many more tries (63NN).
    #[error("the token does not take the key, and locks after {left} more tries")]
    WrongKey {
        /// Tries that are left.
        left: u8,
    },
    /// Any other status word.
    #[error("the token refuses it: {}", status_words(*.0))]
    Refused(u16),
    /// It said "done", and what it said beside that is not of the known shape.
    #[error("the token's answer is not of the known shape")]
    Malformed,
}

impl Fault {
    /// The token said that it did not do it (ISO 7816-4 5.1.3: checking errors 67 to 6E). After anything else it is not known.
    pub fn not_done(&self) -> bool {
        match self {
            Fault::Refused(status) => matches!(status >> 8, 0x67..=0x6E),
            Fault::Locked | Fault::WrongKey { .. } => true,
            Fault::Link(_) | Fault::Malformed => false,
        }
    }
}

/// A status word in words (ISO 7816-4 5.1.3), with its number.
pub fn status_words(status: u16) -> String {
    let words = match status {
        0x6700 => "wrong length",
        0x6982 => "not authenticated",
        BLOCKED => "not authenticated, or the command was damaged on its way",
        0x6985 => "not now",
        0x6A80 => "wrong data",
        0x6A81 => "it cannot do that",
        0x6A82 | 0x6A83 => "there is nothing of that kind in it",
        0x6A84 => "no room",
        0x6A86 | 0x6B00 => "there is no such place in it",
        0x6D00 => "it does not know this command",
        0x6E00 => "it does not know this class of commands",
        _ => "an answer that is in no notes",
    };
    format!("{words} ({status:04X})")
}

/// Sends a command; the answer to it, if the token said "done".
///
/// # Errors
/// [`Fault::Link`], [`Fault::Refused`].
pub fn ask(channel: &mut dyn ApduChannel, command: &Command) -> Result<Response, Fault> {
    let response = channel.transmit(command.as_slice())?;
    match response.status {
        DONE => Ok(response),
        status => Err(Fault::Refused(status)),
    }
}

/// Shows that we know the token's key: a challenge, an answer to it, once.
///
/// # Errors
/// [`Fault`]. After [`Fault::Locked`] and [`Fault::WrongKey`] it must not be tried again.
pub fn authenticate(channel: &mut dyn ApduChannel, key: &Key, challenge: &Command) -> Result<(), Fault> {
    let given = ask(channel, challenge).map_err(key_fault)?;
    let challenge = <[u8; CHALLENGE]>::try_from(given.data.as_slice()).map_err(|_| Fault::Malformed)?;
    let answer = Command::plain([0xCE, 0, 0], &key.answer(challenge));
    ask(channel, &answer).map_err(key_fault)?;
    Ok(())
}

/// What a refusal means while we authenticate. The maker's notes count the tries in the whole second byte, devices were seen to do so
/// in its lower half with C in the upper one (ISO 7816-4): both are read.
fn key_fault(fault: Fault) -> Fault {
    match fault {
        Fault::Refused(BLOCKED) => Fault::Locked,
        Fault::Refused(status) if status >> 8 == 0x63 => {
            let [_, count] = status.to_be_bytes();
            let left = if count & 0xF0 == 0xC0 { count & 0x0F } else { count };
            Fault::WrongKey { left }
        }
        fault => fault,
    }
}

/// What both families tell of themselves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Info {
    /// ASCII letters and digits, [`SERIAL_MAX`] at most.
    pub serial: String,
    /// Its clock, seconds since 1970.
    pub utc: u32,
}

/// Most characters of a serial number; known ones have 14.
pub const SERIAL_MAX: usize = 32;

/// Reads `hdr[3] len serial sep[2] utc[4]`. What the header and the separator mean is not known, so they are not looked at; nor is
/// what may follow.
///
/// # Errors
/// [`Fault::Malformed`].
pub fn parse_info(data: &[u8]) -> Result<Info, Fault> {
    let parsed = (|| {
        let (length, rest) = data.get(3..)?.split_first()?;
        let (serial, rest) = rest.split_at_checked(usize::from(*length))?;
        let utc = rest.get(2..)?.first_chunk::<4>()?;
        let serial = std::str::from_utf8(serial).ok()?.trim_matches([' ', '\0']);
        let sound = (1..=SERIAL_MAX).contains(&serial.len()) && serial.bytes().all(|b| b.is_ascii_alphanumeric());
        sound.then(|| Info {
            serial: serial.to_owned(),
            utc: u32::from_be_bytes(*utc),
        })
    })();
    parsed.ok_or(Fault::Malformed)
}

/// The challenge's command, which the families ask for differently.
pub fn challenge(body: Option<&Body>) -> Command {
    const HEADER: [u8; 3] = [0x4B, 0x08, 0x00];
    match body {
        Some(body) => Command::plain(HEADER, body),
        None => Command::ask(HEADER),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn info(serial: &[u8], utc: [u8; 4]) -> Vec<u8> {
        let mut data = vec![0, 0, 0, u8::try_from(serial.len()).unwrap()];
        data.extend_from_slice(serial);
        data.extend_from_slice(&[0, 0]);
        data.extend_from_slice(&utc);
        data
    }

    #[test]
    fn the_info_of_the_notes() {
        let data = data_encoding::HEXLOWER
            .decode(b"0000000e383635393632323030303030303100006553f100")
            .unwrap();
        assert_eq!(
            parse_info(&data).unwrap(),
            Info {
                serial: "86596220000001".to_owned(),
                utc: 0x6553_f100
            }
        );
        // Cut off anywhere it is none.
        for end in 0..data.len() {
            assert_eq!(parse_info(&data[..end]), Err(Fault::Malformed), "{end}");
        }
    }

    #[test]
    fn a_serial_number_is_letters_and_digits() {
        assert_eq!(parse_info(&info(b"12345678\0\0", [0; 4])).unwrap().serial, "12345678");
        for bad in [
            &b""[..],
            b"  ",
            b"1234\x1b[2J",
            b"12 34",
            &[0xff; 8],
            &[b'1'; 33],
            "8659622ä".as_bytes(),
        ] {
            assert_eq!(parse_info(&info(bad, [0; 4])), Err(Fault::Malformed), "{bad:?}");
        }
    }

    #[test]
    fn tries_are_read_in_both_ways() {
        for (status, left) in [(0x6307, 7), (0x63C7, 7), (0x6300, 0), (0x63C0, 0), (0x630A, 10)] {
            assert_eq!(
                key_fault(Fault::Refused(status)),
                Fault::WrongKey { left },
                "{status:04x}"
            );
        }
        assert_eq!(key_fault(Fault::Refused(0x6983)), Fault::Locked);
        assert_eq!(key_fault(Fault::Refused(0x6985)), Fault::Refused(0x6985));
    }

    #[test]
    fn only_a_checking_error_says_that_nothing_was_done() {
        for (status, not_done) in [
            (0x6700, true),
            (0x6983, true),
            (0x6A80, true),
            (0x6E00, true),
            (0x6F00, false),
            (0x6581, false),
            (0x6200, false),
            (0x1234, false),
            (0x9060, false),
        ] {
            assert_eq!(Fault::Refused(status).not_done(), not_done, "{status:04x}");
        }
        assert!(!Fault::Link(LinkError::TokenGone).not_done());
    }

    proptest! {
        #[test]
        fn any_info_is_answered(data in proptest::collection::vec(any::<u8>(), 0..80)) {
            if let Ok(info) = parse_info(&data) {
                prop_assert!(info.serial.bytes().all(|b| b.is_ascii_alphanumeric()));
                prop_assert!((1..=SERIAL_MAX).contains(&info.serial.len()));
            }
        }

        #[test]
        fn any_status_has_words(status in any::<u16>()) {
            let words = status_words(status);
            let number = format!("({status:04X})");
            prop_assert!(words.ends_with(&number));
        }
    }
}
