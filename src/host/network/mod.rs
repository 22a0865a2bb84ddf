//! The network, as an operator sets it. In: settings; out: files of systemd-networkd and systemd-resolved under `/run`, and a word to
//! both to read them. Whether settings can be is `check`'s, how the files look `render`'s. It keeps nothing.

pub mod check;
pub mod render;

use std::io;

use super::exec::{ExecError, Machine};
use super::files;
use super::ops::NetworkSettings;
use render::PREFIX;

const NETWORKD: &str = "/run/systemd/network";
const RESOLVED: &str = "/run/systemd/resolved.conf.d/postern.conf";
const NETWORKCTL: &str = "/usr/bin/networkctl";
pub(super) const SYSTEMCTL: &str = "/usr/bin/systemctl";

/// Why the network is not as it should be.
#[derive(Debug, thiserror::Error)]
pub enum NetworkError {
    /// A file could not be written.
    #[error("the network's files under /run could not be written: {0}")]
    Write(#[from] io::Error),
    /// networkd or resolved did not take it.
    #[error(transparent)]
    Exec(#[from] ExecError),
}

/// Names of wired interfaces that are there: Ethernet with a device of its own, and no radio.
pub fn interfaces(machine: &dyn Machine) -> Vec<String> {
    let folder = machine.path("/sys/class/net");
    let entries = std::fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok);
    let wired = |entry: std::fs::DirEntry| {
        let place = entry.path();
        let ethernet = std::fs::read_to_string(place.join("type")).is_ok_and(|kind| kind.trim() == "1");
        let radio = place.join("wireless").exists() || place.join("phy80211").exists();
        let name = entry.file_name().into_string().ok()?;
        (ethernet && !radio && place.join("device").exists() && check::plain(&name)).then_some(name)
    };
    let mut names: Vec<String> = entries.filter_map(wired).collect();
    names.sort();
    names
}

/// Writes the files, for a networkd that does not run yet. The names of VLANs that are no more come back.
///
/// # Errors
/// What the system said.
pub fn write(machine: &dyn Machine, network: &NetworkSettings, own_servers: bool) -> io::Result<Vec<String>> {
    let new = render::networkd(network, own_servers);
    let folder = machine.path(NETWORKD);
    let mut gone = Vec::new();
    for entry in std::fs::read_dir(&folder).into_iter().flatten().filter_map(Result::ok) {
        let name = entry.file_name().to_string_lossy().into_owned();
        let Some(rest) = name.strip_prefix(PREFIX) else {
            continue;
        };
        if !new.contains_key(&name) {
            files::remove(&entry.path())?;
            gone.extend(rest.strip_suffix(".netdev").map(str::to_owned));
        }
    }
    for (name, text) in &new {
        files::write(&folder.join(name), text.as_bytes(), files::PUBLIC)?;
    }
    files::write(
        &machine.path(RESOLVED),
        render::resolved(network).as_bytes(),
        files::PUBLIC,
    )?;
    Ok(gone)
}

/// Writes the files and has them taken over at once.
///
/// # Errors
/// [`NetworkError`]; then the network may be anything between the old one and the new one.
pub fn apply(machine: &dyn Machine, network: &NetworkSettings, own_servers: bool) -> Result<(), NetworkError> {
    let gone = write(machine, network, own_servers)?;
    machine.run(NETWORKCTL, &["reload"], b"")?;
    // networkd keeps a VLAN whose file is gone.
    for name in gone {
        if let Err(error) = machine.run(NETWORKCTL, &["delete", &name], b"") {
            tracing::warn!(%error, "a VLAN that is no more could not be taken away");
        }
    }
    machine.run(
        SYSTEMCTL,
        &["--no-block", "try-restart", "systemd-resolved.service"],
        b"",
    )?;
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
mod tests {
    use super::check::tests::link;
    use super::*;
    use crate::host::testing::Fake;

    #[test]
    fn only_wired_interfaces_are_named() {
        let fake = Fake::new();
        assert_eq!(interfaces(&fake), ["eth0", "eth1"]);
    }

    #[test]
    fn a_vlan_that_is_no_more_is_taken_away() {
        let fake = Fake::new();
        // The image's own and another program's stay.
        fake.put("/run/systemd/network/50-other.network", "x");
        let with = NetworkSettings {
            links: vec![link("eth0.10 dhcp")],
            dns: Vec::new(),
        };
        apply(&fake, &with, false).unwrap();
        assert!(
            fake.get("/run/systemd/network/10-postern-eth0.10.netdev")
                .contains("Id=10")
        );
        fake.ran();
        apply(&fake, &NetworkSettings::default(), false).unwrap();
        assert_eq!(fake.get("/run/systemd/network/10-postern-eth0.10.netdev"), "");
        assert_eq!(fake.get("/run/systemd/network/10-postern-eth0.network"), "");
        assert_eq!(fake.get("/run/systemd/network/50-other.network"), "x");
        assert_eq!(
            fake.ran(),
            [
                "/usr/bin/networkctl reload",
                "/usr/bin/networkctl delete eth0.10",
                "/usr/bin/systemctl --no-block try-restart systemd-resolved.service"
            ]
        );
    }
}
