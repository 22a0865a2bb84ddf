//! A machine for the tests of its screens, and what it answers.

use crate::console::testing::Desk;
use crate::control::{
    Answer, Failure, HostAnswer, HostReport, HostRequest, Link, NetworkSettings, Request, Seal, Stick, StickList,
    UpdateReport, UpdateStage,
};

/// An interface with addresses of its own.
pub fn link(interface: &str, vlan: Option<u16>, addresses: &[&str], gateways: &[&str]) -> Link {
    let address = |text: &&str| {
        let (address, length) = text.split_once('/').unwrap();
        crate::control::HostAddress {
            address: address.parse().unwrap(),
            length: length.parse().unwrap(),
        }
    };
    Link {
        interface: interface.to_owned(),
        vlan,
        dhcp: false,
        addresses: addresses.iter().map(address).collect(),
        gateways: gateways.iter().map(|text| text.parse().unwrap()).collect(),
    }
}

/// An appliance with two interfaces.
pub fn report() -> HostReport {
    HostReport {
        name: "box-1".to_owned(),
        version: "0.1.0".to_owned(),
        network: NetworkSettings {
            links: vec![link(
                "eth0",
                None,
                &["192.0.2.10/24", "2001:db8::10/64"],
                &["192.0.2.1"],
            )],
            dns: vec!["192.0.2.53".parse().unwrap()],
        },
        reverts_in: None,
        interfaces: vec!["eth0".to_owned(), "eth1".to_owned()],
        zone: "UTC".to_owned(),
        servers: Vec::new(),
        ssh: Vec::new(),
        seal: Seal::Tpm,
        recovery: false,
        troubles: Vec::new(),
    }
}

/// Its answer.
pub fn said(report: HostReport) -> Result<Answer, Failure> {
    Ok(Answer::Host(HostAnswer::Report(Box::new(report))))
}

/// Two sticks.
pub fn sticks(mounted: Option<&str>) -> Result<Answer, Failure> {
    let stick = |id: &str, name: &str, system: &str, size: u64, recovery: bool| Stick {
        id: id.to_owned(),
        name: name.to_owned(),
        system: system.to_owned(),
        size,
        recovery,
    };
    Ok(Answer::Host(HostAnswer::Sticks(StickList {
        sticks: vec![
            stick("sda1", "Kingston DataTraveler", "vfat", 8_053_063_680, false),
            stick("sdb1", "POSTERN", "exfat", 62_008_590_336, true),
        ],
        mounted: mounted.map(str::to_owned),
    })))
}

/// How updates stand.
pub fn update(stage: UpdateStage) -> Result<Answer, Failure> {
    Ok(Answer::Host(HostAnswer::Update(UpdateReport {
        running: "0.1.0".to_owned(),
        trial: false,
        other: Some("0.0.9".to_owned()),
        stage,
        last: Some("0.1.0 was kept: RADIUS answered its probe".to_owned()),
    })))
}

/// One line of what was done.
pub fn done(words: &str) -> Result<Answer, Failure> {
    Ok(Answer::Host(HostAnswer::Done { done: words.to_owned() }))
}

/// Answers the oldest question to the machine that `which` is true of.
pub fn answer(desk: &mut Desk, which: impl Fn(&HostRequest) -> bool, answer: Result<Answer, Failure>) {
    desk.answer(|request| matches!(request, Request::Host(ask) if which(ask)), answer);
}

/// What the machine was asked to do last; looks count for nothing.
pub fn last(desk: &Desk) -> HostRequest {
    let mut asks = desk.asked.iter().rev().filter_map(|(_, request)| match request {
        Request::Host(HostRequest::Show | HostRequest::Sticks | HostRequest::UpdateShow) => None,
        Request::Host(ask) => Some(ask.clone()),
        _ => None,
    });
    asks.next().unwrap()
}

/// A release that is ready, with what it says is new.
pub fn ready(version: &str) -> UpdateStage {
    let notes = [
        "Added:",
        "- The log can be searched by calling station.",
        "- Addresses by DHCPv6, beside those that routers announce; one",
        "  more line of the same.",
        "Fixed:",
        "- A token without a serial number is listed once.",
    ];
    UpdateStage::Ready {
        version: version.to_owned(),
        notes: notes.map(str::to_owned).to_vec(),
    }
}
