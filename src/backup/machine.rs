//! How the machine of a box was set when its backup was made, in words for people. In: postern-host's report; out: lines that a head carries. A
//! restore sets none of it: a box must not take another one's address without anybody having said so.

use crate::host::ops::HostReport;
use crate::text::shown;

/// Most lines of a machine; the rest is left out.
const LINES_MAX: usize = 32;

/// The lines of this machine.
pub fn lines(report: &HostReport) -> Vec<String> {
    let mut lines = vec![format!("name {}", report.name)];
    for link in &report.network.links {
        let name = match link.vlan {
            Some(vlan) => format!("{}.{vlan}", link.interface),
            None => link.interface.clone(),
        };
        if link.dhcp {
            lines.push(format!("{name} by DHCP"));
        }
        let addresses = link.addresses.iter();
        lines.extend(addresses.map(|one| format!("{name} address {}/{}", one.address, one.length)));
        lines.extend(link.gateways.iter().map(|gateway| format!("{name} gateway {gateway}")));
    }
    if report.network.links.is_empty() {
        lines.push("network by DHCP".to_owned());
    }
    lines.extend(report.network.dns.iter().map(|server| format!("name server {server}")));
    lines.push(format!("time zone {}", report.zone));
    lines.extend(report.servers.iter().map(|server| format!("time server {server}")));
    match report.ssh.len() {
        0 => {}
        1 => lines.push("SSH with 1 key".to_owned()),
        keys => lines.push(format!("SSH with {keys} keys")),
    }
    bounded(&lines)
}

/// Lines of anybody's, as they may be shown (R22).
pub fn bounded(lines: &[String]) -> Vec<String> {
    lines.iter().take(LINES_MAX).map(|line| shown(line)).collect()
}

/// One sentence of them, where there are any.
pub fn sentence(lines: &[String]) -> Option<String> {
    let all = lines.join(", ");
    (!lines.is_empty()).then(|| {
        format!("The machine that it was made on had: {all}. A restore sets none of that: see System, Network.")
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
mod tests {
    use super::*;
    use crate::host::ops::{HostAddress, Link, NetworkSettings};

    #[test]
    fn what_somebody_must_type_again_is_all_there_and_bounded() {
        let address = HostAddress {
            address: "10.0.0.2".parse().unwrap(),
            length: 24,
        };
        let mut report = HostReport {
            name: "box-1".to_owned(),
            zone: "Europe/Vienna".to_owned(),
            servers: vec!["ntp.example".to_owned()],
            ssh: vec!["SHA256:x".to_owned()],
            network: NetworkSettings {
                links: vec![Link {
                    interface: "eth0".to_owned(),
                    vlan: Some(7),
                    dhcp: false,
                    addresses: vec![address],
                    gateways: vec!["10.0.0.1".parse().unwrap()],
                }],
                dns: vec!["10.0.0.3".parse().unwrap()],
            },
            ..HostReport::default()
        };
        let wanted = [
            "name box-1",
            "eth0.7 address 10.0.0.2/24",
            "eth0.7 gateway 10.0.0.1",
            "name server 10.0.0.3",
            "time zone Europe/Vienna",
            "time server ntp.example",
            "SSH with 1 key",
        ];
        assert_eq!(lines(&report), wanted);
        report.servers = vec!["ntp.example".to_owned(); 1000];
        assert_eq!(lines(&report).len(), LINES_MAX);
        let strange = bounded(&["a\u{1b}[2J".to_owned(), "x".repeat(5000)]);
        assert!(
            !strange[0].contains('\u{1b}') && strange[1].chars().count() <= 64,
            "{strange:?}"
        );
        assert_eq!(sentence(&[]), None);
    }
}
