//! The real console on a real line: how it begins and ends, what it leaves behind, how many bytes it sends.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use crate::harness::Door;
use crate::line::{Line, PATIENCE, key, pair};

/// The operator of these tests.
pub const OPERATOR: &str = "anna";
/// The operator's password.
pub const PASSPHRASE: &str = "seven green bottles";

/// The console's program.
pub fn program() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_postern-console"))
}

/// The console's socket.
pub fn socket(door: &Door) -> PathBuf {
    door.path().join("console.sock")
}

/// A console at a door, on a line of this size, with arguments more.
pub fn console(door: &Door, columns: u16, rows: u16, more: &[&str]) -> Line {
    let socket = socket(door);
    let mut arguments = vec!["--socket", socket.to_str().unwrap()];
    arguments.extend(more);
    Line::open(program(), columns, rows, &arguments)
}

/// Makes an operator by the command line.
pub fn operator(door: &Door, name: &str, role: &str) {
    door.ok_in(
        &["operator", "add", name, "--role", role, "--password-file", "-"],
        &format!("{PASSPHRASE}\n"),
    );
}

/// Logs in on a line that shows the login.
pub fn log_in(line: &mut Line, name: &str) {
    line.expect("Password");
    line.send(&format!("{name}\r{PASSPHRASE}\r\r"));
    line.expect("NSWERING");
    line.settle();
}

/// Somebody may ask and somebody has a token, so that the first screen does not lead to the set-up by itself.
pub fn ready(door: &Door) {
    door.client("gw-1", "192.0.2.10", &[]);
    door.enrolled("bernd@contoso.example");
}

/// A door with an operator, and a console on which that one has logged in.
pub fn desk() -> (Door, Line) {
    let door = Door::open();
    ready(&door);
    operator(&door, OPERATOR, "installer");
    let mut line = console(&door, 80, 24, &[]);
    log_in(&mut line, OPERATOR);
    (door, line)
}

/// A console on a line that is named to it, without a controlling terminal.
fn on(door: &Door, line: &Path, more: &[&str]) -> Child {
    Command::new(program())
        .arg("--socket")
        .arg(socket(door))
        .arg("--tty")
        .arg(line)
        .args(more)
        .env("LC_ALL", "C")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// `stty -a` of a line, as words.
fn settings(path: &Path) -> String {
    let output = Command::new("stty").arg("-F").arg(path).arg("-a").output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

/// Processor time that a process has used, in ticks of 10 ms.
fn ticks(pid: i32) -> Option<u64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let fields: Vec<&str> = stat.rsplit(") ").next()?.split(' ').collect();
    Some(fields.get(11)?.parse::<u64>().ok()? + fields.get(12)?.parse::<u64>().ok()?)
}

#[test]
fn a_hang_up_ends_the_console_within_a_second() {
    let (_door, mut line) = desk();
    let pid = line.console_pid();
    let before = ticks(pid).unwrap();
    let lived = line
        .hang_up(Duration::from_secs(3))
        .expect("it lives on after the line is gone");
    assert!(lived < Duration::from_secs(1), "it lived on for {lived:?}");
    assert!(ticks(pid).is_none_or(|after| after - before < 30), "it spun");
}

#[test]
fn a_hang_up_of_a_line_that_sends_no_signal_ends_it_too() {
    let door = Door::open();
    let (master, slave) = pair(80, 24);
    // No controlling terminal: nothing but the closed line tells it.
    let child = on(&door, &slave, &[]);
    let mut line = Line::over(master, slave, child, 80, 24);
    line.expect("Postern");
    let lived = line
        .hang_up(Duration::from_secs(3))
        .expect("it lives on after the line is gone");
    assert!(lived < Duration::from_secs(1), "it lived on for {lived:?}");
}

#[test]
fn sigterm_and_sigkill_leave_a_sane_line() {
    for (signal, keeper) in [
        (Signal::SIGTERM, true),
        (Signal::SIGKILL, true),
        (Signal::SIGTERM, false),
        (Signal::SIGKILL, false),
        (Signal::SIGABRT, false),
    ] {
        let door = Door::open();
        ready(&door);
        operator(&door, OPERATOR, "installer");
        let (master, slave) = pair(80, 24);
        let before = settings(&slave);
        let tty = || Stdio::from(std::fs::File::options().read(true).write(true).open(&slave).unwrap());
        let child = Command::new("setsid")
            .args(["--ctty", "--wait"])
            .arg(program())
            .args(["--socket", socket(&door).to_str().unwrap()])
            .env("TERM", "vt220")
            .stdin(tty())
            .stdout(tty())
            .stderr(tty())
            .spawn()
            .unwrap();
        let mut line = Line::over(master, slave.clone(), child, 80, 24);
        log_in(&mut line, OPERATOR);
        assert_ne!(settings(&slave), before, "the line was not taken");
        let drawing = line.console_pid();
        match keeper {
            true => line.signal(signal),
            false => line.signal_console(signal),
        }
        assert!(line.ended(Duration::from_secs(5)).is_some(), "{signal} does not end it");
        let end = Instant::now() + Duration::from_secs(5);
        while ticks(drawing).is_some() && Instant::now() < end {
            std::thread::sleep(Duration::from_millis(10));
        }
        line.settle();
        assert_eq!(settings(&slave), before, "{signal}: the line is not as it was");
        let screen = line.emulator().screen();
        assert!(!screen.hide_cursor(), "{signal}: the cursor is hidden");
        assert!(
            !line.screen().contains("NSWERING"),
            "{signal}: it stands there still:\n{}",
            line.screen()
        );
    }
}

#[test]
fn it_begins_before_posternd_answers_and_goes_on_by_itself() {
    let mut door = Door::open();
    ready(&door);
    operator(&door, OPERATOR, "installer");
    door.daemon.kill();
    let mut line = console(&door, 80, 24, &[]);
    line.expect("Waiting for posternd");
    door.reopen();
    log_in(&mut line, OPERATOR);
    door.daemon.kill();
    line.expect("Waiting for posternd");
    door.reopen();
    line.expect("Password");
}

#[test]
fn a_window_that_is_too_small_says_so_and_comes_back() {
    let (_door, mut line) = desk();
    line.resize(40, 10);
    line.expect("Make it larger");
    line.resize(100, 37);
    line.expect("NSWERING");
}

#[test]
fn a_line_that_knows_no_size_is_asked_and_gets_the_usual_one_if_it_is_silent() {
    let door = Door::open();
    operator(&door, OPERATOR, "installer");
    let (master, slave) = pair(0, 0);
    let child = on(&door, &slave, &[]);
    let mut silent = Line::over(master, slave, child, 80, 24);
    silent.expect("Password");
    let (master, slave) = pair(0, 0);
    let child = on(&door, &slave, &[]);
    let mut line = Line::over(master, slave.clone(), child, 100, 37);
    // It answers as a terminal of 100x37 does.
    let end = Instant::now() + PATIENCE;
    while !line.since(0).windows(5).any(|bytes| bytes == b"\x1b[18t") {
        assert!(Instant::now() < end, "it does not ask");
        line.settle();
    }
    line.send("\x1b[8;37;100t");
    line.expect("Password");
    line.settle();
    let screen = line.screen();
    let last = screen.lines().nth(36).unwrap_or_default();
    assert!(
        last.contains("help"),
        "the keys do not stand in the last row:\n{screen}"
    );
}

#[test]
fn what_a_line_shows_is_toggled_by_one_key_and_remembered() {
    let door = Door::open();
    operator(&door, OPERATOR, "installer");
    let folder = tempfile::tempdir().unwrap();
    let more = ["--state-dir", folder.path().to_str().unwrap()];
    let (master, slave) = pair(80, 24);
    // Between two consoles the line stays up.
    let _held = std::fs::File::options().read(true).write(true).open(&slave).unwrap();
    for (typed, shown) in [("", ">"), ("\x14\x14\x14", "►"), ("", "►")] {
        let child = on(&door, &slave, &more);
        let mut line = Line::over(master.try_clone().unwrap(), slave.clone(), child, 80, 24);
        line.expect("Password");
        line.press(typed);
        line.expect(shown);
        line.end();
    }
}

#[test]
fn a_stalled_line_slows_nobody() {
    let (door, mut line) = desk();
    let (master, slave) = pair(80, 24);
    let child = on(&door, &slave, &[]);
    // Nobody reads this master: its line is full after some frames.
    let mut stalled = std::fs::File::from(master);
    for _ in 0..200 {
        use std::io::Write;
        stalled.write_all(key::CTRL_L.as_bytes()).unwrap();
        std::thread::sleep(Duration::from_millis(2));
    }
    let start = Instant::now();
    for _ in 0..10 {
        door.ok(&["status"]);
    }
    line.press(key::DOWN);
    assert!(
        start.elapsed() < Duration::from_secs(5),
        "the others wait: {:?}",
        start.elapsed()
    );
    // It can still be ended.
    let mut child = child;
    let pid = nix::unistd::Pid::from_raw(i32::try_from(child.id()).unwrap());
    nix::sys::signal::kill(pid, Signal::SIGTERM).unwrap();
    let end = Instant::now() + Duration::from_secs(5);
    while child.try_wait().unwrap().is_none() {
        assert!(Instant::now() < end, "a console on a stalled line does not end");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn an_idle_minute_sends_nothing_but_the_clock() {
    let (_door, mut line) = desk();
    std::thread::sleep(Duration::from_secs(1));
    line.settle();
    let before = line.bytes;
    let end = Instant::now() + Duration::from_secs(60);
    while Instant::now() < end {
        std::thread::sleep(Duration::from_millis(200));
        line.settle();
    }
    let sent = line.bytes - before;
    println!("an idle minute: {sent} bytes");
    assert!(sent <= 100, "an idle minute sent {sent} bytes");
}

#[test]
fn nothing_stands_on_the_line_after_the_log_out_and_the_end() {
    let (_door, mut line) = desk();
    line.send(key::ESC);
    line.settle();
    line.send(key::ENTER);
    line.expect("Password");
    line.settle();
    assert!(!line.screen().contains("NSWERING"));
    line.end();
    line.settle();
    assert!(
        !line.screen().contains("Password"),
        "it stands there still:\n{}",
        line.screen()
    );
}

#[test]
fn a_size_that_nobody_asked_for_changes_nothing() {
    let (_door, mut line) = desk();
    std::thread::sleep(Duration::from_secs(4));
    let before = line.bytes;
    for lie in ["\x1b[8;32766;32766t", "\x1b[8;500;500t", "\x1b[10;20R"] {
        line.press(lie);
        assert!(line.screen().contains("NSWERING"), "{lie:?}:\n{}", line.screen());
    }
    assert!(line.bytes - before < 100, "it was drawn anew");
}

#[test]
fn what_went_wrong_is_said_after_the_line_was_given_back() {
    let door = Door::open();
    let mut line = console(&door, 80, 24, &["--record", "/nonexistent/record"]);
    assert_eq!(line.ended(Duration::from_secs(5)), Some(1));
    line.expect("record /nonexistent/record cannot be made");
}
