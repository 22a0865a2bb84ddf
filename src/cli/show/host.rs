//! The machine as text: its settings, sticks, updates.

use jiff::tz::TimeZone;

use super::{field, yes_no};
use crate::control::{HostAnswer, HostReport, Link, Seal, StickList, UpdateReport, UpdateStage};
use crate::text::shown;

/// The lines of what postern-host answered.
pub(super) fn answer(answer: &HostAnswer, _zone: &TimeZone) -> Vec<String> {
    match answer {
        HostAnswer::Done { done } => vec![done.clone()],
        HostAnswer::Report(report) => machine(report),
        HostAnswer::Sticks(list) => sticks(list),
        HostAnswer::Update(report) => update(report),
    }
}

fn list(list: &[String], none: &str) -> String {
    match list {
        [] => none.to_owned(),
        some => some.iter().map(|one| shown(one)).collect::<Vec<_>>().join(", "),
    }
}

fn link(link: &Link) -> String {
    if link.dhcp {
        return "DHCP".to_owned();
    }
    let addresses: Vec<String> = link
        .addresses
        .iter()
        .map(|one| format!("{}/{}", one.address, one.length))
        .collect();
    let mut text = list(&addresses, "no address");
    for gateway in &link.gateways {
        text.push_str(&format!(", gateway {gateway}"));
    }
    text
}

fn machine(report: &HostReport) -> Vec<String> {
    let mut lines = vec![
        field("Host name", &shown(&report.name)),
        field("Version", &shown(&report.version)),
    ];
    for one in &report.network.links {
        let interface = shown(&one.interface);
        let name = match one.vlan {
            None => interface,
            Some(vlan) => format!("{interface} VLAN {vlan}"),
        };
        lines.push(field(&name, &link(one)));
    }
    for name in &report.interfaces {
        if !report.network.links.iter().any(|link| link.interface == *name) {
            lines.push(field(&shown(name), "DHCP"));
        }
    }
    let dns: Vec<String> = report.network.dns.iter().map(ToString::to_string).collect();
    lines.push(field("Name server", &list(&dns, "from DHCP")));
    if let Some(seconds) = report.reverts_in {
        lines.push(field(
            "On trial",
            &format!("the old network comes back in {seconds} s, unless: postern network confirm"),
        ));
    }
    lines.push(field("Time zone", &shown(&report.zone)));
    lines.push(field("Time server", &list(&report.servers, "those of the image")));
    lines.push(field("SSH", &list(&report.ssh, "off")));
    let seal = match report.seal {
        Seal::Tpm => "by the TPM",
        Seal::Machine => "by a key on the same disk: who has the disk has the secrets",
    };
    lines.push(field("Secrets are sealed", seal));
    lines.push(field("Recovery stick", yes_no(report.recovery)));
    for one in &report.troubles {
        lines.push(field("TROUBLE", &format!("{} {}", one.what, one.todo)));
    }
    lines
}

fn sticks(list: &StickList) -> Vec<String> {
    if list.sticks.is_empty() {
        return vec!["no stick is plugged in".to_owned()];
    }
    let row = |stick: &crate::control::Stick| {
        let mut text = format!(
            "{}, {}, {} MB",
            shown(&stick.name),
            shown(&stick.system),
            stick.size / 1_000_000
        );
        if stick.recovery {
            text.push_str(", the recovery stick");
        }
        if list.mounted.as_ref() == Some(&stick.id) {
            text.push_str(", mounted");
        }
        field(&shown(&stick.id), &text)
    };
    list.sticks.iter().map(row).collect()
}

fn update(report: &UpdateReport) -> Vec<String> {
    let trial = if report.trial { ", on trial" } else { "" };
    let mut lines = vec![field("Runs", &format!("{}{trial}", shown(&report.running)))];
    if let Some(other) = &report.other {
        lines.push(field("Other slot", &shown(other)));
    }
    lines.push(field(
        "Update",
        &match &report.stage {
            UpdateStage::Idle => "none under way".to_owned(),
            UpdateStage::Fetching { percent } => format!("is copied and verified, {percent} %"),
            UpdateStage::Ready { version } => {
                format!("{} is ready: postern update apply", shown(version))
            }
            UpdateStage::Writing => "is written".to_owned(),
            UpdateStage::Failed { why } => format!("FAILED: {why}"),
        },
    ));
    if let Some(last) = &report.last {
        lines.push(field("Last", last));
    }
    lines
}
