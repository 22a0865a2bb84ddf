//! Placeholder.

use std::io::Write;

use super::app::App;
use super::event::{Event, Now};
use super::screen::Context;

/// Records.
#[derive(Debug)]
pub struct Recorder<W>(W);

impl<W: Write> Recorder<W> {
    /// New.
    pub fn new(to: W, _context: &Context) -> std::io::Result<Self> {
        Ok(Self(to))
    }

    /// Records.
    pub fn record(&mut self, _app: &App, _event: &Event, _now: Now) -> std::io::Result<()> {
        Ok(())
    }

    /// Flushes.
    pub fn flush(&mut self) -> std::io::Result<()> {
        self.0.flush()
    }
}
