//! `postern export`: the tokens that this box programmed, as a new file for Entra or another server (R25). In: what was typed, an
//! installer's password, pages of seeds; out: a file with mode 0600, whole or none, made with the rights of whoever called. Nothing
//! is asked of posternd before the file can be written. Exit status 0 when all tokens are in it, 1 when some could not be.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

use super::deliver::unexpected;
use super::input::{Ask, Input};
use super::out::{End, Out};
use super::{Around, Asker};
use crate::control::{Answer, ExportAsk, ExportRow, Failure, Request, strength};
use crate::enrol::export::{Made, Target, make};
use crate::enrol::new_file::NewFile;
use crate::enrol::pskc::write::{Protection, ROUNDS};
use crate::enrol::token_file::file_key;
use crate::process::fill_random;
use crate::text::shown;

/// Most bytes of a file with a key.
const KEY_FILE_MAX: usize = 4096;

/// Kinds of files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ExportFormat {
    /// Azure MFA token file, for Entra; in clear
    AzureCsv,
    /// RFC 6030, for other servers; needs --key-file, --passphrase-file or --plain
    Pskc,
}

/// `export ...`
#[derive(Debug, PartialEq, Eq, Args)]
pub struct ExportArgs {
    /// The new file, - for standard output
    pub file: PathBuf,
    /// Kind of file
    #[arg(long, default_value = "azure-csv")]
    pub format: ExportFormat,
    /// PSKC: file with the key (16, 24 or 32 bytes; hexadecimal, Base64 or as they are), - for standard input
    #[arg(long, value_name = "FILE|-", conflicts_with_all = ["passphrase_file", "plain"])]
    pub key_file: Option<PathBuf>,
    /// PSKC: file with the passphrase, - for standard input
    #[arg(long, value_name = "FILE|-", conflicts_with = "plain")]
    pub passphrase_file: Option<PathBuf>,
    /// PSKC: in clear
    #[arg(long)]
    pub plain: bool,
    /// The installer whose password is given; root needs none
    #[arg(long, value_name = "NAME")]
    pub operator: Option<String>,
    /// File with that password, - for standard input
    #[arg(long, value_name = "FILE|-", default_value = "-", hide_default_value = true)]
    pub password_file: PathBuf,
    /// Over a file that is there
    #[arg(long)]
    pub force: bool,
}

impl ExportArgs {
    fn is_standard_output(&self) -> bool {
        self.file.as_os_str() == "-"
    }
}

/// What can be seen to be wrong usage before anything is asked.
///
/// # Errors
/// One line.
pub fn checked(args: ExportArgs) -> Result<ExportArgs, Failure> {
    let is_protected = args.key_file.is_some() || args.passphrase_file.is_some();
    match args.format {
        ExportFormat::AzureCsv if is_protected || args.plain => Err(Failure::usage(
            "--key-file, --passphrase-file and --plain go with --format pskc: a file for Entra is always in clear",
        )),
        ExportFormat::Pskc if !is_protected && !args.plain => Err(Failure::usage(
            "--format pskc needs --passphrase-file or --key-file, or --plain for a file in clear",
        )),
        _ => Ok(args),
    }
}

/// Asks page by page, and writes the file.
pub fn export(args: ExportArgs, path: &Path, around: &mut Around<'_>, out: &mut Out<'_>) -> Result<u8, End> {
    let to_standard = args.is_standard_output();
    if to_standard && out.json {
        return Err(Failure::usage("standard output cannot hold the file and a JSON document: name a file").into());
    }
    if to_standard && around.view.terminal {
        return Err(
            Failure::usage("seeds are not shown on a terminal: name a file, or lead standard output to one").into(),
        );
    }
    // Only a look: whoever breaks off at a prompt leaves no file behind.
    let early = match to_standard {
        true => None,
        false => NewFile::look(&args.file, args.force).map_err(Failure::refused)?,
    };
    if let Some(warning) = &early {
        out.note(&format!("warning: {warning}"));
    }
    let target = target(&args, around.input)?;
    let mut ask = ExportAsk {
        operator: args.operator.clone(),
        password: None,
        after: None,
    };
    if args.operator.is_some() {
        ask.password = Some(
            around
                .input
                .secret(&args.password_file, Ask::Known("password of the installer"))?,
        );
    }
    let new = match to_standard {
        true => None,
        false => Some(NewFile::begin(&args.file, args.force).map_err(Failure::refused)?),
    };
    let rows = rows(&mut *(around.connect)(path)?, ask)?;
    let (text, mut made) = make(rows, &target, &mut fill_random).map_err(Failure::refused)?;
    match new {
        Some(new) => {
            let warning = new.finish(text.as_bytes()).map_err(Failure::failed)?;
            // Said before already, but for who reads the document alone.
            made.warnings.extend(warning.filter(|_| out.json || early.is_none()));
            made.file = shown(&args.file.to_string_lossy());
        }
        None => out.raw(text.as_bytes())?,
    }
    say(&made, out)?;
    Ok(u8::from(!made.left_out.is_empty()))
}

/// The kind of file, with what protects it.
fn target(args: &ExportArgs, input: &mut dyn Input) -> Result<Target, Failure> {
    let protection = match (args.format, &args.key_file, &args.passphrase_file) {
        (ExportFormat::AzureCsv, _, _) => return Ok(Target::AzureCsv),
        (_, Some(path), _) => {
            let key = input.file(path, KEY_FILE_MAX)?;
            Protection::Key(file_key(&key).map_err(|line| Failure::usage(format!("--key-file: {line}")))?)
        }
        (_, None, Some(path)) => {
            let passphrase = input.secret(path, Ask::New("passphrase for the file"))?;
            // Whoever finds the file can try as long as they like.
            let text = passphrase
                .expose_str()
                .ok_or_else(|| Failure::usage("the passphrase is no text"))?;
            strength::password("", text).map_err(|line| Failure::refused(format!("passphrase: {line}")))?;
            Protection::Passphrase(passphrase, ROUNDS)
        }
        (_, None, None) => Protection::Plain,
    };
    Ok(Target::Pskc(protection))
}

/// All tokens, page by page.
fn rows(asker: &mut dyn Asker, mut ask: ExportAsk) -> Result<Vec<ExportRow>, Failure> {
    let mut rows: Vec<ExportRow> = Vec::new();
    loop {
        let request = Request::Export(ask.clone());
        let Answer::Export(page) = asker.ask(&request)? else {
            return Err(unexpected(&request));
        };
        rows.extend(page.rows);
        match page.next {
            // Each page begins behind the one before, or this would never end.
            Some(next) if ask.after.is_none_or(|after| next > after) => ask.after = Some(next),
            Some(_) => return Err(unexpected(&request)),
            None => return Ok(rows),
        }
    }
}

fn say(made: &Made, out: &mut Out<'_>) -> std::io::Result<()> {
    if out.json {
        return out.document(made);
    }
    if !made.file.is_empty() {
        let tokens = if made.tokens == 1 { "token" } else { "tokens" };
        out.line(&format!("{}: {} {tokens} ({})", made.file, made.tokens, made.format))?;
    }
    for line in &made.left_out {
        out.note(&format!("left out: {line}"));
    }
    for line in &made.warnings {
        out.note(&format!("warning: {line}"));
    }
    if !made.left_out.is_empty() {
        out.note(&format!(
            "postern: {} tokens are not in the file: take --format pskc for them",
            made.left_out.len()
        ));
    }
    Ok(())
}
