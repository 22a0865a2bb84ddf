//! A box apart: namespaces of its own for network, mounts and name, and a neighbour at the other end of a cable. `/run`, `/var/lib` and
//! the kernel's list of interfaces are its own; `networkctl` and `systemctl` only write down what they were told. nft is the real one.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::Command;
use std::sync::mpsc::{Sender, channel};
use std::thread::JoinHandle;

use nix::sched::{CloneFlags, unshare};
use serde_json::Value;
use tempfile::TempDir;

use crate::harness::{Running, run};

/// Work for a thread that lives in a namespace.
type Work = Box<dyn FnOnce() + Send>;

/// A thread with namespaces of its own.
pub struct Inside {
    work: Option<Sender<Work>>,
    thread: Option<JoinHandle<()>>,
    tid: i32,
}

impl Inside {
    fn new(flags: CloneFlags) -> Inside {
        let (sender, work) = channel::<Work>();
        let (tell, told) = channel();
        let thread = std::thread::spawn(move || {
            unshare(flags).expect("namespaces of one's own need root");
            tell.send(nix::unistd::gettid().as_raw()).unwrap();
            work.into_iter().for_each(|work| work());
        });
        Inside {
            work: Some(sender),
            thread: Some(thread),
            tid: told.recv().unwrap(),
        }
    }

    /// Does something there.
    pub fn act<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> T {
        let (tell, told) = channel();
        let sent = self.work.as_ref().unwrap().send(Box::new(move || {
            let _ = tell.send(work());
        }));
        sent.expect("the namespace is there");
        told.recv().expect("the namespace does it")
    }

    /// A shell there; must succeed.
    pub fn sh(&self, script: &str) -> String {
        let script = script.to_owned();
        let said = self.act(move || run(Command::new("sh").args(["-euc", &script]), ""));
        assert_eq!(said.status, 0, "{said:?}");
        said.out
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        self.work = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// The box, its neighbour, and the helper.
pub struct Apart {
    pub helper: Running,
    pub inside: Inside,
    pub neighbour: Inside,
    dir: TempDir,
}

impl Apart {
    /// The helper answers. The box is 10.77.0.1 and fd77::1, the neighbour .2 and .3.
    pub fn start() -> Apart {
        let dir = tempfile::tempdir().unwrap();
        let inside = Inside::new(CloneFlags::CLONE_NEWNET | CloneFlags::CLONE_NEWNS | CloneFlags::CLONE_NEWUTS);
        let neighbour = Inside::new(CloneFlags::CLONE_NEWNET);
        let d = dir.path().display();
        inside.sh(&format!(
            "mount --make-rprivate /
             mkdir {d}/run {d}/lib
             mount -t tmpfs none /run && mkdir /run/postern-host && mount --bind {d}/run /run/postern-host
             mount --bind {d}/lib /var/lib
             mount -t tmpfs none /sys/class/net
             mkdir -p /sys/class/net/eth0/device && echo 1 > /sys/class/net/eth0/type
             printf '#!/bin/sh\\necho \"${{0##*/}} $*\" >> {d}/ran\\n' > {d}/fake && chmod 755 {d}/fake
             for name in networkctl systemctl; do mount --bind {d}/fake /usr/bin/$name; done
             ip link set lo up
             ip link add eth0 type veth peer name eth1 netns {}
             ip addr add 10.77.0.1/24 dev eth0 && ip addr add fd77::1/64 dev eth0 nodad
             ip link set eth0 up",
            neighbour.tid
        ));
        neighbour.sh("ip link set lo up; ip link set eth1 up
             for n in 2 3; do ip addr add 10.77.0.$n/24 dev eth1; ip addr add fd77::$n/64 dev eth1 nodad; done");
        let helper = launch(&inside);
        Apart {
            helper,
            inside,
            neighbour,
            dir,
        }
    }

    /// SIGKILL, and another one.
    pub fn kill_and_restart(&mut self) {
        self.helper.kill();
        self.helper = launch(&self.inside);
    }

    /// Its socket, as seen from here.
    pub fn socket(&self) -> PathBuf {
        self.dir.path().join("run/host.sock")
    }

    /// A file under /var/lib or /run/postern-host.
    pub fn file(&self, path: &str) -> String {
        std::fs::read_to_string(self.dir.path().join(path)).unwrap_or_default()
    }

    /// What `networkctl` and `systemctl` were told since this was asked last.
    pub fn ran(&self) -> Vec<String> {
        let path = self.dir.path().join("ran");
        // Taken away first: a line that comes meanwhile begins a new file.
        let taken = path.with_extension("taken");
        if std::fs::rename(&path, &taken).is_err() {
            return Vec::new();
        }
        let text = std::fs::read_to_string(&taken).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    /// Asks the helper, in its own bytes: four of length, then JSON.
    pub fn ask(&self, json: &Value) -> Value {
        let mut stream = UnixStream::connect(self.socket()).unwrap();
        let text = json.to_string();
        let length = u32::try_from(text.len()).unwrap();
        stream.write_all(&length.to_be_bytes()).unwrap();
        stream.write_all(text.as_bytes()).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        serde_json::from_slice(&answer[4..]).unwrap_or_else(|_| panic!("{}", self.helper.said()))
    }
}

fn launch(inside: &Inside) -> Running {
    let mut helper = inside.act(|| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_postern-host"));
        Running::start(command.args(["serve", "--socket", "/run/postern-host/host.sock"]))
    });
    assert!(helper.wait_for("ready"), "{}", helper.said());
    helper
}
