//! One token after another.

use super::sim::lock;
use super::*;

const LINE: &str = "token program --users f --device pcsc";
const THREE: &[(&str, &str)] = &[("f", "\u{feff}# the new ones\nanna\n\n  berta \nclara\n")];

fn drawer(count: u64) -> Vec<Arc<Mutex<Single>>> {
    (1..=count)
        .map(|number| single(&format!("8659622{number:07}")))
        .collect()
}

/// The first lies there; after so many pauses each, the next one does.
fn table(drawer: &[Arc<Mutex<Single>>], pauses: usize) -> Table {
    let mut table = Table::with(drawer[0].clone());
    for (number, next) in drawer.iter().enumerate().skip(1) {
        let next = next.clone();
        table = table.at(number * pauses - 1, move |lies| {
            lies.insert("pcsc".to_owned(), next.clone());
        });
    }
    table
}

fn outcomes(json: &serde_json::Value) -> Vec<String> {
    let users = json["users"].as_array().unwrap();
    users
        .iter()
        .map(|row| row["outcome"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn each_user_gets_a_token_and_none_gets_anothers() {
    let drawer = drawer(3);
    let fake = Fake::new(&["anna", "berta", "clara"]);
    // The token that was just written lies there until somebody takes it away.
    let mut table = table(&drawer, 2);
    let ran = carried(LINE, &"\n123456\n".repeat(3), THREE, &mut table, &fake);
    assert_eq!(ran.status, 0, "{}\n{}", ran.out, ran.err);
    for (number, one) in drawer.iter().enumerate() {
        assert_eq!(
            lock(one).seed.as_deref(),
            Some(fake.0.lock().unwrap().seeds[number].expose())
        );
        assert_eq!(lock(one).seeds, 1);
    }
    for words in [
        "[1/3] anna",
        "[3/3] clara",
        "that is the token of anna: take it away and place the next one",
    ] {
        assert!(ran.err.contains(words), "{words}: {}", ran.err);
    }
    assert_eq!(
        ran.out.lines().next(),
        Some("3 users: 3 with a token that counts, 0 that wait for a code, 0 left out, 0 failed, 0 not reached")
    );
    assert_eq!(
        ran.out.lines().nth(2),
        Some("berta                                    active            OTPC-P2-i 86596220000002")
    );
}

#[test]
fn with_yes_nothing_is_asked_but_codes() {
    let fake = Fake::new(&["anna", "berta", "clara"]);
    let line = format!("--json {LINE} --yes");
    let json = carried(&line, &"123456\n".repeat(3), THREE, &mut table(&drawer(3), 1), &fake).json();
    assert_eq!(
        (json["active"].as_u64(), outcomes(&json)),
        (Some(3), vec!["active".to_owned(); 3])
    );
    assert_eq!(json["users"][1]["serial"], "86596220000002");
}

#[test]
fn users_are_left_out_fail_and_wait_and_the_summary_says_so() {
    let fake = Fake::new(&["anna", "clara"]);
    // Anna is left out, berta is unknown, clara's code comes later.
    let line = format!("--json {LINE}");
    let ran = carried(&line, "s\n\n\n", THREE, &mut table(&drawer(1), 1), &fake);
    let json = ran.json();
    assert_eq!(
        (ran.status, outcomes(&json)),
        (1, vec!["left-out".into(), "failed".into(), "waiting".into()])
    );
    assert!(json["users"][1]["why"].as_str().unwrap().contains("no user berta"));
    assert_eq!(json["users"][2]["token"], 1);
    let fake = Fake::new(&["anna", "clara"]);
    let ran = carried(LINE, "s\n\n\n", THREE, &mut table(&drawer(1), 1), &fake);
    assert!(
        ran.out.contains("WAITS FOR A CODE") && ran.out.contains("postern token program clara --resume"),
        "{}",
        ran.out
    );
    assert!(
        ran.err
            .ends_with("postern: 3 of 3 users have no token that counts from this run\n"),
        "{}",
        ran.err
    );
    // The operator ends it, or standard input does.
    for typed in ["\n123456\nq\n", "\n123456\n"] {
        let fake = Fake::new(&["anna", "berta", "clara"]);
        let ran = carried(&line, typed, THREE, &mut table(&drawer(2), 1), &fake);
        assert_eq!(
            (ran.status, outcomes(&ran.json())),
            (1, vec!["active".into(), "not-reached".into(), "not-reached".into()])
        );
    }
}

#[test]
fn another_token_may_be_taken_instead() {
    let drawer = drawer(2);
    let used = token(7, "dora", "86596220000001", None, true, TokenStatus::Active);
    let fake = Fake::new(&["anna"]).having(used);
    let files = &[("f", "anna")];
    let ran = carried(LINE, "n\n\n123456\n", files, &mut table(&drawer, 1), &fake);
    assert_eq!(
        (ran.status, lock(&drawer[0]).seeds, lock(&drawer[1]).seeds),
        (0, 0, 1),
        "{}",
        ran.err
    );
    assert!(
        ran.err.contains("token 7 of dora, which counts") && ran.err.contains("place another token"),
        "{}",
        ran.err
    );
    // With --yes nobody can be asked, so it is left alone.
    let used = token(7, "dora", "86596220000001", None, true, TokenStatus::Active);
    let fake = Fake::new(&["anna"]).having(used);
    let ran = carried(&format!("{LINE} --yes"), "", files, &mut table(&drawer[..1], 1), &fake);
    assert!(
        ran.status == 1 && ran.out.contains("--replace says that this may be"),
        "{}",
        ran.out
    );
    assert_eq!(lock(&drawer[0]).seeds, 0);
}

#[test]
fn a_token_that_is_taken_away_is_tried_again_with_another_seed() {
    let (drawer, fake) = (drawer(1), Fake::new(&["anna"]));
    let mut one = table(&drawer, 1);
    // Taken away at the seed, and there again for the next try.
    one.cut = Some((7, true));
    let again = {
        let mut table = table(&drawer, 1);
        table.cut = None;
        table
    };
    let ran = carried(LINE, "\n\n", &[("f", "anna")], &mut one, &fake);
    assert!(
        ran.err.contains("may hold no seed") && ran.err.contains("Enter to try again"),
        "{}",
        ran.err
    );
    assert_eq!((ran.status, fake.asked().contains(&"token written")), (1, false));
    let ran = carried(LINE, "\n123456\n", &[("f", "anna")], &mut { again }, &fake);
    assert_eq!(ran.status, 0, "{}", ran.err);
    let seeds = &fake.0.lock().unwrap().seeds;
    assert_ne!(seeds[0], seeds[1]);
    assert_eq!(lock(&drawer[0]).seed.as_deref(), Some(seeds.last().unwrap().expose()));
}

#[test]
fn a_file_of_names_is_read_before_anybody_is_asked() {
    for (text, words) in [
        ("", "holds no name"),
        ("# nobody\n\n", "holds no name"),
        ("anna\nAnna\n", "line 2: Anna stands on line 1 already"),
        ("anna\nbe\u{202e}rta\n", "line 2: "),
    ] {
        let fake = Fake::new(&["anna"]);
        let ran = carried(LINE, "", &[("f", text)], &mut table(&drawer(1), 1), &fake);
        assert!(
            ran.status == 1 && ran.err.contains(words) && fake.asked().is_empty(),
            "{text:?}: {}",
            ran.err
        );
    }
    let ran = carried(
        "token program --users none --device pcsc",
        "",
        &[],
        &mut Table::default(),
        &Fake::default(),
    );
    assert!(ran.status == 1 && ran.err.contains("none is not there"), "{}", ran.err);
}

#[test]
fn fifty_tokens_in_one_run() {
    let names: Vec<String> = (1..=50).map(|n| format!("u{n}")).collect();
    let users: Vec<&str> = names.iter().map(String::as_str).collect();
    let (drawer, fake) = (drawer(50), Fake::new(&users));
    let text = names.join("\n");
    let ran = carried(
        &format!("--json {LINE} --yes"),
        &"123456\n".repeat(50),
        &[("f", &text)],
        &mut table(&drawer, 1),
        &fake,
    );
    assert_eq!((ran.status, ran.json()["active"].as_u64()), (0, Some(50)));
    assert!(drawer.iter().all(|one| lock(one).seeds == 1));
}

#[test]
fn a_token_of_this_run_is_nobody_elses_however_long_ago_it_was_written() {
    let (drawer, fake) = (drawer(2), Fake::new(&["anna", "berta", "clara"]));
    // Anna's, berta's, and then anna's once more.
    let first = drawer[0].clone();
    let mut table = table(&drawer, 1).at(1, move |lies| {
        lies.insert("pcsc".to_owned(), first.clone());
    });
    let line = format!("{LINE} --yes --replace --wait 5");
    let ran = carried(&line, &"123456\n".repeat(3), THREE, &mut table, &fake);
    assert_eq!((ran.status, lock(&drawer[0]).seeds, lock(&drawer[1]).seeds), (1, 1, 1));
    assert!(ran.out.contains("that is the token of anna"), "{}", ran.out);
}

#[test]
fn enter_alone_writes_over_nobodys_token() {
    for (more, typed, seeds) in [
        ("", "\n\n", 0),
        ("", "y\nq\n", 0),
        ("", "yes\n123456\n", 1),
        (" --replace", "\n123456\n", 1),
    ] {
        let drawer = drawer(1);
        let used = token(7, "dora", "86596220000001", None, true, TokenStatus::Active);
        let fake = Fake::new(&["anna"]).having(used);
        let line = format!("{LINE}{more}");
        let ran = carried(&line, typed, &[("f", "anna")], &mut table(&drawer, 1), &fake);
        assert_eq!(lock(&drawer[0]).seeds, seeds, "{more} {typed:?}: {}", ran.err);
        assert_eq!(fake.asked().contains(&"token program"), seeds == 1, "{typed:?}");
    }
}
