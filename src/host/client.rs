//! posternd's side of `host.sock`. In: an [`Ask`]; out: what postern-host answered, or one line. It blocks, and no longer than its
//! time limit.

use std::io::{self, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use super::ops::{Ask, HostAnswer};
use crate::control::frame::{self, FrameError};
use crate::control::ops::{Failure, FailureKind};

/// How long an answer may take.
pub const TIME_LIMIT: Duration = Duration::from_secs(20);

/// Asks, and waits for the answer.
///
/// # Errors
/// postern-host's own line; [`FailureKind::Unreachable`] where this box has none, or it does not answer.
pub fn ask(socket: &Path, ask: &Ask) -> Result<HostAnswer, Failure> {
    let unreachable = |line: String| Failure::new(FailureKind::Unreachable, line);
    let mut stream = UnixStream::connect(socket).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => Failure::failed(
            "this box is no appliance (postern-host is not there): set its network, clock and name with the system's own tools",
        ),
        _ => unreachable(format!("postern-host cannot be reached ({error}): restart the box")),
    })?;
    let broken = |error: FrameError| match error {
        FrameError::Io(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {
            unreachable(format!(
                "postern-host did not answer within {} s, and may still do it: look with `postern host show`",
                TIME_LIMIT.as_secs()
            ))
        }
        error => unreachable(format!(
            "postern-host broke off ({error}): look with `postern host show` whether it was done"
        )),
    };
    stream
        .set_read_timeout(Some(TIME_LIMIT))
        .and_then(|()| stream.set_write_timeout(Some(TIME_LIMIT)))
        .map_err(|error| broken(error.into()))?;
    let bytes = frame::encode(ask).map_err(|error| Failure::usage(format!("this cannot be sent: {error}")))?;
    stream.write_all(&bytes).map_err(|error| broken(error.into()))?;
    let json = frame::read(&mut stream).map_err(broken)?;
    let json = json.ok_or_else(|| broken(FrameError::Truncated))?;
    frame::decode::<Result<HostAnswer, Failure>>(&json).map_err(broken)?
}
