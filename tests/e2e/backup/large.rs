//! A backup of a large box: how long, how large. `POSTERN_LARGE=100000` says how many users; without it the test is quick and small.

use std::fmt::Write as _;

use super::*;

#[test]
fn r20_a_large_box_is_backed_up_while_it_answers() {
    let count: usize = std::env::var("POSTERN_LARGE")
        .ok()
        .and_then(|number| number.parse().ok())
        .unwrap_or(300);
    let a = Door::open();
    let nas = gateway(&a);
    let mut file = String::from("upn,serial number,secret key,time interval,manufacturer,model\n");
    for user in 0..count {
        let token = Token::new();
        writeln!(file, "u{user}@contoso.example,{user},{},30,Test,Key", token.base32()).unwrap();
    }
    for (at, part) in file.lines().skip(1).collect::<Vec<_>>().chunks(50_000).enumerate() {
        let path = a.path().join(format!("tokens-{at}.csv"));
        let head = "upn,serial number,secret key,time interval,manufacturer,model";
        std::fs::write(&path, format!("{head}\n{}\n", part.join("\n"))).unwrap();
        a.ok(&["import", path.to_str().unwrap(), "--format", "azure-csv", "--active"]);
    }
    let anna = a.enrolled(ANNA);
    let passphrase = passphrase_file(&a);
    let backup = a.path().join("large.age");
    let begun = Instant::now();
    let mut making = a
        .postern(&["backup", backup.to_str().unwrap(), "--passphrase-file", &passphrase])
        .spawn()
        .unwrap();
    // It goes on answering meanwhile.
    let asked = Instant::now();
    early_in_a_step();
    let waited = asked.elapsed();
    assert_eq!(nas.login(ANNA, &anna.code()), ACCEPT);
    let answered = asked.elapsed() - waited;
    assert!(making.wait().unwrap().success());
    let made = begun.elapsed();
    let bytes = std::fs::metadata(&backup).unwrap().len();
    let b = Door::open();
    let begun = Instant::now();
    let said = restore(&b, &backup);
    assert_eq!(said.status, 0, "{said:?} {}", b.daemon.said());
    let restored = begun.elapsed();
    let status = b.json(&["status"]);
    assert_eq!(status["users"].as_u64(), Some(count as u64 + 1), "{status}");
    println!(
        "{count} users: {bytes} bytes, made in {} ms (a login meanwhile took {} ms), restored in {} ms",
        made.as_millis(),
        answered.as_millis(),
        restored.as_millis()
    );
}
