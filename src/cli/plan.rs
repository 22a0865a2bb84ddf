//! From the command line to what is asked. In: typed arguments, the secrets they name (read here, by the caller's rights: R25),
//! clock and zone; out: a [`Plan`]. Whatever can be seen to be wrong usage is refused before posternd is troubled.

use std::collections::BTreeMap;
use std::path::Path;

use jiff::tz::TimeZone;

use super::args::{
    ClientArgs, ClientCommand, Command, EntraArgs, EntraCommand, LogArgs, QrStyle, TokenCommand, UserCommand,
};
use super::input::{Ask, Input};
use super::{host, operator, stock, token_program};
use crate::control::{
    ClientAdd, ClientFields, ClientSet, Delimiter, DirectoryLogin, EntraSet, Failure, LogFilter, Override,
    PasswordChange, Request, Timestamp, TokenAdd, TokenId, Unmatched, UserAdd, UserSet, check,
};
use crate::enrol::base32;
use crate::secret::Secret;
use crate::text::shown;
use crate::times::parse_since;

/// Records of `postern log` where neither a number nor a time is named.
const LOG_DEFAULT: u32 = 100;
/// The same with `--follow`.
const LOG_DEFAULT_FOLLOW: u32 = 10;
/// Most bytes of a certificate file.
const CA_MAX: usize = 256 * 1024;

/// What a command comes to.
#[derive(Debug, PartialEq, Eq)]
pub enum Plan {
    /// One request, one answer.
    Ask(Request),
    /// A new token, and how its QR code is drawn.
    TokenAdd(TokenAdd, Option<QrStyle>),
    /// A token for an operator's own login, and how its QR code is drawn.
    OperatorTokenAdd(String, Option<QrStyle>),
    /// The user list, page by page.
    Users {
        /// What the name contains.
        search: String,
        /// How many to leave out.
        offset: u32,
        /// How many at most.
        limit: Option<u32>,
        /// Only those without a token that counts.
        without_token: bool,
    },
    /// Hardware tokens, page by page.
    Stock(stock::List),
    /// Something with a token on a reader.
    Hardware(token_program::Plan),
    /// A token file, batch by batch.
    Import(super::import::ImportArgs),
    /// The programmed tokens, page by page, into a file.
    Export(super::export::ExportArgs),
    /// A backup, piece by piece.
    Backup(super::backup::BackupArgs),
    /// A restore, piece by piece.
    Restore(super::backup::RestoreArgs),
    /// Something of the machine.
    Host(host::Plan),
    /// The log, page by page.
    Log(Log),
    /// Completions of a shell.
    Completions(clap_complete::Shell),
    /// Manual pages.
    Man(Option<std::path::PathBuf>),
}

/// `log`, understood.
#[derive(Debug, PartialEq, Eq)]
pub struct Log {
    /// Which records.
    pub filter: LogFilter,
    /// The newest so many; none: everything since.
    pub limit: Option<u32>,
    /// Goes on.
    pub follow: bool,
}

/// What the command comes to.
///
/// # Errors
/// One line: wrong usage, or a file that cannot be read.
pub fn plan(command: Command, input: &mut dyn Input, now: Timestamp, zone: &TimeZone) -> Result<Plan, Failure> {
    Ok(match command {
        Command::Status => Plan::Ask(Request::Status),
        Command::Client(command) => Plan::Ask(client(command, input)?),
        Command::User(UserCommand::List {
            search,
            offset,
            limit,
            without_token,
        }) => Plan::Users {
            search,
            offset,
            limit,
            without_token,
        },
        Command::User(command) => Plan::Ask(user(command, input)?),
        Command::Token(command) => token(command, input)?,
        Command::Import(args) => Plan::Import(args),
        Command::Export(args) => Plan::Export(super::export::checked(args)?),
        Command::Backup(args) => Plan::Backup(args),
        Command::Restore(args) => Plan::Restore(args),
        Command::Entra(command) => Plan::Ask(entra(command, input)?),
        Command::Operator(command) => operator::plan(command, input)?,
        Command::Network(command) => host::network(command)?,
        Command::Host(command) => host::host(command, input)?,
        Command::Time(command) => host::time(command)?,
        Command::Stick(command) => host::stick(command),
        Command::Recovery(command) => host::recovery(command),
        Command::Update(command) => host::update(command)?,
        Command::Log(LogArgs { verify: true, .. }) => Plan::Ask(Request::LogVerify),
        Command::Log(args) => Plan::Log(log(args, now, zone)?),
        Command::Explain { user } => Plan::Ask(Request::Explain { user: named(user)? }),
        Command::Completions { shell } => Plan::Completions(shell),
        Command::Man { dir } => Plan::Man(dir),
    })
}

/// A user's name that can be one.
pub fn named(name: String) -> Result<String, Failure> {
    check::user_name(&name)?;
    Ok(name)
}

fn client(command: ClientCommand, input: &mut dyn Input) -> Result<Request, Failure> {
    Ok(match command {
        ClientCommand::Add { name, net, fields } => {
            check::client_name(&name)?;
            let mut fields = client_fields(fields, input)?;
            let mode = fields.mode.unwrap_or_default();
            let unmatched = fields.unmatched.unwrap_or_default();
            fields.first = Some(check::mode_and_first(mode, fields.first, unmatched)?);
            Request::ClientAdd(ClientAdd { name, net, fields })
        }
        ClientCommand::List => Request::ClientList,
        ClientCommand::Show { name } => Request::ClientShow { name },
        ClientCommand::Set {
            name,
            rename,
            net,
            fields,
        } => {
            if rename.is_none() && net.is_none() && *fields == ClientArgs::default() {
                return Err(Failure::usage(
                    "client set: name what to change (see `postern client set --help`)",
                ));
            }
            if let Some(rename) = &rename {
                check::client_name(rename)?;
            }
            let mut fields = client_fields(*fields, input)?;
            if let Some(mode) = fields.mode {
                // The rest is with the daemon: it knows what stands now.
                let unmatched = fields.unmatched.unwrap_or(Unmatched::Refuse);
                let first = check::mode_and_first(mode, fields.first, unmatched)?;
                if mode == crate::control::Mode::CodeOnly {
                    fields.first = Some(first);
                }
            }
            Request::ClientSet(ClientSet {
                name,
                rename,
                net,
                fields,
                make_secret: false,
            })
        }
        ClientCommand::Remove { name } => Request::ClientRemove { name },
    })
}

fn client_fields(args: ClientArgs, input: &mut dyn Input) -> Result<ClientFields, Failure> {
    let delimiter = args.delimiter.map(|text| {
        let mut letters = text.chars();
        match (letters.next(), letters.next()) {
            (None, _) => Ok(Delimiter::None),
            (Some(c), None) => Ok(Delimiter::Is(c)),
            (Some(_), Some(_)) => Err(Failure::usage("--delimiter is one character, or '' for none")),
        }
    });
    let mut fields = ClientFields {
        secret: None,
        mode: args.mode,
        first: args.first,
        require_message_authenticator: args.require_message_authenticator,
        order: args.order,
        delimiter: delimiter.transpose()?,
        unmatched: args.unmatched_users,
        reject_delay: args.reject_delay,
        deadline: args.deadline,
        unavailable: args.unavailable,
        prompt: args.prompt,
        challenge_timeout: args.challenge_timeout,
        charset: args.charset,
        in_flight: args.in_flight,
    };
    check::client_fields(&fields)?;
    // Read last, so that nobody types a secret for nothing.
    if let Some(path) = args.secret_file {
        fields.secret = Some(input.secret(&path, Ask::New("shared secret"))?);
        check::client_fields(&fields)?;
    }
    Ok(fields)
}

fn user(command: UserCommand, input: &mut dyn Input) -> Result<Request, Failure> {
    Ok(match command {
        UserCommand::Add {
            name,
            password_file,
            exempt,
        } => Request::UserAdd(UserAdd {
            name: named(name)?,
            password: new_password(password_file.as_deref(), input)?,
            exempt,
        }),
        UserCommand::List {
            search,
            offset,
            limit,
            without_token,
        } => Request::UserList(crate::control::UserSearch {
            search,
            offset,
            limit: limit.unwrap_or(crate::control::USERS_LIMIT_MAX),
            without_token,
        }),
        UserCommand::Show { name } => Request::UserShow { name: named(name)? },
        UserCommand::Set {
            name,
            exempt,
            password_file,
            no_password,
        } => {
            let name = named(name)?;
            let password = match new_password(password_file.as_deref(), input)? {
                Some(password) => Some(PasswordChange::To(password)),
                None if no_password => Some(PasswordChange::Remove),
                None => None,
            };
            Request::UserSet(UserSet { name, exempt, password })
        }
        UserCommand::Disable { name } => Request::UserDisable { name: named(name)? },
        UserCommand::Enable { name } => Request::UserEnable { name: named(name)? },
        UserCommand::Unlock { name } => Request::UserUnlock { name: named(name)? },
        UserCommand::Remove { name } => Request::UserRemove { name: named(name)? },
        UserCommand::Bypass { name, minutes } => {
            check::bypass_minutes(minutes)?;
            Request::UserBypass {
                name: named(name)?,
                minutes,
            }
        }
    })
}

fn new_password(path: Option<&Path>, input: &mut dyn Input) -> Result<Option<Secret>, Failure> {
    path.map(|path| input.secret(path, Ask::New("password"))).transpose()
}

fn token(command: TokenCommand, input: &mut dyn Input) -> Result<Plan, Failure> {
    Ok(Plan::Ask(match command {
        TokenCommand::Add {
            user,
            secret,
            secret_file,
            kind,
            qr,
            active,
        } => {
            let user = named(user)?;
            let text = match (secret, secret_file) {
                (Some(text), _) => Some(Secret::from(text)),
                (None, Some(path)) => Some(input.secret(&path, Ask::Known("key (Base32)"))?),
                (None, None) => None,
            };
            let seed = text.map(|text| {
                let text = text.expose_str().ok_or_else(|| Failure::usage("the key is no text"))?;
                base32::decode(text).map_err(|e| Failure::usage(e.to_string()))
            });
            let (parameters, counter) = kind.understood()?;
            let ask = TokenAdd {
                user,
                seed: seed.transpose()?,
                parameters,
                counter,
                active,
            };
            return Ok(Plan::TokenAdd(ask, qr));
        }
        TokenCommand::Confirm { user, code } => Request::TokenConfirm {
            user: named(user)?,
            code: Secret::from(check::code(&code)?),
        },
        TokenCommand::Resync { user, first, second } => {
            let (first, second) = (check::code(&first)?, check::code(&second)?);
            if first == second {
                return Err(Failure::usage(
                    "the two codes are the same: wait until the token shows the next one",
                ));
            }
            if first.len() != second.len() {
                return Err(Failure::usage(
                    "the two codes differ in length: both come from one token",
                ));
            }
            Request::TokenResync {
                user: named(user)?,
                first: Secret::from(first),
                second: Secret::from(second),
            }
        }
        TokenCommand::Drift { user: None, .. } => Request::DriftList,
        TokenCommand::Drift { id: None, .. } => {
            return Err(Failure::usage(
                "token drift: name the token's number too, from `postern token list`",
            ));
        }
        TokenCommand::Drift {
            user: Some(user),
            id: Some(id),
        } => Request::DriftShow {
            user: named(user)?,
            id: TokenId(id),
        },
        TokenCommand::List { user } => Request::TokenList { user: named(user)? },
        TokenCommand::Remove { user, id } => Request::TokenRemove {
            user: named(user)?,
            id: TokenId(id),
        },
        TokenCommand::Stock(command) => return stock::plan(command, input),
        TokenCommand::Hardware(command) => return Ok(Plan::Hardware(token_program::plan(command)?)),
    }))
}

fn entra(command: EntraCommand, input: &mut dyn Input) -> Result<Request, Failure> {
    let mut login = |user: String| {
        Ok::<_, Failure>(DirectoryLogin {
            user: named(user)?,
            password: input.secret(Path::new("-"), Ask::Known("password"))?,
        })
    };
    Ok(match command {
        EntraCommand::Prove { user } => Request::EntraProve(login(user)?),
        EntraCommand::Test { user } => Request::EntraTest(login(user)?),
        EntraCommand::Show { domain } => Request::EntraShow { domain },
        EntraCommand::Remove { domain } => Request::EntraRemove { domain },
        EntraCommand::Set(args) => Request::EntraSet(entra_set(*args, input)?),
    })
}

fn entra_set(args: EntraArgs, input: &mut dyn Input) -> Result<EntraSet, Failure> {
    let mut overrides = BTreeMap::new();
    for text in &args.overrides {
        let (code, verdict) = parse_override(text)?;
        if overrides.insert(code, verdict).is_some() {
            return Err(Failure::usage(format!("--override names {code} twice")));
        }
    }
    let prefixes = match args.prefix.as_slice() {
        [] => None,
        [none] if none.is_empty() => Some(Vec::new()),
        some if some.iter().any(String::is_empty) => {
            return Err(Failure::usage("--prefix '' stands alone: it takes all prefixes away"));
        }
        some => Some(some.to_vec()),
    };
    let ca_pem = args.ca_file.map(|path| {
        let bytes = input.file(&path, CA_MAX)?;
        let text = String::from_utf8(bytes.to_vec())
            .ok()
            .filter(|text| text.contains("-----BEGIN CERTIFICATE-----"));
        let name = shown(&path.to_string_lossy());
        text.ok_or_else(|| {
            Failure::usage(format!(
                "{name} holds no PEM certificate: --ca-file takes one or more of them"
            ))
        })
    });
    let client_secret = match &args.client_secret_file {
        Some(path) => Some(input.secret(path, Ask::Known("client secret"))?),
        None if args.no_client_secret => Some(Secret::new(Vec::new())),
        None => None,
    };
    Ok(EntraSet {
        domain: args.domain,
        tenant: args.tenant,
        client_id: args.client_id,
        client_secret,
        authority: args.authority,
        scope: args.scope,
        ca_pem: ca_pem.transpose()?,
        proxy: args.proxy,
        prefixes,
        default: args.default,
        allow_without_mfa: args.allow_without_mfa,
        allow_unregistered: args.allow_unregistered,
        allow_external: args.allow_external,
        overrides,
        budget: args.budget,
        enable: args.enable,
    })
}

fn parse_override(text: &str) -> Result<(u32, Option<Override>), Failure> {
    let bad = || {
        Failure::usage(format!(
            "--override {} is not CODE=VERDICT with a verdict of continue, refuse, configuration, unavailable or default",
            shown(text)
        ))
    };
    let (code, verdict) = text.split_once('=').ok_or_else(bad)?;
    let digits = code.strip_prefix("AADSTS").unwrap_or(code);
    let code = digits
        .parse()
        .ok()
        .filter(|_| digits.bytes().all(|b| b.is_ascii_digit()))
        .ok_or_else(bad)?;
    let verdict = match verdict {
        "continue" => Some(Override::Continue),
        "refuse" => Some(Override::Refuse),
        "configuration" => Some(Override::Configuration),
        "unavailable" => Some(Override::Unavailable),
        "default" => None,
        _ => return Err(bad()),
    };
    Ok((code, verdict))
}

fn log(args: LogArgs, now: Timestamp, zone: &TimeZone) -> Result<Log, Failure> {
    let since = args
        .since
        .map(|text| parse_since(&text, now, zone).map_err(Failure::usage))
        .transpose()?;
    let limit = match (args.limit, since) {
        (Some(limit), _) => Some(limit),
        (None, None) if args.follow => Some(LOG_DEFAULT_FOLLOW),
        (None, None) => Some(LOG_DEFAULT),
        (None, Some(_)) => None,
    };
    Ok(Log {
        filter: LogFilter {
            user: args.user.map(named).transpose()?,
            client: args.client,
            since,
        },
        limit,
        follow: args.follow,
    })
}
