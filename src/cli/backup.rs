//! `postern backup` and `postern restore`: a box as one file, and back (R25). In: what was typed, a passphrase, an installer's password; out: a
//! file with mode 0600, whole or none, or a box that starts anew as what a file holds. The file is opened with the rights of whoever called,
//! and goes over the socket in pieces. Nothing is changed before the restore was confirmed.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clap::Args;

use super::deliver::unexpected;
use super::input::{Ask, Input};
use super::out::{End, Out};
use super::{Around, Asker};
use crate::control::{
    Answer, BackupAnswer, BackupHolds, BackupMake, BackupRequest, Failure, FailureKind, PIECE_MAX, Request, RestoreNow,
    strength,
};
use crate::enrol::new_file::NewFile;
use crate::secret::Secret;
use crate::text::shown;
use crate::times::shown_at;

/// posternd is waited for so long after a restore: a large store on a small box is read for minutes.
const BACK: Duration = Duration::from_secs(600);
/// Between two looks for it.
const AGAIN: Duration = Duration::from_millis(200);

/// `backup ...`
#[derive(Debug, PartialEq, Eq, Args)]
pub struct BackupArgs {
    /// The new file
    pub file: PathBuf,
    /// File with the passphrase, - for standard input
    #[arg(long, value_name = "FILE|-", default_value = "-", hide_default_value = true)]
    pub passphrase_file: PathBuf,
    /// The installer whose password is given; root needs none
    #[arg(long, value_name = "NAME")]
    pub operator: Option<String>,
    /// File with that password, - for standard input
    #[arg(long, value_name = "FILE|-", default_value = "-", hide_default_value = true)]
    pub password_file: PathBuf,
}

/// `restore ...`
#[derive(Debug, PartialEq, Eq, Args)]
pub struct RestoreArgs {
    /// A file that `postern backup` made
    pub file: PathBuf,
    /// File with its passphrase, - for standard input
    #[arg(long, value_name = "FILE|-", default_value = "-", hide_default_value = true)]
    pub passphrase_file: PathBuf,
    /// The installer whose password is given; root needs none
    #[arg(long, value_name = "NAME")]
    pub operator: Option<String>,
    /// File with that password, - for standard input
    #[arg(long, value_name = "FILE|-", default_value = "-", hide_default_value = true)]
    pub password_file: PathBuf,
    /// Do not ask whether it is really meant
    #[arg(long)]
    pub yes: bool,
}

fn password(operator: Option<&String>, path: &Path, input: &mut dyn Input) -> Result<Option<Secret>, Failure> {
    match operator {
        Some(_) => input.secret(path, Ask::Known("password of the installer")).map(Some),
        None => Ok(None),
    }
}

fn ask(asker: &mut dyn Asker, ask: BackupRequest) -> Result<BackupAnswer, Failure> {
    let request = Request::Backup(ask);
    match asker.ask(&request)? {
        Answer::Backup(answer) => Ok(answer),
        _ => Err(unexpected(&request)),
    }
}

fn strange() -> Failure {
    Failure::failed("posternd answered with something else: restart it, so that both are of one version")
}

/// Asks for the backup, and writes it piece by piece.
pub fn backup(args: &BackupArgs, path: &Path, around: &mut Around<'_>, out: &mut Out<'_>) -> Result<u8, End> {
    // Only a look: whoever breaks off at a prompt leaves no file behind.
    drop(NewFile::begin_large(&args.file).map_err(Failure::refused)?);
    let passphrase = around
        .input
        .secret(&args.passphrase_file, Ask::New("passphrase for the backup"))?;
    let text = passphrase
        .expose_str()
        .ok_or_else(|| Failure::usage("the passphrase is no text"))?;
    // Whoever finds the file can try as long as they like.
    strength::password("", text).map_err(|line| Failure::refused(format!("passphrase: {line}")))?;
    let password = password(args.operator.as_ref(), &args.password_file, around.input)?;
    let asker = &mut *(around.connect)(path)?;
    let mut new = NewFile::begin_large(&args.file).map_err(Failure::refused)?;
    let make = BackupMake {
        operator: args.operator.clone(),
        password,
        passphrase,
    };
    let BackupAnswer::Made(made) = ask(asker, BackupRequest::Make(make))? else {
        return Err(strange().into());
    };
    let mut offset = 0;
    while offset < made.bytes {
        let ticket = made.ticket.clone();
        let BackupAnswer::Piece { bytes } = ask(asker, BackupRequest::Read { ticket, offset })? else {
            return Err(strange().into());
        };
        if bytes.is_empty() {
            return Err(strange().into());
        }
        offset += bytes.len() as u64;
        new.add(bytes.expose()).map_err(Failure::failed)?;
    }
    let warning = new.finish(b"").map_err(Failure::failed)?;
    let file = shown(&args.file.to_string_lossy());
    if out.json {
        out.document(&serde_json::json!({ "file": file, "bytes": offset, "holds": made.holds }))?;
        return Ok(0);
    }
    let (holds, zone) = (&made.holds, &around.view.zone);
    out.line(&format!("{file}: {} ({offset} bytes)", said(holds, zone)))?;
    if holds.damaged {
        out.note("warning: the log of this box is not whole: run `postern log --verify`");
    }
    if let Some(warning) = warning {
        out.note(&format!("warning: {warning}"));
    }
    Ok(0)
}

/// What a backup holds, in a line.
fn said(holds: &BackupHolds, zone: &jiff::tz::TimeZone) -> String {
    let one = |count: u64, what: &str| format!("{count} {what}{}", if count == 1 { "" } else { "s" });
    format!(
        "{} of {}: {}, {}, {}, operators {}",
        holds.host,
        shown_at(holds.made, zone),
        one(holds.users, "user"),
        one(holds.tokens, "token"),
        one(holds.clients, "client"),
        match holds.operators.is_empty() {
            true => "none".to_owned(),
            false => holds.operators.join(", "),
        }
    )
}

/// Sends the file, says what it holds, asks whether it is meant, and waits until posternd is back.
pub fn restore(args: &RestoreArgs, path: &Path, around: &mut Around<'_>, out: &mut Out<'_>) -> Result<u8, End> {
    let name = shown(&args.file.to_string_lossy());
    let unread = |error: std::io::Error| Failure::failed(format!("{name} cannot be read: {error}"));
    let mut file = File::open(&args.file).map_err(unread)?;
    let about = file.metadata().map_err(unread)?;
    if !about.is_file() {
        return Err(Failure::refused(format!("{name} is no ordinary file: name a backup")).into());
    }
    let passphrase = around
        .input
        .secret(&args.passphrase_file, Ask::Known("passphrase of the backup"))?;
    let password = password(args.operator.as_ref(), &args.password_file, around.input)?;
    let (ticket, holds) = {
        let asker = &mut *(around.connect)(path)?;
        let ticket = send(asker, &mut file, about.len(), &unread)?;
        let look = BackupRequest::Look {
            ticket: ticket.clone(),
            passphrase,
        };
        let looked = ask(asker, look);
        match looked {
            Ok(BackupAnswer::Holds(holds)) => (ticket, holds),
            other => {
                let _ = asker.ask(&Request::Backup(BackupRequest::Drop { ticket }));
                return Err(other.err().unwrap_or_else(strange).into());
            }
        }
    };
    if !out.json {
        out.line(&format!("{name}: {}", said(&holds, &around.view.zone)))?;
        out.line(holds.goes_on.words())?;
        if let Some(words) = holds.machine_words() {
            out.line(&words)?;
        }
        out.flush()?;
    }
    let asker = &mut *(around.connect)(path)?;
    let is_meant = if args.yes { Ok(true) } else { meant(around.input, out) };
    if !matches!(is_meant, Ok(true)) {
        let _ = asker.ask(&Request::Backup(BackupRequest::Drop { ticket }));
        return Err(is_meant.err().unwrap_or(Failure::refused("nothing was changed").into()));
    }
    let now = RestoreNow {
        ticket,
        operator: args.operator.clone(),
        password,
    };
    let request = Request::Backup(BackupRequest::Restore(now));
    let Answer::Done { done } = asker.ask(&request)? else {
        return Err(unexpected(&request).into());
    };
    if !out.json {
        out.line(&done)?;
        out.flush()?;
    }
    wait(path, around)?;
    match out.json {
        true => out.document(&serde_json::json!({ "done": done, "holds": holds }))?,
        false => out.line("posternd runs again")?,
    }
    Ok(0)
}

fn send(
    asker: &mut dyn Asker,
    file: &mut File,
    bytes: u64,
    unread: &dyn Fn(std::io::Error) -> Failure,
) -> Result<String, Failure> {
    let BackupAnswer::Ticket { ticket, .. } = ask(asker, BackupRequest::Send { bytes })? else {
        return Err(strange());
    };
    let mut offset = 0;
    while offset < bytes {
        let mut piece = Vec::with_capacity(PIECE_MAX);
        file.take((PIECE_MAX as u64).min(bytes - offset))
            .read_to_end(&mut piece)
            .map_err(unread)?;
        if piece.is_empty() {
            return Err(Failure::failed("the file became shorter while it was read: try again"));
        }
        let piece = BackupRequest::Piece {
            ticket: ticket.clone(),
            offset,
            bytes: Secret::new(piece),
        };
        let BackupAnswer::Ticket { received, .. } = ask(asker, piece)? else {
            return Err(strange());
        };
        if received <= offset {
            return Err(strange());
        }
        offset = received;
    }
    Ok(ticket)
}

fn meant(input: &mut dyn Input, out: &mut Out<'_>) -> Result<bool, End> {
    if out.json {
        return Err(Failure::usage("with --json a restore wants --yes: nobody can be asked").into());
    }
    out.note("Type yes to put it in the place of everything in this box:");
    let line = input.line()?;
    let line = line.ok_or_else(|| Failure::usage("nobody is there to confirm: say --yes"))?;
    Ok(line.trim() == "yes")
}

/// Until posternd answers again: another one than before, as it has another store.
fn wait(path: &Path, around: &mut Around<'_>) -> Result<(), Failure> {
    let until = Instant::now() + BACK;
    // It answers a moment longer.
    std::thread::sleep(AGAIN * 3);
    loop {
        let answer = (around.connect)(path).and_then(|mut asker| asker.ask(&Request::Ping));
        match answer {
            Ok(_) => return Ok(()),
            Err(failure) if failure.kind != FailureKind::Unreachable || Instant::now() >= until => {
                return Err(Failure::failed(format!(
                    "it was restored, but posternd does not answer again ({}): look at its log (journalctl -u posternd)",
                    failure.message
                )));
            }
            Err(_) => std::thread::sleep(AGAIN),
        }
    }
}
