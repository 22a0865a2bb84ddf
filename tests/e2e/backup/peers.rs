//! Debian's `age` opens what the box sealed, and the box opens what `age` sealed.

use super::*;

fn age(arguments: &[&str]) -> Said {
    let mut command = Command::new("python3");
    command
        .arg(repository("tests/peers/age_pty.py"))
        .arg(PASSPHRASE)
        .arg("age");
    run(command.args(arguments), "")
}

#[test]
fn r21_age_opens_a_backup_and_a_file_that_age_sealed_is_restored() {
    let a = Door::open();
    a.enrolled(ANNA);
    let file = backup(&a, "box.age");
    let (plain, sealed) = (a.path().join("plain"), a.path().join("again.age"));
    let [from, to, again] = [&file, &plain, &sealed].map(|path| path.to_str().unwrap());
    let said = age(&["-d", "-o", to, from]);
    assert_eq!(said.status, 0, "{said:?} (scripts/setup test)");
    let bytes = std::fs::read(&plain).unwrap();
    assert!(bytes.starts_with(b"PSTNBKUP\0\0\0\x01"), "{} bytes", bytes.len());
    let said = age(&["-p", "-o", again, to]);
    assert_eq!(said.status, 0, "{said:?}");
    let text = std::fs::read(&sealed).unwrap();
    assert!(text.windows(4).any(|bytes| bytes == b" 18\n"), "age's own cost");
    let b = Door::open();
    let restored = restore(&b, &sealed);
    assert_eq!(restored.status, 0, "{restored:?} {}", b.daemon.said());
    assert_eq!(users(&b), [ANNA]);
    // Sealed by age, and something else: foreign, and told so.
    std::fs::write(&plain, "a letter").unwrap();
    std::fs::remove_file(&sealed).unwrap();
    assert_eq!(age(&["-p", "-o", again, to]).status, 0);
    let said = restore(&b, &sealed);
    assert!(
        said.status == 1 && said.err.contains("something else is in the file"),
        "{said:?}"
    );
}
