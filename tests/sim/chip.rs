//! A PN532: sleeps until it is woken, obeys nothing before SAMConfiguration, activates what lies in its field, and carries commands
//! to it. In: bytes from the box; out: pieces of bytes with the pauses before them. What goes wrong stands in a plan that may be
//! changed while it runs. It does no I/O and waits for nothing itself.

use std::collections::VecDeque;
use std::time::Duration;

use super::faults::{End, Event, Faults, Hits, Way, What};
use super::frame::{self, Ear, Heard};
use super::{Field, Token, lock};

/// Bytes that are lost while its oscillator starts, after the first 55.
const WAKING: usize = 10;

/// What was put on the line since the plan was made, as it was sent.
#[derive(Clone, Debug, Default)]
pub struct Traffic {
    /// From the box.
    pub heard: Vec<u8>,
    /// To the box.
    pub said: Vec<u8>,
    /// Commands to the chip.
    pub commands: usize,
    /// Commands to the token.
    pub exchanges: usize,
}

/// Bytes to the box.
#[derive(Clone, Debug)]
pub struct Piece {
    /// So long after what came before.
    pub pause: Duration,
    /// What is said.
    pub bytes: Vec<u8>,
}

/// How awake the chip is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Power {
    Asleep,
    /// So many more bytes are lost.
    Waking(usize),
    /// Takes SAMConfiguration alone.
    Awake,
    Ready,
}

/// The chip, with what lies in its field.
pub struct Chip {
    field: Field,
    faults: Faults,
    traffic: Traffic,
    /// The plan's line has ended.
    ended: Option<End>,
    ear: Ear,
    power: Power,
    automatic_rats: bool,
    /// It says that there is no token when it found none; else it looks for ever, as it does when it wakes.
    gives_up: bool,
    /// The token that was activated, as the field counted then.
    listed: Option<(u64, Token)>,
    /// It looks for a token and has said nothing yet.
    waits: bool,
    /// What it said last, for a NACK.
    last: Vec<u8>,
    /// Parts of a token's answer that were not fetched yet.
    rest: Vec<u8>,
    /// What the token takes for what it does.
    delay: Duration,
    says: VecDeque<Piece>,
}

impl Chip {
    /// Plugged in, and asleep.
    pub fn new(field: &Field, faults: Faults) -> Chip {
        Chip {
            field: field.clone(),
            faults,
            traffic: Traffic::default(),
            ended: None,
            ear: Ear::default(),
            power: Power::Asleep,
            automatic_rats: false,
            gives_up: false,
            listed: None,
            waits: false,
            last: Vec::new(),
            rest: Vec::new(),
            delay: Duration::ZERO,
            says: VecDeque::new(),
        }
    }

    /// Follows another plan from now on: the line is whole, the traffic is counted anew, half a frame is forgotten.
    pub fn follow(&mut self, faults: Faults) {
        self.faults = faults;
        self.traffic = Traffic::default();
        self.ended = None;
        self.ear.clear();
        self.says.clear();
    }

    /// What went over the line since.
    pub fn traffic(&self) -> &Traffic {
        &self.traffic
    }

    /// It was unplugged by the plan.
    pub fn unplugged(&self) -> bool {
        self.ended == Some(End::Unplugged)
    }

    /// It looks for a token: [`Chip::look_again`] after a while.
    pub fn waits(&self) -> bool {
        self.waits
    }

    /// The next piece that it says.
    pub fn says(&mut self) -> Option<Piece> {
        self.says.pop_front()
    }

    /// Bytes from the box, as far as they arrive.
    pub fn hear(&mut self, bytes: &[u8]) {
        if self.ended.is_some() {
            return;
        }
        let before = self.traffic.heard.len();
        let bytes = &bytes[..self.arrives(Way::In, before, bytes.len())];
        self.traffic.heard.extend(bytes);
        let bytes = self.damaged(Way::In, before, bytes);
        let mut rest = bytes.as_slice();
        while let Some((first, after)) = rest.split_first() {
            match self.power {
                Power::Asleep if *first == 0x55 => self.power = Power::Waking(WAKING),
                Power::Asleep => {}
                Power::Waking(1) => self.power = Power::Awake,
                Power::Waking(left) => self.power = Power::Waking(left - 1),
                Power::Awake | Power::Ready => break,
            }
            rest = after;
        }
        for heard in self.ear.take(rest) {
            self.obey(heard);
        }
    }

    fn obey(&mut self, heard: Heard) {
        let command = match heard {
            Heard::Ack => {
                self.waits = false;
                return;
            }
            Heard::Nack => {
                let last = self.last.clone();
                return self.say(&last);
            }
            Heard::Command(command) => command,
        };
        if self.power != Power::Ready && command[0] != 0x14 {
            return;
        }
        self.waits = false;
        let number = self.traffic.commands;
        self.traffic.commands += 1;
        if self.faults.nack.hit(number) {
            return self.say(&frame::NACK);
        }
        self.say(&frame::ACK);
        if self.faults.error.hit(number) {
            return self.say(&frame::ERROR);
        }
        if let Some(answer) = self.answer(&command) {
            self.tell(answer, number);
        }
    }

    /// Says an answer, or what the plan makes of it.
    fn tell(&mut self, mut answer: Vec<u8>, number: usize) {
        self.last.clone_from(&answer);
        if self.faults.checksum.hit(number) {
            let check = answer.len() - 2;
            answer[check] ^= 0x20;
            // Said again on a NACK, it is right, unless nothing ever is.
            if self.faults.checksum == Hits::Always {
                self.last.clone_from(&answer);
            }
        }
        if !self.faults.lost.hit(number) {
            self.say(&answer);
        }
    }

    /// What the chip answers; none: not yet.
    fn answer(&mut self, command: &[u8]) -> Option<Vec<u8>> {
        let code = command[0].wrapping_add(1);
        let said = match *command {
            [0x14, 0x01, ..] => {
                self.power = Power::Ready;
                vec![code]
            }
            [0x02] => vec![code, 0x32, 0x01, 0x06, 0x07],
            [0x12, flags] => {
                self.automatic_rats = flags & 0x10 != 0;
                vec![code]
            }
            [0x32, 0x05, _, _, retries] => {
                self.gives_up = retries != 0xff;
                vec![code]
            }
            // The field on or off: off, the token is let go.
            [0x32, 0x01, field] => {
                if field & 1 == 0 {
                    self.listed = None;
                }
                vec![code]
            }
            [0x32, _, ..] => vec![code],
            // Is the token still there?
            [0x00, 0x06] => vec![code, u8::from(self.present().is_none())],
            [0x00, 0x00, ref rest @ ..] => [&[code, 0x00], rest].concat(),
            [0x4a, 0x01, 0x00] => return self.list(),
            [0x44 | 0x52, 0x00 | 0x01] => {
                self.listed = None;
                vec![code, 0x00]
            }
            [0x40, 0x01, ref data @ ..] => {
                let (status, part) = self.exchange(data);
                [&[code, status], part.as_slice()].concat()
            }
            [0x40, ..] => vec![code, 0x27],
            _ => return Some(frame::ERROR.to_vec()),
        };
        Some(frame::said(&said))
    }

    /// Activates what lies in the field: the one there, none there, or not yet said.
    fn list(&mut self) -> Option<Vec<u8>> {
        self.listed = None;
        self.rest.clear();
        let (times, token) = self.field.look();
        let Some(token) = token else {
            self.waits = !self.faults.hasty && !self.gives_up;
            return (!self.waits).then(|| frame::said(&[0x4b, 0x00]));
        };
        let sak = lock(&token).sak();
        // One target, number 1; ATQA, SAK, an identifier of four bytes; an ATS where it was asked for it.
        let mut said = vec![0x4b, 0x01, 0x01, 0x00, 0x04, sak, 0x04, 0x08, 0x12, 0x34, 0x56];
        if sak & 0x20 != 0 && self.automatic_rats {
            lock(&token).contact();
            said.extend([0x05, 0x78, 0x80, 0x70, 0x02]);
            self.listed = Some((times, token));
        }
        Some(frame::said(&said))
    }

    /// A token may have come since.
    pub fn look_again(&mut self) {
        if !self.waits || self.ended.is_some() || self.field.look().1.is_none() {
            return;
        }
        self.waits = false;
        if let Some(answer) = self.list() {
            self.tell(answer, self.traffic.commands.saturating_sub(1));
        }
    }

    /// The activated token, where it has lain there ever since.
    fn present(&self) -> Option<Token> {
        let (then, token) = self.listed.as_ref()?;
        let (now, there) = self.field.look();
        (*then == now && there.is_some()).then(|| token.clone())
    }

    /// Carries a command to the token: a status, and the answer or its first part. Without a command: its next part.
    fn exchange(&mut self, data: &[u8]) -> (u8, Vec<u8>) {
        if self.listed.is_none() {
            return (0x27, Vec::new());
        }
        if data.is_empty() && !self.rest.is_empty() {
            return self.part();
        }
        let number = self.traffic.exchanges;
        self.traffic.exchanges += 1;
        let event = self.faults.event.clone().filter(|event| event.at == number);
        if let Some(event) = event.as_ref().filter(|event| !event.late) {
            return (self.happen(event), Vec::new());
        }
        let Some(token) = self.present() else {
            return (0x01, Vec::new());
        };
        self.delay += self.faults.thinks;
        self.rest = lock(&token).apdu(data);
        if let Some(event) = event {
            self.rest.clear();
            return (self.happen(&event), Vec::new());
        }
        if self.rest.is_empty() {
            return (0x01, Vec::new());
        }
        self.part()
    }

    /// Makes it happen; the status of the exchange.
    fn happen(&mut self, event: &Event) -> u8 {
        match &event.what {
            What::Taken => self.field.take(),
            What::Swapped(other) => self.field.place(other.clone()),
            What::Moved => {
                if let (_, Some(same)) = self.field.look() {
                    self.field.place(same);
                }
            }
            What::Status(status) => return status & 0x3f,
            What::Unplugged => self.ended = Some(End::Unplugged),
        }
        0x01
    }

    fn part(&mut self) -> (u8, Vec<u8>) {
        let length = self.faults.parts.unwrap_or(usize::MAX).min(self.rest.len());
        let part = self.rest.drain(..length).collect();
        (if self.rest.is_empty() { 0x00 } else { 0x40 }, part)
    }

    /// Says a frame, as the plan lets it arrive.
    fn say(&mut self, frame: &[u8]) {
        if self.ended.is_some() {
            return;
        }
        let mut bytes = [&self.faults.junk, frame].concat();
        let before = self.traffic.said.len();
        bytes.truncate(self.arrives(Way::Out, before, bytes.len()));
        self.traffic.said.extend(&bytes);
        let bytes = self.damaged(Way::Out, before, &bytes);
        let (size, between) = self.faults.pieces.unwrap_or((usize::MAX, Duration::ZERO));
        for (index, piece) in bytes.chunks(size).enumerate() {
            let pause = if index == 0 {
                std::mem::take(&mut self.delay)
            } else {
                between
            };
            self.says.push_back(Piece {
                pause,
                bytes: piece.to_vec(),
            });
        }
    }

    /// Bytes of one way as they arrive.
    fn damaged(&self, way: Way, before: usize, bytes: &[u8]) -> Vec<u8> {
        let mut bytes = bytes.to_vec();
        if let Some(damage) = self.faults.damage.filter(|damage| damage.way == way) {
            damage.befalls(before, &mut bytes);
        }
        bytes
    }

    /// How many of these bytes still go this way; the line may end with the last of them.
    fn arrives(&mut self, way: Way, before: usize, count: usize) -> usize {
        match self
            .faults
            .cut
            .filter(|cut| cut.way == way && before + count >= cut.after)
        {
            Some(cut) => {
                self.ended = Some(cut.end);
                cut.after - before
            }
            None => count,
        }
    }
}
