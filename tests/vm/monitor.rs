//! What is done to a box that is on, through QEMU's monitor: cable and sticks, in and out.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use serde_json::Value;

use crate::machine::Vm;

impl Vm {
    /// Asks QEMU itself.
    pub fn qmp(&self, command: &Value) -> Value {
        let stream = UnixStream::connect(self.folder.join("qmp.sock")).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        let mut writer = stream;
        let mut answer = |ask: &Value| -> Value {
            writeln!(writer, "{ask}").unwrap();
            loop {
                let mut text = String::new();
                assert!(reader.read_line(&mut text).unwrap() > 0, "QEMU closed its monitor");
                let value: Value = serde_json::from_str(&text).unwrap();
                if value.get("return").is_some() || value.get("error").is_some() {
                    return value;
                }
            }
        };
        answer(&serde_json::json!({ "execute": "qmp_capabilities" }));
        let value = answer(command);
        assert!(value.get("error").is_none(), "{command}: {value}");
        value
    }

    /// The network cable, in or out.
    pub fn cable(&self, plugged: bool) {
        self.qmp(&serde_json::json!({ "execute": "set_link", "arguments": { "name": "nic", "up": plugged } }));
    }
}
