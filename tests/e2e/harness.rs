//! What every test starts from: a door (posternd with a state of its own), a laboratory tenant, and the command line. Everything
//! started is ended by its process id when the test ends; everything listens on loopback, on ports of its own.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use crate::packet::Nas;
use crate::totp::Token;

/// What the laboratory tenant knows as everybody's password.
pub const PASSWORD: &str = "correct horse";
/// The tenant's domain.
pub const DOMAIN: &str = "contoso.example";
const READY: Duration = Duration::from_secs(30);

/// A child process that ends with its owner.
pub struct Running {
    pub child: Child,
    lines: Arc<Mutex<Vec<String>>>,
}

impl Running {
    /// Starts a program, keeps what it says (both streams).
    pub fn start(command: &mut Command) -> Running {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("cannot start {command:?}: {error} (scripts/setup test)"));
        let lines = Arc::new(Mutex::new(Vec::new()));
        let streams: [Box<dyn Read + Send>; 2] = [
            Box::new(child.stdout.take().unwrap()),
            Box::new(child.stderr.take().unwrap()),
        ];
        for stream in streams {
            let lines = Arc::clone(&lines);
            std::thread::spawn(move || {
                for line in BufReader::new(stream).split(b'\n').map_while(Result::ok) {
                    lines.lock().unwrap().push(String::from_utf8_lossy(&line).into_owned());
                }
            });
        }
        Running { child, lines }
    }

    /// All that it said until now.
    pub fn said(&self) -> String {
        self.lines.lock().unwrap().join("\n")
    }

    /// Waits until it says a word; false if it ends before.
    pub fn wait_for(&mut self, word: &str) -> bool {
        self.wait_until(|said| said.contains(word))
    }

    /// Waits until what it said, or the world, is as wanted; false if it ends before.
    pub fn wait_until(&mut self, done: impl Fn(&str) -> bool) -> bool {
        let start = Instant::now();
        loop {
            if done(&self.said()) {
                return true;
            }
            if self.child.try_wait().unwrap().is_some() {
                std::thread::sleep(Duration::from_millis(50));
                return done(&self.said());
            }
            assert!(start.elapsed() < READY, "waited too long: {}", self.said());
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// SIGKILL, and waits until it is gone.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// SIGTERM, and its exit status.
    pub fn terminate(&mut self) -> Option<i32> {
        let pid = nix::unistd::Pid::from_raw(i32::try_from(self.child.id()).unwrap());
        nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM).unwrap();
        self.child.wait().unwrap().code()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.kill();
    }
}

/// What a command said.
#[derive(Clone, Debug)]
pub struct Said {
    pub status: i32,
    pub out: String,
    pub err: String,
}

/// Runs a program to its end with this standard input.
pub fn run(command: &mut Command, input: &str) -> Said {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("cannot start {command:?}: {error} (scripts/setup test)"));
    let mut stdin = child.stdin.take().unwrap();
    let _ = stdin.write_all(input.as_bytes());
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    Said {
        status: output.status.code().unwrap_or(-1),
        out: String::from_utf8_lossy(&output.stdout).into_owned(),
        err: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// A file of the repository.
pub fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// A port that was free a moment ago, for TCP and UDP.
pub fn free_port() -> u16 {
    loop {
        let port = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        if std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return port;
        }
    }
}

/// posternd with a state folder of its own.
pub struct Door {
    pub daemon: Running,
    pub auth: SocketAddr,
    pub acct: SocketAddr,
    host: String,
    extra: Vec<String>,
    /// Environment of the next start.
    pub env: Vec<(String, String)>,
    dir: TempDir,
}

impl Door {
    /// On 127.0.0.1.
    pub fn open() -> Door {
        Door::open_on("127.0.0.1", &[])
    }

    /// On an address, with flags more.
    pub fn open_on(host: &str, extra: &[&str]) -> Door {
        let dir = tempfile::tempdir().unwrap();
        let extra: Vec<String> = extra.iter().map(|&e| e.to_owned()).collect();
        let (daemon, auth, acct) = launch(dir.path(), host, &extra, &[]);
        Door {
            daemon,
            auth,
            acct,
            host: host.to_owned(),
            extra,
            env: Vec::new(),
            dir,
        }
    }

    /// Kills the daemon (SIGKILL) and starts it on the same state.
    pub fn kill_and_reopen(&mut self) {
        self.daemon.kill();
        self.reopen();
    }

    /// Starts the daemon again on the same state.
    pub fn reopen(&mut self) {
        (self.daemon, self.auth, self.acct) = launch(self.dir.path(), &self.host, &self.extra, &self.env);
    }

    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    pub fn control(&self) -> PathBuf {
        self.dir.path().join("control.sock")
    }

    /// `postern` with this door's socket.
    pub fn postern<S: AsRef<OsStr>>(&self, arguments: &[S]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_postern"));
        command.arg("--control").arg(self.control()).args(arguments);
        command
    }

    pub fn cli(&self, arguments: &[&str]) -> Said {
        self.cli_in(arguments, "")
    }

    pub fn cli_in(&self, arguments: &[&str], input: &str) -> Said {
        run(&mut self.postern(arguments), input)
    }

    /// Must succeed; what it printed.
    pub fn ok(&self, arguments: &[&str]) -> String {
        self.ok_in(arguments, "")
    }

    pub fn ok_in(&self, arguments: &[&str], input: &str) -> String {
        let said = self.cli_in(arguments, input);
        assert_eq!(
            said.status,
            0,
            "postern {arguments:?}: {said:?}\n{}",
            self.daemon.said()
        );
        said.out
    }

    /// The JSON document of a command that succeeds.
    pub fn json(&self, arguments: &[&str]) -> Value {
        self.json_in(arguments, "")
    }

    pub fn json_in(&self, arguments: &[&str], input: &str) -> Value {
        let mut all = vec!["--json"];
        all.extend(arguments);
        let out = self.ok_in(&all, input);
        serde_json::from_str(&out).unwrap_or_else(|error| panic!("postern {all:?}: {error}: {out}"))
    }

    /// A client at an address; its secret is made here and goes by a file.
    pub fn client(&self, name: &str, address: &str, settings: &[&str]) -> Nas {
        let secret = Token::new().base32();
        let file = self.path().join(format!("{name}.secret"));
        std::fs::write(&file, &secret).unwrap();
        let mut arguments = vec!["client", "add", name, address, "--secret-file", file.to_str().unwrap()];
        arguments.extend(settings);
        self.ok(&arguments);
        let v6 = self.auth.is_ipv6() && address.contains(':');
        Nas {
            server: self.auth,
            secret: secret.into_bytes(),
            source: if v6 {
                "::1".parse().unwrap()
            } else {
                IpAddr::V4(Ipv4Addr::LOCALHOST)
            },
        }
    }

    /// The file that holds a client's secret.
    pub fn secret_file(&self, client: &str) -> String {
        self.path()
            .join(format!("{client}.secret"))
            .to_str()
            .unwrap()
            .to_owned()
    }

    /// A user without a token.
    pub fn user(&self, name: &str) {
        self.ok(&["user", "add", name]);
    }

    /// A user with an active token.
    pub fn enrolled(&self, name: &str) -> Token {
        self.user(name);
        self.token(name)
    }

    /// An active token more.
    pub fn token(&self, user: &str) -> Token {
        let token = Token::new();
        self.add_token(user, &token);
        token
    }

    /// This token, active.
    pub fn add_token(&self, user: &str, token: &Token) {
        let (digits, period) = (token.digits.to_string(), token.period.to_string());
        let arguments = [
            ["token", "add"].as_slice(),
            &[user, "--secret-file", "-", "--active", "--qr", "none"],
            &["--algorithm", token.algorithm, "--digits", &digits, "--period", &period],
        ]
        .concat();
        self.ok_in(&arguments, &format!("{}\n", token.base32()));
    }

    /// The logins on record of a user, oldest first.
    pub fn logins(&self, user: &str) -> Vec<Value> {
        let page = self.json(&["log", "--user", user]);
        logins_of(&page)
    }

    /// The last login of a user: outcome, reason, directory's code.
    pub fn last(&self, user: &str) -> (String, String, Option<u64>) {
        let entries = self.logins(user);
        let last = entries.last().unwrap_or_else(|| panic!("no login of {user} on record"));
        (
            word(last, "outcome"),
            word(last, "reason"),
            last["directory_code"].as_u64(),
        )
    }

    /// The reason of a user's last login.
    pub fn reason(&self, user: &str) -> String {
        self.last(user).1
    }
}

fn logins_of(page: &Value) -> Vec<Value> {
    let entries = page["entries"]
        .as_array()
        .or(page.as_array())
        .unwrap_or_else(|| panic!("no entries: {page}"));
    entries
        .iter()
        .filter(|entry| entry["kind"] == "login")
        .cloned()
        .collect()
}

/// A text field.
pub fn word(value: &Value, field: &str) -> String {
    value[field].as_str().unwrap_or_default().to_owned()
}

/// Starts posternd on free ports; tries again where somebody else took them in between.
fn launch(dir: &Path, host: &str, extra: &[String], env: &[(String, String)]) -> (Running, SocketAddr, SocketAddr) {
    let host_ip: IpAddr = host.parse().unwrap();
    let mut said = String::new();
    for _ in 0..5 {
        let (auth, acct) = (
            SocketAddr::new(host_ip, free_port()),
            SocketAddr::new(host_ip, free_port()),
        );
        let mut daemon = Running::start(
            Command::new(env!("CARGO_BIN_EXE_posternd"))
                .arg("--state-dir")
                .arg(dir.join("state"))
                .arg("--control")
                .arg(dir.join("control.sock"))
                .args(["--auth", &auth.to_string(), "--acct", &acct.to_string()])
                .args(extra)
                .envs(env.iter().map(|(name, value)| (name, value))),
        );
        if daemon.wait_for(" ready ") {
            return (daemon, auth, acct);
        }
        said = daemon.said();
        if !said.contains("in use") {
            break;
        }
    }
    panic!("posternd did not get ready: {said}");
}

/// Collects what differs from what was wanted, so that one run shows all rows of a table.
#[derive(Default)]
pub struct Rows(Vec<String>);

impl Rows {
    pub fn same<T: PartialEq + std::fmt::Debug>(&mut self, row: &str, wanted: T, got: T) {
        if wanted != got {
            self.0.push(format!("{row}: wanted {wanted:?}, got {got:?}"));
        }
    }

    pub fn hold(&mut self, row: &str, held: bool) {
        if !held {
            self.0.push(row.to_owned());
        }
    }

    pub fn end(self) {
        assert!(self.0.is_empty(), "\n{}", self.0.join("\n"));
    }
}
