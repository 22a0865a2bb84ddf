//! Everything that is printed goes through here. In: lines and documents; out: standard output and standard error. A reader that
//! has gone away (`postern log | head`) ends the program quietly.

use std::io::{self, Write};

use serde::Serialize;

use crate::control::Failure;

/// Why a command ended before its end.
#[derive(Debug)]
pub enum End {
    /// It did not work: one line says why.
    Failure(Failure),
    /// Standard output could not be written.
    Output(io::Error),
}

impl From<Failure> for End {
    fn from(failure: Failure) -> Self {
        Self::Failure(failure)
    }
}

impl From<io::Error> for End {
    fn from(error: io::Error) -> Self {
        Self::Output(error)
    }
}

/// What a command prints, and how.
pub struct Out<'a> {
    out: &'a mut dyn Write,
    err: &'a mut dyn Write,
    /// One JSON document in the place of text.
    pub json: bool,
}

impl<'a> Out<'a> {
    /// On these two.
    pub fn new(out: &'a mut dyn Write, err: &'a mut dyn Write, json: bool) -> Self {
        Self { out, err, json }
    }

    /// A line of the answer.
    ///
    /// # Errors
    /// Standard output cannot be written.
    pub fn line(&mut self, text: &str) -> io::Result<()> {
        writeln!(self.out, "{text}")
    }

    /// Bytes of the answer as they are.
    ///
    /// # Errors
    /// Standard output cannot be written.
    pub fn raw(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.out.write_all(bytes)
    }

    /// A line that is no part of the answer: a warning, progress. On standard error, and not with `--json`.
    pub fn note(&mut self, text: &str) {
        if !self.json {
            let _ = writeln!(self.err, "{text}");
        }
    }

    /// Something for whoever sits at standard error, as it is: what lies on a reader, a question without its line end. Seen at once.
    pub fn aside(&mut self, text: &str) {
        let _ = self.err.write_all(text.as_bytes());
        let _ = self.err.flush();
    }

    /// A JSON document on a line of its own.
    ///
    /// # Errors
    /// Standard output cannot be written.
    pub fn document<T: Serialize>(&mut self, value: &T) -> io::Result<()> {
        serde_json::to_writer(&mut *self.out, value)?;
        self.out.write_all(b"\n")
    }

    /// Out of the buffers, so that a follower sees it now.
    ///
    /// # Errors
    /// Standard output cannot be written.
    pub fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    /// A failure: one line on standard error, or a JSON document on standard output.
    pub fn failure(&mut self, failure: &Failure) {
        let line: String = failure.message.split_whitespace().collect::<Vec<_>>().join(" ");
        if self.json {
            let kind = failure.kind;
            let _ = self.document(&serde_json::json!({ "error": { "kind": kind, "message": line } }));
        } else {
            let _ = writeln!(self.err, "postern: {line}");
        }
    }
}
