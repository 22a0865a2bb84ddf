//! The loop of the console: events in, frames out. It alone owns the state, the line and the link. It draws only what changed, only
//! when the last frame has left (so a slow line is never behind by more than one frame), and when nobody is at work at most twice
//! a second.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use jiff::tz::TimeZone;
use ratatui::Terminal;
use ratatui::layout::Rect;

use super::app::App;
use super::args::{Args, guess};
use super::caps::Caps;
use super::event::{Effect, Event, Now};
use super::lines::Lines;
use super::link::Link;
use super::readers::Readers;
use super::record::Recorder;
use super::screen::Context;
use super::screens::sticks;
use super::term::backend::Line;
use super::term::io::{LineEvent, Writer, block_signals, spawn_reader, spawn_writer};
use super::term::keys::Input;
use super::term::probe::{Ask, Probe};
use super::term::tty::{ENTER, Kind, Settings, Tty};
use crate::control::Timestamp;
use crate::tokens::desk;
use crate::tokens::find;

/// Time between two ticks.
const TICK: Duration = Duration::from_secs(1);
/// When nobody is at work, a frame at most so often.
const CALM: Duration = Duration::from_millis(500);
/// After a key somebody is at work for so long: the answer to it comes at once.
const LIVELY: Duration = Duration::from_secs(1);
/// After it was asked, a line may say its size so late.
const LATE: Duration = Duration::from_secs(3);
/// Events that are taken in before a frame is drawn.
const AT_ONCE: usize = 256;

/// What comes in over the one channel.
enum Message {
    Line(LineEvent),
    Link(Event),
    Reader(desk::Told),
}

impl From<LineEvent> for Message {
    fn from(event: LineEvent) -> Self {
        Self::Line(event)
    }
}

/// How the loop ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// The line is gone: nothing more can be written to it.
    HangUp,
    /// Asked to end, by a signal or a key.
    Asked,
}

/// The whole console, from the line to its end.
///
/// # Errors
/// The line could not be opened or set up, or the record's file could not be made.
pub fn run(args: &Args) -> anyhow::Result<()> {
    // Before any thread starts: they all inherit it.
    let signals = block_signals()?;
    let tty = Tty::open(
        args.tty.as_deref(),
        Settings {
            baud: args.baud,
            flow: args.flow.into(),
            carrier: !args.no_carrier,
        },
    )?;
    restore_on_panic(&tty);
    let (sender, receiver) = mpsc::channel::<Message>();
    let lines = Lines::new(args.state_dir.as_deref());
    let line = tty.name();
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"]
        .iter()
        .find_map(|name| std::env::var(name).ok().filter(|value| !value.is_empty()))
        .unwrap_or_default();
    let caps = args
        .caps
        .map(Caps::from)
        .or_else(|| lines.get(&line))
        .unwrap_or_else(|| guess(tty.kind(), &locale));
    let size = tty.kernel_size().or(args.size).unwrap_or((80, 24));
    let start = Instant::now();
    let context = Context {
        now: now(start),
        zone: TimeZone::system(),
        caps,
        size,
        session: None,
        hello: None,
        up: false,
        troubles: Vec::new(),
        silent: None,
        line: line.clone(),
        import_dirs: import_dirs(args),
        qr_inverted: false,
    };
    let recorder = match &args.record {
        Some(path) => Some(Recorder::new(BufWriter::new(record_file(path)?), &context)?),
        None => None,
    };
    spawn_reader(&tty, signals, sender.clone())?;
    let writer = spawn_writer(&tty, sender.clone())?;
    let readers = Readers::new(readers_of(args, &line), {
        let sender = sender.clone();
        move |told| {
            // The receiver goes only with the program.
            let _ = sender.send(Message::Reader(told));
        }
    });
    let link = Link::start(&args.socket, move |event| {
        let _ = sender.send(Message::Link(event));
    })?;
    let mut runner = Runner {
        app: App::new(context, args.quit_key),
        terminal: Terminal::new(Line::new(caps, size.0, size.1))?,
        tty,
        writer,
        link,
        readers,
        lines,
        recorder,
        receiver,
        start,
        configured: args.size,
        probe: None,
        probed: start,
        probe_until: None,
        dirty: true,
        repaint: false,
        leaving: None,
        lively_until: start,
        drawn: Instant::now(),
        next_tick: start + TICK,
    };
    runner.writer.send(ENTER.to_vec());
    runner.ask_size();
    let end = runner.turn();
    runner.leave(end);
    Ok(())
}

/// A record holds names of people: nobody else's eyes, and never over a file that is there.
fn record_file(path: &Path) -> anyhow::Result<File> {
    File::options()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .with_context(|| {
            format!(
                "the record {} cannot be made (an older one is not written over)",
                path.display()
            )
        })
}

/// Which readers are used. The line that the console itself stands on is never asked whether it is one.
fn readers_of(args: &Args, line: &str) -> find::Settings {
    let mut own_lines = vec![Path::new("/dev").join(line)];
    own_lines.extend(args.tty.clone());
    find::Settings {
        readers: args.reader.clone(),
        own_lines,
    }
}

/// Where token files may lie: mounted sticks, and what was named.
fn import_dirs(args: &Args) -> Vec<PathBuf> {
    let mut dirs = args.import_dir.clone();
    dirs.extend(sticks::ROOTS.map(PathBuf::from));
    dirs
}

/// A fault of our own gives the line back before it is told.
fn restore_on_panic(tty: &Tty) {
    let restorer = tty.restorer();
    std::panic::set_hook(Box::new(move |fault| {
        restorer.restore();
        // The place, never the words: they may hold what was typed (R21).
        let place = fault.location().map(ToString::to_string).unwrap_or_default();
        let _ = writeln!(
            std::io::stderr(),
            "postern-console: a fault of its own at {place}; it ends"
        );
        // A thread's fault is the program's: the keeper and systemd begin anew.
        std::process::exit(101);
    }));
}

fn now(start: Instant) -> Now {
    let millis = jiff::Timestamp::now().as_millisecond();
    Now {
        wall: Timestamp(u64::try_from(millis).unwrap_or(0)),
        mono: start.elapsed(),
    }
}

/// Everything that is not pure.
struct Runner {
    app: App,
    terminal: Terminal<Line>,
    tty: Tty,
    writer: Writer,
    link: Link,
    readers: Readers,
    lines: Lines,
    recorder: Option<Recorder<BufWriter<File>>>,
    receiver: Receiver<Message>,
    start: Instant,
    /// Where the line does not say its size.
    configured: Option<(u16, u16)>,
    probe: Option<Probe>,
    /// When the last probe ended.
    probed: Instant,
    /// Until then the line has time to say its size.
    probe_until: Option<Instant>,
    /// Something happened since the last frame.
    dirty: bool,
    /// Everything is to be painted anew, and the line asked for its size.
    repaint: bool,
    /// The screen that waits to be seen, on the frame that is on its way.
    leaving: Option<u64>,
    /// Somebody is at work until then: what comes is drawn at once.
    lively_until: Instant,
    drawn: Instant,
    next_tick: Instant,
}

impl Runner {
    fn turn(&mut self) -> End {
        loop {
            let first = match self.receiver.recv_timeout(self.wait()) {
                Ok(message) => Some(message),
                Err(RecvTimeoutError::Timeout) => None,
                Err(RecvTimeoutError::Disconnected) => return End::HangUp,
            };
            let rest: Vec<Message> = self.receiver.try_iter().take(AT_ONCE).collect();
            for message in first.into_iter().chain(rest) {
                if let Some(end) = self.message(message) {
                    return end;
                }
            }
            let time = Instant::now();
            if self.probe_until.is_some_and(|until| until <= time) {
                if let Some(probe) = &mut self.probe {
                    probe.timeout();
                }
                self.probe();
            }
            if self.next_tick <= time {
                self.next_tick = time + TICK;
                if let Some(end) = self.event(Event::Tick) {
                    return end;
                }
            }
            if self.writer.idle()
                && let Some(number) = self.leaving.take()
            {
                let dirty = self.dirty;
                if let Some(end) = self.event(Event::Seen(number)) {
                    return end;
                }
                // Nothing of it is drawn.
                self.dirty = dirty;
            }
            self.draw();
        }
    }

    fn liven(&mut self) {
        self.lively_until = Instant::now() + LIVELY;
    }

    fn is_lively(&self) -> bool {
        Instant::now() < self.lively_until
    }

    /// How long nothing needs to be done.
    fn wait(&self) -> Duration {
        let mut until = self.next_tick;
        if let Some(probe) = self.probe_until {
            until = until.min(probe);
        }
        if self.leaving.is_some() && self.writer.idle() {
            return Duration::ZERO;
        }
        if self.dirty && self.writer.idle() && !self.is_lively() {
            until = until.min(self.drawn + CALM);
        }
        until.saturating_duration_since(Instant::now())
    }

    fn message(&mut self, message: Message) -> Option<End> {
        match message {
            Message::Link(event) => {
                if matches!(event, Event::Up(_) | Event::Down(_) | Event::Ended(_)) {
                    self.liven();
                }
                self.event(event)
            }
            Message::Reader(told) => {
                // Somebody stands there with a token in the hand.
                self.liven();
                self.event(Event::Reader(told))
            }
            Message::Line(LineEvent::HangUp) => Some(End::HangUp),
            Message::Line(LineEvent::Terminate) => Some(End::Asked),
            // Whether a frame may follow is looked at before each.
            Message::Line(LineEvent::Drained) => None,
            Message::Line(LineEvent::Resized) => {
                if let Some((columns, rows)) = self.tty.kernel_size() {
                    self.resize(columns, rows);
                }
                None
            }
            Message::Line(LineEvent::Inputs(inputs)) => {
                for input in inputs {
                    let end = match input {
                        Input::Key(key) => {
                            self.liven();
                            self.event(Event::Key(key))
                        }
                        Input::Size(columns, rows) => {
                            self.said_size(columns, rows);
                            None
                        }
                    };
                    if end.is_some() {
                        return end;
                    }
                }
                None
            }
        }
    }

    fn event(&mut self, event: Event) -> Option<End> {
        let now = now(self.start);
        if let Some(recorder) = &mut self.recorder {
            // A full disk ends the record, not the session.
            if recorder.record(&self.app, &event, now).is_err() {
                self.recorder = None;
            }
        }
        let effects = self.app.handle(event, now);
        self.dirty = true;
        for effect in effects {
            match effect {
                Effect::Ask(number, request) => self.link.ask(number, *request),
                Effect::Repaint => {
                    // Once for all the times it was asked: a stalled line gets one.
                    self.repaint = true;
                }
                Effect::Wipe => {
                    self.terminal.backend_mut().wipe();
                    self.liven();
                }
                Effect::Caps(caps) => {
                    self.terminal.backend_mut().set_caps(caps);
                    // Not remembered is not worth a word: the key works again.
                    let _ = self.lines.set(&self.app.context().line, caps);
                }
                Effect::Reader(ask) => self.readers.ask(ask),
                Effect::Quit => return Some(End::Asked),
            }
        }
        None
    }

    /// Asks the line for its size: a serial line always, others where the kernel does not know it.
    fn ask_size(&mut self) {
        let serial = self.tty.kind() == Kind::Serial;
        self.probe = Some(Probe::new(self.tty.kernel_size(), self.configured, serial));
        self.probe();
    }

    /// The next steps of asking.
    fn probe(&mut self) {
        self.probe_until = None;
        loop {
            let Some(probe) = &mut self.probe else { return };
            match probe.ask() {
                Ask::Send(bytes) => self.writer.send(bytes.to_vec()),
                Ask::Wait(patience) => {
                    self.probe_until = Some(Instant::now() + patience);
                    return;
                }
                Ask::Done(columns, rows) => {
                    self.probe = None;
                    self.probed = Instant::now();
                    // Elsewhere the kernel knows better than what anybody can write to the line.
                    if self.tty.kind() == Kind::Serial {
                        self.tty.set_kernel_size(columns, rows);
                    }
                    self.resize(columns, rows);
                    return;
                }
            }
        }
    }

    /// The line said its size, in time or late: it is taken. Unasked it is not.
    fn said_size(&mut self, columns: u16, rows: u16) {
        if self.probe.is_none() && self.probed.elapsed() > LATE {
            return;
        }
        self.probe
            .get_or_insert_with(|| Probe::new(None, None, true))
            .size(columns, rows);
        self.probe();
    }

    fn resize(&mut self, columns: u16, rows: u16) {
        if self.app.context().size == (columns, rows) {
            return;
        }
        self.terminal.backend_mut().resize(columns, rows);
        // The backend knows its size and cannot fail.
        let _ = self.terminal.resize(Rect::new(0, 0, columns, rows));
        self.liven();
        // No size ends the program.
        self.event(Event::Size(columns, rows));
    }

    /// Draws a frame, if something happened, the last one has left, and it is not too soon.
    fn draw(&mut self) {
        if self.repaint && self.writer.idle() {
            self.repaint = false;
            self.writer.send(ENTER.to_vec());
            self.terminal.backend_mut().forget();
            self.ask_size();
        }
        if !self.dirty || !self.writer.idle() || (!self.is_lively() && self.drawn.elapsed() < CALM) {
            return;
        }
        let app = &self.app;
        // The backend composes into memory and cannot fail.
        let _ = self.terminal.draw(|frame| {
            let cursor = app.draw(frame.buffer_mut());
            if let Some(cursor) = cursor {
                frame.set_cursor_position(cursor);
            }
        });
        self.leaving = app.unseen();
        self.dirty = false;
        self.drawn = Instant::now();
        let bytes = self.terminal.backend_mut().take();
        if !bytes.is_empty() {
            self.writer.send(bytes);
        }
    }

    /// Leaves the line as it was found, with nothing of ours on it.
    fn leave(mut self, end: End) {
        if let Some(recorder) = &mut self.recorder {
            let _ = recorder.flush();
        }
        // Nothing waits for a line that is gone.
        if end == End::Asked {
            self.writer.discard();
        }
        self.tty.restore();
    }
}
