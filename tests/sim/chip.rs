//! A PN532 reader on a PTY: sleeps until it is woken, obeys nothing before SAMConfiguration, activates what lies in its field, and
//! carries commands to it. What goes wrong stands in a plan that may be changed while it runs.

use std::io::{ErrorKind, Read as _, Write as _};
use std::os::fd::AsFd as _;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::faults::{End, Event, Faults, Way, What};
use super::frame::{self, Ear, Heard};
use super::pty::Port;
use super::{Field, Token, lock};

/// Bytes that are lost while its oscillator starts, after the first 55.
const WAKING: usize = 10;
/// How often it looks whether a token came, while it waits for one.
const LOOK: u16 = 5;

/// What went over the line so far, since the plan was made.
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

#[derive(Default)]
struct Shared {
    faults: Faults,
    traffic: Traffic,
    /// The plan's line has ended.
    silent: bool,
    /// A plan that has come since: half a frame of the old one is forgotten.
    changed: bool,
}

/// A reader that runs. Dropping it unplugs it.
pub struct Reader {
    path: PathBuf,
    link: Option<PathBuf>,
    field: Field,
    shared: Arc<Mutex<Shared>>,
    stop: Option<UnixStream>,
    thread: Option<JoinHandle<()>>,
}

impl Reader {
    /// Plugs a reader in, under a link where one is named.
    pub fn start(link: Option<&Path>, field: &Field, faults: Faults) -> std::io::Result<Reader> {
        let mut reader = Reader {
            path: PathBuf::new(),
            link: link.map(Path::to_path_buf),
            field: field.clone(),
            shared: Arc::default(),
            stop: None,
            thread: None,
        };
        reader.plug_in(faults)?;
        Ok(reader)
    }

    /// Plugs it in again, asleep, after it was unplugged by the plan or by hand.
    pub fn plug_in(&mut self, faults: Faults) -> std::io::Result<()> {
        self.unplug();
        self.follow(faults);
        let port = Port::open(self.link.as_deref())?;
        self.path = port.path().to_path_buf();
        let (stop, stopped) = UnixStream::pair()?;
        let mut chip = Chip {
            port,
            field: self.field.clone(),
            shared: self.shared.clone(),
            ear: Ear::default(),
            power: Power::Asleep,
            automatic_rats: false,
            retries: None,
            listed: None,
            waits: false,
            last: Vec::new(),
            rest: Vec::new(),
        };
        self.stop = Some(stop);
        self.thread = Some(std::thread::spawn(move || chip.run(&stopped)));
        Ok(())
    }

    /// Pulls it out; nothing happens where it is out already.
    pub fn unplug(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }

    /// Where it is opened.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What lies on it.
    pub fn field(&self) -> &Field {
        &self.field
    }

    /// Follows another plan from now on; the traffic is counted anew.
    pub fn follow(&self, faults: Faults) {
        let mut shared = lock(&self.shared);
        *shared = Shared {
            faults,
            changed: true,
            ..Shared::default()
        };
    }

    /// What went over the line since the plan was made.
    pub fn traffic(&self) -> Traffic {
        lock(&self.shared).traffic.clone()
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.unplug();
    }
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

/// The line is gone.
struct Unplugged;

type Going = Result<(), Unplugged>;

struct Chip {
    port: Port,
    field: Field,
    shared: Arc<Mutex<Shared>>,
    ear: Ear,
    power: Power,
    automatic_rats: bool,
    /// How often it looks for a token before it says that there is none; none: for ever, as it does when it wakes.
    retries: Option<u8>,
    /// The token that was activated, as the field counted then.
    listed: Option<(u64, Token)>,
    /// It looks for a token and has said nothing yet.
    waits: bool,
    /// What it said last, for a NACK.
    last: Vec<u8>,
    /// Parts of a token's answer that were not fetched yet.
    rest: Vec<u8>,
}

impl Chip {
    fn run(&mut self, stopped: &UnixStream) {
        let mut buffer = [0; 1024];
        loop {
            let timeout = if self.waits {
                PollTimeout::from(LOOK)
            } else {
                PollTimeout::NONE
            };
            let mut wait = [
                PollFd::new(self.port.master.as_fd(), PollFlags::POLLIN),
                PollFd::new(stopped.as_fd(), PollFlags::POLLIN),
            ];
            match poll(&mut wait, timeout) {
                Err(nix::errno::Errno::EINTR) => continue,
                Err(_) => return,
                Ok(_) => {}
            }
            if wait[1].any() == Some(true) {
                return;
            }
            let going = if wait[0].any() == Some(true) {
                match self.port.master.read(&mut buffer) {
                    Ok(count) => self.hear(&buffer[..count]),
                    Err(error) if error.kind() == ErrorKind::Interrupted => Ok(()),
                    Err(_) => return,
                }
            } else {
                self.look_again()
            };
            if going.is_err() {
                return;
            }
        }
    }

    /// Bytes from the box, as far as they arrive.
    fn hear(&mut self, bytes: &[u8]) -> Going {
        self.port.let_others_in();
        let (count, end) = {
            let mut shared = lock(&self.shared);
            if std::mem::take(&mut shared.changed) {
                self.ear.clear();
            }
            if shared.silent {
                return Ok(());
            }
            let before = shared.traffic.heard.len();
            let (count, end) = shared.until(Way::In, before, bytes.len());
            shared.traffic.heard.extend(&bytes[..count]);
            (count, end)
        };
        let mut bytes = &bytes[..count];
        while let Some((first, rest)) = bytes.split_first() {
            match self.power {
                Power::Asleep => {
                    if *first == 0x55 {
                        self.power = Power::Waking(WAKING);
                    }
                }
                Power::Waking(0) => {
                    self.power = Power::Awake;
                    continue;
                }
                Power::Waking(left) => self.power = Power::Waking(left - 1),
                Power::Awake | Power::Ready => break,
            }
            bytes = rest;
        }
        for heard in self.ear.take(bytes) {
            self.obey(heard)?;
        }
        match end {
            Some(End::Unplugged) => Err(Unplugged),
            _ => Ok(()),
        }
    }

    fn obey(&mut self, heard: Heard) -> Going {
        let command = match heard {
            Heard::Ack => {
                self.waits = false;
                return Ok(());
            }
            Heard::Nack => {
                let last = self.last.clone();
                return self.say(&last);
            }
            Heard::Command(command) => command,
        };
        if self.power != Power::Ready && command[0] != 0x14 {
            return Ok(());
        }
        self.waits = false;
        let (number, faults) = {
            let mut shared = lock(&self.shared);
            shared.traffic.commands += 1;
            (shared.traffic.commands - 1, shared.faults.clone())
        };
        if faults.nack.hit(number) {
            return self.say(&frame::NACK);
        }
        self.say(&frame::ACK)?;
        if faults.error.hit(number) {
            return self.say(&frame::ERROR);
        }
        let Some(answer) = self.answer(&command, &faults)? else {
            return Ok(());
        };
        self.tell(answer, number, &faults)
    }

    /// Says an answer, or what the plan makes of it.
    fn tell(&mut self, answer: Vec<u8>, number: usize, faults: &Faults) -> Going {
        self.last.clone_from(&answer);
        let mut answer = answer;
        if faults.checksum.hit(number) {
            let check = answer.len() - 2;
            answer[check] ^= 0x20;
            // Said again on a NACK, it is right, unless nothing ever is.
            if faults.checksum == super::faults::Hits::Always {
                self.last.clone_from(&answer);
            }
        }
        if faults.lost.hit(number) {
            Ok(())
        } else {
            self.say(&answer)
        }
    }

    /// What the chip answers; none: not yet.
    fn answer(&mut self, command: &[u8], faults: &Faults) -> Result<Option<Vec<u8>>, Unplugged> {
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
                self.retries = (retries != 0xff).then_some(retries);
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
            [0x00, 0x06] => vec![code, if self.present().is_some() { 0x00 } else { 0x01 }],
            [0x00, 0x00, ref rest @ ..] => [&[code, 0x00], rest].concat(),
            [0x4a, 0x01, 0x00] => return Ok(self.list(faults.hasty)),
            [0x44 | 0x52, 0x00 | 0x01] => {
                self.listed = None;
                vec![code, 0x00]
            }
            [0x40, 0x01, ref data @ ..] => {
                let (status, part) = self.exchange(data, faults)?;
                [&[code, status], part.as_slice()].concat()
            }
            [0x40, ..] => vec![code, 0x27],
            _ => return Ok(Some(frame::ERROR.to_vec())),
        };
        Ok(Some(frame::said(&said)))
    }

    /// Activates what lies in the field: the one there, none there, or not yet said.
    fn list(&mut self, hasty: bool) -> Option<Vec<u8>> {
        self.listed = None;
        self.rest.clear();
        let (times, token) = self.field.look();
        let Some(token) = token else {
            self.waits = !hasty && self.retries.is_none();
            return (!self.waits).then(|| frame::said(&[0x4b, 0x00]));
        };
        let sak = {
            let mut token = lock(&token);
            token.contact();
            token.sak()
        };
        // One target, number 1; ATQA, SAK, an identifier of four bytes; an ATS where it was asked for it.
        let mut said = vec![0x4b, 0x01, 0x01, 0x00, 0x04, sak, 0x04, 0x08, 0x12, 0x34, 0x56];
        if sak & 0x20 != 0 && self.automatic_rats {
            said.extend([0x05, 0x78, 0x80, 0x70, 0x02]);
            self.listed = Some((times, token));
        }
        Some(frame::said(&said))
    }

    /// A token may have come.
    fn look_again(&mut self) -> Going {
        if !self.waits || self.field.look().1.is_none() {
            return Ok(());
        }
        let (number, faults) = {
            let shared = lock(&self.shared);
            (shared.traffic.commands.saturating_sub(1), shared.faults.clone())
        };
        self.waits = false;
        match self.list(false) {
            Some(answer) => self.tell(answer, number, &faults),
            None => Ok(()),
        }
    }

    /// The activated token, where it has lain there ever since.
    fn present(&self) -> Option<Token> {
        let (then, token) = self.listed.as_ref()?;
        let (now, there) = self.field.look();
        (*then == now && there.is_some()).then(|| token.clone())
    }

    /// Carries a command to the token: a status, and the answer or its first part. Without a command: its next part.
    fn exchange(&mut self, data: &[u8], faults: &Faults) -> Result<(u8, Vec<u8>), Unplugged> {
        if self.listed.is_none() {
            return Ok((0x27, Vec::new()));
        }
        if data.is_empty() && !self.rest.is_empty() {
            return Ok(self.part(faults));
        }
        let number = {
            let mut shared = lock(&self.shared);
            shared.traffic.exchanges += 1;
            shared.traffic.exchanges - 1
        };
        let event = faults.event.as_ref().filter(|event| event.at == number);
        if let Some(event) = event.filter(|event| !event.late)
            && let Some(status) = self.happen(event)?
        {
            return Ok((status, Vec::new()));
        }
        let Some(token) = self.present() else {
            return Ok((0x01, Vec::new()));
        };
        std::thread::sleep(faults.thinks);
        self.rest = lock(&token).apdu(data);
        if let Some(event) = event.filter(|event| event.late)
            && let Some(status) = self.happen(event)?
        {
            self.rest.clear();
            return Ok((status, Vec::new()));
        }
        if self.rest.is_empty() {
            return Ok((0x01, Vec::new()));
        }
        Ok(self.part(faults))
    }

    /// Makes it happen; the status, where nothing of the answer is left.
    fn happen(&self, event: &Event) -> Result<Option<u8>, Unplugged> {
        match &event.what {
            What::Taken => self.field.take(),
            What::Swapped(other) => self.field.place(other.clone()),
            What::Moved => {
                if let (_, Some(same)) = self.field.look() {
                    self.field.place(same);
                }
            }
            What::Status(status) => return Ok(Some(status & 0x3f)),
            What::Unplugged => return Err(Unplugged),
        }
        Ok(Some(0x01))
    }

    fn part(&mut self, faults: &Faults) -> (u8, Vec<u8>) {
        let length = faults.parts.unwrap_or(usize::MAX).min(self.rest.len());
        let part = self.rest.drain(..length).collect();
        (if self.rest.is_empty() { 0x00 } else { 0x40 }, part)
    }

    /// Says a frame, as the plan lets it arrive.
    fn say(&mut self, whole: &[u8]) -> Going {
        let (bytes, end, pieces) = {
            let mut shared = lock(&self.shared);
            if shared.silent {
                return Ok(());
            }
            let mut bytes = [&shared.faults.junk, whole].concat();
            let before = shared.traffic.said.len();
            let (count, end) = shared.until(Way::Out, before, bytes.len());
            bytes.truncate(count);
            shared.traffic.said.extend(&bytes);
            (bytes, end, shared.faults.pieces)
        };
        let (size, pause) = pieces.unwrap_or((usize::MAX, Duration::ZERO));
        for (index, piece) in bytes.chunks(size).enumerate() {
            if index > 0 {
                std::thread::sleep(pause);
            }
            self.port.master.write_all(piece).map_err(|_| Unplugged)?;
        }
        match end {
            Some(End::Unplugged) => Err(Unplugged),
            _ => Ok(()),
        }
    }
}

impl Shared {
    /// How many of these bytes still go this way, and how the line ends with the last of them.
    fn until(&mut self, way: Way, before: usize, count: usize) -> (usize, Option<End>) {
        let Some(cut) = self
            .faults
            .cut
            .filter(|cut| cut.way == way && before + count >= cut.after)
        else {
            return (count, None);
        };
        self.silent = true;
        (cut.after - before, Some(cut.end))
    }
}
