//! A machine for tests: a folder of its own, and programs that only write down that they were run.

use std::path::Path;

use parking_lot::Mutex;

use super::exec::{ExecError, Machine};
use crate::store::records::Timestamp;

/// What a program of the fake machine does.
type Program = Box<dyn Fn(&str, &[&str], &[u8]) -> Option<Result<Vec<u8>, String>> + Send + Sync>;

/// The machine.
pub struct Fake {
    root: tempfile::TempDir,
    ran: Mutex<Vec<String>>,
    inputs: Mutex<Vec<String>>,
    programs: Mutex<Option<Program>>,
}

impl Fake {
    /// With two wired interfaces, a radio one, and two time zones.
    pub fn new() -> Fake {
        let fake = Fake {
            root: tempfile::tempdir().unwrap(),
            ran: Mutex::default(),
            inputs: Mutex::default(),
            programs: Mutex::default(),
        };
        for name in ["eth0", "eth1", "wlan0"] {
            fake.put(&format!("/sys/class/net/{name}/type"), "1\n");
            fake.put(&format!("/sys/class/net/{name}/device/vendor"), "0x1\n");
        }
        fake.put("/sys/class/net/wlan0/wireless/status", "");
        fake.put("/sys/class/net/lo/type", "772\n");
        fake.put("/sys/class/net/eth0.10/type", "1\n");
        fake.put("/usr/share/zoneinfo/Europe/Vienna", "TZif2");
        fake.put("/usr/share/zoneinfo/UTC", "TZif2");
        fake
    }

    /// A file of the machine.
    pub fn put(&self, path: &str, text: &str) {
        let path = self.path(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    /// What it holds; nothing where it is not there.
    pub fn get(&self, path: &str) -> String {
        std::fs::read_to_string(self.path(path)).unwrap_or_default()
    }

    /// Programs do this from now on; what it says nothing to succeeds.
    pub fn programs(
        &self,
        program: impl Fn(&str, &[&str], &[u8]) -> Option<Result<Vec<u8>, String>> + Send + Sync + 'static,
    ) {
        *self.programs.lock() = Some(Box::new(program));
    }

    /// What was run since this was asked last, each as a line.
    pub fn ran(&self) -> Vec<String> {
        std::mem::take(&mut self.ran.lock())
    }

    /// What was given to programs on their standard input since this was asked last, where it was anything.
    pub fn inputs(&self) -> Vec<String> {
        std::mem::take(&mut self.inputs.lock())
    }
}

impl Machine for Fake {
    fn root(&self) -> &Path {
        self.root.path()
    }

    fn run(&self, program: &str, arguments: &[&str], input: &[u8]) -> Result<Vec<u8>, ExecError> {
        self.ran
            .lock()
            .push([&[program], arguments].concat().join(" ").trim_end().to_owned());
        if !input.is_empty() {
            self.inputs.lock().push(String::from_utf8_lossy(input).into_owned());
        }
        let programs = self.programs.lock();
        let said = programs.as_ref().and_then(|does| does(program, arguments, input));
        said.unwrap_or_else(|| Ok(Vec::new()))
            .map_err(|words| ExecError::Failed(program.to_owned(), words))
    }

    fn set_name(&self, name: &str) -> std::io::Result<()> {
        self.ran.lock().push(format!("sethostname {name}"));
        Ok(())
    }

    fn set_clock(&self, at: Timestamp) -> std::io::Result<()> {
        self.ran.lock().push(format!("clock_settime {}", at.0));
        Ok(())
    }
}
