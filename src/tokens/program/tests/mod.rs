//! Tokens that follow a script: each command must be the next of it, byte for byte, and nothing may be sent after its end. The
//! commands are those of the maker's notes; those that the notes do not give were made with OpenSSL's SM4.

mod device;
mod molto2;
mod random;
mod single;

use data_encoding::HEXLOWER;

use super::*;
use crate::store::records::Algorithm;
use crate::tokens::channel::Response;

/// What a token answers.
#[derive(Clone, Debug)]
enum Answer {
    /// Data in hex, and the status word.
    Says(String, u16),
    /// The link fails.
    Fails(LinkError),
}

/// A command in hex, and what comes back.
type Line = (String, Answer);

fn line(command: &str, data: &str, status: u16) -> Line {
    (command.to_owned(), Answer::Says(data.to_owned(), status))
}

fn done(command: &str) -> Line {
    line(command, "", 0x9000)
}

/// A token that follows its script.
struct Script {
    lines: Vec<Line>,
    at: usize,
}

impl Script {
    fn new(lines: &[Line]) -> Script {
        Script {
            lines: lines.to_vec(),
            at: 0,
        }
    }

    /// Everything was sent that the script expects.
    fn ended(&self) -> bool {
        self.at == self.lines.len()
    }
}

impl ApduChannel for Script {
    fn transmit(&mut self, command: &[u8]) -> Result<Response, LinkError> {
        let sent = HEXLOWER.encode(command);
        let (expected, answer) = self
            .lines
            .get(self.at)
            .unwrap_or_else(|| panic!("{sent} was sent after the end"));
        assert_eq!(&sent, expected, "command {}", self.at);
        self.at += 1;
        match answer {
            Answer::Says(data, status) => Ok(Response {
                data: HEXLOWER.decode(data.as_bytes()).unwrap(),
                status: *status,
            }),
            Answer::Fails(error) => Err(error.clone()),
        }
    }
}

/// The time of the notes' vectors.
const NOW: Timestamp = Timestamp(0x6553_f100 * 1000 + 400);

const SEED: &[u8] = b"12345678901234567890";

fn usual() -> TotpParameters {
    TotpParameters::default()
}

fn job(serial: &str) -> Job {
    Job {
        device: "/dev/ttyUSB0".to_owned(),
        serial: serial.to_owned(),
        profile: None,
        title: String::new(),
        parameters: usual(),
        seed: Secret::new(SEED.to_vec()),
        customer_key: None,
        replace: false,
    }
}

/// Writes; what came of it, and the steps that were told.
fn written(script: &mut dyn ApduChannel, kind: Kind, job: &Job) -> (Result<Timestamp, Trouble>, Vec<Step>) {
    let mut steps = Vec::new();
    let result = write(script, kind, job, &|| NOW, &mut |step| steps.push(step));
    (result, steps)
}

/// Every fault that may come instead of an answer.
fn faults() -> Vec<Answer> {
    let mut all: Vec<Answer> = [
        LinkError::TokenGone,
        LinkError::ReaderGone,
        LinkError::Silent,
        LinkError::Reader("it babbles".to_owned()),
    ]
    .map(Answer::Fails)
    .to_vec();
    for status in [
        0x0000, 0x1234, 0x6100, 0x6300, 0x6301, 0x63C7, 0x6581, 0x6700, 0x6982, 0x6983, 0x6985, 0x6A80, 0x6A82, 0x6D00,
        0x6E00, 0x6F00, 0x6FFB, 0x9001, 0x9060, 0xFFFF,
    ] {
        all.push(Answer::Says(String::new(), status));
    }
    all
}

/// What a status word says of a command that writes: not carried out (ISO 7816-4 5.1.3).
fn refused_outright(answer: &Answer) -> bool {
    matches!(answer, Answer::Says(_, status) if (0x6700..0x6F00).contains(status))
}

/// What every trouble holds to: one line, no seed, what is in the token, what to do.
fn assert_sound(trouble: &Trouble, context: &str) {
    let words = &trouble.words;
    assert!(!words.contains('\n') && words.len() > 30, "{context}: {words}");
    assert!(words.contains(": "), "what to do, {context}: {words}");
    for secret in ["1234567890", "313233", "TOKEN2MOLTO", "8ad206", "8AD206", "0992"] {
        assert!(!words.contains(secret), "{context}: {words}");
    }
    assert!(!words.ends_with('.') && !words.contains("  "), "{context}: {words}");
}

/// Cuts a script at every command with every fault: never Ok, nothing sent after it, and the right thing said of the token.
/// `configuration` is the number of the command from which on the seed is in doubt; what follows the seed is not cut.
fn cut_everywhere(kind: Kind, job: &Job, lines: &[Line], configuration: usize) {
    for at in 0..lines.len() {
        for fault in faults() {
            let context = format!("{} with {fault:?}", lines[at].0);
            let mut cut = lines[..=at].to_vec();
            cut[at].1 = fault.clone();
            let mut script = Script::new(&cut);
            let (result, _) = written(&mut script, kind, job);
            let trouble = result.expect_err(&context);
            assert!(script.ended(), "{context}");
            assert_sound(&trouble, &context);
            let in_doubt = at > configuration || at == configuration && !refused_outright(&fault);
            let left = if in_doubt { Left::Unknown } else { Left::AsBefore };
            assert_eq!(trouble.left, left, "{context}: {}", trouble.words);
            let key = trouble.words.contains("does not take the");
            assert_eq!(trouble.key_refused, key, "{context}: {}", trouble.words);
            assert_eq!(
                trouble.words.contains("may hold no seed"),
                in_doubt,
                "{context}: {}",
                trouble.words
            );
            if matches!(fault, Answer::Fails(LinkError::TokenGone)) && in_doubt {
                let again = if kind == Kind::Single { "place it" } else { "plug it in" };
                assert!(
                    trouble.words.ends_with(&format!("{again} again and start over")),
                    "{}",
                    trouble.words
                );
            }
        }
    }
}

#[test]
fn r21_no_seed_and_no_key_in_what_may_be_printed() {
    let key = "house-of-postern!";
    let job = Job {
        customer_key: Some(Secret::from(key)),
        ..job("86596220000001")
    };
    let clock = ClockJob {
        serial: "12345678",
        profile: Some(2),
        parameters: usual(),
        customer_key: Some(&Secret::from(key)),
    };
    let response = Response {
        data: SEED.to_vec(),
        status: 0x9000,
    };
    let printed = format!("{job:?} {clock:?} {response:?}");
    for secret in ["1234567890123", "49, 50, 51", key, "104, 111, 117"] {
        assert!(!printed.contains(secret), "{printed}");
    }
    // Every fault, in both of its forms: there is no place for bytes in it.
    for fault in [
        Fault::Locked,
        Fault::WrongKey { left: 3 },
        Fault::Refused(0x6A80),
        Fault::Malformed,
    ] {
        assert!(format!("{fault:?} {fault}").len() < 120, "{fault}");
    }
}
