//! Bytes on the line, counted on a PTY: what a step of the marker costs, and what a whole screen costs.

use crate::console_line::{OPERATOR, console, log_in, operator, ready};
use crate::harness::{Door, Rows};
use crate::lab::QUICK;
use crate::line::key;
use crate::packet::Request;
use crate::totp::Token;

/// A full screen.
const SCREEN: usize = 1500;
/// A step of the marker, at the median.
const STEP: usize = 100;
/// Screens by the key that opens them; of a list, the most bytes for a cell that is not blank. A log of sentences and a table of five
/// short columns have more blanks in them than names have.
const SCREENS: [(&str, &str, Option<f64>); 10] = [
    ("e", "enrol: who?", Some(1.2)),
    ("p", "program: who?", Some(1.2)),
    ("u", "users", Some(1.2)),
    ("t", "tokens", None),
    ("l", "log", Some(1.3)),
    ("c", "clients", Some(1.55)),
    ("d", "directories", None),
    ("o", "operators", None),
    ("i", "import", None),
    ("y", "system", None),
];

/// Names of usual length: 24 to 33 characters with their domain.
const NAMES: [&str; 3] = ["a.meier", "a.bauer-schulz", "a.de.la.cruz"];

/// A box with sixty users in all states, thirty clients and a log.
fn busy() -> Door {
    let door = Door::open();
    ready(&door);
    let mut tokens = "upn,serial number,secret key,time interval,manufacturer,model\r\n".to_owned();
    for number in 0..60 {
        let key = Token::new().base32();
        tokens.push_str(&format!(
            "{}{number:02}@contoso.example,s{number:02},{key},30,Contoso,HardwareKey\r\n",
            NAMES[number % 3]
        ));
    }
    let file = door.path().join("tokens.csv");
    std::fs::write(&file, tokens).unwrap();
    door.ok(&["import", file.to_str().unwrap(), "--format", "azure-csv", "--active"]);
    for number in [1, 7, 20] {
        let name = NAMES[number % 3];
        door.ok(&["user", "disable", &format!("{name}{number:02}@contoso.example")]);
    }
    for number in 1..=28 {
        door.client(&format!("gateway-{number}"), &format!("192.0.2.{}", number + 100), &[]);
    }
    let nas = door.client("vpn", "127.0.0.1", &QUICK);
    for number in 0..20 {
        let name = NAMES[number % 3];
        let user = format!("{name}{number:02}@contoso.example");
        nas.ask(&Request::login(&user, "not the password 123456").station("203.0.113.7"));
    }
    operator(&door, OPERATOR, "installer");
    door
}

fn median(mut all: Vec<usize>) -> usize {
    all.sort_unstable();
    all[all.len() / 2]
}

#[test]
fn a_step_and_a_screen_cost_few_bytes() {
    let door = busy();
    let mut rows = Rows::default();
    // Colours cost a little more; a line that has them is rarely slow.
    for (caps, colours) in [("mono-ascii", 0.0), ("ansi16-unicode", 0.05)] {
        let mut line = console(&door, 80, 24, &["--caps", caps]);
        log_in(&mut line, OPERATOR);
        let status = line.press(key::CTRL_L);
        println!("{caps}: status: {} bytes for {} cells", status.bytes, line.filled());
        rows.hold("status", status.bytes <= SCREEN);
        let steps: Vec<usize> = (0..5).map(|_| line.press(key::DOWN).bytes).collect();
        println!("{caps}: status: steps of {steps:?}");
        rows.hold("a step on the first screen", median(steps) <= STEP);
        for (keys, name, cell) in SCREENS {
            let opened = line.press(keys).bytes;
            let cells = line.filled();
            let each = opened as f64 / cells as f64;
            println!("{caps}: {name}: {opened} bytes for {cells} cells, {each:.2} each");
            rows.hold(&format!("{caps}: {name}: {opened} bytes"), opened <= SCREEN);
            if let Some(cell) = cell {
                rows.hold(
                    &format!("{caps}: {name}: {each:.2} bytes a cell"),
                    each <= cell + colours,
                );
                let steps: Vec<usize> = (0..5).map(|_| line.press(key::DOWN).bytes).collect();
                let page = line.press("\x1b[6~").bytes;
                println!("{caps}: {name}: steps of {steps:?}, a page of {page}");
                rows.hold(&format!("{caps}: {name}: steps of {steps:?}"), median(steps) <= STEP);
                rows.hold(&format!("{caps}: {name}: a page of {page} bytes"), page <= SCREEN);
            }
            line.press(key::ESC);
            line.expect("NSWERING");
        }
    }
    rows.end();
}
