//! What frames cost, in bytes on the line.

use super::*;

const NAMES: [&str; 5] = [
    "anna@contoso.example",
    "bertrand.k@contoso.example",
    "chiara@contoso.example",
    "dmitri.petrov@contoso.example",
    "eva-maria@contoso.example",
];

/// A list as the console draws it: a title, columns that begin on tab stops, keys at the foot.
fn list(bench: &mut Bench, rows: u16) {
    bench.screen.set_string(0, 0, "Postern  Users", Style::new().bold());
    bench.text(60, 0, "vpn1  14:07");
    bench.text(2, 1, "Name");
    for (x, name) in [(32, "State"), (40, "Tokens"), (48, "Last login")] {
        bench.text(x, 1, name);
    }
    for row in 0..rows {
        let y = 2 + row;
        bench.text(2, y, NAMES[usize::from(row % 5)]);
        bench.text(32, y, if row % 4 == 0 { "locked" } else { "active" });
        bench.text(40, y, "1");
        bench.text(48, y, "2026-03-14 13:58 accepted");
    }
    bench.text(0, 23, "Up/Down choose  Enter open  / search  n new  Esc back  ? help");
}

fn filled(screen: &Buffer) -> usize {
    screen.content.iter().filter(|cell| cell.symbol() != " ").count()
}

#[test]
fn a_list_costs_little_more_than_its_letters() {
    for caps in ALL_CAPS {
        let mut bench = Bench::new(caps, 80, 24);
        list(&mut bench, 20);
        let letters = filled(&bench.screen);
        assert!((1_000..1_300).contains(&letters), "{letters}");
        let bytes = bench.draw(None).len();
        assert!(bytes * 10 <= letters * 12, "{bytes} bytes for {letters} places");
        assert!(bench.draw(None).is_empty());
    }
}

#[test]
fn moving_a_marker_costs_at_most_30() {
    for caps in ALL_CAPS {
        let mut bench = Bench::new(caps, 80, 24);
        list(&mut bench, 20);
        for (from, to) in [(5, 6), (6, 5), (2, 21)] {
            bench.text(0, from, ">");
            bench.draw(None);
            bench.text(0, from, " ");
            bench.text(0, to, ">");
            let bytes = bench.draw(None).len();
            assert!(bytes <= 30, "{bytes}");
        }
    }
}

#[test]
fn a_minute_of_the_clock_costs_at_most_33() {
    for caps in ALL_CAPS {
        let mut bench = Bench::new(caps, 80, 24);
        list(&mut bench, 20);
        bench.text(8, 12, "_");
        bench.draw(Some((8, 12)));
        for minute in ["14:08", "14:09", "14:10", "15:00"] {
            bench.screen.set_string(66, 0, minute, Style::new());
            let bytes = bench.draw(Some((8, 12))).len();
            assert!(bytes <= 33, "{bytes}");
        }
    }
}

#[test]
fn erasing_twenty_rows_costs_at_most_40() {
    let mut bench = Bench::new(Caps::FULL, 80, 24);
    list(&mut bench, 20);
    bench.draw(None);
    let full = bench.screen.clone();
    // Keys at the foot stay.
    for row in 2..22 {
        bench.text(0, row, &" ".repeat(80));
    }
    let bytes = bench.draw(None).len();
    assert!(bytes <= 40, "{bytes}");
    // Nothing below stays.
    bench.screen = full;
    bench.draw(None);
    for row in 2..24 {
        bench.text(0, row, &" ".repeat(80));
    }
    let bytes = bench.draw(None).len();
    assert!(bytes <= 15, "{bytes}");
}

#[test]
fn another_screen_costs_no_more_than_its_letters_and_one_erasure() {
    let mut bench = Bench::new(Caps::FULL, 80, 24);
    list(&mut bench, 20);
    bench.draw(None);
    bench.screen.reset();
    bench.text(0, 0, "Postern  Status");
    for y in [4, 9, 14, 19] {
        bench.text(30, y, "a few words");
    }
    let letters = filled(&bench.screen);
    let bytes = bench.draw(None).len();
    assert!(bytes <= letters + 60, "{bytes} bytes for {letters}");
}

#[test]
fn erasing_within_a_frame_leaves_the_frame() {
    let mut bench = Bench::new(Caps::FULL, 80, 24);
    for y in 5..15 {
        bench.text(
            10,
            y,
            &format!("│{:<58}│", "a sentence that stands in a box of its own"),
        );
    }
    bench.draw(None);
    for y in 5..15 {
        bench.text(10, y, &format!("│{:<58}│", ""));
    }
    let bytes = bench.draw(None).len();
    assert!(bytes <= 120, "{bytes}");
}

#[test]
fn sixteen_colours_are_sent_by_their_short_codes() {
    let mut bench = Bench::new(Caps::FULL, 80, 24);
    bench.draw(None);
    bench.screen.set_string(0, 0, "red", Style::new().fg(Color::Red));
    bench
        .screen
        .set_string(0, 1, "bright", Style::new().fg(Color::LightRed).bg(Color::White).bold());
    let sent = String::from_utf8(bench.draw(None)).unwrap();
    assert_eq!(sent, "\x1b[31mred\r\n\x1b[1;91;107mbright");
    bench.screen.set_string(0, 2, "plain", Style::new());
    assert_eq!(bench.draw(None), b"\r\n\x1b[mplain");
}
