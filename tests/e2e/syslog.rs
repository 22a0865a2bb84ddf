//! The audit log sent elsewhere as it is written (R23): over UDP, TCP and a socket of the machine, also when the log server was gone,
//! and over restarts. The readers here are made from RFC 5424 and RFC 6587 and know nothing of the sender.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read};
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixDatagram;
use std::process::Command;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::harness::{Door, PASSWORD, Running, free_port};
use crate::lab::{Lab, Site};
use crate::packet::{ACCEPT, REJECT};

const PATIENCE: Duration = Duration::from_secs(20);
/// As long as it takes to be sure that nothing more comes.
const QUIET: Duration = Duration::from_millis(600);

/// What a log server heard.
struct Heard(Receiver<String>, Vec<String>);

impl Heard {
    /// Waits for a line that has all these words.
    fn line(&mut self, words: &[&str]) -> String {
        let start = Instant::now();
        loop {
            let fits = |line: &&String| words.iter().all(|word| line.contains(word));
            if let Some(line) = self.1.iter().find(fits) {
                return line.clone();
            }
            assert!(start.elapsed() < PATIENCE, "no {words:?} in {:#?}", self.1);
            self.1.extend(self.0.recv_timeout(Duration::from_millis(50)));
        }
    }

    /// All lines, once no more come.
    fn all(&mut self) -> Vec<String> {
        while let Ok(line) = self.0.recv_timeout(QUIET) {
            self.1.push(line);
        }
        self.1.clone()
    }
}

fn by_udp() -> (String, Heard) {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let port = socket.local_addr().unwrap().port();
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        let mut buffer = [0; 65_536];
        while let Ok(length) = socket.recv(&mut buffer) {
            let line = String::from_utf8(buffer[..length].to_vec()).expect("UTF-8");
            if sender.send(line).is_err() {
                break;
            }
        }
    });
    (format!("udp:127.0.0.1:{port}"), Heard(receiver, Vec::new()))
}

/// Takes one connection and reads it to its end, or for so many lines; then all is closed.
fn one_connection(address: SocketAddr, most: usize, lines: Sender<String>) -> std::thread::JoinHandle<()> {
    let listener = TcpListener::bind(address).unwrap();
    std::thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        let mut stream = BufReader::new(stream);
        for _ in 0..most {
            let mut length = Vec::new();
            if stream.read_until(b' ', &mut length).unwrap_or(0) == 0 {
                return;
            }
            let length: usize = String::from_utf8(length).unwrap().trim_end().parse().expect("octets");
            let mut line = vec![0; length];
            if stream.read_exact(&mut line).is_err() {
                return;
            }
            let _ = lines.send(String::from_utf8(line).expect("UTF-8"));
        }
    })
}

/// `JOURNAL SEQ`: a record's own mark.
fn mark(line: &str) -> String {
    let value = |name: &str| {
        let rest = line.split_once(&format!(" {name}=\"")).expect(name).1;
        rest.split_once('"').unwrap().0.to_owned()
    };
    format!("{} {}", value("journal"), value("seq"))
}

fn assert_each_once(lines: &[String]) {
    let marks: BTreeSet<String> = lines.iter().map(|line| mark(line)).collect();
    assert_eq!(marks.len(), lines.len(), "each record once: {lines:#?}");
}

fn assert_sound(line: &str) {
    let header: Vec<&str> = line.splitn(8, ' ').collect();
    let stamp = header[1].as_bytes();
    assert!(
        stamp.len() == 24 && stamp[10] == b'T' && stamp[19] == b'.' && stamp[23] == b'Z',
        "{line}"
    );
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap();
    assert_eq!((header[2], header[3]), (host.trim(), "posternd"), "{line}");
    assert!(header[4].parse::<u32>().is_ok(), "{line}");
    assert_eq!(header[6], "[postern@32473", "{line}");
    assert!(!line.contains(PASSWORD), "no secret: {line}");
}

fn alarms(door: &Door) -> Vec<String> {
    let status = door.json(&["status"]);
    let list = status["alarms"].as_array().unwrap().iter();
    list.map(|alarm: &Value| alarm["code"].as_str().unwrap().to_owned())
        .collect()
}

fn wait_for_alarm(door: &Door, standing: bool) {
    let start = Instant::now();
    while alarms(door).iter().any(|code| code == "syslog") != standing {
        assert!(start.elapsed() < PATIENCE, "{:?}", alarms(door));
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn r23_syslog_by_udp_tells_logins_and_operators_and_a_restart_repeats_nothing() {
    let (target, mut heard) = by_udp();
    let mut site = Site::with(Door::open_on("127.0.0.1", &["--syslog", &target]), Lab::open(), &[]);
    let token = site.door.enrolled("anna@contoso.example");
    let credential = format!("{PASSWORD}{}", token.code());
    assert_eq!(site.login_from("203.0.113.7", "anna", &credential), ACCEPT);
    assert_eq!(site.login_from("203.0.113.8", "anna", &credential), REJECT);
    site.door.ok(&["user", "disable", "anna@contoso.example"]);
    let user = "user=\"anna@contoso.example\"";
    let accept = heard.line(&["<86>1 ", " accepted [postern@32473 ", user, "outcome=\"accept\""]);
    assert!(
        accept.contains("client=\"vpn\"") && accept.contains("station=\"203.0.113.7\""),
        "{accept}"
    );
    assert!(
        accept.contains("code=\"50076\"") && accept.contains("correlation=\""),
        "{accept}"
    );
    let reject = heard.line(&["<85>1 ", " code-used [postern@32473 ", user, "outcome=\"reject\""]);
    assert!(
        reject.contains("count=\"1\"") && reject.contains("already used"),
        "{reject}"
    );
    let act = heard.line(&["<85>1 ", " user-disable [postern@32473 ", user, "outcome=\"done\""]);
    let uid = format!("uid=\"{}\"", nix::unistd::getuid());
    assert!(
        act.contains(&uid) && act.ends_with("] user disable anna@contoso.example"),
        "{act}"
    );
    heard.line(&["<85>1 ", " started [postern@32473 "]);

    assert_eq!(site.door.daemon.terminate(), Some(0));
    heard.line(&["<85>1 ", " stopped [postern@32473 "]);
    let position = site.door.path().join("state/syslog-position");
    let mode = std::fs::metadata(&position).unwrap().permissions().mode();
    assert_eq!(mode & 0o7777, 0o600, "the position is the daemon's alone");
    site.door.reopen();
    site.door.user("berta@contoso.example");
    heard.line(&[" user-add [", "user=\"berta@contoso.example\""]);
    let lines = heard.all();
    for line in &lines {
        assert_sound(line);
    }
    assert_each_once(&lines);
    let count = |id: &str| lines.iter().filter(|line| line.contains(&format!(" {id} ["))).count();
    assert_eq!(
        (count("started"), count("stopped"), count("accepted")),
        (2, 1, 1),
        "{lines:#?}"
    );
}

#[test]
fn r23_syslog_by_tcp_waits_for_a_server_that_was_gone_and_loses_nothing() {
    let address: SocketAddr = ([127, 0, 0, 1], free_port()).into();
    let (sender, receiver) = channel();
    let mut heard = Heard(receiver, Vec::new());
    let server = one_connection(address, 2, sender.clone());
    let mut door = Door::open_on("127.0.0.1", &["--syslog", &format!("tcp:{address}")]);
    heard.line(&[" started ["]);
    door.user("u0@contoso.example");
    heard.line(&["user=\"u0@contoso.example\""]);
    server.join().unwrap();

    // Two lines, and the server is gone. An alarm stands, and what happens meanwhile waits.
    wait_for_alarm(&door, true);
    for n in 1..=20 {
        door.user(&format!("u{n}@contoso.example"));
    }
    let server = one_connection(address, usize::MAX, sender.clone());
    let alarm = heard.line(&["<84>1 ", " alarm-syslog [postern@32473 event=\"alarm-syslog\""]);
    assert!(alarm.contains("Records cannot be sent to tcp:127.0.0.1:"), "{alarm}");
    heard.line(&["user=\"u20@contoso.example\""]);
    wait_for_alarm(&door, false);

    // Gone again, and this time posternd ends before it is back.
    std::thread::sleep(Duration::from_millis(1_200));
    let before = heard.all().len();
    let (later, receiver) = channel();
    assert_eq!(door.daemon.terminate(), Some(0));
    server.join().unwrap();
    heard.line(&[" stopped ["]);
    assert_eq!(
        heard.all().len(),
        before + 1,
        "the last record left before the end: {:#?}",
        heard.1
    );
    door.reopen();
    door.user("u21@contoso.example");
    assert_eq!(
        door.daemon.terminate(),
        Some(0),
        "a server that is gone holds up no end"
    );
    let mut after = Heard(receiver, Vec::new());
    let server = one_connection(address, usize::MAX, later);
    door.reopen();
    door.user("u22@contoso.example");
    after.line(&["user=\"u22@contoso.example\""]);
    after.line(&["user=\"u21@contoso.example\""]);
    let (first, second) = (heard.all(), after.all());
    assert_each_once(&second);
    let marks = |lines: &[String]| lines.iter().map(|line| mark(line)).collect::<BTreeSet<_>>();
    assert!(marks(&first).is_disjoint(&marks(&second)), "{first:#?} {second:#?}");
    for n in 0..=20 {
        let word = format!("user=\"u{n}@contoso.example\"");
        assert!(first.iter().any(|line| line.contains(&word)), "{word} is missing");
    }
    // Not one number of the operators' journal is missing.
    let all: BTreeSet<u64> = marks(&first)
        .union(&marks(&second))
        .filter_map(|mark| mark.strip_prefix("operators ")?.parse().ok())
        .collect();
    let (low, high) = (*all.first().unwrap(), *all.last().unwrap());
    assert_eq!(all.len() as u64, high - low + 1, "{all:?}");
    door.daemon.terminate();
    server.join().unwrap();
}

#[test]
fn r23_syslog_to_a_socket_of_this_machine() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("log");
    let socket = UnixDatagram::bind(&path).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let _door = Door::open_on("127.0.0.1", &["--syslog", &format!("unix:{}", path.display())]);
    let mut buffer = [0; 4096];
    let length = socket.recv(&mut buffer).unwrap();
    let line = String::from_utf8(buffer[..length].to_vec()).unwrap();
    assert!(line.starts_with("<85>1 ") && line.contains(" started ["), "{line}");
    assert_sound(&line);
}

#[test]
fn r23_a_killed_posternd_and_a_silent_udp_port() {
    // Nobody listens: the port answers "unreachable", the alarm says so, logins do not care.
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    drop(socket);
    let mut site = Site::with(
        Door::open_on("127.0.0.1", &["--syslog", &format!("udp:{address}")]),
        Lab::open(),
        &[],
    );
    wait_for_alarm(&site.door, true);
    let token = site.door.enrolled("anna@contoso.example");
    let start = Instant::now();
    assert_eq!(site.login("anna", &format!("{PASSWORD}{}", token.code())), ACCEPT);
    assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
    site.door.kill_and_reopen();
    let socket = UdpSocket::bind(address).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let (mut lines, mut buffer) = (Vec::new(), [0; 4096]);
    while !lines.iter().any(|line: &String| line.contains(" accepted [")) {
        let length = socket.recv(&mut buffer).expect("all that waited");
        lines.push(String::from_utf8(buffer[..length].to_vec()).unwrap());
    }
    assert!(
        lines.iter().any(|line| line.contains(" entra-set [")),
        "from the first start on: {lines:#?}"
    );
    wait_for_alarm(&site.door, false);
}

#[test]
fn a_wrong_syslog_target_is_one_line() {
    let dir = tempfile::tempdir().unwrap();
    let mut daemon = Running::start(
        Command::new(env!("CARGO_BIN_EXE_posternd"))
            .arg("--state-dir")
            .arg(dir.path().join("state"))
            .args(["--syslog", "192.0.2.5"]),
    );
    assert!(!daemon.wait_for(" ready "));
    let said = daemon.said();
    assert!(said.contains("tcp:HOST:PORT") && said.lines().count() == 1, "{said}");
    assert!(!dir.path().join("state").exists(), "nothing was made");
}
