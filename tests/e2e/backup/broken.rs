//! Files that are no backup, or no whole one, change nothing and say what they are.

use super::*;

/// Everything that a restore could have changed: names in the state directory, and what the box says of itself.
fn state(door: &Door) -> (Vec<String>, Vec<String>, u64) {
    let entries = std::fs::read_dir(door.path().join("state")).unwrap();
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .filter(|name| name != "restoring" && name != "newest-time")
        .collect();
    names.sort();
    let users = users(door);
    (
        names,
        users,
        std::fs::metadata(door.path().join("state/key")).unwrap().len(),
    )
}

#[test]
fn r20_a_broken_or_foreign_file_changes_nothing_and_says_what_it_is() {
    let a = Door::open();
    a.enrolled(ANNA);
    let whole = std::fs::read(backup(&a, "box.age")).unwrap();
    let b = Door::open();
    b.user("zoe@contoso.example");
    let before = state(&b);
    let (file, mut rows) = (b.path().join("file"), Rows::default());
    let mut refused = |what: &str, bytes: &[u8], words: &[&str]| {
        std::fs::write(&file, bytes).unwrap();
        let said = restore(&b, &file);
        let told = words.iter().any(|words| said.err.contains(words));
        rows.hold(
            &format!("{what}: {said:?}"),
            said.status == 1 && told && said.err.lines().count() == 1,
        );
        rows.same(what, before.clone(), state(&b));
    };
    refused("nothing", b"", &["no backup of Postern"]);
    refused("text", b"upn,serial number,secret key\n", &["no backup of Postern"]);
    let key = b"age-encryption.org/v1\n-> X25519 abc\nabc\n--- abc\n";
    refused("sealed for a key", key, &["no backup of Postern"]);
    // Head, its end, the first chunk, the middle, the end of the last chunk.
    let head = whole.windows(5).position(|bytes| bytes == b"\n--- ").unwrap();
    let last = whole.len() - 1;
    let kinds = [
        "damaged or cut",
        "passphrase is wrong",
        "no backup of Postern",
        "cost 2^",
    ];
    for at in [
        0,
        23,
        40,
        head - 3,
        head + 8,
        head + 60,
        head + 200,
        whole.len() / 2,
        last - 20,
        last,
    ] {
        let mut bad = whole.clone();
        bad[at] ^= 1;
        // Behind the head there is no doubt what it is.
        let kinds = if at < head + 50 { kinds.as_slice() } else { &kinds[..1] };
        refused(&format!("byte {at} of {last}"), &bad, kinds);
        refused(&format!("cut at {at} of {last}"), &whole[..at], kinds);
    }
    refused("longer", &[whole.as_slice(), b"x"].concat(), &["damaged or cut"]);
    rows.end();
    // Another passphrase is told from all that.
    std::fs::write(&file, &whole).unwrap();
    let other = b.path().join("other");
    std::fs::write(&other, "three tall laddies").unwrap();
    let said = b.cli(&[
        "restore",
        file.to_str().unwrap(),
        "--passphrase-file",
        other.to_str().unwrap(),
        "--yes",
    ]);
    assert!(said.status == 1 && said.err.contains("passphrase is wrong"), "{said:?}");
    // Nobody confirmed.
    let arguments = [
        "restore",
        file.to_str().unwrap(),
        "--passphrase-file",
        &passphrase_file(&b),
    ];
    for answer in ["no\n", ""] {
        let said = b.cli_in(&arguments, answer);
        assert!(said.status != 0 && said.out.contains("1 user,"), "{said:?}");
    }
    assert_eq!(state(&b), before);
    assert!(!b.path().join("state/restoring").exists());
    assert_eq!(restore(&b, &file).status, 0, "{}", b.daemon.said());
    assert_eq!(users(&b), [ANNA]);
}
