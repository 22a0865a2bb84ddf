//! A Molto-2: its profiles, its keys, its button.

use super::sim::lock;
use super::sim::molto2::Molto2;
use super::*;

const PROGRAM: &str = "token program anna --device pcsc --kind molto2 --yes";
const MOLTO: &str = "84101000000001";
const KEYS: &[(&str, &str)] = &[("new", "0123456789abcdef"), ("short", "0123")];

fn molto(full: &[usize]) -> Arc<Mutex<Molto2>> {
    let mut molto = Molto2::new(MOLTO, 50, &clock());
    for &number in full {
        molto.profiles[number].seed = Some(vec![9; 20]);
        molto.profiles[number].title = b"VPN".to_vec();
    }
    Arc::new(Mutex::new(molto))
}

/// What was asked for as the profile.
fn profile(fake: &Fake) -> Option<u8> {
    let asked = &fake.0.lock().unwrap().asked;
    asked.iter().find_map(|one| match one {
        Request::TokenProgram(ask) => ask.profile,
        _ => None,
    })
}

#[test]
fn the_first_empty_profile_is_taken_or_the_one_that_is_named() {
    for (full, more, taken) in [(&[][..], "", 0), (&[0, 1], "", 2), (&[0], " --profile 7 --digits 8", 7)] {
        let (molto, fake) = (molto(full), Fake::new(&["anna"]));
        let ran = carried(
            &format!("{PROGRAM}{more}"),
            "123456\n",
            &[],
            &mut Table::with(molto.clone()),
            &fake,
        );
        assert_eq!((ran.status, profile(&fake)), (0, Some(taken)), "{}", ran.err);
        let profile = lock(&molto).profiles[usize::from(taken)].clone();
        assert_eq!((profile.seed, profile.title), (Some(fake.seed()), b"anna".to_vec()));
        assert!(
            ran.err
                .contains(&format!("its profile {taken} gets a new seed for anna")),
            "{}",
            ran.err
        );
    }
}

#[test]
fn an_occupied_profile_asks_first_and_a_missing_one_is_refused() {
    let line = "token program anna --device pcsc --kind molto2 --profile 3";
    for (more, typed, status) in [
        ("", "yes\n123456\n", 0),
        ("", "\n", 1),
        (" --yes", "", 1),
        (" --yes --replace", "123456\n", 0),
    ] {
        let (molto, fake) = (molto(&[3]), Fake::new(&["anna"]));
        let ran = carried(
            &format!("{line}{more}"),
            typed,
            &[],
            &mut Table::with(molto.clone()),
            &fake,
        );
        assert_eq!(
            (ran.status, u32::from(ran.status == 0)),
            (status, lock(&molto).profiles[3].seeds),
            "{}",
            ran.err
        );
        assert!(ran.err.contains("profile 3 (VPN) holds a seed"), "{}", ran.err);
    }
    let all: Vec<usize> = (0..50).collect();
    for (full, more, words) in [
        (&[][..], " --profile 50", "has no profile 50"),
        (&all, "", "every profile"),
    ] {
        let ran = carried(
            &format!("{PROGRAM}{more}"),
            "",
            &[],
            &mut Table::with(molto(full)),
            &Fake::new(&["anna"]),
        );
        assert!(ran.status == 1 && ran.err.contains(words), "{}", ran.err);
    }
}

#[test]
fn another_users_profile_is_none_of_this_ones() {
    let other = token(7, "berta", MOLTO, Some(0), true, TokenStatus::Active);
    let fake = Fake::new(&["anna"]).having(other);
    let ran = carried(PROGRAM, "123456\n", &[], &mut Table::with(molto(&[0])), &fake);
    assert_eq!((ran.status, profile(&fake)), (0, Some(1)), "{}", ran.err);
    assert!(!ran.err.contains("berta"));
    let line = format!("{PROGRAM} --profile 0");
    let ran = carried(&line, "", &[], &mut Table::with(molto(&[0])), &fake);
    assert!(ran.status == 1 && ran.err.contains("token 7 of berta"), "{}", ran.err);
}

#[test]
fn a_batch_fills_profile_after_profile() {
    let (molto, fake) = (molto(&[1]), Fake::new(&["anna", "berta", "clara"]));
    let line = "--json token program --users f --device pcsc --kind molto2 --yes";
    let names = &[("f", "anna\nberta\nclara\n")];
    // Berta's code is missing: her profile is hers all the same.
    let ran = carried(
        line,
        "123456\n\n123456\n",
        names,
        &mut Table::with(molto.clone()),
        &fake,
    );
    let json = ran.json();
    let rows: Vec<_> = json["users"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["profile"].as_u64())
        .collect();
    assert_eq!(rows, [Some(0), Some(2), Some(3)]);
    let titles: Vec<_> = lock(&molto).profiles[..4].iter().map(|one| one.title.clone()).collect();
    assert_eq!(
        titles,
        [b"anna".to_vec(), b"VPN".to_vec(), b"berta".to_vec(), b"clara".to_vec()]
    );
    // From a named one on, whatever they hold.
    let fake = Fake::new(&["anna", "berta", "clara"]);
    let line = format!("{line} --profile 1 --replace");
    let json = carried(&line, &"123456\n".repeat(3), names, &mut Table::with(molto), &fake).json();
    let rows: Vec<_> = json["users"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["profile"].as_u64())
        .collect();
    assert_eq!(rows, [Some(1), Some(2), Some(3)]);
}

#[test]
fn the_houses_key_comes_from_posternd_and_a_wrong_one_is_tried_once() {
    let molto = molto(&[]);
    lock(&molto).set_customer_key(b"0123456789abcdef");
    let fake = Fake::new(&["anna"]);
    let ran = carried(PROGRAM, "", &[], &mut Table::with(molto.clone()), &fake);
    assert!(
        ran.status == 1 && ran.err.contains("does not take the key, and locks after 9 more tries"),
        "{}",
        ran.err
    );
    fake.0.lock().unwrap().customer_key = Some(Secret::from("0123456789abcdef"));
    let ran = carried(PROGRAM, "123456\n", &[], &mut Table::with(molto), &fake);
    assert_eq!(ran.status, 0, "{}", ran.err);
}

#[test]
fn a_refused_key_ends_a_batch_at_its_first_try() {
    for (more, typed) in [(" --yes", ""), ("", "\n\n\n\n\n\n")] {
        let molto = molto(&[]);
        lock(&molto).set_customer_key(b"0123456789abcdef");
        let fake = Fake::new(&["anna", "berta", "clara"]);
        let line = format!("token program --users f --device pcsc --kind molto2{more}");
        let names = &[("f", "anna\nberta\nclara\n")];
        let ran = carried(&line, typed, names, &mut Table::with(molto.clone()), &fake);
        assert!(ran.out.contains("1 failed, 2 not reached"), "{}", ran.out);
        assert!(
            ran.err.contains("the run ends here: the key was refused"),
            "{}",
            ran.err
        );
        assert_eq!(fake.0.lock().unwrap().seeds.len(), 1);
        // The next try is the second of ten.
        let ran = carried(PROGRAM, "", &[], &mut Table::with(molto), &fake);
        assert!(ran.err.contains("locks after 8 more tries"), "{}", ran.err);
    }
}

#[test]
fn what_this_run_began_itself_it_may_write_over() {
    // Every other profile is full: without leave for its own half-written one, a second try has none.
    let full: Vec<usize> = (0..50).filter(|number| *number != 3).collect();
    let all = {
        let mut table = Table::with(molto(&full));
        carried(PROGRAM, "123456\n", &[], &mut table, &Fake::new(&["anna"]));
        *table.commands.clone().lock().unwrap()
    };
    // The answer to the seed is lost: the profile holds it, and nobody knows.
    let (molto, fake) = (molto(&full), Fake::new(&["anna"]));
    let mut table = Table::with(molto.clone());
    (table.cut, table.once) = (Some((all - 2, true)), true);
    let line = "token program --users f --device pcsc --kind molto2 --yes";
    let ran = carried(line, "123456\n", &[("f", "anna")], &mut table, &fake);
    assert_eq!(ran.status, 0, "{}\n{}", ran.out, ran.err);
    assert!(ran.err.contains("may hold no seed"), "{}", ran.err);
    let profile = lock(&molto).profiles[3].clone();
    assert_eq!((profile.seeds, profile.seed), (2, Some(fake.seed())));
    let replaces = |one: &Request| matches!(one, Request::TokenProgram(ask) if ask.replace);
    assert!(
        !fake.0.lock().unwrap().asked.iter().any(replaces),
        "no token of the box is given up"
    );
    // One token: the words name the profile that the next run is to take.
    let mut table = Table::with(self::molto(&full));
    table.cut = Some((all - 2, true));
    let ran = carried(PROGRAM, "123456\n", &[], &mut table, &Fake::new(&["anna"]));
    assert!(ran.status == 1 && ran.err.contains("--profile 3"), "{}", ran.err);
}

fn device(line: &str, typed: &str, molto: &Arc<Mutex<Molto2>>, fake: &Fake) -> Printed {
    let press = molto.clone();
    let mut table = Table::with(molto.clone()).at(1, move |_| lock(&press).press());
    let line = format!("{line} --device pcsc --kind molto2");
    carried(&line, typed, KEYS, &mut table, fake)
}

#[test]
fn a_device_is_shown_with_its_profiles() {
    let (molto, fake) = (molto(&[0, 12]), Fake::default());
    let ran = device("token device show", "", &molto, &fake);
    assert_eq!(
        ran.out,
        format!(
            "Molto-2 {MOLTO}, its clock is right\n  0  holds a seed  VPN\n 12  holds a seed  VPN\n2 of 50 profiles hold a seed\n"
        )
    );
    let json = device("--json token device show", "", &molto, &fake).json();
    assert_eq!(
        (json["profiles"].as_array().unwrap().len(), json["serial"].as_str()),
        (50, Some(MOLTO))
    );
    let mut table = Table::with(single(SERIAL));
    let ran = carried("token device show --device pcsc", "", &[], &mut table, &fake);
    assert_eq!(
        ran.out,
        "OTPC-P2-i 86596220000001, its clock is right\nits seed is lost when its clock is set\n"
    );
    let ran = carried("token device reset --device pcsc --yes", "", &[], &mut table, &fake);
    assert!(ran.status == 1 && ran.err.contains("is no Molto-2"), "{}", ran.err);
    assert!(fake.asked().is_empty());
}

#[test]
fn titles_seeds_and_keys_of_a_device() {
    let (molto, fake) = (molto(&[4]), Fake::default());
    let ran = device("token device title --profile 4 'Contoso GmbH & Co'", "", &molto, &fake);
    assert!(
        ran.status == 0 && ran.out.contains("is now called Contoso GmbH"),
        "{}{}",
        ran.out,
        ran.err
    );
    assert_eq!(lock(&molto).profiles[4].title, b"Contoso GmbH");
    assert!(lock(&molto).profiles[4].seed.is_some());
    let ran = device("token device title --profile 50 x", "", &molto, &fake);
    assert!(ran.status == 1 && ran.err.contains("no profile 50"), "{}", ran.err);

    // Deleting asks first, and says whose it is.
    let hers = Fake::default().having(token(7, "anna", MOLTO, Some(4), true, TokenStatus::Active));
    let ran = device("token device delete --profile 4", "\n", &molto, &hers);
    assert!(
        ran.status == 1 && ran.err.contains("`postern token remove anna 7`"),
        "{}",
        ran.err
    );
    assert!(lock(&molto).profiles[4].seed.is_some());
    let ran = device("token device delete --profile 4", "yes\n", &molto, &hers);
    assert!(
        ran.status == 0 && lock(&molto).profiles[4].seed.is_none(),
        "{}",
        ran.err
    );
    let ran = device("token device delete --profile 4 --yes", "", &molto, &hers);
    assert!(ran.status == 1 && ran.err.contains("holds no seed"), "{}", ran.err);

    // A key of the house needs the button; afterwards only that key is taken.
    let ran = device("token device key --new-key-file short", "", &molto, &fake);
    assert!(ran.status == 1 && ran.err.contains("16 bytes"), "{}", ran.err);
    let ran = device("token device key --new-key-file new", "", &molto, &fake);
    assert!(ran.status == 0 && ran.err.contains("press the button"), "{}", ran.err);
    let ran = device("token device title --profile 1 x", "", &molto, &fake);
    assert!(
        ran.status == 1 && ran.err.contains("does not take the key"),
        "{}",
        ran.err
    );
    let ran = device("token device title --profile 1 x --key-file new", "", &molto, &fake);
    assert_eq!(ran.status, 0, "{}", ran.err);
}

#[test]
fn a_reset_asks_first_and_needs_the_button() {
    let (molto, fake) = (molto(&[4]), Fake::default());
    for typed in ["", "\n", "n\n"] {
        let ran = device("token device reset", typed, &molto, &fake);
        assert!(
            ran.status == 1 && lock(&molto).profiles[4].seed.is_some(),
            "{}",
            ran.err
        );
    }
    let mut table = Table::with(molto.clone());
    let ran = carried(
        "token device reset --device pcsc --kind molto2 --yes",
        "",
        &[],
        &mut table,
        &fake,
    );
    assert!(ran.status == 1 && ran.err.contains("nobody pressed"), "{}", ran.err);
    assert!(lock(&molto).profiles[4].seed.is_some() && table.pauses >= 20);
    let ran = device("token device reset", "yes\n", &molto, &fake);
    assert!(
        ran.status == 0 && lock(&molto).profiles[4].seed.is_none(),
        "{}",
        ran.err
    );
}
