//! How fast the console is on a line: starts it on a PTY again and again, types into it, and prints medians as one line of JSON.
//! `bench-console --console PROGRAM --socket console.sock --operator NAME --password-file FILE --user PART --token-user NAME
//! --sim-token PROGRAM [--rounds N]`

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    missing_docs,
    dead_code
)]

#[path = "../line/mod.rs"]
mod line;

use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use clap::Parser;
use line::{Burst, Line, key};

#[derive(Parser)]
struct Args {
    #[arg(long)]
    console: PathBuf,
    #[arg(long)]
    socket: PathBuf,
    #[arg(long)]
    operator: String,
    #[arg(long)]
    password_file: PathBuf,
    /// A part of the users' names, to search for.
    #[arg(long)]
    user: String,
    /// The whole name of a user who gets tokens.
    #[arg(long)]
    token_user: String,
    /// The simulated reader and tokens.
    #[arg(long)]
    sim_token: PathBuf,
    #[arg(long, default_value_t = 15)]
    rounds: usize,
}

/// Tokens programmed one after the other: from Enter to the last byte of the frame that says it is written. The simulated chip answers
/// at once and a PTY has no baud rate, so that what a real reader takes is not in it.
fn programmed(args: &Args, password: &str) -> Vec<Duration> {
    const FIRST: u64 = 86_596_220_500_000;
    let dir = tempfile::tempdir().unwrap();
    let (reader, display) = (dir.path().join("reader"), dir.path().join("display"));
    let mut sim = Command::new(&args.sim_token)
        .args([
            "--pty",
            reader.to_str().unwrap(),
            "--display",
            display.to_str().unwrap(),
        ])
        .args(["--serial", &FIRST.to_string(), "--until-stdin-closes", "--thinks", "0"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let arguments = [
        "--socket".to_owned(),
        args.socket.to_str().unwrap().to_owned(),
        "--reader".to_owned(),
        format!("{}=single", reader.display()),
    ];
    wait("the simulated reader", || reader.exists().then_some(()));
    let mut line = Line::open(&args.console, 80, 24, &arguments);
    line.expect("Password");
    line.settle();
    line.send(&format!("{}\r{}\r\r", args.operator, password.trim_end()));
    line.expect("NSWERING");
    line.settle();
    let mut took = Vec::new();
    for round in 0..args.rounds as u64 {
        line.press("p");
        line.press(&args.token_user);
        line.press("\r");
        line.expect(&(FIRST + round).to_string());
        line.expect("write it");
        line.settle();
        // Whoever decides has read first: that is no part of it.
        line.read();
        let start = Instant::now();
        line.send("\r");
        line.expect("holds its new key");
        line.settle();
        took.push(line.last_at().saturating_duration_since(start));
        let code = wait("the code", || {
            let shown = std::fs::read_to_string(&display).ok()?;
            let mut words = shown.split_whitespace();
            let serial = words.next()?.to_owned();
            let code = words.next()?.to_owned();
            (serial == (FIRST + round).to_string() && code.parse::<u32>().is_ok()).then_some(code)
        });
        line.send(&format!("{code}\r"));
        line.expect("It counts from now on");
        writeln!(sim.stdin.as_mut().unwrap(), "next").unwrap();
        line.settle();
        line.press("\r");
        line.expect("NSWERING");
    }
    line.end();
    drop(sim.stdin.take());
    sim.wait().unwrap();
    took
}

/// Asks again and again, ten seconds at most.
fn wait<T>(what: &str, ask: impl Fn() -> Option<T>) -> T {
    for _ in 0..200 {
        if let Some(found) = ask() {
            return found;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    panic!("{what} did not come");
}

fn median<T: Ord + Copy>(mut all: Vec<T>) -> T {
    all.sort_unstable();
    all[all.len() / 2]
}

fn milliseconds(all: &[Burst]) -> f64 {
    median(all.iter().map(|burst| burst.took).collect::<Vec<Duration>>()).as_secs_f64() * 1000.0
}

fn bytes(all: &[Burst]) -> usize {
    median(all.iter().map(|burst| burst.bytes).collect())
}

fn main() {
    let args = Args::parse();
    let password = std::fs::read_to_string(&args.password_file).unwrap();
    let arguments = ["--socket".to_owned(), args.socket.to_str().unwrap().to_owned()];
    let mut first = Vec::new();
    for _ in 0..args.rounds {
        let start = Instant::now();
        let mut line = Line::open(&args.console, 80, 24, &arguments);
        line.expect("Password");
        line.settle();
        first.push(line.last_at().saturating_duration_since(start));
        line.end();
    }
    let mut line = Line::open(&args.console, 80, 24, &arguments);
    line.expect("Password");
    line.settle();
    line.send(&format!("{}\r{}\r\r", args.operator, password.trim_end()));
    line.expect("NSWERING");
    line.settle();
    let (mut searches, mut steps, mut pages, mut back) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for _ in 0..args.rounds {
        back.push(line.press("u"));
        assert!(line.sees("Up/Down"), "no list of users:\n{}", line.screen());
        for _ in 0..5 {
            steps.push(line.press(key::DOWN));
        }
        pages.push(line.press("\x1b[6~"));
        for character in args.user.chars() {
            searches.push(line.press(&character.to_string()));
        }
        back.push(line.press(key::ESC));
        assert!(
            line.sees("NSWERING"),
            "not back on the first screen:\n{}",
            line.screen()
        );
    }
    let silent = [&searches, &steps, &pages]
        .into_iter()
        .flatten()
        .any(|burst| burst.bytes == 0);
    assert!(!silent, "a key brought nothing: the list is shorter than a page");
    let all: Vec<Burst> = [&searches, &steps, &pages, &back]
        .into_iter()
        .flatten()
        .copied()
        .collect();
    line.end();
    let written = programmed(&args, &password);
    println!(
        "{{\"written_ms\":{:.1},\"first_frame_ms\":{:.1},\"key_ms\":{:.1},\"search_ms\":{:.1},\"step_ms\":{:.1},\"page_ms\":{:.1},\"step_bytes\":{},\"search_bytes\":{},\"page_bytes\":{}}}",
        median(written).as_secs_f64() * 1000.0,
        median(first).as_secs_f64() * 1000.0,
        milliseconds(&all),
        milliseconds(&searches),
        milliseconds(&steps),
        milliseconds(&pages),
        bytes(&steps),
        bytes(&searches),
        bytes(&pages),
    );
}
