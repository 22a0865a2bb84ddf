//! The device of a line: opened, made raw, given back as it was. In: a path, or standard input's own terminal, and the settings of the
//! line; out: a [`Tty`] that others read and write. It decides nothing about what is written, except for the last bytes of all, which
//! leave nothing on the screen and the terminal as a shell wants it.
//!
//! The termios are ours, not systemd's and not agetty's:
//!
//! - 8 bits, no parity, one stop bit, receiver on; a byte with a framing error and a break are dropped, so that noise is no key
//! - no Ctrl-S: a freeze that nobody at a helpdesk would understand; a terminal too slow for its line asks for it by [`Flow`]
//! - CLOCAL off, so that a modem or a terminal server that drops carrier hangs up and the session ends. A three-wire cable that never
//!   had carrier loses nothing by it: only the fall of carrier hangs up, and the device is opened without waiting for it. Where the
//!   pin floats, [`Settings::carrier`] turns it off
//! - HUPCL as it was: whether the modem is told when we end is the port's owner's business
//!
//! The device is opened anew where that is possible, so that its flags (no blocking) are ours alone.

use std::fmt;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{Mode, OFlags, fcntl_getfl, fcntl_setfl, open};
use rustix::io::{Errno, fcntl_dupfd_cloexec};
use rustix::termios::{
    ControlModes, InputModes, OptionalActions, QueueSelector, SpecialCodeIndex, Termios, Winsize, isatty, tcdrain,
    tcflush, tcgetattr, tcgetwinsize, tcsetattr, tcsetwinsize, ttyname,
};

use super::SANE;

/// What is written before the first frame. It ends what another program left unfinished, chooses ASCII as both character sets,
/// and turns off margins, origin, insert and newline mode, smooth scrolling, wrapping, and the keypad's and arrows' other codes;
/// it sets the tab stops where they always were and has pastes marked. A terminal ignores what it does not know. It moves the cursor:
/// the next frame is one after [`Line::forget`](super::backend::Line::forget).
pub const ENTER: &[u8] = b"\x18\x0f\x1b(B\x1b[r\x1b[?6l\x1b[4l\x1b[20l\x1b[?4l\x1b[?7l\x1b[?1l\x1b>\x1b[?5W\x1b[?2004h";

/// What is written last. The rows are erased from below before the whole screen is, since several terminals keep what a whole screen
/// held in their scroll-back; then the scroll-back goes where the terminal can.
pub const LEAVE: &[u8] =
    b"\x18\x0f\x1b(B\x1b[r\x1b[?6l\x1b[4l\x1b[m\x1b[2H\x1b[J\x1b[H\x1b[K\x1b[2J\x1b[3J\x1b[?7h\x1b[?2004l\x1b[?25h";

/// The baud rates that can be asked for.
pub const BAUDS: [u32; 5] = [9_600, 19_200, 38_400, 57_600, 115_200];

/// How long leaving may wait for a line that takes no bytes, and then for the bytes to be out: at 9600 baud the last ones take 80 ms.
const LEAVE_WRITE: Duration = Duration::from_millis(40);
const LEAVE_DRAIN: Duration = Duration::from_millis(110);
/// How long leaving waits for a thread that is in a call of `write`.
const LEAVE_TURN: Duration = Duration::from_millis(30);

/// How a terminal that is too slow holds us up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Flow {
    /// Not at all.
    #[default]
    None,
    /// It sends XOFF and XON, and so does anybody who presses Ctrl-S and Ctrl-Q.
    XonXoff,
    /// By RTS and CTS. With a cable that lacks them nothing is ever sent.
    RtsCts,
}

/// The settings of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// One of [`BAUDS`], or as it is.
    pub baud: Option<u32>,
    /// Flow control.
    pub flow: Flow,
    /// Whether the fall of carrier hangs up.
    pub carrier: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            baud: None,
            flow: Flow::None,
            carrier: true,
        }
    }
}

/// What sort of device a line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A screen and keyboard of this machine.
    Console,
    /// A serial line: the kernel does not know how large the terminal is.
    Serial,
    /// A pseudo-terminal: SSH, tmux, a window.
    Pseudo,
}

impl Kind {
    fn of(path: &Path) -> Self {
        let name = path.to_string_lossy();
        let number = name.strip_prefix("/dev/tty").unwrap_or("serial");
        if name.starts_with("/dev/pts/") {
            Self::Pseudo
        } else if !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()) {
            Self::Console
        } else {
            Self::Serial
        }
    }
}

/// Why a line cannot be used, and what to do.
#[derive(Debug, thiserror::Error)]
pub enum TtyError {
    /// The device cannot be opened.
    #[error("the terminal {} cannot be opened ({error}): name a terminal of this machine that this user may use", path.display())]
    Open {
        /// Which.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// It is a file, a pipe or another device.
    #[error("{0} is no terminal: start the console on one, or name one with --tty")]
    NoTerminal(String),
    /// Not one of [`BAUDS`].
    #[error("a line cannot have {0} baud here: choose 9600, 19200, 38400, 57600 or 115200")]
    Baud(u32),
    /// The driver refuses.
    #[error("the terminal {} does not take its settings ({error}): look whether something else holds it", path.display())]
    Settings {
        /// Which.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
}

/// An open line in raw mode. Dropping it gives the line back.
pub struct Tty {
    device: Arc<Device>,
}

/// A second handle, for a panic hook: gives the line back from any thread.
#[derive(Clone)]
pub struct Restorer {
    device: Arc<Device>,
}

/// What the reader, the writer and the handles share.
pub(super) struct Device {
    fd: OwnedFd,
    path: PathBuf,
    kind: Kind,
    original: Termios,
    /// The flags that others share with us, where the device could not be opened anew.
    flags: Option<OFlags>,
    /// Held for each call of `write`. True once the last bytes are written: nothing may follow them.
    left: Mutex<bool>,
}

impl Tty {
    /// Opens the device at `path`, or anew the terminal that standard input is, and makes it raw. What was typed before is dropped:
    /// a freshly booted machine may have asked the line for its size, and the answer is for nobody.
    pub fn open(path: Option<&Path>, settings: Settings) -> Result<Self, TtyError> {
        if let Some(baud) = settings.baud.filter(|baud| !BAUDS.contains(baud)) {
            return Err(TtyError::Baud(baud));
        }
        Self::take(path, Some(settings))
    }

    /// Opens the same device and leaves it as it is, to give it back after somebody else who did not.
    pub fn watch(path: Option<&Path>) -> Result<Self, TtyError> {
        Self::take(path, None)
    }

    fn take(path: Option<&Path>, settings: Option<Settings>) -> Result<Self, TtyError> {
        let (fd, path, flags) = match path {
            Some(path) => (device(path)?, path.to_owned(), None),
            None => inherited()?,
        };
        if !isatty(&fd) {
            return Err(TtyError::NoTerminal(path.display().to_string()));
        }
        let refused = |error: Errno| TtyError::Settings {
            path: path.clone(),
            error: error.into(),
        };
        let original = tcgetattr(&fd).map_err(refused)?;
        if let Some(settings) = settings {
            let raw = raw(&original, settings).map_err(refused)?;
            tcsetattr(&fd, OptionalActions::Now, &raw).map_err(refused)?;
            // Nothing depends on it: what stays is read as keys.
            let _ = tcflush(&fd, QueueSelector::IFlush);
        }
        let kind = Kind::of(&std::fs::canonicalize(&path).unwrap_or_else(|_| path.clone()));
        Ok(Self {
            device: Arc::new(Device {
                fd,
                path,
                kind,
                original,
                flags,
                left: Mutex::new(false),
            }),
        })
    }

    /// The line's name: its path without `/dev/`.
    pub fn name(&self) -> String {
        let path = self.device.path.to_string_lossy();
        path.strip_prefix("/dev/").unwrap_or(&path).to_owned()
    }

    /// The device's path.
    pub fn path(&self) -> &Path {
        &self.device.path
    }

    /// What sort of device it is.
    pub fn kind(&self) -> Kind {
        self.device.kind
    }

    /// The size the kernel has for it, columns and rows, if it can be one.
    pub fn kernel_size(&self) -> Option<(u16, u16)> {
        let size = tcgetwinsize(&self.device.fd).ok()?;
        (SANE.contains(&size.ws_col) && SANE.contains(&size.ws_row)).then_some((size.ws_col, size.ws_row))
    }

    /// Tells the kernel the size, which tells everybody on the line by SIGWINCH. Nothing happens if it knew.
    pub fn set_kernel_size(&self, columns: u16, rows: u16) {
        if self.kernel_size() == Some((columns, rows)) {
            return;
        }
        let size = Winsize {
            ws_col: columns,
            ws_row: rows,
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        // A line that does not keep it is asked again the next time.
        let _ = tcsetwinsize(&self.device.fd, size);
    }

    /// A handle for a panic hook.
    pub fn restorer(&self) -> Restorer {
        Restorer {
            device: Arc::clone(&self.device),
        }
    }

    /// Gives the line back: [`LEAVE`] is written, the termios are as they were, and nothing is written after it. It takes 200 ms at
    /// most, whatever the line does; a second call does nothing.
    pub fn restore(&self) {
        Device::leave(&self.device);
    }

    pub(super) fn device(&self) -> Arc<Device> {
        Arc::clone(&self.device)
    }
}

impl Restorer {
    /// As [`Tty::restore`].
    pub fn restore(&self) {
        Device::leave(&self.device);
    }
}

impl Drop for Tty {
    fn drop(&mut self) {
        self.restore();
    }
}

impl fmt::Debug for Tty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tty")
            .field("path", &self.device.path)
            .finish_non_exhaustive()
    }
}

/// Opens a device without waiting for carrier and without making it the process's own terminal.
fn device(path: &Path) -> Result<OwnedFd, TtyError> {
    let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::NONBLOCK | OFlags::CLOEXEC;
    open(path, flags, Mode::empty()).map_err(|error| TtyError::Open {
        path: path.to_owned(),
        error: error.into(),
    })
}

/// Standard input's terminal: opened anew, or as it is where that is not allowed.
fn inherited() -> Result<(OwnedFd, PathBuf, Option<OFlags>), TtyError> {
    let input = rustix::stdio::stdin();
    if !isatty(input) {
        return Err(TtyError::NoTerminal("standard input".to_owned()));
    }
    let path = ttyname(input, Vec::new())
        .ok()
        .and_then(|name| name.into_string().ok())
        .map_or_else(|| PathBuf::from("/dev/tty"), PathBuf::from);
    if let Ok(fd) = device(&path) {
        return Ok((fd, path, None));
    }
    let taken = fcntl_dupfd_cloexec(input, 3).and_then(|fd| {
        let flags = fcntl_getfl(&fd)?;
        fcntl_setfl(&fd, flags | OFlags::NONBLOCK)?;
        Ok((fd, flags))
    });
    match taken {
        Ok((fd, flags)) => Ok((fd, path, Some(flags))),
        Err(error) => Err(TtyError::Open {
            path,
            error: error.into(),
        }),
    }
}

fn raw(original: &Termios, settings: Settings) -> rustix::io::Result<Termios> {
    let mut raw = original.clone();
    raw.make_raw();
    raw.input_modes.insert(InputModes::IGNBRK | InputModes::IGNPAR);
    raw.input_modes
        .remove(InputModes::IXON | InputModes::IXOFF | InputModes::IXANY);
    raw.control_modes.insert(ControlModes::CREAD);
    raw.control_modes
        .remove(ControlModes::CSTOPB | ControlModes::CRTSCTS | ControlModes::CLOCAL);
    match settings.flow {
        Flow::None => {}
        Flow::XonXoff => raw.input_modes.insert(InputModes::IXON),
        Flow::RtsCts => raw.control_modes.insert(ControlModes::CRTSCTS),
    }
    if !settings.carrier {
        raw.control_modes.insert(ControlModes::CLOCAL);
    }
    raw.special_codes[SpecialCodeIndex::VMIN] = 1;
    raw.special_codes[SpecialCodeIndex::VTIME] = 0;
    if let Some(baud) = settings.baud {
        raw.set_speed(baud)?;
    }
    Ok(raw)
}

impl Device {
    pub(super) fn fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }

    /// Writes what the device takes now; `None` if `may` says no, or if the line was given back. `may` is asked while nobody else
    /// writes. Never waits for the line.
    pub(super) fn write(&self, bytes: &[u8], may: impl FnOnce() -> bool) -> rustix::io::Result<Option<usize>> {
        let left = self.left.lock();
        if *left || !may() {
            return Ok(None);
        }
        rustix::io::write(&self.fd, bytes).map(Some)
    }

    /// Drops what the kernel has not sent yet, after `before`; both while nobody writes.
    pub(super) fn discard(&self, before: impl FnOnce()) {
        let _turn = self.left.lock();
        before();
        let _ = tcflush(&self.fd, QueueSelector::OFlush);
    }

    /// Waits until the line takes bytes; at most `limit`.
    pub(super) fn writable(&self, limit: Duration) {
        let limit = Timespec::try_from(limit).ok();
        let _ = poll(&mut [PollFd::new(&self.fd, PollFlags::OUT)], limit.as_ref());
    }

    /// Waits until every byte has left.
    pub(super) fn drain(&self) {
        let _ = tcdrain(&self.fd);
    }

    fn leave(device: &Arc<Self>) {
        {
            // A writer never holds it for longer than one call that does not wait. Should it, the screen is worth more than its turn.
            let turn = device.left.try_lock_for(LEAVE_TURN);
            match turn {
                Some(mut left) if !*left => *left = true,
                Some(_) => return,
                None => {}
            }
        }
        let sent = device.write_last() && Self::drained(device);
        if !sent && device.kind != Kind::Pseudo {
            // Closing a serial line waits up to half a minute for bytes that cannot leave.
            let _ = tcflush(&device.fd, QueueSelector::OFlush);
        }
        let _ = tcsetattr(&device.fd, OptionalActions::Now, &device.original);
        if let Some(flags) = device.flags {
            let _ = fcntl_setfl(&device.fd, flags);
        }
    }

    /// Whether the last bytes are in the kernel's hands.
    fn write_last(&self) -> bool {
        if !self.takes_bytes() {
            // A frame that is still queued is about to be erased.
            let _ = tcflush(&self.fd, QueueSelector::OFlush);
        }
        let until = Instant::now() + LEAVE_WRITE;
        let mut rest = LEAVE;
        while !rest.is_empty() {
            match rustix::io::write(&self.fd, rest) {
                Ok(count) => rest = rest.get(count..).unwrap_or_default(),
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => {
                    let left = until.saturating_duration_since(Instant::now());
                    if left.is_zero() {
                        return false;
                    }
                    self.writable(left);
                }
                Err(_) => return false,
            }
        }
        true
    }

    fn takes_bytes(&self) -> bool {
        let mut fds = [PollFd::new(&self.fd, PollFlags::OUT)];
        let ready = poll(&mut fds, Some(&Timespec::default()));
        ready.is_ok() && fds.iter().any(|fd| fd.revents().contains(PollFlags::OUT))
    }

    /// Waits for the bytes to leave, in a thread of its own since that cannot be limited.
    fn drained(device: &Arc<Self>) -> bool {
        let (done, wait) = mpsc::channel();
        let line = Arc::clone(device);
        let thread = std::thread::Builder::new().name("line-drain".to_owned());
        let started = thread.spawn(move || {
            line.drain();
            let _ = done.send(());
        });
        started.is_ok() && wait.recv_timeout(LEAVE_DRAIN).is_ok()
    }
}
