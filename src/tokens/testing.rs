//! A small PN532 of the tests' own on a pseudo-terminal, and a tree of folders in which it looks like a port on USB. It knows as
//! much as the tests of this crate need; the simulator that knows tokens is elsewhere, under tests/.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use std::fs;
use std::io::{Read, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use nix::poll::{PollFd, PollFlags, poll};
use parking_lot::Mutex;
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{OptionalActions, ioctl_tiocnxcl, tcgetattr, tcsetattr};

use super::find::ports::Places;
use super::pn532::frame::{ACK, Found, Framer, NACK, encode};

/// A card.
#[derive(Clone, Copy, Debug)]
pub struct Card {
    /// Its serial number, where it is a token.
    pub serial: &'static str,
    pub id: [u8; 4],
    pub sak: u8,
}

impl Card {
    pub const TOKEN: Self = Self {
        serial: "86596220000001",
        id: [1, 2, 3, 4],
        sak: 0x20,
    };
    pub const OTHER: Self = Self {
        serial: "86596220000002",
        id: [1, 2, 3, 5],
        sak: 0x20,
    };
    pub const TICKET: Self = Self {
        serial: "",
        id: [9, 9, 9, 9],
        sak: 0x08,
    };
}

/// What lies on the reader, what was said to it, and what is to happen.
#[derive(Default)]
pub struct Table {
    pub card: Option<Card>,
    /// Commands to the token, by their instruction byte.
    pub apdus: Vec<u8>,
    /// Bytes that came at all.
    pub heard: usize,
    /// It is pulled out at this many commands to the token from now.
    pub unplug_in: Option<usize>,
    /// It is no PN532: nothing is answered.
    pub mute: bool,
    /// How long a token takes for a command.
    pub thinks: Duration,
}

/// The time that the token's clock shows, in seconds.
pub const TOKEN_TIME: u64 = 0x6553_f100;

/// A reader that is plugged in. Dropping it pulls it out.
pub struct Plugged {
    pub path: PathBuf,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Plugged {
    /// A reader with this table.
    pub fn new(table: &Arc<Mutex<Table>>) -> Self {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let path = PathBuf::from(ptsname(&master, Vec::new()).unwrap().to_str().unwrap());
        let flags = rustix::fs::OFlags::RDWR | rustix::fs::OFlags::NOCTTY | rustix::fs::OFlags::CLOEXEC;
        // Held, so that the master sees no hang-up while the port is closed, and raw from the start.
        let slave = rustix::fs::open(&path, flags, rustix::fs::Mode::empty()).unwrap();
        let mut modes = tcgetattr(&slave).unwrap();
        modes.make_raw();
        tcsetattr(&slave, OptionalActions::Now, &modes).unwrap();
        let stop = Arc::new(AtomicBool::new(false));
        let (stopped, table) = (Arc::clone(&stop), Arc::clone(table));
        let thread = std::thread::spawn(move || {
            let mut master = fs::File::from(master);
            let mut chip = Chip::default();
            let mut buffer = [0; 512];
            while !stopped.load(Ordering::Acquire) {
                let mut wait = [PollFd::new(master.as_fd(), PollFlags::POLLIN)];
                if poll(&mut wait, 5_u8).unwrap_or(0) == 0 {
                    continue;
                }
                let Ok(count) = master.read(&mut buffer) else { return };
                // A real port is not busy any more once it is closed; this one is never closed.
                let _ = ioctl_tiocnxcl(&slave);
                chip.framer.push(&buffer[..count]);
                table.lock().heard += count;
                while let Some(found) = chip.framer.take() {
                    let Some(said) = chip.answer(found, &table) else { return };
                    if master.write_all(&said).is_err() {
                        return;
                    }
                }
            }
        });
        Self {
            path,
            stop,
            thread: Some(thread),
        }
    }
}

impl Drop for Plugged {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
        self.thread.take().unwrap().join().unwrap();
    }
}

#[derive(Default)]
struct Chip {
    framer: Framer,
    last: Vec<u8>,
    talks: bool,
    listed: Option<[u8; 4]>,
}

impl Chip {
    /// What is said to this; none: it is pulled out.
    fn answer(&mut self, found: Found, table: &Mutex<Table>) -> Option<Vec<u8>> {
        let mut table = table.lock();
        let body = match found {
            _ if table.mute => return Some(vec![]),
            Found::Nack => return Some(self.last.clone()),
            Found::Frame(body) if body[0] == 0xd4 => body,
            Found::Bad => return Some(NACK.to_vec()),
            _ => return Some(vec![]),
        };
        let said = match body[1..] {
            [0x14, 0x01] => vec![0x15],
            [0x02] => vec![0x03, 0x32, 1, 6, 7],
            [0x12, flags] => {
                self.talks = flags & 0x10 != 0;
                vec![0x13]
            }
            [0x32, ..] => vec![0x33],
            [0x4a, 1, 0] => match table.card {
                None => vec![0x4b, 0],
                Some(card) => {
                    self.listed = Some(card.id).filter(|_| self.talks);
                    [&[0x4b, 1, 1, 0, 4, card.sak, 4][..], &card.id].concat()
                }
            },
            [0x52, _] => {
                self.listed = None;
                vec![0x53, 0]
            }
            [0x40, 1, _, ins, ..] => {
                table.apdus.push(ins);
                if let Some(left) = &mut table.unplug_in {
                    *left = left.checked_sub(1)?;
                }
                let thinks = table.thinks;
                let card = table.card.filter(|card| Some(card.id) == self.listed);
                drop(table);
                std::thread::sleep(thinks);
                match (card, ins) {
                    (None, _) => vec![0x41, 0x01],
                    (Some(card), 0x41) => {
                        let serial = card.serial.as_bytes();
                        let time = u32::try_from(TOKEN_TIME).unwrap().to_be_bytes();
                        [&[0x41, 0, 0, 0, 0, 14][..], serial, &[0, 0], &time, &[0x90, 0]].concat()
                    }
                    (Some(_), 0x4b) => [&[0x41, 0][..], &[7; 8], &[0x90, 0]].concat(),
                    (Some(_), _) => vec![0x41, 0, 0x90, 0],
                }
            }
            _ => vec![],
        };
        let frame = match said.is_empty() {
            true => encode(&[0x7f]),
            false => encode(&[&[0xd5], said.as_slice()].concat()),
        };
        self.last = frame.unwrap().to_vec();
        Some([&ACK[..], &self.last].concat())
    }
}

/// A tree of folders like /sys, /dev, /run/udev and /proc.
pub struct Tree {
    dir: tempfile::TempDir,
}

impl Tree {
    pub fn new() -> Self {
        let tree = Self {
            dir: tempfile::tempdir().unwrap(),
        };
        for folder in ["sys/class/tty", "dev/serial/by-id", "udev/tags/postern-reader", "proc"] {
            fs::create_dir_all(tree.dir.path().join(folder)).unwrap();
        }
        tree
    }

    pub fn path(&self, path: &str) -> PathBuf {
        self.dir.path().join(path)
    }

    /// A file with its folders.
    pub fn put(&self, path: &str, text: &str) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    pub fn places(&self) -> Places {
        Places {
            sys: self.path("sys"),
            dev: self.path("dev"),
            udev: self.path("udev"),
            proc: self.path("proc"),
        }
    }

    /// A port on USB, `ttyUSB0` with number 0 say, whose file leads to this terminal. It stands where it always stands.
    pub fn plug(&self, number: u8, terminal: &Path) -> PathBuf {
        let name = format!("ttyUSB{number}");
        let usb = format!("sys/devices/usb1/1-{number}");
        self.put(&format!("{usb}/idVendor"), "1a86\n");
        self.put(&format!("{usb}/product"), "USB Serial\n");
        self.put(&format!("{usb}/manufacturer"), "QinHeng\u{202e} Electronics\n");
        let port = format!("{usb}/1-{number}:1.0/{name}/tty/{name}");
        self.put(&format!("{port}/dev"), &format!("188:{number}\n"));
        let _ = fs::remove_file(self.path(&format!("{port}/device")));
        symlink(format!("../../../{name}"), self.path(&format!("{port}/device"))).unwrap();
        symlink(self.path(&port), self.path(&format!("sys/class/tty/{name}"))).unwrap();
        let device = self.path(&format!("dev/{name}"));
        symlink(terminal, &device).unwrap();
        symlink(&device, self.path(&format!("dev/serial/by-id/usb-1a86-port{number}"))).unwrap();
        device
    }

    /// It is pulled out.
    pub fn unplug(&self, number: u8) {
        for path in [
            format!("dev/serial/by-id/usb-1a86-port{number}"),
            format!("dev/ttyUSB{number}"),
            format!("sys/class/tty/ttyUSB{number}"),
        ] {
            fs::remove_file(self.path(&path)).unwrap();
        }
    }

    /// As our udev rule does.
    pub fn tag(&self, number: u8) {
        self.put(&format!("udev/tags/postern-reader/c188:{number}"), "");
    }
}
