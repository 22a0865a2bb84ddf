//! posternd from start to end: opens the box, binds, says READY when it answers, keeps the watchdog, shuts down cleanly. In: a
//! [`Config`]; out: nothing, or one line that says why it does not run.

pub mod recovery;
pub mod trial;
pub mod trouble;

use std::path::PathBuf;
use std::sync::{Arc, mpsc};
use std::time::Duration;

use sd_notify::NotifyState;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::config::Config;
use crate::control::server::Server as ControlServer;
use crate::door::Door;
use crate::door::alarms::Grave;
use crate::door::ops::DoorOps;
use crate::door::start::Start;
use crate::server::{Bound, PROBE_EVERY, Probe};

/// Files that may be open: a thousand directory connections and what else there is.
const OPEN_FILES: u64 = 16_384;
/// Directory requests under way have this long at the end.
const GRACE: Duration = Duration::from_millis(2_500);

/// How it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// It was told to stop.
    Stop,
    /// After a restore it is to start anew.
    Restart,
}

/// A start may take so long, in microseconds: as in its unit file.
const START_USEC: u32 = 600_000_000;

/// Runs the daemon until SIGTERM or SIGINT, or until it is to start anew.
pub fn run(config: &Config) -> anyhow::Result<End> {
    harden();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_name("postern")
        .build()?;
    let end = runtime.block_on(serve(config, runtime.handle().clone()));
    if let Err(error) = &end {
        trouble::tell(&config.control, error);
    }
    end
}

/// No core file may hold a secret (R21), and enough files may be open.
fn harden() {
    use nix::sys::resource::{Resource, getrlimit, setrlimit};
    if let Err(error) = crate::process::forbid_core_files() {
        tracing::warn!(%error, "core files could not be forbidden");
    }
    if let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE) {
        let _ = setrlimit(Resource::RLIMIT_NOFILE, soft.max(OPEN_FILES.min(hard)), hard);
    }
    // Files are for this user alone, whoever starts the daemon.
    nix::sys::stat::umask(nix::sys::stat::Mode::from_bits_truncate(0o077));
}

/// The same program in the same process, from its start, with the same arguments: systemd and whoever waits for it see one process. Every
/// socket and file closes on the way. Returns only if that fails.
pub fn again() -> std::io::Error {
    use std::os::unix::process::CommandExt;
    let mut arguments = std::env::args_os();
    let name = arguments.next().unwrap_or_else(|| "posternd".into());
    // The file that runs now, also where another one has its name since.
    std::process::Command::new("/proc/self/exe")
        .arg0(name)
        .args(arguments)
        .exec()
}

async fn serve(config: &Config, runtime: tokio::runtime::Handle) -> anyhow::Result<End> {
    let begun = std::time::Instant::now();
    let (sender, receiver) = mpsc::channel();
    let credentials = std::env::var_os("CREDENTIALS_DIRECTORY").map(PathBuf::from);
    let (state_dir, mode, outbox) = (config.state_dir.clone(), config.mode, sender.clone());
    // The store first: a second posternd stops here, before it takes a port or a socket.
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
    let bound = Bound::bind(&config.auth, &config.acct)?;
    *door.listening.lock() = bound.listening();
    let syslog = config.syslog.clone().map(|target| door.send_syslog(target));
    make_socket_dir(&config.control);
    let control = ControlServer::bind(&config.control)?;
    for note in control.notes() {
        tracing::warn!("{note}");
    }
    let probe = Probe::open(&door).await?;
    let mut server = bound.serve(&door, (sender, receiver))?;
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let operations = Arc::new(DoorOps::new(
        Arc::clone(&door),
        config.console_idle,
        config.host.clone(),
    ));
    let control = tokio::spawn(control.serve(Arc::clone(&operations), until(stopped.clone())));
    let upkeep = tokio::spawn(Arc::clone(&door).upkeep());
    let clocks = tokio::spawn(Arc::clone(&door).watch_clocks());
    let firewall = tokio::spawn(Arc::clone(&door).keep_firewall(config.host.clone()));
    probe.ask().await?;
    // Before anybody hears that it is ready, and may tell it to stop.
    let mut signals = Signals::hear()?;
    door.system("started", format!("posternd {} started", env!("CARGO_PKG_VERSION")));
    ready(&door, begun.elapsed());
    trouble::over(&config.control);
    let watch = tokio::spawn(watch(Arc::clone(&door), probe));
    let end = signals.end(&door).await;
    tracing::info!("stopping");
    // To systemd a start anew is no stop: it would wait for the process to end. Its watchdog waits as long as at a start.
    let _ = sd_notify::notify(&[match end {
        End::Stop => NotifyState::Stopping,
        End::Restart => NotifyState::WatchdogUsec(START_USEC),
    }]);
    watch.abort();
    upkeep.abort();
    clocks.abort();
    firewall.abort();
    let _ = stop.send(true);
    let settling = Arc::clone(&door);
    let server = tokio::task::spawn_blocking(move || {
        server.stop();
        settling.settle(GRACE);
        server
    })
    .await?;
    // Operators' requests under way end before the journals that hold their records, those of peers that are gone too.
    let _ = control.await;
    operations.finish().await;
    tokio::task::spawn_blocking(move || {
        door.close();
        server.finish();
    })
    .await?;
    if let Some(syslog) = syslog {
        syslog.finish().await;
    }
    Ok(end)
}

/// The socket's folder, where it is missing and may be made: open to be passed through, since the sockets guard themselves (R24).
fn make_socket_dir(control: &std::path::Path) {
    use std::os::unix::fs::PermissionsExt;
    let Some(dir) = control
        .parent()
        .filter(|dir| !dir.as_os_str().is_empty() && !dir.exists())
    else {
        return;
    };
    if std::fs::create_dir(dir).is_ok() {
        let _ = std::fs::set_permissions(dir, std::fs::Permissions::from_mode(0o755));
    }
}

async fn until(mut stopped: tokio::sync::watch::Receiver<bool>) {
    let _ = stopped.wait_for(|stop| *stop).await;
}

fn ready(door: &Door, took: Duration) {
    let listening = door.listening.lock().clone();
    let list =
        |addresses: &[std::net::SocketAddr]| addresses.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
    tracing::info!(
        auth = list(&listening.auth),
        acct = list(&listening.acct),
        took_ms = took.as_millis(),
        "ready"
    );
    if let Some(usec) = sd_notify::watchdog_enabled().and_then(|dog| u32::try_from(dog.as_micros()).ok()) {
        // Before a start anew it was told to wait longer.
        let _ = sd_notify::notify(&[NotifyState::WatchdogUsec(usec)]);
    }
    if let Err(error) = sd_notify::notify(&[NotifyState::Ready]) {
        tracing::warn!(%error, "systemd could not be told");
    }
}

/// Asks the packet's path itself, and only then tells systemd's watchdog that all is well.
async fn watch(door: Arc<Door>, probe: Probe) {
    let dog = sd_notify::watchdog_enabled();
    let every = dog.map_or(PROBE_EVERY, |dog| (dog / 3).min(PROBE_EVERY));
    loop {
        tokio::time::sleep(every).await;
        match probe.ask().await {
            Ok(()) => {
                door.alarms.clear("probe");
                if dog.is_some() {
                    let _ = sd_notify::notify(&[NotifyState::Watchdog]);
                }
            }
            Err(error) => {
                let what = format!("The box does not answer itself: {error}");
                let todo = "Look at the disk and the load; systemd starts it again if it stays so";
                door.raise("probe", Grave::Nobody, what, todo, crate::clock::wall());
            }
        }
    }
}

/// The signals that end it, heard from here on: one that came earlier ends it as any program.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn hear() -> std::io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    async fn end(&mut self, door: &Door) -> End {
        tokio::select! {
            _ = self.terminate.recv() => End::Stop,
            _ = self.interrupt.recv() => End::Stop,
            () = door.restart.notified() => End::Restart,
        }
    }
}
