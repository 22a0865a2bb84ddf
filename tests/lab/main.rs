//! A laboratory tenant: answers on loopback as Entra's token endpoint does, so that the box can be run and tested without one. In:
//! OAuth2 password grants; out: the answer that the user's name asks for (README.md lists the names). It never leaves this machine
//! and is never installed.

mod answers;
mod listen;
mod serve;

use std::io::{Read as _, Write as _};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use clap::Parser;
use tokio::signal::unix::{SignalKind, signal};

/// The tenant's directory ID where no flag says otherwise; scripts name it too.
pub const TENANT: &str = "11111111-2222-3333-4444-555555555555";
/// The application's client ID where no flag says otherwise.
pub const CLIENT_ID: &str = "66666666-7777-8888-9999-aaaaaaaaaaaa";
/// Everybody's right password where no flag says otherwise.
pub const PASSWORD: &str = "correct horse";
/// The verified domain that may stand in the place of the directory ID.
pub const DOMAIN: &str = "contoso.example";

/// A laboratory tenant for tests: answers as Entra's token endpoint does.
#[derive(Debug, Parser)]
#[command(name = "lab-tenant")]
struct Flags {
    /// Where to listen; a loopback address, port 0 for a free one
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// Write the port here once it listens
    #[arg(long)]
    port_file: Option<PathBuf>,
    /// Wait so long before each answer (200ms, 2s)
    #[arg(long, default_value = "0ms", value_parser = duration)]
    delay: Duration,
    /// Speak TLS under a private authority made at the start
    #[arg(long)]
    tls: bool,
    /// Write that authority's certificate here, as PEM
    #[arg(long, requires = "tls")]
    ca_file: Option<PathBuf>,
    /// The directory ID
    #[arg(long, default_value = TENANT)]
    tenant: String,
    /// The application's client ID
    #[arg(long, default_value = CLIENT_ID)]
    client_id: String,
    /// Makes the application a confidential one
    #[arg(long)]
    client_secret: Option<String>,
    /// Everybody's right password
    #[arg(long, default_value = PASSWORD)]
    password: String,
    /// End when standard input is closed, so that no test leaves one behind
    #[arg(long)]
    until_stdin_closes: bool,
}

fn duration(text: &str) -> Result<Duration, String> {
    let (number, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()));
    let number: u64 = number
        .parse()
        .map_err(|_| format!("{text} is no duration: write 200ms or 2s"))?;
    match unit {
        "ms" | "" => Ok(Duration::from_millis(number)),
        "s" => Ok(Duration::from_secs(number)),
        _ => Err(format!("{text} is no duration: write 200ms or 2s")),
    }
}

fn main() -> anyhow::Result<()> {
    let flags = Flags::parse();
    if !flags.listen.ip().is_loopback() {
        bail!(
            "{} is not a loopback address: the laboratory tenant never leaves this machine",
            flags.listen
        );
    }
    open_files_to_the_limit();
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?
        .block_on(run(flags))
}

async fn run(flags: Flags) -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let (listener, authority) = listen::bind(flags.listen, flags.tls)?;
    let address = axum::serve::Listener::local_addr(&listener)?;
    if let (Some(path), Some(pem)) = (&flags.ca_file, &authority) {
        write_whole(path, pem)?;
    }
    if let Some(path) = &flags.port_file {
        write_whole(path, &format!("{}\n", address.port()))?;
    }
    let scheme = if flags.tls { "https" } else { "http" };
    writeln!(std::io::stdout(), "ready {scheme}://{address}")?;
    std::io::stdout().flush()?;

    let (closed, mut stdin_closed) = tokio::sync::mpsc::channel::<()>(1);
    if flags.until_stdin_closes {
        std::thread::spawn(move || {
            let mut sink = [0_u8; 512];
            while std::io::stdin().read(&mut sink).is_ok_and(|n| n > 0) {}
            drop(closed);
        });
    } else {
        // Held for ever, so that the receiver never wakes.
        std::mem::forget(closed);
    }
    let app = serve::router(Arc::new(serve::Lab::new(serve::Settings {
        tenant: flags.tenant.to_ascii_lowercase(),
        client_id: flags.client_id.to_ascii_lowercase(),
        client_secret: flags.client_secret,
        password: flags.password,
        delay: flags.delay,
    })));
    tokio::select! {
        result = async { axum::serve(listener, app).await } => result.context("serving ended"),
        _ = terminate.recv() => Ok(()),
        _ = interrupt.recv() => Ok(()),
        _ = stdin_closed.recv() => Ok(()),
    }
}

/// Written beside and renamed, so that a reader who waits for the file never sees half of it.
fn write_whole(path: &Path, text: &str) -> anyhow::Result<()> {
    let beside = path.with_extension("new");
    std::fs::write(&beside, text).with_context(|| format!("cannot write {}", beside.display()))?;
    std::fs::rename(&beside, path).with_context(|| format!("cannot write {}", path.display()))
}

/// A thousand connections are more than the usual limit of 1,024 files allows.
fn open_files_to_the_limit() {
    use nix::sys::resource::{Resource, getrlimit, setrlimit};
    if let Ok((_, hard)) = getrlimit(Resource::RLIMIT_NOFILE) {
        // Where it is refused, fewer connections fit; that is all.
        let _ = setrlimit(Resource::RLIMIT_NOFILE, hard, hard);
    }
}
