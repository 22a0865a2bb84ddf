//! A phone before a screen: the text on it made into a picture, read by `zbarimg`; and an app that holds what it read.

use std::process::Command;

use crate::harness::run;
use crate::totp::Token;

const PIXELS: usize = 4;

/// Two rows of modules for each line of the screen: light where something is drawn.
fn modules(screen: &str) -> Vec<Vec<bool>> {
    let width = screen.lines().map(|line| line.chars().count()).max().unwrap_or(0);
    let mut rows = Vec::new();
    for line in screen.lines() {
        for half in ['▀', '▄'] {
            let mut row: Vec<bool> = line.chars().map(|c| matches!(c, '█' | '#') || c == half).collect();
            row.resize(width, false);
            rows.push(row);
        }
    }
    rows
}

/// What the one QR code on a dark screen with light letters says.
pub fn scan(screen: &str) -> String {
    let rows = modules(screen);
    let (width, height) = (rows.first().map_or(0, Vec::len) * PIXELS, rows.len() * PIXELS);
    let mut picture = format!("P5\n{width} {height}\n255\n").into_bytes();
    for row in rows {
        let line: Vec<u8> = row
            .iter()
            .flat_map(|light| [if *light { 255 } else { 0 }; PIXELS])
            .collect();
        picture.extend(line.repeat(PIXELS));
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("screen.pgm");
    std::fs::write(&file, picture).unwrap();
    let said = run(Command::new("zbarimg").args(["-q", "--raw"]).arg(&file), "");
    let read: Vec<&str> = said.out.lines().collect();
    assert_eq!(read.len(), 1, "no QR code can be read, or several: {read:?}\n{screen}");
    read[0].to_owned()
}

/// The app's token after it has read a URI.
pub fn app(uri: &str) -> Token {
    assert!(uri.starts_with("otpauth://totp/Postern:"), "{uri}");
    let key = uri.split("secret=").nth(1).unwrap_or_else(|| panic!("no key in {uri}"));
    holding(key)
}

/// The key that stands on the screen in groups of four.
pub fn typed(screen: &str) -> Token {
    let is_group = |word: &&str| word.len() == 4 && word.chars().all(|c| matches!(c, 'A'..='Z' | '2'..='7'));
    let lines = screen
        .lines()
        .filter(|line| line.split_whitespace().rev().take(4).filter(is_group).count() == 4);
    let groups: Vec<&str> = lines
        .flat_map(|line| line.split_whitespace().filter(is_group))
        .collect();
    assert_eq!(groups.len(), 8, "no key of 20 bytes: {groups:?}\n{screen}");
    holding(&groups.concat())
}

fn holding(key: &str) -> Token {
    let seed = data_encoding::BASE32_NOPAD.decode(key.as_bytes());
    Token {
        seed: seed.unwrap_or_else(|error| panic!("{key}: {error}")),
        ..Token::new()
    }
}
