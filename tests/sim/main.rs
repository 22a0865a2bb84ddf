//! A drawer of simulated tokens beside a simulated reader: `sim-token --pty LINK --display FILE`. The reader is a PN532 on a PTY
//! under LINK, FILE shows what the tokens' displays show. Commands on standard input, one a line: `take` the token off the reader,
//! `place` it there again, `next` for another one from the drawer, `press` the Molto-2's button, `quit`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    missing_docs
)]

#[path = "mod.rs"]
#[allow(dead_code)] // The tests use the rest.
mod sim;

use std::io::{BufRead as _, Write as _};
use std::net::SocketAddr;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use clap::Parser;
use nix::sys::signal::{SigSet, Signal};
use sim::faults::Faults;
use sim::molto2::Molto2;
use sim::reader::Reader;
use sim::single::{Quartz, Single};
use sim::vpcd::Slot;
use sim::{Clock, Field, lock, wall_clock};

/// How often the displays are looked at; the file is written when they change.
const TICK: Duration = Duration::from_millis(50);

/// Simulated tokens on a simulated reader, for tests.
#[derive(Debug, Parser)]
#[command(name = "sim-token")]
struct Flags {
    /// The name of the reader's serial port: a link that is made here
    #[arg(long)]
    pty: PathBuf,
    /// Show here what the tokens' displays show
    #[arg(long)]
    display: PathBuf,
    /// Plug a Molto-2 into pcscd's virtual reader that listens there
    #[arg(long, value_name = "ADDRESS:PORT")]
    molto: Option<SocketAddr>,
    /// The first token's serial number; it says the model
    #[arg(long, default_value_t = 86_596_220_000_001)]
    serial: u64,
    /// By how many seconds the tokens' clocks are ahead
    #[arg(long, default_value_t = 0, allow_negative_numbers = true)]
    ahead: i64,
    /// What a token takes for a command over the air, in milliseconds
    #[arg(long, default_value_t = 10)]
    thinks: u64,
    /// So many tokens come one after the other, each when the one before has its seed
    #[arg(long, default_value_t = 1)]
    drawer: u64,
    /// How long a token lies on the reader after it has its seed, in milliseconds
    #[arg(long, default_value_t = 1500)]
    pause: u64,
    /// End when standard input is closed, so that no test leaves one behind
    #[arg(long)]
    until_stdin_closes: bool,
}

/// What somebody wants.
enum Wish {
    Take,
    Place,
    Next,
    Press,
    Quit,
    Unknown(String),
}

impl Wish {
    fn from(line: &str) -> Wish {
        match line.trim() {
            "take" => Wish::Take,
            "place" => Wish::Place,
            "next" => Wish::Next,
            "press" => Wish::Press,
            "quit" => Wish::Quit,
            other => Wish::Unknown(other.to_owned()),
        }
    }
}

/// The tokens that are out of the drawer; the last of them is the one at the reader.
struct Table {
    clock: Clock,
    ahead: i64,
    serial: u64,
    field: Field,
    tokens: Vec<Arc<Mutex<Single>>>,
    lies: bool,
    molto: Option<Arc<Mutex<Molto2>>>,
}

impl Table {
    /// Another one from the drawer.
    fn next(&mut self) {
        let number = self.serial + self.tokens.len() as u64;
        let mut token = Single::new(&number.to_string(), &self.clock);
        token.quartz = Quartz::ahead(&self.clock, self.ahead);
        self.tokens.push(Arc::new(Mutex::new(token)));
        self.place();
    }

    fn place(&mut self) {
        if let Some(token) = self.tokens.last() {
            self.field.place(token.clone());
            self.lies = true;
        }
    }

    fn take(&mut self) {
        self.field.take();
        self.lies = false;
    }

    /// The token at the reader has its seed.
    fn written(&self) -> bool {
        self.tokens.last().is_some_and(|token| lock(token).seed.is_some())
    }

    /// A line a token, the one at the reader first; then the Molto-2's profiles.
    fn shows(&self) -> String {
        let mut out = String::new();
        for (index, token) in self.tokens.iter().enumerate().rev() {
            let token = lock(token);
            let place = if self.lies && index + 1 == self.tokens.len() {
                "  on the reader"
            } else {
                ""
            };
            out.push_str(&line(token.serial(), token.display(), place));
        }
        if let Some(molto) = &self.molto {
            let molto = lock(molto);
            if molto.waits() {
                out.push_str(&format!("{}  press the button\n", molto.serial()));
            }
            for (number, profile) in molto
                .profiles
                .iter()
                .enumerate()
                .filter(|(_, profile)| profile.seed.is_some())
            {
                let title = format!("  {}", String::from_utf8_lossy(&profile.title));
                out.push_str(&line(
                    &format!("{}/{number}", molto.serial()),
                    molto.display(number),
                    &title,
                ));
            }
        }
        out
    }
}

fn line(name: &str, display: Option<(String, u64)>, place: &str) -> String {
    match display {
        Some((code, left)) => format!("{name}  {code}  {left:2} s{place}\n"),
        None => format!("{name}  no seed{place}\n"),
    }
}

/// Written beside and renamed, so that nobody sees half of it; for its owner's eyes.
fn show(file: &Path, text: &str) -> anyhow::Result<()> {
    let beside = file.with_extension("new");
    let _ = std::fs::remove_file(&beside);
    let write = || {
        let mut new = std::fs::File::options()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&beside)?;
        new.write_all(text.as_bytes())?;
        std::fs::rename(&beside, file)
    };
    write().with_context(|| format!("cannot write {}", file.display()))
}

fn listen(wishes: Sender<Wish>, until_closed: bool) {
    std::thread::spawn(move || {
        for text in std::io::stdin().lock().lines().map_while(Result::ok) {
            if wishes.send(Wish::from(&text)).is_err() {
                return;
            }
        }
        if until_closed {
            let _ = wishes.send(Wish::Quit);
        }
    });
}

fn main() -> anyhow::Result<()> {
    let flags = Flags::parse();
    if flags.molto.is_some_and(|address| !address.ip().is_loopback()) {
        bail!("the Molto-2's reader is on another machine: simulated tokens never leave this one");
    }
    // Before any thread is there, so that none of them takes the signal in its own way.
    let mut signals = SigSet::empty();
    signals.add(Signal::SIGTERM);
    signals.add(Signal::SIGINT);
    signals.thread_block()?;
    let (wishes, wished) = channel();
    let ended = wishes.clone();
    std::thread::spawn(move || {
        let _ = signals.wait();
        let _ = ended.send(Wish::Quit);
    });
    listen(wishes, flags.until_stdin_closes);

    let clock = wall_clock();
    let mut table = Table {
        clock: clock.clone(),
        ahead: flags.ahead,
        serial: flags.serial,
        field: Field::default(),
        tokens: Vec::new(),
        lies: false,
        molto: None,
    };
    table.next();
    let faults = Faults {
        thinks: Duration::from_millis(flags.thinks),
        ..Faults::default()
    };
    let _reader = Reader::start(Some(&flags.pty), &table.field, faults)
        .with_context(|| format!("cannot make a reader at {}", flags.pty.display()))?;
    let _slot = flags.molto.map(|address| {
        let molto = Arc::new(Mutex::new(Molto2::new("84101000000001", 100, &clock)));
        table.molto = Some(molto.clone());
        Slot::start(address, &Field::with(&molto))
    });
    let mut shown = String::new();
    let mut since: Option<Instant> = None;
    let mut ready = false;
    loop {
        let shows = table.shows();
        if shows != shown {
            show(&flags.display, &shows)?;
            shown = shows;
        }
        if !ready {
            writeln!(std::io::stdout(), "ready {}", flags.pty.display())?;
            std::io::stdout().flush()?;
            ready = true;
        }
        match wished.recv_timeout(TICK) {
            Ok(Wish::Take) => table.take(),
            Ok(Wish::Place) => table.place(),
            Ok(Wish::Next) => table.next(),
            Ok(Wish::Press) => table.molto.iter().for_each(|molto| lock(molto).press()),
            Ok(Wish::Unknown(other)) => writeln!(std::io::stderr(), "{other:?}: take, place, next, press or quit")?,
            Err(RecvTimeoutError::Timeout) => {}
            Ok(Wish::Quit) | Err(RecvTimeoutError::Disconnected) => break,
        }
        // The next one by itself, when this one has had its time.
        let goes_on = table.written() && (table.tokens.len() as u64) < flags.drawer;
        since = goes_on.then(|| since.unwrap_or_else(Instant::now));
        if since.is_some_and(|since| since.elapsed() >= Duration::from_millis(flags.pause)) {
            since = None;
            table.next();
        }
    }
    // What it showed is nobody's business any more.
    let _ = std::fs::remove_file(&flags.display);
    Ok(())
}
