//! A card in pcscd's virtual reader (vsmartcard's `vpcd`): connects as the card while a token lies in the field, and is gone when it
//! does not. Each message has a length of two bytes, big endian; one byte alone is a signal, anything else a command.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use super::faults::{Event, What};
use super::{Field, Token, lock};

/// A contactless card that PC/SC found by ISO 14443-4, without historical bytes: T=1.
pub const ATR: [u8; 5] = [0x3b, 0x80, 0x80, 0x01, 0x01];

const OFF: [u8; 1] = [0x00];
const ON: [u8; 1] = [0x01];
const RESET: [u8; 1] = [0x02];
const ASK_ATR: [u8; 1] = [0x04];
/// How often it looks at the field.
const LOOK: Duration = Duration::from_millis(10);

#[derive(Default)]
struct Shared {
    event: Option<Event>,
    commands: Vec<Vec<u8>>,
}

/// A card slot that runs. Dropping it takes the card out.
pub struct Slot {
    stop: Arc<AtomicBool>,
    shared: Arc<Mutex<Shared>>,
    thread: Option<JoinHandle<()>>,
}

impl Slot {
    /// Serves what lies in the field to the reader that listens there, as soon as it does.
    pub fn start(reader: SocketAddr, field: &Field) -> Slot {
        let stop = Arc::new(AtomicBool::new(false));
        let shared = Arc::<Mutex<Shared>>::default();
        let (stopped, told, field) = (stop.clone(), shared.clone(), field.clone());
        let thread = std::thread::spawn(move || {
            while !stopped.load(Ordering::Acquire) {
                if let (times, Some(token)) = field.look()
                    && let Ok(line) = TcpStream::connect(reader)
                {
                    let card = Card {
                        line,
                        token,
                        times,
                        field: field.clone(),
                        stop: stopped.clone(),
                        shared: told.clone(),
                    };
                    // Gone: taken away, or the reader ended.
                    let _ = card.serve();
                }
                std::thread::sleep(LOOK);
            }
        });
        Slot {
            stop,
            shared,
            thread: Some(thread),
        }
    }

    /// Something that happens at a command, counted from now.
    pub fn plan(&self, event: Option<Event>) {
        *lock(&self.shared) = Shared {
            event,
            commands: Vec::new(),
        };
    }

    /// The commands that came since.
    pub fn commands(&self) -> Vec<Vec<u8>> {
        lock(&self.shared).commands.clone()
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }
}

struct Card {
    line: TcpStream,
    token: Token,
    times: u64,
    field: Field,
    stop: Arc<AtomicBool>,
    shared: Arc<Mutex<Shared>>,
}

impl Card {
    fn serve(mut self) -> std::io::Result<()> {
        self.line.set_nodelay(true)?;
        self.line.set_read_timeout(Some(LOOK))?;
        let mut buffer = Vec::new();
        loop {
            let mut bytes = [0; 1024];
            match self.line.read(&mut bytes) {
                Ok(0) => return Ok(()),
                Ok(count) => buffer.extend(&bytes[..count]),
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
                Err(error) => return Err(error),
            }
            let lies = self.field.look();
            if self.stop.load(Ordering::Acquire) || lies.0 != self.times || lies.1.is_none() {
                return Ok(());
            }
            while let Some((message, rest)) = whole(&buffer) {
                let (message, rest) = (message.to_vec(), rest.to_vec());
                buffer = rest;
                let Some(answer) = self.answer(&message) else {
                    continue;
                };
                if answer.is_empty() {
                    return Ok(());
                }
                let length = u16::try_from(answer.len()).unwrap().to_be_bytes();
                self.line.write_all(&[&length, answer.as_slice()].concat())?;
            }
        }
    }

    /// What is answered; none: nothing is. An empty answer: the card is gone.
    fn answer(&self, message: &[u8]) -> Option<Vec<u8>> {
        if message == ASK_ATR {
            return Some(ATR.to_vec());
        }
        if message == ON || message == RESET || message == OFF {
            lock(&self.token).contact();
            return None;
        }
        let event = {
            let mut shared = lock(&self.shared);
            let number = shared.commands.len();
            shared.commands.push(message.to_vec());
            shared.event.clone().filter(|event| event.at == number)
        };
        if let Some(event) = event.as_ref().filter(|event| !event.late) {
            self.happen(&event.what);
            return Some(Vec::new());
        }
        let answer = lock(&self.token).apdu(message);
        if let Some(event) = event {
            self.happen(&event.what);
            return Some(Vec::new());
        }
        Some(answer)
    }

    fn happen(&self, what: &What) {
        match what {
            What::Taken | What::Unplugged => self.field.take(),
            What::Swapped(other) => self.field.place(other.clone()),
            What::Moved | What::Status(_) => self.field.place(self.token.clone()),
        }
    }
}

/// The first message of a stream and what follows it, when it is whole.
fn whole(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<2>()?;
    rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))
}
