//! docs/console.md, made of the screens that the tests drew: so it shows what the console shows. In: tests/screens; out: one file, in
//! the order of [`ORDER`].

mod order;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use order::ORDER;

/// Every drawn screen must stand in [`ORDER`]; those that do not are shown at the end under their file's name.
const STRICT: bool = true;

/// A part of the document, and its screens: the file's name and one sentence.
type Part = (&'static str, &'static [(&'static str, &'static str)]);

/// What stands first.
const HEAD: &str = "# The console

Every screen as the tests draw it: 80 columns, 24 rows, mono, ASCII, which is the least a line can be. A test makes this file of
`tests/screens` and fails where it differs; `POSTERN_BLESS=1 cargo test` writes it anew. The same screens at 100x37 and 132x43, with
colours and Unicode, stand beside it there.

Arrows, Enter and Esc are enough for everything; letters are shortcuts, shown in the last row. `?` explains where one is.
";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

/// The names of all drawn screens.
fn drawn() -> BTreeSet<String> {
    let entries = std::fs::read_dir(root().join("tests/screens")).unwrap();
    entries
        .filter_map(|entry| {
            entry
                .unwrap()
                .file_name()
                .to_str()?
                .strip_suffix(".txt")
                .map(str::to_owned)
        })
        .collect()
}

/// A screen on the least line there is.
fn least(name: &str) -> String {
    let text = std::fs::read_to_string(root().join(format!("tests/screens/{name}.txt"))).unwrap();
    let mut lines = text.lines();
    let rule = lines.next().unwrap();
    assert!(rule.contains("80x24, mono, ASCII"), "{name}: {rule}");
    let screen: Vec<&str> = lines.take_while(|line| !line.starts_with("======== ")).collect();
    screen.join("\n")
}

fn document(drawn: &BTreeSet<String>) -> String {
    let mut out = HEAD.to_owned();
    let mut left = drawn.clone();
    let show = |out: &mut String, name: &str, sentence: &str| {
        writeln!(out, "\n### {name}\n\n{sentence}\n\n```text\n{}\n```", least(name)).unwrap();
    };
    for (part, screens) in ORDER {
        writeln!(out, "\n## {part}").unwrap();
        for (name, sentence) in *screens {
            assert!(
                left.remove(*name),
                "tests/screens/{name}.txt is not there: take it out of ORDER in {}",
                file!()
            );
            show(&mut out, name, sentence);
        }
    }
    if !left.is_empty() {
        out.push_str("\n## More\n");
    }
    for name in left {
        show(&mut out, &name, "");
    }
    out
}

#[test]
fn every_drawn_screen_has_its_place_in_the_document() {
    let named: BTreeSet<&str> = ORDER
        .iter()
        .flat_map(|(_, screens)| screens.iter().map(|(name, _)| *name))
        .collect();
    let missing: Vec<String> = drawn()
        .into_iter()
        .filter(|name| !named.contains(name.as_str()))
        .collect();
    assert!(
        !STRICT || missing.is_empty(),
        "give each of these a place and a sentence in ORDER in {}: {}",
        file!(),
        missing.join(", ")
    );
}

#[test]
fn the_document_shows_the_screens_as_they_are() {
    let path = root().join("docs/console.md");
    let found = document(&drawn());
    if std::env::var_os("POSTERN_BLESS").is_some() {
        std::fs::write(&path, found).unwrap();
        return;
    }
    let wanted = std::fs::read_to_string(&path).unwrap_or_default();
    let differs = wanted.lines().zip(found.lines()).position(|(a, b)| a != b);
    assert!(
        wanted == found,
        "docs/console.md differs from the screens, first at line {}: POSTERN_BLESS=1 writes it anew, once the screens are written",
        differs.unwrap_or(0) + 1
    );
}
