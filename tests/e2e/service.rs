//! The daemon as a service: what it tells systemd, how it stops, and what a flood leaves behind (R19, R23).

use std::os::unix::net::UnixDatagram;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::console_line::console;
use crate::harness::{Door, PASSWORD, run};
use crate::lab::{Lab, Site};
use crate::packet::{ACCEPT, REJECT, Request};

/// Waits for a word on the notification socket.
fn told(socket: &UnixDatagram, word: &str) -> bool {
    let start = Instant::now();
    let mut buffer = [0; 1024];
    while start.elapsed() < Duration::from_secs(5) {
        let Ok(length) = socket.recv(&mut buffer) else { continue };
        if String::from_utf8_lossy(&buffer[..length])
            .lines()
            .any(|line| line == word)
        {
            return true;
        }
    }
    false
}

#[test]
fn r19_systemd_hears_ready_watchdog_and_stopping() {
    let mut door = Door::open();
    door.daemon.terminate();
    let path = door.path().join("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    socket.set_read_timeout(Some(Duration::from_millis(500))).unwrap();
    door.env = vec![
        ("NOTIFY_SOCKET".into(), path.to_str().unwrap().into()),
        ("WATCHDOG_USEC".into(), "1500000".into()),
    ];
    door.reopen();
    assert!(told(&socket, "READY=1"), "READY");
    assert!(told(&socket, "WATCHDOG=1"), "the watchdog");
    assert!(told(&socket, "WATCHDOG=1"), "the watchdog, again");
    assert_eq!(door.daemon.terminate(), Some(0));
    assert!(told(&socket, "STOPPING=1"), "STOPPING");
}

#[test]
fn a_stop_answers_what_is_in_flight() {
    let mut site = Site::with_lab(Lab::open_with(&["--delay", "800ms"]), &[]);
    let token = site.door.enrolled("anna@contoso.example");
    let request = Request::login("anna", &format!("{PASSWORD}{}", token.code()));
    let socket = site.nas.socket();
    let start = Instant::now();
    socket
        .send_to(&request.bytes(&site.nas.secret), site.nas.server)
        .unwrap();
    std::thread::sleep(Duration::from_millis(200));
    assert_eq!(site.door.daemon.terminate(), Some(0));
    let reply = site.nas.collect(&socket, &request, start, Duration::from_millis(50));
    assert_eq!(reply.map(|reply| reply.code), Some(ACCEPT));
    site.door.reopen();
    assert_eq!(
        site.door.reason("anna@contoso.example"),
        "accepted",
        "and it is on record"
    );
}

#[test]
fn r23_refusals_alike_are_counted_and_operators_acts_stay() {
    let mut site = Site::open(&[]);
    for _ in 0..40 {
        assert_eq!(
            site.login("nobody@contoso.example", &format!("{PASSWORD}123456")),
            REJECT
        );
    }
    assert_eq!(site.door.daemon.terminate(), Some(0));
    site.door.reopen();
    let entries = site.door.logins("nobody@contoso.example");
    let counted: u64 = entries.iter().filter_map(|entry| entry["count"].as_u64()).sum();
    assert_eq!(counted, 40, "{entries:?}");
    assert!(entries.len() <= 4, "{} records for one minute", entries.len());
    let all = site.door.ok(&["log"]);
    assert!(all.contains("client add"), "{all}");
}

#[test]
fn r20_a_start_that_fails_is_told_at_the_command_line_and_on_the_console_until_one_goes_well() {
    let mut door = Door::open();
    door.enrolled("anna@contoso.example");
    door.daemon.terminate();
    let (data, kept) = (door.path().join("state/store/db"), door.path().join("kept"));
    std::fs::copy(&data, &kept).unwrap();
    std::fs::write(&data, vec![0xa5; 4096]).unwrap();
    let said = run(
        Command::new(env!("CARGO_BIN_EXE_posternd"))
            .arg("--state-dir")
            .arg(door.path().join("state"))
            .arg("--control")
            .arg(door.control()),
        "",
    );
    assert_eq!(said.status, 1, "{said:?}");
    let status = door.cli(&["status"]);
    assert!(
        status.status == 1
            && status
                .err
                .contains("posternd could not start. Users and tokens cannot be read"),
        "{status:?}"
    );
    assert!(status.err.contains("restore a backup") && status.err.lines().count() == 1);
    let mut line = console(&door, 80, 24, &[]);
    line.expect("What is wrong");
    line.expect("there is no readable copy");
    std::fs::rename(&kept, &data).unwrap();
    door.reopen();
    assert_eq!(door.cli(&["status"]).status, 0);
    line.expect("Step 1 of 9");
}
