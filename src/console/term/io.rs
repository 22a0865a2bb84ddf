//! The two threads of a line. In: the device, the signals, frames; out: [`LineEvent`]s on the runner's own channel. A line that stalls
//! stops the writer alone, and a line that is gone is told once and ends the reader: no read is ever repeated on it.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use parking_lot::{Condvar, Mutex};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

use zeroize::Zeroizing;

use super::keys::{Input, Keys};
use super::tty::{Device, Tty};

/// Silence that ends an unfinished sequence: at 9600 baud its bytes come a millisecond apart.
pub const SILENCE: Duration = Duration::from_millis(50);
/// Bytes read at once.
const READ: usize = 1_024;
/// Bytes written at once: so long a writer keeps others from their turn.
const WRITE: usize = 512;
/// How often a writer on a stalled line looks whether its frame is still wanted.
const LOOK_UP: Duration = Duration::from_millis(100);

/// What happens on a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LineEvent {
    /// Keys and sizes, in their order.
    Inputs(Vec<Input>),
    /// The line is gone. Told once; nothing comes from it any more.
    HangUp,
    /// SIGTERM or SIGINT.
    Terminate,
    /// SIGWINCH: the kernel has another size.
    Resized,
    /// A frame has left.
    Drained,
}

/// Blocks SIGTERM, SIGINT, SIGHUP and SIGWINCH in this thread and all that it starts from now on, to be read from what is returned.
/// Called before any thread is started. SIGTTOU is blocked too: giving the line back must not stop a process in the background.
pub fn block_signals() -> io::Result<SignalFd> {
    let mut told = SigSet::empty();
    for signal in [Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP, Signal::SIGWINCH] {
        told.add(signal);
    }
    let mut blocked = told;
    blocked.add(Signal::SIGTTOU);
    blocked.thread_block()?;
    Ok(SignalFd::with_flags(
        &told,
        SfdFlags::SFD_NONBLOCK | SfdFlags::SFD_CLOEXEC,
    )?)
}

/// Starts the thread that reads the line. It ends at the hang-up, or when nobody listens any more.
pub fn spawn_reader<E>(tty: &Tty, signals: SignalFd, sender: Sender<E>) -> io::Result<JoinHandle<()>>
where
    E: From<LineEvent> + Send + 'static,
{
    let device = tty.device();
    std::thread::Builder::new()
        .name("line-reader".to_owned())
        .spawn(move || read(&device, &signals, &sender))
}

/// What a look at the line brought.
enum Found {
    Bytes(usize),
    Nothing,
    Gone,
}

pub(super) fn read<E: From<LineEvent>>(device: &Device, signals: &SignalFd, sender: &Sender<E>) {
    let mut keys = Keys::default();
    let mut heard = Instant::now();
    let mut buffer = [0; READ];
    loop {
        let silence = keys
            .waiting()
            .then(|| SILENCE.saturating_sub(heard.elapsed()))
            .and_then(|left| Timespec::try_from(left).ok());
        let mut fds = [
            PollFd::from_borrowed_fd(device.fd(), PollFlags::IN),
            PollFd::new(signals, PollFlags::IN),
        ];
        let polled = poll(&mut fds, silence.as_ref());
        let [line, _] = fds.map(|fd| fd.revents());
        let mut events = Vec::new();
        let mut gone = signalled(signals, &mut events);
        match found(device, polled, line, &mut buffer) {
            Found::Bytes(count) => {
                heard = Instant::now();
                told(keys.feed(buffer.get(..count).unwrap_or_default()), &mut events);
            }
            Found::Nothing if keys.waiting() && heard.elapsed() >= SILENCE => {
                heard = Instant::now();
                told(keys.timeout(), &mut events);
            }
            Found::Nothing => {}
            Found::Gone => gone = true,
        }
        if gone {
            events.push(LineEvent::HangUp);
        }
        for event in events {
            if sender.send(event.into()).is_err() {
                return;
            }
        }
        if gone {
            return;
        }
    }
}

fn told(inputs: Vec<Input>, events: &mut Vec<LineEvent>) {
    if !inputs.is_empty() {
        events.push(LineEvent::Inputs(inputs));
    }
}

fn found(device: &Device, polled: rustix::io::Result<usize>, line: PollFlags, buffer: &mut [u8]) -> Found {
    match polled {
        Ok(_) => {}
        Err(Errno::INTR | Errno::AGAIN) => return Found::Nothing,
        // Without poll the line could only be read in a spin.
        Err(_) => return Found::Gone,
    }
    if line.contains(PollFlags::IN) {
        match rustix::io::read(device.fd(), &mut *buffer) {
            Ok(0) => return Found::Gone,
            Ok(count) => return Found::Bytes(count),
            Err(Errno::INTR | Errno::AGAIN) => {}
            Err(_) => return Found::Gone,
        }
    }
    if line.intersects(PollFlags::HUP | PollFlags::ERR | PollFlags::NVAL) {
        return Found::Gone;
    }
    Found::Nothing
}

/// The signals that came; whether the line hung up.
fn signalled(signals: &SignalFd, events: &mut Vec<LineEvent>) -> bool {
    let mut gone = false;
    while let Ok(Some(signal)) = signals.read_signal() {
        match i32::try_from(signal.ssi_signo).map(Signal::try_from) {
            Ok(Ok(Signal::SIGHUP)) => gone = true,
            Ok(Ok(Signal::SIGWINCH)) => events.push(LineEvent::Resized),
            _ => events.push(LineEvent::Terminate),
        }
    }
    gone
}

/// Frames on their way to a line.
pub struct Writer {
    shared: Arc<Shared>,
}

struct Shared {
    device: Arc<Device>,
    queue: Mutex<Queue>,
    wake: Condvar,
}

#[derive(Default)]
struct Queue {
    frames: VecDeque<Zeroizing<Vec<u8>>>,
    /// A frame is being written.
    busy: bool,
    /// Counts the calls of `discard`: a frame of another count is no longer wanted.
    discarded: u64,
    /// The writer was dropped, or the line is gone.
    closed: bool,
}

/// Starts the thread that writes to the line.
pub fn spawn_writer<E>(tty: &Tty, sender: Sender<E>) -> io::Result<Writer>
where
    E: From<LineEvent> + Send + 'static,
{
    let shared = Arc::new(Shared {
        device: tty.device(),
        queue: Mutex::default(),
        wake: Condvar::new(),
    });
    let thread = Arc::clone(&shared);
    std::thread::Builder::new()
        .name("line-writer".to_owned())
        .spawn(move || thread.write(&sender))?;
    Ok(Writer { shared })
}

impl Writer {
    /// Sends a frame after those before it. Never waits. An empty frame is none, and a line that is gone takes none.
    pub fn send(&self, frame: impl Into<Zeroizing<Vec<u8>>>) {
        let frame = frame.into();
        let mut queue = self.shared.queue.lock();
        if !frame.is_empty() && !queue.closed {
            queue.frames.push_back(frame);
            self.shared.wake.notify_one();
        }
    }

    /// Whether everything that was sent has left.
    pub fn idle(&self) -> bool {
        let queue = self.shared.queue.lock();
        queue.frames.is_empty() && !queue.busy
    }

    /// Drops what has not left yet, the frame that is half written too: what the terminal shows is not known after it. It waits for
    /// nothing; the writer lets go of a stalled line within a tenth of a second.
    pub fn discard(&self) {
        self.shared.device.discard(|| {
            let mut queue = self.shared.queue.lock();
            queue.discarded += 1;
            queue.frames.clear();
        });
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.shared.queue.lock().closed = true;
        self.shared.wake.notify_one();
    }
}

impl Shared {
    fn write<E: From<LineEvent>>(&self, sender: &Sender<E>) {
        while let Some((frame, count)) = self.next() {
            let written = self.write_frame(&frame, count);
            if let Ok(true) = written {
                self.device.drain();
            }
            let mut queue = self.queue.lock();
            queue.busy = false;
            queue.closed |= written.is_err();
            drop(queue);
            // What was discarded has left too: the runner need not wait for it.
            if written.is_ok() && sender.send(LineEvent::Drained.into()).is_err() {
                return;
            }
        }
    }

    /// The next frame and the count of discards it belongs to; `None` at the end.
    fn next(&self) -> Option<(Zeroizing<Vec<u8>>, u64)> {
        let mut queue = self.queue.lock();
        loop {
            if queue.closed {
                queue.frames.clear();
                return None;
            }
            if let Some(frame) = queue.frames.pop_front() {
                queue.busy = true;
                return Some((frame, queue.discarded));
            }
            self.wake.wait(&mut queue);
        }
    }

    /// Whether the whole frame was written; an error if the line is gone.
    fn write_frame(&self, frame: &[u8], count: u64) -> rustix::io::Result<bool> {
        let wanted = || {
            let queue = self.queue.lock();
            queue.discarded == count && !queue.closed
        };
        let mut rest = frame;
        while !rest.is_empty() {
            let piece = rest.get(..WRITE).unwrap_or(rest);
            match self.device.write(piece, wanted) {
                Ok(Some(count)) => rest = rest.get(count..).unwrap_or_default(),
                Ok(None) => return Ok(false),
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => self.device.writable(LOOK_UP),
                Err(error) => return Err(error),
            }
        }
        Ok(true)
    }
}
