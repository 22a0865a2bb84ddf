//! The command line as it is typed (design: command line contract, fixed for good). In: arguments; out: these types. What they
//! mean is in `plan`; what they may not be is in `control::check`.

use std::path::PathBuf;
use std::time::Duration;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Parser, Subcommand, ValueEnum};

use super::host::args::{HostCommand, NetworkCommand, RecoveryCommand, StickCommand, TimeCommand, UpdateCommand};
use super::token_kind::KindArgs;
use crate::control::check::{self, parse_first, parse_net};
use crate::control::{Charset, First, Mode, Net, Order, Unavailable, Unmatched};
use crate::times::parse_duration;

/// Look after a Postern box: who may ask, who may log in, and why somebody could not.
#[derive(Debug, Parser)]
#[command(name = "postern", version, max_term_width = 100, disable_help_subcommand = true)]
#[command(
    after_help = "Exit status: 0 done, 1 refused or failed (one line on standard error says why), 2 wrong usage.\n\
    Environment: POSTERN_CONTROL names the socket where --control does not."
)]
pub struct Cli {
    /// Socket of posternd [default: /run/postern/control.sock]
    #[arg(long, global = true, value_name = "SOCKET")]
    pub control: Option<PathBuf>,
    /// Print one JSON document, errors too
    #[arg(long, global = true)]
    pub json: bool,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The first word.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Health, clock, counters, alarms
    Status,
    /// RADIUS clients: the gateways that may ask
    #[command(subcommand)]
    Client(ClientCommand),
    /// Users
    #[command(subcommand)]
    User(UserCommand),
    /// Tokens of users
    #[command(subcommand)]
    Token(TokenCommand),
    /// Read a token file; users that are missing are made. Exit status 1 if a line was refused; the others are written
    Import(super::import::ImportArgs),
    /// Write the tokens that this box programmed into a new file, for Entra or another server; asks an installer's password
    Export(super::export::ExportArgs),
    /// Write everything of this box into one new file under a passphrase; asks an installer's password
    Backup(super::backup::BackupArgs),
    /// Make this box what a backup holds, in the place of everything in it
    Restore(super::backup::RestoreArgs),
    /// Microsoft Entra ID
    #[command(subcommand)]
    Entra(EntraCommand),
    /// Operators of the console
    #[command(subcommand)]
    Operator(super::operator::OperatorCommand),
    /// How the box stands on the network
    #[command(subcommand)]
    Network(NetworkCommand),
    /// The box as a machine: its name, SSH, restart, factory reset
    #[command(subcommand)]
    Host(HostCommand),
    /// The box's clock
    #[command(subcommand)]
    Time(TimeCommand),
    /// USB sticks
    #[command(subcommand)]
    Stick(StickCommand),
    /// The stick for who has lost the last password
    #[command(subcommand)]
    Recovery(RecoveryCommand),
    /// The box's version, and the next one
    #[command(subcommand)]
    Update(UpdateCommand),
    /// What happened at the door; with --follow --json one document a line
    Log(LogArgs),
    /// The last attempts of a user in plain words, with what to do
    Explain {
        /// Who
        user: String,
    },
    /// Print the completions of a shell
    Completions {
        /// Which
        shell: clap_complete::Shell,
    },
    /// Print the manual page, or write all of them, posternd's and postern-console's too, into a folder
    Man {
        /// An existing folder
        dir: Option<PathBuf>,
    },
}

/// `client ...`
#[derive(Debug, Subcommand)]
pub enum ClientCommand {
    /// Let a gateway ask; without --secret-file a secret is made and shown once
    Add {
        /// Your word for it
        name: String,
        /// Where it asks from
        #[arg(value_name = "ADDRESS[/LEN]", value_parser = parse_net)]
        net: Net,
        /// The settings.
        #[command(flatten)]
        fields: ClientArgs,
    },
    /// All clients
    List,
    /// One client
    Show {
        /// Which
        name: String,
    },
    /// Change a client
    Set {
        /// Which
        name: String,
        /// Its new name
        #[arg(long, value_name = "NAME")]
        rename: Option<String>,
        /// Where it asks from
        #[arg(long = "address", value_name = "ADDRESS[/LEN]", value_parser = parse_net)]
        net: Option<Net>,
        /// The settings.
        #[command(flatten)]
        fields: Box<ClientArgs>,
    },
    /// Remove a client: its requests are dropped from then on
    Remove {
        /// Which
        name: String,
    },
}

/// The settings of a client.
#[derive(Debug, Default, PartialEq, Eq, Args)]
pub struct ClientArgs {
    /// File with the shared secret, - for standard input
    #[arg(long, value_name = "FILE|-")]
    pub secret_file: Option<PathBuf>,
    /// How the code comes [default: append]
    #[arg(long)]
    pub mode: Option<Mode>,
    /// Where the password is checked: entra, local or none [default: entra; none with --mode code-only]
    #[arg(long, value_parser = parse_first)]
    pub first: Option<First>,
    /// Drop requests without Message-Authenticator [default: yes]
    #[arg(long, value_name = "yes|no", value_parser = yes_no())]
    pub require_message_authenticator: Option<bool>,
    /// Which comes first in one field [default: password-code]
    #[arg(long)]
    pub order: Option<Order>,
    /// One character between password and code, '' for none [default: none]
    #[arg(long, value_name = "C")]
    pub delimiter: Option<String>,
    /// Names that are not in the store [default: refuse]
    #[arg(long)]
    pub unmatched_users: Option<Unmatched>,
    /// No Access-Reject leaves earlier [default: 1s]
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    pub reject_delay: Option<Duration>,
    /// The time a directory has [default: 2.5s]
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    pub deadline: Option<Duration>,
    /// While a directory cannot be asked [default: reject]
    #[arg(long)]
    pub unavailable: Option<Unavailable>,
    /// What a user reads when the code is asked for
    #[arg(long, value_name = "TEXT")]
    pub prompt: Option<String>,
    /// How long a challenge stands open [default: 60s]
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    pub challenge_timeout: Option<Duration>,
    /// Character set of names and passwords on the wire [default: utf8]
    #[arg(long)]
    pub charset: Option<Charset>,
    /// Most requests in flight [default: 10000]
    #[arg(long, value_name = "N")]
    pub in_flight: Option<u32>,
}

/// `user ...`
#[derive(Debug, Subcommand)]
pub enum UserCommand {
    /// A new user
    Add {
        /// Name, with its domain where there are several
        name: String,
        /// File with a password of the box's own (the directory is then not asked), - for standard input
        #[arg(long, value_name = "FILE|-")]
        password_file: Option<PathBuf>,
        /// Needs no code
        #[arg(long)]
        exempt: bool,
    },
    /// All users, or those that a search finds
    List {
        /// What the name contains
        #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
        search: String,
        /// How many to leave out
        #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
        offset: u32,
        /// How many to show at most
        #[arg(long, value_name = "N")]
        limit: Option<u32>,
        /// Only enabled users who have no token that counts
        #[arg(long)]
        without_token: bool,
    },
    /// One user: tokens, locks, budget
    Show {
        /// Who
        name: String,
    },
    /// Change a user
    #[command(group = clap::ArgGroup::new("change").required(true).multiple(true))]
    Set {
        /// Who
        name: String,
        /// Needs no code
        #[arg(long, value_name = "yes|no", value_parser = yes_no(), group = "change")]
        exempt: Option<bool>,
        /// File with a password of the box's own, - for standard input
        #[arg(long, value_name = "FILE|-", group = "change", conflicts_with = "no_password")]
        password_file: Option<PathBuf>,
        /// Take the box's own password away: the directory is asked from then on
        #[arg(long, group = "change")]
        no_password: bool,
    },
    /// Refuse a user from now on
    Disable {
        /// Who
        name: String,
    },
    /// Undo a disable
    Enable {
        /// Who
        name: String,
    },
    /// Clear a user's locks and wrong passwords
    Unlock {
        /// Who
        name: String,
    },
    /// Remove a user and all tokens
    Remove {
        /// Who
        name: String,
    },
    /// A one-time code in the place of a token's, shown once
    Bypass {
        /// Who
        name: String,
        /// How long it is good for, 1 to 60
        #[arg(long, default_value_t = crate::control::BYPASS_MINUTES, value_parser = minutes)]
        minutes: u8,
    },
}

/// `token ...`
#[derive(Debug, Subcommand)]
pub enum TokenCommand {
    /// A new token: prints otpauth URI, key in groups, QR code
    Add {
        /// Whose
        user: String,
        /// The key; other users of this machine can read it in the list of processes, so prefer --secret-file
        #[arg(long, value_name = "BASE32", conflicts_with = "secret_file")]
        secret: Option<String>,
        /// File with the key as Base32, - for standard input
        #[arg(long, value_name = "FILE|-")]
        secret_file: Option<PathBuf>,
        /// Time or counter, hash, digits, period.
        #[command(flatten)]
        kind: KindArgs,
        /// QR code [default: half on a terminal with UTF-8, ascii on another one, else none]
        #[arg(long)]
        qr: Option<QrStyle>,
        /// Counts at once; else after `postern token confirm`
        #[arg(long)]
        active: bool,
    },
    /// The first code of a new token: it counts from then on
    Confirm {
        /// Whose
        user: String,
        /// What the token shows
        code: String,
    },
    /// Two codes one after the other: finds a token whose clock or counter is far off
    Resync {
        /// Whose
        user: String,
        /// What the token shows
        #[arg(value_name = "CODE")]
        first: String,
        /// What it shows next
        #[arg(value_name = "NEXT CODE")]
        second: String,
    },
    /// The tokens of a user
    List {
        /// Whose
        user: String,
    },
    /// Hardware tokens whose clocks leave the window within 60 days; or how one token's clock went, login by login
    Drift {
        /// Whose
        #[arg(requires = "id")]
        user: Option<String>,
        /// Its number, from `postern token list`
        id: Option<u64>,
    },
    /// Remove a token
    Remove {
        /// Whose
        user: String,
        /// Its number, from `postern token list`
        id: u64,
    },
    /// By serial number.
    #[command(flatten)]
    Stock(super::stock::StockCommand),
    /// What needs a reader.
    #[command(flatten)]
    Hardware(super::token_program::args::HardwareCommand),
}

/// How a QR code is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum QrStyle {
    /// Half blocks: 41 columns, 21 rows
    Half,
    /// Full blocks: 82 columns, 41 rows
    Full,
    /// As full, by #
    Ascii,
    /// None
    None,
}

/// `entra ...`
#[derive(Debug, Subcommand)]
pub enum EntraCommand {
    /// Make or change a tenant
    Set(Box<EntraArgs>),
    /// Prove a tenant: sends the password (standard input), then a wrong one; the right two answers switch Entra on
    Prove {
        /// Whose password
        user: String,
    },
    /// What the directory answers to one login (password on standard input), and what a login would do
    Test {
        /// Whose password
        user: String,
    },
    /// All tenants, or one
    Show {
        /// Only this one
        domain: Option<String>,
    },
    /// Remove a tenant
    Remove {
        /// Which
        domain: String,
    },
}

/// The settings of a tenant.
#[derive(Debug, Args)]
pub struct EntraArgs {
    /// Domain of its users' names
    #[arg(long)]
    pub domain: String,
    /// Directory (tenant) ID
    #[arg(long, value_name = "ID")]
    pub tenant: Option<String>,
    /// Application (client) ID
    #[arg(long, value_name = "ID")]
    pub client_id: Option<String>,
    /// Scheme and host of the sign-in service; plain http only to a loopback address [default:
    /// https://login.microsoftonline.com]
    #[arg(long, value_name = "URL")]
    pub authority: Option<String>,
    /// OAuth2 scope [default: openid]
    #[arg(long)]
    pub scope: Option<String>,
    /// File with the client secret of a confidential client, - for standard input
    #[arg(long, value_name = "FILE|-")]
    pub client_secret_file: Option<PathBuf>,
    /// A public client again
    #[arg(long, conflicts_with = "client_secret_file")]
    pub no_client_secret: bool,
    /// PEM file of a private authority
    #[arg(long, value_name = "FILE")]
    pub ca_file: Option<PathBuf>,
    /// HTTP proxy, '' for none
    #[arg(long, value_name = "URL")]
    pub proxy: Option<String>,
    /// NetBIOS name (CONTOSO\anna) that means this domain; may be given several times, '' for none
    #[arg(long, value_name = "NAME")]
    pub prefix: Vec<String>,
    /// Names without a domain belong here
    #[arg(long = "default", value_name = "yes|no", value_parser = yes_no())]
    pub default: Option<bool>,
    /// Let users in for whom Entra asks no second factor [default: no]
    #[arg(long, value_name = "yes|no", value_parser = yes_no())]
    pub allow_without_mfa: Option<bool>,
    /// Let users in who must first register a second factor at Entra (50072, 50079) [default: no]
    #[arg(long, value_name = "yes|no", value_parser = yes_no())]
    pub allow_unregistered: Option<bool>,
    /// Let users in whose second factor at Entra is somebody else's (50158) [default: no]
    #[arg(long, value_name = "yes|no", value_parser = yes_no())]
    pub allow_external: Option<bool>,
    /// Another verdict for a code: continue, refuse, configuration, unavailable, default; may be given several times
    #[arg(long = "override", value_name = "CODE=VERDICT")]
    pub overrides: Vec<String>,
    /// Wrong passwords that a user may send there in 24 hours [default: 6, 2 in the US government cloud]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..))]
    pub budget: Option<u8>,
    /// Switch it on unproven; an alarm says so
    #[arg(long)]
    pub enable: bool,
}

/// `log ...`
#[derive(Debug, Args)]
pub struct LogArgs {
    /// Go on with what happens
    #[arg(long)]
    pub follow: bool,
    /// Of this user only
    #[arg(long, value_name = "NAME")]
    pub user: Option<String>,
    /// Of this client only
    #[arg(long, value_name = "NAME")]
    pub client: Option<String>,
    /// Not older than this: 30m, 2h, 7d, today, yesterday, 2026-03-01, 2026-03-01T10:00:00Z
    #[arg(long, value_name = "T")]
    pub since: Option<String>,
    /// The newest N records only [default: 100, with --since all]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=500))]
    pub limit: Option<u32>,
    /// Check that no record was changed or taken out
    #[arg(long, conflicts_with_all = ["follow", "user", "client", "since", "limit"])]
    pub verify: bool,
}

/// `yes` or `no`.
fn yes_no() -> impl TypedValueParser<Value = bool> {
    PossibleValuesParser::new(["yes", "no"]).map(|word| word == "yes")
}

/// Minutes of a bypass code (R18), told as they are meant, whatever the size of the number.
fn minutes(text: &str) -> Result<u8, String> {
    let minutes = text.parse().ok();
    let fits = minutes.filter(|minutes| check::bypass_minutes(*minutes).is_ok());
    fits.ok_or_else(|| "it is 1 to 60".to_owned())
}

/// A number that the parser has let through.
#[allow(clippy::needless_pass_by_value)]
pub(super) fn number(word: String) -> u8 {
    word.parse().unwrap_or_default()
}
