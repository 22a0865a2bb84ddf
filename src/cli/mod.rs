//! The program `postern`: the operations as commands, for SSH and scripts (design: command line contract). In: arguments, the
//! files and secrets they name, answers of posternd; out: text or one JSON document, and an exit status. It knows only
//! `control`'s types, and `enrol`, `secret` and `text`; it never touches the store.
//!
//! - `args`, `token_kind` and `words` what is typed; `plan` what they come to; `deliver` asks and prints
//! - `import`, `export`, `backup` and `log` take several requests; `operator` the operators of the console; `host` the machine;
//!   `stock` hardware tokens by serial number, `token_program` those on a reader
//! - `show` answers as text; `input` files and prompts; `qr` keys as drawings; `out` everything that is printed

pub mod args;
mod backup;
mod deliver;
mod export;
mod host;
mod import;
mod input;
mod log;
mod operator;
mod out;
mod plan;
mod qr;
mod show;
mod stock;
mod token_kind;
mod token_program;
mod words;

use std::ffi::OsString;
use std::io::{self, BufWriter, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{CommandFactory, Parser};
use jiff::tz::TimeZone;

use crate::control::client::{Client, DEFAULT_SOCKET};
use crate::control::{Answer, Failure, Request, Timestamp};
use input::{Input, System};
use out::{End, Out};
use token_program::{Hardware, Real};

/// Somebody who answers: posternd, or a test.
trait Asker {
    fn ask(&mut self, request: &Request) -> Result<Answer, Failure>;
}

impl Asker for Client {
    fn ask(&mut self, request: &Request) -> Result<Answer, Failure> {
        Client::ask(self, request)
    }
}

/// Where the program runs, as far as it matters to what it prints.
#[derive(Clone, Debug)]
struct View {
    /// The zone that times are shown in.
    zone: TimeZone,
    /// The clock at the start.
    now: Timestamp,
    /// Standard output is a terminal.
    terminal: bool,
    /// Standard error is a terminal.
    progress: bool,
    /// The locale is UTF-8.
    utf8: bool,
    /// The terminal understands SGR.
    colours: bool,
}

/// Finds posternd at a socket.
type Connect<'a> = dyn FnMut(&Path) -> Result<Box<dyn Asker>, Failure> + 'a;

/// Everything outside, so that a test can put its own there.
struct Around<'a> {
    input: &'a mut dyn Input,
    hardware: &'a mut dyn Hardware,
    connect: &'a mut Connect<'a>,
    view: View,
    /// POSTERN_CONTROL.
    socket: Option<PathBuf>,
}

/// The whole program.
pub fn main() -> ExitCode {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"]
        .iter()
        .find_map(|name| set(name))
        .unwrap_or_default();
    let locale = locale.to_string_lossy().to_ascii_lowercase();
    let terminal = io::stdout().is_terminal();
    let term = set("TERM");
    let mut around = Around {
        input: &mut System,
        hardware: &mut Real,
        connect: &mut |path| Ok(Box::new(Client::connect(path)?)),
        view: View {
            zone: TimeZone::system(),
            now: Timestamp(u64::try_from(jiff::Timestamp::now().as_millisecond()).unwrap_or(0)),
            terminal,
            progress: io::stderr().is_terminal(),
            utf8: locale.contains("utf-8") || locale.contains("utf8"),
            colours: terminal && term.is_some_and(|term| term != "dumb"),
        },
        socket: set("POSTERN_CONTROL").map(PathBuf::from),
    };
    let args: Vec<OsString> = std::env::args_os().collect();
    let mut out = BufWriter::new(io::stdout());
    let status = run(args, &mut around, &mut out, &mut io::stderr());
    // What is left in the buffer was tried already; the reader may be gone.
    let _ = out.into_parts();
    ExitCode::from(status)
}

/// Parses, plans, asks, prints. The exit status: 0 done, 1 refused or failed, 2 wrong usage.
fn run(args: Vec<OsString>, around: &mut Around<'_>, stdout: &mut dyn Write, stderr: &mut dyn Write) -> u8 {
    // Known before the arguments are: an error in them is a document too.
    let json = args
        .iter()
        .skip(1)
        .take_while(|arg| *arg != "--")
        .any(|arg| arg == "--json");
    let mut out = Out::new(stdout, stderr, json);
    let ended = match args::Cli::try_parse_from(args) {
        Ok(cli) => deliver::deliver(cli, around, &mut out),
        Err(error) => refuse_usage(&error, &mut out),
    };
    let ended = ended.and_then(|status| out.flush().map(|()| status).map_err(End::from));
    match ended {
        Ok(status) => status,
        Err(End::Failure(failure)) => {
            out.failure(&failure);
            let _ = out.flush();
            failure.exit_status()
        }
        // `postern log | head`: the reader has what it wanted.
        Err(End::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => 0,
        Err(End::Output(error)) => {
            out.json = false;
            out.failure(&Failure::failed(format!("standard output cannot be written: {error}")));
            1
        }
    }
}

/// Help and version go to standard output; the rest is wrong usage, in one line.
fn refuse_usage(error: &clap::Error, out: &mut Out<'_>) -> Result<u8, End> {
    use clap::error::ErrorKind;
    if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
        out.raw(error.render().to_string().as_bytes())?;
        return Ok(0);
    }
    if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        if out.json {
            return Err(Failure::usage("a command is missing (see --help)").into());
        }
        for line in error.render().to_string().lines() {
            out.note(line);
        }
        return Ok(2);
    }
    // The first paragraph says what is wrong, a tip may follow; usage and the rest are a --help away.
    let text = error.render().to_string();
    let paragraphs = text
        .split("\n\n")
        .map(|p| p.split_whitespace().collect::<Vec<_>>().join(" "));
    let said: Vec<String> = paragraphs
        .filter(|p| !p.starts_with("Usage:") && !p.starts_with("For more information"))
        .collect();
    let said = said.join("; ");
    let said = said.strip_prefix("error: ").unwrap_or(&said);
    Err(Failure::usage(format!("{said} (see --help)")).into())
}

/// The socket that is meant.
fn socket(cli: Option<PathBuf>, environment: Option<PathBuf>) -> PathBuf {
    cli.or(environment).unwrap_or_else(|| PathBuf::from(DEFAULT_SOCKET))
}

/// The command line's own description, for completions and manual pages.
fn command() -> clap::Command {
    args::Cli::command()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
mod tests;
