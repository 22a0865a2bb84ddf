//! `posternd --trial`: whether this version would answer, before anything depends on it. In: the configuration, and the state directory as an
//! older version left it; out: success once the internal probe was answered, or one line that says why not. It opens a copy and raises
//! the schema there alone; it writes nothing into the real state directory, knows no client, opens no control socket, sends no syslog
//! and asks no directory.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::time::Duration;

use crate::config::Config;
use crate::door::start::{Start, state_dir};
use crate::server::{Bound, Probe};

/// Opening and answering, without the copying, take no longer.
const LIMIT: Duration = Duration::from_secs(30);
/// Where the copy is made when nothing else is said: a service with a /var/tmp of its own has it for itself.
pub const COPY_DIR: &str = "/var/tmp/postern-trial";
/// Sealed copies of the store are not opened at a start that goes well.
const LEFT_OUT: &str = crate::store::COPIES_DIR;
/// Where systemd names a folder for it, the reason of a trial that failed lies in this file there.
const WHY: &str = "why";

/// Runs the trial.
///
/// # Errors
/// Why this version is not to be kept.
pub fn run(config: &Config, copy: &Path) -> anyhow::Result<()> {
    let done = tried(config, copy);
    if let (Err(error), Some(dir)) = (&done, std::env::var_os("RUNTIME_DIRECTORY")) {
        let _ = fs::write(PathBuf::from(dir).join(WHY), format!("{error}\n"));
    }
    done
}

fn tried(config: &Config, copy: &Path) -> anyhow::Result<()> {
    super::harden();
    // Refused as the real start would refuse it.
    if config.state_dir.exists() {
        state_dir(&config.state_dir)?;
    }
    let copy = Copy::make(&config.state_dir, copy).map_err(|error| {
        anyhow::anyhow!("the store could not be copied for the trial: {error}; make room on the disk")
    })?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_name("trial")
        .build()?;
    let done = runtime.block_on(async {
        let answers = answers(config, &copy.0, runtime.handle().clone());
        match tokio::time::timeout(LIMIT, answers).await {
            Ok(done) => done,
            Err(_) => Err(anyhow::anyhow!("it did not answer itself within {} s", LIMIT.as_secs())),
        }
    });
    // A store that does not open in time is not waited for.
    runtime.shutdown_background();
    done
}

async fn answers(config: &Config, copy: &Path, runtime: tokio::runtime::Handle) -> anyhow::Result<()> {
    let (sender, receiver) = mpsc::channel();
    let credentials = std::env::var_os("CREDENTIALS_DIRECTORY").map(PathBuf::from);
    let (copy, mode, outbox) = (copy.to_owned(), config.mode, sender.clone());
    let opened = tokio::task::spawn_blocking(move || {
        let door = Start {
            state_dir: &copy,
            credentials: credentials.as_deref(),
            mode,
            outbox,
            runtime,
        }
        .open()?;
        door.forget_clients()?;
        Ok::<_, anyhow::Error>(door)
    });
    let door = opened.await??;
    let bound = Bound::bind(&config.auth, &config.acct)?;
    *door.listening.lock() = bound.listening();
    let probe = Probe::open(&door).await?;
    let mut server = bound.serve(&door, (sender, receiver))?;
    let asked = probe.ask().await;
    let ended = tokio::task::spawn_blocking(move || {
        server.stop();
        door.close();
        server.finish();
    });
    ended.await?;
    asked?;
    tracing::info!("this version answers");
    Ok(())
}

/// The copy, removed when it is dropped.
struct Copy(PathBuf);

impl Copy {
    fn make(from: &Path, to: &Path) -> io::Result<Copy> {
        // What a power cut left of an earlier trial.
        match fs::remove_dir_all(to) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let copy = Copy(to.to_owned());
        match from.exists() {
            true => copied(from, to)?,
            false => DirBuilder::new().mode(0o700).create(to)?,
        }
        Ok(copy)
    }
}

impl Drop for Copy {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Folders and plain files with their modes; nothing else is in a state directory.
fn copied(from: &Path, to: &Path) -> io::Result<()> {
    DirBuilder::new().mode(0o700).create(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (kind, name) = (entry.file_type()?, entry.file_name());
        let place = to.join(&name);
        if kind.is_dir() && name != LEFT_OUT {
            copied(&entry.path(), &place)?;
        } else if kind.is_file() {
            fs::copy(entry.path(), &place)?;
        }
    }
    Ok(())
}
