//! The QR code as a person sees it: drawn from the text into a picture, 8 pixels a module, and read by `zbarimg`.

use std::process::Command;

use crate::harness::{Door, run};

const PIXELS: usize = 8;

/// The lines that make the code, without colours: light and dark, one entry a module.
fn modules(text: &str, kind: &str) -> Vec<Vec<bool>> {
    let plain = strip(text);
    let blocks = ['█', '▀', '▄', '#'];
    let drawn: Vec<Vec<char>> = plain
        .lines()
        .filter(|line| line.contains(blocks) && line.chars().all(|c| blocks.contains(&c) || c == ' '))
        .map(|line| line.chars().collect())
        .collect();
    let width = drawn
        .iter()
        .map(Vec::len)
        .max()
        .unwrap_or_else(|| panic!("no QR code in {plain}"));
    assert!(
        width <= 82 && drawn.len() <= 45,
        "{kind}: {width} columns, {} rows",
        drawn.len()
    );
    let mut rows = Vec::new();
    for line in &drawn {
        let at = |column: usize| line.get(column).copied().unwrap_or(' ');
        if kind == "half" {
            rows.push((0..width).map(|column| matches!(at(column), '█' | '▀')).collect());
            rows.push((0..width).map(|column| matches!(at(column), '█' | '▄')).collect());
        } else {
            rows.push((0..width).step_by(2).map(|column| at(column) != ' ').collect());
        }
    }
    rows
}

fn strip(text: &str) -> String {
    let mut out = String::new();
    let mut characters = text.chars();
    while let Some(c) = characters.next() {
        if c == '\u{1b}' {
            for c in characters.by_ref() {
                if c.is_ascii_alphabetic() {
                    break;
                }
            }
        } else {
            out.push(c);
        }
    }
    out
}

/// A PGM picture with a white margin; a drawn block is light or dark.
fn picture(rows: &[Vec<bool>], block_is_light: bool) -> Vec<u8> {
    let width = (rows[0].len() + 4) * PIXELS;
    let height = (rows.len() + 4) * PIXELS;
    let mut out = format!("P5\n{width} {height}\n255\n").into_bytes();
    for y in 0..height {
        for x in 0..width {
            let module = (y / PIXELS).checked_sub(2).and_then(|row| rows.get(row));
            let drawn = module.and_then(|row| (x / PIXELS).checked_sub(2).and_then(|column| row.get(column)));
            out.push(if drawn.is_none_or(|drawn| *drawn == block_is_light) {
                255
            } else {
                0
            });
        }
    }
    out
}

#[test]
fn every_form_of_the_code_can_be_read() {
    let door = Door::open();
    for kind in ["half", "full", "ascii"] {
        let user = format!("a.rather.long.name.{kind}@contoso.example");
        door.user(&user);
        let text = door.ok(&["token", "add", &user, "--qr", kind]);
        let start = text.find("otpauth://totp/").unwrap_or_else(|| panic!("no URI: {text}"));
        let uri = text[start..].split_whitespace().next().unwrap();
        let rows = modules(&text, kind);
        let read: Vec<String> = [true, false]
            .into_iter()
            .map(|light| {
                let file = door.path().join(format!("{kind}-{light}.pgm"));
                std::fs::write(&file, picture(&rows, light)).unwrap();
                run(Command::new("zbarimg").args(["-q", "--raw"]).arg(&file), "")
                    .out
                    .trim()
                    .to_owned()
            })
            .collect();
        assert!(
            read.iter().any(|found| found == uri),
            "{kind}: {uri} read as {read:?} from\n{text}"
        );
        assert!(
            uri.contains("secret=") && !uri.contains("%40") && !uri.contains("digits="),
            "{uri}"
        );
    }
}
