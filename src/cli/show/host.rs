//! The machine as text: its settings, sticks, updates.

use jiff::tz::TimeZone;

use super::field;
use crate::control::{
    HostAnswer, HostReport, HostRequest, Link, NetworkSettings, STICK_DIR, Seal, Stick, StickList, UpdateReport,
    UpdateStage,
};
use crate::text::shown;

/// The lines of what postern-host answered.
pub fn answer(answer: &HostAnswer, _zone: &TimeZone) -> Vec<String> {
    match answer {
        HostAnswer::Done { done } => vec![done.clone()],
        HostAnswer::Report(one) => report(one),
        HostAnswer::Sticks(list) => sticks(list),
        HostAnswer::Update(report) => update(report),
    }
}

/// The lines of what came of a request: of a change no more than it was about.
pub fn host_done(request: &HostRequest, answered: &HostAnswer, zone: &TimeZone) -> Vec<String> {
    let with = |first: String, mut rest: Vec<String>| {
        rest.insert(0, first);
        rest
    };
    match (request, answered) {
        (HostRequest::NetworkSet(_), HostAnswer::Report(report)) => network_set(report),
        (HostRequest::NetworkConfirm, HostAnswer::Report(report)) => {
            with("the network stays as it is now".to_owned(), network_set(report))
        }
        (HostRequest::NetworkRevert, HostAnswer::Report(report)) => {
            with("the network is as it was before".to_owned(), network_set(report))
        }
        (HostRequest::NameSet { .. }, HostAnswer::Report(report)) => vec![field("Host name", &shown(&report.name))],
        (HostRequest::TimeSet { .. }, HostAnswer::Report(report)) => times(report),
        (HostRequest::SshSet { .. }, HostAnswer::Report(report)) => ssh(report),
        (HostRequest::StickMount { id }, HostAnswer::Sticks(list)) if list.mounted.as_ref() == Some(id) => vec![
            format!("{} is mounted at {STICK_DIR}", shown(id)),
            "Before it is pulled out: postern stick release".to_owned(),
        ],
        (HostRequest::StickRelease, HostAnswer::Sticks(StickList { mounted: None, .. })) => {
            vec!["no stick is mounted: it may be pulled out".to_owned()]
        }
        (HostRequest::RecoveryPrepare { id }, HostAnswer::Sticks(list)) => with(
            format!(
                "{} is the recovery stick now: lock it away; whoever has it and the box can make an installer",
                shown(id)
            ),
            sticks(list),
        ),
        (HostRequest::UpdateApply, HostAnswer::Update(one)) if one.stage == UpdateStage::Writing => vec![
            "the update is written now; the box restarts into it, on trial".to_owned(),
            "How it ended, a few minutes from now: postern update show".to_owned(),
        ],
        (HostRequest::UpdateFetch(_), HostAnswer::Update(one)) => match stage(one) {
            Some((what, todo)) => with(what, todo.into_iter().chain(notes(one)).collect()),
            None => Vec::new(),
        },
        _ => answer(answered, zone),
    }
}

fn report(report: &HostReport) -> Vec<String> {
    let mut lines = Vec::new();
    for trouble in &report.troubles {
        lines.push(field("TROUBLE", &trouble.what));
        lines.push(field("", &format!("to do: {}", trouble.todo)));
    }
    lines.push(field("Host name", &shown(&report.name)));
    lines.push(field("Version", &shown(&report.version)));
    lines.extend(network_set(report));
    lines.extend(times(report));
    lines.extend(ssh(report));
    lines.push(field(
        "Secrets",
        match report.seal {
            Seal::Tpm => "sealed by the TPM: the disk alone tells nothing",
            Seal::Machine => "sealed by a key on the same disk: WHO HAS THE DISK HAS THE SECRETS",
        },
    ));
    lines.push(field(
        "Recovery stick",
        match report.recovery {
            true => "prepared",
            false => "none: make one with `postern recovery prepare ID`",
        },
    ));
    lines
}

/// `eth0`, `eth0 VLAN 20`.
pub fn link_name(interface: &str, vlan: Option<u16>) -> String {
    match vlan {
        None => shown(interface),
        Some(vlan) => format!("{} VLAN {vlan}", shown(interface)),
    }
}

/// How the network is set, interface by interface, and until when.
pub fn network_set(report: &HostReport) -> Vec<String> {
    let mut lines = Vec::new();
    let NetworkSettings { links, dns } = &report.network;
    // An interface that is there and has no entry does DHCP; one that has an entry and is not there is told too.
    let unset = report.interfaces.iter().filter(|name| {
        let mut untagged = links.iter().filter(|link| link.vlan.is_none());
        untagged.all(|link| link.interface != **name)
    });
    let mut rows: Vec<(&str, Option<u16>, String)> = unset.map(|name| (name.as_str(), None, words(None))).collect();
    rows.extend(
        links
            .iter()
            .map(|link| (link.interface.as_str(), link.vlan, words(Some(link)))),
    );
    rows.sort();
    for (interface, vlan, words) in rows {
        lines.push(field(&link_name(interface, vlan), &words));
    }
    let dns: Vec<String> = dns.iter().map(ToString::to_string).collect();
    lines.push(field(
        "Name servers",
        &match dns.is_empty() {
            true => "those that DHCP gives".to_owned(),
            false => dns.join(", "),
        },
    ));
    if let Some(seconds) = report.reverts_in {
        lines.push(field(
            "ON TRIAL",
            &format!("it is taken back in {seconds} s; it stays after: postern network confirm"),
        ));
    }
    lines
}

/// How an interface is set.
fn words(link: Option<&Link>) -> String {
    let Some(link) = link else {
        return "DHCP".to_owned();
    };
    let mut parts: Vec<String> = link.dhcp.then(|| "DHCP".to_owned()).into_iter().collect();
    parts.extend(
        link.addresses
            .iter()
            .map(|one| format!("{}/{}", one.address, one.length)),
    );
    parts.extend(link.gateways.iter().map(|one| format!("gateway {one}")));
    match parts.is_empty() {
        true => "no address".to_owned(),
        false => parts.join(", "),
    }
}

/// Time zone and time servers.
pub fn times(report: &HostReport) -> Vec<String> {
    let servers: Vec<String> = report.servers.iter().map(|one| shown(one)).collect();
    vec![
        field("Time zone", &shown(&report.zone)),
        field(
            "Time servers",
            &match servers.is_empty() {
                true => "those of the image".to_owned(),
                false => servers.join(", "),
            },
        ),
    ]
}

fn ssh(report: &HostReport) -> Vec<String> {
    if report.ssh.is_empty() {
        return vec![field("SSH", "off")];
    }
    let row = |line: &String| {
        let (print, comment) = line.split_once(' ').unwrap_or((line, ""));
        field("SSH key", &format!("{} {}", shown(print), shown(comment)))
    };
    report.ssh.iter().map(row).collect()
}

fn sticks(list: &StickList) -> Vec<String> {
    if list.sticks.is_empty() {
        return vec!["no stick is there: plug one in (vfat, exfat or ext4)".to_owned()];
    }
    let row = |stick: &Stick| {
        let mut words = vec![shown(&stick.name), shown(&stick.system), size(stick.size)];
        if stick.recovery {
            words.push("RECOVERY STICK".to_owned());
        }
        if list.mounted.as_ref() == Some(&stick.id) {
            words.push(format!("mounted at {STICK_DIR}"));
        }
        format!("{:<12} {}", shown(&stick.id), words.join(", "))
    };
    list.sticks.iter().map(row).collect()
}

/// Bytes as they are printed on a stick: `8.0 GB`.
fn size(bytes: u64) -> String {
    let (unit, word) = match bytes {
        0..1_000_000_000 => (1_000_000, "MB"),
        1_000_000_000..1_000_000_000_000 => (1_000_000_000, "GB"),
        _ => (1_000_000_000_000, "TB"),
    };
    let tenths = bytes.saturating_mul(10) / unit;
    format!("{}.{} {word}", tenths / 10, tenths % 10)
}

fn update(report: &UpdateReport) -> Vec<String> {
    let trial = if report.trial { ", ON TRIAL: not kept yet" } else { "" };
    let mut lines = vec![field("Runs", &format!("{}{trial}", shown(&report.running)))];
    let other = report.other.as_deref().map_or("empty".to_owned(), shown);
    lines.push(field("Other slot", &other));
    if let Some(last) = &report.last {
        lines.push(field("Last update", last));
    }
    let (what, todo) = stage(report).unwrap_or_default();
    if !what.is_empty() {
        lines.push(field("Next", &what));
    }
    lines.extend(todo.map(|todo| field("", &todo)));
    lines.extend(notes(report));
    lines
}

/// What is new in the version that is ready, by its own words.
fn notes(report: &UpdateReport) -> Vec<String> {
    let UpdateStage::Ready { version, notes } = &report.stage else {
        return Vec::new();
    };
    let mut lines = Vec::new();
    for note in notes {
        if lines.is_empty() {
            lines.push(format!("What is new in {}:", shown(version)));
        }
        lines.push(format!("  {}", shown(note)));
    }
    lines
}

/// What is under way or ready, and what to do next; none: nothing.
fn stage(report: &UpdateReport) -> Option<(String, Option<String>)> {
    let todo = |command: &str, what: &str| Some(format!("{what}: postern update {command}"));
    Some(match &report.stage {
        UpdateStage::Idle => return None,
        UpdateStage::Fetching { percent } => (
            format!("is copied and verified, {percent} %"),
            todo("show", "How far it is"),
        ),
        UpdateStage::Ready { version, .. } => (
            format!("{} is verified and ready", shown(version)),
            todo("apply", "Restart into it"),
        ),
        UpdateStage::Writing => ("is written; the box restarts soon".to_owned(), None),
        UpdateStage::Failed { why } => (format!("FAILED: {why}"), todo("drop", "Forget it")),
    })
}
