//! One connection at a control socket, from the greeting to its end. In: frames; out: an answer to each, and what is told unasked
//! to a console that watches. At `console.sock` nothing is done before an operator has logged in on this very connection, and how
//! the operator stands is looked at anew for each request (R24). It decides who may; it performs nothing itself.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior};
use zeroize::Zeroizing;

use super::answers::Pong;
use super::frame::{self, FrameError, Greeting};
use super::operators::{Moved, Session};
use super::ops::{Answer, Failure, FailureKind, Request};
use super::peer::{Door, Operations, Peer, Rights, Standing};
use super::server::{FRAME_TIMEOUT, Guest, WRITE_TIMEOUT, stopped};
use crate::host::ops::HostRequest;

/// A session is looked at this often, and a console that watches is told of what moved no more often.
pub const BEAT: Duration = Duration::from_millis(500);
/// A console's connection may be quiet for ever.
const FOR_EVER: Duration = Duration::from_secs(365 * 24 * 3600);

/// What is under way for a peer.
type Busy<'a, S> = Pin<Box<dyn Future<Output = Done<S>> + Send + 'a>>;

/// How it ended.
enum Done<S> {
    /// Answered; a look must not outlive its session.
    Answered(Result<Answer, Failure>, Kind),
    /// An operator tried to log in.
    LoggedIn(Result<(S, Session), Failure>),
}

/// What was asked, as far as the end of a session matters to it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Needs no session.
    Open,
    /// A look.
    Look,
    /// A change: it was done, so its answer is given.
    Change,
}

/// An operator's session on this connection.
struct Held<S> {
    seat: S,
    clock_only: bool,
    until: Instant,
    /// What was told last, for a console that watches.
    told: Option<Moved>,
}

struct Connection<'a, O: Operations> {
    operations: &'a O,
    write: OwnedWriteHalf,
    door: Door,
    uid: u32,
    session: Option<Held<O::Seat>>,
    /// What the door knows of it.
    guest: Arc<Guest>,
    /// Why the last session ended.
    ended: Option<String>,
    /// A change, a backup or a restore of the session's is under way: it may take longer than nobody may press a key.
    working: bool,
}

/// Serves a peer until it goes, or the daemon stops.
pub(super) async fn serve<O: Operations>(
    stream: UnixStream,
    door: Door,
    operations: &O,
    told: watch::Receiver<bool>,
    guest: Arc<Guest>,
    idle: Duration,
) -> Result<(), FrameError> {
    let uid = stream.peer_cred()?.uid();
    let (read, write) = stream.into_split();
    let mut connection = Connection {
        operations,
        write,
        door,
        uid,
        session: None,
        guest,
        ended: None,
        working: false,
    };
    let (served, why) = match connection.serve(read, told, idle).await {
        Ok(why) => (Ok(()), why),
        Err(error) => (Err(error), "the console is gone"),
    };
    if let Some(held) = connection.session.take() {
        operations.left(uid, held.seat, why).await;
    }
    served
}

/// The next frame, and the stream back.
async fn next(
    mut read: OwnedReadHalf,
    idle: Duration,
) -> (OwnedReadHalf, Result<Option<Zeroizing<Vec<u8>>>, FrameError>) {
    let frame = frame::read_async(&mut read, idle, FRAME_TIMEOUT).await;
    (read, frame)
}

/// What is under way, or nothing for ever.
async fn done<S>(busy: &mut Option<Busy<'_, S>>) -> Done<S> {
    match busy {
        Some(busy) => busy.await,
        None => std::future::pending().await,
    }
}

impl<'a, O: Operations> Connection<'a, O> {
    /// Until the end, and why it came.
    async fn serve(
        &mut self,
        read: OwnedReadHalf,
        mut told: watch::Receiver<bool>,
        idle: Duration,
    ) -> Result<&'static str, FrameError> {
        let guest = Arc::clone(&self.guest);
        // A console's connection stands for days while somebody is logged in on it.
        let (mut quiet, frames) = (
            Instant::now() + idle,
            match self.door {
                Door::Control => idle,
                Door::Console => FOR_EVER,
            },
        );
        self.send(&Greeting::of(self.door)).await?;
        let mut beat = tokio::time::interval(BEAT);
        beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        // Kept between rounds, so that a push in between loses no byte of a frame that is half read.
        let mut reading = Box::pin(next(read, frames));
        let mut busy: Option<Busy<'a, O::Seat>> = None;
        loop {
            let nobody = self.session.is_none();
            guest.session.store(!nobody, Ordering::Release);
            if !nobody {
                quiet = Instant::now() + idle;
            }
            let silent = nobody && self.door == Door::Console;
            tokio::select! {
                () = tokio::time::sleep_until(quiet), if silent && busy.is_none() => return Ok("nobody logged in"),
                () = guest.leave.notified(), if silent && busy.is_none() => return Ok("another console came"),
                () = stopped(&mut told), if busy.is_none() => return Ok("posternd stops"),
                (read, frame) = &mut reading, if busy.is_none() => {
                    let json = match frame {
                        Ok(Some(json)) => json,
                        Ok(None) => return Ok("the console is gone"),
                        Err(error @ (FrameError::TooLong(_) | FrameError::Truncated)) => {
                            // The stream is out of step: say why, then end.
                            self.reply(&Err(Failure::usage(error.to_string()))).await?;
                            return Ok("the console is gone");
                        }
                        Err(error) => return Err(error),
                    };
                    reading = Box::pin(next(read, frames));
                    quiet = Instant::now() + idle;
                    match frame::decode::<Request>(&json) {
                        Err(error) => self.reply(&Err(Failure::usage(format!("posternd received {error}")))).await?,
                        Ok(request) => {
                            drop(json);
                            busy = Some(self.begin(request).await?);
                        }
                    }
                }
                done = done(&mut busy), if busy.is_some() => {
                    busy = None;
                    self.finish(done).await?;
                }
                _ = beat.tick(), if self.session.is_some() => self.beat().await?,
            }
        }
    }

    /// Decides whether the request may be, and begins it.
    async fn begin(&mut self, request: Request) -> Result<Busy<'a, O::Seat>, FrameError> {
        let (operations, uid) = (self.operations, self.uid);
        if self.door == Door::Control {
            let by_door = Rights::by_door(self.door);
            return Ok(match (by_door, request) {
                (_, Request::Hello) => now(Ok(Answer::Hello(operations.hello()))),
                (_, request @ (Request::LogIn(_) | Request::LogOut | Request::Stay | Request::Watch)) => {
                    now(Err(Failure::usage(format!("{} is for a console", request.word()))))
                }
                (Some(rights), request) => self.perform(rights, None, request),
                (None, _) => now(Err(self.log_in_first())),
            });
        }
        let standing = self.standing().await?;
        Ok(match (request, standing) {
            (Request::Ping, _) => now(Ok(Answer::Pong(Pong {
                version: env!("CARGO_PKG_VERSION").to_owned(),
            }))),
            (Request::Hello, _) => now(Ok(Answer::Hello(operations.hello()))),
            (Request::LogIn(ask), _) => Box::pin(async move { Done::LoggedIn(operations.log_in(uid, ask).await) }),
            (Request::OperatorAdd(ask), None) if !operations.hello().operators => {
                Box::pin(async move { Done::LoggedIn(operations.first(uid, ask).await) })
            }
            (request, None) => {
                let failure = self.log_in_first();
                self.refuse(None, &request, failure)
            }
            (Request::LogOut, Some(_)) => {
                if let Some(held) = self.session.take() {
                    operations.left(uid, held.seat, "").await;
                }
                self.ended = None;
                now(Ok(Answer::Done {
                    done: "logged out".to_owned(),
                }))
            }
            (Request::Stay, Some(_)) => {
                self.stay();
                now(Ok(Answer::Done {
                    done: "the session goes on".to_owned(),
                }))
            }
            (Request::Watch, Some(_)) => {
                let moved = operations.moved();
                if let Some(held) = &mut self.session {
                    held.told = Some(moved);
                }
                now(Ok(Answer::Moved(moved)))
            }
            (request, Some(standing)) => {
                if request.on_record() || matches!(request, Request::Backup(_)) {
                    self.working = true;
                    self.stay();
                }
                if self.session.as_ref().is_some_and(|held| held.clock_only) && !of_the_clock(&request) {
                    let failure = Failure::new(
                        FailureKind::NotAllowed,
                        "the clock comes first: look whether it is right, then confirm it",
                    );
                    return Ok(self.refuse(Some(&standing), &request, failure));
                }
                self.perform(Rights::of_operator(standing.role), Some(standing), request)
            }
        })
    }

    /// Refused, and on record where it would have been (R23).
    fn refuse(&self, by: Option<&Standing>, request: &Request, failure: Failure) -> Busy<'a, O::Seat> {
        if self.door == Door::Console && request.on_record() {
            self.operations.refused(self.uid, by, request, &failure);
        }
        now(Err(failure))
    }

    /// The one way to an operation: without rights there is none.
    fn perform(&self, rights: Rights, standing: Option<Standing>, request: Request) -> Busy<'a, O::Seat> {
        if let Err(failure) = rights.allow(&request) {
            return self.refuse(standing.as_ref(), &request, failure);
        }
        let (operator, line, seat) = standing.map(|s| (s.operator, s.line, s.seat)).unwrap_or_default();
        let by = Peer {
            uid: self.uid,
            door: self.door,
            operator,
            line,
            seat,
            rights,
        };
        let operations = self.operations;
        let kind = match (self.door, request.on_record()) {
            (Door::Control, _) => Kind::Open,
            (Door::Console, true) => Kind::Change,
            (Door::Console, false) => Kind::Look,
        };
        Box::pin(async move { Done::Answered(operations.perform(&by, request).await, kind) })
    }

    async fn finish(&mut self, done: Done<O::Seat>) -> Result<(), FrameError> {
        if std::mem::take(&mut self.working) {
            // The idle time counts from its end.
            self.stay();
        }
        match done {
            Done::Answered(_, Kind::Look) if self.standing().await?.is_none() => {
                let failure = Err(self.log_in_first());
                self.reply(&failure).await
            }
            Done::Answered(answer, _) => self.reply(&answer).await,
            Done::LoggedIn(Err(failure)) => self.reply(&Err(failure)).await,
            Done::LoggedIn(Ok((seat, session))) => {
                let held = Held {
                    seat,
                    clock_only: session.clock_only,
                    until: Instant::now() + self.operations.idle(),
                    told: None,
                };
                if let Some(before) = self.session.replace(held) {
                    self.operations.left(self.uid, before.seat, "another login").await;
                }
                self.ended = None;
                self.reply(&Ok(Answer::Session(session))).await
            }
        }
    }

    /// How the operator on this connection stands now; none: nobody is logged in, or no longer.
    async fn standing(&mut self) -> Result<Option<Standing>, FrameError> {
        let Some(held) = &mut self.session else {
            return Ok(None);
        };
        let stands = self.operations.standing(&held.seat);
        let working = self.working;
        let over = match &stands {
            Err(why) => Some(why.clone()),
            Ok(_) if !working && Instant::now() >= held.until => {
                let minutes = self.operations.idle().as_secs().div_ceil(60);
                Some(match minutes {
                    0 | 1 => "no key for a minute".to_owned(),
                    minutes => format!("no key for {minutes} minutes"),
                })
            }
            // Logged in by password alone, while no code could be checked (R19).
            Ok(now) if held.clock_only && now.clock_trusted && now.token => {
                Some("the clock is trusted now: log in again with your code".to_owned())
            }
            Ok(now) => {
                held.clock_only &= !now.clock_trusted;
                None
            }
        };
        match over {
            Some(why) => self.end(why).await.map(|()| None),
            None => Ok(stands.ok()),
        }
    }

    /// The rights go; whoever watches is told.
    async fn end(&mut self, why: String) -> Result<(), FrameError> {
        let Some(held) = self.session.take() else {
            return Ok(());
        };
        let watching = held.told.is_some();
        self.operations.left(self.uid, held.seat, &why).await;
        self.ended = Some(why.clone());
        if watching {
            self.reply(&Ok(Answer::Ended { why })).await?;
        }
        Ok(())
    }

    fn stay(&mut self) {
        if let Some(held) = &mut self.session {
            held.until = Instant::now() + self.operations.idle();
        }
    }

    /// Looks at the session, and tells what has moved since.
    async fn beat(&mut self) -> Result<(), FrameError> {
        if self.standing().await?.is_none() {
            return Ok(());
        }
        let Some(Held { told: Some(told), .. }) = &mut self.session else {
            return Ok(());
        };
        let moved = self.operations.moved();
        if *told == moved {
            return Ok(());
        }
        *told = moved;
        self.reply(&Ok(Answer::Moved(moved))).await
    }

    fn log_in_first(&self) -> Failure {
        let line = match &self.ended {
            Some(why) => format!("log in first: the session has ended ({why})"),
            None => "log in first".to_owned(),
        };
        Failure::new(FailureKind::LogInFirst, line)
    }

    async fn reply(&mut self, answer: &Result<Answer, Failure>) -> Result<(), FrameError> {
        match self.send(answer).await {
            Err(FrameError::TooLong(length)) => {
                let failure = Failure::failed(format!(
                    "the answer has {length} bytes, more than a frame takes: ask for less"
                ));
                self.send::<Result<Answer, Failure>>(&Err(failure)).await
            }
            Err(FrameError::NotUnderstood(_)) => {
                let failure = Failure::failed("the answer could not be put into words: see the log of posternd");
                self.send::<Result<Answer, Failure>>(&Err(failure)).await
            }
            other => other,
        }
    }

    async fn send<T: serde::Serialize>(&mut self, value: &T) -> Result<(), FrameError> {
        let bytes = frame::encode(value)?;
        match tokio::time::timeout(WRITE_TIMEOUT, self.write.write_all(&bytes)).await {
            Ok(written) => Ok(written?),
            Err(_) => Err(FrameError::Io(io::ErrorKind::TimedOut.into())),
        }
    }
}

/// What is answered at once.
fn now<'a, S: Send + 'a>(answer: Result<Answer, Failure>) -> Busy<'a, S> {
    Box::pin(std::future::ready(Done::Answered(answer, Kind::Open)))
}

/// What may be asked while the clock is not trusted (R19); the rest of that needs no operation.
fn of_the_clock(request: &Request) -> bool {
    matches!(
        request,
        Request::TimeShow | Request::TimeConfirm | Request::Status | Request::Host(HostRequest::ClockSet { .. })
    )
}
