//! The box itself and this line: version, clock, network, what the line can show, the log's check, one's own password; on an appliance
//! also the machine's own screens.
//!
//! ```text
//! Postern box-1 | System                                   anna installer  14:05
//!
//! > p Own password        Version      0.1.0, since 1 Mar 10:31
//!   t This line           Host         box-1
//!   c Clock               This line    ttyS0, 80x24, mono, ASCII
//!   v Verify the log      Clock        trusted: by a time server
//!   a Alarms              RADIUS       [::]:1812, accounting [::]:1813
//!   b Backup              Secrets      sealed by the TPM
//!   e Restore
//!   n Network             eth0         up, 192.0.2.7/24, 2001:db8::7/64
//!   m Name and time       Gateway      192.0.2.1
//!                         Name server  192.0.2.53
//!
//!                         Log          whole (1 Mar 14:05 to 14:05)
//!                                      logins: 1204 records, whole; ...
//! ```

use ratatui::layout::Rect;

use super::alarms::Alarms;
use super::backup::Backup;
use super::backup_restore::Restore;
use super::clock::{self, Clock};
use super::machine;
use super::operator_form::OperatorForm;
use crate::console::action::Action;
use crate::console::key::Key;
use crate::console::page::{Look, Page};
use crate::console::screen::{Context, Hint, Screen, Topics};
use crate::console::widgets::asked::Asked;
use crate::console::widgets::menu::{Chose, Entry, Menu};
use crate::console::widgets::rows::Rows;
use crate::control::{
    Answer, ChainReport, Failure, HostAnswer, HostReport, HostRequest, Interface, NetworkReport, Request, Seal,
    StatusReport,
};
use crate::times::shown_near;

/// Tags of questions to posternd.
const STATUS: u32 = 0;
const NETWORK: u32 = 1;
const VERIFY: u32 = 2;
const HOST: u32 = 3;
/// Columns of the menu and of the labels.
const MENU: u16 = 24;
const LABEL: u16 = 13;

const ENTRIES: [Entry; 7] = [
    ('p', "Own password"),
    ('t', "This line"),
    ('c', "Clock"),
    ('v', "Verify the log"),
    ('a', "Alarms"),
    ('b', "Backup"),
    ('e', "Restore"),
];

/// How far the log's check is.
#[derive(Debug, Default)]
enum Check {
    /// Nobody asked.
    #[default]
    None,
    /// It runs.
    Asked,
    /// Its end.
    Is(ChainReport),
}

/// The box and this line.
#[derive(Debug)]
pub struct System {
    status: Option<Box<StatusReport>>,
    network: Option<NetworkReport>,
    check: Check,
    /// How the machine is set, or one line why this box has no such screens.
    host: Option<Result<Box<HostReport>, String>>,
    status_asked: Asked,
    network_asked: Asked,
    host_asked: Asked,
    menu: Menu,
}

impl System {
    /// Asks for what it shows itself.
    pub fn new() -> Self {
        Self {
            status: None,
            network: None,
            check: Check::None,
            host: None,
            status_asked: Asked::new(STATUS),
            network_asked: Asked::new(NETWORK),
            host_asked: Asked::new(HOST),
            menu: Menu::new(&ENTRIES),
        }
    }

    fn chosen(&mut self, letter: char, context: &Context) -> Vec<Action> {
        match letter {
            'p' => {
                let name = context.session.as_ref().map_or("", |session| session.operator.as_str());
                vec![Action::Open(Box::new(OperatorForm::own(name)))]
            }
            't' => vec![Action::NextCaps],
            'b' => vec![Action::Open(Box::new(Backup::new()))],
            'e' => vec![Action::Open(Box::new(Restore::new()))],
            'c' => vec![Action::Open(Box::new(Clock::new()))],
            'a' => {
                let known = self.status.as_ref().map(|report| report.alarms.clone());
                vec![Action::Open(Box::new(Alarms::new(known)))]
            }
            'v' if !matches!(self.check, Check::Asked) => {
                self.check = Check::Asked;
                vec![Action::Ask(VERIFY, Request::LogVerify)]
            }
            letter => machine::open(letter).map(Action::Open).into_iter().collect(),
        }
    }

    fn set_menu(&mut self, context: &Context) {
        let mut entries = ENTRIES.to_vec();
        if matches!(self.host, Some(Ok(_))) {
            entries.extend(machine::entries(context));
        }
        self.menu.set(&entries);
    }
}

impl Default for System {
    fn default() -> Self {
        Self::new()
    }
}

impl Screen for System {
    fn name(&self) -> &'static str {
        "system"
    }

    fn title(&self) -> String {
        "System".to_owned()
    }

    fn refresh(&mut self, _context: &Context) -> Vec<Action> {
        let mut actions = self.status_asked.ask(Request::Status);
        actions.extend(self.network_asked.ask(Request::Network));
        actions.extend(self.host_asked.ask(Request::Host(HostRequest::Show)));
        actions
    }

    fn watches(&self) -> Topics {
        Topics {
            state: true,
            ..Topics::NONE
        }
    }

    fn on(&mut self, key: Key, context: &Context) -> Vec<Action> {
        match self.menu.on(key) {
            Chose::This(letter) => self.chosen(letter, context),
            Chose::NotMine if key == Key::Esc => vec![Action::Close],
            _ => Vec::new(),
        }
    }

    fn answered(&mut self, tag: u32, answer: Result<Answer, Failure>, context: &Context) -> Vec<Action> {
        let mut actions = match tag {
            STATUS => self.status_asked.landed(),
            NETWORK => self.network_asked.landed(),
            HOST => self.host_asked.landed(),
            _ => Vec::new(),
        };
        match answer {
            Ok(Answer::Status(report)) => self.status = Some(report),
            Ok(Answer::Network(report)) => self.network = Some(report),
            Ok(Answer::Chain(report)) => self.check = Check::Is(report),
            Ok(Answer::Host(HostAnswer::Report(report))) => {
                self.host = Some(Ok(report));
                self.set_menu(context);
            }
            Ok(_) => {}
            // Not every box is an appliance, and that is no failure.
            Err(failure) if tag == HOST => {
                if !matches!(self.host, Some(Ok(_))) {
                    self.host = Some(Err(failure.message));
                }
            }
            Err(failure) => {
                if tag == VERIFY {
                    self.check = Check::None;
                }
                actions.push(Action::Fail(failure));
            }
        }
        actions
    }

    fn draw(&self, page: &mut Page<'_>, context: &Context) {
        let area = page.area();
        let below = Rect {
            y: area.y.saturating_add(1),
            height: area.height.saturating_sub(1),
            ..area
        };
        let column = Rect {
            width: below.width.min(MENU),
            ..below
        };
        self.menu.draw(page, column);
        let rest = Rect {
            x: below.x.saturating_add(MENU),
            width: below.width.saturating_sub(MENU),
            ..below
        };
        let mut rows = Rows::new(page, rest, LABEL);
        self.draw_box(&mut rows, context);
        self.draw_machine(&mut rows);
        if let Some(network) = &self.network {
            rows.gap();
            draw_network(&mut rows, network);
        }
        match &self.check {
            Check::None => {}
            Check::Asked => {
                rows.gap();
                rows.field("Log", "being checked ...", Look::Plain);
            }
            Check::Is(report) => {
                rows.gap();
                let (word, look) = chain(report, context);
                rows.field("Log", &word, look);
                rows.field("", &report.words, Look::Plain);
            }
        }
    }

    fn hints(&self, _context: &Context) -> Vec<Hint> {
        vec![("Up/Down, Enter or a letter", "choose"), ("Esc", "back")]
    }

    fn help(&self) -> &'static [&'static str] {
        &[
            "This line: what this screen or serial line can show. Each press takes the next of mono and colours, ASCII and Unicode; the \
             choice is kept for this line. A serial line begins with the least, which every terminal understands.",
            "Verify the log: checks that no record of the log is missing or changed.",
            "On an appliance the machine's own screens stand here too, as far as your role may use them. On another box its system's own \
             tools set the network, the clock and the name.",
        ]
    }
}

impl System {
    fn draw_machine(&self, rows: &mut Rows<'_, '_>) {
        match &self.host {
            None => {}
            Some(Err(why)) => rows.field("Machine", why, Look::Plain),
            Some(Ok(report)) => {
                let words = match report.seal {
                    Seal::Tpm => "sealed by the TPM",
                    Seal::Machine => "sealed by a key on the same disk: who has the disk has them",
                };
                rows.field("Secrets", words, Look::Plain);
                if report.reverts_in.is_some() {
                    rows.field("Network", "ON TRIAL: n confirms it", Look::Warn);
                }
                for trouble in &report.troubles {
                    rows.field("Trouble", &trouble.what, Look::Bad);
                    rows.field("", &format!("To do: {}", trouble.todo), Look::Plain);
                }
            }
        }
    }

    fn draw_box(&self, rows: &mut Rows<'_, '_>, context: &Context) {
        let near = |at| shown_near(at, context.now.wall, &context.zone);
        if let Some(report) = &self.status {
            let words = format!("{}, since {}", report.version, near(report.since));
            rows.field("Version", &words, Look::Plain);
        }
        if let Some(hello) = &context.hello {
            rows.field("Host", &hello.host, Look::Plain);
        }
        let (columns, lines) = context.size;
        let words = format!("{}, {columns}x{lines}, {}", context.line, context.caps.words());
        rows.field("This line", &words, Look::Plain);
        if let Some(report) = &self.status {
            let (mut words, look) = clock::state(&report.clock);
            if !report.clock.trusted {
                words.push_str(": c");
            }
            rows.field("Clock", &words, look);
            let list = |addresses: &[std::net::SocketAddr]| {
                let words: Vec<String> = addresses.iter().map(ToString::to_string).collect();
                words.join(", ")
            };
            rows.field("RADIUS", &list(&report.auth), Look::Plain);
            if !report.acct.is_empty() {
                rows.field("Accounting", &list(&report.acct), Look::Plain);
            }
            let words = match report.alarms.len() {
                0 => "none".to_owned(),
                number => number.to_string(),
            };
            rows.field("Alarms", &words, Look::Plain);
        }
    }
}

/// How the box stands on the network now.
pub fn draw_network(rows: &mut Rows<'_, '_>, network: &NetworkReport) {
    if network.interfaces.is_empty() {
        rows.field("Network", "no interface but the loopback", Look::Warn);
    }
    for interface in &network.interfaces {
        let (words, look) = shown_interface(interface);
        rows.field(&interface.name, &words, look);
    }
    for (label, values) in [("Gateway", &network.gateways), ("Name server", &network.dns)] {
        let words = match values.is_empty() {
            true => "none".to_owned(),
            false => values.join(", "),
        };
        rows.field(label, &words, Look::Plain);
    }
}

/// The first field of what an interface is: a word for its link, then its addresses.
fn shown_interface(interface: &Interface) -> (String, Look) {
    let mut parts = vec![match interface.up {
        true => "up".to_owned(),
        false => "DOWN, or no cable".to_owned(),
    }];
    match interface.addresses.is_empty() {
        true => parts.push("no address".to_owned()),
        false => parts.extend(interface.addresses.iter().cloned()),
    }
    if !interface.mac.is_empty() {
        parts.push(format!("({})", interface.mac));
    }
    let look = if interface.up { Look::Plain } else { Look::Warn };
    (parts.join(", ").replace(", (", " ("), look)
}

fn chain(report: &ChainReport, context: &Context) -> (String, Look) {
    let near = |at| shown_near(at, context.now.wall, &context.zone);
    let (word, look) = match report.whole {
        true => ("whole", Look::Good),
        false => ("NOT WHOLE", Look::Bad),
    };
    let span = match (report.from, report.to) {
        (Some(from), Some(to)) => format!(" ({} to {})", near(from), near(to)),
        _ => String::new(),
    };
    (format!("{word}{span}"), look)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
#[path = "system_tests.rs"]
mod tests;
