//! The serial ports of this machine, as sysfs, udev and /dev tell. In: the folders to look into; out: which ports there are, and
//! whether one may be asked what it is. Nothing is opened and nothing is asked here. There is no libudev and no netlink: a console
//! that systemd gave no network gets no events of udev, so somebody looks here once a second.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

use crate::text::shown;

/// The folders that are looked into.
#[derive(Clone, Debug)]
pub struct Places {
    /// `/sys`.
    pub sys: PathBuf,
    /// `/dev`.
    pub dev: PathBuf,
    /// `/run/udev`.
    pub udev: PathBuf,
    /// `/proc`.
    pub proc: PathBuf,
}

impl Default for Places {
    fn default() -> Self {
        Self {
            sys: "/sys".into(),
            dev: "/dev".into(),
            udev: "/run/udev".into(),
            proc: "/proc".into(),
        }
    }
}

/// What our udev rule calls a port that may be asked.
const TAG: &str = "postern-reader";
/// Processes that are looked at, and ports: a box has a few hundred of the one and a few of the other.
const PROCESSES_MAX: usize = 65_536;
const PORTS_MAX: usize = 256;
/// Device numbers of the virtual terminals, and of /dev/tty and /dev/console.
const VIRTUAL_TERMINALS: u32 = 4;
const VIRTUAL_TERMINALS_END: u32 = 64;
const CONTROLLING: u32 = 5;

/// A device's number in the kernel: major and minor.
pub type Number = (u32, u32);

/// A serial port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Port {
    /// What it is called.
    pub device: PathBuf,
    /// Where it is opened; no link.
    pub path: PathBuf,
    /// The kernel's number for it.
    pub number: Number,
    /// Its file: another one when it is plugged in again.
    pub stamp: (u64, u64),
    /// What USB says of it, for a person; none: it is on no USB.
    pub name: Option<String>,
    /// Our udev rule marked it.
    pub tagged: bool,
}

/// What stands under a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Node {
    /// A character device: a port, perhaps.
    Port(Port),
    /// Nothing.
    Absent,
    /// Something else, a plain file say.
    Other,
}

impl Places {
    /// The ports that may be readers by their nature: those on USB, and those that our rule marked. By name.
    pub fn ports(&self) -> Vec<Port> {
        let Ok(folder) = fs::read_dir(self.sys.join("class/tty")) else {
            return Vec::new();
        };
        let mut names: Vec<_> = folder.flatten().map(|entry| entry.file_name()).collect();
        names.sort();
        let ports = names.iter().filter_map(|name| self.port(Path::new(name)));
        ports
            .filter(|port| port.name.is_some() || port.tagged)
            .take(PORTS_MAX)
            .collect()
    }

    /// A port by the kernel's name for it.
    fn port(&self, name: &Path) -> Option<Port> {
        let number = fs::read_to_string(self.sys.join("class/tty").join(name).join("dev")).ok()?;
        let (major, minor) = number.trim().split_once(':')?;
        let number = (major.parse().ok()?, minor.parse().ok()?);
        self.file(&self.dev.join(name), number, self.usb_name(name))
    }

    /// What stands under a path that an operator named: a port itself, or a link to one.
    pub fn node(&self, path: &Path) -> Node {
        let Ok(data) = fs::metadata(path) else {
            return Node::Absent;
        };
        if !data.file_type().is_char_device() {
            return Node::Other;
        }
        let Ok(real) = fs::canonicalize(path) else {
            return Node::Absent;
        };
        let known = self.ports().into_iter().find(|port| port.path == real);
        let port = known.or_else(|| self.file(path, number_of(data.rdev())?, None));
        port.map_or(Node::Absent, Node::Port)
    }

    fn file(&self, path: &Path, number: Number, name: Option<String>) -> Option<Port> {
        let data = fs::metadata(path).ok()?;
        let tag = self.udev.join(format!("tags/{TAG}/c{}:{}", number.0, number.1));
        data.file_type().is_char_device().then_some(Port {
            device: path.to_path_buf(),
            path: fs::canonicalize(path).ok()?,
            number,
            stamp: (data.rdev(), data.ino()),
            name,
            tagged: tag.exists(),
        })
    }

    /// What USB says of a port: product and manufacturer.
    fn usb_name(&self, name: &Path) -> Option<String> {
        let device = fs::canonicalize(self.sys.join("class/tty").join(name).join("device")).ok()?;
        let sys = fs::canonicalize(&self.sys).ok()?;
        let mut folders = device.ancestors().take_while(|folder| folder.starts_with(&sys));
        let usb = folders.find(|folder| folder.join("idVendor").exists())?;
        let read = |file: &str| {
            let text = fs::read(usb.join(file)).unwrap_or_default();
            String::from_utf8_lossy(text.trim_ascii()).into_owned()
        };
        let name = match (read("product"), read("manufacturer")) {
            (product, maker) if product.is_empty() && maker.is_empty() => "USB serial port".to_owned(),
            (product, maker) if product.is_empty() => format!("USB serial port, {maker}"),
            (product, maker) if maker.is_empty() => product,
            (product, maker) => format!("{product}, {maker}"),
        };
        Some(shown(&name))
    }

    /// The link under /dev/serial/by-id that leads to a port: it stays the same when the port gets another number.
    pub fn by_id(&self, port: &Path) -> Option<PathBuf> {
        let folder = fs::read_dir(self.dev.join("serial/by-id")).ok()?;
        let mut links: Vec<_> = folder.flatten().map(|entry| entry.path()).collect();
        links.sort();
        links
            .into_iter()
            .find(|link| fs::canonicalize(link).is_ok_and(|target| target == port))
    }

    /// Why a port must not be asked, whoever chose it; none: it may. `own`: lines that somebody stands on; `terminals`: what
    /// [`Places::terminals`] said just now.
    pub fn forbidden(&self, port: &Port, own: &[PathBuf], terminals: &BTreeSet<Number>) -> Option<String> {
        let (major, minor) = port.number;
        let terminal = major == VIRTUAL_TERMINALS && minor < VIRTUAL_TERMINALS_END;
        if terminal || major == CONTROLLING || self.is_system_console(port) {
            return Some("it is a console of this box: choose another port".to_owned());
        }
        let same = |line: &PathBuf| fs::canonicalize(line).is_ok_and(|line| line == port.path);
        if own.iter().any(same) {
            return Some("this console stands on it: choose another port".to_owned());
        }
        if terminals.contains(&port.number) {
            return Some("somebody is logged in on it: choose another port".to_owned());
        }
        None
    }

    /// The kernel writes its messages there.
    fn is_system_console(&self, port: &Port) -> bool {
        let active = fs::read_to_string(self.sys.join("class/tty/console/active")).unwrap_or_default();
        active
            .split_whitespace()
            .any(|name| fs::canonicalize(self.dev.join(name)).is_ok_and(|console| console == port.path))
    }

    /// What processes have as their terminals: other consoles and logins. The bridges of readers are those of serial consoles too.
    pub fn terminals(&self) -> BTreeSet<Number> {
        let processes = fs::read_dir(&self.proc)
            .into_iter()
            .flatten()
            .flatten()
            .filter(|entry| {
                let name = entry.file_name();
                name.as_encoded_bytes().iter().all(u8::is_ascii_digit)
            });
        let terminal = |path: PathBuf| {
            // The process's name may hold spaces and brackets. After the last bracket: state, parent, group, session, terminal.
            let stat = fs::read(path).ok()?;
            let stat = String::from_utf8_lossy(&stat).into_owned();
            let (_, rest) = stat.rsplit_once(')')?;
            let number: i32 = rest.split_whitespace().nth(4)?.parse().ok()?;
            number_of(u64::from(number.cast_unsigned()))
        };
        processes
            .take(PROCESSES_MAX)
            .filter_map(|entry| terminal(entry.path().join("stat")))
            .collect()
    }
}

/// Major and minor number of what a file or a process says.
fn number_of(device: u64) -> Option<Number> {
    let (major, minor) = (nix::sys::stat::major(device), nix::sys::stat::minor(device));
    Some((u32::try_from(major).ok()?, u32::try_from(minor).ok()?))
}
