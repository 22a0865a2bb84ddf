//! The programs that postern-host runs. In: which one, its arguments and what it reads; out: what it wrote, or one line that says why it
//! failed. Each is named by its own absolute path and started with an empty environment; nothing of a request is ever taken for
//! a program, an option or a path. Files are written under a root folder, which is `/` but in tests.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::store::records::Timestamp;

/// A program that was not done by then is ended.
pub const TIME_LIMIT: Duration = Duration::from_secs(60);
/// Most bytes of a program's words that are kept.
const WORDS_MAX: usize = 400;

/// Why a program did not do what it should: one line.
#[derive(Debug, thiserror::Error)]
pub enum ExecError {
    /// It could not be started.
    #[error("{0} could not be started: {1}")]
    Start(String, std::io::Error),
    /// It ended with an error, and what it said last.
    #[error("{0} failed: {1}")]
    Failed(String, String),
    /// It did not end in time.
    #[error("{0} did not end within {1} s")]
    Late(String, u64),
}

/// The machine: where its files begin, and how a program is run on it.
pub trait Machine: Send + Sync + 'static {
    /// `/`, or a test's folder.
    fn root(&self) -> &Path;

    /// Runs `program` (an absolute path) and returns what it wrote on standard output.
    ///
    /// # Errors
    /// [`ExecError`].
    fn run(&self, program: &str, arguments: &[&str], input: &[u8]) -> Result<Vec<u8>, ExecError>;

    /// Gives the kernel the host's name.
    ///
    /// # Errors
    /// What the kernel said; a machine that has none refuses.
    fn set_name(&self, _name: &str) -> std::io::Result<()> {
        Err(std::io::ErrorKind::Unsupported.into())
    }

    /// Sets the kernel's clock.
    ///
    /// # Errors
    /// What the kernel said; a machine that has none refuses.
    fn set_clock(&self, _at: Timestamp) -> std::io::Result<()> {
        Err(std::io::ErrorKind::Unsupported.into())
    }

    /// A file of the machine.
    fn path(&self, absolute: &str) -> PathBuf {
        self.root().join(absolute.trim_start_matches('/'))
    }
}

/// The real one.
#[derive(Clone, Copy, Debug, Default)]
pub struct ThisMachine;

impl Machine for ThisMachine {
    fn root(&self) -> &Path {
        Path::new("/")
    }

    fn run(&self, program: &str, arguments: &[&str], input: &[u8]) -> Result<Vec<u8>, ExecError> {
        run(program, arguments, input, TIME_LIMIT)
    }

    fn set_name(&self, name: &str) -> std::io::Result<()> {
        Ok(nix::unistd::sethostname(name)?)
    }

    fn set_clock(&self, at: Timestamp) -> std::io::Result<()> {
        let since = nix::sys::time::TimeSpec::from(Duration::from_millis(at.0));
        Ok(nix::time::clock_settime(nix::time::ClockId::CLOCK_REALTIME, since)?)
    }
}

/// See [`Machine::run`]; ended after `limit`.
///
/// # Errors
/// [`ExecError`].
pub fn run(program: &str, arguments: &[&str], input: &[u8], limit: Duration) -> Result<Vec<u8>, ExecError> {
    let start = |error| ExecError::Start(program.to_owned(), error);
    let mut child = Command::new(program)
        .args(arguments)
        .env_clear()
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(start)?;
    // Each pipe has a thread of its own, so that none can fill while another is waited for.
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let input = input.to_vec();
    let writing = std::thread::spawn(move || stdin.map(|mut pipe| pipe.write_all(&input)));
    let reading = std::thread::spawn(move || read_all(stdout));
    let hearing = std::thread::spawn(move || read_all(stderr));
    let begun = Instant::now();
    let status = loop {
        match child.try_wait().map_err(start)? {
            Some(status) => break status,
            None if begun.elapsed() > limit => {
                let _ = child.kill();
                let _ = child.wait();
                return Err(ExecError::Late(program.to_owned(), limit.as_secs()));
            }
            None => std::thread::sleep(Duration::from_millis(5)),
        }
    };
    let _ = writing.join();
    let out = reading.join().unwrap_or_default();
    let words = hearing.join().unwrap_or_default();
    if status.success() {
        return Ok(out);
    }
    let words = String::from_utf8_lossy(&words);
    let last = words
        .lines()
        .rev()
        .find(|line| !line.trim().is_empty())
        .unwrap_or("it said nothing");
    let last: String = last.chars().take(WORDS_MAX).collect();
    Err(ExecError::Failed(program.to_owned(), crate::text::shown(&last)))
}

fn read_all(pipe: Option<impl std::io::Read>) -> Vec<u8> {
    let mut out = Vec::new();
    if let Some(mut pipe) = pipe {
        let _ = pipe.read_to_end(&mut out);
    }
    out
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
mod tests {
    use super::*;

    #[test]
    fn a_program_s_words_and_end_are_told() {
        let out = run("/bin/cat", &[], b"hello", TIME_LIMIT).unwrap();
        assert_eq!(out, b"hello");
        let failed = run("/bin/cat", &["/nonexistent"], b"", TIME_LIMIT)
            .unwrap_err()
            .to_string();
        assert!(failed.contains("No such file"), "{failed}");
        assert!(matches!(
            run("/nonexistent", &[], b"", TIME_LIMIT),
            Err(ExecError::Start(..))
        ));
        let late = run("/bin/sleep", &["30"], b"", Duration::from_millis(50));
        assert!(matches!(late, Err(ExecError::Late(..))));
        // The caller's environment is not the program's.
        assert_eq!(run("/usr/bin/env", &[], b"", TIME_LIMIT).unwrap(), b"");
    }
}
