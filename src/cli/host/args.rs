//! `network`, `host`, `time`, `stick`, `recovery` and `update` as they are typed.

use std::net::IpAddr;
use std::path::PathBuf;

use clap::{Args, Subcommand};

/// `network ...`
#[derive(Debug, Subcommand)]
pub enum NetworkCommand {
    /// Interfaces, gateways, name servers as they stand, and as they are set
    Show,
    /// Set an interface, or a VLAN on it, as a whole; taken back in 60 s unless it is confirmed
    Set(SetArgs),
    /// Forget the settings of an interface (it does DHCP again), or a VLAN; taken back in 60 s unless it is confirmed
    Remove {
        /// Which, by the kernel's name
        interface: String,
        /// The VLAN on it
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=4094))]
        vlan: Option<u16>,
    },
    /// Name servers of the box, '' for those that DHCP gives; taken back in 60 s unless it is confirmed
    Dns {
        /// By address
        #[arg(required = true, value_name = "IP")]
        servers: Vec<String>,
    },
    /// The changed network stays
    Confirm,
    /// The network before the change, at once
    Revert,
}

/// `network set ...`
#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("how").required(true).args(["dhcp", "addresses"]))]
pub struct SetArgs {
    /// Which, by the kernel's name
    pub interface: String,
    /// DHCP for IPv4, router advertisements for IPv6
    #[arg(long)]
    pub dhcp: bool,
    /// The box's own address; may be given several times, '' for none
    #[arg(long = "address", value_name = "ADDRESS/LEN")]
    pub addresses: Vec<String>,
    /// Default gateway, one for IPv4 and one for IPv6 at most; without it the interface has none
    #[arg(long = "gateway", value_name = "IP", conflicts_with = "dhcp")]
    pub gateways: Vec<IpAddr>,
    /// A VLAN on the interface (IEEE 802.1Q)
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=4094))]
    pub vlan: Option<u16>,
    /// Name server of the box; may be given several times, '' for those that DHCP gives [default: as they are]
    #[arg(long, value_name = "IP")]
    pub dns: Vec<String>,
}

/// `host ...`
#[derive(Debug, Subcommand)]
pub enum HostCommand {
    /// How the machine is set, and what is wrong with it
    Show,
    /// The host's name
    Name {
        /// Letters, digits and dashes, 64 at most
        name: String,
    },
    /// Who may come to the console by SSH
    #[command(group = clap::ArgGroup::new("change").required(true))]
    Ssh {
        /// File with public keys, a line each, - for standard input: these may come in too
        #[arg(long, value_name = "FILE|-", group = "change")]
        add: Option<PathBuf>,
        /// Nobody any more: SSH is off
        #[arg(long, group = "change")]
        clear: bool,
    },
    /// Restart the box: for about a minute no login is answered
    Reboot {
        /// Do not ask whether it is really meant
        #[arg(long)]
        yes: bool,
    },
    /// Switch the box off: no login is answered until somebody presses its button
    PowerOff {
        /// Do not ask whether it is really meant
        #[arg(long)]
        yes: bool,
    },
    /// Delete everything on this box and start as on its first day; asks an installer's password
    FactoryReset {
        /// The installer whose password is given; root needs none
        #[arg(long, value_name = "NAME")]
        operator: Option<String>,
        /// File with that password, - for standard input
        #[arg(long, value_name = "FILE|-", default_value = "-", hide_default_value = true)]
        password_file: PathBuf,
        /// Do not ask for the host's name
        #[arg(long)]
        yes: bool,
    },
}

/// `time ...`
#[derive(Debug, Subcommand)]
pub enum TimeCommand {
    /// What the clock shows and whether it is trusted
    Show,
    /// You have looked: the clock is right
    Confirm,
    /// Time servers and the box's time zone; without anything named it shows them
    Servers {
        /// By name or address, '' for those that the image has [default: as they are]
        #[arg(value_name = "NAME")]
        servers: Vec<String>,
        /// As in the tz database, such as Europe/Vienna [default: as it is]
        #[arg(long)]
        zone: Option<String>,
    },
    /// Set the clock by hand, in the box's time zone
    Set {
        /// '2026-03-02 14:05', or with seconds
        #[arg(value_name = "YYYY-MM-DD HH:MM[:SS]", required = true, num_args = 1..=2)]
        at: Vec<String>,
    },
}

/// `stick ...`
#[derive(Debug, Subcommand)]
pub enum StickCommand {
    /// USB sticks that are plugged in
    List,
    /// Mount a stick, for import, export, backup and update
    Mount {
        /// Which, from `postern stick list`
        id: String,
    },
    /// Write out what is left and unmount: the stick may be pulled out then
    Release,
}

/// `recovery ...`
#[derive(Debug, Subcommand)]
pub enum RecoveryCommand {
    /// Make a stick the one that recovery and factory reset at the boot menu want; one that was made before is none any more
    Prepare {
        /// Which, from `postern stick list`
        id: String,
    },
}

/// `update ...`
#[derive(Debug, Subcommand)]
pub enum UpdateCommand {
    /// The version that runs, the other one, and what is under way
    Show,
    /// Copy an update and verify it; nothing is changed by that
    #[command(group = clap::ArgGroup::new("from").required(true))]
    Fetch {
        /// Folder of the release on a web server
        #[arg(group = "from")]
        url: Option<String>,
        /// From the stick that is mounted: the newest release on it
        #[arg(long, group = "from")]
        stick: bool,
        /// Come back when it is verified, or failed
        #[arg(long)]
        wait: bool,
    },
    /// Write what was verified beside the version that runs, and restart into it on trial
    Apply {
        /// Do not ask whether it is really meant
        #[arg(long)]
        yes: bool,
    },
    /// Forget what was fetched
    Drop,
}
