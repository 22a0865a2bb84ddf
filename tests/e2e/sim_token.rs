//! The drawer of simulated tokens that `scripts/run --sim-token` puts beside a box: what it shows, and what it does when it is told.

use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use postern::tokens::desk::Left;
use postern::tokens::{ApduChannel, LinkError, find};
use tempfile::TempDir;

use crate::lab::example;
use crate::token_rig::{Outcome, Task, Time};
use crate::totp::{Token, now};

/// A running drawer.
struct Drawer {
    child: Child,
    dir: TempDir,
}

impl Drawer {
    fn open(flags: &[&str]) -> Drawer {
        let dir = tempfile::tempdir().unwrap();
        let child = Command::new(example("sim-token"))
            .arg("--pty")
            .arg(dir.path().join("reader"))
            .arg("--display")
            .arg(dir.path().join("display"))
            .arg("--until-stdin-closes")
            .args(flags)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Drawer { child, dir }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn tell(&mut self, word: &str) {
        writeln!(self.child.stdin.as_mut().unwrap(), "{word}").unwrap();
    }

    /// Waits until the displays are as wanted; their lines.
    fn shows(&self, wanted: impl Fn(&[&str]) -> bool) -> Vec<String> {
        let end = Instant::now() + Duration::from_secs(10);
        loop {
            let text = std::fs::read_to_string(self.path("display")).unwrap_or_default();
            let lines: Vec<&str> = text.lines().collect();
            if wanted(&lines) {
                return lines.into_iter().map(str::to_owned).collect();
            }
            assert!(Instant::now() < end, "the displays show:\n{text}");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    fn open_reader(&self) -> Result<Box<dyn ApduChannel>, LinkError> {
        find::open(self.path("reader").to_str().unwrap(), None).map(|(link, _)| link)
    }

    fn programs(&self, serial: &str, seed: &[u8]) -> Outcome {
        let mut link = self.open_reader().unwrap();
        let mut task = Task::single(serial, seed);
        task.job.parameters = postern::store::records::TotpParameters::default();
        task.write(&mut *link, &Time::wall(), &mut Vec::new())
    }
}

impl Drop for Drawer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn gone(path: &Path) -> bool {
    std::fs::symlink_metadata(path).is_err()
}

#[test]
fn a_simulated_token_is_programmed_and_shows_its_codes() {
    let mut drawer = Drawer::open(&["--drawer", "2", "--pause", "300", "--ahead", "90"]);
    drawer.shows(|lines| lines == ["86596220000001  no seed  on the reader"]);
    let mode = std::fs::metadata(drawer.path("display")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);

    let token = Token::new();
    let wrong = drawer.programs("86596220000009", &token.seed);
    assert!(matches!(wrong, Outcome::Failed(trouble) if trouble.left == Left::AsBefore));
    assert!(drawer.programs("86596220000001", &token.seed).is_written());
    // Its clock was set: the code is the one of now, or of a moment ago.
    let before = token.at(now() - 1);
    let lines = drawer.shows(|lines| lines.last().is_some_and(|line| !line.contains("no seed")));
    let words: Vec<&str> = lines.last().unwrap().split_whitespace().collect();
    assert_eq!(words[0], "86596220000001");
    assert!(
        [before, token.at(now()), token.at(now() + 1)].contains(&words[1].to_owned()),
        "{words:?}"
    );
    assert!(
        (1..=30).contains(&words[2].parse::<u64>().unwrap()) && words[3] == "s",
        "{words:?}"
    );

    // The next one comes by itself, and the first stays to be read; there is no third.
    let two = |lines: &[&str]| lines.len() == 2 && lines[0] == "86596220000002  no seed  on the reader";
    assert!(drawer.shows(two)[1].starts_with("86596220000001  "));
    assert!(drawer.programs("86596220000002", &token.seed).is_written());
    std::thread::sleep(Duration::from_millis(600));
    drawer.shows(|lines| lines.len() == 2 && lines[0].ends_with("on the reader"));

    drawer.tell("take");
    drawer.shows(|lines| !lines.iter().any(|line| line.contains("reader")));
    assert!(matches!(drawer.open_reader(), Err(LinkError::TokenGone)));
    drawer.tell("nonsense");
    drawer.tell("place");
    drawer.shows(|lines| lines[0].starts_with("86596220000002  ") && lines[0].ends_with("on the reader"));
    assert!(drawer.open_reader().is_ok());
    drawer.tell("next");
    drawer.shows(|lines| lines[0] == "86596220000003  no seed  on the reader");

    drawer.tell("quit");
    assert!(drawer.child.wait().unwrap().success());
    assert!(gone(&drawer.path("reader")) && gone(&drawer.path("display")));
}

#[test]
fn a_drawer_is_closed_by_a_signal_and_by_the_end_of_its_input() {
    for by_signal in [true, false] {
        let mut drawer = Drawer::open(&[]);
        drawer.shows(|lines| lines.len() == 1);
        if by_signal {
            let pid = nix::unistd::Pid::from_raw(i32::try_from(drawer.child.id()).unwrap());
            nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM).unwrap();
        } else {
            drop(drawer.child.stdin.take());
        }
        assert!(drawer.child.wait().unwrap().success());
        assert!(gone(&drawer.path("reader")) && gone(&drawer.path("display")));
    }
}
