use super::*;
use crate::tokens::molto2::parse_profile;

const SERIAL: &str = "12345678";
const INFO: &str = "8041000000";
const TELLS: &str = "00000008313233343536373800006553f100";
const CHALLENGE: &str = "804b080000";
const GIVEN: &str = "1122334455667788";
const ANSWER: &str = "80ce000010550ec1328f963eb02972bb141e1cf521";
const CONFIG: &str = "84d401021a81141f01020f046553f10086090a01010b01060d011e1d87ec54";
const WRITE: &str = "84c50102245d848c69eb8e884e7d20591ff89adeff31fd80354bf08248e60d457774bbf06e9d9f396d";
const TITLE: &str = "84d5000214934363a4a0b27fe53ac3fbdbdc50a2706d031c44";
/// OpenSSL's: the time alone.
const TIME: &str = "84d401020c81060f046553f100d57026b2";

fn read(number: u8) -> String {
    format!("804100{number:02x}0170")
}

fn profile(title: &str, occupied: bool) -> String {
    let mut data = vec![0x95, 0x1F, 0x70, 0x1D, 0x20];
    let mut padded = title.as_bytes().to_vec();
    padded.resize(16, 0);
    data.extend(padded);
    data.extend([0x65, 0x53, 0xf1, 0, 0, 0, 0, 0, 1, 0x1E, 6, u8::from(occupied)]);
    HEXLOWER.encode(&data)
}

fn tells() -> Line {
    line(INFO, TELLS, 0x9000)
}

fn has(number: u8, title: &str, occupied: bool) -> Line {
    line(&read(number), &profile(title, occupied), 0x9000)
}

fn authenticates() -> [Line; 2] {
    [line(CHALLENGE, GIVEN, 0x9000), done(ANSWER)]
}

fn lines(occupied: bool) -> Vec<Line> {
    let mut lines = vec![tells(), has(2, "old", occupied)];
    lines.extend(authenticates());
    lines.extend([done(CONFIG), tells()]);
    lines.extend(authenticates());
    lines.extend([done(WRITE), done(TITLE)]);
    lines
}

fn google() -> Job {
    Job {
        profile: Some(2),
        title: "Google".to_owned(),
        ..job(SERIAL)
    }
}

#[test]
fn the_vectors_of_the_notes() {
    let mut script = Script::new(&lines(false));
    let (result, steps) = written(&mut script, Kind::Molto2, &google());
    assert_eq!(result, Ok(NOW));
    assert!(script.ended());
    assert_eq!(
        steps,
        [
            Step::Authenticate,
            Step::Configure,
            Step::AuthenticateAgain,
            Step::Seed,
            Step::Title
        ]
    );
}

#[test]
fn whatever_goes_wrong_it_is_never_believed_written() {
    let mut untitled = lines(false);
    untitled.pop();
    cut_everywhere(Kind::Molto2, &google(), &untitled, 4);
}

#[test]
fn a_title_that_fails_makes_no_failed_writing() {
    for fault in faults() {
        let mut cut = lines(false);
        cut.last_mut().unwrap().1 = fault.clone();
        let mut script = Script::new(&cut);
        assert_eq!(written(&mut script, Kind::Molto2, &google()).0, Ok(NOW), "{fault:?}");
        assert!(script.ended(), "{fault:?}");
    }
}

#[test]
fn an_occupied_profile_is_written_over_only_when_somebody_said_so() {
    let mut scan = vec![tells(), has(2, "anna", true)];
    scan.extend([
        has(0, "Token2", true),
        has(1, "bert", true),
        has(2, "anna", true),
        has(3, "", false),
    ]);
    let mut script = Script::new(&scan);
    let trouble = written(&mut script, Kind::Molto2, &google()).0.unwrap_err();
    assert!(script.ended());
    assert_eq!(
        trouble.words,
        "profile 2 (anna) holds a seed and nothing was written: profile 3 is free, or say that it may be written over"
    );
    assert_eq!(trouble.left, Left::AsBefore);
    let replace = Job {
        replace: true,
        ..google()
    };
    assert_eq!(
        written(&mut Script::new(&lines(true)), Kind::Molto2, &replace).0,
        Ok(NOW)
    );
}

#[test]
fn without_a_profile_the_first_free_one_is_named() {
    let none = Job {
        profile: None,
        ..google()
    };
    let script = [tells(), has(0, "Token2", true), has(1, "", false)];
    let trouble = written(&mut Script::new(&script), Kind::Molto2, &none).0.unwrap_err();
    assert_eq!(
        trouble.words,
        "a Molto-2 has many profiles: choose one, 1 is the first that is free"
    );
    let mut full = vec![tells()];
    full.extend((0..50).map(|number| has(number, "x", true)));
    full.push(line(&read(50), "", 0x6A86));
    let mut script = Script::new(&full);
    let trouble = written(&mut script, Kind::Molto2, &none).0.unwrap_err();
    assert!(script.ended());
    assert!(trouble.words.contains("all hold a seed"), "{}", trouble.words);
}

#[test]
fn a_profile_that_is_not_there_is_refused() {
    let at = |number| Job {
        profile: Some(number),
        ..google()
    };
    let script = [tells(), line(&read(60), "", 0x6A86)];
    let trouble = written(&mut Script::new(&script), Kind::Molto2, &at(60)).0.unwrap_err();
    assert!(trouble.words.contains("shows no profile 60"), "{}", trouble.words);
    assert_eq!(trouble.left, Left::AsBefore);
    // No device has it: not even asked.
    let trouble = written(&mut Script::new(&[tells()]), Kind::Molto2, &at(100))
        .0
        .unwrap_err();
    assert!(trouble.words.contains("shows no profile 100"), "{}", trouble.words);
}

#[test]
fn a_wrong_customer_key_is_tried_once() {
    for (status, words) in [
        (0x6307, "locks after 7 more tries"),
        (0x63C7, "locks after 7 more tries"),
        (0x63C1, "locks after one more try"),
        (0x6300, "no try is left"),
        (0x6983, "may be locked (6983)"),
    ] {
        let mut cut = lines(false)[..4].to_vec();
        // OpenSSL's answer, by the first 16 bytes of the SHA-1 of the house's key.
        cut[3] = line("80ce00001023e428c0b7b675fe55c8b17fc63a96b7", "", status);
        let job = Job {
            customer_key: Some(Secret::from("postern-key-2026")),
            ..google()
        };
        let trouble = written(&mut Script::new(&cut), Kind::Molto2, &job).0.unwrap_err();
        assert!(trouble.words.contains(words), "{}", trouble.words);
        assert!(trouble.words.contains("do not try again before"), "{}", trouble.words);
        assert_eq!((trouble.left, trouble.key_refused), (Left::AsBefore, true));
        assert!(!trouble.words.contains("postern-key"));
    }
}

#[test]
fn parameters_that_only_a_molto2_has() {
    let mut script = vec![tells(), has(99, "", false)];
    script.extend(authenticates());
    // OpenSSL's: SHA-256, 8 digits, 60 s. What follows is in the other vectors.
    script.push((
        "84d401631a81141f01020f046553f10086090a01020b01080d013c35ffa18d".to_owned(),
        Answer::Fails(LinkError::ReaderGone),
    ));
    let job = Job {
        profile: Some(99),
        parameters: TotpParameters {
            algorithm: Algorithm::Sha256,
            digits: 8,
            period: 60,
        },
        ..google()
    };
    let mut script = Script::new(&script);
    let trouble = written(&mut script, Kind::Molto2, &job).0.unwrap_err();
    assert!(script.ended());
    assert_eq!(
        trouble.words,
        "the Molto-2 was unplugged while it was configured; profile 99 may hold no seed: plug it in again and start over"
    );
    let sha512 = Job {
        parameters: TotpParameters {
            algorithm: Algorithm::Sha512,
            ..usual()
        },
        ..google()
    };
    assert!(written(&mut Script::new(&[]), Kind::Molto2, &sha512).0.is_err());
}

#[test]
fn another_device_gets_no_seed() {
    let other = line(INFO, "00000008313233343536373900006553f100", 0x9000);
    let trouble = written(&mut Script::new(std::slice::from_ref(&other)), Kind::Molto2, &google())
        .0
        .unwrap_err();
    assert_eq!(trouble.left, Left::AsBefore);
    assert!(trouble.words.contains("12345679"), "{}", trouble.words);
    let mut swapped = lines(false)[..6].to_vec();
    swapped[5] = other;
    let trouble = written(&mut Script::new(&swapped), Kind::Molto2, &google())
        .0
        .unwrap_err();
    assert_eq!(trouble.left, Left::Unknown);
    assert!(trouble.words.contains("12345679"), "{}", trouble.words);
}

#[test]
fn a_title_is_cut_to_12_bytes_between_characters() {
    let title = |name: &str| Title::new(name).map(|title| title.as_str().to_owned());
    for (name, cut) in [
        ("Google", "Google"),
        ("anna.meier@example.org", "anna.meier@e"),
        ("ääääääää", "ääääää"),
        ("xäääääää", "xäääää"),
        ("12345678901€", "12345678901"),
        ("😀😀😀😀", "😀😀😀"),
        (" anna \u{1b}[2J\n", "anna [2J"),
        ("anna meier   x", "anna meier"),
    ] {
        assert_eq!(title(name).as_deref(), Some(cut), "{name}");
        assert!(cut.len() <= 12);
    }
    for none in ["", "  ", "\n\u{7f}"] {
        assert_eq!(title(none), None);
    }
    // Without a title the seed is the last step.
    let untitled = Job {
        title: String::new(),
        ..google()
    };
    let mut script = Script::new(&lines(false)[..9]);
    assert_eq!(written(&mut script, Kind::Molto2, &untitled).0, Ok(NOW));
    assert!(script.ended());
}

#[test]
fn the_profiles_of_a_device_are_counted() {
    for (count, model) in [(50, "Molto-2"), (100, "Molto-2v2")] {
        let mut script = vec![tells()];
        script.extend((0..count).map(|number| has(number, if number == 0 { "To\u{202e}2" } else { "" }, number == 0)));
        if count == 50 {
            script.push(line(&read(50), "", 0x6A86));
        }
        let mut script = Script::new(&script);
        let placed = look(&mut script, Kind::Molto2, "pcsc:Molto", Timestamp(NOW.0 + 5000)).unwrap();
        assert!(script.ended());
        assert_eq!(
            (placed.profiles.len(), placed.model.as_str()),
            (usize::from(count), model)
        );
        assert_eq!((placed.clock_ahead, placed.clock_free), (Some(-5), true));
        assert_eq!(placed.profiles[0].title, "To\\u{202e}2");
        assert!(placed.profiles[0].occupied && !placed.profiles[1].occupied);
        assert_eq!(placed.profiles[usize::from(count) - 1].number, count - 1);
    }
}

#[test]
fn what_is_no_molto2_is_unfit_and_why() {
    let unfit = |lines: &[Line]| {
        look(&mut Script::new(lines), Kind::Molto2, "x", NOW)
            .unwrap_err()
            .to_string()
    };
    assert!(unfit(&[line(INFO, "", 0x6E00)]).contains("no Molto-2"));
    assert!(unfit(&[line(INFO, "00", 0x9000)]).contains("not as a Molto-2 does"));
    assert!(unfit(&[tells(), line(&read(0), "", 0x6D00)]).contains("shows no profile"));
    assert!(unfit(&[tells(), line(&read(0), "9500", 0x9000)]).contains("not as a Molto-2 does"));
    let single = line(INFO, "0000000e383635393632323030303030303100006553f100", 0x9000);
    let words = unfit(std::slice::from_ref(&single));
    assert!(words.contains("OTPC-P2-i") && words.contains("=single"), "{words}");
    let job = Job {
        profile: Some(2),
        ..job("86596220000001")
    };
    assert!(written(&mut Script::new(&[single]), Kind::Molto2, &job).0.is_err());
}

fn clock(script: &mut Script, profile: Option<u8>) -> Result<Timestamp, Trouble> {
    let job = ClockJob {
        serial: SERIAL,
        profile,
        // Not sent: a Molto-2 takes the time alone.
        parameters: TotpParameters {
            algorithm: Algorithm::Sha512,
            digits: 7,
            period: 1,
        },
        customer_key: None,
    };
    set_clock(script, Kind::Molto2, &job, &|| NOW, &mut |_| ())
}

fn clock_lines() -> Vec<Line> {
    let mut lines = vec![tells(), has(2, "anna", true)];
    lines.extend(authenticates());
    lines.push(done(TIME));
    lines
}

#[test]
fn the_time_alone_is_set() {
    let mut script = Script::new(&clock_lines());
    assert_eq!(clock(&mut script, Some(2)), Ok(NOW));
    assert!(script.ended());
    for at in 0..clock_lines().len() {
        for fault in faults() {
            let mut cut = clock_lines()[..=at].to_vec();
            cut[at].1 = fault.clone();
            let trouble = clock(&mut Script::new(&cut), Some(2)).unwrap_err();
            assert_sound(&trouble, &format!("{at} {fault:?}"));
            let unknown = at == 4 && !refused_outright(&fault);
            assert_eq!(trouble.left == Left::Unknown, unknown, "{at} {fault:?}");
        }
    }
    let empty = [tells(), has(2, "", false)];
    let trouble = clock(&mut Script::new(&empty), Some(2)).unwrap_err();
    assert!(trouble.words.contains("holds no seed"), "{}", trouble.words);
}

#[test]
fn a_profile_is_read_only_in_its_known_shape() {
    let data = HEXLOWER.decode(profile("twelve bytes and", true).as_bytes()).unwrap();
    let read = parse_profile(&data).unwrap();
    assert_eq!((read.title.as_str(), read.occupied), ("twelve bytes and", true));
    for end in 0..data.len() {
        assert!(parse_profile(&data[..end]).is_err(), "{end}");
    }
    let mut longer = data.clone();
    longer.push(0);
    assert!(parse_profile(&longer).is_err());
    for at in 0..4 {
        let mut other = data.clone();
        other[at] ^= 1;
        assert!(parse_profile(&other).is_err(), "{at}");
    }
    // What no notes say of the last byte is a seed that must not be written over.
    let mut odd = data.clone();
    *odd.last_mut().unwrap() = 0x80;
    assert!(parse_profile(&odd).unwrap().occupied);
    *odd.last_mut().unwrap() = 0;
    odd[5..21].fill(0xFF);
    let read = parse_profile(&odd).unwrap();
    assert_eq!((read.title.chars().count(), read.occupied), (16, false));
}
