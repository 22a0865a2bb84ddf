//! The audit log sent elsewhere as it is written (R23), as syslog (RFC 5424). In: both journals, followed from where the last run
//! stopped; out: lines to a [`Target`], and an alarm while it cannot be reached. It reads what is on the disk already, on threads of
//! its own and with rests, so no packet waits for it; what cannot be sent waits in the journals.
//!
//! A record may arrive twice (a link broke, the daemon was killed): `journal` and `seq` tell. UDP may lose any without a word.

pub mod line;
mod position;
mod reader;
mod target;

use std::collections::VecDeque;
use std::future::pending;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::{Instant, sleep, sleep_until, timeout, timeout_at};

use super::Door;
use super::alarms::Grave;
use line::Origin;
use position::Position;
pub(crate) use position::{FILE as POSITION_FILE, merge as merge_positions};
use reader::{Batch, Reader};
use target::{End, Link, UNCONFIRMED};
pub use target::{NoTarget, Target};

/// The alarm's code.
const ALARM: &str = "syslog";
/// Between attempts to reach the target: doubled each time, up to the second.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(30));
/// A new link has carried something when no error came back for this long.
const PROVE: Duration = Duration::from_millis(250);
/// The position is kept this often at most.
const KEEP_EVERY: Duration = Duration::from_secs(1);
/// After each batch it rests so many times as long as reading took: a tenth of a core at most.
const REST_TIMES: u32 = 9;
/// And so long at least while there is nothing more: a few records go together.
const REST: Duration = Duration::from_millis(50);
/// So long at most.
const REST_MAX: Duration = Duration::from_secs(2);
/// At the end, what waits has this long to leave.
const FLUSH: Duration = Duration::from_secs(1);
/// What is under way when the end comes has this long.
const STUCK: Duration = Duration::from_millis(300);
/// What was sent so long before a peer closed or refused may not have been read.
const IN_DOUBT: Duration = Duration::from_secs(1);

/// The task that sends; ends with [`Sending::finish`].
pub struct Sending {
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Sending {
    /// Sends what is on record by now, for about a second at most, and keeps the position. To be called when the journals are closed.
    pub async fn finish(mut self) {
        let _ = self.stop.send(true);
        if timeout(FLUSH * 2, &mut self.task).await.is_err() {
            self.task.abort();
        }
    }
}

impl Door {
    /// Sends both journals to a target from now on, or from where the last run stopped.
    pub fn send_syslog(self: &Arc<Self>, target: Target) -> Sending {
        let (stop, stopped) = watch::channel(false);
        let sent = Position::load(&self.state_dir).unwrap_or_else(|| Position {
            logins: *self.logins.newest().borrow(),
            operators: *self.operators.newest().borrow(),
        });
        let task = Task {
            door: Arc::clone(self),
            target,
            origin: Origin::new(&host(), std::process::id()),
            sent,
            kept: None,
            keep_at: Instant::now(),
            history: VecDeque::new(),
            reader: None,
            link: None,
            linked_at: Instant::now(),
            proven: false,
            backoff: BACKOFF.0,
            stopped,
            deadline: None,
        };
        Sending {
            stop,
            task: tokio::spawn(task.run()),
        }
    }
}

/// This machine's name; nothing where the system does not tell it.
pub(in crate::door) fn host() -> String {
    ["/proc/sys/kernel/hostname", "/etc/hostname"]
        .iter()
        .find_map(|path| std::fs::read_to_string(path).ok())
        .unwrap_or_default()
}

struct Task {
    door: Arc<Door>,
    target: Target,
    origin: Origin,
    /// What was handed over.
    sent: Position,
    /// What is in the file, and when it may be written again.
    kept: Option<Position>,
    keep_at: Instant,
    /// Where each recent batch began, oldest first: from there it goes on when the link broke.
    history: VecDeque<(Instant, Position)>,
    reader: Option<Reader>,
    link: Option<Link>,
    linked_at: Instant,
    /// Whether the link has carried something.
    proven: bool,
    backoff: Duration,
    stopped: watch::Receiver<bool>,
    /// The end of the end.
    deadline: Option<Instant>,
}

impl Task {
    async fn run(mut self) {
        loop {
            let step = match self.deadline {
                Some(deadline) => timeout_at(deadline, self.step()).await.ok(),
                None => {
                    let stopped = self.stopped.clone();
                    tokio::select! { step = self.step() => Some(step), () = stuck(stopped) => None }
                }
            };
            if self.deadline.is_some() {
                match step {
                    Some(Ok((true, _))) => continue,
                    _ => break,
                }
            }
            self.keep().await;
            let done = match step {
                Some(Ok((true, rest))) => {
                    self.rest(rest).await;
                    Ok(())
                }
                Some(Ok((false, rest))) => {
                    self.rest(rest.max(REST)).await;
                    self.wait().await
                }
                Some(Err(error)) => Err(error),
                // A line may be half sent: the end begins with a new link.
                None => {
                    (self.link, self.reader) = (None, None);
                    Ok(())
                }
            };
            if let Err(error) = done {
                self.failed(error).await;
            }
            if *self.stopped.borrow() {
                self.deadline = Some(Instant::now() + FLUSH);
            }
        }
        self.keep_at = Instant::now();
        self.keep().await;
        if let Some(link) = self.link.take() {
            link.close().await;
        }
    }

    /// A batch from the journals to the target. True if there is more at once; and how long to rest.
    async fn step(&mut self) -> io::Result<(bool, Duration)> {
        if self.link.is_none() {
            self.link = Some(Link::open(&self.target).await?);
            self.linked_at = Instant::now();
            self.proven = false;
        }
        let begun = Instant::now();
        let batch = self.read().await?;
        let took = begun.elapsed();
        self.send(&batch).await?;
        Ok((batch.more, (took * REST_TIMES).min(REST_MAX)))
    }

    async fn rest(&mut self, rest: Duration) {
        let _ = timeout(rest, self.stopped.wait_for(|stop| *stop)).await;
    }

    async fn read(&mut self) -> io::Result<Batch> {
        let mut reader = match self.reader.take() {
            Some(reader) => reader,
            None => Reader::new(self.origin.clone(), &self.door.logins, &self.door.operators, self.sent),
        };
        let (reader, batch) = spawn_blocking(move || {
            let batch = reader.batch();
            (reader, batch)
        })
        .await
        .map_err(io::Error::other)?;
        let batch = batch.map_err(|error| io::Error::other(format!("the journal cannot be read: {error}")))?;
        self.reader = Some(reader);
        Ok(batch)
    }

    async fn send(&mut self, batch: &Batch) -> io::Result<()> {
        let Some(link) = self.link.as_mut() else {
            return Err(io::ErrorKind::NotConnected.into());
        };
        if batch.lines.is_empty() {
            self.sent = batch.position;
            return Ok(());
        }
        let now = Instant::now();
        while self
            .history
            .front()
            .is_some_and(|(at, _)| now.duration_since(*at) > UNCONFIRMED * 2)
        {
            self.history.pop_front();
        }
        self.history.push_back((now, self.sent));
        if let Err(error) = link.send(&batch.lines).await {
            return Err(self.broke(End::Broken(error)));
        }
        self.sent = batch.position;
        if !self.proven {
            if let Ok(end) = timeout(PROVE, link.ended()).await {
                return Err(self.broke(end));
            }
            self.proven = true;
            self.door.alarms.clear(ALARM);
            tracing::info!(target = %self.target, "records are sent as syslog");
        }
        Ok(())
    }

    /// What was sent last may not have arrived: it is sent again over the next link.
    fn broke(&mut self, end: End) -> io::Error {
        let (error, doubt) = match end {
            End::Closed => (io::Error::other("the log server closed the connection"), IN_DOUBT),
            // Only TCP keeps bytes that nobody confirmed.
            End::Broken(error) if matches!(self.target, Target::Tcp(..)) => (error, UNCONFIRMED * 2),
            End::Broken(error) => (error, IN_DOUBT),
        };
        let since = Instant::now().checked_sub(doubt);
        let first = self
            .history
            .iter()
            .find(|(at, _)| since.is_none_or(|since| *at >= since))
            .map(|(_, position)| *position);
        if let Some(first) = first {
            self.sent = first;
        }
        error
    }

    /// Until there is something new, the position is to be kept, or the end is near; an error if the link ended meanwhile.
    async fn wait(&mut self) -> io::Result<()> {
        let (mut logins, mut operators) = (self.door.logins.newest(), self.door.operators.newest());
        let (login, operator) = (*logins.borrow_and_update(), *operators.borrow_and_update());
        if login > self.sent.logins || operator > self.sent.operators {
            return Ok(());
        }
        let (keep_at, unkept) = (self.keep_at, self.kept != Some(self.sent));
        let ended = tokio::select! {
            () = changed(&mut logins) => None,
            () = changed(&mut operators) => None,
            _ = self.stopped.wait_for(|stop| *stop) => None,
            () = sleep_until(keep_at), if unkept => None,
            end = ended(self.link.as_ref()) => Some(end),
        };
        match ended {
            Some(end) => Err(self.broke(end)),
            None => Ok(()),
        }
    }

    /// Drops the link and waits before the next attempt. A link that had lasted is tried once more before an alarm.
    async fn failed(&mut self, error: io::Error) {
        let lasted = self.link.is_some() && self.proven && self.linked_at.elapsed() >= BACKOFF.1;
        // The next link begins behind what was surely sent, not behind what was read.
        (self.link, self.reader) = (None, None);
        if lasted {
            tracing::info!(target = %self.target, %error, "the way of the records broke; trying again");
            self.backoff = BACKOFF.0;
        } else {
            let what = format!("Records cannot be sent to {}: {error}", self.target);
            let todo = "Look at the log server and the way to it; the records wait in the journal and are sent later";
            self.door.raise(ALARM, Grave::Look, what, todo, crate::clock::wall());
        }
        self.rest(self.backoff).await;
        self.backoff = (self.backoff * 2).min(BACKOFF.1);
    }

    async fn keep(&mut self) {
        if self.kept == Some(self.sent) || Instant::now() < self.keep_at {
            return;
        }
        let (dir, sent): (PathBuf, Position) = (self.door.state_dir.clone(), self.sent);
        self.keep_at = Instant::now() + KEEP_EVERY;
        match spawn_blocking(move || sent.save(&dir)).await {
            Ok(Ok(())) => {
                self.kept = Some(sent);
                self.door.alarms.clear("syslog-position");
            }
            Ok(Err(error)) => {
                let what = format!("How far the records were sent cannot be kept: {error}");
                let todo = "Make room on the disk; after a restart some records are sent twice";
                self.door
                    .raise("syslog-position", Grave::Look, what, todo, crate::clock::wall());
            }
            Err(error) => tracing::error!(%error, "the syslog position was not kept"),
        }
    }
}

/// A step that takes longer than this at the end is given up.
async fn stuck(mut stopped: watch::Receiver<bool>) {
    let _ = stopped.wait_for(|stop| *stop).await;
    sleep(STUCK).await;
}

/// Never, once the journal is closed.
async fn changed(newest: &mut watch::Receiver<u64>) {
    if newest.changed().await.is_err() {
        pending().await
    }
}

async fn ended(link: Option<&Link>) -> End {
    match link {
        Some(link) => link.ended().await,
        None => pending().await,
    }
}
