use super::*;

const SERIAL: &str = "12345678";
const INFO: &str = "8041000000";
const TELLS: &str = "00000008313233343536373800006553f100";
/// OpenSSL's, for the key `postern-key-2026`.
const NEW_KEY: &str = "84d700002443b331208fcec6fff0c1ef9d0b502a1c9b947d5f48f1be6548d413b1177c6b7bae1dc826";
const ANSWER_OLD: &str = "80ce000010550ec1328f963eb02972bb141e1cf521";
const ANSWER_NEW: &str = "80ce00001023e428c0b7b675fe55c8b17fc63a96b7";
const RESET: &str = "8056000000";

fn open(answer: &str, status: u16) -> [Line; 2] {
    [line("804b080000", "1122334455667788", 0x9000), line(answer, "", status)]
}

fn start() -> Vec<Line> {
    let mut lines = vec![line(INFO, TELLS, 0x9000)];
    lines.extend(open(ANSWER_OLD, 0x9000));
    lines
}

fn new_key(lines: &[Line]) -> (Result<(), Trouble>, u32, bool) {
    let mut waits = 0;
    let mut script = Script::new(lines);
    let result = set_customer_key(
        &mut script,
        SERIAL,
        None,
        &Secret::from("postern-key-2026"),
        &mut |asked| {
            assert_eq!(asked, waits);
            waits += 1;
        },
    );
    (result, waits, script.ended())
}

#[test]
fn a_customer_key_is_set_when_the_new_one_is_taken() {
    // Pending, pending, done; pending, then refused since the key has changed; done at once, which is still no proof.
    for answers in [
        &[0x9060, 0x9001, 0x9000][..],
        &[0x9060, 0x6982],
        &[0x9000, 0x6983],
        &[0x9000, 0x9000],
    ] {
        let mut lines = start();
        lines.extend(answers.iter().map(|status| line(NEW_KEY, "", *status)));
        lines.extend(open(ANSWER_NEW, 0x9000));
        let (result, waits, ended) = new_key(&lines);
        assert_eq!(result, Ok(()), "{answers:x?}");
        assert!(ended);
        assert_eq!(waits as usize, answers.len() - 1);
    }
}

#[test]
fn a_button_that_nobody_presses_ends_the_waiting() {
    let mut lines = start();
    lines.extend((0..PRESS_ASKS).map(|_| line(NEW_KEY, "", 0x9060)));
    lines.extend(open(ANSWER_NEW, 0x63C7));
    let (result, waits, ended) = new_key(&lines);
    let trouble = result.unwrap_err();
    assert!(ended && waits == PRESS_ASKS);
    assert_eq!(trouble.left, Left::AsBefore);
    assert!(trouble.words.contains("press its button"), "{}", trouble.words);
    assert!(!trouble.words.contains("postern-key"));
    let seconds = PRESS_PAUSE * PRESS_ASKS;
    assert_eq!(seconds.as_secs(), 30);
    assert!(PRESS_WORDS.contains("press"));
}

#[test]
fn a_customer_key_that_cannot_be_is_refused() {
    for length in [0, 8, 15, 17, 64] {
        let key = Secret::new(vec![b'k'; length]);
        let trouble =
            set_customer_key(&mut Script::new(&[]), SERIAL, None, &key, &mut |_| panic!("waits")).unwrap_err();
        assert!(trouble.words.contains("16 bytes"), "{}", trouble.words);
    }
    // Refused at once: nothing waits, and nothing was written.
    let mut lines = start();
    lines.push(line(NEW_KEY, "", 0x6A80));
    let (result, waits, ended) = new_key(&lines);
    assert_eq!((result.unwrap_err().left, waits, ended), (Left::AsBefore, 0, true));
    // The link fails while it waits: either key may be in it.
    for gone in [0, 1] {
        let mut lines = start();
        lines.extend((0..gone).map(|_| line(NEW_KEY, "", 0x9060)));
        lines.push((NEW_KEY.to_owned(), Answer::Fails(LinkError::ReaderGone)));
        let trouble = new_key(&lines).0.unwrap_err();
        assert_eq!(trouble.left, Left::Unknown);
        assert!(
            trouble.words.contains("the old key or the new one"),
            "{}",
            trouble.words
        );
    }
}

fn profile(number: u8, occupied: bool) -> Line {
    let mut data = vec![0x95, 0x1F, 0x70, 0x1D];
    data.extend([0; 28]);
    data.push(u8::from(occupied));
    line(&format!("804100{number:02x}0170"), &HEXLOWER.encode(&data), 0x9000)
}

fn titled(number: u8, title: &[u8]) -> Line {
    let mut data = vec![0x95, 0x1F, 0x70, 0x1D, 0x20];
    data.extend(title);
    data.resize(33, 0);
    line(&format!("804100{number:02x}0170"), &HEXLOWER.encode(&data), 0x9000)
}

fn reset_start(occupied: bool) -> Vec<Line> {
    vec![
        line(INFO, TELLS, 0x9000),
        profile(0, false),
        profile(1, occupied),
        line("804100020170", "", 0x6A86),
    ]
}

fn reset(lines: &[Line]) -> Result<(), Trouble> {
    let mut script = Script::new(lines);
    let result = factory_reset(&mut script, SERIAL, &mut |_| ());
    assert!(script.ended());
    result
}

#[test]
fn a_reset_is_believed_when_a_seed_is_gone() {
    // Seen while it waits.
    let mut lines = reset_start(true);
    lines.extend([
        line(RESET, "", 0x9060),
        profile(1, true),
        line(RESET, "", 0x9060),
        profile(1, false),
        profile(1, false),
    ]);
    assert_eq!(reset(&lines), Ok(()));
    // Said to be done, and done.
    let mut lines = reset_start(true);
    lines.extend([
        line(RESET, "", 0x9060),
        profile(1, true),
        done(RESET),
        profile(1, false),
    ]);
    assert_eq!(reset(&lines), Ok(()));
    // Said to be done, and not done.
    let mut lines = reset_start(true);
    lines.extend([line(RESET, "", 0x9060), profile(1, true), done(RESET), profile(1, true)]);
    assert!(reset(&lines).unwrap_err().words.contains("nobody pressed"));
    // Nothing was in it: its word is all there is.
    let mut lines = reset_start(false);
    lines.extend([line(RESET, "", 0x9060), done(RESET)]);
    assert_eq!(reset(&lines), Ok(()));
    let mut lines = reset_start(false);
    lines.extend((0..PRESS_ASKS).map(|_| line(RESET, "", 0x9060)));
    assert_eq!(reset(&lines).unwrap_err().left, Left::Unknown);
    // The last profile that shows anything is the witness: the first comes back with what the maker puts there.
    let lines = [
        line(INFO, TELLS, 0x9000),
        profile(0, true),
        titled(1, b"anna"),
        line("804100020170", "", 0x6A86),
        line(RESET, "", 0x9060),
        profile(1, false),
        profile(1, false),
    ];
    assert_eq!(reset(&lines), Ok(()));
}

#[test]
fn a_seed_is_deleted_after_authentication() {
    let delete = |status: Option<u16>| {
        let mut lines = start();
        lines.push(match status {
            Some(status) => line("80e6000200", "", status),
            None => ("80e6000200".to_owned(), Answer::Fails(LinkError::Silent)),
        });
        delete_seed(&mut Script::new(&lines), SERIAL, 2, None)
    };
    assert_eq!(delete(Some(0x9000)), Ok(true));
    assert_eq!(delete(Some(0x6A83)), Ok(false));
    assert_eq!(delete(Some(0x6982)).unwrap_err().left, Left::AsBefore);
    for unknown in [None, Some(0x6F00), Some(0x9060)] {
        assert_eq!(delete(unknown).unwrap_err().left, Left::Unknown);
    }
    let mut lines = vec![line(INFO, TELLS, 0x9000)];
    lines.extend(open(ANSWER_OLD, 0x63C3));
    let trouble = delete_seed(&mut Script::new(&lines), SERIAL, 2, None).unwrap_err();
    assert!(trouble.words.contains("after 3 more tries"), "{}", trouble.words);
}
