use std::time::Duration;

use super::*;
use crate::console::caps::Caps;
use crate::console::screens::bench::tests::{placed, reader};
use crate::console::testing::{Desk, NOON, snapshot};
use crate::control::{
    Algorithm, DriftHistory, DriftInfo, DriftList, DriftPoint, HardwareList, OtpParameters, Programmed, SerialReport,
    Timestamp, TokenId, TokenInfo, TokenSource, TokenStatus, TotpParameters, UnassignedInfo, UnassignedList, UserList,
    UserRow,
};
use crate::tokens::desk::{Ask, Left, Told as Reader, Trouble};

pub mod clocks;

const ANNA: &str = "anna@contoso.example";
const BERND: &str = "bernd@contoso.example";
const SERIAL: &str = "8659622000001";

fn token(id: u64, user: &str, serial: &str, written: Option<bool>) -> TokenInfo {
    TokenInfo {
        id: TokenId(id),
        user: user.to_owned(),
        status: match written {
            Some(_) => TokenStatus::Pending,
            None => TokenStatus::Active,
        },
        algorithm: Algorithm::Sha1,
        digits: 6,
        period: Some(30),
        counter: None,
        serial: serial.to_owned(),
        model: "OTPC-P2-i".to_owned(),
        source: TokenSource::Programmed(Programmed {
            profile: None,
            written: written.unwrap_or(true).then_some(NOON),
        }),
        created: NOON,
        drift_seconds: 0,
        last_code: None,
    }
}

fn vendor(id: u64, user: &str, serial: &str) -> TokenInfo {
    TokenInfo {
        source: TokenSource::File,
        model: "Contoso HardwareKey".to_owned(),
        ..token(id, user, serial, Some(true))
    }
}

fn unassigned(serial: &str) -> UnassignedInfo {
    UnassignedInfo {
        serial: serial.to_owned(),
        model: "Contoso HardwareKey".to_owned(),
        parameters: OtpParameters::from(TotpParameters::default()),
        created: NOON,
    }
}

/// Some tokens in every state.
fn everybodys() -> Vec<TokenInfo> {
    vec![
        token(3, ANNA, SERIAL, Some(true)),
        token(4, BERND, "8659622000002", Some(false)),
        vendor(5, "carla@contoso.example", "1100004821"),
        token(6, "dora@contoso.example", "8659622000003", None),
    ]
}

fn drawer() -> Vec<UnassignedInfo> {
    ["1100004821", "1100004822", "2200004821"].map(unassigned).to_vec()
}

fn people() -> Vec<UserRow> {
    [ANNA, BERND]
        .map(|name| UserRow {
            name: name.to_owned(),
            enabled: true,
            exempt: false,
            local_password: false,
            active_tokens: 0,
            pending_tokens: 0,
            resync_tokens: 0,
            locked: false,
        })
        .to_vec()
}

/// Answers lists as posternd does, until nothing of them is asked.
fn settle(desk: &mut Desk) {
    for _ in 0..30 {
        let is_list = |request: &Request| {
            matches!(
                request,
                Request::HardwareList(_)
                    | Request::UnassignedList(_)
                    | Request::DriftList
                    | Request::UserList(_)
                    | Request::TimeShow
            )
        };
        let Some((_, request)) = desk.asked.iter().find(|(_, request)| is_list(request)) else {
            return;
        };
        let request = request.clone();
        let page = |ask: &PageAsk, found: usize| {
            let first = (ask.offset as usize).min(found);
            first..(first + ask.limit as usize).min(found)
        };
        let answer = match &request {
            Request::HardwareList(ask) => {
                let mut found = everybodys();
                found.retain(|one| one.serial.contains(&ask.page.search) || one.user.contains(&ask.page.search));
                found.retain(|one| ask.which == HardwareWhich::All || one.status == TokenStatus::Pending);
                Answer::Hardware(HardwareList {
                    total: found.len() as u64,
                    tokens: found[page(&ask.page, found.len())].to_vec(),
                })
            }
            Request::UnassignedList(ask) => {
                let mut found = drawer();
                found.retain(|one| one.serial.contains(&ask.search));
                Answer::Unassigned(UnassignedList {
                    total: found.len() as u64,
                    tokens: found[page(ask, found.len())].to_vec(),
                })
            }
            Request::UserList(ask) => {
                let mut found = people();
                found.retain(|one| one.name.contains(&ask.search));
                Answer::Users(UserList {
                    total: found.len() as u64,
                    users: found,
                })
            }
            Request::TimeShow => Answer::Clock(crate::control::ClockReport {
                trusted: true,
                source: "ntp".to_owned(),
                now: NOON,
                newest_seen: None,
                waiting_for: None,
            }),
            _ => Answer::Drift(clocks::list()),
        };
        desk.answer(|asked| *asked == request, Ok(answer));
    }
    panic!("it asks for ever");
}

fn opened(screen: impl Screen + 'static, role: Role) -> Desk {
    let mut desk = Desk::on(Box::new(screen), role);
    settle(&mut desk);
    desk
}

fn is_show(request: &Request) -> bool {
    matches!(request, Request::SerialShow { .. })
}

fn is_assign(request: &Request) -> bool {
    matches!(request, Request::TokenAssign(_))
}

fn in_drawer(serials: &[&str]) -> Answer {
    Answer::Serial(SerialReport {
        tokens: Vec::new(),
        unassigned: serials.iter().map(|serial| unassigned(serial)).collect(),
    })
}

#[test]
fn the_menu_counts_what_waits_and_offers_what_one_may() {
    for (role, offered, hidden) in [
        (
            Role::Auditor,
            vec!["Waiting"],
            vec!["Many at once", "Molto-2", "Export"],
        ),
        (Role::Helpdesk, vec!["Many at once"], vec!["Molto-2", "Export"]),
        (Role::Installer, vec!["Many at once", "Molto-2 key", "Export"], vec![]),
    ] {
        let desk = opened(Tokens::new(), role);
        let text = desk.text();
        assert!(
            text.contains("Waiting             3") && text.contains("Clocks              2"),
            "{text}"
        );
        assert!(text.contains("In the drawer       3"), "{text}");
        assert!(offered.iter().all(|words| text.contains(words)), "{role:?}: {text}");
        assert!(hidden.iter().all(|words| !text.contains(words)), "{role:?}: {text}");
    }
}

#[test]
fn what_waits_is_taken_up_where_it_stands() {
    for (serial, screen, asked) in [
        (SERIAL, "program-code", "time show"),
        ("8659622000002", "program", "user show"),
        ("1100004821", "confirm-token", ""),
    ] {
        let mut desk = opened(hardware::Hardware::pending(), Role::Helpdesk);
        // As a scanner does it: the answer comes after Enter.
        desk.types(serial);
        desk.keys(&[Key::Enter]);
        desk.answer(
            |request| matches!(request, Request::HardwareList(_)),
            Ok(Answer::Hardware(HardwareList::default())),
        );
        let Some((_, Request::HardwareList(_))) = desk.asked.last() else {
            panic!("{:?}", desk.asked);
        };
        let found: Vec<_> = everybodys().into_iter().filter(|one| one.serial == serial).collect();
        let list = HardwareList {
            total: 1,
            tokens: found,
        };
        desk.answer(
            |request| matches!(request, Request::HardwareList(_)),
            Ok(Answer::Hardware(list)),
        );
        assert_eq!(desk.app.screen(), screen, "{serial}");
        assert!(
            asked.is_empty() || desk.asked.iter().any(|(_, request)| request.word() == asked),
            "{:?}",
            desk.asked
        );
    }
    // An auditor looks at the user.
    let mut desk = opened(hardware::Hardware::pending(), Role::Auditor);
    desk.keys(&[Key::Delete, Key::Enter]);
    assert_eq!(desk.app.screen(), "user");
}

#[test]
fn a_token_that_waits_is_removed_after_a_question() {
    let mut desk = opened(hardware::Hardware::pending(), Role::Helpdesk);
    desk.keys(&[Key::Down, Key::Delete]);
    assert!(
        desk.text().contains("Remove token #4 of bernd@contoso.example"),
        "{}",
        desk.text()
    );
    desk.keys(&[Key::Enter]);
    settle(&mut desk);
    let removes = |request: &Request| matches!(request, Request::TokenRemove { user, id: TokenId(4) } if user == BERND);
    desk.answer(
        removes,
        Ok(Answer::Done {
            done: "token #4 of bernd@contoso.example is removed".to_owned(),
        }),
    );
    assert!(desk.text().contains("is removed"), "{}", desk.text());
    // Nobody removes what counts already.
    let mut desk = opened(hardware::Hardware::all(), Role::Installer);
    desk.keys(&[Key::Delete]);
    assert_eq!(desk.app.screen(), "tokens-hardware");
}

#[test]
fn a_token_of_the_drawer_becomes_somebodys_by_its_serial_number_and_counts_after_its_code() {
    let mut desk = opened(Tokens::new(), Role::Helpdesk);
    let mut keys = 0;
    let mut press = |desk: &mut Desk, key: Key| {
        keys += 1;
        desk.keys(&[key]);
    };
    press(&mut desk, Key::Char('s'));
    // The scanner types the number and Enter.
    desk.types("1100004821");
    press(&mut desk, Key::Enter);
    desk.answer(is_show, Ok(in_drawer(&["1100004821"])));
    assert!(
        desk.text()
            .contains("> Contoso HardwareKey 1100004821: in the drawer, sha1, 6 digits, 30 s"),
        "{}",
        desk.text()
    );
    press(&mut desk, Key::Enter);
    assert_eq!(desk.app.screen(), "users");
    settle(&mut desk);
    desk.types(ANNA);
    settle(&mut desk);
    press(&mut desk, Key::Enter);
    let Some((_, Request::TokenAssign(ask))) = desk.asked.iter().find(|(_, request)| is_assign(request)) else {
        panic!("{:?}", desk.asked);
    };
    assert_eq!((ask.user.as_str(), ask.serial.as_str()), (ANNA, "1100004821"));
    assert_eq!(ask.model.as_deref(), Some("Contoso HardwareKey"));
    desk.answer(is_assign, Ok(Answer::Token(Box::new(vendor(8, ANNA, "1100004821")))));
    assert_eq!(desk.app.screen(), "confirm-token");
    assert!(
        desk.text().contains("is for anna@contoso.example: type its code"),
        "{}",
        desk.text()
    );
    desk.types("123456");
    press(&mut desk, Key::Enter);
    let mut active = vendor(8, ANNA, "1100004821");
    active.status = TokenStatus::Active;
    desk.answer(
        |request| matches!(request, Request::TokenConfirm { user, .. } if user == ANNA),
        Ok(Answer::Token(Box::new(active))),
    );
    assert_eq!(desk.app.screen(), "tokens");
    assert_eq!(keys, 5, "beside number, name and code");
}

#[test]
fn from_the_user_the_number_alone_is_enough_and_an_enter_too_many_gives_nothing() {
    let mut desk = Desk::on(Box::new(Assign::to(ANNA)), Role::Helpdesk);
    desk.types("1100004821");
    desk.keys(&[Key::Enter]);
    desk.answer(is_show, Ok(in_drawer(&["1100004821"])));
    desk.burst(&[Key::Enter], 100);
    assert!(!desk.asked.iter().any(|(_, request)| is_assign(request)));
    desk.keys(&[Key::Enter]);
    let Some((_, Request::TokenAssign(ask))) = desk.asked.last() else {
        panic!("{:?}", desk.asked);
    };
    assert_eq!(ask.user, ANNA);
    desk.answer(is_assign, Err(Failure::refused("anna@contoso.example is disabled")));
    assert!(
        desk.text().contains("is disabled") && desk.text().contains("[1100004821"),
        "{}",
        desk.text()
    );
}

#[test]
fn whoever_has_a_number_is_shown_and_the_next_one_is_scanned_over_it() {
    let mut desk = opened(Assign::new(), Role::Auditor);
    desk.types(SERIAL);
    desk.keys(&[Key::Enter]);
    let report = SerialReport {
        tokens: vec![token(3, ANNA, SERIAL, None)],
        unassigned: vec![unassigned(SERIAL)],
    };
    desk.answer(is_show, Ok(Answer::Serial(report)));
    assert!(
        desk.text().contains("8659622000001: anna@contoso.example, active"),
        "{}",
        desk.text()
    );
    // An auditor gives nothing away, and looks at the user.
    desk.keys(&[Key::Enter]);
    assert_eq!(desk.app.screen(), "tokens-serial");
    desk.keys(&[Key::Down, Key::Enter]);
    assert_eq!(desk.app.screen(), "user");
    desk.keys(&[Key::Esc]);
    desk.answer(is_show, Ok(in_drawer(&[])));
    assert!(desk.text().contains("Nobody has 8659622000001"), "{}", desk.text());
    desk.types("42");
    desk.keys(&[Key::Enter]);
    let Some((_, Request::SerialShow { serial })) = desk.asked.last() else {
        panic!("{:?}", desk.asked);
    };
    assert_eq!(serial, "42", "not behind the last one");
}

#[test]
fn a_token_of_the_drawer_is_chosen_from_the_list_or_forgotten_by_an_installer() {
    let mut desk = opened(unassigned::Drawer::new(), Role::Helpdesk);
    desk.keys(&[Key::Delete]);
    assert_eq!(desk.app.screen(), "tokens-drawer", "the helpdesk forgets nothing");
    desk.keys(&[Key::Down, Key::Enter]);
    let Some((_, Request::SerialShow { serial })) = desk.asked.last() else {
        panic!("{:?}", desk.asked);
    };
    assert_eq!(serial, "1100004822");
    let mut desk = opened(unassigned::Drawer::new(), Role::Installer);
    desk.types("22");
    settle(&mut desk);
    desk.keys(&[Key::Delete]);
    desk.types("forget");
    desk.keys(&[Key::Enter]);
    settle(&mut desk);
    let Some((_, Request::UnassignedRemove { serial, model })) = desk.asked.last() else {
        panic!("{:?}", desk.asked);
    };
    assert_eq!(
        (serial.as_str(), model.as_deref()),
        ("1100004822", Some("Contoso HardwareKey"))
    );
}

#[test]
fn r21_the_customer_key_is_typed_twice_and_kept_nowhere() {
    let mut desk = opened(molto_key::MoltoKey::new(), Role::Installer);
    desk.keys(&[Key::Enter]);
    desk.types("giraffe-90210");
    desk.keys(&[Key::Enter]);
    desk.types("giraffe-9021");
    desk.keys(&[Key::Enter]);
    assert!(
        desk.asked.is_empty() && desk.text().contains("not the same"),
        "{}",
        desk.text()
    );
    desk.types("0");
    desk.keys(&[Key::Enter]);
    let Some((_, Request::MoltoKeySet { key: Some(key) })) = desk.asked.last() else {
        panic!("{:?}", desk.asked);
    };
    assert_eq!(key.expose(), b"giraffe-90210");
    assert!(!format!("{:?}", desk.app).contains("giraffe") && !desk.text().contains("giraffe"));
    // The maker's needs no typing.
    let mut desk = opened(molto_key::MoltoKey::new(), Role::Installer);
    desk.keys(&[Key::Right, Key::Enter]);
    assert_eq!(desk.asked.last().unwrap().1, Request::MoltoKeySet { key: None });
}

#[test]
fn screens() {
    type Lead = fn(&mut Desk);
    fn open(desk: &mut Desk, screen: impl Screen + 'static, role: Role) {
        desk.open(Box::new(screen), role);
        settle(desk);
    }
    let all: [(&str, Lead); 12] = [
        ("tokens", |desk| open(desk, Tokens::new(), Role::Installer)),
        ("tokens-auditor", |desk| open(desk, Tokens::new(), Role::Auditor)),
        ("tokens-hardware", |desk| {
            open(desk, hardware::Hardware::all(), Role::Installer)
        }),
        ("tokens-waiting", |desk| {
            open(desk, hardware::Hardware::pending(), Role::Helpdesk)
        }),
        ("tokens-drawer", |desk| {
            open(desk, unassigned::Drawer::new(), Role::Installer)
        }),
        ("tokens-serial", |desk| {
            open(desk, Assign::new(), Role::Helpdesk);
            desk.types("1100004821");
            desk.keys(&[Key::Enter]);
            let report = SerialReport {
                tokens: vec![vendor(5, "carla@contoso.example", "1100004821")],
                unassigned: vec![unassigned("1100004821")],
            };
            desk.answer(is_show, Ok(Answer::Serial(report)));
        }),
        ("tokens-serial-none", |desk| {
            open(desk, Assign::to(ANNA), Role::Helpdesk);
            desk.types("42");
            desk.keys(&[Key::Enter]);
            desk.answer(is_show, Ok(in_drawer(&[])));
        }),
        ("tokens-clocks", |desk| {
            open(desk, drifting::Drifting::new(), Role::Helpdesk)
        }),
        ("tokens-clock-history", clocks::history),
        ("token-clock", clocks::free),
        ("token-clock-lost", clocks::bound),
        ("molto-key", |desk| {
            open(desk, molto_key::MoltoKey::new(), Role::Installer);
            desk.keys(&[Key::Enter]);
            desk.types("giraffe");
        }),
    ];
    for (name, lead) in all {
        snapshot(name, lead);
        let mut desk = Desk::new(80, 24, Caps::default());
        lead(&mut desk);
        assert!(desk.painted() <= 1_500, "{name} takes {} bytes", desk.painted());
        let (_, step) = desk.bytes(Key::Down);
        assert!(step <= 100, "{name}: a step of {step} bytes");
    }
}
