//! `postern import`: a token file, read here (R25) and sent in batches, so that progress shows itself and one bad line loses no
//! other. Exit status 0 when every line was written or was there already, 1 when some were refused.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::Around;
use super::deliver::unexpected;
use super::input::{Ask, Input};
use super::out::{End, Out};
use super::token_kind::ParameterArgs;
use crate::control::{Answer, Failure, Request, RowOutcome, Timestamp, TotpParameters};
use crate::enrol::batches::{Batches, Settings, Summary};
use crate::enrol::rows::{FILE_MAX, FileError, Place, TokenFile, Wanted};
use crate::enrol::token_file::{self, Keys, file_key};
use crate::text::shown;

/// Most bytes of a file with a key.
const KEY_FILE_MAX: usize = 4096;

/// Kinds of token files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// By its content
    Auto,
    /// Azure MFA token file
    AzureCsv,
    /// Microsoft Graph's JSON
    GraphJson,
    /// RFC 6030
    Pskc,
    /// An otpauth URI on each line
    Otpauth,
}

impl From<Format> for Option<token_file::Format> {
    fn from(format: Format) -> Self {
        match format {
            Format::Auto => None,
            Format::AzureCsv => Some(token_file::Format::AzureCsv),
            Format::GraphJson => Some(token_file::Format::GraphJson),
            Format::Pskc => Some(token_file::Format::Pskc),
            Format::Otpauth => Some(token_file::Format::Otpauth),
        }
    }
}

/// `import ...`
#[derive(Debug, PartialEq, Eq, Args)]
pub struct ImportArgs {
    /// The file, - for standard input
    pub file: PathBuf,
    /// Kind of file
    #[arg(long, default_value = "auto")]
    pub format: Format,
    /// File with the key of an encrypted PSKC file (hexadecimal, Base64 or as it is), - for standard input [default: asked
    /// on a terminal]
    #[arg(long, value_name = "FILE|-", conflicts_with = "passphrase_file")]
    pub key_file: Option<PathBuf>,
    /// File with the passphrase of an encrypted PSKC file, - for standard input [default: asked on a terminal]
    #[arg(long, value_name = "FILE|-")]
    pub passphrase_file: Option<PathBuf>,
    /// Say what would happen and write nothing
    #[arg(long)]
    pub dry_run: bool,
    /// The tokens count at once; else each after `postern token confirm`
    #[arg(long)]
    pub active: bool,
    /// What the file does not say.
    #[command(flatten)]
    pub parameters: ParameterArgs,
}

/// Reads, sends, sums up.
pub fn import(args: ImportArgs, path: &Path, around: &mut Around<'_>, out: &mut Out<'_>) -> Result<u8, End> {
    let name = shown(&args.file.to_string_lossy());
    let file = read(&args, &name, around.input, around.view.now)?;
    let mut summary = Summary::new(&file, args.dry_run);
    if !file.rows.is_empty() {
        let mut asker = (around.connect)(path)?;
        let settings = Settings {
            dry_run: args.dry_run,
            active: args.active,
            parameters: TotpParameters {
                algorithm: args.parameters.algorithm,
                digits: args.parameters.digits,
                ..TotpParameters::default()
            },
        };
        let mut batches = Batches::new(file.rows, settings);
        let bar = progress(batches.rows(), around.view.progress && !out.json);
        let mut done = 0_u64;
        while let Some((batch, sent)) = batches.next_batch() {
            let request = Request::ImportBatch(batch);
            let report = match asker.ask(&request) {
                Ok(Answer::Import(report)) if report.results.len() == sent.rows => report,
                Ok(_) => return Err(unexpected(&request).into()),
                Err(failure) => return Err(interrupted(failure, done, file.place, args.dry_run).into()),
            };
            bar.inc(u64::try_from(sent.rows).unwrap_or(0));
            done = sent.last;
            summary.count(report.results, sent);
        }
        bar.finish_and_clear();
    }
    summary.sort();
    if out.json {
        out.document(&summary)?;
    } else {
        print(&name, &summary, out)?;
    }
    Ok(u8::from(summary.refused > 0))
}

/// The file, opened by what was named, or by what is asked for when the file turns out to be encrypted.
fn read(args: &ImportArgs, name: &str, input: &mut dyn Input, now: Timestamp) -> Result<TokenFile, Failure> {
    let bytes = input.file(&args.file, FILE_MAX)?;
    let keys = match (&args.key_file, &args.passphrase_file) {
        (Some(path), _) => {
            let key = input.file(path, KEY_FILE_MAX)?;
            Keys::Key(file_key(&key).map_err(|line| Failure::usage(format!("--key-file: {line}")))?)
        }
        (None, Some(path)) => Keys::Passphrase(input.secret(path, Ask::Known("passphrase"))?),
        (None, None) => Keys::None,
    };
    let format = args.format.into();
    let refused = |error: FileError| Failure::refused(format!("{name}: {error}"));
    let wanted = match token_file::read(&bytes, format, &keys, now) {
        Err(FileError::Wanted(wanted)) => wanted,
        Err(FileError::Other(wanted)) => {
            let (_, flag) = words(&wanted);
            return Err(Failure::refused(format!(
                "{name}: the file is opened by {wanted}: name that with {flag}"
            )));
        }
        read => return read.map_err(refused),
    };
    let (what, flag) = words(&wanted);
    let Some(secret) = input.wanted(what)?.filter(|secret| !secret.is_empty()) else {
        return Err(Failure::refused(format!(
            "{name}: the file is encrypted: it is opened by {wanted}, so name it with {flag}"
        )));
    };
    let keys = match wanted {
        Wanted::Passphrase { .. } => Keys::Passphrase(secret),
        Wanted::Key { .. } => Keys::Key(file_key(secret.expose()).map_err(Failure::usage)?),
    };
    token_file::read(&bytes, format, &keys, now).map_err(refused)
}

/// How it is asked for, and named.
fn words(wanted: &Wanted) -> (&'static str, &'static str) {
    match wanted {
        Wanted::Key { .. } => ("Key of the file (hexadecimal or Base64)", "--key-file"),
        Wanted::Passphrase { .. } => ("Passphrase of the file", "--passphrase-file"),
    }
}

fn progress(rows: usize, visible: bool) -> ProgressBar {
    if !visible {
        return ProgressBar::hidden();
    }
    let target = ProgressDrawTarget::stderr_with_hz(4);
    let bar = ProgressBar::with_draw_target(Some(u64::try_from(rows).unwrap_or(0)), target);
    match ProgressStyle::with_template("{bar:40} {pos} of {len}, {eta} left") {
        Ok(style) => bar.with_style(style.progress_chars("##-")),
        Err(_) => bar,
    }
}

/// Says how far it came: what is written stays, and a second run leaves it alone.
fn interrupted(failure: Failure, done: u64, place: Place, dry_run: bool) -> Failure {
    if dry_run || done == 0 {
        return failure;
    }
    Failure::new(
        failure.kind,
        format!(
            "{} (the {} up to {done} are done; import the file again to go on)",
            failure.message,
            place.words()
        ),
    )
}

fn print(name: &str, summary: &Summary, out: &mut Out<'_>) -> std::io::Result<()> {
    let would = if summary.dry_run { "would be " } else { "" };
    let (place, places) = (summary.place.word(), summary.place.words());
    out.line(&format!(
        "{name}: {} {places}, {} tokens {would}added, {} users {would}made, {} there already, {} refused",
        summary.lines, summary.added, summary.users_made, summary.same, summary.refused
    ))?;
    if let Some(line) = summary.nobodys() {
        out.line(&line)?;
    }
    for remark in &summary.remarks {
        out.line(&format!("note: {remark}"))?;
    }
    for note in &summary.notes {
        let reason = note.note.as_deref().unwrap_or("refused");
        let word = if note.outcome == RowOutcome::Refused {
            "refused"
        } else {
            "note"
        };
        out.line(&format!("{place} {}: {word}: {reason}", note.line))?;
    }
    if summary.short_keys > 0 {
        out.note(&format!(
            "warning: {} keys have fewer than 16 bytes (RFC 4226 asks for 16): replace those tokens when you can",
            summary.short_keys
        ));
    }
    if summary.refused > 0 {
        out.note(&format!(
            "postern: {} {places} were refused: set them right and import the file again, what is there is left alone",
            summary.refused
        ));
    }
    Ok(())
}
