//! How fast the console is on a line: starts it on a PTY again and again, types into it, and prints medians as one line of JSON.
//! `bench-console --console PROGRAM --socket console.sock --operator NAME --password-file FILE --user NAME [--rounds N]`

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

use std::path::PathBuf;
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
    #[arg(long, default_value_t = 15)]
    rounds: usize,
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
    println!(
        "{{\"first_frame_ms\":{:.1},\"key_ms\":{:.1},\"search_ms\":{:.1},\"step_ms\":{:.1},\"page_ms\":{:.1},\"step_bytes\":{},\"search_bytes\":{},\"page_bytes\":{}}}",
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
