//! The boot loader's menu on the serial line: that a box starts again, and an entry that somebody chooses.

use std::time::{Duration, Instant};

use crate::line::key;
use crate::machine::{BOOT, Vm};

/// What it says while it waits, on every line.
const MENU: &str = "Boot in ";

impl Vm {
    /// Waits until the box has restarted by itself since the line's first `from` bytes: its firmware shows the boot loader again. Times
    /// count from here then.
    pub fn restarts(&mut self, from: usize, bound: Duration) {
        assert!(
            self.line.comes_within(from, MENU, bound),
            "the box does not restart:\n{}",
            self.line.screen()
        );
        self.started = Instant::now();
    }

    /// At the boot menu, which stands for two seconds: the entry so many lines below the first.
    pub fn choose_entry(&mut self, below: usize) {
        let from = self.line.came();
        assert!(
            self.line.comes_within(0, MENU, BOOT),
            "no boot menu came:\n{}",
            self.line.screen()
        );
        for _ in 0..below {
            self.line.send(key::DOWN);
            std::thread::sleep(Duration::from_millis(300));
        }
        self.line.send(key::ENTER);
        // Gone from the menu, whatever comes next.
        let _ = self
            .line
            .comes_within(from, "\u{1b}[2J\u{1b}[01;01H", Duration::from_secs(5));
    }
}
