//! A person at a line: postern-console on a PTY of its own, keys typed into it, and what it sends shown by a terminal emulator.
//! Counts every byte that comes over the line. Used by the end-to-end tests and by the benchmark.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{Read, Write};
use std::num::NonZero;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, poll};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

/// No byte for this long: the screen stands.
pub const QUIET: Duration = Duration::from_millis(120);
/// What a question, or a screen that came by itself, has stood for before a key counts there.
const READ: Duration = Duration::from_millis(600);
/// What stands on such screens.
const TO_READ: [&str; 10] = [
    "Esc or n: no",
    "This cannot be undone.",
    "| Log in",
    "| Step 1 of",
    "Enter makes a new key",
    "Enter sets its clock",
    "NOT WRITTEN",
    "It counts from now on",
    "Enter begins.",
    "waits for its code.",
];
/// How long anything may take to appear.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// What a key brought.
#[derive(Clone, Copy, Debug)]
pub struct Burst {
    /// Bytes over the line.
    pub bytes: usize,
    /// From the key to the last of them.
    pub took: Duration,
}

/// A console on a line.
pub struct Line {
    master: Option<File>,
    cut: Arc<AtomicBool>,
    /// Bytes a second that are taken from the line; 0: as they come.
    speed: Arc<AtomicU32>,
    reader: Option<JoinHandle<()>>,
    slave: PathBuf,
    child: Child,
    pieces: Receiver<(Instant, Vec<u8>)>,
    emulator: vt100::Parser,
    sent: Vec<u8>,
    /// Bytes that came over the line so far.
    pub bytes: usize,
    /// Keys that were pressed and counted.
    pub keys: usize,
    last: Instant,
    /// Nothing more can come.
    gone: bool,
}

/// Rows of the emulator's scroll-back.
const HISTORY: usize = 1000;

/// A new PTY pair of a size: the master and the path of the slave.
pub fn pair(columns: u16, rows: u16) -> (OwnedFd, PathBuf) {
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
    grantpt(&master).unwrap();
    unlockpt(&master).unwrap();
    let path = ptsname(&master, Vec::new()).unwrap();
    let size = Winsize {
        ws_col: columns,
        ws_row: rows,
        ws_xpixel: 0,
        ws_ypixel: 0,
    };
    tcsetwinsize(&master, size).unwrap();
    (master, PathBuf::from(path.to_str().unwrap()))
}

/// The emulator knows no size of nothing.
fn some(size: u16) -> NonZero<u16> {
    NonZero::new(size).unwrap_or(NonZero::<u16>::MIN)
}

impl Line {
    /// Starts the console on a line of this size, with arguments more. With a controlling terminal, as a login on a line has.
    pub fn open<S: AsRef<OsStr>>(console: &Path, columns: u16, rows: u16, arguments: &[S]) -> Line {
        Self::open_with(console, columns, rows, arguments, &[])
    }

    /// The same with an environment.
    pub fn open_with<S: AsRef<OsStr>>(
        console: &Path,
        columns: u16,
        rows: u16,
        arguments: &[S],
        environment: &[(&str, &str)],
    ) -> Line {
        let (master, slave) = pair(columns, rows);
        let tty = || Stdio::from(File::options().read(true).write(true).open(&slave).unwrap());
        let child = Command::new("setsid")
            .args(["--ctty", "--wait"])
            .arg(console)
            .args(arguments)
            .env("TERM", "vt220")
            .envs(environment.iter().copied())
            .stdin(tty())
            .stdout(tty())
            .stderr(tty())
            .spawn()
            .unwrap();
        Self::over(master, slave, child, columns, rows)
    }

    /// Over a PTY on which a child runs.
    pub fn over(master: OwnedFd, slave: PathBuf, child: Child, columns: u16, rows: u16) -> Line {
        let master = File::from(master);
        let mut copy = master.try_clone().unwrap();
        let (sender, pieces) = channel();
        let cut = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&cut);
        let speed = Arc::new(AtomicU32::new(0));
        let pace = Arc::clone(&speed);
        let reader = std::thread::spawn(move || {
            let mut buffer = [0; 65_536];
            while !told.load(Ordering::Acquire) {
                let mut wait = [PollFd::new(copy.as_fd(), PollFlags::POLLIN)];
                match poll(&mut wait, 20_u8) {
                    Ok(0) | Err(nix::errno::Errno::EINTR) => continue,
                    Ok(_) => {}
                    Err(_) => return,
                }
                // A twentieth of a second at a time, so that what waits stands before the line, as on a real one.
                let pace = pace.load(Ordering::Acquire);
                let most = match pace {
                    0 => buffer.len(),
                    pace => (pace as usize / 20).max(1),
                };
                if pace > 0 {
                    std::thread::sleep(Duration::from_millis(50));
                }
                match copy.read(&mut buffer[..most]) {
                    Ok(count @ 1..) if sender.send((Instant::now(), buffer[..count].to_vec())).is_ok() => {}
                    _ => return,
                }
            }
        });
        Line {
            master: Some(master),
            cut,
            speed,
            reader: Some(reader),
            slave,
            child,
            pieces,
            emulator: vt100::Parser::new(some(rows), some(columns), HISTORY),
            sent: Vec::new(),
            bytes: 0,
            keys: 0,
            last: Instant::now(),
            gone: false,
        }
    }

    /// The program that draws: the only child of the keeper, which is what was started.
    pub fn console_pid(&self) -> i32 {
        let id = self.child.id();
        let children = std::fs::read_to_string(format!("/proc/{id}/task/{id}/children")).unwrap_or_default();
        let child = children.split_whitespace().next().and_then(|pid| pid.parse().ok());
        child.unwrap_or_else(|| i32::try_from(id).unwrap())
    }

    /// Takes so many bytes a second from the line, as a serial port does; none: as they come.
    pub fn throttle(&mut self, bytes_a_second: Option<u32>) {
        self.speed.store(bytes_a_second.unwrap_or(0), Ordering::Release);
    }

    /// The path of the line.
    pub fn path(&self) -> &Path {
        &self.slave
    }

    /// Types text as it is; where a question stands, after it was read.
    pub fn send(&mut self, text: &str) {
        self.read();
        let master = self.master.as_mut().unwrap();
        master.write_all(text.as_bytes()).unwrap();
        master.flush().unwrap();
    }

    /// Reads a question, as a person does.
    pub fn read(&mut self) {
        loop {
            self.take(Duration::ZERO);
            let screen = self.screen();
            let left = READ.saturating_sub(self.last.elapsed());
            if left.is_zero() || !TO_READ.iter().any(|words| screen.contains(words)) {
                return;
            }
            self.take(left);
        }
    }

    /// Presses one key that counts.
    pub fn key(&mut self, key: &str) {
        self.keys += 1;
        self.send(key);
    }

    /// Types, waits until the screen stands, and says what came.
    pub fn press(&mut self, keys: &str) -> Burst {
        self.read();
        let (before, start) = (self.bytes, Instant::now());
        self.send(keys);
        self.settle();
        let took = match self.bytes > before {
            true => self.last.saturating_duration_since(start),
            false => Duration::ZERO,
        };
        Burst {
            bytes: self.bytes - before,
            took,
        }
    }

    /// Waits until nothing has come for [`QUIET`].
    pub fn settle(&mut self) {
        let end = Instant::now() + PATIENCE;
        while self.take(QUIET) && Instant::now() < end {}
    }

    /// Takes what comes within a time; false if nothing did.
    fn take(&mut self, wait: Duration) -> bool {
        let mut any = false;
        let mut wait = wait;
        loop {
            match self.pieces.recv_timeout(wait) {
                Ok((at, piece)) => {
                    self.bytes += piece.len();
                    self.last = at;
                    self.emulator.process(&piece);
                    self.sent.extend(piece);
                    (any, wait) = (true, Duration::ZERO);
                }
                Err(RecvTimeoutError::Timeout) => return any,
                Err(RecvTimeoutError::Disconnected) => {
                    self.gone = true;
                    std::thread::sleep(wait);
                    return any;
                }
            }
        }
    }

    /// What stands on the screen.
    pub fn screen(&self) -> String {
        self.emulator.screen().contents()
    }

    /// What stands on the screen with its formatting, for those who look at the cells.
    pub fn emulator(&self) -> &vt100::Parser {
        &self.emulator
    }

    /// What can be seen by scrolling up, and the screen below it.
    pub fn history(&mut self) -> String {
        let screen = self.emulator.screen_mut();
        let mut out = String::new();
        for above in (0..=screen.scrollback_len()).rev() {
            screen.set_scrollback(above);
            out.push_str(screen.contents().lines().next().unwrap_or_default());
            out.push('\n');
        }
        out + &screen.contents()
    }

    /// What came over the line since its first `from` bytes.
    pub fn since(&self, from: usize) -> &[u8] {
        &self.sent[from..]
    }

    /// Cells that are no blanks.
    pub fn filled(&self) -> usize {
        self.screen().chars().filter(|c| !c.is_whitespace()).count()
    }

    /// Waits until a text stands on the screen; says whether it came.
    pub fn sees(&mut self, text: &str) -> bool {
        self.sees_within(text, PATIENCE)
    }

    /// The same with a bound of one's own.
    pub fn sees_within(&mut self, text: &str, bound: Duration) -> bool {
        let end = Instant::now() + bound;
        while !self.screen().contains(text) {
            if Instant::now() >= end || self.gone {
                return false;
            }
            self.take(Duration::from_millis(20));
        }
        true
    }

    /// Bytes that have come so far.
    pub fn came(&self) -> usize {
        self.bytes
    }

    /// Waits until these bytes have come over the line since its first `from`, wherever they were drawn; says whether they came.
    pub fn comes_within(&mut self, from: usize, words: &str, bound: Duration) -> bool {
        let end = Instant::now() + bound;
        let words = words.as_bytes();
        while !self.sent[from..].windows(words.len()).any(|piece| piece == words) {
            if Instant::now() >= end || self.gone {
                return false;
            }
            self.take(Duration::from_millis(20));
        }
        true
    }

    /// Must see the text.
    pub fn expect(&mut self, text: &str) {
        assert!(self.sees(text), "{text:?} did not appear:\n{}", self.screen());
    }

    /// Waits until a text is gone from the screen.
    pub fn expect_gone(&mut self, text: &str) {
        let end = Instant::now() + PATIENCE;
        while self.screen().contains(text) {
            assert!(Instant::now() < end, "{text:?} did not go:\n{}", self.screen());
            self.take(Duration::from_millis(20));
        }
    }

    /// Changes the size of the line, as a terminal window does.
    pub fn resize(&mut self, columns: u16, rows: u16) {
        let size = Winsize {
            ws_col: columns,
            ws_row: rows,
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        tcsetwinsize(self.master.as_ref().unwrap(), size).unwrap();
        self.emulator.screen_mut().set_size(some(rows), some(columns));
    }

    /// When the last byte came.
    pub fn last_at(&self) -> Instant {
        self.last
    }

    /// SIGTERM, and waits for the end.
    pub fn end(&mut self) {
        self.signal(nix::sys::signal::Signal::SIGTERM);
        assert!(self.ended(PATIENCE).is_some(), "the console does not end");
    }

    /// A signal to the program that was started on the line: the keeper.
    pub fn signal(&self, signal: nix::sys::signal::Signal) {
        let pid = i32::try_from(self.child.id()).unwrap();
        nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), signal).unwrap();
    }

    /// A signal to the program that draws: the keeper's child.
    pub fn signal_console(&self, signal: nix::sys::signal::Signal) {
        nix::sys::signal::kill(nix::unistd::Pid::from_raw(self.console_pid()), signal).unwrap();
    }

    /// The line is cut: the master closes. Answers how long the process lived on, none if longer than `bound`.
    pub fn hang_up(&mut self, bound: Duration) -> Option<Duration> {
        // The reader holds a copy of the master: it must go first.
        self.stop_reading();
        self.master = None;
        let start = Instant::now();
        self.ended(bound).map(|_| start.elapsed())
    }

    /// Nothing that comes is taken any more.
    fn stop_reading(&mut self) {
        self.cut.store(true, Ordering::Release);
        if let Some(reader) = self.reader.take() {
            let _ = reader.join();
        }
    }

    /// Waits for the end of the process; its exit status, none if it does not come.
    pub fn ended(&mut self, bound: Duration) -> Option<i32> {
        let end = Instant::now() + bound;
        loop {
            self.take(Duration::from_millis(5));
            if let Some(status) = self.child.try_wait().unwrap() {
                return Some(status.code().unwrap_or(-1));
            }
            if Instant::now() >= end {
                return None;
            }
        }
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        if self.child.try_wait().ok().flatten().is_none() {
            let pid = nix::unistd::Pid::from_raw(self.console_pid());
            let _ = nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGKILL);
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
        self.stop_reading();
    }
}

/// Keys as a terminal sends them.
pub mod key {
    pub const UP: &str = "\x1b[A";
    pub const DOWN: &str = "\x1b[B";
    pub const RIGHT: &str = "\x1b[C";
    pub const LEFT: &str = "\x1b[D";
    pub const ENTER: &str = "\r";
    pub const ESC: &str = "\x1b";
    pub const TAB: &str = "\t";
    pub const CTRL_L: &str = "\x0c";
}
