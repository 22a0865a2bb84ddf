use super::*;

const SERIAL: &str = "86596220000001";
const INFO: &str = "80410000020211";
const TELLS: &str = "0000000e383635393632323030303030303100006553f100";
const CHALLENGE: &str = "804b08000100";
const GIVEN: &str = "1122334455667788";
const ANSWER: &str = "80ce0000108b7450f22721bc29985c2c460b65045d";
const CONFIG: &str = "84d400001781111f01010f046553f10086060a01010d011e4ffdc288";
const WRITE: &str = "84c50100245e5856092fd3228d4d33eee3daac4b55ce37d18d332b7ac6a40e8661fa23042af47b0153";
const WRITE_16: &str = "84c50100245e5856092fd3228d4d33eee3daac4b55d219efc9972fed9191df027fd36a80b0442ee403";
/// OpenSSL's, of 12345678901234567890123456789012.
const WRITE_32: &str = "84c50100345e5856092fd3228d4d33eee3daac4b555de80aa99074ab9727640c64ff67d124d219efc9972fed9191df027fd36a80b0f97ff0ca";
/// OpenSSL's: SHA-256, 60 s.
const CONFIG_256_60: &str = "84d400001781111f01010f046553f10086060a01020d013cdb9d9aae";

fn lines() -> Vec<Line> {
    vec![
        line(INFO, TELLS, 0x9000),
        line(CHALLENGE, GIVEN, 0x9000),
        done(ANSWER),
        done(CONFIG),
        line(INFO, TELLS, 0x9000),
        line(CHALLENGE, GIVEN, 0x9000),
        done(ANSWER),
        done(WRITE),
    ]
}

/// What such a token says of itself.
fn tells(serial: &str) -> String {
    format!("0000000e{}00006553f100", HEXLOWER.encode(serial.as_bytes()))
}

fn says(serial: &str) -> Line {
    line(INFO, &tells(serial), 0x9000)
}

#[test]
fn the_transcript_of_the_notes() {
    let mut script = Script::new(&lines());
    let (result, steps) = written(&mut script, Kind::Single, &job(SERIAL));
    assert_eq!(result, Ok(NOW));
    assert!(script.ended());
    assert_eq!(
        steps,
        [Step::Authenticate, Step::Configure, Step::AuthenticateAgain, Step::Seed]
    );
}

#[test]
fn seeds_of_whole_blocks_and_the_other_parameters() {
    let mut script = lines();
    script[7] = done(WRITE_16);
    let sixteen = Job {
        seed: Secret::from("1234567890123456"),
        ..job(SERIAL)
    };
    assert_eq!(written(&mut Script::new(&script), Kind::Single, &sixteen).0, Ok(NOW));
    script[3] = done(CONFIG_256_60);
    script[7] = done(WRITE_32);
    let longest = Job {
        seed: Secret::from("12345678901234567890123456789012"),
        parameters: TotpParameters {
            algorithm: Algorithm::Sha256,
            digits: 6,
            period: 60,
        },
        ..job(SERIAL)
    };
    assert_eq!(written(&mut Script::new(&script), Kind::Single, &longest).0, Ok(NOW));
}

#[test]
fn whatever_goes_wrong_it_is_never_believed_written() {
    cut_everywhere(Kind::Single, &job(SERIAL), &lines(), 3);
}

#[test]
fn the_words_of_a_token_taken_away() {
    let words = |at: usize| {
        let mut cut = lines()[..=at].to_vec();
        cut[at].1 = Answer::Fails(LinkError::TokenGone);
        written(&mut Script::new(&cut), Kind::Single, &job(SERIAL))
            .0
            .unwrap_err()
            .words
    };
    assert_eq!(
        words(2),
        "the token was taken away while it was asked whether it takes the key; nothing was written: place it again, leave it there \
         until it is done, and start over"
    );
    assert_eq!(
        words(3),
        "the token was taken away while it was configured; the token may hold no seed: place it again and start over"
    );
    assert_eq!(
        words(7),
        "the token was taken away while its seed was written; the token may hold no seed: place it again and start over"
    );
}

#[test]
fn one_try_of_the_key_and_no_more() {
    for (at, left) in [(2, Left::AsBefore), (6, Left::Unknown)] {
        let mut cut = lines()[..=at].to_vec();
        cut[at].1 = Answer::Says(String::new(), 0x6983);
        let trouble = written(&mut Script::new(&cut), Kind::Single, &job(SERIAL))
            .0
            .unwrap_err();
        assert_eq!(trouble.left, left);
        assert!(
            trouble.words.contains("may be locked (6983)") && trouble.words.contains("do not try again"),
            "{}",
            trouble.words
        );
    }
}

#[test]
fn a_challenge_of_another_length_is_not_answered() {
    for given in ["", "11223344556677", "112233445566778899"] {
        for at in [1, 5] {
            let mut cut = lines()[..=at].to_vec();
            cut[at].1 = Answer::Says(given.to_owned(), 0x9000);
            let trouble = written(&mut Script::new(&cut), Kind::Single, &job(SERIAL))
                .0
                .unwrap_err();
            assert_sound(&trouble, given);
        }
    }
}

#[test]
fn another_token_than_the_jobs_is_refused() {
    let trouble = written(&mut Script::new(&[says("86596220000002")]), Kind::Single, &job(SERIAL))
        .0
        .unwrap_err();
    assert_eq!(
        trouble.words,
        "token 86596220000002 lies there, not 86596220000001: nothing was written, place the right one"
    );
    assert_eq!(trouble.left, Left::AsBefore);
}

#[test]
fn a_token_put_in_the_place_of_the_configured_one_gets_no_seed() {
    let mut swapped = lines()[..5].to_vec();
    swapped[4] = says("86596220000002");
    let mut script = Script::new(&swapped);
    let trouble = written(&mut script, Kind::Single, &job(SERIAL)).0.unwrap_err();
    assert!(script.ended());
    assert_eq!(trouble.left, Left::Unknown);
    assert!(
        trouble.words.contains("86596220000002") && trouble.words.contains("the first may hold none"),
        "{}",
        trouble.words
    );
    // Swapped so fast that it answers the challenge, it does not know our authentication and refuses the configuration.
    let mut swapped = lines()[..4].to_vec();
    swapped[3].1 = Answer::Says(String::new(), 0x6983);
    let trouble = written(&mut Script::new(&swapped), Kind::Single, &job(SERIAL))
        .0
        .unwrap_err();
    assert_eq!(trouble.left, Left::AsBefore);
}

#[test]
fn what_cannot_be_is_refused_before_anything_is_sent() {
    let with = |change: &dyn Fn(&mut Job)| {
        let mut job = job(SERIAL);
        change(&mut job);
        job
    };
    for (job, words) in [
        (with(&|j| j.parameters.digits = 8), "cannot show 8 digits"),
        (with(&|j| j.parameters.algorithm = Algorithm::Sha512), "SHA-256 only"),
        (with(&|j| j.parameters.period = 45), "45 s"),
        (with(&|j| j.seed = Secret::new(vec![0; 20])), "all zeros"),
        (with(&|j| j.seed = Secret::default()), "0 bytes"),
        (with(&|j| j.seed = Secret::new(vec![1; 64])), "64 bytes"),
        (with(&|j| j.profile = Some(3)), "no profile 3"),
    ] {
        let (result, steps) = written(&mut Script::new(&[]), Kind::Single, &job);
        let trouble = result.unwrap_err();
        assert!(trouble.words.contains(words), "{}", trouble.words);
        assert_eq!((trouble.left, steps), (Left::AsBefore, vec![]));
    }
    for seconds in [0, 1_577_836_799, 0x1_0000_0000, u64::MAX / 1000] {
        let clock = || Timestamp(seconds * 1000);
        let trouble = write(&mut Script::new(&[]), Kind::Single, &job(SERIAL), &clock, &mut |_| ()).unwrap_err();
        assert!(trouble.words.contains("clock"), "{}", trouble.words);
    }
}

#[test]
fn the_time_is_that_of_the_moment_it_is_sent() {
    // The clock moves while the token is looked at; its last value before the configuration goes into it.
    let asked = std::cell::Cell::new(0);
    let clock = || {
        asked.set(asked.get() + 1);
        Timestamp(NOW.0 - 2000 + 1000 * asked.get())
    };
    let result = write(
        &mut Script::new(&lines()),
        Kind::Single,
        &job(SERIAL),
        &clock,
        &mut |_| (),
    );
    assert_eq!(result, Ok(NOW));
    // A clock that stops being one in the middle stops the writing before it.
    let asked = std::cell::Cell::new(0);
    let clock = || {
        asked.set(asked.get() + 1);
        if asked.get() == 1 { NOW } else { Timestamp(0) }
    };
    let mut script = Script::new(&lines()[..3]);
    let trouble = write(&mut script, Kind::Single, &job(SERIAL), &clock, &mut |_| ()).unwrap_err();
    assert!(script.ended());
    assert_eq!(trouble.left, Left::AsBefore);
}

#[test]
fn what_lies_there_is_told() {
    let placed = look(
        &mut Script::new(&[line(INFO, TELLS, 0x9000)]),
        Kind::Single,
        "pcsc:Reader",
        Timestamp(NOW.0 - 12_000),
    )
    .unwrap();
    assert_eq!(
        placed,
        Placed {
            device: "pcsc:Reader".to_owned(),
            serial: SERIAL.to_owned(),
            model: "OTPC-P2-i".to_owned(),
            clock_ahead: Some(12),
            clock_free: false,
            profiles: vec![],
        }
    );
    let placed = look(
        &mut Script::new(&[says("86596320000001")]),
        Kind::Single,
        "x",
        Timestamp(u64::MAX),
    )
    .unwrap();
    assert!(placed.clock_free && placed.clock_ahead.unwrap() < 0);
}

#[test]
fn what_is_no_token_is_unfit_and_why() {
    let unfit = |answer: Line| look(&mut Script::new(&[answer]), Kind::Single, "x", NOW).unwrap_err();
    for status in [0x6D00, 0x6E00, 0x6A82, 0x6A86, 0x6983, 0x1234] {
        let words = unfit(line(INFO, "", status)).to_string();
        assert!(
            words.contains("no token that can be programmed") && words.contains(&format!("{status:04X}")),
            "{words}"
        );
    }
    for data in ["", "00", "000000ff", "0000000e3836"] {
        let words = unfit(line(INFO, data, 0x9000)).to_string();
        assert!(words.contains("not as a token does"), "{words}");
    }
    let words = unfit(says("86596990000001")).to_string();
    assert!(
        words.contains("86596990000001") && words.contains("nothing is written") && words.contains("Molto-2"),
        "{words}"
    );
    let gone = (INFO.to_owned(), Answer::Fails(LinkError::TokenGone));
    assert_eq!(unfit(gone), Unfit::Link(LinkError::TokenGone));
    // Neither is written to.
    for foreign in [line(INFO, "", 0x6D00), says("86596990000001")] {
        let trouble = written(&mut Script::new(&[foreign]), Kind::Single, &job("86596990000001"))
            .0
            .unwrap_err();
        assert_eq!(trouble.left, Left::AsBefore);
    }
}

fn clock_lines() -> Vec<Line> {
    vec![
        says("86596320000001"),
        line(CHALLENGE, GIVEN, 0x9000),
        done(ANSWER),
        done(CONFIG),
    ]
}

fn set(script: &mut Script, serial: &str, parameters: TotpParameters) -> Result<Timestamp, Trouble> {
    let job = ClockJob {
        serial,
        profile: None,
        parameters,
        customer_key: None,
    };
    set_clock(script, Kind::Single, &job, &|| NOW, &mut |_| ())
}

#[test]
fn a_free_clock_is_set_with_the_parameters_that_the_token_has() {
    let mut script = Script::new(&clock_lines());
    assert_eq!(set(&mut script, "86596320000001", usual()), Ok(NOW));
    assert!(script.ended());
    let mut other = clock_lines();
    other[3] = done(CONFIG_256_60);
    let parameters = TotpParameters {
        algorithm: Algorithm::Sha256,
        digits: 6,
        period: 60,
    };
    assert_eq!(set(&mut Script::new(&other), "86596320000001", parameters), Ok(NOW));
}

#[test]
fn a_clock_that_costs_the_seed_is_never_set() {
    for model in models::MODELS {
        let serial = format!("{}0000001", model.prefix);
        let mut lines = clock_lines();
        lines[0] = says(&serial);
        if model.clock_free {
            assert_eq!(
                set(&mut Script::new(&lines), &serial, usual()),
                Ok(NOW),
                "{}",
                model.name
            );
            continue;
        }
        // Nothing but the look was sent: no key was tried.
        let mut script = Script::new(&lines[..1]);
        let trouble = set(&mut script, &serial, usual()).unwrap_err();
        assert_eq!(trouble.left, Left::AsBefore);
        assert_eq!(
            trouble.words,
            format!(
                "a {} loses its seed when its clock is set, so nothing was written: program it anew instead",
                model.name
            )
        );
    }
}

#[test]
fn a_clock_that_is_not_set_is_never_believed_set() {
    for at in 0..4 {
        for fault in faults() {
            let mut cut = clock_lines()[..=at].to_vec();
            cut[at].1 = fault.clone();
            let trouble = set(&mut Script::new(&cut), "86596320000001", usual()).unwrap_err();
            assert_sound(&trouble, &format!("{at} {fault:?}"));
            let unknown = at == 3 && !refused_outright(&fault);
            assert_eq!(trouble.left == Left::Unknown, unknown, "{at} {fault:?}");
            assert_eq!(trouble.words.contains("old or the new one"), unknown);
        }
    }
    assert!(set(&mut Script::new(&clock_lines()[..1]), "86596320000002", usual()).is_err());
}
