#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use proptest::prelude::*;

use super::*;

fn keys(bytes: &[u8]) -> Vec<Key> {
    Keys::default()
        .feed(bytes)
        .into_iter()
        .map(|input| match input {
            Input::Key(key) => key,
            size @ Input::Size(..) => panic!("{size:?} is no key"),
        })
        .collect()
}

fn chars(text: &str) -> Vec<Key> {
    text.chars().map(Key::Char).collect()
}

#[test]
fn every_terminal_family_is_understood() {
    let forms: &[(Key, &[&str])] = &[
        (Key::Up, &["[A", "OA", "[1;5A", "[a", "Oa", "O5A", "O1;2A"]),
        (Key::Down, &["[B", "OB", "[1;2B"]),
        (Key::Right, &["[C", "OC", "[1;3C"]),
        (Key::Left, &["[D", "OD", "[1;6D"]),
        (Key::Home, &["[H", "OH", "[1~", "[7~", "[1;5H", "[7^"]),
        (Key::End, &["[F", "OF", "[4~", "[8~", "[1;5F", "[8@"]),
        (Key::Insert, &["[2~", "[2;5~"]),
        (Key::Delete, &["[3~", "[3;5~"]),
        (Key::PageUp, &["[5~", "[5;5~"]),
        (Key::PageDown, &["[6~"]),
        (Key::BackTab, &["[Z", "[1;2Z"]),
        (Key::F(1), &["OP", "[11~", "[[A", "[P", "[1;2P"]),
        (Key::F(2), &["OQ", "[12~", "[[B"]),
        (Key::F(3), &["OR", "[13~", "[[C", "[R"]),
        (Key::F(4), &["OS", "[14~", "[[D"]),
        (Key::F(5), &["[15~", "[[E", "OT", "[15;2~"]),
        (Key::F(6), &["[17~"]),
        (Key::F(7), &["[18~"]),
        (Key::F(8), &["[19~"]),
        (Key::F(9), &["[20~"]),
        (Key::F(10), &["[21~"]),
        (Key::F(11), &["[23~"]),
        (Key::F(12), &["[24~", "O["]),
        (Key::Enter, &["OM"]),
        (Key::Char('7'), &["Ow"]),
    ];
    for (key, sequences) in forms {
        for sequence in *sequences {
            assert_eq!(keys(format!("\x1b{sequence}").as_bytes()), [*key], "ESC {sequence}");
        }
    }
    assert_eq!(
        keys(b"\x9bA\x8fP\xc2\x9bB"),
        [Key::Up, Key::F(1), Key::Down],
        "8-bit controls"
    );
}

#[test]
fn plain_bytes() {
    assert_eq!(
        keys(b"a\r\nb\nc\r\x7f\x08\t\x0c\x01\x1a"),
        [
            Key::Char('a'),
            Key::Enter,
            Key::Char('b'),
            Key::Enter,
            Key::Char('c'),
            Key::Enter,
            Key::Backspace,
            Key::Backspace,
            Key::Tab,
            Key::Ctrl('l'),
            Key::Ctrl('a'),
            Key::Ctrl('z'),
        ]
    );
    assert_eq!(keys(b"\n\n\r\r\n\r"), [Key::Enter; 5]);
    assert_eq!(keys("ä€𝄞".as_bytes()), chars("ä€𝄞"));
    assert_eq!(
        keys(b"\xc3x\xe2\x82y\xff\xc0z\xed\xa0\x80\0\x1c"),
        chars("xyz"),
        "broken UTF-8 is dropped"
    );
}

#[test]
fn silence_alone_makes_the_escape_key() {
    let mut keys = Keys::default();
    assert_eq!(keys.feed(b"\x1b"), []);
    assert!(keys.waiting());
    assert_eq!(keys.timeout(), [Input::Key(Key::Esc)]);
    assert!(keys.waiting(), "the rest of an arrow may still come");
    assert_eq!(keys.timeout(), []);
    for unfinished in [&b"\x1b["[..], b"\x1b[5", b"\x1bO", b"\x1b]0;x", b"\xe2\x82", b"\x1b[M!"] {
        assert_eq!(keys.feed(unfinished), [], "{unfinished:?}");
        assert!(keys.waiting());
        assert_eq!(keys.timeout(), []);
        assert_eq!(keys.feed(b"x"), [Input::Key(Key::Char('x'))]);
    }
}

/// Each is followed by `x`, which must be all that arrives: nothing of what is not understood becomes a key.
#[test]
fn what_is_not_understood_presses_no_key() {
    for sequence in [
        "\x1bq",
        "\x1b\r",
        "\x1bä",
        "\x1b ",
        "\x1b[<0;10;10M",
        "\x1b[<0;10;10m",
        "\x1b[M !!",
        "\x1b[32;10;10M",
        "\x1b[?1;2c",
        "\x1b[>0;276;0c",
        "\x1b[I",
        "\x1b[27;5;13~",
        "\x1b[13;5u",
        "\x1b[99~",
        "\x1b[1;A",
        "\x1b[5 ~",
        "\x1b[+5~",
        "\x1b[70000~",
        "\x1b[5\r",
        "\x1b[1;5R",
        "\x1b[9;24;80t",
        "\x1b]10;rgb:ffff/ffff/ffff\x07",
        "\x1b]11;rgb:0000/0000/0000\x1b\\",
        "\x1bP>|XTerm(390)\x1b\\",
        "\x1b_G;OK\x1b\\",
        "\x1b(B",
        "\x1bO\t",
    ] {
        // A space where the sequence itself swallows the next byte.
        let typed = format!("{sequence}{}x", if sequence == "\x1b " { "F" } else { "" });
        assert_eq!(keys(typed.as_bytes()), chars("x"), "{sequence:?}");
    }
    assert_eq!(
        keys(b"\x1b[5\x1b[A"),
        [Key::Up],
        "a sequence cut off by the next one is dropped"
    );
    assert_eq!(keys(b"\x1b\x1b[A"), [Key::Up], "Alt with an arrow");
    let long = format!("\x1b[{}~x", "1;".repeat(500));
    assert_eq!(keys(long.as_bytes()), chars("x"));
}

#[test]
fn sizes_are_taken_whenever_they_come() {
    let mut keys = Keys::default();
    assert_eq!(
        keys.feed(b"a\x1b[8;24;80tb\x1b[43;132Rc"),
        [
            Input::Key(Key::Char('a')),
            Input::Size(80, 24),
            Input::Key(Key::Char('b')),
            Input::Size(132, 43),
            Input::Key(Key::Char('c')),
        ]
    );
    assert_eq!(
        keys.feed(b"\x1b[8;0;0t\x1b[8;3;80t\x1b[24;40000R\x1b[8;24t"),
        [],
        "no size at all"
    );
}

#[test]
fn a_paste_presses_no_enter() {
    assert_eq!(
        keys("\x1b[200~8d1c\r\nä\t\x0c\x1b[A\x7f\x1b[201~\r".as_bytes()),
        [chars("8d1cä"), vec![Key::Enter]].concat()
    );
}

#[test]
fn a_paste_without_an_end_does_not_take_enter_away_for_ever() {
    let mut keys = Keys::default();
    keys.feed(b"\x1b[200~abc");
    for _ in 0..PASTE_SILENCE {
        assert!(keys.waiting());
        assert_eq!(keys.feed(b"\r"), [], "a pause within a paste is no end of it");
        for _ in 1..PASTE_SILENCE {
            keys.timeout();
        }
    }
    keys.timeout();
    assert!(!keys.waiting());
    assert_eq!(keys.feed(b"\r"), [Input::Key(Key::Enter)]);
}

/// Bytes as lines bring them: pieces of sequences, whole ones, noise.
fn noise() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        Just(b"\x1b".to_vec()),
        Just(b"\x1b[".to_vec()),
        Just(b"\x1bO".to_vec()),
        Just(b"\x1b[200~".to_vec()),
        Just(b"\x1b[201~".to_vec()),
        Just(b"\x1b[8;24;80t".to_vec()),
        Just(b"\x1b[M".to_vec()),
        Just(b"\x1b[1;5".to_vec()),
        Just(b"\x1b]0;".to_vec()),
        Just(b"\r\n".to_vec()),
        "[ -~]{1,3}".prop_map(String::into_bytes),
        any::<char>().prop_map(|c| c.to_string().into_bytes()),
        proptest::collection::vec(any::<u8>(), 1..4),
    ];
    proptest::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

#[test]
fn an_arrow_that_comes_late_is_no_letter() {
    for rest in ["[B", "OA", "[3~", "[1;5D"] {
        let mut keys = Keys::default();
        assert_eq!(keys.feed(b"\x1b"), []);
        assert_eq!(keys.timeout(), [Input::Key(Key::Esc)]);
        assert!(keys.waiting(), "silence still means something");
        assert_eq!(keys.feed(rest.as_bytes()), [], "{rest}");
        assert_eq!(keys.feed(b"x"), [Input::Key(Key::Char('x'))], "{rest}");
    }
    // Much later a bracket is a bracket again.
    let mut keys = Keys::default();
    keys.feed(b"\x1b");
    for _ in 0..=LATE_SILENCE {
        keys.timeout();
    }
    assert!(!keys.waiting());
    assert_eq!(keys.feed(b"["), [Input::Key(Key::Char('['))]);
}

proptest! {
    #[test]
    fn how_the_bytes_are_split_changes_nothing(bytes in noise(), cuts in proptest::collection::vec(any::<prop::sample::Index>(), 0..20)) {
        let whole = Keys::default().feed(&bytes);
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
        cuts.sort_unstable();
        let (mut keys, mut parts, mut from) = (Keys::default(), Vec::new(), 0);
        for cut in cuts.into_iter().chain([bytes.len()]) {
            parts.extend(keys.feed(&bytes[from..cut]));
            prop_assert!(keys.kept.len() <= LONGEST);
            from = cut;
        }
        prop_assert_eq!(parts, whole);
    }

    #[test]
    fn no_control_character_is_ever_a_key(bytes in noise()) {
        for input in Keys::default().feed(&bytes) {
            match input {
                Input::Key(Key::Char(c)) => prop_assert!(!c.is_control()),
                Input::Key(Key::Ctrl(c)) => prop_assert!(c.is_ascii_lowercase()),
                Input::Key(Key::F(n)) => prop_assert!((1..=12).contains(&n)),
                Input::Size(columns, rows) => prop_assert!(SANE.contains(&columns) && SANE.contains(&rows)),
                Input::Key(_) => {}
            }
        }
    }
}
