//! The laboratory tenant, and the site that most tests start from: a door, a proven tenant, a client.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

use crate::harness::{DOMAIN, Door, PASSWORD, Running};
use crate::packet::{Nas, Request};

/// A program of `examples/`, beside the binaries.
pub fn example(name: &str) -> PathBuf {
    Path::new(env!("CARGO_BIN_EXE_posternd"))
        .with_file_name("examples")
        .join(name)
}

/// The laboratory tenant.
pub struct Lab {
    pub process: Running,
    pub address: SocketAddr,
    dir: TempDir,
    tls: bool,
}

impl Lab {
    pub fn open() -> Lab {
        Lab::open_with(&[])
    }

    /// With a delay before each answer, say.
    pub fn open_with(flags: &[&str]) -> Lab {
        let dir = tempfile::tempdir().unwrap();
        let port_file = dir.path().join("port");
        let tls = flags.contains(&"--tls");
        let mut command = Command::new(example("lab-tenant"));
        command
            .args(["--listen", "127.0.0.1:0", "--port-file"])
            .arg(&port_file)
            .args(flags);
        if tls {
            command.arg("--ca-file").arg(dir.path().join("ca.pem"));
        }
        let mut process = Running::start(&mut command);
        let port = || {
            std::fs::read_to_string(&port_file)
                .ok()
                .and_then(|text| text.trim().parse::<u16>().ok())
        };
        assert!(process.wait_until(|_| port().is_some()), "{}", process.said());
        let address = (Ipv4Addr::LOCALHOST, port().unwrap()).into();
        Lab {
            process,
            address,
            dir,
            tls,
        }
    }

    pub fn ca_file(&self) -> String {
        self.dir.path().join("ca.pem").to_str().unwrap().to_owned()
    }

    /// Where `entra set` finds it.
    pub fn authority(&self) -> String {
        if self.tls {
            format!("https://localhost:{}", self.address.port())
        } else {
            format!("http://{}", self.address)
        }
    }

    /// How many logins of a user it has seen.
    pub fn seen(&self, user: &str) -> u64 {
        let mut stream = TcpStream::connect(self.address).unwrap();
        let ask = format!("GET /lab/requests?user={user} HTTP/1.1\r\nHost: lab\r\nConnection: close\r\n\r\n");
        stream.write_all(ask.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let body = answer.split("\r\n\r\n").nth(1).unwrap_or_default();
        let start = body
            .find('{')
            .unwrap_or_else(|| panic!("no JSON from the lab: {answer}"));
        let end = body.rfind('}').unwrap();
        let value: Value = serde_json::from_str(&body[start..=end]).unwrap();
        value["count"].as_u64().unwrap_or_else(|| panic!("no count: {value}"))
    }
}

/// A door, a proven tenant, and a client `vpn` at 127.0.0.1 whose rejects do not keep the tests waiting.
pub struct Site {
    pub door: Door,
    pub lab: Lab,
    pub nas: Nas,
}

/// Rejects leave at once: the delay itself is tested where it belongs (R11).
pub const QUICK: [&str; 2] = ["--reject-delay", "0s"];

impl Site {
    pub fn open(client: &[&str]) -> Site {
        Site::with_lab(Lab::open(), client)
    }

    pub fn with_lab(lab: Lab, client: &[&str]) -> Site {
        Site::with(Door::open(), lab, client)
    }

    pub fn with(door: Door, lab: Lab, client: &[&str]) -> Site {
        set_tenant(&door, &lab);
        door.ok_in(&["entra", "prove", "prove@contoso.example"], &format!("{PASSWORD}\n"));
        let mut settings = QUICK.to_vec();
        if client.contains(&"--reject-delay") {
            settings.clear();
        }
        settings.extend(client);
        let address = if door.auth.is_ipv6() && door.auth.ip().is_loopback() {
            "::1"
        } else {
            "127.0.0.1"
        };
        let nas = door.client("vpn", address, &settings);
        Site { door, lab, nas }
    }

    /// A login in append mode: the reply's code.
    pub fn login(&self, user: &str, credential: &str) -> u8 {
        self.nas.login(user, credential)
    }

    /// The same from a calling station.
    pub fn login_from(&self, station: &str, user: &str, credential: &str) -> u8 {
        self.nas.ask(&Request::login(user, credential).station(station)).code
    }
}

/// Names the lab as contoso.example's tenant; not proven.
pub fn set_tenant(door: &Door, lab: &Lab) {
    let authority = lab.authority();
    let ca = lab.ca_file();
    let mut arguments = vec![
        "entra",
        "set",
        "--domain",
        DOMAIN,
        "--authority",
        &authority,
        "--tenant",
        "11111111-2222-3333-4444-555555555555",
        "--client-id",
        "66666666-7777-8888-9999-aaaaaaaaaaaa",
        "--prefix",
        "CONTOSO",
    ];
    if lab.tls {
        arguments.extend(["--ca-file", &ca]);
    }
    door.ok(&arguments);
}
