//! Who stays behind. The console runs as the child of a keeper that has nothing to do but wait: however the child ends, by SIGKILL
//! or a fault too, the keeper gives the line back as it was found. If the keeper is killed, the kernel ends the child by SIGTERM,
//! and the child gives the line back itself.

use std::io::{Read, Write};
use std::os::fd::AsFd;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::unistd::Pid;

use super::term::tty::Tty;

/// Set in the child's environment.
const CHILD: &str = "POSTERN_CONSOLE_CHILD";
/// After SIGTERM the child has so long to leave the line; then it is killed.
const GRACE: Duration = Duration::from_secs(2);
/// Bytes of what the child said at its end.
const SAID_MAX: u64 = 4_096;

/// Whether this process is the child.
pub fn is_child() -> bool {
    std::env::var_os(CHILD).is_some()
}

/// In the child: ends with the keeper.
pub fn end_with_keeper() {
    // Without it a killed keeper leaves the child on the line, which is no worse than no keeper.
    let _ = nix::sys::prctl::set_pdeathsig(Signal::SIGTERM);
}

/// Runs this very program as the child, with the same arguments, until it ends; the line is then as it was. Answers how it ended,
/// as an exit status.
///
/// # Errors
/// The child could not be started.
pub fn keep(tty: Tty) -> anyhow::Result<u8> {
    let mut wanted = SigSet::empty();
    for signal in [Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP, Signal::SIGCHLD] {
        wanted.add(signal);
    }
    wanted.thread_block()?;
    let signals = SignalFd::with_flags(&wanted, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK)?;
    let mut child = Command::new(std::env::current_exe()?)
        .args(std::env::args_os().skip(1))
        .env(CHILD, "1")
        // What it has to say would be erased with the rest of the screen: it is said when the line was given back.
        .stderr(Stdio::piped())
        .spawn()?;
    let said = child.stderr.take();
    let status = wait(&mut child, &signals)?;
    if status.code() == Some(0) {
        // It gave the line back itself, and other words may stand there already.
        std::mem::forget(tty);
    } else {
        tty.restore();
    }
    let mut words = String::new();
    if let Some(said) = said {
        // A line or two; bytes that are no text are dropped with the rest.
        let _ = said.take(SAID_MAX).read_to_string(&mut words);
    }
    if let Some(signal) = status.signal() {
        words.push_str(&format!("postern-console: it was ended by signal {signal}\n"));
    }
    let _ = std::io::stderr().write_all(words.as_bytes());
    Ok(status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1))
}

fn wait(child: &mut Child, signals: &SignalFd) -> anyhow::Result<ExitStatus> {
    let mut killed_at = None;
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(status);
        }
        let mut waits = [PollFd::new(signals.as_fd(), PollFlags::POLLIN)];
        let timeout = PollTimeout::try_from(GRACE).unwrap_or(PollTimeout::MAX);
        let _ = poll(&mut waits, timeout);
        while let Ok(Some(signal)) = signals.read_signal() {
            let number = i32::try_from(signal.ssi_signo).unwrap_or(0);
            if let Ok(signal @ (Signal::SIGTERM | Signal::SIGINT | Signal::SIGHUP)) = Signal::try_from(number) {
                let pid = Pid::from_raw(i32::try_from(child.id()).unwrap_or(i32::MAX));
                let _ = nix::sys::signal::kill(pid, signal);
                killed_at.get_or_insert_with(std::time::Instant::now);
            }
        }
        if killed_at.is_some_and(|at: std::time::Instant| at.elapsed() > GRACE) {
            let _ = child.kill();
        }
    }
}
