//! What the command line says of itself: help, completions, manual pages.

use super::*;

#[test]
fn help_version_completions_and_manual() {
    for line in [
        "--help",
        "client add --help",
        "--version",
        "completions bash",
        "completions fish",
        "man",
    ] {
        let ran = run_with(line, &[], Vec::new());
        assert_eq!((ran.status, ran.err.as_str()), (0, ""), "{line}");
        assert!(ran.out.contains("postern"), "{line}");
    }
    let bare = run_with("", &[], Vec::new());
    assert_eq!((bare.status, bare.out.as_str()), (2, ""));
    assert!(bare.err.contains("Usage:"), "{}", bare.err);
    assert_eq!(run_with("--json", &[], Vec::new()).status, 2);
    let dir = tempfile::tempdir().unwrap();
    let ran = run_with(&format!("man {}", dir.path().display()), &[], Vec::new());
    assert_eq!(ran.status, 0, "{}", ran.err);
    for (page, words) in [
        ("postern.1", ".TH postern 1 "),
        ("postern-client-add.1", "secret"),
        // Every page names its own program, its section and its flags.
        ("posternd.8", ".TH posternd 8 "),
        ("posternd.8", "console\\-idle"),
        ("postern-console.1", ".TH postern-console 1 "),
        ("postern-console.1", "import\\-dir"),
    ] {
        let text = std::fs::read_to_string(dir.path().join(page)).unwrap_or_else(|error| panic!("{page}: {error}"));
        assert!(
            text.contains(words),
            "{page} has no {words}: {}",
            &text[..text.len().min(400)]
        );
    }
    assert_eq!(run_with("man /nowhere", &[], Vec::new()).status, 1);
}

#[test]
fn the_description_of_the_arguments_is_sound() {
    command().debug_assert();
}
