//! A simulated reader as it is plugged in: a chip at the end of a PTY, in a thread of its own.

use std::io::{ErrorKind, Read as _, Write as _};
use std::os::fd::AsFd as _;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::chip::{Chip, Traffic};
use super::faults::Faults;
use super::pty::Port;
use super::{Field, lock};

/// How often it looks whether a token came, in milliseconds, while it waits for one.
const LOOK: u16 = 5;

/// A reader that runs. Dropping it unplugs it.
pub struct Reader {
    path: PathBuf,
    link: Option<PathBuf>,
    field: Field,
    chip: Arc<Mutex<Chip>>,
    stop: Option<UnixStream>,
    thread: Option<JoinHandle<()>>,
}

impl Reader {
    /// Plugs a reader in, under a link where one is named.
    pub fn start(link: Option<&Path>, field: &Field, faults: Faults) -> std::io::Result<Reader> {
        let mut reader = Reader {
            path: PathBuf::new(),
            link: link.map(Path::to_path_buf),
            field: field.clone(),
            chip: Arc::new(Mutex::new(Chip::new(field, Faults::default()))),
            stop: None,
            thread: None,
        };
        reader.plug_in(faults)?;
        Ok(reader)
    }

    /// Plugs it in again, asleep, after it was unplugged by the plan or by hand.
    pub fn plug_in(&mut self, faults: Faults) -> std::io::Result<()> {
        self.unplug();
        *lock(&self.chip) = Chip::new(&self.field, faults);
        let port = Port::open(self.link.as_deref())?;
        self.path = port.path().to_path_buf();
        let (stop, stopped) = UnixStream::pair()?;
        let chip = self.chip.clone();
        self.stop = Some(stop);
        self.thread = Some(std::thread::spawn(move || run(port, &chip, &stopped)));
        Ok(())
    }

    /// Pulls it out; nothing happens where it is out already.
    pub fn unplug(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }

    /// Where it is opened.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What lies on it.
    pub fn field(&self) -> &Field {
        &self.field
    }

    /// Follows another plan from now on: [`Chip::follow`].
    pub fn follow(&self, faults: Faults) {
        lock(&self.chip).follow(faults);
    }

    /// What went over the line since the plan was made.
    pub fn traffic(&self) -> Traffic {
        lock(&self.chip).traffic().clone()
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.unplug();
    }
}

/// Until it is unplugged.
fn run(mut port: Port, chip: &Mutex<Chip>, stopped: &UnixStream) {
    let mut buffer = [0; 1024];
    loop {
        let timeout = if lock(chip).waits() {
            PollTimeout::from(LOOK)
        } else {
            PollTimeout::NONE
        };
        let mut wait = [
            PollFd::new(port.master.as_fd(), PollFlags::POLLIN),
            PollFd::new(stopped.as_fd(), PollFlags::POLLIN),
        ];
        match poll(&mut wait, timeout) {
            Err(nix::errno::Errno::EINTR) => continue,
            Err(_) => return,
            Ok(_) => {}
        }
        if wait[1].any() == Some(true) {
            return;
        }
        let heard = match wait[0].any() {
            Some(true) => match port.master.read(&mut buffer) {
                Ok(count) => &buffer[..count],
                Err(error) if matches!(error.kind(), ErrorKind::Interrupted | ErrorKind::WouldBlock) => continue,
                Err(_) => return,
            },
            _ => &[],
        };
        let (pieces, unplugged) = {
            let mut chip = lock(chip);
            if heard.is_empty() {
                chip.look_again();
            } else {
                chip.hear(heard);
            }
            (std::iter::from_fn(|| chip.says()).collect::<Vec<_>>(), chip.unplugged())
        };
        port.let_others_in();
        for piece in pieces {
            std::thread::sleep(piece.pause);
            match port.master.write_all(&piece.bytes) {
                // The port's user does not read: lost.
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(_) => return,
                Ok(()) => {}
            }
        }
        if unplugged {
            return;
        }
    }
}
