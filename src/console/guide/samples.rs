//! What posternd would answer, for the tests of the screens: documentation addresses and names only.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::console::testing::NOON;
use crate::control::check::parse_net;
use crate::control::{
    Charset, ClientInfo, ClientSeen, ClockReport, DirectoryAnswer, First, Interface, Knock, LogEntry, LogKind, Mode,
    NetworkReport, Order, ProveReport, StatusReport, TenantInfo, TenantState, Timestamp, Unavailable, Unmatched,
};

pub const SECRET: &str = "ABCDEFGHJKMNPQRSTUVWXYZ234567892";

pub fn ago(minutes: u64) -> Timestamp {
    NOON.minus(Duration::from_secs(minutes * 60))
}

/// A client that does well.
pub fn client(name: &str, net: &str) -> ClientInfo {
    ClientInfo {
        name: name.to_owned(),
        net: parse_net(net).unwrap(),
        mode: Mode::Append,
        first: First::Entra,
        require_message_authenticator: true,
        order: Order::PasswordCode,
        delimiter: None,
        unmatched: Unmatched::Refuse,
        reject_delay: Duration::from_secs(1),
        deadline: Duration::from_millis(2500),
        unavailable: Unavailable::Reject,
        prompt: crate::control::PROMPT.to_owned(),
        challenge_timeout: Duration::from_secs(60),
        charset: Charset::Utf8,
        in_flight: 10_000,
        created: ago(1440),
        secret_length: 32,
        last_packet: Some(ago(7)),
        warnings: Vec::new(),
        seen: ClientSeen {
            message_authenticator: Some(true),
            method: "PAP".to_owned(),
            calling_station: Some(true),
            nas: "fw-1".to_owned(),
            ..ClientSeen::default()
        },
    }
}

pub fn network() -> NetworkReport {
    NetworkReport {
        host: "box-1".to_owned(),
        interfaces: vec![
            Interface {
                name: "eth0".to_owned(),
                up: true,
                mac: "00:00:5e:00:53:07".to_owned(),
                addresses: vec!["192.0.2.7/24".to_owned(), "fe80::200:5eff:fe00:5307/64".to_owned()],
            },
            Interface {
                name: "eth1".to_owned(),
                up: false,
                mac: "00:00:5e:00:53:08".to_owned(),
                addresses: Vec::new(),
            },
        ],
        gateways: vec!["192.0.2.1".to_owned()],
        dns: vec!["192.0.2.53".to_owned()],
    }
}

pub fn clock(trusted: bool) -> ClockReport {
    ClockReport {
        trusted,
        source: if trusted { "ntp" } else { "none" }.to_owned(),
        now: NOON,
        newest_seen: None,
        waiting_for: (!trusted).then(|| {
            "No time server was reached since the box started and it has no hardware clock: logins are not answered. Let the box \
             reach a time server; or compare its clock with a watch, set it if it is wrong, and run: postern time confirm"
                .to_owned()
        }),
    }
}

pub fn status() -> StatusReport {
    StatusReport {
        answering: true,
        because: None,
        version: "0.1.0".to_owned(),
        since: ago(600),
        clock: clock(true),
        auth: vec!["[::]:1812".parse().unwrap()],
        acct: vec!["[::]:1813".parse().unwrap()],
        users: 0,
        tokens: 0,
        clients: 0,
        tenants: Vec::new(),
        alarms: Vec::new(),
        counters: BTreeMap::new(),
        last_hour: BTreeMap::new(),
    }
}

pub fn tenant(domain: &str, state: TenantState) -> TenantInfo {
    TenantInfo {
        domain: domain.to_owned(),
        state,
        state_since: (state != TenantState::Off).then(|| ago(300)),
        paused_until: None,
        tenant: "0a1b2c3d-1111-2222-3333-0123456789ab".to_owned(),
        client_id: "4e5f6a7b-4444-5555-6666-ba9876543210".to_owned(),
        confidential: false,
        authority: "https://login.microsoftonline.com".to_owned(),
        scope: "openid".to_owned(),
        private_ca: false,
        proxy: None,
        prefixes: Vec::new(),
        default: true,
        allow_without_mfa: false,
        allow_unregistered: false,
        allow_external: false,
        overrides: BTreeMap::new(),
        budget: 6,
        warnings: Vec::new(),
    }
}

pub fn knock(address: &str, client: &str, reason: &str, minutes: u64) -> Knock {
    let (what, todo) = match reason {
        "unknown-client" => (
            format!("A request came from {address}, which is no client of this box"),
            format!("if this is your VPN, run: postern client add NAME {address}"),
        ),
        "wrong-secret" => (
            format!("The shared secret of {client} is not the one of this box"),
            format!("write the same secret on both sides: postern client set {client} --secret-file FILE"),
        ),
        _ => (
            format!("{client} sends no Message-Authenticator, and its record asks for one"),
            "update the VPN or switch it on there".to_owned(),
        ),
    };
    Knock {
        source: address.to_owned(),
        address: address.to_owned(),
        client: client.to_owned(),
        reason: reason.to_owned(),
        what,
        todo,
        first: ago(minutes + 3),
        last: ago(minutes),
        count: 3,
    }
}

pub fn login(seq: u64, user: &str, outcome: &str, reason: &str, words: &str, minutes: u64) -> LogEntry {
    LogEntry {
        seq,
        at: ago(minutes),
        kind: LogKind::Login,
        user: user.to_owned(),
        client: "gw-1".to_owned(),
        station: "198.51.100.23".to_owned(),
        outcome: outcome.to_owned(),
        reason: reason.to_owned(),
        words: words.to_owned(),
        by: String::new(),
        directory_code: None,
        correlation: None,
        stages: Vec::new(),
        count: 1,
    }
}

pub fn directory_answer(code: u32, words: &str) -> DirectoryAnswer {
    DirectoryAnswer {
        verdict: "continue".to_owned(),
        code: Some(code),
        words: words.to_owned(),
        correlation: Some("11111111-2222-3333-4444-555555555555".to_owned()),
        took_ms: 212,
    }
}

/// A proof that held, or did not since client flows are off.
pub fn proof(proven: bool) -> ProveReport {
    ProveReport {
        domain: "contoso.example".to_owned(),
        user: "anna@contoso.example".to_owned(),
        right: match proven {
            true => directory_answer(50_076, "AADSTS50076: MFA is required, so the password is right"),
            false => directory_answer(7_000_218, "AADSTS7000218: public client flows are not allowed"),
        },
        wrong: proven.then(|| directory_answer(50_126, "AADSTS50126: the name or the password is wrong")),
        proven,
        words: match proven {
            true => "logins of contoso.example are checked at Entra now".to_owned(),
            false => "Entra did not check the password".to_owned(),
        },
        todo: match proven {
            true => String::new(),
            false => {
                "App registration, Authentication, Advanced settings: set Allow public client flows to Yes".to_owned()
            }
        },
    }
}
