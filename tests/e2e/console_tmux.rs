//! The console in a terminal that many people have: tmux, with keys by `send-keys` and the screen by `capture-pane`.

use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::console_line::{OPERATOR, PASSPHRASE, operator, program, ready, socket};
use crate::eye::{app, scan};
use crate::harness::{Door, PASSWORD, run};
use crate::lab::Site;
use crate::packet::REJECT;
use crate::totp::early_in_a_step;

const ANNA: &str = "anna@contoso.example";
const PATIENCE: Duration = Duration::from_secs(20);

/// A server of its own with one window, in which the console runs.
pub struct Tmux(PathBuf);

impl Tmux {
    /// With arguments more.
    pub fn open(door: &Door, more: &str) -> Tmux {
        let tmux = Tmux(door.path().join("tmux.sock"));
        let console = format!(
            "exec '{}' --socket '{}' --caps ansi16-unicode {more}",
            program().display(),
            socket(door).display()
        );
        tmux.tmux(&["new-session", "-d", "-x", "80", "-y", "24", &console]);
        tmux.tmux(&["set-option", "-g", "status", "off"]);
        tmux
    }

    fn tmux(&self, arguments: &[&str]) -> String {
        let said = run(
            Command::new("tmux")
                .arg("-S")
                .arg(&self.0)
                .args(["-u", "-f", "/dev/null"])
                .args(arguments)
                .env("LC_ALL", "C.UTF-8")
                .env_remove("TMUX"),
            "",
        );
        assert_eq!(said.status, 0, "tmux {arguments:?}: {said:?}");
        said.out
    }

    /// Somebody logs in.
    pub fn log_in(&self, name: &str) {
        self.expect("Password");
        // A screen that came by itself takes no keys in its first half second.
        std::thread::sleep(Duration::from_millis(600));
        self.types(name);
        self.press(&["Enter"]);
        self.types(PASSPHRASE);
        self.press(&["Enter", "Enter"]);
        self.expect("NSWERING");
    }

    /// Letters as they are.
    pub fn types(&self, text: &str) {
        self.tmux(&["send-keys", "-l", "--", text]);
    }

    /// Keys by their names.
    pub fn press(&self, keys: &[&str]) {
        self.tmux(&[["send-keys"].as_slice(), keys].concat());
    }

    fn screen(&self) -> String {
        self.tmux(&["capture-pane", "-p"])
    }

    /// Waits until it stands on the screen; the screen.
    pub fn expect(&self, text: &str) -> String {
        let end = Instant::now() + PATIENCE;
        loop {
            let screen = self.screen();
            if screen.contains(text) {
                return screen;
            }
            assert!(Instant::now() < end, "{text:?} did not appear:\n{screen}");
            std::thread::sleep(Duration::from_millis(30));
        }
    }
}

impl Drop for Tmux {
    fn drop(&mut self) {
        let _ = Command::new("tmux").arg("-S").arg(&self.0).arg("kill-server").output();
    }
}

#[test]
fn log_in_enrol_and_why_in_tmux() {
    let site = Site::open(&[]);
    ready(&site.door);
    operator(&site.door, OPERATOR, "installer");
    let tmux = Tmux::open(&site.door, "");
    tmux.log_in(OPERATOR);
    tmux.types(&format!("e{ANNA}"));
    tmux.press(&["Enter"]);
    let screen = tmux.expect("Type the code");
    let token = app(&scan(&screen));
    early_in_a_step();
    tmux.types(&token.code());
    tmux.press(&["Enter"]);
    tmux.expect("is active");
    tmux.expect("NSWERING");
    assert_eq!(site.login(ANNA, &format!("{PASSWORD}{}", token.wrong())), REJECT);
    tmux.types(&format!("w{ANNA}"));
    tmux.press(&["Enter"]);
    tmux.expect("Wrong code");
    // Arrows, as tmux sends them, and the way back.
    tmux.press(&["Escape"]);
    tmux.expect("Find");
    tmux.press(&["Escape"]);
    tmux.expect("NSWERING");
    tmux.press(&["Down", "Down", "Down", "Down", "Down", "Enter"]);
    tmux.expect("newest first");
    // tmux keeps what is cleared: nothing of the key may be there.
    let history = tmux.tmux(&["capture-pane", "-p", "-S", "-"]);
    let key = token.base32();
    assert!(!history.contains(&key[..4]) && !history.contains('▀'), "{history}");
    // A window that changes its size.
    tmux.tmux(&["resize-window", "-x", "60", "-y", "20"]);
    tmux.expect("Make it larger");
    tmux.tmux(&["resize-window", "-x", "132", "-y", "43"]);
    tmux.expect("newest first");
}
