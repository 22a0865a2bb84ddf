//! The real pcscd with virtual readers (vsmartcard's `vpcd`), in a network and a mount namespace of its own: vpcd listens on all
//! addresses, and pcscd's socket has one place in the file system. The socket comes to light in a folder of the test, where
//! `PCSCLITE_CSOCK_NAME` finds it. Cards lie in the readers as long as their [`Slot`]s live.

use std::net::SocketAddr;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::mpsc::{Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use nix::sched::{CloneFlags, unshare};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;

use crate::harness::{Running, Said, repository, run};
use crate::sim::Field;
use crate::sim::vpcd::Slot;

/// The driver's place in the rig's folder.
const LINK: &str = "driver.so";
/// How long pcscd may take to see something.
const NOTICE: Duration = Duration::from_secs(20);

/// A reader of the rig with two slots: its name, and the port at which vpcd waits for the first slot's card; the second one's is the
/// next. Only one at a time: the slots of a second one would be the first one's (vpcd keeps them by their number alone).
#[derive(Clone, Copy, Debug)]
pub struct Socket {
    pub name: &'static str,
    pub port: u16,
}

/// Like an NFC reader: nothing in its name says what lies on it.
pub const NFC: Socket = Socket {
    name: "Virtual PCD",
    port: 35_963,
};
/// Named as a Molto-2 is.
pub const MOLTO: Socket = Socket {
    name: "TOKEN2 Molto2",
    port: 35_973,
};

/// Work for the thread that lives in the namespace.
type Work = Box<dyn FnOnce() + Send>;

/// pcscd and its readers.
pub struct Pcscd {
    pub daemon: Running,
    inside: Option<Sender<Work>>,
    thread: Option<JoinHandle<()>>,
    dir: TempDir,
}

/// Where Debian's package, or the unpacked one, has the virtual reader's driver.
fn driver() -> PathBuf {
    let place = "usr/lib/pcsc/drivers/serial/libifdvpcd.so";
    let places = [Path::new("/").join(place), repository(".peers/vpcd").join(place)];
    let found = places.into_iter().find(|path| path.exists());
    found.expect("the driver of vsmartcard-vpcd (scripts/setup test)")
}

impl Pcscd {
    /// With this reader, once it answers.
    pub fn start(reader: Socket) -> Pcscd {
        Pcscd::launched(reader, true)
    }

    /// With a reader that is not plugged in yet.
    pub fn unplugged(reader: Socket) -> Pcscd {
        Pcscd::launched(reader, false)
    }

    fn launched(reader: Socket, plugged: bool) -> Pcscd {
        let dir = tempfile::tempdir().unwrap();
        for folder in ["readers", "run"] {
            std::fs::create_dir(dir.path().join(folder)).unwrap();
        }
        let (inside, work) = channel::<Work>();
        let thread = std::thread::spawn(move || {
            unshare(CloneFlags::CLONE_NEWNET).expect("a network namespace of one's own needs root");
            let up = run(Command::new("ip").args(["link", "set", "lo", "up"]), "");
            assert_eq!(up.status, 0, "{up:?}");
            work.into_iter().for_each(|work| work());
        });
        write_reader(dir.path(), reader);
        if plugged {
            plug(dir.path());
        }
        let daemon = within(&inside, launch(dir.path()));
        let mut pcscd = Pcscd {
            daemon,
            inside: Some(inside),
            thread: Some(thread),
            dir,
        };
        pcscd.ready();
        pcscd
    }

    fn ready(&mut self) {
        let socket = self.socket();
        let there = self
            .daemon
            .wait_until(|_| std::os::unix::net::UnixStream::connect(&socket).is_ok());
        assert!(there, "pcscd did not start: {}", self.daemon.said());
    }

    /// Its socket, as seen from here.
    pub fn socket(&self) -> PathBuf {
        self.dir.path().join("run/pcscd.comm")
    }

    /// A command that finds this pcscd and no other.
    pub fn with<'c>(&self, command: &'c mut Command) -> &'c mut Command {
        command.env("PCSCLITE_CSOCK_NAME", self.socket())
    }

    /// What lies in the first slot of a reader.
    pub fn slot(&self, reader: Socket, field: &Field) -> Slot {
        self.slot_at(reader.port, field)
    }

    /// What lies in the second one.
    pub fn second_slot(&self, reader: Socket, field: &Field) -> Slot {
        self.slot_at(reader.port + 1, field)
    }

    fn slot_at(&self, port: u16, field: &Field) -> Slot {
        let field = field.clone();
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        // Its thread is born in the namespace, so it finds vpcd there.
        within(self.inside.as_ref().unwrap(), move || Slot::start(address, &field))
    }

    /// Plugs in the reader of a rig that was started unplugged: where an empty file was comes its driver, and pcscd starts again, since
    /// one that runs looks for USB readers only.
    pub fn plug(&mut self) {
        plug(self.dir.path());
        self.start_again();
    }

    /// SIGSTOP makes it stuck, SIGCONT frees it.
    pub fn signal(&self, signal: Signal) {
        kill(self.pid(), signal).unwrap();
    }

    pub fn pid(&self) -> Pid {
        Pid::from_raw(i32::try_from(self.daemon.child.id()).unwrap())
    }

    /// Starts it again after it was killed.
    pub fn start_again(&mut self) {
        self.daemon.kill();
        let _ = std::fs::remove_file(self.socket());
        self.daemon = within(self.inside.as_ref().unwrap(), launch(self.dir.path()));
        self.ready();
    }

    /// `postern token readers`, as a document.
    pub fn readers(&self) -> serde_json::Value {
        let mut command = Command::new(env!("CARGO_BIN_EXE_postern"));
        let said = run(self.with(command.args(["--json", "token", "readers"])), "");
        assert_eq!(said.status, 0, "{said:?}");
        serde_json::from_str(&said.out).unwrap()
    }

    /// Waits until something is so, and says how long.
    pub fn wait(&self, what: &str, mut so: impl FnMut(&Pcscd) -> bool) -> Duration {
        let start = Instant::now();
        while !so(self) {
            assert!(
                start.elapsed() < NOTICE,
                "waited too long for {what}: {}",
                self.daemon.said()
            );
            std::thread::sleep(Duration::from_millis(20));
        }
        start.elapsed()
    }
}

impl Drop for Pcscd {
    fn drop(&mut self) {
        // A stopped one takes SIGKILL all the same.
        self.daemon.kill();
        self.inside = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Has the thread in the namespace do something.
fn within<T: Send + 'static>(inside: &Sender<Work>, work: impl FnOnce() -> T + Send + 'static) -> T {
    let (tell, told) = channel();
    let sent = inside.send(Box::new(move || {
        let _ = tell.send(work());
    }));
    sent.expect("the namespace is there");
    told.recv().expect("the namespace does it")
}

fn write_reader(dir: &Path, Socket { name, port }: Socket) {
    let driver = dir.join(LINK);
    let text = format!(
        "FRIENDLYNAME \"{name}\"\nDEVICENAME /dev/null:0x{port:X}\nLIBPATH {}\nCHANNELID 0x{port:X}\n",
        driver.display()
    );
    std::fs::write(dir.join("readers/reader"), text).unwrap();
    std::fs::write(driver, "").unwrap();
}

fn plug(dir: &Path) {
    let beside = dir.join("plugged");
    symlink(driver(), &beside).unwrap();
    std::fs::rename(beside, dir.join(LINK)).unwrap();
}

/// What starts pcscd; `exec` all the way, so that the process is pcscd's own.
fn launch(dir: &Path) -> impl FnOnce() -> Running + Send + 'static {
    let dir = dir.to_owned();
    move || {
        let script = "mount -t tmpfs none /run && mkdir /run/pcscd && mount --bind \"$0/run\" /run/pcscd && \
                      exec /usr/sbin/pcscd --foreground --error --config \"$0/readers\"";
        let mut command = Command::new("unshare");
        command
            .args(["--mount", "--propagation", "private", "sh", "-c", script])
            .arg(&dir);
        Running::start(&mut command)
    }
}

/// Runs a program to its end, and says how long it took.
pub fn timed(command: &mut Command, input: &str) -> (Said, Duration) {
    let start = Instant::now();
    (run(command, input), start.elapsed())
}
