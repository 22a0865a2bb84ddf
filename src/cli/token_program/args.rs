//! The commands that touch a hardware token, as they are typed.

use std::path::PathBuf;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Subcommand};

use crate::control::Algorithm;
use crate::tokens::program::Kind;

/// `token ...`, the part that needs a reader.
#[derive(Debug, PartialEq, Eq, Subcommand)]
pub enum HardwareCommand {
    /// Write a new seed to a hardware token and give it to a user: shows what lies on the reader, asks, writes, asks for its code
    Program(ProgramArgs),
    /// Set the clock of a user's hardware token and leave its seed alone, where the model allows that
    Clock(ClockArgs),
    /// The readers that are there
    Readers,
    /// A Molto-2 itself: its profiles, its customer key
    #[command(subcommand)]
    Device(DeviceCommand),
}

/// Where the token is.
#[derive(Clone, Debug, PartialEq, Eq, Args)]
pub struct ReaderArgs {
    /// Reader: a serial port, pcsc for the one that pcscd knows, pcsc:NAME with a part of its name (see `postern token readers`)
    #[arg(long, value_name = "PATH|pcsc[:NAME]")]
    pub device: String,
    /// What lies on it [default: molto2 where the reader is called so, else single]
    #[arg(long, value_name = "single|molto2", value_parser = kind())]
    pub kind: Option<Kind>,
}

/// `token program ...`
#[derive(Debug, PartialEq, Eq, Args)]
#[command(group = clap::ArgGroup::new("whom").required(true))]
#[command(group = clap::ArgGroup::new("where").required(true))]
pub struct ProgramArgs {
    /// Whose it becomes
    #[arg(group = "whom")]
    pub user: Option<String>,
    /// One token after another for the users of this file, one name a line
    #[arg(long, value_name = "FILE", group = "whom", conflicts_with = "resume")]
    pub users: Option<PathBuf>,
    /// Reader: a serial port, pcsc for the one that pcscd knows, pcsc:NAME with a part of its name (see `postern token readers`)
    #[arg(long, value_name = "PATH|pcsc[:NAME]", group = "where")]
    pub device: Option<String>,
    /// Ask only for the code of a token that was written before
    #[arg(long, group = "where", requires = "user")]
    pub resume: bool,
    /// What lies on the reader [default: molto2 where the reader is called so, else single]
    #[arg(long, value_name = "single|molto2", value_parser = kind())]
    pub kind: Option<Kind>,
    /// Profile of a Molto-2 [default: the first that is empty]
    #[arg(long, value_name = "N")]
    pub profile: Option<u8>,
    /// Hash of the codes
    #[arg(long, default_value = "sha1", value_parser = algorithm())]
    pub algorithm: Algorithm,
    /// Digits of a code; 8 on a Molto-2 only
    #[arg(long, default_value = "6", value_parser = PossibleValuesParser::new(["6", "8"]).map(number))]
    pub digits: u8,
    /// Seconds a code lasts
    #[arg(long, default_value = "30", value_parser = PossibleValuesParser::new(["30", "60"]).map(number))]
    pub period: u8,
    /// What the token holds now, and whoever has it, may go
    #[arg(long)]
    pub replace: bool,
    /// Write without asking first
    #[arg(long)]
    pub yes: bool,
    /// How many seconds to wait for a token on the reader
    #[arg(long, value_name = "SECONDS", default_value_t = 120, value_parser = clap::value_parser!(u32).range(..=3600))]
    pub wait: u32,
}

/// `token clock ...`
#[derive(Debug, PartialEq, Eq, Args)]
pub struct ClockArgs {
    /// Whose
    pub user: String,
    /// Its number, from `postern token list`
    pub id: u64,
    /// The reader.
    #[command(flatten)]
    pub reader: ReaderArgs,
    /// File with the customer key of a Molto-2, - for standard input [default: the maker's key]
    #[arg(long, value_name = "FILE|-")]
    pub key_file: Option<PathBuf>,
}

/// `token device ...`
#[derive(Debug, PartialEq, Eq, Subcommand)]
pub enum DeviceCommand {
    /// Model, serial number, clock and profiles of what lies on the reader
    Show {
        /// The reader.
        #[command(flatten)]
        reader: ReaderArgs,
    },
    /// Give a profile another title
    Title {
        /// Its new title, 12 bytes at most
        title: String,
        /// Which
        #[arg(long, value_name = "N")]
        profile: u8,
        /// The reader.
        #[command(flatten)]
        reader: ReaderArgs,
        /// File with the customer key, - for standard input [default: the maker's key]
        #[arg(long, value_name = "FILE|-")]
        key_file: Option<PathBuf>,
    },
    /// Delete the seed of a profile; asks first
    Delete {
        /// Which
        #[arg(long, value_name = "N")]
        profile: u8,
        /// The reader.
        #[command(flatten)]
        reader: ReaderArgs,
        /// File with the customer key, - for standard input [default: the maker's key]
        #[arg(long, value_name = "FILE|-")]
        key_file: Option<PathBuf>,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
    /// Give the device a customer key of your house, since the maker's is public; its button must be pressed
    Key {
        /// File with the new key
        #[arg(long, value_name = "FILE|-")]
        new_key_file: PathBuf,
        /// File with the key it has now [default: the maker's key]
        #[arg(long, value_name = "FILE|-")]
        key_file: Option<PathBuf>,
        /// The reader.
        #[command(flatten)]
        reader: ReaderArgs,
    },
    /// Empty every profile and bring the maker's key back; asks first, then the button must be pressed
    Reset {
        /// The reader.
        #[command(flatten)]
        reader: ReaderArgs,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
}

fn kind() -> impl TypedValueParser<Value = Kind> {
    PossibleValuesParser::new(["single", "molto2"]).map(|word| match word.as_str() {
        "molto2" => Kind::Molto2,
        _ => Kind::Single,
    })
}

/// What hardware tokens know of.
fn algorithm() -> impl TypedValueParser<Value = Algorithm> {
    PossibleValuesParser::new(["sha1", "sha256"]).map(|word| match word.as_str() {
        "sha256" => Algorithm::Sha256,
        _ => Algorithm::Sha1,
    })
}

/// A number that the parser has let through.
#[allow(clippy::needless_pass_by_value)]
fn number(word: String) -> u8 {
    word.parse().unwrap_or_default()
}
