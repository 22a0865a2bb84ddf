//! What the programs are linked with: a box that programs no tokens has no libpcsclite, and posternd must start there.

use std::process::Command;

use crate::harness::run;

/// The shared libraries that a program cannot start without.
fn needs(program: &str) -> Vec<String> {
    let said = run(Command::new("readelf").args(["--dynamic", program]), "");
    assert_eq!(said.status, 0, "{said:?}");
    let lines = said.out.lines().filter(|line| line.contains("(NEEDED)"));
    lines
        .map(|line| line.split(['[', ']']).nth(1).unwrap_or_default().to_owned())
        .collect()
}

#[test]
fn posternd_needs_no_smart_card_library() {
    let daemon = needs(env!("CARGO_BIN_EXE_posternd"));
    assert!(
        daemon.iter().any(|library| library.starts_with("libc.so")),
        "{daemon:?}"
    );
    assert!(!daemon.iter().any(|library| library.contains("pcsc")), "{daemon:?}");
    for program in [env!("CARGO_BIN_EXE_postern"), env!("CARGO_BIN_EXE_postern-console")] {
        let needed = needs(program);
        assert!(
            needed.iter().any(|library| library.contains("pcsc")),
            "{program}: {needed:?}"
        );
    }
}
