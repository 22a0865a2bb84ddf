//! One token for one user, and the clock alone.

use super::sim::lock;
use super::*;

const PROGRAM: &str = "token program anna --device pcsc";

#[test]
fn a_token_is_shown_written_and_counts_with_its_code() {
    let anna = single(SERIAL);
    lock(&anna).quartz = Quartz::ahead(&clock(), -5);
    let (mut table, fake) = (Table::with(anna.clone()), Fake::new(&["anna"]));
    let ran = carried(PROGRAM, "\n123 456\n", &[], &mut table, &fake);
    assert_eq!(ran.status, 0, "{}", ran.err);
    assert_eq!(
        fake.asked(),
        [
            "user show",
            "token serial",
            "token program",
            "token written",
            "token confirm"
        ]
    );
    assert_eq!(lock(&anna).seed, Some(fake.seed()));
    assert_eq!(fake.tokens(), [(1, "anna".to_owned(), TokenStatus::Active)]);
    assert_eq!(ran.out, "token 1 of anna is active; its clock is right\n");
    for words in [
        "OTPC-P2-i 86596220000001, its clock is 5 s behind\n",
        "a new seed for anna: SHA-1, 6 digits, 30 s; what it held before is gone then\n",
        "away from others",
        "write it? [Y/n]\n",
        "code that OTPC-P2-i 86596220000001 shows (empty: later):\n",
    ] {
        assert!(ran.err.contains(words), "{words}: {}", ran.err);
    }
    assert!(lock(&anna).display().is_some());
    assert_eq!(lock(&anna).quartz.now(), NOW.seconds() as u32);
}

#[test]
fn the_document_holds_the_token_and_nothing_stands_beside_it() {
    let (mut table, fake) = (Table::with(single(SERIAL)), Fake::new(&["anna"]));
    let line = format!("--json {PROGRAM} --yes --algorithm sha256 --period 60");
    let json = carried(&line, "123456\n", &[], &mut table, &fake).json();
    assert_eq!(
        (json["outcome"].as_str(), json["token"]["id"].as_u64()),
        (Some("active"), Some(1))
    );
    assert_eq!(json["removed"], serde_json::json!([]));
    let asked = &fake.0.lock().unwrap().asked;
    let Some(Request::TokenProgram(ask)) = asked.iter().find(|one| one.word() == "token program") else {
        panic!("{asked:?}");
    };
    assert_eq!(
        (
            ask.parameters.algorithm,
            ask.parameters.period,
            ask.replace,
            ask.profile
        ),
        (Algorithm::Sha256, 60, false, None)
    );
}

#[test]
fn nothing_is_written_before_somebody_says_yes() {
    for typed in ["n\n", "no\n", "x\n", ""] {
        let anna = single(SERIAL);
        let (mut table, fake) = (Table::with(anna.clone()), Fake::new(&["anna"]));
        let ran = carried(PROGRAM, typed, &[], &mut table, &fake);
        assert_eq!(ran.status, 1, "{typed:?}");
        assert!(ran.err.ends_with("postern: nothing was written\n"), "{}", ran.err);
        assert_eq!((lock(&anna).seeds, fake.tokens().len()), (0, 0));
    }
    // Nor for somebody whom nobody knows, or while the clock is not trusted.
    let anna = single(SERIAL);
    let (mut table, fake) = (Table::with(anna.clone()), Fake::new(&["berta"]));
    let ran = carried(PROGRAM, "\n", &[], &mut table, &fake);
    assert!(ran.status == 1 && ran.err.contains("no user anna"), "{}", ran.err);
    let fake = Fake::new(&["anna"]);
    fake.0.lock().unwrap().untrusted = true;
    let ran = carried(PROGRAM, "\n", &[], &mut table, &fake);
    assert!(ran.status == 1 && ran.err.contains("not trusted"), "{}", ran.err);
    assert_eq!(lock(&anna).seeds, 0);
}

#[test]
fn a_reused_token_asks_first() {
    let used = || Fake::new(&["anna"]).having(token(7, "berta", SERIAL, None, true, TokenStatus::Active));
    for (line, typed, written) in [
        (PROGRAM, "yes\n123456\n", true),
        (PROGRAM, "y\n123456\n", true),
        (PROGRAM, "\n", false),
        (PROGRAM, "", false),
        ("token program anna --device pcsc --yes", "123456\n", false),
        ("token program anna --device pcsc --yes --replace", "123456\n", true),
        ("token program anna --device pcsc --replace", "\n123456\n", true),
    ] {
        let (anna, fake) = (single(SERIAL), used());
        let ran = carried(line, typed, &[], &mut Table::with(anna.clone()), &fake);
        assert_eq!(
            (ran.status == 0, lock(&anna).seeds),
            (written, u32::from(written)),
            "{line} {typed:?}"
        );
        assert!(ran.err.contains("token 7 of berta, which counts"), "{}", ran.err);
        let replaces = |one: &Request| matches!(one, Request::TokenProgram(ask) if ask.replace);
        assert_eq!(fake.0.lock().unwrap().asked.iter().any(replaces), written);
    }
    // What only waits for a code is nobody's loss.
    let fake = Fake::new(&["anna"]).having(token(7, "berta", SERIAL, None, true, TokenStatus::Pending));
    let ran = carried(PROGRAM, "\n123456\n", &[], &mut Table::with(single(SERIAL)), &fake);
    assert_eq!(ran.status, 0, "{}", ran.err);
}

#[test]
fn cut_at_any_command_it_is_never_told_to_be_written() {
    let all = {
        let (mut table, fake) = (Table::with(single(SERIAL)), Fake::new(&["anna"]));
        carried(PROGRAM, "\n123456\n", &[], &mut table, &fake);
        *table.commands.clone().lock().unwrap()
    };
    assert_eq!(
        all, 9,
        "look; again, two for the key, configuration; again, two for the key, seed"
    );
    for at in 1..all {
        for late in [false, true] {
            let (anna, fake) = (single(SERIAL), Fake::new(&["anna"]));
            let mut table = Table::with(anna.clone());
            table.cut = Some((at, late));
            let ran = carried(PROGRAM, "\n123456\n", &[], &mut table, &fake);
            let asked = fake.asked();
            assert_eq!(ran.status, 1, "{at} {late}: {}", ran.err);
            assert!(
                !asked.contains(&"token written") && !asked.contains(&"token confirm"),
                "{asked:?}"
            );
            assert_eq!(fake.tokens(), [(1, "anna".to_owned(), TokenStatus::Pending)]);
            assert_eq!(ran.err.lines().filter(|line| line.starts_with("postern: ")).count(), 1);
            // From the configuration on nobody can know what is in it.
            let unsure = ran.err.contains("may hold no seed");
            assert_eq!(unsure, at >= 4, "{at} {late}: {}", ran.err);
        }
    }
}

#[test]
fn a_token_without_its_code_waits_and_is_resumed() {
    let fake = Fake::new(&["anna"]);
    let anna = single(SERIAL);
    let ran = carried(
        PROGRAM,
        "\n000000\nabc\n111111\n123456\n",
        &[],
        &mut Table::with(anna.clone()),
        &fake,
    );
    assert_eq!(ran.status, 1);
    assert!(
        ran.err.contains("the code fits no token") && ran.err.contains("6 or 8 digits"),
        "{}",
        ran.err
    );
    assert!(
        ran.err.ends_with(
            "postern: OTPC-P2-i 86596220000001 is written and waits for its code (the code fits no token that waits): \
             `postern token program anna --resume` asks for it again\n"
        ),
        "{}",
        ran.err
    );
    // Nothing is on the reader any more, and none is needed.
    let line = "token program anna --resume";
    let ran = carried(line, "", &[], &mut Table::default(), &fake);
    assert!(ran.status == 1 && ran.err.contains("waits for its code"), "{}", ran.err);
    let json = carried(&format!("--json {line}"), "", &[], &mut Table::default(), &fake).json();
    assert_eq!(json["error"]["kind"], "refused");
    let ran = carried(line, "123456\n", &[], &mut Table::default(), &fake);
    assert_eq!(
        (ran.status, ran.out.as_str()),
        (0, "token 1 of anna is active; its clock is right\n")
    );
    let ran = carried(line, "123456\n", &[], &mut Table::default(), &fake);
    assert!(
        ran.status == 1 && ran.err.contains("no hardware token that waits"),
        "{}",
        ran.err
    );
    let fake = Fake::new(&["anna"]).having(token(3, "anna", SERIAL, None, false, TokenStatus::Pending));
    let ran = carried(line, "123456\n", &[], &mut Table::default(), &fake);
    assert!(ran.status == 1 && ran.err.contains("without --resume"), "{}", ran.err);
    assert!(!fake.asked().contains(&"token confirm"));
}

#[test]
fn posternd_hears_that_it_is_written_even_if_it_starts_again_meanwhile() {
    for (deaf, status) in [(3, 0), (10, 1)] {
        let fake = Fake::new(&["anna"]);
        fake.0.lock().unwrap().deaf = deaf;
        let ran = carried(PROGRAM, "\n123456\n", &[], &mut Table::with(single(SERIAL)), &fake);
        assert_eq!(ran.status, status, "{}", ran.err);
        assert_eq!(
            ran.err
                .contains("the token has its seed, but posternd does not know it"),
            status == 1
        );
    }
}

#[test]
fn it_waits_for_a_token_and_says_what_it_waits_for() {
    let anna = single(SERIAL);
    let place = anna.clone();
    let mut table = Table::default().at(3, move |lies| {
        lies.insert("pcsc".to_owned(), place.clone());
    });
    let ran = carried(
        &format!("{PROGRAM} --yes"),
        "123456\n",
        &[],
        &mut table,
        &Fake::new(&["anna"]),
    );
    assert_eq!((ran.status, table.pauses), (0, 4), "{}", ran.err);
    assert_eq!(
        ran.err.matches("no token lies on the reader").count(),
        1,
        "told once: {}",
        ran.err
    );
    // For so long and no longer.
    let mut table = Table::default();
    let ran = carried(
        &format!("{PROGRAM} --yes --wait 5"),
        "",
        &[],
        &mut table,
        &Fake::new(&["anna"]),
    );
    assert_eq!((ran.status, table.pauses), (1, 10), "{}", ran.err);
    let ran = carried(
        &format!("{PROGRAM} --wait 0"),
        "",
        &[],
        &mut Table::default(),
        &Fake::new(&["anna"]),
    );
    assert_eq!(
        (ran.status, ran.err.as_str()),
        (1, "postern: no token lies on the reader: place it there, switched on\n")
    );
    // A pcscd that starts again in the middle is waited for, one that does not come back is not.
    let back = single(SERIAL);
    let mut table = Table {
        broken: 3..6,
        ..Table::default()
    };
    table = table.at(7, move |lies| {
        lies.insert("pcsc".to_owned(), back.clone());
    });
    let ran = carried(
        &format!("{PROGRAM} --yes"),
        "123456\n",
        &[],
        &mut table,
        &Fake::new(&["anna"]),
    );
    assert_eq!(ran.status, 0, "{}", ran.err);
    assert!(ran.err.contains("pcscd is away"), "{}", ran.err);
    let mut table = Table {
        broken: 3..1000,
        ..Table::default()
    };
    let ran = carried(PROGRAM, "", &[], &mut table, &Fake::new(&["anna"]));
    assert_eq!((ran.status, table.pauses), (1, 23), "{}", ran.err);
    let mut broken = Table {
        trouble: Some(LinkError::Reader("pcscd does not run".to_owned())),
        ..Table::default()
    };
    let ran = carried(PROGRAM, "", &[], &mut broken, &Fake::new(&["anna"]));
    assert_eq!((ran.status, ran.err.as_str()), (1, "postern: pcscd does not run\n"));
}

#[test]
fn an_unknown_model_and_a_profile_that_it_has_not_are_refused() {
    let stranger = single("12345670000001");
    let ran = carried(
        PROGRAM,
        "\n",
        &[],
        &mut Table::with(stranger.clone()),
        &Fake::new(&["anna"]),
    );
    assert!(ran.status == 1 && ran.err.contains("no model is known"), "{}", ran.err);
    let ran = carried(
        &format!("{PROGRAM} --profile 1"),
        "\n",
        &[],
        &mut Table::with(single(SERIAL)),
        &Fake::new(&["anna"]),
    );
    assert!(ran.status == 1 && ran.err.contains("has one profile"), "{}", ran.err);
    assert_eq!(lock(&stranger).seeds, 0);
}

#[test]
fn r19_a_clock_is_set_alone_where_that_loses_nothing_and_only_by_a_trusted_one() {
    let line = "token clock anna 7 --device pcsc";
    let of = |serial: &str| Fake::new(&["anna"]).having(token(7, "anna", serial, None, true, TokenStatus::Active));
    let late = |serial: &str| {
        let one = single(serial);
        let mut token = lock(&one);
        token.seed = Some(vec![7; 20]);
        token.quartz = Quartz::ahead(&clock(), -300);
        drop(token);
        one
    };
    let anna = late(FREE);
    let fake = of(FREE);
    let ran = carried(line, "", &[], &mut Table::with(anna.clone()), &fake);
    assert_eq!(ran.status, 0, "{}", ran.err);
    assert!(
        ran.err.contains("5 min behind") && ran.out.contains("is set to the box's"),
        "{}{}",
        ran.err,
        ran.out
    );
    assert_eq!(fake.asked(), ["token list", "time show", "token clock"]);
    assert_eq!(lock(&anna).quartz.now(), NOW.seconds() as u32);
    assert!(lock(&anna).seed.is_some());
    let json = carried(&format!("--json {line}"), "", &[], &mut Table::with(anna), &of(FREE)).json();
    assert_eq!(json["id"], 7);

    let refused = |fake: &Fake, table: &mut Table, words: &str| {
        let ran = carried(line, "", &[], table, fake);
        assert!(ran.status == 1 && ran.err.contains(words), "{words}: {}", ran.err);
        assert!(!fake.asked().contains(&"token clock"));
    };
    // A model that would lose its seed, another token than the one meant, none, a counter token, an app.
    let restricted = late(SERIAL);
    refused(&of(SERIAL), &mut Table::with(restricted.clone()), "loses its seed");
    assert!(lock(&restricted).seed.is_some());
    refused(&of(FREE), &mut Table::with(restricted), "not 86596120000001");
    refused(&of(FREE), &mut Table::default(), "no token lies");
    refused(&Fake::new(&["anna"]), &mut Table::default(), "has no token 7");
    let mut counter = token(7, "anna", FREE, None, true, TokenStatus::Active);
    counter.period = None;
    refused(
        &Fake::new(&["anna"]).having(counter),
        &mut Table::with(late(FREE)),
        "no clock",
    );
    let app = token(7, "anna", "", None, true, TokenStatus::Active);
    refused(
        &Fake::new(&["anna"]).having(app),
        &mut Table::with(late(FREE)),
        "no hardware token",
    );
    let untrusted = of(FREE);
    untrusted.0.lock().unwrap().untrusted = true;
    let anna = late(FREE);
    refused(&untrusted, &mut Table::with(anna.clone()), "it waits for NTP");
    assert_eq!(lock(&anna).quartz.now(), NOW.seconds() as u32 - 300);
}
