//! The simulated links against the vectors of the notes: a PN532's frames, byte for byte, what goes wrong when it is planned, and
//! the messages of pcscd's virtual reader.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::fd::AsFd as _;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, poll};

use crate::sim::faults::{Cut, End, Event, Faults, Hits, Way, What};
use crate::sim::frame::{ACK, ERROR, Ear, Heard, NACK, frame, said};
use crate::sim::reader::Reader;
use crate::sim::single::{Single, Switch};
use crate::sim::vpcd::{ATR, Slot};
use crate::sim::{Field, Token};
use crate::sims::{ANSWER, INFO, INFO_SAID, hex, p2, single};

const SAM: &str = "0000ff03fdd414011700";
const FIRMWARE: &str = "0000ff02fed4022a00";
const PARAM: &str = "0000ff03fdd412140600";
const LIST: &str = "0000ff04fcd44a0100e100";
const NONE: &str = "0000ff03fdd54b00e000";
const ASK_INFO: &str = "0000ff0af6d4400180410000020211 1500";
const DONE: &str = "0000ff05fbd5410090005a00";
const LOST: &str = "0000ff03fdd54101e900";

/// Somebody at a reader's port who sends bytes and looks at what comes.
struct Hand(File);

impl Hand {
    fn open(path: &Path) -> Hand {
        Hand(File::options().read(true).write(true).open(path).unwrap())
    }

    /// What comes after these bytes: so many bytes as are expected, and what comes close behind them.
    fn asks_for(&mut self, bytes: &[u8], expected: usize) -> Vec<u8> {
        let mut all = Vec::new();
        let mut buffer = [0; 256];
        self.0.write_all(bytes).unwrap();
        loop {
            let mut wait = [PollFd::new(self.0.as_fd(), PollFlags::POLLIN)];
            let patience: u16 = if all.len() < expected { 5000 } else { 30 };
            if poll(&mut wait, patience).unwrap() == 0 {
                return all;
            }
            match self.0.read(&mut buffer) {
                Ok(count @ 1..) => all.extend(&buffer[..count]),
                _ => return all,
            }
        }
    }

    /// What comes after these bytes must be these.
    fn asks(&mut self, bytes: &[u8], answer: &[u8]) {
        assert_eq!(self.asks_for(bytes, answer.len()), answer, "{bytes:02x?}");
    }

    /// A command, its ACK, then this frame.
    fn gets(&mut self, command: &[u8], answer: &[u8]) {
        self.asks(command, &[ACK.as_slice(), answer].concat());
    }

    /// The same in hexadecimal.
    fn gets_hex(&mut self, command: &str, answer: &str) {
        self.gets(&hex(command), &hex(answer));
    }

    fn wakes(&mut self) {
        let wake = [&[0x55, 0x55], [0; 14].as_slice()].concat();
        self.asks(&wake, b"");
        self.gets_hex(SAM, "0000ff02fed5151600");
    }

    fn activates(&mut self) {
        self.wakes();
        self.gets_hex(PARAM, "0000ff02fed5131800");
        self.gets(&hex(LIST), &there());
    }
}

/// A command of the box in a frame.
fn ask(data: &str) -> Vec<u8> {
    frame(0xd4, &hex(data))
}

/// A target that takes APDUs.
fn there() -> Vec<u8> {
    said(&hex("4b 01 01 0004 20 04 08123456 05 78807002"))
}

fn info_said() -> Vec<u8> {
    said(&[hex("4100"), hex(INFO_SAID)].concat())
}

fn reader(faults: Faults) -> (Reader, Arc<Mutex<Single>>, Field) {
    let token = Arc::new(Mutex::new(p2()));
    let field = Field::with(&token);
    (Reader::start(None, &field, faults).unwrap(), token, field)
}

fn hasty() -> Faults {
    Faults {
        hasty: true,
        ..Faults::default()
    }
}

#[test]
fn an_ear_hears_frames_in_pieces_and_between_junk() {
    let frames = [hex(SAM), hex(ASK_INFO), ACK.to_vec(), NACK.to_vec()];
    let heard = [
        Heard::Command(hex("1401")),
        Heard::Command(hex("400180410000020211")),
        Heard::Ack,
        Heard::Nack,
    ];
    let junk = hex("0000ff0055ff00aa00");
    let stream: Vec<u8> = frames
        .iter()
        .flat_map(|frame| [junk.clone(), frame.clone()].concat())
        .collect();
    for size in 1..=stream.len() {
        let mut ear = Ear::default();
        let all: Vec<Heard> = stream.chunks(size).flat_map(|piece| ear.take(piece)).collect();
        assert_eq!(all, heard, "pieces of {size}");
    }
    // One wrong bit anywhere but in the postamble, and it is no frame, or at least not this one.
    for at in 1..hex(SAM).len() - 1 {
        for bit in 0..8 {
            let mut damaged = hex(SAM);
            damaged[at] ^= 1 << bit;
            assert_eq!(Ear::default().take(&damaged), [], "byte {at}, bit {bit}");
        }
    }
}

#[test]
fn the_frames_of_a_pn532() {
    let (reader, _token, field) = reader(hasty());
    let mut hand = Hand::open(reader.path());
    hand.asks(&hex(SAM), b"");
    hand.wakes();
    hand.gets(&hex(FIRMWARE), &said(&hex("0332010607")));
    // Without automatic RATS there is nobody to carry commands to.
    hand.gets(&hex(LIST), &said(&hex("4b 01 01 0004 20 04 08123456")));
    hand.gets(&hex(ASK_INFO), &said(&hex("4127")));
    hand.gets_hex(PARAM, "0000ff02fed5131800");
    hand.gets(&hex(LIST), &there());
    hand.gets(&hex(ASK_INFO), &info_said());
    // Once more on a NACK, nothing on an ACK, the error frame to what it does not know, nothing to a damaged frame.
    hand.asks(&NACK, &info_said());
    hand.asks(&ACK, b"");
    hand.gets(&ask("60"), &ERROR);
    hand.asks(&hex("0000ff02fed4022b00"), b"");
    hand.gets(&ask("4001804b08000100"), &said(&hex("4100 1122334455667788 9000")));
    hand.gets(&ask(&format!("4001{ANSWER}")), &hex(DONE));
    field.take();
    hand.gets_hex(ASK_INFO, LOST);
    hand.gets_hex(LIST, NONE);
}

#[test]
fn a_reader_waits_for_a_token_until_it_is_told_how_often_to_look() {
    let (reader, token, field) = reader(Faults::default());
    let mut hand = Hand::open(reader.path());
    hand.activates();
    field.take();
    hand.asks(&hex(LIST), &ACK);
    field.place(token);
    hand.asks(&[], &there());
    field.take();
    hand.asks(&hex(LIST), &ACK);
    hand.asks(&ACK, b"");
    hand.gets(&ask("3205ff0102"), &said(&hex("33")));
    hand.gets_hex(LIST, NONE);
    // Asleep again after it was unplugged, and as forgetful.
    drop(hand);
    let mut reader = reader;
    reader.plug_in(Faults::default()).unwrap();
    let mut hand = Hand::open(reader.path());
    hand.asks(&hex(SAM), b"");
    hand.wakes();
    hand.asks(&hex(LIST), &ACK);
}

#[test]
fn an_answer_comes_in_pieces_between_junk_and_chained_where_it_is_planned() {
    let (reader, _token, _) = reader(Faults::default());
    let mut hand = Hand::open(reader.path());
    hand.activates();
    reader.follow(Faults {
        pieces: Some((7, Duration::from_millis(5))),
        junk: hex("0000ff0055"),
        parts: Some(20),
        ..Faults::default()
    });
    let start = Instant::now();
    let whole = hex(INFO_SAID);
    let first = said(&[hex("4140"), whole[..20].to_vec()].concat());
    let junk = hex("0000ff0055");
    let expected = [junk.as_slice(), &ACK, &junk, &first].concat();
    hand.asks(&hex(ASK_INFO), &expected);
    assert!(start.elapsed() > Duration::from_millis(25));
    reader.follow(Faults::default());
    hand.gets(&ask("4001"), &said(&[hex("4100"), whole[20..].to_vec()].concat()));
    assert_eq!(reader.traffic().exchanges, 0, "fetching is no command to the token");
}

#[test]
fn what_a_reader_says_wrong() {
    let (reader, _token, _) = reader(Faults::default());
    let mut hand = Hand::open(reader.path());
    hand.activates();
    let mut damaged = info_said();
    let check = damaged.len() - 2;
    damaged[check] ^= 0x20;
    let plan = |faults| reader.follow(faults);
    plan(Faults {
        nack: Hits::At(0),
        error: Hits::At(1),
        checksum: Hits::At(2),
        lost: Hits::At(3),
        ..Faults::default()
    });
    hand.asks(&hex(ASK_INFO), &NACK);
    hand.gets(&hex(ASK_INFO), &ERROR);
    hand.gets(&hex(ASK_INFO), &damaged);
    hand.asks(&NACK, &info_said());
    hand.asks(&hex(ASK_INFO), &ACK);
    hand.gets(&hex(ASK_INFO), &info_said());
    assert_eq!((reader.traffic().commands, reader.traffic().exchanges), (5, 3));
    plan(Faults {
        checksum: Hits::Always,
        ..Faults::default()
    });
    hand.gets(&hex(ASK_INFO), &damaged);
    hand.asks(&NACK, &damaged);
}

#[test]
fn what_happens_to_a_token_on_a_reader() {
    let (reader, token, field) = reader(hasty());
    let mut hand = Hand::open(reader.path());
    let other: Token = Arc::new(Mutex::new(single("86596220000002")));
    let event = |at, late, what| Faults {
        event: Some(Event { at, late, what }),
        ..hasty()
    };
    let challenge = ask("4001804b08000100");
    let challenged = said(&hex("4100 1122334455667788 9000"));
    let answer = ask(&format!("4001{ANSWER}"));
    hand.activates();
    for (what, listed, serial) in [
        (What::Taken, hex(NONE), None),
        (What::Swapped(other), there(), Some("86596220000002")),
        (What::Moved, there(), Some("86596220000001")),
    ] {
        for late in [false, true] {
            field.place(token.clone());
            reader.follow(event(1, late, what.clone()));
            hand.gets(&hex(LIST), &there());
            hand.gets(&challenge, &challenged);
            hand.gets(&answer, &hex(LOST));
            hand.gets(&hex(ASK_INFO), &hex(LOST));
            hand.gets(&hex(LIST), &listed);
            if let Some(serial) = serial {
                let info = hand.asks_for(&hex(ASK_INFO), ACK.len() + info_said().len());
                assert!(info.windows(14).any(|part| part == serial.as_bytes()), "{serial}");
            }
        }
    }
    // A late loss is a loss of the answer alone: the token is open. A new contact closes it.
    field.place(token.clone());
    hand.gets(&hex(LIST), &there());
    reader.follow(event(1, true, What::Status(0x13)));
    hand.gets(&challenge, &challenged);
    hand.gets(&answer, &said(&hex("4113")));
    hand.gets(&answer, &said(&hex("4100 6a80")));
    reader.follow(event(0, false, What::Status(0x29)));
    hand.gets(&hex(ASK_INFO), &said(&hex("4129")));
    // Off, no reader sees it; deaf, it says nothing.
    token.lock().unwrap().switch = Switch::Deaf;
    hand.gets(&hex(LIST), &there());
    hand.gets(&hex(ASK_INFO), &hex(LOST));
    token.lock().unwrap().switch = Switch::Off;
    hand.gets(&hex(LIST), &hex(NONE));
    // Let go by name.
    token.lock().unwrap().switch = Switch::On;
    hand.gets(&hex(LIST), &there());
    hand.gets(&ask("5200"), &said(&hex("5300")));
    hand.gets(&hex(ASK_INFO), &said(&hex("4127")));
}

#[test]
fn a_line_ends_at_the_planned_byte() {
    let (mut reader, token, _) = reader(Faults::default());
    let mut hand = Hand::open(reader.path());
    hand.activates();
    let cut = |way, after, end| Faults {
        cut: Some(Cut { way, after, end }),
        ..Faults::default()
    };
    let whole = [ACK.as_slice(), &info_said()].concat();
    let ask_info = hex(ASK_INFO);
    for after in 0..whole.len() {
        reader.follow(cut(Way::Out, after, End::Silence));
        hand.asks(&ask_info, &whole[..after]);
        hand.asks(&ask_info, b"");
        assert_eq!(reader.traffic().said.len(), after);
    }
    for after in 0..ask_info.len() {
        reader.follow(cut(Way::In, after, End::Silence));
        hand.asks(&ask_info, b"");
        // The postamble alone may be missing; the answer never comes.
        let whole = (after, usize::from(after == ask_info.len() - 1));
        let seen = || (reader.traffic().heard.len(), reader.traffic().exchanges);
        let end = Instant::now() + Duration::from_secs(5);
        while seen() != whole && Instant::now() < end {
            std::thread::sleep(Duration::from_millis(1));
        }
        assert_eq!(seen(), whole);
    }
    // The plan over, half a frame is forgotten.
    reader.follow(Faults::default());
    hand.gets(&ask_info, &info_said());
    for way in [Way::In, Way::Out] {
        reader.plug_in(Faults::default()).unwrap();
        let mut hand = Hand::open(reader.path());
        hand.activates();
        reader.follow(cut(way, 5, End::Unplugged));
        let _ = hand.asks_for(&ask_info, usize::MAX);
        assert!(!reader.path().exists());
    }
    assert_eq!(token.lock().unwrap().seed, None);
}

#[test]
fn a_reader_keeps_its_name_when_it_is_plugged_in_again() {
    let folder = tempfile::tempdir().unwrap();
    let link = folder.path().join("reader");
    let mut reader = Reader::start(Some(&link), &Field::default(), Faults::default()).unwrap();
    Hand::open(&link).wakes();
    // Another user of the port, while nobody else has it open, although the first one wanted it alone.
    let first = File::options().read(true).write(true).open(&link).unwrap();
    rustix::termios::ioctl_tiocexcl(&first).unwrap();
    drop(first);
    Hand::open(&link).gets(&hex(FIRMWARE), &said(&hex("0332010607")));
    reader.unplug();
    assert!(std::fs::symlink_metadata(&link).is_err());
    reader.plug_in(Faults::default()).unwrap();
    Hand::open(&link).wakes();
    drop(reader);
    assert!(std::fs::symlink_metadata(&link).is_err());
}

#[test]
fn a_reader_goes_on_where_nobody_reads() {
    let (mut reader, _token, _) = reader(Faults::default());
    let mut hand = Hand::open(reader.path());
    hand.activates();
    let deaf = File::options().write(true).open(reader.path()).unwrap();
    let (done, ended) = std::sync::mpsc::channel();
    let asks = ask("400180410000020211");
    std::thread::spawn(move || {
        for _ in 0..2000 {
            (&deaf).write_all(&asks).unwrap();
        }
        done.send(()).unwrap();
    });
    ended.recv_timeout(Duration::from_secs(20)).unwrap();
    reader.unplug();
}

/// What pcscd's virtual reader does: listens, and talks to the card that connects.
struct Desk(TcpStream);

impl Desk {
    fn sends(&mut self, bytes: &[u8]) {
        let length = u16::try_from(bytes.len()).unwrap().to_be_bytes();
        self.0.write_all(&[&length, bytes].concat()).unwrap();
    }

    /// The card's answer; none when it is gone.
    fn hears(&mut self) -> Option<Vec<u8>> {
        let mut length = [0; 2];
        self.0.read_exact(&mut length).ok()?;
        let mut bytes = vec![0; usize::from(u16::from_be_bytes(length))];
        self.0.read_exact(&mut bytes).ok()?;
        Some(bytes)
    }

    fn asks(&mut self, bytes: &str) -> Option<Vec<u8>> {
        self.sends(&hex(bytes));
        self.hears()
    }
}

#[test]
fn a_card_in_the_virtual_reader() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let token = Arc::new(Mutex::new(p2()));
    let field = Field::with(&token);
    let slot = Slot::start(listener.local_addr().unwrap(), &field);
    let card = || {
        let (line, _) = listener.accept().unwrap();
        line.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        Desk(line)
    };
    let mut desk = card();
    assert_eq!(desk.asks("04").unwrap(), ATR);
    desk.sends(&[0x01]);
    assert_eq!(desk.asks(INFO).unwrap(), hex(INFO_SAID));
    let _ = desk.asks("804b08000100");
    assert_eq!(desk.asks(ANSWER).unwrap(), hex("9000"));
    // A reset forgets what was begun; so does switching off.
    for signal in [0x02, 0x00] {
        let _ = desk.asks("804b08000100");
        desk.sends(&[signal]);
        assert_eq!(desk.asks(ANSWER).unwrap(), hex("6a80"));
    }
    // Taken away it is gone; placed again it comes back.
    field.take();
    assert_eq!(desk.hears(), None);
    field.place(token.clone());
    let mut desk = card();
    assert_eq!(desk.asks("04").unwrap(), ATR);
    slot.plan(Some(Event {
        at: 1,
        late: true,
        what: What::Taken,
    }));
    let _ = desk.asks("804b08000100");
    assert_eq!(desk.asks(ANSWER), None);
    assert_eq!(slot.commands(), [hex("804b08000100"), hex(ANSWER)]);
    assert!(field.look().1.is_none());
    // Several messages at once, and one in pieces.
    field.place(token);
    let mut desk = card();
    desk.0.write_all(&hex("0001 01 0001 04 0007 80410000")).unwrap();
    assert_eq!(desk.hears().unwrap(), ATR);
    desk.0.write_all(&hex("020211")).unwrap();
    assert_eq!(desk.hears().unwrap(), hex(INFO_SAID));
    drop(slot);
    assert_eq!(desk.hears(), None);
}
