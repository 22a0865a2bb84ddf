//! The machine's commands: `network`, `host`, `stick`, `update`, and what of `time` sets something. In: what is typed, and how the
//! machine is set now where only a part of it is to change; out: requests. What can be a network is looked at by postern-host, who knows
//! the interfaces.

use std::net::IpAddr;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use jiff::tz::TimeZone;

use super::Asker;
use super::deliver::unexpected;
use super::input::Input;
use super::plan::Plan;
use crate::control::{
    Answer, Failure, HostAddress, HostAnswer, HostReport, HostRequest, Link, NetworkSettings, Request, Timestamp,
    UpdateSource,
};
use crate::text::shown;

/// Most bytes of a file of public keys.
const KEYS_MAX: usize = 64 * 1024;

/// `network ...`
#[derive(Debug, Subcommand)]
pub enum NetworkCommand {
    /// Interfaces, gateways, name servers
    Show,
    /// Change one interface or VLAN, or the name servers; on trial for 60 s, until `postern network confirm`
    Set(Box<NetworkArgs>),
    /// The network on trial stays
    Confirm,
    /// The network before the trial, at once
    Revert,
}

/// `network set ...`
#[derive(Debug, PartialEq, Eq, Args)]
#[command(group = clap::ArgGroup::new("how"))]
pub struct NetworkArgs {
    /// Which wired interface, as `postern host show` names it
    #[arg(required_unless_present = "dns", requires = "how")]
    pub interface: Option<String>,
    /// Its VLAN with this number (IEEE 802.1Q)
    #[arg(long, value_name = "N", requires = "interface")]
    pub vlan: Option<u16>,
    /// Addresses by DHCP, IPv6 by router advertisements
    #[arg(long, group = "how", requires = "interface")]
    pub dhcp: bool,
    /// An address of its own; may be given several times
    #[arg(long, value_name = "ADDRESS/LEN", value_parser = address, group = "how", requires = "interface")]
    pub address: Vec<HostAddress>,
    /// Default gateway; one of IPv4 and one of IPv6
    #[arg(long, value_name = "ADDRESS", requires = "address")]
    pub gateway: Vec<IpAddr>,
    /// No address
    #[arg(long, group = "how", requires = "interface")]
    pub off: bool,
    /// Forget what was set: a VLAN goes, an interface does DHCP
    #[arg(long, group = "how", requires = "interface")]
    pub forget: bool,
    /// Name server; may be given several times, '' for those that DHCP gives
    #[arg(long, value_name = "ADDRESS")]
    pub dns: Vec<String>,
}

/// `host ...`
#[derive(Debug, Subcommand)]
pub enum HostCommand {
    /// How the machine is set, and what is wrong with it
    Show,
    /// The host's name
    Name {
        /// Letters, digits, hyphens
        name: String,
    },
    /// SSH into the console, by public keys only
    #[command(group = clap::ArgGroup::new("which").required(true))]
    Ssh {
        /// File with the public keys of all who may come in, one a line, - for standard input
        #[arg(long, value_name = "FILE|-", group = "which")]
        keys: Option<PathBuf>,
        /// Nobody may come in
        #[arg(long, group = "which")]
        off: bool,
    },
    /// Restart the box
    Reboot,
    /// Switch the box off
    PowerOff,
    /// Delete everything on the box and begin anew
    FactoryReset {
        /// You mean it: users, tokens, settings and the log go
        #[arg(long, required = true)]
        delete_everything: bool,
    },
    /// Make the stick that recovery and factory reset want at the boot menu
    RecoveryStick {
        /// Which, as `postern stick list` names it
        stick: String,
    },
}

/// `stick ...`
#[derive(Debug, Subcommand)]
pub enum StickCommand {
    /// Those that are plugged in
    List,
    /// Make one's files reachable for the console
    Mount {
        /// Which, as `postern stick list` names it
        stick: String,
    },
    /// Write out and let go, so that it can be pulled
    Release,
}

/// `update ...`
#[derive(Debug, Subcommand)]
pub enum UpdateCommand {
    /// How updates stand
    Show,
    /// Copy an update from the mounted stick, or from a web server, and verify it
    Fetch {
        /// Folder of the release's files [default: the mounted stick]
        url: Option<String>,
    },
    /// Write the verified update and restart into it, on trial
    Apply,
    /// Forget what was fetched
    Drop,
}

/// `time servers ...`
#[derive(Debug, PartialEq, Eq, Args)]
#[command(group = clap::ArgGroup::new("what").required(true).multiple(true))]
pub struct ServersArgs {
    /// Names or addresses; they take the place of all others
    #[arg(group = "what")]
    pub servers: Vec<String>,
    /// Those that came with the image
    #[arg(long, group = "what", conflicts_with = "servers")]
    pub default: bool,
    /// Time zone, as in the tz database: Europe/Vienna
    #[arg(long, value_name = "ZONE", group = "what")]
    pub zone: Option<String>,
}

/// A change that keeps what it does not name.
#[derive(Debug, PartialEq, Eq)]
pub enum Change {
    /// Of the network.
    Network(Box<NetworkArgs>, Option<Vec<IpAddr>>),
    /// Of time servers and zone.
    Servers(ServersArgs),
}

/// An address of a host.
fn address(text: &str) -> Result<HostAddress, String> {
    let wrong = || format!("{} is not ADDRESS/LENGTH, such as 192.0.2.10/24", shown(text));
    let (address, length) = text.split_once('/').ok_or_else(wrong)?;
    Ok(HostAddress {
        address: address.parse().map_err(|_| wrong())?,
        length: length.parse().map_err(|_| wrong())?,
    })
}

fn asked(request: HostRequest) -> Plan {
    Plan::Ask(Request::Host(request))
}

/// What `network ...` comes to.
///
/// # Errors
/// Wrong usage.
pub fn network(command: NetworkCommand) -> Result<Plan, Failure> {
    Ok(match command {
        NetworkCommand::Show => Plan::Ask(Request::Network),
        NetworkCommand::Confirm => asked(HostRequest::NetworkConfirm),
        NetworkCommand::Revert => asked(HostRequest::NetworkRevert),
        NetworkCommand::Set(args) => {
            let dns = match args.dns.as_slice() {
                [] => None,
                [none] if none.is_empty() => Some(Vec::new()),
                some => {
                    let parsed = some.iter().map(|text| {
                        let wrong = || format!("{} is no address of a name server", shown(text));
                        text.parse().map_err(|_| Failure::usage(wrong()))
                    });
                    Some(parsed.collect::<Result<_, _>>()?)
                }
            };
            Plan::Machine(Change::Network(args, dns))
        }
    })
}

/// What `host ...` comes to.
///
/// # Errors
/// A file of keys that cannot be read.
pub fn host(command: HostCommand, input: &mut dyn Input) -> Result<Plan, Failure> {
    Ok(asked(match command {
        HostCommand::Show => HostRequest::Show,
        HostCommand::Name { name } => HostRequest::NameSet { name },
        HostCommand::Ssh { keys: None, .. } => HostRequest::SshSet { keys: Vec::new() },
        HostCommand::Ssh { keys: Some(path), .. } => {
            let bytes = input.file(&path, KEYS_MAX)?;
            let text = String::from_utf8_lossy(&bytes);
            let lines = text.lines().map(str::trim);
            let keys: Vec<String> = lines
                .filter(|line| !line.is_empty() && !line.starts_with('#'))
                .map(str::to_owned)
                .collect();
            if keys.is_empty() {
                return Err(Failure::usage(format!(
                    "{} holds no public key: to switch SSH off say --off",
                    shown(&path.to_string_lossy())
                )));
            }
            HostRequest::SshSet { keys }
        }
        HostCommand::Reboot => HostRequest::Reboot,
        HostCommand::PowerOff => HostRequest::PowerOff,
        HostCommand::FactoryReset { .. } => HostRequest::FactoryReset,
        HostCommand::RecoveryStick { stick } => HostRequest::RecoveryPrepare { id: stick },
    }))
}

/// What `stick ...` comes to.
pub fn stick(command: StickCommand) -> Plan {
    asked(match command {
        StickCommand::List => HostRequest::Sticks,
        StickCommand::Mount { stick } => HostRequest::StickMount { id: stick },
        StickCommand::Release => HostRequest::StickRelease,
    })
}

/// What `update ...` comes to.
pub fn update(command: UpdateCommand) -> Plan {
    asked(match command {
        UpdateCommand::Show => HostRequest::UpdateShow,
        UpdateCommand::Fetch { url: None } => HostRequest::UpdateFetch(UpdateSource::Stick),
        UpdateCommand::Fetch { url: Some(url) } => HostRequest::UpdateFetch(UpdateSource::Url { url }),
        UpdateCommand::Apply => HostRequest::UpdateApply,
        UpdateCommand::Drop => HostRequest::UpdateDrop,
    })
}

/// What `time set` comes to.
///
/// # Errors
/// Not a time.
pub fn clock(text: &str, zone: &TimeZone) -> Result<Request, Failure> {
    let local = || {
        let civil: jiff::civil::DateTime = text.parse().ok()?;
        let zoned = civil.to_zoned(zone.clone()).ok()?;
        Some(zoned.timestamp())
    };
    let at = text.parse::<jiff::Timestamp>().ok().or_else(local);
    let at = at.and_then(|at| u64::try_from(at.as_millisecond()).ok());
    let at = at.ok_or_else(|| {
        Failure::usage(format!(
            "{} is no time: write it as 2026-11-22T17:40:30, or 2026-11-22T16:40:30Z",
            shown(text)
        ))
    })?;
    Ok(Request::Host(HostRequest::ClockSet { at: Timestamp(at) }))
}

/// What `time servers` comes to.
///
/// # Errors
/// There is none.
pub fn servers(args: ServersArgs) -> Result<Plan, Failure> {
    Ok(Plan::Machine(Change::Servers(args)))
}

/// The request for a change: what it does not name stays as it is now.
///
/// # Errors
/// What posternd says.
pub fn changed(asker: &mut dyn Asker, change: Change) -> Result<Request, Failure> {
    let show = Request::Host(HostRequest::Show);
    let Answer::Host(HostAnswer::Report(now)) = asker.ask(&show)? else {
        return Err(unexpected(&show));
    };
    Ok(Request::Host(match change {
        Change::Network(args, dns) => HostRequest::NetworkSet(new_network(*now, *args, dns)),
        Change::Servers(args) => HostRequest::TimeSet {
            zone: args.zone.unwrap_or(now.zone),
            servers: match args.default || !args.servers.is_empty() {
                true => args.servers,
                false => now.servers,
            },
        },
    }))
}

fn new_network(now: HostReport, args: NetworkArgs, dns: Option<Vec<IpAddr>>) -> NetworkSettings {
    let mut network = now.network;
    if let Some(interface) = args.interface {
        let new = Link {
            interface,
            vlan: args.vlan,
            dhcp: args.dhcp,
            addresses: args.address,
            gateways: args.gateway,
        };
        let same = |link: &Link| link.interface == new.interface && link.vlan == new.vlan;
        match network.links.iter_mut().find(|link| same(link)) {
            _ if args.forget => network.links.retain(|link| !same(link)),
            Some(link) => *link = new,
            None => network.links.push(new),
        }
    }
    if let Some(dns) = dns {
        network.dns = dns;
    }
    network
}
