#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

//! The line on a pair of pseudo-terminals: what the test holds is the terminal's end.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, raise};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{ControlModes, InputModes, LocalModes, OutputModes, Termios, tcgetattr};

use super::io::{LineEvent, Writer, block_signals, spawn_reader, spawn_writer};
use super::keys::Input;
use super::probe::{Ask, DEFAULT, Probe};
use super::tty::{ENTER, Flow, Kind, LEAVE, Settings, Tty, TtyError};
use crate::console::key::Key;

mod leaving;

const SOON: Duration = Duration::from_secs(2);

/// The terminal's end, and the path of the line's.
struct Pair {
    master: File,
    path: PathBuf,
}

impl Pair {
    fn new() -> Self {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let path = PathBuf::from(ptsname(&master, Vec::new()).unwrap().into_string().unwrap());
        Self {
            master: File::from(master),
            path,
        }
    }

    fn open(&self) -> Tty {
        Tty::open(Some(&self.path), Settings::default()).unwrap()
    }

    fn slave(&self) -> OwnedFd {
        File::options().read(true).write(true).open(&self.path).unwrap().into()
    }

    fn termios(&self) -> Termios {
        tcgetattr(self.slave()).unwrap()
    }

    /// What the line sends, until `enough` or for two seconds.
    fn read(&self, enough: impl Fn(&[u8]) -> bool) -> Vec<u8> {
        read(&self.master, enough, SOON)
    }
}

fn read(mut master: &File, enough: impl Fn(&[u8]) -> bool, limit: Duration) -> Vec<u8> {
    let (until, mut all, mut buffer) = (Instant::now() + limit, Vec::new(), [0; 4096]);
    while !enough(&all) && Instant::now() < until {
        let mut fds = [PollFd::new(master, PollFlags::IN)];
        let wait = Timespec::try_from(Duration::from_millis(20)).unwrap();
        if poll(&mut fds, Some(&wait)).unwrap() == 0 {
            continue;
        }
        match master.read(&mut buffer) {
            Ok(count) => all.extend_from_slice(&buffer[..count]),
            Err(_) => break,
        }
    }
    all
}

/// A line with both its threads.
struct Running {
    tty: Tty,
    events: Receiver<LineEvent>,
    writer: Writer,
    reader: JoinHandle<()>,
}

impl Running {
    fn new(pair: &Pair) -> Self {
        let tty = pair.open();
        let (sender, events): (Sender<LineEvent>, _) = channel();
        // In a thread of its own: the tests' thread keeps its signals.
        let signals = std::thread::spawn(|| block_signals().unwrap()).join().unwrap();
        let reader = spawn_reader(&tty, signals, sender.clone()).unwrap();
        let writer = spawn_writer(&tty, sender).unwrap();
        Self {
            tty,
            events,
            writer,
            reader,
        }
    }

    fn next(&self) -> LineEvent {
        self.events.recv_timeout(SOON).unwrap()
    }

    /// The keys of the next events, until there are so many.
    fn keys(&self, count: usize) -> Vec<Key> {
        let mut keys = Vec::new();
        while keys.len() < count {
            let LineEvent::Inputs(inputs) = self.next() else {
                continue;
            };
            keys.extend(inputs.into_iter().filter_map(|input| match input {
                Input::Key(key) => Some(key),
                Input::Size(..) => None,
            }));
        }
        keys
    }
}

fn ends_with(end: &'static [u8]) -> impl Fn(&[u8]) -> bool {
    move |all| all.ends_with(end)
}

#[test]
fn the_line_is_raw_while_it_is_ours() {
    let pair = Pair::new();
    let before = pair.termios();
    assert!(before.local_modes.contains(LocalModes::ICANON | LocalModes::ECHO));
    let tty = pair.open();
    let raw = pair.termios();
    assert!(
        !raw.local_modes
            .intersects(LocalModes::ICANON | LocalModes::ECHO | LocalModes::ISIG)
    );
    assert!(!raw.output_modes.contains(OutputModes::OPOST));
    assert!(!raw.input_modes.intersects(InputModes::IXON | InputModes::ICRNL));
    assert!(raw.control_modes.contains(ControlModes::CS8 | ControlModes::CREAD));
    assert!(
        !raw.control_modes
            .intersects(ControlModes::CLOCAL | ControlModes::CRTSCTS | ControlModes::PARENB)
    );
    assert_eq!(
        raw.control_modes & ControlModes::HUPCL,
        before.control_modes & ControlModes::HUPCL
    );
    assert_eq!(tty.kind(), Kind::Pseudo);
    drop(tty);
    assert_eq!(format!("{:?}", pair.termios()), format!("{before:?}"));
    assert_eq!(pair.read(ends_with(LEAVE)), LEAVE);
}

#[test]
fn a_line_has_the_settings_it_is_given() {
    let pair = Pair::new();
    let settings = Settings {
        baud: Some(9_600),
        flow: Flow::XonXoff,
        carrier: false,
    };
    let tty = Tty::open(Some(&pair.path), settings).unwrap();
    let raw = pair.termios();
    assert_eq!((raw.input_speed(), raw.output_speed()), (9_600, 9_600));
    assert!(raw.input_modes.contains(InputModes::IXON));
    assert!(raw.control_modes.contains(ControlModes::CLOCAL));
    drop(tty);
    let odd = Settings {
        baud: Some(300),
        ..settings
    };
    assert!(matches!(Tty::open(Some(&pair.path), odd), Err(TtyError::Baud(300))));
    let file = tempfile::NamedTempFile::new().unwrap();
    let error = Tty::open(Some(file.path()), Settings::default()).unwrap_err();
    assert!(error.to_string().contains("is no terminal"), "{error}");
    let error = Tty::open(Some(&file.path().join("none")), Settings::default()).unwrap_err();
    assert!(error.to_string().contains("cannot be opened"), "{error}");
}

#[test]
fn the_kernel_keeps_the_size_it_is_told() {
    let pair = Pair::new();
    let tty = pair.open();
    assert_eq!(tty.kernel_size(), None, "0x0 is no size");
    tty.set_kernel_size(132, 43);
    assert_eq!(tty.kernel_size(), Some((132, 43)));
    tty.set_kernel_size(2, 2);
    assert_eq!(tty.kernel_size(), None);
}

#[test]
fn keys_come_through_the_line_discipline_as_they_are() {
    let mut pair = Pair::new();
    // Typed before anybody listened: the answer to somebody else's question, say.
    let slave = pair.slave();
    pair.master.write_all(b"root\r\x1b[24;80R").unwrap();
    let line = Running::new(&pair);
    drop(slave);
    pair.master.write_all(b"\x03\x13\x11\x04\x1b[A\r\xc3").unwrap();
    pair.master.write_all(b"\xa4\x7f\x1bO").unwrap();
    pair.master.write_all(b"B").unwrap();
    let expected = [
        Key::Ctrl('c'),
        Key::Ctrl('s'),
        Key::Ctrl('q'),
        Key::Ctrl('d'),
        Key::Up,
        Key::Enter,
        Key::Char('ä'),
        Key::Backspace,
        Key::Down,
    ];
    assert_eq!(line.keys(expected.len()), expected);
    pair.master.write_all(b"\x1b").unwrap();
    let pressed = Instant::now();
    assert_eq!(line.keys(1), [Key::Esc]);
    assert!(pressed.elapsed() >= Duration::from_millis(40), "after the silence");
}

#[test]
fn a_hang_up_is_told_once_within_a_second_and_ends_the_reader() {
    let mut pair = Pair::new();
    let line = Running::new(&pair);
    pair.master.write_all(b"x").unwrap();
    assert_eq!(line.keys(1), [Key::Char('x')]);
    let closed = Instant::now();
    drop(pair);
    assert_eq!(line.next(), LineEvent::HangUp);
    assert!(closed.elapsed() < Duration::from_secs(1));
    // An ended thread reads nothing for ever: there is no spin.
    line.reader.join().unwrap();
    line.writer.send(vec![b'x'; 1000]);
    let until = Instant::now() + SOON;
    while !line.writer.idle() {
        assert!(Instant::now() < until, "a line that is gone takes no frame");
        std::thread::sleep(Duration::from_millis(5));
    }
    assert_eq!(line.events.try_iter().count(), 0);
    let begun = Instant::now();
    drop(line.tty);
    assert!(begun.elapsed() < Duration::from_millis(200));
}

#[test]
fn signals_are_events() {
    let pair = Pair::new();
    let tty = pair.open();
    let (sender, events): (Sender<LineEvent>, _) = channel();
    // A signal to a thread is read by that thread alone, so it is the reader itself that is sent them.
    std::thread::spawn(move || {
        let signals = block_signals().unwrap();
        for signal in [Signal::SIGWINCH, Signal::SIGTERM, Signal::SIGHUP] {
            raise(signal).unwrap();
        }
        super::io::read(&tty.device(), &signals, &sender);
    })
    .join()
    .unwrap();
    let mut told: Vec<LineEvent> = events.iter().collect();
    assert_eq!(told.pop(), Some(LineEvent::HangUp), "nothing comes after it");
    assert_eq!(told.len(), 2);
    assert!(told.contains(&LineEvent::Resized) && told.contains(&LineEvent::Terminate));
}

/// A terminal that knows its size and answers what it understands.
fn terminal(pair: &Pair, size: bool, corner: bool, typed: &'static [u8]) -> JoinHandle<()> {
    let mut master = pair.master.try_clone().unwrap();
    std::thread::spawn(move || {
        let asked =
            |question: &'static [u8]| move |all: &[u8]| all.windows(question.len()).any(|part| part == question);
        read(&master, asked(b"\x1b[18t"), SOON);
        master.write_all(typed).unwrap();
        if size {
            return master.write_all(b"\x1b[8;43;132t").unwrap();
        }
        read(&master, asked(b"\x1b[6n"), SOON);
        master.write_all(typed).unwrap();
        if corner {
            master.write_all(b"\x1b[43;132R").unwrap();
        }
    })
}

/// A runner that does nothing else.
fn probed(line: &Running, mut probe: Probe) -> ((u16, u16), Vec<Key>) {
    let (mut keys, mut until) = (Vec::new(), None);
    loop {
        match probe.ask() {
            Ask::Done(columns, rows) => return ((columns, rows), keys),
            Ask::Send(bytes) => {
                line.writer.send(bytes.to_vec());
                until = None;
            }
            Ask::Wait(patience) => {
                let until = *until.get_or_insert_with(|| Instant::now() + patience);
                match line
                    .events
                    .recv_timeout(until.saturating_duration_since(Instant::now()))
                {
                    Ok(LineEvent::Inputs(inputs)) => {
                        for input in inputs {
                            match input {
                                Input::Key(key) => keys.push(key),
                                Input::Size(columns, rows) => probe.size(columns, rows),
                            }
                        }
                    }
                    Ok(_) => {}
                    Err(_) => probe.timeout(),
                }
            }
        }
    }
}

#[test]
fn the_size_is_found_whatever_the_terminal_answers_and_no_key_is_lost() {
    let real = (132, 43);
    for (size, corner, expected, typed) in [
        (true, true, real, 1),
        (false, true, real, 2),
        (false, false, DEFAULT, 2),
    ] {
        let pair = Pair::new();
        let line = Running::new(&pair);
        let asked = Instant::now();
        let terminal = terminal(&pair, size, corner, b"\x1b[B");
        let (found, keys) = probed(&line, Probe::new(line.tty.kernel_size(), None, true));
        assert_eq!(found, expected, "18t {size}, 6n {corner}");
        assert_eq!(keys, vec![Key::Down; typed]);
        assert!(asked.elapsed() < SOON);
        terminal.join().unwrap();
    }
}

#[test]
fn an_answer_that_comes_too_late_is_still_a_size() {
    let mut pair = Pair::new();
    let line = Running::new(&pair);
    assert_eq!(probed(&line, Probe::new(None, Some((100, 37)), true)).0, (100, 37));
    pair.master.write_all(b"\x1b[8;43;132t").unwrap();
    let event = std::iter::repeat_with(|| line.next()).find(|event| *event != LineEvent::Drained);
    assert_eq!(event, Some(LineEvent::Inputs(vec![Input::Size(132, 43)])));
}

#[test]
fn frames_arrive_whole_and_in_their_order() {
    let pair = Pair::new();
    let line = Running::new(&pair);
    let frame = |letter: u8| vec![letter; 30_000];
    for letter in b'a'..=b'c' {
        line.writer.send(frame(letter));
    }
    line.writer.send(Vec::new());
    // The terminal takes its time: the line is full meanwhile.
    std::thread::sleep(Duration::from_millis(100));
    let all = pair.read(|all| all.len() >= 90_000);
    assert_eq!(all, (b'a'..=b'c').flat_map(frame).collect::<Vec<u8>>());
    for _ in 0..3 {
        assert_eq!(line.next(), LineEvent::Drained);
    }
    assert!(line.writer.idle());
}

#[test]
fn entering_and_leaving_set_the_same_modes_back() {
    let size = |n| std::num::NonZeroU16::new(n).unwrap();
    let mut emulator = vt100::Parser::new(size(24), size(80), 100);
    emulator.process(b"\x1b[?2004l\x1b[1;5r\x1b[?6hnoise");
    emulator.process(ENTER);
    assert!(emulator.screen().bracketed_paste());
    emulator.process(b"a secret\x1b[12;40Hand another\x1b[24;70Hat the end\x1b[?25l\x1b[7m");
    emulator.process(LEAVE);
    let screen = emulator.screen();
    assert_eq!(screen.contents().trim(), "");
    assert_eq!(screen.cursor_position(), (0, 0));
    assert!(!screen.bracketed_paste() && !screen.hide_cursor() && !screen.inverse());
}
