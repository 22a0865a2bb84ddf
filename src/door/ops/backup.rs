//! Backup and restore, asked by an installer. In: a passphrase and a password, or a file in pieces; out: the file in pieces, or a box that
//! starts anew as what the file holds. posternd opens no file of anybody's (R25): what is under way lies in folders of its own. Until the
//! last step a restore changes nothing.

use std::fs::{self, File};
use std::io::{self, Seek, SeekFrom, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::common::Target;
use super::export::{by_password, unchanged};
use super::settle::{goes_on, names, settle};
use super::{Inner, broken};
use crate::backup::machine;
use crate::backup::pack::{self, Source, create, fresh};
use crate::backup::stream::Head;
use crate::backup::swap::{self, Plan};
use crate::backup::unpack::{Found, Readers, Staged, unpack};
use crate::backup::{BEFORE_DIR, MAKING_DIR, RESTORING_DIR};
use crate::control::backup::{
    BackupAnswer, BackupHolds, BackupMade, BackupMake, BackupRequest, GoesOn, PIECE_MAX, RestoreNow,
};
use crate::control::ops::{Answer, Failure};
use crate::control::peer::{Door as Socket, Peer, Role};
use crate::control::strength;
use crate::door::events::{Event, OperatorEvent, decode};
use crate::door::fill_random;
use crate::host::client;
use crate::host::ops::{Ask, HostAnswer, HostRequest};
use crate::seal::MasterKey;
use crate::secret::Secret;
use crate::store::records::Timestamp;
use crate::text::shown;
use crate::times::shown_at;

/// The answer is on its way for so long before posternd stops.
const ANSWER_LEAVES: Duration = Duration::from_millis(300);
/// What nobody goes on with is dropped after this: longer than anybody reads a screen, or types a password.
pub(super) const FORGOTTEN: Duration = Duration::from_secs(15 * 60);
/// Bytes that stay free on the disk beside what a restore takes.
const ROOM: u64 = 64 << 20;

/// What is under way: one backup and one restore at most. A newer one takes the place of one that nobody goes on with.
#[derive(Default)]
pub(super) struct Desk {
    making: Mutex<Option<Making>>,
    restoring: Mutex<Option<Restoring>>,
}

/// A backup that is handed out.
struct Making {
    ticket: String,
    touched: Instant,
    file: File,
    bytes: u64,
}

/// A file that comes in.
struct Restoring {
    ticket: String,
    touched: Instant,
    file: File,
    bytes: u64,
    received: u64,
    staged: Option<Staged>,
}

fn ticket() -> String {
    let mut bytes = [0; 16];
    fill_random(&mut bytes);
    data_encoding::HEXLOWER.encode(&bytes)
}

fn busy() -> Failure {
    Failure::refused("another backup or restore is just being worked on: try again in a minute")
}

fn gone() -> Failure {
    Failure::refused("nothing is under way: another one took its place, or posternd was started anew; begin again")
}

fn disk(dir: &Path) -> impl Fn(io::Error) -> Failure {
    let dir = dir.display().to_string();
    move |error| Failure::failed(format!("{dir}: {error}; nothing was changed"))
}

/// Memory that could be had, in bytes, where the kernel says.
fn free_memory() -> Option<u64> {
    let text = fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let kilobytes: u64 = line.trim().strip_suffix(" kB")?.trim().parse().ok()?;
    Some(kilobytes << 10)
}

fn free_disk(dir: &Path) -> Option<u64> {
    let found = nix::sys::statvfs::statvfs(dir).ok()?;
    Some(found.blocks_available().saturating_mul(found.fragment_size()))
}

/// What is counted comes from the store itself; host and version are what the file says.
fn holds(head: &Head, found: &Found, goes_on: GoesOn) -> BackupHolds {
    BackupHolds {
        host: shown(&head.host),
        made: found.made,
        version: shown(&head.version),
        users: found.users,
        tokens: found.tokens,
        clients: found.clients,
        operators: found.operators.iter().map(|name| shown(name)).collect(),
        goes_on,
        damaged: head.damaged,
        machine: machine::bounded(&head.machine),
    }
}

fn utc(at: Timestamp) -> String {
    format!("{} UTC", shown_at(at, &jiff::tz::TimeZone::UTC))
}

impl Inner {
    /// What goes on record.
    pub(super) async fn backup(
        self: &Arc<Self>,
        by: &Peer,
        ask: BackupRequest,
        target: &mut Target,
    ) -> Result<Answer, Failure> {
        self.still(by, Role::Installer, ask.word())?;
        let Ok(_place) = self.door.staff.checks.acquire().await else {
            return Err(broken());
        };
        let (inner, by, mut named) = (Arc::clone(self), by.clone(), Target::default());
        named.text.clone_from(&target.text);
        let done = tokio::task::spawn_blocking(move || {
            let done = match ask {
                BackupRequest::Make(ask) => inner.make(&by, &ask, &mut named),
                BackupRequest::Restore(ask) => inner.restore(&by, &ask, &mut named),
                _ => Err(broken()),
            };
            (done, named)
        });
        let (done, named) = done.await.map_err(|_| broken())?;
        *target = named;
        done
    }

    /// The pieces between.
    pub(super) async fn backup_piece(self: Arc<Self>, ask: BackupRequest) -> Result<Answer, Failure> {
        let done = tokio::task::spawn_blocking(move || match ask {
            BackupRequest::Read { ticket, offset } => self.read_piece(&ticket, offset),
            BackupRequest::Send { bytes } => self.begin_restore(bytes),
            BackupRequest::Piece { ticket, offset, bytes } => self.take_piece(&ticket, offset, &bytes),
            BackupRequest::Look { ticket, passphrase } => self.look_at(&ticket, &passphrase),
            BackupRequest::Drop { ticket } => self.drop_ticket(&ticket),
            BackupRequest::Make(_) | BackupRequest::Restore(_) => Err(broken()),
        });
        done.await.unwrap_or_else(|_| Err(broken()))
    }

    /// Makes the file, to be read piece by piece. Blocks.
    fn make(self: &Arc<Self>, by: &Peer, ask: &BackupMake, target: &mut Target) -> Result<Answer, Failure> {
        let door = &self.door;
        let (proven, how) = by_password(door, by, (ask.operator.as_deref(), ask.password.as_ref()))?;
        target.staff = proven.map(|(id, _)| id);
        let passphrase = ask.passphrase.expose_str();
        let passphrase = passphrase.ok_or_else(|| Failure::usage("the passphrase is no text"))?;
        strength::password("", passphrase).map_err(|line| Failure::refused(format!("passphrase: {line}")))?;
        let mut making = self.desk.making.try_lock().ok_or_else(busy)?;
        *making = None;
        let key = MasterKey::load(&door.state_dir, door.credentials.as_deref());
        let key = key.map_err(|error| Failure::failed(error.to_string()))?;
        let source = Source {
            state_dir: &door.state_dir,
            store: &door.store,
            logins: &door.logins,
            operators: &door.operators,
            sealer: &door.sealer,
            key: &key,
            host: self.hello().host,
            machine: self.machine(),
        };
        let now = crate::clock::wall();
        let dir = door.state_dir.join(MAKING_DIR);
        let mut copied = |path: &Path| door.copied(|store| store.copy_to(path, now));
        let packed = pack::pack(&source, &ask.passphrase, &dir, &mut copied, now);
        let packed = packed.and_then(|(path, head)| {
            let file = File::open(&path).and_then(|file| Ok((file.metadata()?.len(), file)));
            // It has no name any more: whatever ends this, nothing is left of it.
            let (bytes, file) = file
                .and_then(|opened| fs::remove_dir_all(&dir).map(|()| opened))
                .map_err(|error| pack::PackError::Io(path, error))?;
            Ok((head, bytes, file))
        });
        let (head, bytes, file) = packed.map_err(|error| {
            let _ = fs::remove_dir_all(&dir);
            Failure::failed(error.to_string())
        })?;
        // It took its time: the operator may be another since, or the box be about to become another one.
        self.still(by, Role::Installer, "backup")?;
        unchanged(door, proven)?;
        target.text = format!("{} users, {} tokens{how}", head.users, head.tokens);
        let ticket = ticket();
        *making = Some(Making {
            ticket: ticket.clone(),
            touched: Instant::now(),
            file,
            bytes,
        });
        let found = Found {
            made: head.made,
            users: head.users,
            tokens: head.tokens,
            clients: head.clients,
            operators: head.operators.clone(),
        };
        let holds = holds(&head, &found, GoesOn::BOTH);
        self.forget_later(&ticket);
        Ok(Answer::Backup(BackupAnswer::Made(BackupMade { ticket, bytes, holds })))
    }

    /// How the machine is set, where postern-host tells; a backup is made without it too. Blocks.
    fn machine(&self) -> Vec<String> {
        match client::ask(&self.host, &Ask::Operator(HostRequest::Show)) {
            Ok(HostAnswer::Report(report)) => machine::lines(&report),
            Ok(_) => Vec::new(),
            Err(failure) => {
                tracing::info!(%failure, "the backup says nothing of how the machine is set");
                Vec::new()
            }
        }
    }

    fn read_piece(&self, ticket: &str, offset: u64) -> Result<Answer, Failure> {
        let mut making = self.desk.making.try_lock().ok_or_else(busy)?;
        let at = making
            .as_mut()
            .filter(|making| making.ticket == ticket)
            .ok_or_else(gone)?;
        at.touched = Instant::now();
        let left = at.bytes.saturating_sub(offset);
        let wanted = PIECE_MAX.min(usize::try_from(left).unwrap_or(usize::MAX));
        let mut bytes = vec![0; wanted];
        at.file
            .read_exact_at(&mut bytes, offset)
            .map_err(disk(&self.door.state_dir))?;
        if left <= wanted as u64 {
            *making = None;
            // It is in the caller's hands: what was there before the last restore has had its time.
            if let Err(error) = swap::forget_before(&self.door.state_dir, true) {
                tracing::warn!(%error, "what was there before the last restore could not be removed");
            }
        }
        Ok(Answer::Backup(BackupAnswer::Piece {
            bytes: Secret::new(bytes),
        }))
    }

    /// Nothing was decided yet. Asked under the lock of the restore, which the decision holds until it says so here: what was staged
    /// then is the next start's, and nobody's to change.
    fn undecided(&self) -> Result<(), Failure> {
        match self.stopping.load(Ordering::Acquire) {
            true => Err(Failure::failed("posternd stops just now: try again when it runs again")),
            false => Ok(()),
        }
    }

    fn begin_restore(self: &Arc<Self>, bytes: u64) -> Result<Answer, Failure> {
        let mut restoring = self.desk.restoring.try_lock().ok_or_else(busy)?;
        self.undecided()?;
        *restoring = None;
        let dir = self.door.state_dir.join(RESTORING_DIR);
        fresh(&dir).map_err(disk(&dir))?;
        // The file, what is in it, and the store's copy while the store is made of it.
        let needed = bytes.saturating_mul(3).saturating_add(ROOM);
        if let Some(free) = free_disk(&dir).filter(|free| *free < needed) {
            return Err(Failure::refused(format!(
                "the restore takes {} MB of the disk, and {} MB are free: make room, nothing was changed",
                needed >> 20,
                free >> 20
            )));
        }
        let file = create(&dir.join("file")).map_err(disk(&dir))?;
        let ticket = ticket();
        *restoring = Some(Restoring {
            ticket: ticket.clone(),
            touched: Instant::now(),
            file,
            bytes,
            received: 0,
            staged: None,
        });
        self.forget_later(&ticket);
        Ok(Answer::Backup(BackupAnswer::Ticket { ticket, received: 0 }))
    }

    fn take_piece(&self, ticket: &str, offset: u64, bytes: &Secret) -> Result<Answer, Failure> {
        let mut restoring = self.desk.restoring.try_lock().ok_or_else(busy)?;
        self.undecided()?;
        let at = restoring.as_mut().filter(|at| at.ticket == ticket).ok_or_else(gone)?;
        let after = offset.saturating_add(bytes.len() as u64);
        if offset != at.received || after > at.bytes || at.staged.is_some() {
            return Err(Failure::usage("a piece of the file is not the next one: begin again"));
        }
        let written = at.file.seek(SeekFrom::Start(offset));
        written
            .and_then(|_| at.file.write_all(bytes.expose()))
            .map_err(disk(&self.door.state_dir))?;
        (at.received, at.touched) = (after, Instant::now());
        let (ticket, received) = (ticket.to_owned(), at.received);
        Ok(Answer::Backup(BackupAnswer::Ticket { ticket, received }))
    }

    fn look_at(&self, ticket: &str, passphrase: &Secret) -> Result<Answer, Failure> {
        let mut restoring = self.desk.restoring.try_lock().ok_or_else(busy)?;
        self.undecided()?;
        let at = restoring.as_mut().filter(|at| at.ticket == ticket).ok_or_else(gone)?;
        if at.received != at.bytes {
            return Err(Failure::usage("the file has not come whole: begin again"));
        }
        at.staged = None;
        let door = &self.door;
        let dir = door.state_dir.join(RESTORING_DIR);
        let credential = MasterKey::credential(door.credentials.as_deref());
        let credential = credential.map_err(|error| Failure::failed(error.to_string()))?;
        let readers = Readers {
            login: |payload| decode::<Event>(payload).is_some(),
            act: |payload| decode::<OperatorEvent>(payload).is_some(),
        };
        let file = dir.join("file");
        let staged = unpack(&file, passphrase, &dir, credential.as_ref(), &readers, free_memory());
        let staged = staged.map_err(|error| Failure::refused(error.to_string()))?;
        let goes_on = goes_on(door, &staged).map_err(disk(&dir))?;
        let holds = holds(&staged.head, &staged.found, goes_on);
        (at.staged, at.touched) = (Some(staged), Instant::now());
        Ok(Answer::Backup(BackupAnswer::Holds(holds)))
    }

    /// Forgets what was begun. What is being worked on by another request is not waited for.
    fn drop_ticket(&self, ticket: &str) -> Result<Answer, Failure> {
        let (mut found, mut unseen) = (false, false);
        match self.desk.making.try_lock() {
            Some(mut making) => found |= making.take_if(|at| at.ticket == ticket).is_some(),
            None => unseen = true,
        }
        match self.desk.restoring.try_lock() {
            Some(mut restoring) => {
                self.undecided()?;
                if restoring.take_if(|at| at.ticket == ticket).is_some() {
                    let dir = self.door.state_dir.join(RESTORING_DIR);
                    fs::remove_dir_all(&dir).map_err(disk(&dir))?;
                    found = true;
                }
            }
            None => unseen = true,
        }
        match unseen && !found {
            true => Err(busy()),
            false => Ok(Answer::Done {
                done: "nothing was changed".to_owned(),
            }),
        }
    }

    /// Drops what has this ticket once nobody has gone on with it for [`FORGOTTEN`].
    fn forget_later(self: &Arc<Self>, ticket: &str) {
        let (inner, ticket) = (Arc::downgrade(self), ticket.to_owned());
        self.door.runtime.spawn(async move {
            let mut wait = FORGOTTEN;
            loop {
                tokio::time::sleep(wait).await;
                let Some(inner) = inner.upgrade() else { return };
                let ticket = ticket.clone();
                let looked = tokio::task::spawn_blocking(move || inner.forget(&ticket, Instant::now()));
                match looked.await {
                    Ok(Some(left)) => wait = left,
                    _ => return,
                }
            }
        });
    }

    /// Drops it if it is time. How long it has still; none: it is gone. Blocks.
    pub(super) fn forget(&self, ticket: &str, now: Instant) -> Option<Duration> {
        let making = self
            .desk
            .making
            .lock()
            .as_ref()
            .map(|at| (at.ticket.clone(), at.touched));
        let restoring = self
            .desk
            .restoring
            .lock()
            .as_ref()
            .map(|at| (at.ticket.clone(), at.touched));
        let (_, touched) = [making, restoring].into_iter().flatten().find(|(of, _)| of == ticket)?;
        let left = FORGOTTEN.saturating_sub(now.saturating_duration_since(touched));
        if !left.is_zero() {
            return Some(left);
        }
        tracing::info!("a backup or restore that nobody went on with is dropped");
        match self.drop_ticket(ticket) {
            Ok(_) => None,
            // Somebody goes on with it just now, or it is decided.
            Err(_) if self.stopping.load(Ordering::Acquire) => None,
            Err(_) => Some(FORGOTTEN),
        }
    }

    /// Decides. From then on nothing is changed any more, nobody is answered, and posternd starts anew as what was restored. Blocks.
    fn restore(&self, by: &Peer, ask: &RestoreNow, target: &mut Target) -> Result<Answer, Failure> {
        let door = &self.door;
        let mut proven = None;
        let how = match by.door {
            Socket::Console => {
                door.unrestricted(&by.operator)?;
                String::new()
            }
            Socket::Control => {
                let (by_whom, how) = by_password(door, by, (ask.operator.as_deref(), ask.password.as_ref()))?;
                proven = by_whom;
                how
            }
        };
        let _alone = self.changes.lock();
        self.still(by, Role::Installer, "restore")?;
        unchanged(door, proven)?;
        let mut restoring = self.desk.restoring.try_lock().ok_or_else(busy)?;
        let at = restoring
            .as_mut()
            .filter(|at| at.ticket == ask.ticket)
            .ok_or_else(gone)?;
        let staged = at.staged.as_ref().ok_or_else(gone)?;
        let dir = door.state_dir.join(RESTORING_DIR);
        let goes_on = goes_on(door, staged).map_err(disk(&dir))?;
        let from = format!(
            "the backup of {} of {}",
            shown(&staged.head.host),
            utc(staged.found.made)
        );
        target.text = format!("{from}{how}");
        settle(door, staged, goes_on)?;
        let (bring, take) = names(door, staged, goes_on).map_err(disk(&dir))?;
        let plan = Plan {
            bring,
            take,
            goes_on: goes_on.operators,
            at: crate::clock::wall(),
            by: (by.uid, by.operator.clone(), by.line.clone()),
            words: format!("Restored from {from}"),
            told: false,
            machine: match goes_on {
                GoesOn::NONE => machine::bounded(&staged.head.machine),
                _ => Vec::new(),
            },
        };
        swap::commit(&door.state_dir, &plan).map_err(disk(&dir))?;
        self.stopping.store(true, Ordering::Release);
        door.closing.store(true, Ordering::Release);
        *restoring = None;
        let begin = Arc::clone(door);
        door.runtime.spawn(async move {
            tokio::time::sleep(ANSWER_LEAVES).await;
            begin.restart.notify_one();
        });
        Ok(Answer::Done {
            done: format!(
                "{from} is restored, and posternd starts anew; what was there lies in {} until the next backup or for 30 days",
                door.state_dir.join(BEFORE_DIR).display()
            ),
        })
    }
}
