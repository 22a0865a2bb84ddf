//! The two sockets as a whole: real server, real client, real files.

use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::oneshot;

use super::client::Client;
use super::frame;
use super::server::{BindError, Server, console_path};
use super::*;

mod console;

/// Performs nothing; says who asked.
#[derive(Default)]
struct Echo {
    asked: AtomicUsize,
    hall: console::Hall,
}

impl Operations for Echo {
    type Seat = console::Chair;

    fn hello(&self) -> Hello {
        self.hall.hello()
    }

    async fn log_in(&self, _: u32, ask: LogIn) -> Result<(console::Chair, Session), Failure> {
        self.hall.log_in(&ask.name)
    }

    async fn first(&self, _: u32, ask: OperatorAdd) -> Result<(console::Chair, Session), Failure> {
        self.hall.first(&ask.name)
    }

    fn standing(&self, chair: &console::Chair) -> Result<Standing, String> {
        self.hall.standing(chair)
    }

    async fn left(&self, _: u32, chair: console::Chair, why: &str) {
        self.hall.said(format!("{} left ({why})", chair.name));
    }

    fn refused(&self, _: u32, by: Option<&Standing>, request: &Request, _: &Failure) {
        let operator = by.map_or("nobody", |by| by.operator.as_str());
        self.hall.said(format!("{operator} was refused {}", request.word()));
    }

    fn moved(&self) -> Moved {
        self.hall.moved()
    }

    fn idle(&self) -> Duration {
        self.hall.idle()
    }

    async fn perform(&self, by: &Peer, request: Request) -> Result<Answer, Failure> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        match request {
            Request::Ping => Ok(Answer::Pong(Pong {
                version: "test".to_owned(),
            })),
            Request::ClientShow { name } => Ok(Answer::Done {
                done: "x".repeat(name.parse().unwrap()),
            }),
            Request::TimeShow => {
                tokio::time::sleep(Duration::from_millis(200)).await;
                Ok(Answer::Done {
                    done: "slept".to_owned(),
                })
            }
            Request::Backup(BackupRequest::Look { ticket, .. }) => {
                tokio::time::sleep(Duration::from_millis(1800)).await;
                Ok(Answer::Done { done: ticket })
            }
            Request::UserRemove { name } if name == "panic" => panic!("asked for"),
            other => Err(Failure::refused(format!(
                "{} by {} as {:?}",
                other.word(),
                by.uid,
                by.rights.role()
            ))),
        }
    }
}

struct Rig {
    _dir: tempfile::TempDir,
    path: PathBuf,
    echo: Arc<Echo>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Rig {
    fn start() -> Self {
        Self::start_with(server::IDLE)
    }

    /// With another time for connections without an operator.
    fn start_with(idle: Duration) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("control.sock");
        let echo = Arc::new(Echo::default());
        let (stop, stopped) = oneshot::channel();
        let (up, is_up) = std::sync::mpsc::channel();
        let thread = std::thread::spawn({
            let (path, echo) = (path.clone(), echo.clone());
            move || {
                let runtime = tokio::runtime::Builder::new_multi_thread()
                    .worker_threads(1)
                    .enable_all()
                    .build();
                runtime.unwrap().block_on(async {
                    let mut server = Server::bind(&path).unwrap();
                    server.idle = idle;
                    up.send(()).unwrap();
                    server.serve(echo, async { stopped.await.unwrap_or(()) }).await;
                });
            }
        });
        is_up.recv().unwrap();
        Self {
            _dir: dir,
            path,
            echo,
            stop: Some(stop),
            thread: Some(thread),
        }
    }

    fn asked(&self) -> usize {
        self.echo.asked.load(Ordering::SeqCst)
    }

    fn stop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        self.stop();
    }
}

fn done(answer: Result<Answer, Failure>) -> String {
    match answer {
        Ok(Answer::Done { done }) => done,
        other => panic!("{other:?}"),
    }
}

#[test]
fn requests_are_answered_and_the_kernel_names_the_peer() {
    let rig = Rig::start();
    let mut client = Client::connect(&rig.path).unwrap();
    assert!(matches!(client.ask(&Request::Ping), Ok(Answer::Pong(_))));
    let refused = client.ask(&Request::TimeConfirm).unwrap_err();
    let uid = nix::unistd::geteuid();
    assert_eq!(refused, Failure::refused(format!("time confirm by {uid} as Installer")));
}

#[test]
fn r24_by_hand_the_sockets_are_closed_to_others() {
    let rig = Rig::start();
    for path in [rig.path.clone(), console_path(&rig.path)] {
        let mode = std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        let grouped = nix::unistd::Group::from_name(super::place::ADMIN_GROUP)
            .unwrap()
            .is_some();
        assert!(mode == 0o600 || (grouped && mode == 0o660), "{mode:o}");
    }
}

#[test]
fn bad_frames_cost_their_own_connection_only() {
    let rig = Rig::start();
    let raw = || {
        let mut stream = UnixStream::connect(&rig.path).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        frame::read(&mut stream).unwrap().unwrap();
        stream
    };
    let answer = |stream: &mut UnixStream| {
        let json = frame::read(stream).unwrap().unwrap();
        frame::decode::<Result<Answer, Failure>>(&json).unwrap()
    };
    // Too long: told, then ended.
    let mut long = raw();
    long.write_all(&[0xff; 4]).unwrap();
    assert_eq!(answer(&mut long).unwrap_err().kind, FailureKind::Usage);
    assert_eq!(long.read(&mut [0; 8]).unwrap(), 0);
    // Not JSON, not a request: told, and the connection goes on.
    let mut odd = raw();
    for json in [&b"\xff\x00garbage"[..], b"{}", b"\"no-such-thing\"", b""] {
        odd.write_all(&u32::try_from(json.len()).unwrap().to_be_bytes())
            .unwrap();
        odd.write_all(json).unwrap();
        assert_eq!(answer(&mut odd).unwrap_err().kind, FailureKind::Usage);
    }
    odd.write_all(&frame::encode(&Request::Ping).unwrap()).unwrap();
    assert!(answer(&mut odd).is_ok());
    // Cut short, and a handler that panics.
    raw().write_all(&[0, 0, 1]).unwrap();
    let mut client = Client::connect(&rig.path).unwrap();
    let broken = client
        .ask(&Request::UserRemove {
            name: "panic".to_owned(),
        })
        .unwrap_err();
    assert_eq!(broken.kind, FailureKind::Unreachable);
    assert!(Client::connect(&rig.path).unwrap().ask(&Request::Ping).is_ok());
}

#[test]
fn an_answer_that_no_frame_takes_is_a_failure_and_not_silence() {
    let rig = Rig::start();
    let mut client = Client::connect(&rig.path).unwrap();
    let ask = |length: usize| Request::ClientShow {
        name: length.to_string(),
    };
    let failed = client.ask(&ask(frame::FRAME_MAX)).unwrap_err();
    assert_eq!(failed.kind, FailureKind::Failed);
    assert_eq!(done(client.ask(&ask(1_000_000))).len(), 1_000_000);
}

#[test]
fn a_stop_lets_what_is_under_way_finish_and_removes_the_files() {
    let mut rig = Rig::start();
    let path = rig.path.clone();
    let busy = std::thread::spawn(move || Client::connect(&path).unwrap().ask(&Request::TimeShow));
    while rig.asked() == 0 {
        std::thread::sleep(Duration::from_millis(5));
    }
    rig.stop();
    assert_eq!(done(busy.join().unwrap()), "slept");
    assert!(!rig.path.exists() && !console_path(&rig.path).exists());
    let gone = Client::connect(&rig.path).unwrap_err();
    assert_eq!(gone.kind, FailureKind::Unreachable);
    assert!(gone.message.contains("does not run here"), "{gone}");
}

#[tokio::test]
async fn a_live_socket_is_left_alone_and_a_dead_one_replaced() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("control.sock");
    let first = Server::bind(&path).unwrap();
    assert!(matches!(Server::bind(&path), Err(BindError::Live(_))));
    drop(first);
    assert!(!path.exists());

    // A daemon that was killed leaves its file, and no lock.
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    assert!(path.exists());
    let dead = Client::connect(&path).unwrap_err();
    assert!(dead.message.contains("has stopped"), "{dead}");
    drop(Server::bind(&path).unwrap());

    // Somebody else's live socket, without our lock.
    let _other = std::os::unix::net::UnixListener::bind(&path).unwrap();
    assert!(matches!(Server::bind(&path), Err(BindError::Live(_))));
    std::fs::remove_file(&path).unwrap();

    std::fs::write(&path, "a file").unwrap();
    assert!(matches!(Server::bind(&path), Err(BindError::NotASocket(_))));
    assert_eq!(std::fs::read(&path).unwrap(), b"a file");
    assert!(Client::connect(&path).unwrap_err().message.contains("no socket"));

    assert!(matches!(
        Server::bind(&dir.path().join("none/control.sock")),
        Err(BindError::NoFolder(_))
    ));
    let long = dir.path().join("x".repeat(120));
    assert!(matches!(Server::bind(&long), Err(BindError::TooLong(_))));
}

#[test]
fn a_stranger_and_another_version_are_named() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("s");
    let listener = std::os::unix::net::UnixListener::bind(&path).unwrap();
    let newer = frame::Greeting {
        protocol: frame::PROTOCOL + 1,
        version: "9.9.9\u{1b}[2J".to_owned(),
        door: Door::Control,
    };
    let greetings = [
        b"220 mail.example ESMTP\r\n".to_vec(),
        frame::encode(&newer).unwrap().to_vec(),
        Vec::new(),
    ];
    let speaker = std::thread::spawn(move || {
        for greeting in greetings {
            let (mut stream, _) = listener.accept().unwrap();
            stream.write_all(&greeting).unwrap();
        }
    });
    let mut lines = Vec::new();
    for _ in 0..3 {
        lines.push(Client::connect(&path).unwrap_err().message);
    }
    speaker.join().unwrap();
    assert!(lines[0].contains("is not posternd"), "{lines:?}");
    assert!(
        lines[1].contains("is older than posternd (9.9.9\\u{1b}[2J)"),
        "{lines:?}"
    );
    assert!(lines[2].contains("closed the connection"), "{lines:?}");
}
