//! The connection to posternd. In: questions with numbers, and while nobody answers what postern-host and posternd wrote of what is wrong;
//! out: events. It connects by itself, again and again, and says so; a question that cannot be asked is answered with a failure, so that
//! no screen waits for ever. It never blocks who asks.

use std::collections::VecDeque;
use std::io::{ErrorKind, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver, Sender};
use std::time::Duration;

use super::event::Event;
use crate::control::frame::{self, FrameError, Greeting};
use crate::control::troubles::Troubles;
use crate::control::{Answer, Door, Failure, FailureKind, Request, START_TROUBLE, TROUBLE_FILE};

/// Between two tries to connect.
const AGAIN: Duration = Duration::from_secs(1);
/// How long the greeting, and a write, may take.
const TIMEOUT: Duration = Duration::from_secs(5);

/// What the thread hears.
enum Message {
    Ask(u64, Box<Request>),
    Frame(u64, Box<Result<Answer, Failure>>),
    Broken(u64),
}

/// The way to posternd.
#[derive(Debug)]
pub struct Link {
    sender: Sender<Message>,
}

impl Link {
    /// Begins to connect to the socket; `tell` is called with every event, from threads of the link's own.
    ///
    /// # Errors
    /// The thread could not be started.
    pub fn start(socket: &Path, tell: impl Fn(Event) + Send + Clone + 'static) -> std::io::Result<Self> {
        Self::start_with(socket, Path::new(TROUBLE_FILE), tell)
    }

    /// As [`Link::start`], where postern-host's file of what is wrong lies elsewhere.
    ///
    /// # Errors
    /// The thread could not be started.
    pub fn start_with(
        socket: &Path,
        troubles: &Path,
        tell: impl Fn(Event) + Send + Clone + 'static,
    ) -> std::io::Result<Self> {
        let (sender, receiver) = mpsc::channel();
        let keeper = Keeper {
            socket: socket.to_owned(),
            troubles: troubles.to_owned(),
            back: sender.clone(),
            receiver,
            tell,
        };
        std::thread::Builder::new()
            .name("link".to_owned())
            .spawn(move || keeper.run())?;
        Ok(Self { sender })
    }

    /// Asks; the answer comes as an event with the same number.
    pub fn ask(&self, number: u64, request: Request) {
        // The thread ends only with the program.
        let _ = self.sender.send(Message::Ask(number, Box::new(request)));
    }
}

struct Keeper<T> {
    socket: PathBuf,
    troubles: PathBuf,
    back: Sender<Message>,
    receiver: Receiver<Message>,
    tell: T,
}

/// Numbers of the link's own questions lie above those of the screens.
const OWN: u64 = u64::MAX;

impl<T: Fn(Event) + Send + Clone + 'static> Keeper<T> {
    fn run(self) {
        let mut connection = 0;
        let mut said = String::new();
        let own = self.socket.with_file_name(START_TROUBLE);
        let mut troubles = Troubles::new(&[self.troubles.clone(), own]);
        loop {
            connection += 1;
            match connect(&self.socket) {
                Ok(stream) => {
                    said.clear();
                    match self.serve(stream, connection) {
                        Served::Broken => {
                            said = "posternd has stopped or was restarted; trying again every second".to_owned();
                            (self.tell)(Event::Down(said.clone()));
                        }
                        Served::Ended => return,
                    }
                }
                Err(why) if why != said => {
                    said = why;
                    (self.tell)(Event::Down(said.clone()));
                }
                Err(_) => {}
            }
            if let Some(changed) = troubles.look() {
                (self.tell)(Event::Troubles(changed));
            }
            let until = std::time::Instant::now() + AGAIN;
            loop {
                let left = until.saturating_duration_since(std::time::Instant::now());
                match self.receiver.recv_timeout(left) {
                    Ok(Message::Ask(number, _)) => self.refuse(number),
                    Ok(Message::Frame(..) | Message::Broken(_)) => {}
                    Err(mpsc::RecvTimeoutError::Timeout) => break,
                    Err(mpsc::RecvTimeoutError::Disconnected) => return,
                }
            }
        }
    }

    fn refuse(&self, number: u64) {
        let failure = Failure::new(
            FailureKind::Unreachable,
            "posternd does not answer: try again in a moment",
        );
        (self.tell)(Event::Answer(number, Box::new(Err(failure))));
    }

    /// One connection, to its end.
    fn serve(&self, mut stream: UnixStream, connection: u64) -> Served {
        let Ok(reader) = stream.try_clone() else {
            return Served::Broken;
        };
        let back = self.back.clone();
        let spawned = std::thread::Builder::new()
            .name("link-reader".to_owned())
            .spawn(move || read_frames(reader, connection, &back));
        if spawned.is_err() {
            return Served::Broken;
        }
        // Questions that were asked, in the order in which they will be answered.
        let mut asked: VecDeque<(u64, bool)> = VecDeque::new();
        let ended = self.talk(&mut stream, connection, &mut asked);
        let _ = stream.shutdown(std::net::Shutdown::Both);
        for (number, _) in asked {
            if number != OWN {
                self.refuse(number);
            }
        }
        ended
    }

    fn talk(&self, stream: &mut UnixStream, connection: u64, asked: &mut VecDeque<(u64, bool)>) -> Served {
        if send(stream, &Request::Hello).is_err() {
            return Served::Broken;
        }
        asked.push_back((OWN, false));
        loop {
            match self.receiver.recv() {
                Err(_) => return Served::Ended,
                Ok(Message::Broken(of)) if of == connection => return Served::Broken,
                Ok(Message::Ask(number, request)) => {
                    asked.push_back((number, *request == Request::Watch));
                    if send(stream, &request).is_err() {
                        return Served::Broken;
                    }
                }
                Ok(Message::Frame(of, answer)) if of == connection => self.take(*answer, asked),
                Ok(Message::Broken(_) | Message::Frame(..)) => {}
            }
        }
    }

    fn take(&self, answer: Result<Answer, Failure>, asked: &mut VecDeque<(u64, bool)>) {
        match answer {
            // Unasked, or the answer to Watch.
            Ok(Answer::Moved(moved)) => {
                if asked.front().is_some_and(|(_, watch)| *watch) {
                    asked.pop_front();
                }
                (self.tell)(Event::Moved(moved));
            }
            Ok(Answer::Ended { why }) => (self.tell)(Event::Ended(why)),
            answer => match (asked.pop_front(), answer) {
                (Some((OWN, _)), Ok(Answer::Hello(hello))) => (self.tell)(Event::Up(hello)),
                (Some((OWN, _)), _) | (None, _) => {}
                (Some((number, _)), answer) => (self.tell)(Event::Answer(number, Box::new(answer))),
            },
        }
    }
}

enum Served {
    /// The connection is no longer there.
    Broken,
    /// The program ends.
    Ended,
}

fn send(stream: &mut UnixStream, request: &Request) -> std::io::Result<()> {
    let bytes = frame::encode(request).map_err(std::io::Error::other)?;
    stream.write_all(&bytes)
}

fn read_frames(mut stream: UnixStream, connection: u64, back: &Sender<Message>) {
    while let Ok(Some(json)) = frame::read(&mut stream) {
        let Ok(answer) = frame::decode::<Result<Answer, Failure>>(&json) else {
            break;
        };
        if back.send(Message::Frame(connection, Box::new(answer))).is_err() {
            return;
        }
    }
    let _ = back.send(Message::Broken(connection));
}

/// Connects and reads the greeting; what is wrong is one line.
fn connect(socket: &Path) -> Result<UnixStream, String> {
    let shown = socket.display();
    let mut stream = UnixStream::connect(socket).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound | std::io::ErrorKind::ConnectionRefused => {
            format!("posternd does not answer yet (no one at {shown})")
        }
        std::io::ErrorKind::PermissionDenied => {
            format!("no right to use {shown}: the console's user must be in the group postern-console")
        }
        _ => format!("{shown} cannot be used: {error}"),
    })?;
    let broken = |_| format!("what answers at {shown} is not posternd");
    stream.set_read_timeout(Some(TIMEOUT)).map_err(|e| e.to_string())?;
    stream.set_write_timeout(Some(TIMEOUT)).map_err(|e| e.to_string())?;
    let json = frame::read(&mut stream).map_err(|error| match error {
        // It took the connection, or the kernel did, and says nothing.
        FrameError::Io(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
            format!("posternd does not answer at {shown}: it stands still")
        }
        error => broken(error),
    })?;
    let json = json.ok_or_else(|| "posternd closed the connection: it is stopping, or has too many".to_owned())?;
    let greeting: Greeting = frame::decode(&json).map_err(broken)?;
    if let Some(line) = greeting.mismatch() {
        return Err(line);
    }
    if greeting.door != Door::Console {
        return Err(format!("{shown} is no console.sock: name it with --socket"));
    }
    // Pushes may be minutes apart.
    stream.set_read_timeout(None).map_err(|e| e.to_string())?;
    Ok(stream)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
mod tests {
    use super::*;
    use crate::control::Trouble;

    #[test]
    fn where_there_is_no_posternd_what_is_wrong_is_read_and_read_again() {
        let dir = tempfile::tempdir().unwrap();
        let (host, own) = (dir.path().join("host.json"), dir.path().join(START_TROUBLE));
        let list = |what: &str| {
            vec![Trouble {
                code: "var-lost".to_owned(),
                what: what.to_owned(),
                todo: "Look.".to_owned(),
            }]
        };
        let write = |path: &Path, what: &str| {
            let new = dir.path().join("new");
            std::fs::write(&new, serde_json::to_vec(&list(what)).unwrap()).unwrap();
            std::fs::rename(&new, path).unwrap();
        };
        write(&host, "one");
        let (sender, receiver) = mpsc::channel();
        let tell = move |event| {
            let _ = sender.send(event);
        };
        let _link = Link::start_with(&dir.path().join("console.sock"), &host, tell).unwrap();
        let next = || receiver.recv_timeout(Duration::from_secs(20)).unwrap();
        assert!(matches!(next(), Event::Down(_)));
        assert_eq!(next(), Event::Troubles(list("one")));
        write(&host, "two");
        assert_eq!(next(), Event::Troubles(list("two")));
        // posternd's own words stand below.
        write(&own, "three");
        assert_eq!(next(), Event::Troubles([list("two"), list("three")].concat()));
    }
}
