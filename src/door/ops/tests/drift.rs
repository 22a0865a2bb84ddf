//! How the clocks of hardware tokens go, told from a journal whose times were made up.
#![allow(clippy::print_stdout)] // The measurement's figures.

use super::*;
use crate::audit::{Attempt, FirstUsed, Outcome, Reason, SecondUsed, Stages};
use crate::control::{DriftHistory, DriftList};
use crate::door::events::encode;
use crate::store::records::{SeedMark, Timestamp, TokenId};

const DAY: u64 = 86_400_000;
const PERIOD: u64 = 30_000;

fn login(at: u64, mark: SeedMark, step: u64, drift: i8) -> Event {
    Event::Attempt(Box::new(Attempt {
        at: Timestamp(at),
        took_ms: 1,
        user: None,
        name: "anna@contoso.example".to_owned(),
        client: None,
        client_name: "vpn".to_owned(),
        source: None,
        station: String::new(),
        nas: String::new(),
        outcome: Outcome::Accept,
        reason: Reason::Accepted {
            first: FirstUsed::Entra,
            second: SecondUsed::Totp,
        },
        stages: Stages::default(),
        directory: None,
        spent: Some(Spent { mark, step, drift }),
        count: 1,
    }))
}

/// A user of that name with one active hardware token; its number.
async fn hardware(rig: &Rig, name: &str, key: &Secret, serial: &str, parameters: OtpParameters) -> TokenId {
    let row = ImportRow {
        line: 1,
        user: name.to_owned(),
        serial: serial.to_owned(),
        seed: key.clone(),
        parameters,
        counter: 0,
        model: "OTPC-P2-i".to_owned(),
    };
    let batch = ImportBatch {
        rows: vec![row],
        dry_run: false,
        active: true,
    };
    rig.ok(Request::ImportBatch(batch)).await;
    let mut token = rig.door.store.tokens_of(rig.id(name)).unwrap()[0].clone();
    // As old as its logins.
    token.created = Timestamp(token.created.0 - 400 * DAY);
    let id = token.id;
    rig.door
        .store
        .apply(vec![crate::store::Change::PutToken(token)])
        .unwrap();
    id
}

/// Logins of a token that was right `days` ago and gains so much, every so many days, read and sent within seconds; the last one so
/// many days ago. The box has followed it.
fn logins(rig: &Rig, key: &Secret, ppm: f64, days: u64, every: u64, last: u64) {
    let (now, mark) = (crate::clock::wall().0, rig.door.sealer.seed_mark(key.expose()));
    // The same at whatever moment this runs.
    let begin = (now - days * DAY) / PERIOD * PERIOD;
    let mut n = 0_u64;
    for day in (0..days - last).step_by(usize::try_from(every).unwrap()) {
        n += 1;
        // Now early in a step, now late.
        let at = begin + day * DAY + (n * 7_919) % PERIOD;
        let token = at as f64 + (at - begin) as f64 * ppm / 1e6 - 4_000.0;
        let step = token as u64 / PERIOD;
        let steps = i8::try_from((at - begin) as i64 * (ppm * 1000.0) as i64 / 1_000_000_000 / PERIOD as i64).unwrap();
        let event = login(at, mark, step, steps);
        rig.door.logins.append_wait(Timestamp(at), encode(&event)).unwrap();
        rig.door.store.raise_step(mark, step, steps);
    }
}

async fn list(rig: &Rig) -> DriftList {
    match rig.ok(Request::DriftList).await {
        Answer::Drift(list) => list,
        other => panic!("{other:?}"),
    }
}

async fn history(rig: &Rig, user: &str, id: TokenId) -> DriftHistory {
    let show = Request::DriftShow {
        user: user.to_owned(),
        id,
    };
    match rig.ok(show).await {
        Answer::DriftHistory(history) => history,
        other => panic!("{other:?}"),
    }
}

async fn look(rig: &Rig) -> u64 {
    Arc::clone(&rig.door).look_at_clocks().await.unwrap()
}

fn name(who: &str) -> String {
    format!("{who}@contoso.example")
}

/// From now; negative: ago.
fn days_to(at: Timestamp) -> f64 {
    (at.0 as f64 - crate::clock::wall().0 as f64) / DAY as f64
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_whose_clocks_leave_the_window_are_listed_the_soonest_first() {
    let rig = Rig::open();
    let totp = OtpParameters::default();
    assert_eq!(list(&rig).await, DriftList::default(), "not worked out yet");
    let mut ids = Vec::new();
    for (n, who) in ["limit", "seldom", "right", "away", "gone", "off"]
        .into_iter()
        .enumerate()
    {
        let serial = format!("86596220{n:05}");
        ids.push(hardware(&rig, &name(who), &seed(n as u8 + 1), &serial, totp).await);
    }
    hardware(
        &rig,
        &name("counter"),
        &seed(20),
        "8659622100001",
        OtpParameters::Hotp(HOTP),
    )
    .await;
    rig.user(&name("app")).await;
    rig.token(&name("app"), Some(&seed(21)), true).await;
    // It follows up to 21.5 steps, 645 s: 20 ppm are 1.728 s a day, so that is after 373 days.
    logins(&rig, &seed(1), 20.0, 330, 1, 0);
    // Each month, the last one 50 days ago; 10 ppm are 0.864 s a day, and 45 s are 52 days.
    logins(&rig, &seed(2), -10.0, 351, 30, 50);
    logins(&rig, &seed(3), 0.3, 330, 3, 0);
    // Out of the window for half a year: nobody waits for it.
    logins(&rig, &seed(4), 20.0, 380, 7, 230);
    logins(&rig, &seed(5), 20.0, 330, 2, 0);
    logins(&rig, &seed(6), 20.0, 330, 2, 0);
    // What no clock moves, and a phone.
    logins(&rig, &seed(20), 20.0, 330, 2, 0);
    logins(&rig, &seed(21), 20.0, 330, 2, 0);
    rig.ok(Request::UserDisable { name: name("off") }).await;

    assert_eq!(look(&rig).await, 3);
    let gone = Request::TokenRemove {
        user: name("gone"),
        id: ids[4],
    };
    rig.ok(gone).await;
    let found = list(&rig).await;
    assert!(found.as_of.is_some_and(|at| days_to(at).abs() < 0.01));
    let names: Vec<&str> = found.tokens.iter().map(|one| one.token.user.as_str()).collect();
    assert_eq!(
        (names.as_slice(), found.total),
        ([name("seldom").as_str(), &name("limit")].as_slice(), 2)
    );
    let [seldom, limit] = &found.tokens[..] else {
        panic!("{found:?}");
    };
    assert_eq!((seldom.token.id, limit.token.id), (ids[1], ids[0]));
    assert!((limit.offset_seconds - 570).abs() < 8, "{limit:?}");
    assert!(
        (limit.millis_per_day - 1_728).abs() < 60 && limit.logins == 330,
        "{limit:?}"
    );
    assert!((days_to(limit.leaves) - 43.0).abs() < 8.0, "{limit:?}");
    assert!(
        limit.why.contains("gains 1.7 s a day") && limit.why.contains("further off than the box follows"),
        "{limit:?}"
    );
    assert!(
        limit.why.ends_with("another token, or program this one anew"),
        "its clock cannot be set: {limit:?}"
    );
    assert!((seldom.millis_per_day + 864).abs() < 150, "{seldom:?}");
    assert!(
        days_to(seldom.leaves).abs() < 25.0 && days_to(seldom.last) < -48.0,
        "{seldom:?}"
    );
    assert!(
        seldom.why.contains("loses 0.")
            && seldom
                .why
                .contains("postern token resync seldom@contoso.example CODE CODE"),
        "{seldom:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_was_set_is_forgotten_and_begins_anew() {
    let rig = Rig::open();
    let (key, user) = (seed(1), name("anna"));
    // A model whose clock can be set.
    let id = hardware(&rig, &user, &key, "8659600000001", OtpParameters::default()).await;
    logins(&rig, &key, 20.0, 365, 1, 0);
    assert_eq!(look(&rig).await, 1);
    let found = list(&rig).await;
    let command = format!("postern token clock {user} {} --device DEVICE", id.0);
    assert!(found.tokens[0].why.ends_with(&command), "{found:?}");
    assert!((0.0..14.0).contains(&days_to(found.tokens[0].leaves)), "{found:?}");
    let alarms = |rig: &Rig| {
        rig.door
            .alarms
            .list()
            .iter()
            .filter(|alarm| alarm.code == "token-clocks")
            .count()
    };
    assert_eq!(alarms(&rig), 1);
    let before = history(&rig, &user, id).await;
    assert_eq!(before.points.len(), 200, "the newest");
    assert!(
        before.points.is_sorted_by_key(|point| point.at) && before.points[199].seconds >= 570,
        "{:?}",
        before.points[199]
    );
    assert!((before.millis_per_day.unwrap() - 1_728).abs() < 60 && before.leaves.is_some());

    let set = Request::TokenClockSet { user: user.clone(), id };
    rig.ok(set).await;
    let mark = rig.door.sealer.seed_mark(key.expose());
    assert_eq!(rig.events().last(), Some(&Event::ClockSet(rig.id(&user), mark)));
    assert_eq!(list(&rig).await.total, 0, "at once");
    assert_eq!(look(&rig).await, 0);
    assert_eq!(alarms(&rig), 0);
    let after = history(&rig, &user, id).await;
    assert_eq!(
        (after.points.len(), after.millis_per_day, after.leaves),
        (200, None, None)
    );
    let rig = rig.reopen();
    assert_eq!(look(&rig).await, 0, "after a restart too");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_tokens_logins_are_shown_and_a_counter_has_none() {
    let rig = Rig::open();
    let (anna, ben) = (name("anna"), name("ben"));
    let id = hardware(&rig, &anna, &seed(1), "8659622000001", OtpParameters::default()).await;
    let none = history(&rig, &anna, id).await;
    assert_eq!((none.points.len(), none.millis_per_day, none.leaves), (0, None, None));
    // A code that the helpdesk typed is one as well.
    let resync = Request::TokenResync {
        user: anna.clone(),
        first: code(&seed(1), 9),
        second: code(&seed(1), 10),
    };
    rig.ok(resync).await;
    let one = history(&rig, &anna, id).await;
    assert!(
        one.points.len() == 1 && (270..=300).contains(&one.points[0].seconds),
        "{one:?}"
    );
    let counter = hardware(&rig, &ben, &seed(2), "8659622000002", OtpParameters::Hotp(HOTP)).await;
    let show = |user: &str, id| Request::DriftShow {
        user: user.to_owned(),
        id,
    };
    let line = rig.fails(FailureKind::Refused, show(&ben, counter)).await;
    assert!(line.contains("has no clock"), "{line}");
    rig.fails(FailureKind::NotFound, show(&anna, counter)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r19_no_forecast_while_the_clock_is_not_trusted() {
    let dir = tempfile::tempdir().unwrap();
    let state = dir.path().join("state");
    let rig = Rig::open_at(dir);
    rig.door.close();
    let Rig { ops, door, dir, .. } = rig;
    drop((ops, door));
    let newest = crate::clock::wall().plus(std::time::Duration::from_secs(86_400));
    std::fs::write(state.join("newest-time"), newest.0.to_string()).unwrap();
    let rig = Rig::open_at(dir);
    assert!(Arc::clone(&rig.door).look_at_clocks().await.is_err());
    assert_eq!(list(&rig).await, DriftList::default());
}

/// Peak of the process's memory, in MB.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() / 1024
}

/// Waits of a code's record for the disk, one after another for so long: how many, the usual and the longest of a hundred.
fn waits(rig: &Rig, time: std::time::Duration) -> (usize, [std::time::Duration; 2]) {
    let begun = std::time::Instant::now();
    let mut waits = Vec::new();
    while begun.elapsed() < time {
        let one = std::time::Instant::now();
        let at = crate::clock::wall();
        let event = login(at.0, SeedMark([9; 16]), at.0 / PERIOD, 0);
        rig.door.logins.append_wait(at, encode(&event)).unwrap();
        waits.push(one.elapsed());
    }
    waits.sort_unstable();
    let at = |share: usize| waits[(waits.len() - 1) * share / 100];
    (waits.len(), [at(50), at(99)])
}

/// 100,000 tokens and a journal of 1 GB (`POSTERN_DRIFT_MB`): what a look takes, and what it does to those who wait for the journal.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "a measurement: minutes and a GB of disk"]
async fn measure_a_look_at_a_gigabyte() {
    let megabytes: u64 = std::env::var("POSTERN_DRIFT_MB").map_or(1_024, |mb| mb.parse().unwrap());
    let tokens: u64 = 100_000;
    let rig = Rig::open();
    let key = |n: u64| Secret::new([n.to_be_bytes(), [7; 8]].concat());
    for some in 0..tokens / 1_000 {
        let rows = (some * 1_000..(some + 1) * 1_000).map(|n| ImportRow {
            line: n,
            user: name(&format!("user{n}")),
            serial: format!("8659622{n:06}"),
            seed: key(n),
            parameters: OtpParameters::default(),
            counter: 0,
            model: "OTPC-P2-i".to_owned(),
        });
        let batch = ImportBatch {
            rows: rows.collect(),
            dry_run: false,
            active: true,
        };
        rig.ok(Request::ImportBatch(batch)).await;
    }
    let marks: Vec<SeedMark> = (0..tokens)
        .map(|n| rig.door.sealer.seed_mark(key(n).expose()))
        .collect();
    let now = crate::clock::wall().0;
    let payload = encode(&login(now, marks[0], now / PERIOD, 0)).len() as u64 + 40;
    let entries = (megabytes << 20) / payload;
    for n in 0..entries {
        let at = now - 380 * DAY + n * (379 * DAY / entries);
        // A token in fifty loses a second and a half a day.
        let mark = n * 7_919 % tokens;
        let behind = if mark.is_multiple_of(50) {
            n * 379 * 1_500 / entries
        } else {
            0
        };
        let event = login(at, marks[mark as usize], (at - 3_000 - behind) / PERIOD, 0);
        let done = |n: u64| (n.is_multiple_of(100_000)).then_some(());
        match done(n) {
            Some(()) => drop(rig.door.logins.append_wait(Timestamp(at), encode(&event)).unwrap()),
            None => rig.door.logins.append(Timestamp(at), encode(&event), None),
        }
    }
    rig.door
        .logins
        .append_wait(Timestamp(now), encode(&Event::Voided))
        .unwrap();
    let memory = peak();
    let quiet = waits(&rig, std::time::Duration::from_secs(5));
    let begun = std::time::Instant::now();
    let looking = tokio::spawn(Arc::clone(&rig.door).look_at_clocks());
    let busy = tokio::task::block_in_place(|| waits(&rig, std::time::Duration::from_secs(5)));
    let total = looking.await.unwrap().unwrap();
    println!(
        "{entries} entries of {payload} bytes, {tokens} tokens: {:?}, {total} leave their window",
        begun.elapsed()
    );
    println!("peak of memory before {memory} MB, after {} MB", peak());
    println!("a record's wait for the disk: (count, [usual, 99 of 100 below]) alone {quiet:?}, beside it {busy:?}");
    let one = std::time::Instant::now();
    let id = rig.show(&name("user7")).await.tokens[0].id;
    let points = history(&rig, &name("user7"), id).await.points.len();
    println!("one token's {points} logins: {:?}", one.elapsed());
    assert!(total > 0 && busy.0 > 100);
}
