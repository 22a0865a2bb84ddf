//! The daemon. It reads its flags, sets up its log, and runs.

use std::process::ExitCode;

use clap::Parser;
use postern::config::{Config, Flags, Task};
use postern::daemon::End;

fn main() -> ExitCode {
    let flags = Flags::parse();
    let filter = tracing_subscriber::EnvFilter::try_from_env("POSTERN_LOG").unwrap_or_else(|_| "info".into());
    // Under systemd the journal adds the time itself.
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_target(false)
        .with_ansi(false)
        .with_writer(std::io::stderr);
    match std::env::var_os("JOURNAL_STREAM") {
        Some(_) => log.without_time().init(),
        None => log.init(),
    }
    // One TLS provider for the whole process; a second one would be refused.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let task = flags.task();
    let run = || -> anyhow::Result<End> {
        let config = Config::load(flags)?;
        match task {
            Task::Serve => postern::daemon::run(&config),
            Task::Trial(copy) => postern::daemon::trial::run(&config, &copy).map(|()| End::Stop),
            Task::Recovery(note) => postern::daemon::recovery::run(&config, &note).map(|()| End::Stop),
        }
    };
    match run() {
        Ok(End::Stop) => ExitCode::SUCCESS,
        Ok(End::Restart) => {
            let error = postern::daemon::again();
            tracing::error!("posternd cannot start itself anew: {error}; start it by hand");
            ExitCode::FAILURE
        }
        Err(error) => {
            tracing::error!("posternd does not run: {error}");
            ExitCode::FAILURE
        }
    }
}
