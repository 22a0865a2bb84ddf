//! Who may take seeds out of the box (R25).

use crate::desk::GOOD;
use crate::harness::{Door, Rows, Said, run};
use crate::token_files::*;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

/// Somebody of the group that may use `control.sock`, who is not root.
fn as_nobody(door: &Door, arguments: &[&str], input: &str) -> Said {
    let mut command = Command::new("setpriv");
    command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]);
    command
        .arg(env!("CARGO_BIN_EXE_postern"))
        .arg("--control")
        .arg(door.control());
    run(command.args(arguments), input)
}

#[test]
fn r25_who_is_not_root_gives_an_installers_password() {
    if !nix::unistd::geteuid().is_root() {
        let left_out = std::env::var_os("POSTERN_WITHOUT_ROOT").is_some();
        assert!(
            left_out,
            "this test wants root; set POSTERN_WITHOUT_ROOT=1 to leave it out"
        );
        println!("left out: not root");
        return;
    }
    let (door, anna, _) = box_with_tokens();
    door.operator("otto", "installer");
    door.operator("helga", "helpdesk");
    // The folder and the socket as the group would have them.
    for (path, mode) in [(door.path().to_owned(), 0o711), (door.control(), 0o666)] {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    }
    let mut rows = Rows::default();
    for (flags, password, line) in [
        (vec![], "", "name the installer with --operator NAME"),
        (vec!["--operator", "otto"], "wrong\n", "name or password is wrong"),
        (vec!["--operator", "helga"], GOOD, "name or password is wrong"),
        (vec!["--operator", "nobody"], GOOD, "name or password is wrong"),
    ] {
        let said = as_nobody(&door, &[["export", "-"].as_slice(), &flags].concat(), password);
        rows.hold(
            &format!("{said:?}"),
            said.status != 0 && said.out.is_empty() && said.err.contains(line),
        );
        rows.same(&format!("{said:?}"), 1, said.err.lines().count());
    }
    let said = as_nobody(&door, &["export", "-", "--operator", "otto"], &format!("{GOOD}\n"));
    rows.hold(&format!("{said:?}"), said.out.contains(&anna.base32()));
    // Five wrong ones lock the name, here and at the console.
    for _ in 0..4 {
        as_nobody(&door, &["export", "-", "--operator", "otto"], "wrong\n");
    }
    let locked = as_nobody(&door, &["export", "-", "--operator", "otto"], GOOD);
    rows.hold(
        &format!("{locked:?}"),
        locked.err.contains("too many wrong passwords") && locked.out.is_empty(),
    );
    let operators = door.json(&["operator", "list"]);
    let otto = operators["operators"]
        .as_array()
        .unwrap()
        .iter()
        .find(|one| one["name"] == "otto");
    rows.hold(
        &format!("{operators}"),
        otto.is_some_and(|otto| otto["locked_seconds"].as_u64().is_some()),
    );
    rows.end();
}
