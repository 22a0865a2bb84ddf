//! A box in a virtual machine: the image on a disk of its own, its serial line on a PTY with a person before it, its RADIUS ports on
//! loopback, a TPM where one is asked for. QEMU runs in the tools tree, without KVM. A power cut is QEMU killed: what the guest had
//! not flushed is gone, what it had is there at the next power-on.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::harness::{Running, free_port, repository, run};
use crate::line::{Line, pair};
use crate::packet::{ACCEPT, Nas, Request, STATUS_SERVER};

/// From power-on to the console, at most; TCG on a busy machine, where ARM64 takes three times as long as x86-64.
pub const BOOT: Duration = Duration::from_secs(420);
/// All that the emulation knows, without what it does byte by byte (`rep stosb` for clearing pages) or in one step more (five levels of
/// page tables): a sixth less work for a boot.
const CPU: &str = "max,erms=off,fsrm=off,la57=off";
/// The gateway's address as the guest sees everything that comes through user networking.
pub const GATEWAY: &str = "10.0.2.2";
/// Bytes a second on a line of 115200 baud, 8N1.
pub const FAST: u32 = 11_520;
/// On a line of 9600 baud.
pub const SLOW: u32 = 960;

/// Which processor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arch {
    X86,
    Arm,
}

/// The image under test: `POSTERN_IMAGE`, a raw disk, and `POSTERN_IMAGE_ARCH`.
pub fn image() -> (PathBuf, Arch) {
    let path = std::env::var_os("POSTERN_IMAGE").expect("POSTERN_IMAGE names the image: run scripts/test-image");
    let arch = match std::env::var("POSTERN_IMAGE_ARCH").as_deref() {
        Ok("arm64") => Arch::Arm,
        _ => Arch::X86,
    };
    (PathBuf::from(path), arch)
}

/// A program of the tools tree, which sees the repository and this folder.
pub fn in_tree(folder: &Path, program: &str) -> Command {
    let mut command = Command::new(repository("scripts/in-tree"));
    let image = image().0.canonicalize().unwrap();
    let bound = [folder, image.parent().unwrap()].map(|path| path.to_str().unwrap().to_owned());
    command.arg(program).env("POSTERN_BIND", bound.join(":"));
    command
}

/// What a box is made of that outlives a power cut: disk, firmware variables, TPM.
pub struct Appliance {
    folder: PathBuf,
    /// Removed with the box, unless a name was given to it.
    _temporary: Option<tempfile::TempDir>,
}

/// How it is switched on.
#[derive(Clone, Debug)]
pub struct On {
    pub memory: u32,
    pub tpm: bool,
    /// Bytes a second over the line, both ways; none: as fast as it goes.
    pub speed: Option<u32>,
    /// Network cable plugged in.
    pub cable: bool,
    /// What the hardware clock shows: `utc`, or a date such as `1970-01-02T00:00:00`.
    pub clock: &'static str,
    /// Raw files that are plugged in as USB sticks.
    pub sticks: Vec<PathBuf>,
    /// The disk can only be read.
    pub read_only: bool,
    /// More of QEMU's arguments.
    pub more: Vec<String>,
}

impl Default for On {
    fn default() -> On {
        On {
            memory: 512,
            tpm: true,
            speed: None,
            cable: true,
            clock: "utc",
            sticks: Vec::new(),
            read_only: false,
            more: Vec::new(),
        }
    }
}

impl Appliance {
    /// A new box with a disk of `gigabytes`, on which the image was just written.
    pub fn new(gigabytes: u32) -> Appliance {
        let made = Appliance::empty();
        made.write_image(&image().0, gigabytes);
        made
    }

    /// A new box without a disk.
    pub fn empty() -> Appliance {
        // Not in /tmp, which may be memory: a disk with what is written to it lies here.
        let temporary = tempfile::Builder::new()
            .prefix("postern-vm-")
            .tempdir_in("/var/tmp")
            .unwrap();
        let folder = temporary.path().canonicalize().unwrap();
        Appliance {
            folder,
            _temporary: Some(temporary),
        }
    }

    /// The same in a folder that stays; what is there is used again.
    pub fn kept(folder: &Path, gigabytes: u32) -> Appliance {
        fs::create_dir_all(folder).unwrap();
        let kept = Appliance {
            folder: folder.canonicalize().unwrap(),
            _temporary: None,
        };
        if !kept.disk().exists() {
            kept.write_image(&image().0, gigabytes);
        }
        kept
    }

    /// A copy of a box as it stands, switched off.
    pub fn copied(&self) -> Appliance {
        let copy = Appliance::empty();
        let said = run(
            Command::new("cp")
                .args(["-a", "--reflink=auto"])
                .arg(format!("{}/.", self.folder.display()))
                .arg(&copy.folder),
            "",
        );
        assert_eq!(said.status, 0, "{said:?}");
        copy
    }

    /// The image is written to the disk, the firmware is as it left the factory, the TPM is empty.
    pub fn write_image(&self, image: &Path, gigabytes: u32) {
        let arch = crate::machine::image().1;
        let image = image.canonicalize().unwrap();
        let overlay = run(
            in_tree(&self.folder, "qemu-img")
                .args(["create", "-q", "-f", "qcow2", "-F", "raw", "-b"])
                .arg(&image)
                .arg(self.disk())
                .arg(format!("{gigabytes}G")),
            "",
        );
        assert_eq!(overlay.status, 0, "{overlay:?}");
        let firmware = match arch {
            Arch::X86 => "/usr/share/OVMF/OVMF_VARS_4M.fd",
            Arch::Arm => "/usr/share/AAVMF/AAVMF_VARS.fd",
        };
        let copied = run(
            in_tree(&self.folder, "cp")
                .arg(firmware)
                .arg(self.folder.join("vars.fd")),
            "",
        );
        assert_eq!(copied.status, 0, "{copied:?}");
        fs::create_dir_all(self.folder.join("tpm")).unwrap();
    }

    pub fn folder(&self) -> &Path {
        &self.folder
    }

    pub fn disk(&self) -> PathBuf {
        self.folder.join("disk.qcow2")
    }

    /// The TPM forgets everything it was told, as when its owner clears it or the board is changed.
    pub fn clear_tpm(&self) {
        fs::remove_dir_all(self.folder.join("tpm")).unwrap();
        fs::create_dir(self.folder.join("tpm")).unwrap();
    }

    /// Power on.
    pub fn on(&self, on: &On) -> Vm {
        let ports = [free_port(), free_port(), free_port()];
        let (arch, at) = (image().1, |name: &str| {
            self.folder.join(name).to_str().unwrap().to_owned()
        });
        for left in ["pid", "qmp.sock", "tpm.sock"] {
            let _ = fs::remove_file(self.folder.join(left));
        }
        let tpm = on.tpm.then(|| self.start_tpm());
        let mut command = in_tree(
            &self.folder,
            match arch {
                Arch::X86 => "qemu-system-x86_64",
                Arch::Arm => "qemu-system-aarch64",
            },
        );
        let code = match arch {
            Arch::X86 => {
                let cpu = std::env::var("POSTERN_VM_CPU").unwrap_or_else(|_| CPU.to_owned());
                command.args(["-M", "q35", "-cpu", &cpu]);
                "/usr/share/OVMF/OVMF_CODE_4M.fd"
            }
            Arch::Arm => {
                command.args(["-M", "virt", "-cpu", "cortex-a72"]);
                "/usr/share/AAVMF/AAVMF_CODE.fd"
            }
        };
        let flash = |unit: u8, rest: &str| format!("if=pflash,format=raw,unit={unit},{rest}");
        let drive = format!(
            "file={},format=qcow2,if=none,id=disk,cache=writeback,discard=unmap",
            at("disk.qcow2")
        );
        let drive = format!("{drive}{}", if on.read_only { ",readonly=on" } else { "" });
        let forward = |ports: [u16; 3]| {
            let [auth, acct, ssh] = ports;
            format!(
                "user,id=net,hostfwd=udp:127.0.0.1:{auth}-:1812,hostfwd=udp:127.0.0.1:{acct}-:1813,hostfwd=tcp:127.0.0.1:{ssh}-:22"
            )
        };
        command
            .args([
                "-accel",
                "tcg,thread=multi",
                "-smp",
                &std::env::var("POSTERN_VM_CPUS").unwrap_or_else(|_| "2".to_owned()),
                "-nodefaults",
                "-no-user-config",
                "-display",
                "none",
            ])
            .args([
                "-m",
                &on.memory.to_string(),
                "-rtc",
                &format!("base={},clock=host", on.clock),
            ])
            .args(["-drive", &flash(0, &format!("readonly=on,file={code}"))])
            .args(["-drive", &flash(1, &format!("file={}", at("vars.fd")))])
            .args(["-drive", &drive, "-device", "virtio-blk-pci,drive=disk,bootindex=0"])
            .args([
                "-object",
                "rng-random,id=rng,filename=/dev/urandom",
                "-device",
                "virtio-rng-pci,rng=rng",
            ])
            .args(["-chardev", "stdio,id=line,signal=off", "-serial", "chardev:line"])
            .args([
                "-qmp",
                &format!("unix:{},server=on,wait=off", at("qmp.sock")),
                "-pidfile",
                &at("pid"),
            ])
            .args([
                "-netdev",
                &forward(ports),
                "-device",
                "virtio-net-pci,netdev=net,id=nic,romfile=",
            ])
            .args(["-device", "qemu-xhci,id=usb"]);
        if on.tpm {
            let model = match arch {
                Arch::X86 => "tpm-crb,tpmdev=tpm",
                // The only one there. The firmware measures into it; Debian's kernel has no driver for it, so /var is not sealed.
                Arch::Arm => "tpm-tis-device,tpmdev=tpm",
            };
            command
                .args(["-chardev", &format!("socket,id=tpm,path={}", at("tpm.sock"))])
                .args(["-tpmdev", "emulator,id=tpm,chardev=tpm", "-device", model]);
        }
        for (number, stick) in on.sticks.iter().enumerate() {
            command.args([
                "-drive",
                &format!("file={},format=raw,if=none,id=stick{number}", stick.display()),
                "-device",
                &format!("usb-storage,bus=usb.0,drive=stick{number},removable=on,id=usbstick{number}"),
            ]);
        }
        command.args(&on.more);
        let (master, slave) = pair(80, 24);
        let tty = || Stdio::from(fs::File::options().read(true).write(true).open(&slave).unwrap());
        let log = fs::File::create(self.folder.join("qemu.log")).unwrap();
        let started = Instant::now();
        let child = command.stdin(tty()).stdout(tty()).stderr(log).spawn().unwrap();
        let mut line = Line::over(master, slave, child, 80, 24);
        line.throttle(on.speed);
        let vm = Vm {
            line,
            started,
            auth: SocketAddr::from((Ipv4Addr::LOCALHOST, ports[0])),
            ssh: SocketAddr::from((Ipv4Addr::LOCALHOST, ports[2])),
            folder: self.folder.clone(),
            _tpm: tpm,
            off: false,
        };
        let mut vm = vm;
        vm.wait_for_pid();
        if !on.cable {
            vm.cable(false);
        }
        vm
    }

    fn start_tpm(&self) -> Running {
        let at = |name: &str| self.folder.join(name).to_str().unwrap().to_owned();
        if fs::read_dir(self.folder.join("tpm")).unwrap().next().is_none() {
            // One bank, as TPMs of today have it: with all four, firmware under emulation hashes the kernel image four times.
            let made = run(
                in_tree(&self.folder, "swtpm_setup").args([
                    "--tpm2",
                    "--tpmstate",
                    &at("tpm"),
                    "--pcr-banks",
                    "sha256",
                    "--overwrite",
                ]),
                "",
            );
            assert_eq!(made.status, 0, "{made:?}");
        }
        let tpm = Running::start(in_tree(&self.folder, "swtpm").args([
            "socket",
            "--tpm2",
            "--terminate",
            "--tpmstate",
            &format!("dir={}", at("tpm")),
            "--ctrl",
            &format!("type=unixio,path={}", at("tpm.sock")),
        ]));
        let end = Instant::now() + Duration::from_secs(20);
        while !self.folder.join("tpm.sock").exists() {
            assert!(Instant::now() < end, "swtpm does not start: {}", tpm.said());
            std::thread::sleep(Duration::from_millis(10));
        }
        tpm
    }
}

/// A box that is on.
pub struct Vm {
    /// The person at the serial line.
    pub line: Line,
    /// When the power came on.
    pub started: Instant,
    /// Its RADIUS port.
    pub auth: SocketAddr,
    /// Its SSH port.
    pub ssh: SocketAddr,
    pub folder: PathBuf,
    _tpm: Option<Running>,
    off: bool,
}

impl Vm {
    fn pid(&self) -> Option<Pid> {
        let text = fs::read_to_string(self.folder.join("pid")).ok()?;
        text.trim().parse().ok().map(Pid::from_raw)
    }

    /// Whether QEMU is there.
    fn runs(&self) -> bool {
        self.pid().is_some_and(|pid| {
            let process = PathBuf::from(format!("/proc/{pid}"));
            process.exists() && !is_dead(&process)
        })
    }

    /// What QEMU complained of.
    fn said(&self) -> String {
        fs::read_to_string(self.folder.join("qemu.log")).unwrap_or_default()
    }

    fn wait_for_pid(&mut self) {
        let end = Instant::now() + Duration::from_secs(30);
        while self.pid().is_none() {
            assert!(Instant::now() < end, "QEMU does not start: {}", self.said());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// A gateway that asks this box.
    pub fn nas(&self, secret: &[u8]) -> Nas {
        Nas {
            server: self.auth,
            secret: secret.to_vec(),
            source: Ipv4Addr::LOCALHOST.into(),
        }
    }

    /// Waits until RADIUS answers a Status-Server of this gateway; how long after power-on that was.
    pub fn answers(&mut self, secret: &[u8]) -> Duration {
        let (nas, begun) = (self.nas(secret), Instant::now());
        loop {
            let request = Request::access().code(STATUS_SERVER);
            let reply = nas.try_from(&nas.socket(), &request, Duration::from_millis(300));
            if reply.is_some_and(|reply| reply.code == ACCEPT) {
                return self.started.elapsed();
            }
            // What the box draws meanwhile is read.
            self.line.sees_within("\u{0}", Duration::from_millis(20));
            assert!(self.runs(), "QEMU has ended: {}", self.said());
            assert!(
                begun.elapsed() < BOOT,
                "RADIUS does not answer:\n{}",
                self.line.screen()
            );
        }
    }

    /// The power goes at a moment, whatever the box is doing then.
    pub fn cut_at(&self, moment: Instant) -> std::thread::JoinHandle<()> {
        let pid = self.pid().unwrap();
        std::thread::spawn(move || {
            std::thread::sleep(moment.saturating_duration_since(Instant::now()));
            let _ = kill(pid, Signal::SIGKILL);
        })
    }

    /// The power goes: nothing is told.
    pub fn cut(mut self) {
        self.kill();
    }

    fn kill(&mut self) {
        if std::mem::replace(&mut self.off, true) {
            return;
        }
        if let Some(pid) = self.pid() {
            let _ = kill(pid, Signal::SIGKILL);
            self.wait_gone(pid, Duration::from_secs(20));
        }
    }

    /// Waits until the box has switched itself off.
    pub fn goes_off(mut self, bound: Duration) {
        let pid = self.pid().unwrap();
        self.wait_gone(pid, bound);
        self.off = true;
    }

    fn wait_gone(&mut self, pid: Pid, bound: Duration) {
        let end = Instant::now() + bound;
        let process = PathBuf::from(format!("/proc/{pid}"));
        while process.exists() && !is_dead(&process) {
            assert!(Instant::now() < end, "the box is still on:\n{}", self.line.screen());
            self.line.sees_within("\u{0}", Duration::from_millis(20));
        }
    }
}

/// Ended and not yet buried by its parent.
fn is_dead(process: &Path) -> bool {
    fs::read_to_string(process.join("stat")).is_ok_and(|stat| {
        stat.rsplit(')')
            .next()
            .is_some_and(|rest| rest.trim_start().starts_with('Z'))
    })
}

impl Drop for Vm {
    fn drop(&mut self) {
        if std::thread::panicking() {
            // What came over the line says what the box did.
            let _ = fs::write(repository("target/vm-line.raw"), self.line.since(0));
            eprintln!("QEMU runs: {}; it said: {}", self.runs(), self.said());
        }
        self.kill();
    }
}
