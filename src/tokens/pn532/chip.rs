//! What is said to a PN532 and what it answers (its user manual, chapter 7). In: commands, a line to the chip as a [`Wire`]; out: what
//! it answered, each within a time and a count of tries that are known beforehand. It knows no serial port and no token.
//!
//! An exchange with a token is never begun twice: where it is not known whether the chip took the command, it has failed, since a
//! token that was told something twice is no longer where we believe it. And an answer counts only for the command it was sent for:
//! after a failure the chip is stopped, the line is drained, and the chip is brought up again before anything else is asked.

use std::time::Duration;

use zeroize::Zeroizing;

use super::frame::{self, Found, Framer};
use crate::tokens::channel::{LinkError, Response};

/// A line to a chip.
pub trait Wire: Send {
    /// Takes what has come, waiting so long at most; 0: nothing came.
    ///
    /// # Errors
    /// [`LinkError::ReaderGone`]: the line is no more.
    fn read(&mut self, into: &mut [u8], wait: Duration) -> Result<usize, LinkError>;

    /// Sends all of it, in a bounded time.
    ///
    /// # Errors
    /// [`LinkError::ReaderGone`]: the line is no more, or takes nothing.
    fn write(&mut self, bytes: &[u8]) -> Result<(), LinkError>;

    /// Forgets what has come and was not taken.
    ///
    /// # Errors
    /// [`LinkError::ReaderGone`]: the line is no more.
    fn clear(&mut self) -> Result<(), LinkError>;

    /// Time since some beginning; never goes back.
    fn now(&self) -> Duration;
}

/// A command and everything that belongs to it may take so long.
pub const COMMAND_MAX: Duration = Duration::from_secs(2);
/// The chip says that it has a command within a millisecond or two; USB and a busy machine may add to it.
const ACK_MAX: Duration = Duration::from_millis(500);
/// Looking for a token: the chip gives up long before, after [`LIST_RETRIES`].
const LIST_MAX: Duration = Duration::from_millis(700);
/// Letting a token go. Nothing depends on it.
const RELEASE_MAX: Duration = Duration::from_millis(300);
/// Nothing came for so long after something broken: the frame is asked for again.
const QUIET: Duration = Duration::from_millis(100);
/// A line that was silent for so long has nothing more to say of what was.
const DRAINED: Duration = Duration::from_millis(30);
/// Draining ends after so long, silent or not.
const DRAIN_MAX: Duration = Duration::from_millis(300);
/// How often a frame is sent in all, and how often one is asked for again.
const TRIES: u8 = 3;
/// How often the chip is woken before it counts as none.
const WAKES: u8 = 2;
/// How often the chip looks for a token before it says that there is none; each takes some milliseconds.
const LIST_RETRIES: u8 = 2;
/// A token's answer may be so long, and come in so many pieces.
const ANSWER_MAX: usize = 4096;
const PIECES_MAX: usize = 64;
/// A command to a token may be so long: a frame less direction, code and target.
const APDU_MAX: usize = frame::BODY_MAX - 3;

/// Two bytes and the time of fourteen more: the chip wakes up by the edges and needs a while (manual, 7.2.11).
const WAKE: [u8; 16] = [0x55, 0x55, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];

const GET_FIRMWARE_VERSION: u8 = 0x02;
const SET_PARAMETERS: u8 = 0x12;
const SAM_CONFIGURATION: u8 = 0x14;
const RF_CONFIGURATION: u8 = 0x32;
const IN_DATA_EXCHANGE: u8 = 0x40;
const IN_LIST_PASSIVE_TARGET: u8 = 0x4a;
const IN_RELEASE: u8 = 0x52;

/// SetParameters: a token is asked for ISO 14443-4 as soon as it is found (bit 0x10), or not.
const RATS_ON: u8 = 0x14;
const RATS_OFF: u8 = 0x04;
/// More of the answer follows.
const MORE: u8 = 0x40;
/// The bits of a status that say what went wrong.
const ERROR: u8 = 0x3f;
/// The bit of a card's SAK that says ISO 14443-4.
const ISO_DEP: u8 = 0x20;

/// Why a command to the chip came to nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    /// The line is no more.
    Gone,
    /// It did not say that it has the command.
    Deaf,
    /// It has it, and did not answer in time.
    Silent,
    /// What came was broken, again and again.
    Garbled,
    /// It does not know the command.
    Refused,
}

impl From<Fault> for LinkError {
    fn from(fault: Fault) -> Self {
        let words = match fault {
            Fault::Gone => return Self::ReaderGone,
            Fault::Deaf => "its chip takes no command",
            Fault::Silent => "its chip took a command and did not answer",
            Fault::Garbled => "its chip's answers arrive broken, so look at the cable",
            Fault::Refused => "its chip does not know a command that every PN532 knows",
        };
        Self::Reader(words.to_owned())
    }
}

/// How a token is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Listing {
    /// To talk with it: ISO 14443-4 is begun at once.
    ToTalk,
    /// To know that it is still there: it is chosen by its identifier and told nothing. Its applet does not see it.
    ToSee,
}

/// A card that the chip found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The chip's number for it.
    pub number: u8,
    /// What kind of card it is (ISO 14443-3, SAK).
    pub sak: u8,
    /// Its identifier (ISO 14443-3, UID); nothing secret, and it may be a new one each time.
    pub id: Vec<u8>,
}

impl Target {
    /// Whether commands can be sent to it.
    pub fn speaks_iso_dep(&self) -> bool {
        self.sak & ISO_DEP != 0
    }

    /// Whether this is surely another card than that one. Four bytes that begin with 08 are made up anew by the card whenever it gets
    /// power (ISO 14443-3, 6.5.4), and tell nothing.
    pub fn is_other_than(&self, other: &Target) -> bool {
        let random = |id: &[u8]| matches!(id, [0x08, _, _, _]);
        self.sak != other.sak || (self.id != other.id && !(random(&self.id) && random(&other.id)))
    }
}

/// A chip at the end of a line.
pub struct Pn532 {
    wire: Box<dyn Wire>,
    framer: Framer,
    /// It was brought up, and the last command to it did not fail.
    ready: bool,
    /// It gives up by itself when it finds no token.
    gives_up: bool,
    /// What was last said by SetParameters.
    parameters: Option<u8>,
}

impl Pn532 {
    /// A chip that nothing was said to yet.
    pub fn new(wire: Box<dyn Wire>) -> Self {
        Self {
            wire,
            framer: Framer::default(),
            ready: false,
            gives_up: false,
            parameters: None,
        }
    }

    /// Wakes the chip and asks what it is. Afterwards it is surely a PN532.
    ///
    /// # Errors
    /// [`LinkError::ReaderGone`], or [`LinkError::Reader`] for anything that does not answer as a PN532.
    pub fn bring_up(&mut self) -> Result<(), LinkError> {
        self.ready = false;
        self.parameters = None;
        let mut last = Fault::Deaf;
        for wake in 0..WAKES {
            if wake > 0 {
                self.stop()?;
            }
            self.wire.write(&WAKE)?;
            match self.command(&[SAM_CONFIGURATION, 0x01], ACK_MAX, false) {
                Ok(_) => return self.introduce(),
                Err(Fault::Gone) => return Err(LinkError::ReaderGone),
                Err(fault) => last = fault,
            }
        }
        Err(match last {
            Fault::Deaf => LinkError::Reader("no PN532 answers there".to_owned()),
            fault => fault.into(),
        })
    }

    /// Once it is awake.
    fn introduce(&mut self) -> Result<(), LinkError> {
        let version = self.command(&[GET_FIRMWARE_VERSION], COMMAND_MAX, true)?;
        // IC, version, revision, support.
        if !matches!(version.as_slice(), [0x32, _, _, _]) {
            return Err(LinkError::Reader("another chip than a PN532 answers there".to_owned()));
        }
        // The chip looks for a token for ever unless it is told how often (manual, 7.3.1, item 5: ATR, PSL, passive activation). One
        // that does not know the command is stopped by us instead.
        let retries = [RF_CONFIGURATION, 0x05, 0xff, 0x01, LIST_RETRIES];
        self.gives_up = match self.command(&retries, ACK_MAX, true) {
            Ok(_) => true,
            Err(Fault::Gone) => return Err(LinkError::ReaderGone),
            Err(_) => false,
        };
        self.ready = true;
        Ok(())
    }

    /// Looks for a token, once; none lies there if none is found. Brings the chip up first where that is needed.
    ///
    /// # Errors
    /// [`LinkError::ReaderGone`], [`LinkError::Reader`].
    pub fn list(&mut self, listing: Listing) -> Result<Option<Target>, LinkError> {
        if !self.ready {
            self.bring_up()?;
        }
        let parameters = match listing {
            Listing::ToTalk => RATS_ON,
            Listing::ToSee => RATS_OFF,
        };
        if self.parameters != Some(parameters) {
            self.command(&[SET_PARAMETERS, parameters], COMMAND_MAX, true)?;
            self.parameters = Some(parameters);
        }
        // One card at most, 106 kbit/s type A.
        let answer = match self.command(&[IN_LIST_PASSIVE_TARGET, 0x01, 0x00], LIST_MAX, true) {
            Ok(answer) => answer,
            // It looks on and on, and `command` stopped it: so there is none.
            Err(Fault::Silent) if !self.gives_up => {
                self.ready = true;
                return Ok(None);
            }
            Err(fault) => return Err(fault.into()),
        };
        match answer.as_slice() {
            [0x00, ..] => Ok(None),
            [_, number, _, _, sak, length, rest @ ..] if rest.len() >= usize::from(*length) => Ok(Some(Target {
                number: *number,
                sak: *sak,
                id: rest.iter().take(usize::from(*length)).copied().collect(),
            })),
            _ => {
                self.ready = false;
                Err(LinkError::Reader(
                    "its chip found a card and does not say which".to_owned(),
                ))
            }
        }
    }

    /// Looks for a token, and where none is found, once more after the field was off: a card that was let go may keep quiet until it
    /// has lost its power.
    ///
    /// # Errors
    /// [`LinkError::ReaderGone`], [`LinkError::Reader`].
    pub fn search(&mut self, listing: Listing) -> Result<Option<Target>, LinkError> {
        if let Some(target) = self.list(listing)? {
            return Ok(Some(target));
        }
        // The next look switches it on again.
        match self.command(&[RF_CONFIGURATION, 0x01, 0x00], ACK_MAX, true) {
            Ok(_) | Err(Fault::Refused) => {}
            Err(fault) => return Err(fault.into()),
        }
        // A card needs 5 ms to forget (ISO 14443-3, 6.1.3): as long as an empty line is listened to.
        self.drain()?;
        self.list(listing)
    }

    /// One command to a token, one answer, chained or not.
    ///
    /// # Errors
    /// [`LinkError`]; whether the token took the command is then unknown.
    pub fn exchange(&mut self, target: u8, apdu: &[u8]) -> Result<Response, LinkError> {
        if !self.ready {
            return Err(LinkError::TokenGone);
        }
        if apdu.len() > APDU_MAX {
            return Err(LinkError::Reader(
                "a command is longer than its chip can take".to_owned(),
            ));
        }
        let end = self.wire.now() + COMMAND_MAX;
        // Room for all of them at once, so that no shorter copy is left behind.
        let mut command = Zeroizing::new(Vec::with_capacity(APDU_MAX + 2));
        command.extend_from_slice(&[IN_DATA_EXCHANGE, target]);
        command.extend_from_slice(apdu);
        let mut whole = Zeroizing::new(Vec::with_capacity(ANSWER_MAX));
        for _ in 0..PIECES_MAX {
            let left = end.saturating_sub(self.wire.now());
            let piece = self.command(&command, left, false)?;
            let Some((status, data)) = piece.split_first() else {
                self.ready = false;
                return Err(LinkError::Silent);
            };
            if status & ERROR != 0 {
                return Err(failure(status & ERROR));
            }
            if whole.len() + data.len() > ANSWER_MAX {
                break;
            }
            whole.extend_from_slice(data);
            if status & MORE == 0 {
                return response(whole);
            }
            command.truncate(2);
        }
        // There is more where that came from, so the chip must be stopped before it is asked anything else.
        self.stop()?;
        self.ready = false;
        Err(LinkError::Silent)
    }

    /// Lets a token go: it is told that nothing more comes.
    pub fn release(&mut self, target: u8) {
        if self.ready {
            // Whatever it answers, the next look begins anew.
            let _ = self.command(&[IN_RELEASE, target], RELEASE_MAX, false);
        }
    }

    /// One command: what the chip answers after its code. After a failure the chip was stopped and must be brought up, unless it only
    /// did not know the command. `again`: the command does no harm if the chip gets it twice.
    fn command(&mut self, command: &[u8], limit: Duration, again: bool) -> Result<Zeroizing<Vec<u8>>, Fault> {
        let answer = self.ask(command, limit, again);
        match answer {
            Ok(_) | Err(Fault::Refused) => {}
            Err(Fault::Gone) => self.ready = false,
            Err(_) => {
                self.ready = false;
                self.parameters = None;
                self.stop().map_err(|_| Fault::Gone)?;
            }
        }
        answer
    }

    fn ask(&mut self, command: &[u8], limit: Duration, again: bool) -> Result<Zeroizing<Vec<u8>>, Fault> {
        let gone = |_| Fault::Gone;
        let Some(code) = command.first().map(|code| code.wrapping_add(1)) else {
            return Err(Fault::Refused);
        };
        let mut body = Zeroizing::new(Vec::with_capacity(command.len() + 1));
        body.push(frame::TO_CHIP);
        body.extend_from_slice(command);
        let sent = frame::encode(&body).ok_or(Fault::Refused)?;

        self.framer.clear();
        self.wire.clear().map_err(gone)?;
        self.wire.write(&sent).map_err(gone)?;
        let start = self.wire.now();
        let end = start + limit;
        let (mut sends, mut asked) = (1, 0);
        let (mut broken, mut nacked) = (false, false);
        // Until when it may be silent on having the command; none: it has it.
        let mut deaf = Some(start + ACK_MAX);
        let mut heard = start;
        let mut buffer = Zeroizing::new([0; frame::CAPACITY]);
        loop {
            while let Some(found) = self.framer.take() {
                match found {
                    Found::Ack => (deaf, broken, nacked) = (None, false, false),
                    // Two frames that ran into each other may look so, and then it has the command.
                    Found::Nack if !again && (broken || deaf.is_none()) => broken = true,
                    // Or it is an ACK that lost a byte, and an answer follows at once.
                    Found::Nack => nacked = true,
                    Found::Bad => broken = true,
                    Found::Frame(body) => match body.as_slice() {
                        // Where the word of its having it was lost on the way, the answer is as good.
                        [frame::FROM_CHIP, of, answer @ ..] if *of == code => {
                            let answer = Zeroizing::new(answer.to_vec());
                            if asked > 0 {
                                // The frame that was asked for again may come once more: it must not answer the next command.
                                self.drain().map_err(gone)?;
                            }
                            return Ok(answer);
                        }
                        [frame::REFUSED] => return Err(Fault::Refused),
                        // The answer to something else: too late.
                        _ => {}
                    },
                }
            }
            let now = self.wire.now();
            if now >= end {
                return Err(match (broken, deaf) {
                    (true, _) => Fault::Garbled,
                    (false, Some(_)) => Fault::Deaf,
                    (false, None) => Fault::Silent,
                });
            }
            if deaf.is_some_and(|deaf| now >= deaf) {
                if broken {
                    // It did say something, and the answer is yet to come. To ask for it now might stop the token's work.
                    (deaf, broken) = (None, false);
                } else if again && sends < TRIES {
                    self.wire.write(&sent).map_err(gone)?;
                    sends += 1;
                    deaf = Some(now + ACK_MAX);
                } else {
                    return Err(Fault::Deaf);
                }
            }
            let quiet = (heard + QUIET).max(now + Duration::from_millis(1));
            let until = deaf.into_iter().chain([end, quiet]).min().unwrap_or(end);
            let room = self.framer.room().min(buffer.len());
            let into = buffer.get_mut(..room).unwrap_or_default();
            let count = self.wire.read(into, until.saturating_sub(now)).map_err(gone)?;
            if let Some(came @ [_, ..]) = buffer.get(..count) {
                self.framer.push(came);
                heard = self.wire.now();
                continue;
            }
            if self.wire.now() < heard + QUIET {
                continue;
            }
            heard = self.wire.now();
            if self.framer.uncover() {
                continue;
            }
            if nacked {
                // It had nothing that it could have begun with.
                if sends == TRIES {
                    return Err(Fault::Garbled);
                }
                nacked = false;
                self.wire.write(&sent).map_err(gone)?;
                sends += 1;
                deaf = Some(self.wire.now() + ACK_MAX);
            } else if broken && deaf.is_none() {
                if asked == TRIES {
                    return Err(Fault::Garbled);
                }
                asked += 1;
                broken = false;
                self.wire.write(&frame::NACK).map_err(gone)?;
            }
        }
    }

    /// Stops whatever the chip does and lets what is on its way arrive.
    fn stop(&mut self) -> Result<(), LinkError> {
        self.wire.write(&frame::ACK)?;
        self.drain()
    }

    /// Throws away what comes until nothing does.
    fn drain(&mut self) -> Result<(), LinkError> {
        let end = self.wire.now() + DRAIN_MAX;
        let mut buffer = Zeroizing::new([0; 256]);
        while self.wire.now() < end && self.wire.read(buffer.as_mut_slice(), DRAINED)? > 0 {}
        self.framer.clear();
        Ok(())
    }
}

/// What the chip's error bits mean for the one who waits (manual, 7.1).
fn failure(error: u8) -> LinkError {
    match error {
        // No answer, released by its other side, another card, disappeared.
        0x01 | 0x29 | 0x2a | 0x2b => LinkError::TokenGone,
        // Checksum, parity, collision, framing, protocol, format: a token at the edge of the field. And "not now": it was found and
        // did not begin to talk.
        0x02..=0x06 | 0x0b | 0x13 | 0x27 => LinkError::Silent,
        0x0d => LinkError::Reader("it is too hot: let it cool down".to_owned()),
        0x2d => LinkError::Reader("it draws too much current: take everything off it".to_owned()),
        other => LinkError::Reader(format!("its chip reports error {other:02x}")),
    }
}

/// The status word is the end of what a token said.
fn response(mut whole: Zeroizing<Vec<u8>>) -> Result<Response, LinkError> {
    let (Some(low), Some(high)) = (whole.pop(), whole.pop()) else {
        return Err(LinkError::Silent);
    };
    Ok(Response {
        data: std::mem::take(&mut *whole),
        status: u16::from_be_bytes([high, low]),
    })
}
