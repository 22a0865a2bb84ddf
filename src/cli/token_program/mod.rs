//! Hardware tokens on the command line: `token program`, `token clock`, `token readers`, `token device`. In: what was typed, what
//! lies on a reader, the operator's answers on standard input; out: what was done, and an exit status. The seed goes from posternd
//! to the token through here and nowhere else: it is never printed, not in `--json` either.
//!
//! - `one` a token for one user, `batch` one after another, `clock` the time alone, `device` a Molto-2 itself
//! - `args` what is typed; `words` what is shown

pub mod args;
mod batch;
mod clock;
mod device;
mod one;
mod words;

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Serialize;
use zeroize::Zeroizing;

use super::deliver::unexpected;
use super::input::{Ask, Input};
use super::out::{End, Out};
use super::{Around, Connect, View};
use crate::control::{Answer, Failure, Request, SerialReport, Timestamp, TokenInfo, TokenList, check};
use crate::secret::Secret;
use crate::tokens::desk::{Placed, Reader};
use crate::tokens::program::{Kind, Unfit, look};
use crate::tokens::{ApduChannel, LinkError, find, pcsc};
use args::{DeviceCommand, HardwareCommand};

/// How often a reader is looked at while nothing lies on it.
const LOOK_AGAIN: Duration = Duration::from_millis(500);
/// Looks in a row at which the reader may fail while a token is waited for: ten seconds.
const BROKEN_MAX: u32 = 20;
/// How often posternd is told that a token is written, where nobody answers: it may be starting again.
const TELLS_MAX: u32 = 10;
/// The pause between two of them.
const TELL_AGAIN: Duration = Duration::from_secs(1);
/// Codes that are asked for before the token is left waiting.
const CODES_MAX: u32 = 3;

/// Readers, what lies on them, and the clock that tokens are set by; the tests have one of their own.
pub trait Hardware {
    /// The readers that are there, and why those of pcscd cannot be told, if so.
    fn readers(&mut self) -> (Vec<Reader>, Option<String>);

    /// The token that lies on a reader.
    ///
    /// # Errors
    /// [`LinkError`].
    fn open(&mut self, device: &str, kind: Option<Kind>) -> Result<(Box<dyn ApduChannel>, Kind), LinkError>;

    /// The box's clock.
    fn now(&self) -> Timestamp;

    /// Waits.
    fn pause(&mut self, time: Duration);
}

/// The real ones.
#[derive(Clone, Copy, Debug, Default)]
pub struct Real;

impl Hardware for Real {
    fn readers(&mut self) -> (Vec<Reader>, Option<String>) {
        let trouble = pcsc::list().err().map(|error| match error {
            LinkError::Reader(words) => words,
            other => other.to_string(),
        });
        (find::readers(&find::Settings::default()), trouble)
    }

    fn open(&mut self, device: &str, kind: Option<Kind>) -> Result<(Box<dyn ApduChannel>, Kind), LinkError> {
        find::open(device, kind)
    }

    fn now(&self) -> Timestamp {
        Timestamp(u64::try_from(jiff::Timestamp::now().as_millisecond()).unwrap_or(0))
    }

    fn pause(&mut self, time: Duration) {
        std::thread::sleep(time);
    }
}

/// A command, understood: what could be refused without touching anything was.
#[derive(Debug, PartialEq, Eq)]
pub struct Plan(HardwareCommand);

/// What the words come to.
///
/// # Errors
/// [`crate::control::FailureKind::Usage`]: they cannot be meant so.
pub fn plan(command: HardwareCommand) -> Result<Plan, Failure> {
    match &command {
        HardwareCommand::Program(args) => {
            if let Some(user) = &args.user {
                check::user_name(user)?;
            }
            if let Some(device) = &args.device {
                check_device(device)?;
            }
            check::programmable(args.profile.or((args.digits != 6).then_some(0)), one::parameters(args))?;
        }
        HardwareCommand::Clock(args) => {
            check::user_name(&args.user)?;
            check_device(&args.reader.device)?;
        }
        HardwareCommand::Device(
            DeviceCommand::Show { reader }
            | DeviceCommand::Title { reader, .. }
            | DeviceCommand::Delete { reader, .. }
            | DeviceCommand::Key { reader, .. }
            | DeviceCommand::Reset { reader, .. },
        ) => check_device(&reader.device)?,
        HardwareCommand::Readers => {}
    }
    Ok(Plan(command))
}

fn check_device(device: &str) -> Result<(), Failure> {
    let chosen = device.parse::<find::Chosen>().map_err(Failure::usage)?;
    if chosen.kind.is_some() {
        return Err(Failure::usage(
            "the kind of token stands in --kind here, not behind the device",
        ));
    }
    Ok(())
}

/// Carries a command out.
pub fn carry_out(plan: Plan, path: PathBuf, around: &mut Around<'_>, out: &mut Out<'_>) -> Result<u8, End> {
    let mut bench = Bench {
        connect: &mut *around.connect,
        path,
        input: &mut *around.input,
        hardware: &mut *around.hardware,
        view: around.view.clone(),
        out,
    };
    match plan.0 {
        HardwareCommand::Readers => bench.readers(),
        HardwareCommand::Program(args) => match &args.users {
            Some(file) => {
                let names = batch::names(bench.input, file)?;
                batch::program(&mut bench, &args, names)
            }
            None if args.resume => one::resume(&mut bench, &args),
            None => one::program(&mut bench, &args),
        },
        HardwareCommand::Clock(args) => clock::set(&mut bench, &args),
        HardwareCommand::Device(command) => device::manage(&mut bench, command),
    }
}

/// What a token is waited for with.
#[derive(Clone, Copy)]
struct Waiting<'a> {
    device: &'a str,
    kind: Option<Kind>,
    seconds: u32,
    /// Something else that lies there is told and waited out; else it ends the command.
    patient: bool,
}

/// Where an operator sits: everything that a command needs.
struct Bench<'a, 'c, 'o> {
    connect: &'a mut Connect<'c>,
    path: PathBuf,
    input: &'a mut dyn Input,
    hardware: &'a mut dyn Hardware,
    view: View,
    out: &'a mut Out<'o>,
}

impl Bench<'_, '_, '_> {
    /// Asks posternd, on a connection of its own: between two questions an operator may take longer than a connection lasts.
    fn ask(&mut self, request: &Request) -> Result<Answer, Failure> {
        (self.connect)(&self.path)?.ask(request)
    }

    /// The user is there.
    fn known(&mut self, user: &str) -> Result<(), Failure> {
        let request = Request::UserShow { name: user.to_owned() };
        self.ask(&request).map(drop)
    }

    /// What the box knows of a serial number.
    fn serial(&mut self, serial: &str) -> Result<SerialReport, Failure> {
        let request = Request::SerialShow {
            serial: serial.to_owned(),
        };
        match self.ask(&request)? {
            Answer::Serial(report) => Ok(report),
            _ => Err(unexpected(&request)),
        }
    }

    /// The tokens of a user.
    fn tokens(&mut self, user: &str) -> Result<Vec<TokenInfo>, Failure> {
        let request = Request::TokenList { user: user.to_owned() };
        match self.ask(&request)? {
            Answer::Tokens(TokenList { tokens }) => Ok(tokens),
            _ => Err(unexpected(&request)),
        }
    }

    /// A line for whoever sits there: no part of the answer. With `--json` only a terminal gets it.
    fn say(&mut self, text: &str) {
        if !self.out.json || self.view.progress {
            self.out.aside(&format!("{text}\n"));
        }
    }

    /// A question and the line that is typed; none at the end of standard input.
    fn question(&mut self, text: &str) -> Result<Option<Zeroizing<String>>, Failure> {
        // What was printed before must be seen before somebody answers.
        let _ = self.out.flush();
        if self.view.progress {
            self.out.aside(&format!("{text} "));
        } else {
            self.say(text);
        }
        self.input.line()
    }

    /// What lies on a reader now.
    fn look(&mut self, device: &str, kind: Option<Kind>) -> Result<(Placed, Kind), Unfit> {
        let (mut channel, kind) = self.hardware.open(device, kind)?;
        let now = self.hardware.now();
        look(&mut *channel, kind, device, now).map(|placed| (placed, kind))
    }

    /// Waits for a token; `passed` says in words why one is not the one that is waited for.
    fn placed(
        &mut self,
        wait: Waiting<'_>,
        passed: &mut dyn FnMut(&Placed) -> Option<String>,
    ) -> Result<(Placed, Kind), Failure> {
        let looks = u64::from(wait.seconds) * 1000 / u64::try_from(LOOK_AGAIN.as_millis()).unwrap_or(1);
        let mut said = String::new();
        let mut broken = 0;
        for left in (0..=looks).rev() {
            let looked = self.look(wait.device, wait.kind);
            broken = match looked {
                Err(Unfit::Link(LinkError::Reader(_))) => broken + 1,
                _ => 0,
            };
            let words = match looked {
                Ok((placed, kind)) => match passed(&placed) {
                    None => return Ok((placed, kind)),
                    Some(words) => words,
                },
                Err(Unfit::Link(LinkError::TokenGone)) => {
                    "no token lies on the reader: place it there, switched on".to_owned()
                }
                Err(Unfit::Link(LinkError::Silent)) => {
                    "what lies on the reader does not answer: switch the token on and place it again".to_owned()
                }
                Err(Unfit::Link(LinkError::ReaderGone)) => "the reader is not there: plug it in".to_owned(),
                Err(Unfit::Link(LinkError::Unfit(words)) | Unfit::Card(words)) if wait.patient => words,
                Err(Unfit::Link(LinkError::Unfit(words)) | Unfit::Card(words)) => return Err(Failure::refused(words)),
                // In the middle of the waiting pcscd may be starting again.
                Err(Unfit::Link(LinkError::Reader(words))) if left < looks && broken <= BROKEN_MAX => words,
                Err(Unfit::Link(LinkError::Reader(words))) => return Err(Failure::failed(words)),
            };
            if left == 0 {
                return Err(Failure::failed(words));
            }
            if words != said {
                self.say(&words);
                said = words;
            }
            self.hardware.pause(LOOK_AGAIN);
        }
        Err(Failure::failed("no token lies on the reader"))
    }

    /// The customer key in a file; none: the maker's.
    fn key(&mut self, file: Option<&Path>) -> Result<Option<Secret>, Failure> {
        let key = file
            .map(|path| self.input.secret(path, Ask::Known("customer key")))
            .transpose()?;
        if let Some(key) = &key {
            check::customer_key(key.expose())?;
        }
        Ok(key)
    }

    /// `token readers`.
    fn readers(&mut self) -> Result<u8, End> {
        #[derive(Serialize)]
        struct Document<'r> {
            readers: &'r [Reader],
            pcscd: Option<&'r str>,
        }
        let (readers, trouble) = self.hardware.readers();
        if self.out.json {
            self.out.document(&Document {
                readers: &readers,
                pcscd: trouble.as_deref(),
            })?;
            return Ok(0);
        }
        for reader in &readers {
            self.out.line(&words::reader(reader))?;
        }
        if readers.is_empty() {
            self.out.line("no reader is there: plug one in")?;
        }
        if let Some(trouble) = trouble {
            self.out.note(&format!("warning: smart card readers: {trouble}"));
        }
        Ok(0)
    }
}
