//! posternd's side of `host.sock`. In: an [`Ask`]; out: the answer, or one line that says why there is none. Blocking, bounded in time.

use std::io::Write;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use super::ops::{Ask, HostAnswer};
use crate::control::frame;
use crate::control::ops::{Failure, FailureKind};

/// A stick may be slow to be written out.
const LIMIT: Duration = Duration::from_secs(60);

/// Whether there is a postern-host at all: on a Debian box of somebody's own there is none.
pub fn is_there(socket: &Path) -> bool {
    socket.exists()
}

/// Asks and waits.
///
/// # Errors
/// What postern-host refused, or [`FailureKind::Failed`] where it is not there.
pub fn ask(socket: &Path, ask: &Ask) -> Result<HostAnswer, Failure> {
    if !is_there(socket) {
        return Err(Failure::failed(
            "this box is no appliance (postern-host does not run): set its network, clock and name with the system's own tools",
        ));
    }
    let broken = |error: &dyn std::fmt::Display| {
        Failure::new(
            FailureKind::Failed,
            format!("postern-host does not answer ({error}): look whether it was done, then try again"),
        )
    };
    let mut stream = UnixStream::connect(socket).map_err(|error| broken(&error))?;
    let limits = stream
        .set_read_timeout(Some(LIMIT))
        .and_then(|()| stream.set_write_timeout(Some(LIMIT)));
    limits.map_err(|error| broken(&error))?;
    let bytes = frame::encode(ask).map_err(|error| Failure::usage(format!("this cannot be asked: {error}")))?;
    stream.write_all(&bytes).map_err(|error| broken(&error))?;
    match frame::read(&mut stream) {
        Ok(Some(json)) => frame::decode::<Result<HostAnswer, Failure>>(&json).map_err(|error| broken(&error))?,
        Ok(None) => Err(broken(&"it closed the connection")),
        Err(error) => Err(broken(&error)),
    }
}
