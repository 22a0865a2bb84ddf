//! The clock gate's contact with the system. In: the system's clocks, the signs that NTP or a hardware clock leave, and a file
//! with the newest trusted time; out: the gate's answer, cheap enough for every packet. The file lies in the state folder outside
//! the store, so that a restore does not take it back (R20). Never sets a clock.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use nix::time::{ClockId, clock_gettime};
use parking_lot::Mutex;
use thiserror::Error;

use super::{BACKWARDS, ClockGate, Mode, Remembered, Report, Source, State, Why};
use crate::store::records::Timestamp;

/// The file of the newest trusted time, in the state folder.
pub const FILE: &str = "newest-time";

/// The newest trusted time is written at most this often; a power cut may take that much of it.
pub const KEEP_EVERY: Duration = Duration::from_secs(60);

/// What systemd-timesyncd touches each time a time server has set or confirmed the clock.
const TIMESYNC: &str = "run/systemd/timesync/synchronized";
/// `1` where the kernel set its clock from this hardware clock at boot.
const HCTOSYS: &str = "sys/class/rtc/rtc0/hctosys";
/// What it shows, in seconds since 1970.
const SINCE_EPOCH: &str = "sys/class/rtc/rtc0/since_epoch";
/// A hardware clock that shows another time than the system has is not where that time comes from. Its battery is empty, or the board has
/// none and its firmware makes one up (the UEFI of Raspberry Pis does); then timesyncd has set the clock to when the box was last on.
/// An hour: two good clocks that nobody sets drift apart by some minutes a year.
const APART: Duration = Duration::from_secs(3600);

/// Why the newest time could not be kept or read.
#[derive(Debug, Error)]
pub enum ClockError {
    /// Reading or writing failed.
    #[error("{path}: {source}: make the state folder readable and writable for posternd")]
    Io {
        /// The file.
        path: String,
        /// What the system said.
        source: io::Error,
    },
    /// Others may write the file or read it (R21).
    #[error("{0} is open to others: run chmod 600 on it")]
    Open(String),
    /// The clock cannot be confirmed as it stands.
    #[error("the clock shows a date before 2026: set it, then confirm it")]
    TooEarly,
}

/// The box's clock behind its gate: one for the whole daemon.
pub struct Clock {
    mode: Mode,
    root: PathBuf,
    file: PathBuf,
    trusted: AtomicBool,
    // The box's clock minus the monotonic one at the last look, in ms: a packet sees by it that the clock jumped.
    offset: AtomicU64,
    inner: Mutex<Inner>,
    /// One writer of the file at a time.
    writing: Mutex<()>,
}

struct Inner {
    gate: ClockGate,
    kept: Option<(Timestamp, Duration)>,
}

impl Clock {
    /// Reads the newest trusted time from the state folder and looks at the clock for the first time.
    ///
    /// # Errors
    /// The file cannot be opened, or is open to others. One that holds no time is no error: the gate then waits (R19).
    pub fn open(mode: Mode, state_dir: &Path) -> Result<Self, ClockError> {
        Self::open_at(mode, state_dir, Path::new("/"))
    }

    /// As [`Clock::open`], with another folder in the place of `/`, for tests.
    fn open_at(mode: Mode, state_dir: &Path, root: &Path) -> Result<Self, ClockError> {
        let file = state_dir.join(FILE);
        let clock = Self {
            mode,
            root: root.to_owned(),
            trusted: AtomicBool::new(false),
            offset: AtomicU64::new(0),
            inner: Mutex::new(Inner {
                gate: ClockGate::new(remembered(&file)?),
                kept: None,
            }),
            file,
            writing: Mutex::new(()),
        };
        clock.look(wall(), monotonic());
        Ok(clock)
    }

    /// The time, if it is trusted: two reads of clocks and two of memory. Where the clock jumped since the last look, the gate is
    /// asked before anything is said.
    pub fn now(&self) -> Option<Timestamp> {
        let (wall, monotonic) = (wall(), monotonic());
        let moved = self.offset.load(Ordering::Acquire).abs_diff(offset(wall, monotonic));
        let jumped = u128::from(moved) > BACKWARDS.as_millis();
        if jumped {
            self.look(wall, monotonic);
        }
        self.trusted.load(Ordering::Acquire).then_some(wall)
    }

    /// Whether the time was trusted at the last look.
    pub fn is_trusted(&self) -> bool {
        self.trusted.load(Ordering::Acquire)
    }

    /// Looks at the clock, and keeps the newest trusted time when a minute has passed. To be called once a second, off the
    /// packet's path: it may wait for the disk.
    ///
    /// # Errors
    /// The file could not be written; the state is right all the same.
    pub fn tick(&self) -> Result<State, ClockError> {
        let monotonic = monotonic();
        let state = self.look(wall(), monotonic);
        self.keep(monotonic, false)?;
        Ok(state)
    }

    /// `postern time confirm`: an operator says that the clock is right. On the disk when this returns.
    ///
    /// # Errors
    /// A date before the program's own, or the file could not be written.
    pub fn confirm(&self) -> Result<(), ClockError> {
        let (wall, monotonic) = (wall(), monotonic());
        {
            let mut inner = self.inner.lock();
            inner.gate.confirm(wall, monotonic).map_err(|_| ClockError::TooEarly)?;
            self.publish(inner.gate.state(), wall, monotonic);
        }
        self.keep(monotonic, true)
    }

    /// Keeps the newest trusted time now, at a clean end.
    ///
    /// # Errors
    /// The file could not be written.
    pub fn close(&self) -> Result<(), ClockError> {
        self.keep(monotonic(), true)
    }

    /// For `postern time show` and `status`.
    pub fn report(&self) -> Report {
        let inner = self.inner.lock();
        Report::new(inner.gate.state(), wall(), inner.gate.newest())
    }

    fn look(&self, wall: Timestamp, monotonic: Duration) -> State {
        let source = source(self.mode, &self.root, wall, monotonic);
        let mut inner = self.inner.lock();
        let before = inner.gate.state();
        let state = inner.gate.observe(wall, monotonic, source);
        self.publish(state, wall, monotonic);
        drop(inner);
        if std::mem::discriminant(&before) != std::mem::discriminant(&state)
            || before == State::Waiting(Why::NotReadYet)
        {
            let report = Report::new(state, wall, None);
            match state {
                State::Trusted(_) => tracing::info!("{}", report.words),
                State::Waiting(_) => tracing::warn!("{} {}", report.words, report.todo.unwrap_or_default()),
            }
        }
        state
    }

    fn publish(&self, state: State, wall: Timestamp, monotonic: Duration) {
        // Trust goes before the offset changes and comes after: nobody sees the new offset with the old trust.
        let trusted = matches!(state, State::Trusted(_));
        if !trusted {
            self.trusted.store(false, Ordering::Release);
        }
        self.offset.store(offset(wall, monotonic), Ordering::Release);
        self.trusted.store(trusted, Ordering::Release);
    }

    fn keep(&self, monotonic: Duration, at_once: bool) -> Result<(), ClockError> {
        let _alone = self.writing.lock();
        let newest = {
            let inner = self.inner.lock();
            match (inner.gate.newest(), inner.kept) {
                (None, _) => return Ok(()),
                (Some(newest), Some((kept, _))) if newest == kept => return Ok(()),
                (Some(_), Some((_, at))) if !at_once && monotonic.saturating_sub(at) < KEEP_EVERY => return Ok(()),
                (Some(newest), _) => newest,
            }
        };
        write(&self.file, newest).map_err(|source| ClockError::Io {
            path: self.file.display().to_string(),
            source,
        })?;
        self.inner.lock().kept = Some((newest, monotonic));
        Ok(())
    }
}

/// The box's clock, in ms since 1970; 0 where it shows less.
pub fn wall() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

/// Time since boot, sleep included, which nobody can set.
pub fn monotonic() -> Duration {
    match clock_gettime(ClockId::CLOCK_BOOTTIME) {
        Ok(at) => Duration::from(at),
        // Every kernel since 2.6.39 has it. Where it is hidden, a day that passes looks like a jump: the gate waits, not trusts.
        Err(_) => Duration::ZERO,
    }
}

fn offset(wall: Timestamp, monotonic: Duration) -> u64 {
    wall.minus(monotonic).0
}

/// Where the system's time comes from at this moment.
fn source(mode: Mode, root: &Path, wall: Timestamp, monotonic: Duration) -> Source {
    // The folder is in memory, so the file is of this boot; its own time says so too, but for one that was copied there.
    let booted = wall.minus(monotonic).minus(BACKWARDS);
    let synced = fs::metadata(root.join(TIMESYNC))
        .and_then(|data| data.modified())
        .ok()
        .and_then(|at| at.duration_since(UNIX_EPOCH).ok())
        .and_then(|at| u64::try_from(at.as_millis()).ok())
        .map(Timestamp)
        .filter(|at| *at >= booted);
    match (synced, mode) {
        (Some(at), _) => Source::Ntp(at),
        (None, Mode::System) => Source::System,
        (None, Mode::Appliance) if hardware_clock(root, wall) => Source::Rtc,
        (None, Mode::Appliance) => Source::None,
    }
}

/// Whether the system's time is that of a hardware clock.
fn hardware_clock(root: &Path, wall: Timestamp) -> bool {
    let number = |name| {
        fs::read_to_string(root.join(name))
            .ok()?
            .trim_ascii()
            .parse::<u64>()
            .ok()
    };
    let shown = || number(SINCE_EPOCH)?.checked_mul(1000);
    number(HCTOSYS) == Some(1) && shown().is_some_and(|shown| u128::from(wall.0.abs_diff(shown)) <= APART.as_millis())
}

/// The newest trusted time of earlier days.
fn remembered(file: &Path) -> Result<Remembered, ClockError> {
    let failed = |source| ClockError::Io {
        path: file.display().to_string(),
        source,
    };
    let data = match fs::metadata(file) {
        Ok(data) => data,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Remembered::Never),
        Err(e) => return Err(failed(e)),
    };
    if data.permissions().mode() & 0o077 != 0 {
        return Err(ClockError::Open(file.display().to_string()));
    }
    let text = fs::read(file).map_err(failed)?;
    let number = std::str::from_utf8(&text)
        .ok()
        .and_then(|text| text.trim_end().parse().ok());
    Ok(number.map_or(Remembered::Lost, |ms| Remembered::Newest(Timestamp(ms))))
}

/// Beside, then in its place: after a power cut the file is the old one or the new one.
fn write(file: &Path, newest: Timestamp) -> io::Result<()> {
    let beside = file.with_extension("new");
    let mut new = fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&beside)?;
    new.set_permissions(fs::Permissions::from_mode(0o600))?;
    writeln!(new, "{}", newest.0)?;
    new.sync_all()?;
    fs::rename(&beside, file)?;
    match file.parent() {
        Some(folder) => fs::File::open(folder)?.sync_all(),
        None => Ok(()),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
mod tests {
    use super::*;
    use crate::clock::Basis;

    fn folder() -> tempfile::TempDir {
        tempfile::tempdir().unwrap()
    }

    fn put(root: &Path, name: &str, text: &str) {
        let path = root.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    #[test]
    fn r19_outside_the_image_the_systems_clock_is_trusted_and_kept() {
        let (state, root) = (folder(), folder());
        let clock = Clock::open_at(Mode::System, state.path(), root.path()).unwrap();
        assert!(clock.is_trusted() && clock.now().is_some());
        assert_eq!(clock.tick().unwrap(), State::Trusted(Basis::System));
        let file = state.path().join(FILE);
        let kept: u64 = fs::read_to_string(&file).unwrap().trim().parse().unwrap();
        assert!(wall().0 - kept < 10_000);
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        // Within the minute nothing is written again, at a clean end it is.
        fs::remove_file(&file).unwrap();
        std::thread::sleep(Duration::from_millis(5));
        clock.tick().unwrap();
        assert!(!file.exists());
        clock.close().unwrap();
        assert!(file.exists());
        assert_eq!(clock.report().basis, Some(Basis::System));
    }

    #[test]
    fn r19_the_image_needs_ntp_or_a_hardware_clock() {
        let (state, root) = (folder(), folder());
        let clock = Clock::open_at(Mode::Appliance, state.path(), root.path()).unwrap();
        assert_eq!(clock.now(), None);
        clock.tick().unwrap();
        assert!(!state.path().join(FILE).exists(), "an untrusted time is not remembered");
        put(root.path(), HCTOSYS, "0\n");
        assert_eq!(clock.tick().unwrap(), State::Waiting(Why::NoSource));
        put(root.path(), HCTOSYS, "1\n");
        assert_eq!(clock.tick().unwrap(), State::Waiting(Why::NoSource));
        put(root.path(), SINCE_EPOCH, &format!("{}\n", wall().0 / 1000));
        assert_eq!(clock.tick().unwrap(), State::Trusted(Basis::Rtc));
        put(root.path(), TIMESYNC, "");
        assert_eq!(clock.tick().unwrap(), State::Trusted(Basis::Ntp));
        assert!(clock.now().is_some());
    }

    #[test]
    fn r19_a_hardware_clock_that_shows_another_time_is_none() {
        let (state, root) = (folder(), folder());
        // The box was off for three hours without a battery: the clock goes on from where timesyncd kept it.
        write(&state.path().join(FILE), wall().minus(Duration::from_secs(20))).unwrap();
        put(root.path(), HCTOSYS, "1\n");
        for shown in [
            "0",
            "86400",
            "1767225600",
            "x",
            "99999999999999999999",
            "18446744073709551615",
        ] {
            put(root.path(), SINCE_EPOCH, shown);
            let clock = Clock::open_at(Mode::Appliance, state.path(), root.path()).unwrap();
            assert_eq!(clock.tick().unwrap(), State::Waiting(Why::NoSource), "{shown}");
            clock.confirm().unwrap();
            assert!(clock.is_trusted());
        }
        put(root.path(), SINCE_EPOCH, &(wall().0 / 1000 - 600).to_string());
        let clock = Clock::open_at(Mode::Appliance, state.path(), root.path()).unwrap();
        assert_eq!(clock.tick().unwrap(), State::Trusted(Basis::Rtc));
    }

    #[test]
    fn r19_a_sign_of_ntp_from_before_the_boot_is_none() {
        let (state, root) = (folder(), folder());
        put(root.path(), TIMESYNC, "");
        let old = SystemTime::now() - monotonic() - Duration::from_secs(3_600);
        fs::File::open(root.path().join(TIMESYNC))
            .unwrap()
            .set_modified(old)
            .unwrap();
        let clock = Clock::open_at(Mode::Appliance, state.path(), root.path()).unwrap();
        assert_eq!(clock.tick().unwrap(), State::Waiting(Why::NoSource));
    }

    #[test]
    fn r19_the_newest_time_outlives_a_restart() {
        let (state, root) = (folder(), folder());
        let file = state.path().join(FILE);
        write(&file, wall().plus(Duration::from_secs(120))).unwrap();
        let clock = Clock::open_at(Mode::System, state.path(), root.path()).unwrap();
        assert!(!clock.is_trusted());
        assert!(matches!(clock.tick().unwrap(), State::Waiting(Why::Backwards { .. })));
        assert!(clock.report().todo.unwrap().contains("postern time confirm"));
        clock.confirm().unwrap();
        assert!(clock.now().is_some());
        let again = Clock::open_at(Mode::System, state.path(), root.path()).unwrap();
        assert!(again.is_trusted(), "the confirmed time was kept");
        write(&file, wall().minus(Duration::from_secs(2 * 86_400))).unwrap();
        let late = Clock::open_at(Mode::System, state.path(), root.path()).unwrap();
        assert!(matches!(late.tick().unwrap(), State::Waiting(Why::AheadAtStart { .. })));
    }

    #[test]
    fn r19_a_file_that_holds_no_time_waits_and_one_open_to_others_is_refused() {
        let (state, root) = (folder(), folder());
        let file = state.path().join(FILE);
        write(&file, Timestamp(1)).unwrap();
        fs::write(&file, "17x\n").unwrap();
        let clock = Clock::open_at(Mode::System, state.path(), root.path()).unwrap();
        assert_eq!(clock.tick().unwrap(), State::Waiting(Why::NewestLost));
        clock.confirm().unwrap();
        assert!(clock.is_trusted());
        fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
        let refused = Clock::open_at(Mode::System, state.path(), root.path()).err().unwrap();
        assert!(refused.to_string().contains("chmod 600"));
    }

    #[test]
    fn r19_a_jump_is_seen_by_the_next_packet() {
        let (state, root) = (folder(), folder());
        let clock = Clock::open_at(Mode::System, state.path(), root.path()).unwrap();
        assert!(clock.now().is_some());
        // As if the clock had stood two days earlier at the last look.
        let before = wall().minus(Duration::from_secs(2 * 86_400));
        *clock.inner.lock() = Inner {
            gate: ClockGate::new(Remembered::Never),
            kept: None,
        };
        clock.look(before, monotonic());
        assert!(clock.is_trusted());
        assert_eq!(clock.now(), None);
        assert!(!clock.is_trusted());
    }
}
