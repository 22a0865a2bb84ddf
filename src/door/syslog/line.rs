//! A record as one line of syslog (RFC 5424). In: a decided login, an operator's act, an accounting packet, a record of the box, each
//! with its number in its journal; out: the line. It sends nothing, and tells nothing but what the record holds: shown text, never
//! a password, a code or a secret.

use std::fmt::Write;

use jiff::tz::TimeZone;

use crate::audit::words::{Teller, format_time, words};
use crate::audit::{Attempt, OperatorAct, Outcome};
use crate::door::events::Accounting;
use crate::factors::first::entra::table;
use crate::store::records::Timestamp;
use crate::text::is_invisible;

/// The element's name. 32473 is the enterprise number that RFC 5612 keeps for documentation: the project has none of its own.
const ELEMENT: &str = "postern@32473";
/// Facility authpriv (RFC 5424 6.2.1).
const FACILITY: u8 = 10;
/// The journal that a number belongs to, as the `journal` parameter says it.
pub(super) const LOGINS: &str = "logins";
/// See [`LOGINS`].
pub(super) const OPERATORS: &str = "operators";
/// Lines are kept to this many bytes (RFC 5424 6.1: receivers should take 2048), the message being cut for it ...
const LINE_MAX: usize = 2048;
/// ... but never to fewer than this.
const MESSAGE_MIN: usize = 256;
/// The most bytes of a parameter's value, before escaping.
const VALUE_MAX: usize = 256;

/// RFC 5424 6.2.1.
#[derive(Clone, Copy)]
enum Severity {
    Warning = 4,
    Notice = 5,
    Info = 6,
}

/// Who speaks: the same in every line.
#[derive(Clone, Debug)]
pub struct Origin {
    host: String,
    process: u32,
}

impl Origin {
    /// A host name (the empty one is told as unknown) and a process's number.
    pub fn new(host: &str, process: u32) -> Self {
        Self {
            host: word(host, 255),
            process,
        }
    }

    /// A decided login.
    pub fn attempt(&self, attempt: &Attempt, seq: u64) -> String {
        let severity = match attempt.outcome {
            Outcome::Accept | Outcome::Challenge => Severity::Info,
            Outcome::Reject => Severity::Notice,
            Outcome::Silent => Severity::Warning,
        };
        let outcome = match attempt.outcome {
            Outcome::Accept => "accept",
            Outcome::Reject => "reject",
            Outcome::Challenge => "challenge",
            Outcome::Silent => "silent",
        };
        let said = attempt.directory.as_ref();
        let mut data = Data::default();
        data.put("user", &attempt.name);
        data.put("client", &attempt.client_name);
        data.put("source", &attempt.source.map(|ip| ip.to_string()).unwrap_or_default());
        data.put("station", &attempt.station);
        data.put("outcome", outcome);
        data.put(
            "code",
            &said
                .and_then(|said| said.code)
                .map(|code| code.to_string())
                .unwrap_or_default(),
        );
        data.put(
            "correlation",
            said.and_then(|said| said.correlation.as_deref()).unwrap_or_default(),
        );
        data.put("count", &attempt.count.to_string());
        let teller = Teller {
            zone: &TimeZone::UTC,
            fix: &|code| table::row(code).and_then(|row| row.fix).map(str::to_owned),
        };
        let what = words(attempt, std::slice::from_ref(attempt), &teller).what;
        self.line(
            severity,
            attempt.at,
            &attempt.reason.code(),
            data.end(LOGINS, seq),
            &what,
        )
    }

    /// An accounting packet.
    pub fn accounting(&self, at: Timestamp, accounting: &Accounting, seq: u64) -> String {
        let mut data = Data::default();
        data.put("user", &accounting.user);
        data.put("client", &accounting.client);
        data.put("station", &accounting.station);
        let mut what = format!("accounting: {}", accounting.status);
        if let Some(seconds) = accounting.seconds {
            let _ = write!(what, " after {seconds} s");
        }
        let _ = write!(what, ", session {}", accounting.session);
        self.line(Severity::Info, at, "accounting", data.end(LOGINS, seq), &what)
    }

    /// What an operator did.
    pub fn act(&self, act: &OperatorAct, seq: u64) -> String {
        let (outcome, why) = match &act.result {
            Ok(()) => ("done", String::new()),
            Err(why) => ("refused", format!(" was refused: {why}")),
        };
        let mut data = Data::default();
        data.put("user", &act.target);
        data.put("operator", &act.operator);
        data.put("line", &act.line);
        data.put("uid", &act.uid.to_string());
        data.put("outcome", outcome);
        if act.count > 1 {
            data.put("count", &act.count.to_string());
        }
        let target = act.target.trim();
        let what = match target {
            "" => format!("{}{why}", act.action),
            _ => format!("{} {target}{why}", act.action),
        };
        self.line(Severity::Notice, act.at, &act.action, data.end(OPERATORS, seq), &what)
    }

    /// What the box did or saw. Start and stop are news; all else wants somebody to look.
    pub fn system(&self, at: Timestamp, code: &str, what: &str, seq: u64) -> String {
        let severity = match code {
            "started" | "stopped" => Severity::Notice,
            _ => Severity::Warning,
        };
        let mut data = Data::default();
        // MSGID has room for 32 characters only.
        data.put("event", code);
        self.line(severity, at, code, data.end(OPERATORS, seq), what)
    }

    /// Records that cannot be sent: pruned or damaged before they were, or of a newer version.
    pub fn missing(&self, now: Timestamp, journal: &'static str, from: u64, to: u64) -> String {
        let mut data = Data::default();
        data.put("from", &from.to_string());
        let what = format!("Records {from} to {to} of the {journal} could not be sent: they cannot be read any more");
        self.line(Severity::Warning, now, "records-missing", data.end(journal, to), &what)
    }

    fn line(&self, severity: Severity, at: Timestamp, id: &str, data: String, message: &str) -> String {
        let mut line = format!(
            "<{}>1 {} {} posternd {} {} {data}",
            FACILITY * 8 + severity as u8,
            time(at),
            self.host,
            self.process,
            word(id, 32),
        );
        let room = LINE_MAX.saturating_sub(line.len() + 1).max(MESSAGE_MIN);
        let message = cut(message, room);
        if !message.is_empty() {
            line.push(' ');
            line.extend(message.chars().map(plain));
        }
        line
    }
}

/// RFC 3339 in UTC, with milliseconds; unknown where the calendar does not reach.
fn time(at: Timestamp) -> String {
    let told = format_time(at, &TimeZone::UTC, "%Y-%m-%dT%H:%M:%S");
    if told.ends_with(" ms") {
        return "-".to_owned();
    }
    format!("{told}.{:03}Z", at.0 % 1000)
}

/// Visible ASCII without blanks (PRINTUSASCII); nothing is told as `-`.
fn word(text: &str, most: usize) -> String {
    let visible = |c: char| if c.is_ascii_graphic() { c } else { '-' };
    match text.trim() {
        "" => "-".to_owned(),
        text => text.chars().take(most).map(visible).collect(),
    }
}

/// Shown text has no such characters; should one come, it does no harm in a log either.
fn plain(c: char) -> char {
    if c.is_control() || is_invisible(c) {
        char::REPLACEMENT_CHARACTER
    } else {
        c
    }
}

fn cut(text: &str, most: usize) -> &str {
    text.get(..text.floor_char_boundary(most)).unwrap_or(text)
}

/// The structured data (RFC 5424 6.3). A parameter without a value is left out.
#[derive(Default)]
struct Data(String);

impl Data {
    fn put(&mut self, name: &str, value: &str) {
        if value.is_empty() {
            return;
        }
        let _ = write!(self.0, " {name}=\"");
        for c in cut(value, VALUE_MAX).chars().map(plain) {
            if matches!(c, '"' | '\\' | ']') {
                self.0.push('\\');
            }
            self.0.push(c);
        }
        self.0.push('"');
    }

    fn end(mut self, journal: &str, seq: u64) -> String {
        self.put("journal", journal);
        self.put("seq", &seq.to_string());
        format!("[{ELEMENT}{}]", self.0)
    }
}

/// Octet counting (RFC 6587 3.4.1): how a line goes over TCP.
pub fn framed(line: &str) -> String {
    format!("{} {line}", line.len())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
mod tests {
    use super::*;
    use crate::audit::Reason;
    use crate::audit::words::samples::{AT, all, attempt, said};
    use crate::audit::{FirstUsed, SecondUsed};

    fn origin() -> Origin {
        Origin::new("box1", 77)
    }

    /// PRI, MSGID, the parameters as they were before escaping, the message: read as RFC 5424 6 says.
    fn read(line: &str) -> (u8, String, Vec<(String, String)>, String) {
        let (pri, rest) = line.strip_prefix('<').unwrap().split_once('>').unwrap();
        let header: Vec<&str> = rest.splitn(7, ' ').collect();
        assert_eq!(header[0], "1", "the version");
        assert_eq!((header[2], header[3], header[4]), ("box1", "posternd", "77"));
        let rest = header[6].strip_prefix("[postern@32473").unwrap();
        let (mut parameters, mut chars) = (Vec::new(), rest.chars());
        loop {
            match chars.next().unwrap() {
                ']' => break,
                c => assert_eq!(c, ' '),
            }
            let name: String = chars.by_ref().take_while(|c| *c != '=').collect();
            assert_eq!(chars.next(), Some('"'));
            let mut value = String::new();
            loop {
                match chars.next().unwrap() {
                    '"' => break,
                    '\\' => value.push(chars.next().unwrap()),
                    ']' => panic!("a bare ] in {line}"),
                    c => value.push(c),
                }
            }
            parameters.push((name, value));
        }
        let message = chars.as_str();
        assert!(message.is_empty() || message.starts_with(' '), "{line}");
        (
            pri.parse().unwrap(),
            header[5].to_owned(),
            parameters,
            message.trim_start().to_owned(),
        )
    }

    fn value(parameters: &[(String, String)], name: &str) -> Option<String> {
        parameters.iter().find(|(n, _)| n == name).map(|(_, v)| v.clone())
    }

    #[test]
    fn an_accept_to_the_letter() {
        let mut accept = attempt(Reason::Accepted {
            first: FirstUsed::Entra,
            second: SecondUsed::Totp,
        });
        accept.at = Timestamp(AT.0 + 7);
        accept.directory = said(50_076);
        let line = origin().attempt(&accept, 12);
        let head = "<86>1 2026-09-21T10:31:09.007Z box1 posternd 77 accepted [postern@32473 user=\"anna@contoso.example\" \
                    client=\"vpn1\" source=\"192.0.2.9\" station=\"203.0.113.7\" outcome=\"accept\" code=\"50076\" \
                    correlation=\"7f1c9e0a-3a44-4d1f-9a32-bb4b1f6ad0c9\" count=\"1\" journal=\"logins\" seq=\"12\"] ";
        assert!(line.starts_with(head), "{line}");
        assert!(line.len() > head.len());
        assert_eq!(framed("<86>1 ä"), "8 <86>1 ä", "octets, not characters");
        assert_eq!(framed(&line), format!("{} {line}", line.len()));
    }

    #[test]
    fn r23_every_reason_makes_a_line_of_its_severity() {
        for reason in all() {
            let attempt = attempt(reason);
            let line = origin().attempt(&attempt, 1);
            let (pri, id, parameters, message) = read(&line);
            let wanted = match attempt.outcome {
                Outcome::Accept | Outcome::Challenge => 86,
                Outcome::Reject => 85,
                Outcome::Silent => 84,
            };
            assert_eq!(pri, wanted, "{line}");
            assert_eq!(id, attempt.reason.code());
            assert!(
                id.len() <= 32 && !id.is_empty() && id.bytes().all(|b| b.is_ascii_graphic()),
                "{id}"
            );
            assert_eq!(value(&parameters, "user").as_deref(), Some("anna@contoso.example"));
            assert!(!message.is_empty() && line.len() <= LINE_MAX, "{line}");
        }
    }

    #[test]
    fn the_other_records() {
        let mut act = OperatorAct {
            at: AT,
            uid: 1000,
            operator: String::new(),
            line: String::new(),
            action: "user disable".into(),
            target: "anna@contoso.example".into(),
            result: Ok(()),
            users: Vec::new(),
            user: None,
            client: None,
            staff: None,
            count: 1,
        };
        let (pri, id, parameters, message) = read(&origin().act(&act, 3));
        assert_eq!((pri, id.as_str()), (85, "user-disable"));
        assert_eq!(message, "user disable anna@contoso.example");
        assert_eq!(value(&parameters, "uid").as_deref(), Some("1000"));
        assert_eq!(value(&parameters, "outcome").as_deref(), Some("done"));
        assert_eq!(value(&parameters, "journal").as_deref(), Some("operators"));
        assert_eq!(value(&parameters, "operator"), None, "nothing is left out");
        act.result = Err("there is no such user".into());
        let (pri, _, parameters, message) = read(&origin().act(&act, 3));
        assert_eq!((pri, value(&parameters, "outcome").as_deref()), (85, Some("refused")));
        assert!(message.ends_with("was refused: there is no such user"), "{message}");

        let alarm = "alarm-entra-configuration-contoso.example";
        let (pri, id, parameters, _) = read(&origin().system(AT, alarm, "Entra refuses every login", 4));
        assert_eq!((pri, id.as_str()), (84, &alarm[..32]));
        assert_eq!(value(&parameters, "event").as_deref(), Some(alarm));
        assert_eq!(read(&origin().system(AT, "started", "posternd started", 4)).0, 85);

        let accounting = Accounting {
            client: "vpn1".into(),
            user: "anna".into(),
            station: String::new(),
            session: "81".into(),
            status: "stop".into(),
            seconds: Some(60),
        };
        let (pri, id, _, message) = read(&origin().accounting(AT, &accounting, 5));
        assert_eq!((pri, id.as_str()), (86, "accounting"));
        assert_eq!(message, "accounting: stop after 60 s, session 81");

        let (pri, id, parameters, _) = read(&origin().missing(AT, LOGINS, 6, 9));
        assert_eq!((pri, id.as_str()), (84, "records-missing"));
        assert_eq!(value(&parameters, "from").as_deref(), Some("6"));
        assert_eq!(value(&parameters, "seq").as_deref(), Some("9"));
    }

    #[test]
    fn r22_nobody_writes_outside_of_a_value() {
        let nasty = "a\"] \\ [x@1 user=\"root\"]\n<86>1 \u{202e}\u{1b}[2J";
        let mut refused = attempt(Reason::UnknownUser);
        refused.name = nasty.into();
        refused.station = "\\".into();
        let line = origin().attempt(&refused, 1);
        let (_, _, parameters, _) = read(&line);
        assert_eq!(
            value(&parameters, "user").unwrap(),
            nasty.replace(['\n', '\u{202e}', '\u{1b}'], "\u{fffd}")
        );
        assert_eq!(value(&parameters, "station").as_deref(), Some("\\"));
        assert!(line.contains("user=\"a\\\"\\] \\\\ [x@1"), "{line}");
        assert!(!line.chars().any(|c| c.is_control() || is_invisible(c)), "{line}");
        let (_, id, _, message) = read(&origin().system(AT, "alarm-many-wrong-users-büro 1", "a\nb", 1));
        assert_eq!(
            (id.as_str(), message.as_str()),
            ("alarm-many-wrong-users-b-ro-1", "a\u{fffd}b")
        );
    }

    #[test]
    fn lines_stay_short_and_whole() {
        let line = origin().system(AT, "alarm-x", &"ä".repeat(5_000), 1);
        assert!(line.len() <= LINE_MAX && line.ends_with('ä'), "{}", line.len());
        let mut long = attempt(Reason::WrongCode);
        for field in [&mut long.name, &mut long.client_name, &mut long.station] {
            *field = "]".repeat(5_000);
        }
        let line = origin().attempt(&long, 1);
        assert!(line.len() < 2 * LINE_MAX, "{}", line.len());
        read(&line);
    }

    #[test]
    fn what_is_unknown_is_a_dash() {
        assert_eq!(time(Timestamp(u64::MAX)), "-");
        assert_eq!(time(Timestamp(0)), "1970-01-01T00:00:00.000Z");
        let line = Origin::new(" \n", 1).system(AT, "", "x", 1);
        assert!(line.contains("Z - posternd 1 - ["), "{line}");
    }
}
