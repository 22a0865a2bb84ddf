//! A PTY pair that stands for a serial port: the simulator holds the master, and the slave is the port, under a name that stays the
//! same when it is plugged in again.

use std::fs::File;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{OptionalActions, ioctl_tiocnxcl, tcgetattr, tcsetattr};

/// A serial port that is plugged in. Dropping it pulls it out.
pub struct Port {
    /// What the port's user writes is read here, and the other way round.
    pub master: File,
    /// Held, so that the master sees no hang-up while nobody has the port open.
    slave: OwnedFd,
    link: Option<PathBuf>,
    path: PathBuf,
}

impl Port {
    /// Plugs a port in; with a link, under that name too.
    pub fn open(link: Option<&Path>) -> std::io::Result<Port> {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC)?;
        // Nothing on a serial line waits for a user who does not read.
        rustix::fs::fcntl_setfl(&master, rustix::fs::OFlags::RDWR | rustix::fs::OFlags::NONBLOCK)?;
        grantpt(&master)?;
        unlockpt(&master)?;
        let path = ptsname(&master, Vec::new())?;
        let path = PathBuf::from(path.to_str().map_err(std::io::Error::other)?);
        let slave: OwnedFd = {
            use std::os::unix::fs::OpenOptionsExt as _;
            let flags = nix::fcntl::OFlag::O_NOCTTY.bits();
            File::options()
                .read(true)
                .write(true)
                .custom_flags(flags)
                .open(&path)?
                .into()
        };
        let mut modes = tcgetattr(&slave)?;
        modes.make_raw();
        tcsetattr(&slave, OptionalActions::Now, &modes)?;
        if let Some(link) = link {
            let beside = link.with_extension("new");
            let _ = std::fs::remove_file(&beside);
            std::os::unix::fs::symlink(&path, &beside)?;
            std::fs::rename(&beside, link)?;
        }
        Ok(Port {
            master: File::from(master),
            slave,
            link: link.map(Path::to_path_buf),
            path,
        })
    }

    /// Where it is opened.
    pub fn path(&self) -> &Path {
        self.link.as_deref().unwrap_or(&self.path)
    }

    /// A port that was opened for one user alone would stay so, since it is never closed here as a real one is.
    pub fn let_others_in(&self) {
        let _ = ioctl_tiocnxcl(&self.slave);
    }
}

impl Drop for Port {
    fn drop(&mut self) {
        // Only the link to this port: it may be another one's by now.
        if let Some(link) = &self.link
            && std::fs::read_link(link).is_ok_and(|target| target == self.path)
        {
            let _ = std::fs::remove_file(link);
        }
    }
}
