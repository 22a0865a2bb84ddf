use super::*;
use crate::console::event::Event;
use crate::console::testing::{Desk, NOON, snapshot};
use crate::control::{Moved, Role};

fn entry(number: u64, user: &str, outcome: &str, words: &str) -> LogEntry {
    LogEntry {
        seq: number,
        at: NOON.minus(Duration::from_secs(60 * (200_u64.saturating_sub(number)))),
        kind: LogKind::Login,
        user: user.to_owned(),
        client: "vpn".to_owned(),
        station: "192.0.2.7".to_owned(),
        outcome: outcome.to_owned(),
        reason: "wrong-code".to_owned(),
        words: words.to_owned(),
        by: String::new(),
        directory_code: None,
        correlation: None,
        stages: Vec::new(),
        count: 1,
    }
}

fn some(from: u64, to: u64) -> LogPage {
    LogPage {
        entries: (from..to)
            .map(|number| entry(number, &format!("user{number}@contoso.example"), "accept", "Let in"))
            .collect(),
        next: to,
        more: false,
    }
}

fn page(desk: &mut Desk, page: LogPage) {
    desk.answer(|request| matches!(request, Request::Log(_)), Ok(Answer::Log(page)));
}

/// Something came into the log.
fn moves(desk: &mut Desk, times: u64) {
    desk.event(Event::Moved(Moved {
        log: times,
        ..Moved::default()
    }));
}

fn opened(first: LogPage) -> Desk {
    let mut desk = Desk::on(Box::new(Log::new()), Role::Helpdesk);
    page(&mut desk, first);
    moves(&mut desk, 0);
    desk
}

fn asked_after(desk: &Desk) -> Option<u64> {
    match desk.asked.last() {
        Some((_, Request::Log(ask))) => ask.after,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_newest_is_first_and_only_what_is_new_is_asked_for() {
    let mut desk = opened(some(100, 130));
    assert!(desk.text().lines().nth(3).unwrap().contains("user129@"));
    moves(&mut desk, 1);
    assert_eq!(asked_after(&desk), Some(130));
    page(&mut desk, some(130, 132));
    assert!(desk.text().lines().nth(3).unwrap().contains("user131@"));
    assert!(
        desk.text().lines().nth(3).unwrap().starts_with('>'),
        "at the top one stays"
    );
}

#[test]
fn further_down_nothing_moves_until_one_goes_to_the_top() {
    let mut desk = opened(some(100, 130));
    desk.keys(&[Key::Down, Key::Down]);
    let before: Vec<String> = desk.text().lines().skip(2).map(str::to_owned).collect();
    moves(&mut desk, 1);
    page(&mut desk, some(130, 133));
    let after: Vec<String> = desk.text().lines().skip(2).map(str::to_owned).collect();
    assert_eq!(before, after);
    assert!(desk.text().contains("3 newer: Home"));
    desk.keys(&[Key::Home]);
    assert!(desk.text().contains("> ") && desk.text().lines().nth(3).unwrap().contains("user132@"));
    assert!(!desk.text().contains("newer"));
}

#[test]
fn rows_move_by_themselves_only_every_five_seconds() {
    let mut desk = opened(some(100, 130));
    moves(&mut desk, 1);
    page(&mut desk, some(130, 131));
    moves(&mut desk, 2);
    page(&mut desk, some(131, 132));
    assert!(desk.text().lines().nth(3).unwrap().contains("user130@"));
    desk.wait(4);
    assert!(desk.text().lines().nth(3).unwrap().contains("user130@"));
    desk.wait(1);
    assert!(desk.text().lines().nth(3).unwrap().contains("user131@"));
}

#[test]
fn what_moves_while_a_question_is_on_its_way_is_asked_for_afterwards() {
    let mut desk = opened(some(100, 110));
    moves(&mut desk, 1);
    moves(&mut desk, 2);
    assert_eq!(desk.asked.len(), 1);
    page(&mut desk, some(110, 111));
    assert_eq!(asked_after(&desk), Some(111));
}

#[test]
fn a_flood_is_not_read_to_its_end() {
    let mut desk = opened(some(100, 110));
    moves(&mut desk, 1);
    page(
        &mut desk,
        LogPage {
            more: true,
            ..some(110, 610)
        },
    );
    assert_eq!(asked_after(&desk), None, "the newest again");
    page(&mut desk, some(5000, 5500));
    assert!(desk.text().contains("user5499@"));
    desk.keys(&[Key::End]);
    assert!(desk.text().contains("The newest 500 are shown here."));
}

#[test]
fn a_filter_asks_anew_and_old_answers_are_nobodys() {
    let mut desk = opened(some(100, 110));
    moves(&mut desk, 1);
    desk.keys(&[Key::Char('f')]);
    desk.types("anna@contoso.example");
    desk.keys(&[Key::Enter, Key::Enter]);
    let filters: Vec<_> = desk
        .asked
        .iter()
        .map(|(_, request)| match request {
            Request::Log(ask) => (ask.filter.user.clone(), ask.after),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(
        filters.last().unwrap(),
        &(Some("anna@contoso.example".to_owned()), None)
    );
    page(&mut desk, some(110, 111));
    assert!(!desk.text().contains("user110@"));
    page(
        &mut desk,
        LogPage {
            entries: vec![entry(90, "anna@contoso.example", "reject", "Wrong code")],
            next: 111,
            more: false,
        },
    );
    assert!(desk.text().contains("Of anna@contoso.example, newest first"));
    desk.keys(&[Key::Char('a')]);
    assert!(desk.text().contains("All logins and changes"));
}

#[test]
fn one_key_shows_a_record_in_full_and_one_tells_why() {
    let mut desk = opened(some(100, 110));
    desk.keys(&[Key::Down, Key::Enter]);
    assert_eq!(desk.app.screen(), "log-entry");
    assert!(desk.text().contains("user108@contoso.example"));
    desk.keys(&[Key::Esc, Key::Char('w')]);
    assert_eq!(desk.app.screen(), "why");
    assert_eq!(desk.asked.last().unwrap().1.target(), "user108@contoso.example");
}

#[test]
fn screens() {
    let rows = || {
        let operator = LogEntry {
            kind: LogKind::Operator,
            by: "bernd".to_owned(),
            client: String::new(),
            station: String::new(),
            reason: "user unlock".to_owned(),
            ..entry(197, "anna@contoso.example", "done", "user unlock anna@contoso.example")
        };
        let system = LogEntry {
            kind: LogKind::System,
            user: String::new(),
            client: String::new(),
            station: String::new(),
            reason: "started".to_owned(),
            ..entry(1, "", "", "posternd 0.1.0 has started")
        };
        let unknown = LogEntry {
            client: "198.51.100.9".to_owned(),
            reason: "unknown-client".to_owned(),
            count: 12,
            ..entry(190, "", "silent", "The address 198.51.100.9 is no client of this box")
        };
        let yesterday = LogEntry {
            at: NOON.minus(Duration::from_secs(60 * 60 * 20)),
            ..entry(
                2,
                "björn.ångström.with.a.long.name@contoso.example",
                "challenge",
                "Password right; the code is asked for",
            )
        };
        let refused = LogEntry {
            directory_code: Some(50053),
            correlation: Some("7f1c9e0a-3a44-4d1f-9a32-bb4b1f6ad0c9".to_owned()),
            stages: vec!["client".to_owned(), "verified".to_owned(), "code".to_owned()],
            reason: "locked-at-directory".to_owned(),
            ..entry(
                198,
                "anna@contoso.example",
                "reject",
                "Entra ID has locked the account for now, or distrusts this box's address (AADSTS50053)",
            )
        };
        LogPage {
            entries: vec![
                system,
                yesterday,
                unknown,
                operator,
                refused,
                some(199, 200).entries.remove(0),
            ],
            next: 200,
            more: false,
        }
    };
    let lead = |desk: &mut Desk| {
        desk.open(Box::new(Log::new()), Role::Helpdesk);
        page(desk, rows());
    };
    snapshot("log", lead);
    snapshot("log-entry", |desk| {
        lead(desk);
        desk.keys(&[Key::Down, Key::Enter]);
    });
    snapshot("log-filter", |desk| {
        lead(desk);
        desk.keys(&[Key::Char('f')]);
        desk.types("anna@contoso.example");
    });
    snapshot("log-empty", |desk| {
        desk.open(Box::new(Log::new()), Role::Helpdesk);
        page(
            desk,
            LogPage {
                entries: Vec::new(),
                next: 0,
                more: false,
            },
        );
    });
    snapshot("log-full", |desk| {
        desk.open(Box::new(Log::new()), Role::Helpdesk);
        page(desk, some(100, 199));
        moves(desk, 0);
        desk.keys(&[Key::Down]);
        moves(desk, 1);
        page(desk, some(199, 201));
    });
}
