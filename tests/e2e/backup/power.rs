//! kill -9 in the middle of a restore, at many moments: the box is the old one or the new one, never a mixture. `POSTERN_RESTORE_KILLS`
//! says how often (16).

use std::process::Stdio;

use super::*;

#[test]
fn r20_kill_9_in_the_middle_of_a_restore() {
    let rounds: u64 = std::env::var("POSTERN_RESTORE_KILLS")
        .ok()
        .and_then(|number| number.parse().ok())
        .unwrap_or(16);
    let a = Door::open();
    gateway(&a);
    a.enrolled(ANNA);
    a.enrolled(BEN);
    let file = backup(&a, "box.age");
    let mut b = Door::open();
    let old = vec!["zoe@contoso.example".to_owned()];
    let new = vec![ANNA.to_owned(), BEN.to_owned()];
    b.user(&old[0]);
    b.ok(&["client", "add", "mine", "127.0.0.9"]);
    // How long a whole one takes, by the clock of this machine.
    let kept = b.path().join("kept");
    let copy = |from: &Path, to: &Path| {
        let _ = std::fs::remove_dir_all(to);
        let said = run(Command::new("cp").arg("-a").arg(from).arg(to), "");
        assert_eq!(said.status, 0, "{said:?}");
    };
    b.daemon.terminate();
    copy(&b.path().join("state"), &kept);
    b.reopen();
    let begun = Instant::now();
    assert_eq!(restore(&b, &file).status, 0, "{}", b.daemon.said());
    let whole = begun.elapsed();
    let (mut olds, mut news) = (0, 0);
    for round in 0..rounds {
        b.daemon.terminate();
        copy(&kept, &b.path().join("state"));
        b.reopen();
        let passphrase = passphrase_file(&b);
        let mut asking = b
            .postern(&[
                "restore",
                file.to_str().unwrap(),
                "--passphrase-file",
                &passphrase,
                "--yes",
            ])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(whole.mul_f64((round as f64 + 0.5) / rounds as f64));
        b.daemon.kill();
        let _ = asking.kill();
        let _ = asking.wait();
        b.reopen();
        let (users, clients) = (users(&b), b.ok(&["client", "list"]));
        if users == old {
            olds += 1;
            assert!(
                clients.contains("mine") && !clients.contains("vpn"),
                "round {round}: {clients}"
            );
        } else {
            news += 1;
            assert_eq!(users, new, "round {round}: a mixture");
            assert!(
                clients.contains("vpn") && !clients.contains("mine"),
                "round {round}: {clients}"
            );
            assert!(b.ok(&["log"]).contains("restore"), "round {round}");
        }
        let verified = b.cli(&["log", "--verify"]);
        assert_eq!(verified.status, 0, "round {round}: {verified:?}");
        assert!(!b.path().join("state/restoring").exists(), "round {round}");
    }
    println!("{rounds} kills within {} ms: {olds} old, {news} new", whole.as_millis());
    assert!(
        olds > 0 && news > 0,
        "{olds} old, {news} new: the kills were not spread"
    );
}
