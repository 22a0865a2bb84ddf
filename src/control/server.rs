//! The two control sockets (R24). In: a path and the daemon's [`Operations`]; out: answers on connections. The files' permissions
//! decide who may connect; here it is decided what the peers may: everything at `control.sock`, nothing at `console.sock` until
//! an operator has logged in there. A bad, slow or vanished peer costs its own connection and nothing else.

use std::future::Future;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::net::UnixListener;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;

use super::connection;
use super::peer::{Door, Operations};
use super::place::{self, Place};
pub use super::place::{BindError, console_path};

/// Most connections at one socket; further ones wait in the kernel's queue, at `console.sock` until the oldest one without an operator
/// has made room.
pub const CONNECTIONS_MAX: usize = 32;
/// A frame that has begun must be whole after this.
pub const FRAME_TIMEOUT: Duration = Duration::from_secs(10);
/// A reply must be taken within this: a stalled reader may not hold a connection.
pub const WRITE_TIMEOUT: Duration = Duration::from_secs(30);
/// A connection without a request ends after this; a console's only while no operator is logged in on it.
pub const IDLE: Duration = Duration::from_secs(300);
/// While all places are taken by connections that were asked to make room, another one is asked after this.
const ROOM_PAUSE: Duration = Duration::from_millis(500);
/// On shutdown, requests under way have this long.
pub const GRACE: Duration = Duration::from_secs(3);
/// The kernel's queue of connections not yet accepted.
const BACKLOG: u32 = 64;
/// After a failed accept (no file descriptors left, say).
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// The sockets, bound and listening; serves nothing yet. Dropping it removes the files.
#[derive(Debug)]
pub struct Server {
    /// [`IDLE`], but in tests.
    pub(super) idle: Duration,
    control: (UnixListener, Place),
    console: (UnixListener, Place),
}

impl Server {
    /// Binds `control` and, beside it, `console.sock`. To be called inside a tokio runtime.
    ///
    /// # Errors
    /// [`BindError`]: one line. A socket on which somebody still answers is left alone.
    pub fn bind(control: &Path) -> Result<Self, BindError> {
        let console = console_path(control);
        Ok(Self {
            idle: IDLE,
            control: place::bind(control, Door::Control, BACKLOG)?,
            console: place::bind(&console, Door::Console, BACKLOG)?,
        })
    }

    /// What the operator should know of how the sockets were made, each one line.
    pub fn notes(&self) -> Vec<String> {
        [&self.control.1, &self.console.1]
            .into_iter()
            .filter_map(|place| place.note.clone())
            .collect()
    }

    /// Where the sockets are.
    pub fn paths(&self) -> [PathBuf; 2] {
        [self.control.1.path.clone(), self.console.1.path.clone()]
    }

    /// Serves until `stop` is done; requests under way then have [`GRACE`].
    pub async fn serve<O: Operations>(self, operations: Arc<O>, stop: impl Future<Output = ()>) {
        let (tell, told) = watch::channel(false);
        let (control, control_place) = self.control;
        let (console, console_place) = self.console;
        let mut doors = JoinSet::new();
        doors.spawn(keep_door(
            control,
            Door::Control,
            operations.clone(),
            told.clone(),
            self.idle,
        ));
        doors.spawn(keep_door(console, Door::Console, operations, told, self.idle));
        stop.await;
        let _ = tell.send(true);
        while doors.join_next().await.is_some() {}
        drop((control_place, console_place));
    }
}

/// What the door knows of a connection.
#[derive(Debug, Default)]
pub(super) struct Guest {
    /// An operator is logged in on it.
    pub(super) session: AtomicBool,
    /// Another one wants its place.
    pub(super) leave: Notify,
    asked: AtomicBool,
}

/// A place for one more. At `console.sock` the oldest connection without an operator gives its own, so that silent ones shut nobody out.
async fn place_for(
    room: &Arc<Semaphore>,
    present: &mut Vec<Weak<Guest>>,
    door: Door,
) -> Result<OwnedSemaphorePermit, io::Error> {
    let closed = |_| io::Error::from(io::ErrorKind::Other);
    loop {
        if let Ok(permit) = room.clone().try_acquire_owned() {
            return Ok(permit);
        }
        if door == Door::Control {
            return room.clone().acquire_owned().await.map_err(closed);
        }
        present.retain(|guest| guest.strong_count() > 0);
        let mut idle = present.iter().filter_map(Weak::upgrade);
        let oldest =
            idle.find(|guest| !guest.session.load(Ordering::Acquire) && !guest.asked.swap(true, Ordering::AcqRel));
        if let Some(oldest) = oldest {
            oldest.leave.notify_one();
        }
        if let Ok(permit) = tokio::time::timeout(ROOM_PAUSE, room.clone().acquire_owned()).await {
            return permit.map_err(closed);
        }
    }
}

/// Accepts at one socket until told to stop; never ends on an error.
async fn keep_door<O: Operations>(
    listener: UnixListener,
    door: Door,
    operations: Arc<O>,
    mut told: watch::Receiver<bool>,
    idle: Duration,
) {
    let room = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let mut guests = JoinSet::new();
    let mut present = Vec::new();
    let for_guests = told.clone();
    loop {
        while guests.try_join_next().is_some() {}
        let next = async {
            let (stream, _) = listener.accept().await?;
            place_for(&room, &mut present, door)
                .await
                .map(|permit| (permit, stream))
        };
        tokio::select! {
            () = stopped(&mut told) => break,
            accepted = next => match accepted {
                Ok((permit, stream)) => {
                    let operations = operations.clone();
                    let told = for_guests.clone();
                    let guest = Arc::new(Guest::default());
                    present.retain(|guest| guest.strong_count() > 0);
                    present.push(Arc::downgrade(&guest));
                    guests.spawn(async move {
                        let _permit = permit;
                        if let Err(error) = connection::serve(stream, door, operations.as_ref(), told, guest, idle).await
                        {
                            tracing::debug!(?door, %error, "a control connection ended");
                        }
                    });
                }
                Err(error) => {
                    tracing::warn!(?door, %error, "a control connection could not be accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            },
        }
    }
    drop(listener);
    let _ = tokio::time::timeout(GRACE, async { while guests.join_next().await.is_some() {} }).await;
    guests.shutdown().await;
}

/// Waits for the stop.
pub(super) async fn stopped(told: &mut watch::Receiver<bool>) {
    // An error means that the teller is gone, which is a stop too.
    let _ = told.wait_for(|stop| *stop).await;
}
