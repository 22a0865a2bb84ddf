//! `token assign`, `unassigned`, `forget`, `serial`, `hardware`, `molto-key`: hardware tokens by what is printed on them. In: what was
//! typed; out: a request, or a list read page by page. What needs a reader is not here.

use std::path::PathBuf;

use clap::Subcommand;

use super::deliver::unexpected;
use super::input::{Ask, Input};
use super::out::{End, Out};
use super::plan::{Plan, named};
use super::{Asker, View, show};
use crate::control::{
    Answer, Failure, HardwareAsk, HardwareWhich, PageAsk, Request, TokenAssign, TokenInfo, USERS_LIMIT_MAX,
    UnassignedInfo, check,
};

/// The words after `token` that go by serial number.
#[derive(Debug, Subcommand)]
pub enum StockCommand {
    /// Give a vendor's token to a user by its serial number; it counts after `postern token confirm`
    Assign {
        /// Whose from then on
        user: String,
        /// What is printed on it
        serial: String,
        /// Its model, where two makers print the same number
        #[arg(long)]
        model: Option<String>,
    },
    /// Vendors' tokens that nobody has yet
    Unassigned {
        /// What serial number or model contains
        #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
        search: String,
    },
    /// Remove a token that nobody has
    Forget {
        /// What is printed on it
        serial: String,
        /// Its model, where two makers print the same number
        #[arg(long)]
        model: Option<String>,
    },
    /// Whose a serial number is
    Serial {
        /// What is printed on the token
        serial: String,
    },
    /// Hardware tokens that users have
    Hardware {
        /// Only those that were begun on a reader and wait: for the writing, or for their code
        #[arg(long)]
        pending: bool,
        /// What user's name, serial number or model contains
        #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
        search: String,
    },
    /// The customer key that Molto-2 tokens of this house have
    #[command(group = clap::ArgGroup::new("key").required(true))]
    MoltoKey {
        /// File with the key, - for standard input
        #[arg(long, value_name = "FILE|-", group = "key")]
        key_file: Option<PathBuf>,
        /// The maker's key again
        #[arg(long, group = "key")]
        default: bool,
    },
}

/// A list that is read page by page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum List {
    /// Tokens that nobody has yet, by what serial number or model contains.
    Unassigned(String),
    /// Hardware tokens of users.
    Hardware(HardwareWhich, String),
}

/// What it comes to.
///
/// # Errors
/// One line: wrong usage, or a file that cannot be read.
pub fn plan(command: StockCommand, input: &mut dyn Input) -> Result<Plan, Failure> {
    let printed = |serial: String| check::serial(&serial).map(|()| serial);
    Ok(Plan::Ask(match command {
        StockCommand::Assign { user, serial, model } => Request::TokenAssign(TokenAssign {
            user: named(user)?,
            serial: printed(serial)?,
            model,
        }),
        StockCommand::Forget { serial, model } => Request::UnassignedRemove {
            serial: printed(serial)?,
            model,
        },
        StockCommand::Serial { serial } => Request::SerialShow {
            serial: printed(serial)?,
        },
        StockCommand::Unassigned { search } => return Ok(Plan::Stock(List::Unassigned(search))),
        StockCommand::Hardware { pending, search } => {
            let which = match pending {
                true => HardwareWhich::Pending,
                false => HardwareWhich::All,
            };
            return Ok(Plan::Stock(List::Hardware(which, search)));
        }
        StockCommand::MoltoKey { key_file, .. } => {
            let key = key_file
                .map(|path| input.secret(&path, Ask::New("customer key")))
                .transpose()?;
            if let Some(key) = &key {
                check::customer_key(key.expose())?;
            }
            Request::MoltoKeySet { key }
        }
    }))
}

/// One page: its rows and how many there are in all.
enum Page {
    Unassigned(Vec<UnassignedInfo>),
    Hardware(Vec<TokenInfo>),
}

impl Page {
    fn len(&self) -> usize {
        match self {
            Page::Unassigned(rows) => rows.len(),
            Page::Hardware(rows) => rows.len(),
        }
    }

    fn lines(&self, view: &View) -> Vec<String> {
        match self {
            Page::Unassigned(rows) => rows.iter().map(|row| show::unassigned_row(row, &view.zone)).collect(),
            Page::Hardware(rows) => rows.iter().map(|row| show::hardware_row(row, &view.zone)).collect(),
        }
    }

    fn json(&self) -> serde_json::Result<serde_json::Value> {
        match self {
            Page::Unassigned(rows) => serde_json::to_value(rows),
            Page::Hardware(rows) => serde_json::to_value(rows),
        }
    }
}

/// All pages of a list as one.
pub fn list(asker: &mut dyn Asker, list: &List, view: &View, out: &mut Out<'_>) -> Result<u8, End> {
    let mut offset = 0;
    let mut all = Vec::new();
    let found = loop {
        let (page, total) = ask(asker, list, offset)?;
        let got = u32::try_from(page.len()).unwrap_or(u32::MAX);
        if out.json {
            let rows = page.json().map_err(std::io::Error::from)?;
            all.extend(rows.as_array().cloned().unwrap_or_default());
        } else {
            for line in page.lines(view) {
                out.line(&line)?;
            }
        }
        offset = offset.saturating_add(got);
        if got == 0 || u64::from(offset) >= total {
            break total;
        }
    };
    if out.json {
        out.document(&serde_json::json!({ "tokens": all, "total": found }))?;
    } else if offset == 0 {
        out.note("no tokens");
    }
    Ok(0)
}

fn ask(asker: &mut dyn Asker, list: &List, offset: u32) -> Result<(Page, u64), End> {
    let page = |search: &str| PageAsk {
        search: search.to_owned(),
        offset,
        limit: USERS_LIMIT_MAX,
    };
    let request = match list {
        List::Unassigned(search) => Request::UnassignedList(page(search)),
        List::Hardware(which, search) => Request::HardwareList(HardwareAsk {
            which: *which,
            page: page(search),
        }),
    };
    match asker.ask(&request)? {
        Answer::Unassigned(list) => Ok((Page::Unassigned(list.tokens), list.total)),
        Answer::Hardware(list) => Ok((Page::Hardware(list.tokens), list.total)),
        _ => Err(unexpected(&request).into()),
    }
}
