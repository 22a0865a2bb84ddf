//! What may be asked of the machine, and what is answered. Operators reach it through posternd ([`crate::control::Request::Host`]),
//! which checks their rights and puts it on record; posternd's own wishes are in [`Ask`]. Every list and text has a bound; what is out
//! of bounds is refused before anything is done.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::secret::Secret;
use crate::store::records::{Net, Role, Timestamp};

/// Where postern-host listens, for posternd alone.
pub const HOST_SOCKET: &str = "/run/postern-host/host.sock";
/// What keeps the box from working, as a JSON list of [`Trouble`]: anybody may read it, since the console says it even where posternd
/// does not run.
pub const TROUBLE_FILE: &str = "/run/postern-host/trouble.json";
/// The same beside the control socket, where posternd could not start: one [`Trouble`], written by posternd itself.
pub const START_TROUBLE: &str = "trouble.json";
/// Where a stick is mounted, read and written by the console.
pub const STICK_DIR: &str = "/run/postern-host/stick";
/// A network change that nobody confirms is taken back after this many seconds.
pub const REVERT_SECONDS: u32 = 60;

/// What posternd sends over `host.sock`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Ask {
    /// What an operator asks; their right was checked and it is on record.
    Operator(HostRequest),
    /// Who may send RADIUS, from now on; sent at every start and change of clients.
    Firewall(Firewall),
}

/// What the firewall lets in.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Firewall {
    /// UDP ports of authentication and accounting that are listened on.
    pub ports: Vec<u16>,
    /// The clients' addresses.
    pub clients: Vec<Net>,
}

/// What an operator may ask of the machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum HostRequest {
    /// How the machine is set. Answer: [`HostAnswer::Report`].
    Show,
    /// New addresses, name servers and gateways, on trial for [`REVERT_SECONDS`]. Answer: [`HostAnswer::Report`].
    NetworkSet(NetworkSettings),
    /// The new network stays. Answer: [`HostAnswer::Report`].
    NetworkConfirm,
    /// The network before the trial, at once. Answer: [`HostAnswer::Report`].
    NetworkRevert,
    /// The host's name (RFC 1123 2.1). Answer: [`HostAnswer::Report`].
    NameSet {
        /// One label or several, 64 bytes at most.
        name: String,
    },
    /// Time zone and time servers. Answer: [`HostAnswer::Report`].
    TimeSet {
        /// As in the tz database: `Europe/Vienna`.
        zone: String,
        /// Names or addresses; none: those the image has.
        servers: Vec<String>,
    },
    /// Sets the clock by hand, where there is no time server. Answer: [`HostAnswer::Report`].
    ClockSet {
        /// The time now.
        at: Timestamp,
    },
    /// SSH into the console with these public keys; none: off. Answer: [`HostAnswer::Report`].
    SshSet {
        /// Lines of an authorized_keys file without options; a fingerprint of [`HostReport::ssh`] (`SHA256:...`) keeps that key.
        keys: Vec<String>,
    },
    /// Answer: [`HostAnswer::Done`].
    Reboot,
    /// Answer: [`HostAnswer::Done`].
    PowerOff,
    /// Empties the box and starts it anew; who may ask for it is checked as for an export (R25). Answer: [`HostAnswer::Done`].
    FactoryReset {
        /// The installer whose password it is; at the console the one who is logged in. Root at `control.sock` needs neither.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        operator: Option<String>,
        /// That installer's password: posternd checks it and passes it on to nobody.
        #[serde(
            default,
            with = "crate::control::wire::bytes::option",
            skip_serializing_if = "Option::is_none"
        )]
        password: Option<Secret>,
    },
    /// USB sticks that are plugged in. Answer: [`HostAnswer::Sticks`].
    Sticks,
    /// Mounts a stick under [`STICK_DIR`]. Answer: [`HostAnswer::Sticks`].
    StickMount {
        /// [`Stick::id`].
        id: String,
    },
    /// Writes out and unmounts. Answer: [`HostAnswer::Sticks`].
    StickRelease,
    /// Makes the stick that recovery and factory reset by boot entry want; a stick that was prepared before is one no more.
    /// Answer: [`HostAnswer::Sticks`].
    RecoveryPrepare {
        /// [`Stick::id`].
        id: String,
    },
    /// How updates stand. Answer: [`HostAnswer::Update`].
    UpdateShow,
    /// Copies an update from a stick or an URL and verifies it, in the background. Answer: [`HostAnswer::Update`].
    UpdateFetch(UpdateSource),
    /// Writes the verified update into the other slot and restarts the box into it, on trial. Answer: [`HostAnswer::Update`].
    UpdateApply,
    /// Forgets what was fetched. Answer: [`HostAnswer::Update`].
    UpdateDrop,
}

impl HostRequest {
    /// The operation's word in the audit log, as on the command line.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Show => "host show",
            Self::NetworkSet(_) => "network set",
            Self::NetworkConfirm => "network confirm",
            Self::NetworkRevert => "network revert",
            Self::NameSet { .. } => "host name",
            Self::TimeSet { .. } => "time servers",
            Self::ClockSet { .. } => "time set",
            Self::SshSet { .. } => "host ssh",
            Self::Reboot => "host reboot",
            Self::PowerOff => "host power-off",
            Self::FactoryReset { .. } => "host factory-reset",
            Self::Sticks => "stick list",
            Self::StickMount { .. } => "stick mount",
            Self::StickRelease => "stick release",
            Self::RecoveryPrepare { .. } => "recovery prepare",
            Self::UpdateShow => "update show",
            Self::UpdateFetch(_) => "update fetch",
            Self::UpdateApply => "update apply",
            Self::UpdateDrop => "update drop",
        }
    }

    /// What it is done to, for the audit log; empty where there is nothing to name.
    pub fn target(&self) -> &str {
        match self {
            Self::NameSet { name } => name,
            Self::TimeSet { zone, .. } => zone,
            Self::StickMount { id } | Self::RecoveryPrepare { id } => id,
            Self::FactoryReset {
                operator: Some(name), ..
            } => name,
            Self::UpdateFetch(UpdateSource::Url { url }) => url,
            _ => "",
        }
    }

    /// The least role that may ask for it. A stick carries token files and label sheets of the helpdesk too.
    pub fn needs(&self) -> Role {
        match self {
            Self::Show | Self::UpdateShow => Role::Auditor,
            Self::Sticks | Self::StickMount { .. } | Self::StickRelease => Role::Helpdesk,
            _ => Role::Installer,
        }
    }
}

/// What postern-host answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HostAnswer {
    /// How the machine is set.
    Report(Box<HostReport>),
    /// The sticks.
    Sticks(StickList),
    /// How updates stand.
    Update(UpdateReport),
    /// One line of what was done, without a full stop.
    Done {
        /// Plain words.
        done: String,
    },
}

/// How the machine is set.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub struct HostReport {
    /// The host's name.
    pub name: String,
    /// The version of the image that runs.
    pub version: String,
    /// The network as it is set (on trial: the new one).
    pub network: NetworkSettings,
    /// Seconds until an unconfirmed change is taken back.
    pub reverts_in: Option<u32>,
    /// Wired interfaces that are there, by name.
    pub interfaces: Vec<String>,
    /// As in the tz database.
    pub zone: String,
    /// Time servers that were set; none: the image's.
    pub servers: Vec<String>,
    /// SHA-256 fingerprints and comments of the SSH keys; none: SSH is off.
    pub ssh: Vec<String>,
    /// Where the box's secrets are sealed.
    pub seal: Seal,
    /// A stick was prepared for recovery.
    pub recovery: bool,
    /// What is wrong with the machine.
    pub troubles: Vec<Trouble>,
}

/// Where the box's secrets are sealed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Seal {
    /// By a key in the TPM: the disk alone tells nothing.
    Tpm,
    /// By a key that lies on the same disk: who has the disk has the secrets.
    #[default]
    Machine,
}

/// The network as a whole.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct NetworkSettings {
    /// One entry for each interface or VLAN that is not left to DHCP; an Ethernet interface without an entry does DHCP.
    pub links: Vec<Link>,
    /// Name servers; none: those DHCP gives.
    pub dns: Vec<IpAddr>,
}

/// One interface, or one VLAN on it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Link {
    /// The wired interface's name, as the kernel gives it.
    pub interface: String,
    /// IEEE 802.1Q number, 1 to 4094; none: untagged.
    pub vlan: Option<u16>,
    /// DHCP for IPv4, and IPv6 by router advertisements.
    pub dhcp: bool,
    /// `ADDRESS/LENGTH` each, with the host's own bits.
    pub addresses: Vec<HostAddress>,
    /// Default gateways, one of each family at most.
    pub gateways: Vec<IpAddr>,
}

/// An address of the host with the length of its network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct HostAddress {
    /// The address.
    pub address: IpAddr,
    /// Bits of the network.
    pub length: u8,
}

/// Sticks that are there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub struct StickList {
    /// Those with a file system that can be mounted.
    pub sticks: Vec<Stick>,
    /// [`Stick::id`] of the one that is mounted under [`STICK_DIR`].
    pub mounted: Option<String>,
}

/// A USB stick, or a partition of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Stick {
    /// What names it: the kernel's name of the block device, `sda1`.
    pub id: String,
    /// Label, or maker and model.
    pub name: String,
    /// `vfat`, `exfat` or `ext4`.
    pub system: String,
    /// Bytes.
    pub size: u64,
    /// The stick that recovery wants.
    pub recovery: bool,
}

/// Where an update comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum UpdateSource {
    /// The stick that is mounted: the newest release that lies on it.
    Stick,
    /// A folder on a web server that holds the release's files.
    Url {
        /// `https://` (or `http://`: the signature is what counts).
        url: String,
    },
}

/// How updates stand.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub struct UpdateReport {
    /// The version that runs.
    pub running: String,
    /// It runs on trial: not yet kept.
    pub trial: bool,
    /// The version in the other slot, where there is one.
    pub other: Option<String>,
    /// What is under way or ready.
    pub stage: UpdateStage,
    /// How the last update ended, in plain words.
    pub last: Option<String>,
}

/// What is under way.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum UpdateStage {
    /// Nothing.
    #[default]
    Idle,
    /// Copies and verifies.
    Fetching {
        /// 0 to 100.
        percent: u8,
    },
    /// Verified and ready to be written.
    Ready {
        /// Its version.
        version: String,
        /// What is new in it, by its own words: lines of shown text.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        notes: Vec<String>,
    },
    /// Writes it into the other slot.
    Writing,
    /// It failed.
    Failed {
        /// Why, and what to do.
        why: String,
    },
}

/// Something that keeps the box from working.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Trouble {
    /// A word for tests and scripts: `var-lost`, `var-read-only`, `key-lost`, `update-failed`.
    pub code: String,
    /// What is wrong, one line.
    pub what: String,
    /// What to do, one line.
    pub todo: String,
}
