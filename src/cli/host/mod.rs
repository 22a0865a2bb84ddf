//! The machine from the command line: network, name, clock, SSH, power, sticks, updates. In: what was typed, and where a change is one
//! of several settings how they stand; out: requests to posternd, which asks postern-host, and what they answer. What ends logins or
//! deletes anything is asked back unless `--yes` was said.

pub mod args;
mod network;
mod update;

use std::path::{Path, PathBuf};

use jiff::tz::TimeZone;

use super::deliver::{document, unexpected};
use super::input::{Ask, Input};
use super::out::{End, Out};
use super::plan::Plan as Whole;
use super::{Around, Asker, View, show};
use crate::control::check::machine;
use crate::control::{Answer, Failure, HostAnswer, HostReport, HostRequest, Request, UpdateSource, strength};
use crate::secret::Secret;
use crate::text::shown;
use crate::times::shown_with_zone;
use args::{HostCommand, NetworkCommand, RecoveryCommand, StickCommand, TimeCommand, UpdateCommand};

/// Most bytes of a file with public keys.
const KEYS_MAX: usize = 64 * 1024;

/// What a command comes to.
#[derive(Debug, PartialEq, Eq)]
pub enum Plan {
    /// One request, one answer.
    Ask(HostRequest),
    /// The same, when it is really meant.
    Sure {
        /// What is asked then.
        request: HostRequest,
        /// It was said already.
        yes: bool,
    },
    /// `network show`, and changes of some of its settings.
    Network(network::Plan),
    /// These keys beside those that are there.
    SshAdd(Vec<String>),
    /// Time servers, time zone; none: as it is.
    Times {
        /// By name or address.
        servers: Option<Vec<String>>,
        /// As in the tz database.
        zone: Option<String>,
    },
    /// Date and time in the box's zone.
    ClockSet(String, String),
    /// Empties the box.
    Reset {
        /// Whose password it is.
        operator: Option<String>,
        /// Where that is read.
        password_file: PathBuf,
        /// The host's name need not be typed.
        yes: bool,
    },
    /// Copies and verifies an update.
    Fetch {
        /// Where it comes from.
        source: UpdateSource,
        /// Until it is done.
        wait: bool,
    },
    /// Writes it and restarts.
    Apply {
        /// It is meant.
        yes: bool,
    },
}

/// `network ...`
///
/// # Errors
/// One line: wrong usage.
pub fn network(command: NetworkCommand) -> Result<Whole, Failure> {
    network::plan(command)
}

/// `host ...`
///
/// # Errors
/// One line: wrong usage, or keys that cannot be read.
pub fn host(command: HostCommand, input: &mut dyn Input) -> Result<Whole, Failure> {
    Ok(Whole::Host(match command {
        HostCommand::Show => Plan::Ask(HostRequest::Show),
        HostCommand::Name { name } => Plan::Ask(HostRequest::NameSet {
            name: machine::host_name(&name).map_err(Failure::usage)?,
        }),
        HostCommand::Ssh { add: Some(path), .. } => Plan::SshAdd(keys(&path, input)?),
        HostCommand::Ssh { .. } => Plan::Ask(HostRequest::SshSet { keys: Vec::new() }),
        HostCommand::Reboot { yes } => Plan::Sure {
            request: HostRequest::Reboot,
            yes,
        },
        HostCommand::PowerOff { yes } => Plan::Sure {
            request: HostRequest::PowerOff,
            yes,
        },
        HostCommand::FactoryReset {
            operator,
            password_file,
            yes,
        } => {
            if let Some(name) = &operator {
                strength::name(name).map_err(Failure::usage)?;
            }
            Plan::Reset {
                operator,
                password_file,
                yes,
            }
        }
    }))
}

/// `time ...`
///
/// # Errors
/// One line: wrong usage.
pub fn time(command: TimeCommand) -> Result<Whole, Failure> {
    Ok(Whole::Host(match command {
        TimeCommand::Show => return Ok(Whole::Ask(Request::TimeShow)),
        TimeCommand::Confirm => return Ok(Whole::Ask(Request::TimeConfirm)),
        TimeCommand::Servers { servers, zone } => Plan::Times {
            servers: named("a time server", &servers)?
                .map(|text| machine::time_servers(&text).map_err(Failure::usage))
                .transpose()?,
            zone,
        },
        TimeCommand::Set { at } => {
            let at = at.join(" ");
            let (date, time) = at.split_once([' ', 'T']).unwrap_or((&at, ""));
            // The zone is asked for later; what no clock shows is told now.
            machine::clock(date, time, &TimeZone::UTC).map_err(|(_, line)| Failure::usage(line))?;
            Plan::ClockSet(date.to_owned(), time.to_owned())
        }
    }))
}

/// `stick ...`
pub fn stick(command: StickCommand) -> Whole {
    Whole::Host(Plan::Ask(match command {
        StickCommand::List => HostRequest::Sticks,
        StickCommand::Mount { id } => HostRequest::StickMount { id },
        StickCommand::Release => HostRequest::StickRelease,
    }))
}

/// `recovery ...`
pub fn recovery(command: RecoveryCommand) -> Whole {
    let RecoveryCommand::Prepare { id } = command;
    Whole::Host(Plan::Ask(HostRequest::RecoveryPrepare { id }))
}

/// `update ...`
///
/// # Errors
/// One line: wrong usage.
pub fn update(command: UpdateCommand) -> Result<Whole, Failure> {
    Ok(Whole::Host(match command {
        UpdateCommand::Show => Plan::Ask(HostRequest::UpdateShow),
        UpdateCommand::Fetch { url, wait, .. } => Plan::Fetch {
            source: match url {
                None => UpdateSource::Stick,
                Some(url) => UpdateSource::Url {
                    url: machine::update_url(&url).map_err(Failure::usage)?,
                },
            },
            wait,
        },
        UpdateCommand::Apply { yes } => Plan::Apply { yes },
        UpdateCommand::Drop => Plan::Ask(HostRequest::UpdateDrop),
    }))
}

/// Values of a list as one text; none where nothing was typed, an empty one where `''` was.
fn named(what: &str, values: &[String]) -> Result<Option<String>, Failure> {
    match values {
        [] => Ok(None),
        [none] if none.is_empty() => Ok(Some(String::new())),
        some if some.iter().any(String::is_empty) => Err(Failure::usage(format!(
            "'' in the place of {what} stands alone: it takes all of them away"
        ))),
        some => Ok(Some(some.join(" "))),
    }
}

/// The public keys in a file: each line that is not empty and no remark.
fn keys(path: &Path, input: &mut dyn Input) -> Result<Vec<String>, Failure> {
    let bytes = input.file(path, KEYS_MAX)?;
    let name = shown(&path.to_string_lossy());
    let text =
        std::str::from_utf8(&bytes).map_err(|_| Failure::usage(format!("{name} is no text: name a .pub file")))?;
    let lines = text.lines().map(str::trim).enumerate();
    let mut keys = Vec::new();
    for (number, line) in lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#')) {
        let key = machine::ssh_key(line);
        keys.push(key.map_err(|why| Failure::usage(format!("{name}, line {}: {why}", number + 1)))?);
    }
    match keys.is_empty() {
        true => Err(Failure::usage(format!("{name} holds no key: name a .pub file"))),
        false => Ok(keys),
    }
}

/// Asks, and prints what is answered.
///
/// # Errors
/// What posternd says, or standard output.
pub fn carry_out(plan: Plan, path: &Path, around: &mut Around<'_>, out: &mut Out<'_>) -> Result<u8, End> {
    let view = around.view.clone();
    // Nobody is asked for a word before it is known that posternd is there.
    let asker = &mut *(around.connect)(path)?;
    let request = match plan {
        Plan::Ask(request) => request,
        Plan::Sure { request, yes } => {
            let (word, what) = match request {
                HostRequest::PowerOff => (
                    "switch the box off",
                    "no login is answered until somebody presses its button",
                ),
                _ => ("restart the box", "for about a minute no login is answered"),
            };
            meant(yes, "yes", &format!("to {word}: {what}"), around.input, out)?;
            request
        }
        Plan::Network(plan) => return network::carry_out(plan, asker, &view, out),
        Plan::SshAdd(mut new) => {
            let there = report(asker)?.ssh;
            let kept = there.iter().filter_map(|line| line.split(' ').next());
            let mut keys: Vec<String> = kept.map(str::to_owned).collect();
            keys.append(&mut new);
            HostRequest::SshSet { keys }
        }
        Plan::Times {
            servers: None,
            zone: None,
        } => {
            let report = report(asker)?;
            if out.json {
                out.document(&serde_json::json!({ "zone": report.zone, "servers": report.servers }))?;
            }
            return lines(show::times(&report), out);
        }
        Plan::Times { servers, zone } => match (servers, zone) {
            (Some(servers), Some(zone)) => HostRequest::TimeSet { zone, servers },
            (servers, zone) => {
                let now = report(asker)?;
                HostRequest::TimeSet {
                    zone: zone.unwrap_or(now.zone),
                    servers: servers.unwrap_or(now.servers),
                }
            }
        },
        Plan::ClockSet(date, time) => return clock_set(asker, &date, &time, out),
        Plan::Reset {
            operator,
            password_file,
            yes,
        } => reset(asker, operator, &password_file, yes, around.input, out)?,
        Plan::Fetch { source, wait } => return update::fetch(asker, source, wait, &view, out),
        Plan::Apply { yes } => update::apply(asker, yes, around.input, out)?,
    };
    let answer = asked(asker, &request)?;
    print(&request, &answer, &view, out)
}

/// One answer of the machine.
fn asked(asker: &mut dyn Asker, ask: &HostRequest) -> Result<HostAnswer, Failure> {
    let request = Request::Host(ask.clone());
    match asker.ask(&request)? {
        Answer::Host(answer) => Ok(answer),
        _ => Err(unexpected(&request)),
    }
}

/// How the machine is set.
fn report(asker: &mut dyn Asker) -> Result<HostReport, Failure> {
    match asked(asker, &HostRequest::Show)? {
        HostAnswer::Report(report) => Ok(*report),
        _ => Err(unexpected(&Request::Host(HostRequest::Show))),
    }
}

/// Text where text is wanted.
fn lines(lines: Vec<String>, out: &mut Out<'_>) -> Result<u8, End> {
    if !out.json {
        for line in lines {
            out.line(&line)?;
        }
    }
    Ok(0)
}

/// What came of a request. Exit status 1 where an update failed.
fn print(request: &HostRequest, answer: &HostAnswer, view: &View, out: &mut Out<'_>) -> Result<u8, End> {
    if out.json {
        document(&Answer::Host(answer.clone()), out)?;
    }
    lines(show::host_done(request, answer, &view.zone), out)?;
    Ok(update::verdict(request, answer, out))
}

/// Asks back. `word` is what has to be typed.
fn meant(yes: bool, word: &str, what: &str, input: &mut dyn Input, out: &mut Out<'_>) -> Result<(), End> {
    if yes {
        return Ok(());
    }
    if out.json {
        return Err(Failure::usage("with --json it wants --yes: nobody can be asked").into());
    }
    out.note(&format!("Type {word} {what}"));
    let line = input.line()?;
    let line = line.ok_or_else(|| Failure::usage("nobody is there to confirm: say --yes"))?;
    match line.trim() == word {
        true => Ok(()),
        false => Err(Failure::refused(format!("nothing was done: {word} was not typed")).into()),
    }
}

fn clock_set(asker: &mut dyn Asker, date: &str, time: &str, out: &mut Out<'_>) -> Result<u8, End> {
    let name = report(asker)?.zone;
    let zone = match name.as_str() {
        "" | "UTC" => TimeZone::UTC,
        name => TimeZone::get(name).map_err(|_| {
            Failure::failed(format!(
                "the box's time zone {} is not known here: name another one with `postern time servers --zone`",
                shown(name)
            ))
        })?,
    };
    let at = machine::clock(date, time, &zone).map_err(|(_, line)| Failure::usage(line))?;
    let request = HostRequest::ClockSet { at };
    let answer = asked(asker, &request)?;
    if out.json {
        document(&Answer::Host(answer), out)?;
    }
    let said = vec![
        format!("the clock was set to {}", shown_with_zone(at, &zone)),
        "Compare it with a watch (postern time show), and say so: postern time confirm".to_owned(),
    ];
    lines(said, out)
}

/// R25: an installer's password, and the name of the box that is meant.
fn reset(
    asker: &mut dyn Asker,
    operator: Option<String>,
    password_file: &Path,
    yes: bool,
    input: &mut dyn Input,
    out: &mut Out<'_>,
) -> Result<HostRequest, End> {
    let password: Option<Secret> = match operator {
        Some(_) => Some(input.secret(password_file, Ask::Known("password of the installer"))?),
        None => None,
    };
    if !yes {
        let name = report(asker)?.name;
        let what = "to delete everything on it: users, tokens, clients, operators, the log, name and network";
        meant(yes, &shown(&name), what, input, out)?;
    }
    Ok(HostRequest::FactoryReset { operator, password })
}
