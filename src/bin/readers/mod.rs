//! The calls of libpcsclite for the programs that have readers. In: a reader's name, blocks for the token; out: blocks from it, or why
//! there are none. Decides nothing. It stands here and not in the library so that only these programs are linked with libpcsclite.
//!
//! **What bounds the time.** A call of libpcsclite is a message to pcscd over a Unix socket, and it waits for the answer without a
//! limit of its own. For a block to a token the limit is the driver's (libccid: 3 s), which a token may prolong as often as it
//! likes; of a pcscd that is stuck there is none. `SCardCancel` ends only the waiting for a change, never `SCardTransmit`. So the
//! calls of one link run on a thread of its own, and whoever asked waits [`PATIENCE`] at most. After that the link is given up for
//! good, since a late answer could be taken for the next command's; its thread ends when pcscd answers or goes away, and lets the
//! token go then. [`LINKS_MAX`] bounds how many such threads a stuck pcscd can hold.

use std::ffi::CString;
use std::io;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use pcsc::{Context, Disposition, Error, Protocol, Protocols, ReaderState, Scope, ShareMode, State};
use zeroize::Zeroizing;

use postern::secret::Secret;
use postern::tokens::LinkError;
use postern::tokens::pcsc::{Block, Blocks, Library, Opened, choose, provide};

/// How long pcscd may take over one call, the token's own time included: more than a driver's 3 s, so that its word comes first.
const PATIENCE: Duration = Duration::from_secs(5);
/// Most links of this process at a time, those included that wait for a pcscd that does not answer.
const LINKS_MAX: usize = 16;
/// Where pcscd listens where `PCSCLITE_CSOCK_NAME` does not say otherwise.
const SOCKET: &str = "/run/pcscd/pcscd.comm";
/// How long pcscd has to see that a token is gone: it looks every 400 ms.
const NOTICE: Duration = Duration::from_millis(900);
/// The least that a token answers.
const STATUS_WORD: usize = 2;
/// How long letting a token go may hold up who drops it; pcscd resets the token meanwhile.
const LET_GO: Duration = Duration::from_secs(1);

/// From now on the program speaks with pcscd.
pub fn use_pcscd() {
    provide(Library {
        list: || ask(Service::readers),
        present: |name| {
            let name = name.to_owned();
            ask(move |service| service.present(&name))
        },
        open: Link::open,
    });
}

/// Threads that hold a link or wait for pcscd.
static LINKS: AtomicUsize = AtomicUsize::new(0);

/// A place among [`LINKS_MAX`], given back when dropped.
struct Place;

impl Place {
    fn take() -> Result<Place, LinkError> {
        let taken = LINKS.fetch_update(Ordering::AcqRel, Ordering::Acquire, |links| {
            (links < LINKS_MAX).then_some(links + 1)
        });
        taken.map(|_| Place).map_err(|_| stuck())
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        LINKS.fetch_sub(1, Ordering::AcqRel);
    }
}

fn stuck() -> LinkError {
    LinkError::Reader("pcscd does not answer: restart it (systemctl restart pcscd)".to_owned())
}

/// A thread with a place; it gives the place back when it ends.
fn start(work: impl FnOnce() + Send + 'static) -> Result<(), LinkError> {
    let place = Place::take()?;
    let started = thread::Builder::new().name("pcsc".to_owned()).spawn(move || {
        let _place = place;
        work();
    });
    started
        .map(drop)
        .map_err(|e| LinkError::Reader(format!("no thread can be started: {e}")))
}

/// pcscd, connected to.
struct Service(Context);

impl Service {
    fn connect() -> Result<Service, LinkError> {
        Context::establish(Scope::System)
            .map(Service)
            .map_err(|error| match error {
                Error::NoService | Error::ServiceStopped | Error::CommError | Error::InternalError => no_service(error),
                Error::SecurityViolation => LinkError::Reader(
                    "pcscd lets this user not at its readers: it needs --disable-polkit (systemd/README.md)".to_owned(),
                ),
                other => fault(other),
            })
    }

    /// The readers' names.
    fn readers(&self) -> Result<Vec<String>, LinkError> {
        Ok(self.names()?.iter().map(text).collect())
    }

    fn names(&self) -> Result<Vec<CString>, LinkError> {
        // Between its two calls a reader may be plugged in, and the room is too small then.
        let once = || match self.0.list_readers_owned() {
            Err(Error::InsufficientBuffer) => None,
            other => Some(other),
        };
        (0..3)
            .find_map(|_| once())
            .unwrap_or(Err(Error::InsufficientBuffer))
            .map_err(fault)
    }

    /// The one reader that is meant: by its full name, else by a part of it that no other one has. Without a name, the only one that
    /// something lies on, or the only one there is.
    fn find(&self, wanted: &str) -> Result<CString, LinkError> {
        let names = self.names()?;
        let shown_names: Vec<String> = names.iter().map(text).collect();
        let taken = |name: &str| self.present(name).unwrap_or(false);
        let at = choose(&shown_names, wanted, taken)?;
        names.get(at).cloned().ok_or(LinkError::ReaderGone)
    }

    /// Whether something lies on a reader.
    fn present(&self, name: &str) -> Result<bool, LinkError> {
        let name = CString::new(name).map_err(|_| LinkError::ReaderGone)?;
        let state = self.state(name, State::UNAWARE, Duration::ZERO)?;
        Ok(state.contains(State::PRESENT))
    }

    /// What pcscd says of a reader, after it is no longer as it was or this time is over.
    fn state(&self, name: CString, was: State, wait: Duration) -> Result<State, LinkError> {
        let mut states = [ReaderState::new(name, was)];
        match self.0.get_status_change(wait, &mut states) {
            Ok(()) | Err(Error::Timeout) => {}
            Err(error) => return Err(fault(error)),
        }
        let state = states.first().map_or(State::UNAWARE, ReaderState::event_state);
        if state.intersects(State::UNKNOWN | State::UNAVAILABLE) {
            return Err(LinkError::ReaderGone);
        }
        Ok(state)
    }

    /// A failed block tells by itself neither that the token has gone nor that it has not: pcscd looks again a little later.
    fn why_lost(&self, reader: &CString) -> LinkError {
        let until = Instant::now() + NOTICE;
        loop {
            match self.state(reader.clone(), State::UNAWARE, Duration::ZERO) {
                Err(error) => return error,
                Ok(state) if state.contains(State::EMPTY) => return LinkError::TokenGone,
                Ok(_) if Instant::now() >= until => return LinkError::Silent,
                Ok(_) => thread::sleep(Duration::from_millis(50)),
            }
        }
    }
}

/// A reader's name for people, and for whoever names it again.
fn text(name: &CString) -> String {
    name.to_string_lossy().into_owned()
}

/// Why nobody answers at pcscd's socket.
fn no_service(error: Error) -> LinkError {
    let socket = std::env::var_os("PCSCLITE_CSOCK_NAME").map_or_else(|| PathBuf::from(SOCKET), PathBuf::from);
    LinkError::Reader(match UnixStream::connect(socket) {
        Ok(_) if error == Error::ServiceStopped => {
            "pcscd speaks another version than this program: install pcscd and libpcsclite1 of one version".to_owned()
        }
        Ok(_) => format!("pcscd ends the connection: {error}"),
        Err(e) if e.kind() == io::ErrorKind::PermissionDenied => {
            "no right to speak with pcscd: this user must be in the group of its socket (systemd/README.md)".to_owned()
        }
        Err(_) => "pcscd does not run: install it, then systemctl start pcscd.socket".to_owned(),
    })
}

/// What an error of pcscd means for a link.
fn fault(error: Error) -> LinkError {
    match error {
        Error::NoSmartcard | Error::RemovedCard | Error::ResetCard => LinkError::TokenGone,
        Error::UnknownReader
        | Error::ReaderUnavailable
        | Error::NoReadersAvailable
        | Error::NoService
        | Error::ServiceStopped
        | Error::CommError
        | Error::Shutdown
        | Error::InvalidHandle => LinkError::ReaderGone,
        Error::UnresponsiveCard
        | Error::UnpoweredCard
        | Error::UnsupportedCard
        | Error::Timeout
        | Error::InsufficientBuffer
        | Error::ProtoMismatch
        | Error::NotTransacted
        | Error::CommDataLost => LinkError::Silent,
        Error::SharingViolation => {
            LinkError::Reader("another program has the token open: end it, or wait until it is done".to_owned())
        }
        Error::SecurityViolation => LinkError::Reader(
            "pcscd lets this user not at its tokens: it needs --disable-polkit (systemd/README.md)".to_owned(),
        ),
        other => LinkError::Reader(other.to_string()),
    }
}

/// One question to pcscd.
///
/// # Errors
/// What the question says, or that pcscd does not run or does not answer.
fn ask<T: Send + 'static>(
    question: impl FnOnce(&Service) -> Result<T, LinkError> + Send + 'static,
) -> Result<T, LinkError> {
    let (tell, told) = channel();
    start(move || {
        let _ = tell.send(Service::connect().and_then(|service| question(&service)));
    })?;
    told.recv_timeout(PATIENCE).unwrap_or_else(|why| Err(not_told(why)))
}

/// No answer of the thread: pcscd's fault, or its own.
fn not_told(why: RecvTimeoutError) -> LinkError {
    match why {
        RecvTimeoutError::Timeout => stuck(),
        RecvTimeoutError::Disconnected => LinkError::Reader("pcscd gave an answer that nobody knows".to_owned()),
    }
}

/// A token, held alone. Dropping it resets the token and lets it go.
struct Link {
    /// None once the link is given up.
    orders: Option<Sender<Secret>>,
    answers: Receiver<Block>,
    /// Why it was given up.
    lost: LinkError,
}

impl Link {
    /// Takes the token on a reader, alone.
    fn open(wanted: &str) -> Result<Opened, LinkError> {
        let wanted = wanted.to_owned();
        let (tell_opened, opened) = channel();
        let (orders, take) = channel();
        let (tell, answers) = channel();
        start(move || hold(&wanted, &tell_opened, &take, &tell))?;
        let (reader, protocol) = opened.recv_timeout(PATIENCE).unwrap_or_else(|why| Err(not_told(why)))?;
        let link = Link {
            orders: Some(orders),
            answers,
            lost: LinkError::Silent,
        };
        Ok(Opened {
            blocks: Box::new(link),
            reader,
            t0: protocol == Protocol::T0,
        })
    }
}

impl Blocks for Link {
    fn exchange(&mut self, block: &[u8]) -> Block {
        let Some(orders) = &self.orders else {
            return Err(self.lost.clone());
        };
        let sent = orders.send(Secret::new(block.to_vec()));
        let answer = match sent {
            Ok(()) => self.answers.recv_timeout(PATIENCE).unwrap_or(Err(LinkError::Silent)),
            Err(_) => Err(LinkError::Silent),
        };
        if let Err(error) = &answer {
            self.lost = error.clone();
            self.orders = None;
        }
        answer
    }
}

impl Drop for Link {
    /// Waits until the token is let go, so that whoever opens it next is not told that somebody has it.
    fn drop(&mut self) {
        if self.orders.take().is_some() {
            let until = Instant::now() + LET_GO;
            while let Ok(_late) = self
                .answers
                .recv_timeout(until.saturating_duration_since(Instant::now()))
            {}
        }
    }
}

/// The thread of a link: opens, then a block for each order, until nobody orders any more or a block fails.
fn hold(
    wanted: &str,
    opened: &Sender<Result<(String, Protocol), LinkError>>,
    orders: &Receiver<Secret>,
    answers: &Sender<Block>,
) {
    let open = || {
        let service = Service::connect()?;
        let reader = service.find(wanted)?;
        let until = Instant::now() + LET_GO;
        let connect = |protocols| loop {
            match service.0.connect(&reader, ShareMode::Exclusive, protocols) {
                // Whoever has just ended still lets it go.
                Err(Error::SharingViolation) if Instant::now() < until => thread::sleep(Duration::from_millis(100)),
                other => return other,
            }
        };
        let card = match connect(Protocols::T0 | Protocols::T1) {
            Err(Error::ProtoMismatch) => connect(Protocols::RAW),
            other => other,
        };
        let card = card.map_err(fault)?;
        let protocol = card
            .status2_owned()
            .map_err(fault)?
            .protocol2()
            .ok_or(LinkError::Silent)?;
        Ok((service, reader, card, protocol))
    };
    let (service, reader, card) = match open() {
        Ok((service, reader, card, protocol)) => {
            let told = opened.send(Ok((text(&reader), protocol)));
            if told.is_err() {
                return;
            }
            (service, reader, card)
        }
        Err(error) => {
            let _ = opened.send(Err(error));
            return;
        }
    };
    while let Ok(block) = orders.recv() {
        let mut room = Zeroizing::new([0_u8; pcsc::MAX_BUFFER_SIZE]);
        let answer = match card.transmit(block.expose(), room.as_mut_slice()) {
            Ok(bytes) if bytes.len() >= STATUS_WORD => Ok(Zeroizing::new(bytes.to_vec())),
            // Some drivers call it a success when the token has gone in the middle.
            Ok(_) | Err(Error::NotTransacted | Error::CommDataLost) => Err(service.why_lost(&reader)),
            Err(error) => Err(fault(error)),
        };
        let last = answer.is_err();
        if answers.send(answer).is_err() || last {
            break;
        }
    }
    // A token that has been spoken to must be spoken to anew: the reset ends what it was shown.
    if let Err((card, _)) = card.disconnect(Disposition::ResetCard) {
        drop(card);
    }
}
