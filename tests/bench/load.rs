//! The load generator behind `scripts/bench`: a RADIUS client that keeps a number of logins outstanding, verifies every reply and
//! prints one line of JSON. It also writes the users of a load, and measures the packet code by itself.
#![allow(clippy::print_stdout)]
#![allow(missing_docs)]

mod lane;
mod users;

use std::io::Write;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use clap::{Parser, Subcommand, ValueEnum};
use postern::radius::{self, Packet, Reply, Request, SharedSecret, kinds};
use postern::secret::Secret;

#[derive(Parser)]
#[command(about = "Loads a RADIUS server with logins and measures it")]
struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Send logins and print what came back.
    Run(Box<Run>),
    /// Write the users of a load for a server to import.
    Users {
        #[arg(long, default_value_t = 100_000)]
        users: usize,
        #[arg(long)]
        format: Format,
        #[arg(long)]
        out: PathBuf,
    },
    /// Print name and current code of one user.
    Code {
        #[arg(default_value_t = 0)]
        user: usize,
    },
    /// Measure parsing, verifying, decoding and answering on one core.
    Codec {
        #[arg(long, default_value_t = 2.0)]
        seconds: f64,
    },
}

#[derive(Clone, Copy, ValueEnum)]
enum Format {
    AzureCsv,
    Freeradius,
}

#[derive(Clone, Copy, PartialEq, ValueEnum)]
enum Mode {
    /// The password is the code alone.
    CodeOnly,
    /// The password is `--password`, then the code.
    Append,
}

#[derive(clap::Args)]
struct Run {
    /// Where the server listens.
    #[arg(long)]
    server: SocketAddr,
    /// The address to send from.
    #[arg(long, default_value = "127.0.0.1")]
    source: IpAddr,
    #[arg(long)]
    secret: String,
    #[arg(long, default_value_t = 128)]
    outstanding: usize,
    /// Seconds to measure.
    #[arg(long, default_value_t = 10.0)]
    seconds: f64,
    /// Seconds before that, not counted.
    #[arg(long, default_value_t = 1.0)]
    warmup: f64,
    /// Seconds until an unanswered request is given up.
    #[arg(long, default_value_t = 10.0)]
    timeout: f64,
    /// Seconds until an unanswered datagram is sent again.
    #[arg(long, default_value_t = 5.0)]
    retry: f64,
    #[arg(long, default_value_t = 100_000)]
    users: usize,
    #[arg(long, default_value_t = 1)]
    threads: usize,
    #[arg(long, value_enum, default_value_t = Mode::CodeOnly)]
    mode: Mode,
    #[arg(long, default_value = "correct horse")]
    password: String,
    /// Steps before the current one whose codes the server takes.
    #[arg(long, default_value_t = 1)]
    steps_back: u64,
    /// Steps after it.
    #[arg(long, default_value_t = 1)]
    steps_ahead: u64,
    /// Use codes again, for a server that does not spend them: only the current step's.
    #[arg(long)]
    reuse_codes: bool,
    /// Count replies without Message-Authenticator as faults.
    #[arg(long)]
    strict: bool,
}

fn main() -> Result<()> {
    match Args::parse().command {
        Command::Run(run) => load(&run),
        Command::Users {
            users: count,
            format,
            out,
        } => {
            let file = std::fs::File::create(&out).with_context(|| format!("cannot write {}", out.display()))?;
            let mut file = std::io::BufWriter::new(file);
            match format {
                Format::AzureCsv => users::write_azure_csv(&mut file, count)?,
                Format::Freeradius => users::write_freeradius(&mut file, count)?,
            }
            Ok(file.flush()?)
        }
        Command::Code { user } => {
            let now = std::time::SystemTime::now()
                .duration_since(std::time::UNIX_EPOCH)?
                .as_secs();
            let code = users::code(&users::seed(user), now / users::PERIOD);
            println!("{} {}", users::name(user), String::from_utf8_lossy(&code));
            Ok(())
        }
        Command::Codec { seconds } => codec(Duration::try_from_secs_f64(seconds)?),
    }
}

fn load(run: &Run) -> Result<()> {
    if run.threads == 0 || run.outstanding < run.threads || run.users < run.threads {
        bail!("there must be at least one outstanding request and one user for each thread");
    }
    let plan = |lane: usize| -> Result<lane::Plan> {
        Ok(lane::Plan {
            server: run.server,
            source: run.source,
            secret: SharedSecret::new(&Secret::from(run.secret.as_str())),
            outstanding: run.outstanding / run.threads + usize::from(lane < run.outstanding % run.threads),
            warmup: Duration::try_from_secs_f64(run.warmup)?,
            measure: Duration::try_from_secs_f64(run.seconds)?,
            timeout: Duration::try_from_secs_f64(run.timeout)?,
            retry: Duration::try_from_secs_f64(run.retry)?,
            password: if run.mode == Mode::Append {
                run.password.clone()
            } else {
                String::new()
            },
            strict: run.strict,
        })
    };
    let mut workers = Vec::new();
    for lane in 0..run.threads {
        let plan = plan(lane)?;
        let (back, ahead, reuse) = (run.steps_back, run.steps_ahead, run.reuse_codes);
        let supply = users::Supply::new(run.users, lane, run.threads, back, ahead, reuse);
        workers.push(std::thread::spawn(move || lane::run(&plan, supply)));
    }
    let mut all = lane::Tally::default();
    for worker in workers {
        let Ok(tally) = worker.join() else {
            bail!("a thread of the load ended early")
        };
        add(&mut all, tally?);
    }
    print_tally(run, all);
    Ok(())
}

fn add(all: &mut lane::Tally, one: lane::Tally) {
    all.accepts += one.accepts;
    all.rejects += one.rejects;
    all.challenges += one.challenges;
    all.timeouts += one.timeouts;
    all.resent += one.resent;
    all.faults += one.faults;
    all.unsigned += one.unsigned;
    all.warmup_answers += one.warmup_answers;
    all.latencies.extend(one.latencies);
    all.measured = all.measured.max(one.measured);
    all.dry |= one.dry;
    all.first_fault = all.first_fault.take().or(one.first_fault);
}

fn print_tally(run: &Run, mut all: lane::Tally) {
    all.latencies.sort_unstable();
    let at = |share: f64| {
        let place = (all.latencies.len() as f64 * share) as usize;
        let found = all.latencies.get(place.min(all.latencies.len().saturating_sub(1)));
        found.map(|micros| f64::from(*micros) / 1000.0)
    };
    let seconds = all.measured.as_secs_f64();
    let rate = if seconds > 0.0 {
        all.accepts as f64 / seconds
    } else {
        0.0
    };
    let line = serde_json::json!({
        "server": run.server.to_string(),
        "outstanding": run.outstanding,
        "users": run.users,
        "seconds": (seconds * 1000.0).round() / 1000.0,
        "logins_per_second": rate.round(),
        "accepts": all.accepts,
        "rejects": all.rejects,
        "challenges": all.challenges,
        "timeouts": all.timeouts,
        "resent": all.resent,
        "faults": all.faults,
        "first_fault": all.first_fault,
        "without_message_authenticator": all.unsigned,
        "answers_outside_the_measured_time": all.warmup_answers,
        "out_of_codes": all.dry,
        "latency_ms": { "p50": at(0.5), "p90": at(0.9), "p99": at(0.99), "max": at(1.0) },
    });
    println!("{line}");
}

/// One request as a gateway sends it, taken in and answered again and again.
fn codec(time: Duration) -> Result<()> {
    let secret = SharedSecret::new(&Secret::from("a secret of thirty-two characters"));
    let datagram = Request::access(1, [0x5a; 16])
        .attribute(kinds::USER_NAME, b"anna@contoso.example")
        .user_password(b"correct horse493021", &secret)
        .attribute(kinds::NAS_IP_ADDRESS, &[192, 0, 2, 1])
        .attribute(kinds::NAS_IDENTIFIER, b"vpn")
        .attribute(kinds::CALLING_STATION_ID, b"198.51.100.7")
        .sign(&secret)?;
    let start = Instant::now();
    let mut packets = 0_u64;
    while start.elapsed() < time {
        for _ in 0..1000 {
            let packet = Packet::parse(std::hint::black_box(&datagram))?;
            if radius::message_authenticator(&packet, &secret) != radius::MessageAuthenticator::Valid {
                bail!("the Message-Authenticator does not fit");
            }
            let value = packet.first(kinds::USER_PASSWORD).context("no password")?;
            let password = radius::decode_user_password(value, packet.authenticator(), &secret)?;
            std::hint::black_box(&password);
            let reply = Reply::to(kinds::ACCESS_ACCEPT, &packet)
                .attribute(kinds::CLASS, b"vpn")
                .sign(&secret)?;
            std::hint::black_box(&reply);
        }
        packets += 1000;
    }
    let rate = packets as f64 / start.elapsed().as_secs_f64();
    println!(
        "{}",
        serde_json::json!({ "packets_per_second_on_one_core": rate.round() })
    );
    Ok(())
}
