//! `posternd --recovery`: what the prepared stick may do. In: the root helper's note of this start; out: a record on the disk of what is about
//! to happen, and then one new installer, made at a console, or nothing more (a factory reset is the helper's to do). RADIUS is silent.
//! Without a note nothing happens, and without the record neither.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use crate::audit::OperatorAct;
use crate::config::Config;
use crate::control::server::Server as ControlServer;
use crate::door::Door;
use crate::door::ops::{DoorOps, Recovery};
use crate::door::start::Start;
use crate::host::recovery::{Note, Purpose};

/// Most bytes of a note.
const NOTE_MAX: u64 = 4096;
/// For the last answer to reach the console, and the record its syslog server.
const LAST: Duration = Duration::from_secs(3);

/// Runs until the installer is made, or the record is written.
///
/// # Errors
/// Why nothing was done.
pub fn run(config: &Config, note: &Path) -> anyhow::Result<()> {
    super::harden();
    let note = read(note)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_name("recovery")
        .build()?;
    runtime.block_on(recover(config, &note, runtime.handle().clone()))
}

/// Only root writes there: a note that somebody else could have written is none.
fn read(path: &Path) -> anyhow::Result<Note> {
    let about = fs::symlink_metadata(path).map_err(|_| {
        anyhow::anyhow!("there is no recovery: start the box by its recovery entry, with the prepared stick in it")
    })?;
    if !about.is_file() || about.uid() != 0 || about.mode() & 0o022 != 0 || about.len() > NOTE_MAX {
        anyhow::bail!("{} is not the root helper's: nothing was done", path.display());
    }
    serde_json::from_slice(&fs::read(path)?).map_err(|error| anyhow::anyhow!("{}: {error}", path.display()))
}

async fn recover(config: &Config, note: &Note, runtime: tokio::runtime::Handle) -> anyhow::Result<()> {
    let (outbox, _replies) = mpsc::channel();
    let credentials = std::env::var_os("CREDENTIALS_DIRECTORY").map(PathBuf::from);
    let (state_dir, mode) = (config.state_dir.clone(), config.mode);
    let opened = tokio::task::spawn_blocking(move || {
        Start {
            state_dir: &state_dir,
            credentials: credentials.as_deref(),
            mode,
            outbox,
            runtime,
        }
        .open()
    });
    let door = opened.await??;
    let syslog = config.syslog.clone().map(|target| door.send_syslog(target));
    record(&door, note).await?;
    let made = match note.purpose {
        Purpose::Installer => installer(config, &door).await,
        Purpose::Reset => Ok(()),
    };
    tokio::time::sleep(LAST).await;
    tokio::task::spawn_blocking(move || door.close()).await?;
    if let Some(syslog) = syslog {
        syslog.finish().await;
    }
    made
}

/// On the disk when this returns.
async fn record(door: &Door, note: &Note) -> anyhow::Result<()> {
    let action = match note.purpose {
        Purpose::Installer => "recovery",
        Purpose::Reset => "host factory-reset",
    };
    let act = OperatorAct {
        at: crate::clock::wall(),
        uid: nix::unistd::geteuid().as_raw(),
        operator: String::new(),
        line: "(boot entry)".to_owned(),
        action: action.to_owned(),
        target: format!("by the prepared stick {}", crate::text::shown(&note.stick)),
        users: Vec::new(),
        user: None,
        client: None,
        staff: None,
        result: Ok(()),
        count: 1,
    };
    let written = door.record_act(act).await;
    written.map_err(|error| {
        anyhow::anyhow!("nothing was done, since it could not be put on record: {error}; make room on the disk")
    })?;
    Ok(())
}

/// One new installer, made at whichever console is first.
async fn installer(config: &Config, door: &Arc<Door>) -> anyhow::Result<()> {
    super::make_socket_dir(&config.control);
    let control = ControlServer::bind(&config.control)?;
    for note in control.notes() {
        tracing::warn!("{note}");
    }
    let (made, mut heard) = tokio::sync::watch::channel(false);
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let ops = Arc::new(DoorOps::new(Arc::clone(door), config.console_idle, config.host.clone()));
    let operations = Arc::new(Recovery::new(Arc::clone(&ops), made));
    let serving = tokio::spawn(control.serve(operations, super::until(stopped)));
    let mut signals = super::Signals::hear()?;
    tracing::info!("recovery: a new installer may be made at a console");
    let done = tokio::select! {
        _ = heard.wait_for(|made| *made) => Ok(()),
        _ = signals.end(door) => Err(anyhow::anyhow!("nobody made a new installer")),
    };
    tokio::time::sleep(LAST).await;
    let _ = stop.send(true);
    let _ = serving.await;
    ops.finish().await;
    done
}
