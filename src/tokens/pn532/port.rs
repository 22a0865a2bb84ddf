//! A serial port as a line to a chip: 115200 baud, 8N1, for us alone. In: a path, a pseudo-terminal's too; out: a [`Wire`]. It never
//! waits longer than it is told, and an unplugged port is [`LinkError::ReaderGone`] from then on.

use std::io::{ErrorKind, Read, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use serialport::{ClearBuffer, DataBits, FlowControl, Parity, SerialPort, StopBits, TTYPort};

use super::chip::Wire;
use crate::tokens::channel::LinkError;

/// What a PN532 speaks after power-on.
const BAUD: u32 = 115_200;
/// A port takes the longest frame in 25 ms; one that does not take it at all is stuck.
const WRITE_MAX: Duration = Duration::from_millis(500);

/// Why a port could not be opened. Each says what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// No such file any more.
    #[error("it is not there: plug it in")]
    Absent,
    /// Another program has it.
    #[error("another program uses it: end that program")]
    Busy,
    /// Our user may not open it.
    #[error("this user may not open it: add it to the group of the port, or unplug and plug in the reader once more")]
    Denied,
    /// It is something else.
    #[error("it cannot be used as a serial port: {0}")]
    Unusable(String),
}

impl From<OpenError> for LinkError {
    fn from(error: OpenError) -> Self {
        match error {
            OpenError::Absent => Self::ReaderGone,
            other => Self::Reader(other.to_string()),
        }
    }
}

/// An open port. Closing it lets others use it again.
pub struct Port {
    tty: TTYPort,
    opened: Instant,
}

impl Port {
    /// Opens a port for us alone, and forgets what it still held.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        let unusable = |error: serialport::Error| OpenError::Unusable(error.description);
        let tty = serialport::new(path.to_string_lossy(), BAUD)
            .data_bits(DataBits::Eight)
            .parity(Parity::None)
            .stop_bits(StopBits::One)
            .flow_control(FlowControl::None)
            .exclusive(true)
            .open_native()
            .map_err(|error| match error.kind() {
                serialport::ErrorKind::NoDevice => OpenError::Busy,
                serialport::ErrorKind::Io(ErrorKind::NotFound) => OpenError::Absent,
                serialport::ErrorKind::Io(ErrorKind::PermissionDenied) => OpenError::Denied,
                _ => unusable(error),
            })?;
        tty.clear(ClearBuffer::All).map_err(unusable)?;
        Ok(Self {
            tty,
            opened: Instant::now(),
        })
    }
}

impl Drop for Port {
    fn drop(&mut self) {
        // Closing waits for bytes that a stuck port will never send: half a minute.
        let _ = self.tty.clear(ClearBuffer::All);
    }
}

impl Wire for Port {
    fn read(&mut self, into: &mut [u8], wait: Duration) -> Result<usize, LinkError> {
        let gone = |_| LinkError::ReaderGone;
        self.tty.set_timeout(wait).map_err(gone)?;
        match self.tty.read(into) {
            // The end of a line is its hanging up.
            Ok(0) if !into.is_empty() => Err(LinkError::ReaderGone),
            Ok(count) => Ok(count),
            Err(error) if matches!(error.kind(), ErrorKind::TimedOut | ErrorKind::Interrupted) => Ok(0),
            Err(_) => Err(LinkError::ReaderGone),
        }
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), LinkError> {
        let end = Instant::now() + WRITE_MAX;
        let mut rest = bytes;
        while !rest.is_empty() {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(LinkError::ReaderGone);
            }
            self.tty.set_timeout(left).map_err(|_| LinkError::ReaderGone)?;
            match self.tty.write(rest) {
                Ok(count) => rest = rest.get(count..).unwrap_or_default(),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => return Err(LinkError::ReaderGone),
            }
        }
        Ok(())
    }

    fn clear(&mut self) -> Result<(), LinkError> {
        self.tty.clear(ClearBuffer::Input).map_err(|_| LinkError::ReaderGone)
    }

    fn now(&self) -> Duration {
        self.opened.elapsed()
    }
}
