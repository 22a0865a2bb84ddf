//! `operator ...`: who may log in at the console. In: what was typed; out: a request, or an operator's new token as URI, key and QR code.

use std::path::{Path, PathBuf};

use clap::Subcommand;
use serde::Serialize;
use zeroize::Zeroizing;

use super::args::QrStyle;
use super::deliver::unexpected;
use super::input::{Ask, Input};
use super::out::{End, Out};
use super::plan::Plan;
use super::qr::Drawing;
use super::{Asker, View, show};
use crate::control::{
    Answer, Failure, OperatorAdd, OperatorSet, OperatorTokenMade, OtpParameters, Request, Role, check, strength,
};
use crate::enrol::otpauth::Uri;
use crate::secret::Secret;

/// `operator ...`
#[derive(Debug, Subcommand)]
pub enum OperatorCommand {
    /// Let somebody log in at the console; the first one is an installer
    Add {
        /// 2 to 32 of a-z 0-9 . _ -
        name: String,
        /// What the operator may
        #[arg(long)]
        role: Role,
        /// File with the password, - for standard input
        #[arg(long, value_name = "FILE|-", default_value = "-", hide_default_value = true)]
        password_file: PathBuf,
    },
    /// All operators, their locks and the lines they work at
    List,
    /// Change an operator: sessions of that name end
    #[command(group = clap::ArgGroup::new("change").required(true).multiple(true))]
    Set {
        /// Who
        name: String,
        /// What the operator may
        #[arg(long, group = "change")]
        role: Option<Role>,
        /// May log in again
        #[arg(long, group = "change", conflicts_with = "disable")]
        enable: bool,
        /// May not log in any more
        #[arg(long, group = "change")]
        disable: bool,
        /// File with a new password, - for standard input
        #[arg(long, value_name = "FILE|-", group = "change")]
        password_file: Option<PathBuf>,
    },
    /// Clear an operator's lock after wrong passwords or codes
    Unlock {
        /// Who
        name: String,
    },
    /// Remove an operator; the last installer stays
    Remove {
        /// Who
        name: String,
    },
    /// An operator's own token
    #[command(subcommand)]
    Token(OperatorTokenCommand),
}

/// `operator token ...`
#[derive(Debug, Subcommand)]
pub enum OperatorTokenCommand {
    /// A new token: prints otpauth URI, key in groups, QR code
    Add {
        /// Whose
        name: String,
        /// QR code [default: half on a terminal with UTF-8, ascii on another one, else none]
        #[arg(long)]
        qr: Option<QrStyle>,
    },
    /// Its first code: from then on a code is asked at each login
    Confirm {
        /// Whose
        name: String,
        /// What the token shows
        code: String,
    },
    /// No code at the login any more
    Remove {
        /// Whose
        name: String,
    },
}

/// What `operator ...` comes to.
///
/// # Errors
/// One line: wrong usage, or a password that cannot be one.
pub fn plan(command: OperatorCommand, input: &mut dyn Input) -> Result<Plan, Failure> {
    let mut password = |path: &Path, name: &str| {
        let password = input.secret(path, Ask::New("password"))?;
        let text = password.expose_str().unwrap_or_default();
        strength::password(name, text).map_err(Failure::refused)?;
        Ok::<Secret, Failure>(password)
    };
    Ok(Plan::Ask(match command {
        OperatorCommand::Add {
            name,
            role,
            password_file,
        } => Request::OperatorAdd(OperatorAdd {
            password: password(&password_file, &named(&name)?)?,
            name,
            role,
            line: String::new(),
        }),
        OperatorCommand::List => Request::OperatorList,
        OperatorCommand::Set {
            name,
            role,
            enable,
            disable,
            password_file,
        } => Request::OperatorSet(OperatorSet {
            name: named(&name)?,
            role,
            enabled: (enable || disable).then_some(enable),
            password: password_file.map(|path| password(&path, &name)).transpose()?,
        }),
        OperatorCommand::Unlock { name } => Request::OperatorUnlock { name: named(&name)? },
        OperatorCommand::Remove { name } => Request::OperatorRemove { name: named(&name)? },
        OperatorCommand::Token(OperatorTokenCommand::Add { name, qr }) => {
            return Ok(Plan::OperatorTokenAdd(named(&name)?, qr));
        }
        OperatorCommand::Token(OperatorTokenCommand::Confirm { name, code }) => Request::OperatorTokenConfirm {
            name: named(&name)?,
            code: Secret::from(check::code(&code)?),
        },
        OperatorCommand::Token(OperatorTokenCommand::Remove { name }) => {
            Request::OperatorTokenRemove { name: named(&name)? }
        }
    }))
}

/// An operator's name that can be one.
fn named(name: &str) -> Result<String, Failure> {
    strength::name(name).map_err(Failure::usage)?;
    Ok(name.to_owned())
}

/// What `operator token add --json` prints.
#[derive(Serialize)]
struct Shown<'a> {
    #[serde(flatten)]
    made: &'a OperatorTokenMade,
    uri: &'a str,
    /// Only where `--qr` asks for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    qr: Option<&'a [String]>,
}

/// `operator token add`: asks, and prints what is shown this once.
///
/// # Errors
/// What posternd says, or standard output.
pub fn token_add(
    asker: &mut dyn Asker,
    name: String,
    style: Option<QrStyle>,
    view: &View,
    out: &mut Out<'_>,
) -> Result<u8, End> {
    let request = Request::OperatorTokenAdd { name };
    let Answer::OperatorToken(made) = asker.ask(&request)? else {
        return Err(unexpected(&request).into());
    };
    let uri = Uri::new(&made.issuer, &made.operator, &made.seed, OtpParameters::default(), 0);
    let whole = uri.whole();
    let drawing = Drawing::new(&uri, style, view, out.json);
    if out.json {
        let lines = drawing.lines();
        out.document(&Shown {
            made: &made,
            uri: &whole,
            qr: lines.as_ref().map(|lines| lines.as_slice()),
        })?;
        return Ok(0);
    }
    for line in show::operator_token(&made, &whole) {
        out.line(&Zeroizing::new(line))?;
    }
    drawing.print(view, out)?;
    out.line(&format!(
        "It is asked at the login after: postern operator token confirm {} CODE",
        made.operator
    ))?;
    if let Some(line) = &drawing.warning {
        out.note(&format!("warning: {line}"));
    }
    Ok(0)
}
