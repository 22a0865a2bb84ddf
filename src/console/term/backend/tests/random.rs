//! Random frames, drawn over a line to an emulated terminal that must show them.

use proptest::prelude::*;

use super::*;

#[derive(Clone, Debug)]
enum Change {
    Text(u16, u16, String, Style),
    Fill(u16, u16, u16, u16, char, Style),
    Restyle(u16, u16, u16, u16, Style),
    Blank(u16, u16),
    Everything,
}

#[derive(Clone, Debug)]
enum Step {
    Draw(Vec<Change>, Option<(u16, u16)>),
    Caps(usize),
    Forget,
    Clear,
    Resize(u16, u16),
}

fn style() -> impl Strategy<Value = Style> {
    let color = prop_oneof![
        4 => Just(Color::Reset),
        1 => Just(Color::Red),
        1 => Just(Color::Blue),
        1 => Just(Color::LightCyan),
        1 => Just(Color::DarkGray),
        1 => Just(Color::Rgb(1, 2, 3)),
    ];
    // Bold and faint at once mean different things to different terminals, the emulator among them.
    let weight = prop_oneof![Just(Modifier::empty()), Just(Modifier::BOLD), Just(Modifier::DIM)];
    let extra = prop_oneof![
        4 => Just(Modifier::empty()),
        1 => Just(Modifier::UNDERLINED),
        1 => Just(Modifier::REVERSED),
        1 => Just(Modifier::REVERSED | Modifier::UNDERLINED),
        1 => Just(Modifier::ITALIC),
    ];
    let styled = (color.clone(), color, weight, extra).prop_map(|(fg, bg, weight, extra)| {
        Style::new()
            .fg(fg)
            .bg(bg)
            .remove_modifier(Modifier::all())
            .add_modifier(weight | extra)
    });
    prop_oneof![2 => Just(Style::reset()), 3 => styled]
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[ -~]{1,30}",
        "[a-c ]{1,80}",
        Just("中文字".to_owned()),
        Just("a中b文c".to_owned()),
        Just("e\u{301}x".to_owned()),
        Just("▀▄█─│äöü".to_owned()),
    ]
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        6 => (0..90_u16, 0..26_u16, text(), style()).prop_map(|(x, y, text, style)| Change::Text(x, y, text, style)),
        2 => (0..90_u16, 0..26_u16, 0..90_u16, 0..26_u16, prop_oneof![Just(' '), Just('x'), Just('中')], style())
            .prop_map(|(x, y, width, height, c, style)| Change::Fill(x, y, width, height, c, style)),
        2 => (0..90_u16, 0..26_u16, 0..90_u16, 0..26_u16, style())
            .prop_map(|(x, y, width, height, style)| Change::Restyle(x, y, width, height, style)),
        3 => (0..26_u16, 0..26_u16).prop_map(|(y, height)| Change::Blank(y, height)),
        1 => Just(Change::Everything),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        16 => (proptest::collection::vec(change(), 0..8), proptest::option::of((0..90_u16, 0..26_u16)))
            .prop_map(|(changes, cursor)| Step::Draw(changes, cursor)),
        1 => (0..4_usize).prop_map(Step::Caps),
        1 => Just(Step::Forget),
        1 => Just(Step::Clear),
        1 => (1..100_u16, 1..30_u16).prop_map(|(columns, rows)| Step::Resize(columns, rows)),
    ]
}

fn apply(screen: &mut Buffer, change: Change) {
    let area = screen.area;
    let within = |x, y, width, height| Rect::new(x, y, width, height).intersection(area);
    match change {
        Change::Text(x, y, text, style) if x < area.width && y < area.height => {
            screen.set_string(x, y, text, style);
        }
        Change::Fill(x, y, width, height, c, style) => {
            let area = within(x, y, width, height);
            for y in area.top()..area.bottom() {
                let row = c.to_string().repeat(usize::from(area.width));
                screen.set_stringn(area.left(), y, row, usize::from(area.width), style);
            }
        }
        Change::Restyle(x, y, width, height, style) => screen.set_style(within(x, y, width, height), style),
        Change::Blank(y, height) => {
            let area = within(0, y, area.width, height);
            for y in area.top()..area.bottom() {
                for x in area.left()..area.right() {
                    screen[(x, y)].reset();
                }
            }
        }
        Change::Everything => screen.reset(),
        Change::Text(..) => {}
    }
}

/// A wide character that a later text cut in half is no cell of a frame: widgets leave none, so neither does the test. What lies
/// under a second half has no style either: ratatui never tells it to a backend, not even when it comes to light.
fn mend(screen: &mut Buffer) {
    let area = screen.area;
    for y in 0..area.height {
        let mut x = 0;
        while x < area.width {
            if screen[(x, y)].cell_width() < 2 {
                x += 1;
                continue;
            }
            if x + 1 >= area.width || screen[(x + 1, y)].symbol() != " " {
                screen[(x, y)].set_symbol(" ");
                x += 1;
                continue;
            }
            screen[(x + 1, y)].reset();
            x += 2;
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]
    #[test]
    fn the_terminal_shows_every_frame(
        caps in 0..4_usize,
        size in prop_oneof![3 => Just((80, 24)), 2 => (1..40_u16, 1..12_u16)],
        steps in proptest::collection::vec(step(), 1..12),
    ) {
        let mut bench = Bench::new(ALL_CAPS[caps], size.0, size.1);
        let mut cursor = None;
        for step in steps {
            match step {
                Step::Draw(changes, at) => {
                    for change in changes {
                        apply(&mut bench.screen, change);
                    }
                    mend(&mut bench.screen);
                    let area = bench.screen.area;
                    cursor = at.filter(|(x, y)| *x < area.width && *y < area.height);
                }
                Step::Caps(caps) => {
                    bench.caps = ALL_CAPS[caps];
                    bench.console.backend_mut().set_caps(bench.caps);
                }
                Step::Forget => bench.console.backend_mut().forget(),
                Step::Clear => bench.console.clear().unwrap(),
                Step::Resize(columns, rows) => {
                    bench.resize(columns, rows);
                    cursor = None;
                }
            }
            bench.draw(cursor);
            prop_assert!(bench.draw(cursor).is_empty(), "a frame without change");
        }
    }
}
