//! The commands that need a reader, with a simulated token on a table, a posternd that knows only what these commands ask, and lines
//! that somebody types.

use std::collections::BTreeMap;
use std::time::Duration;

use super::*;
use crate::tokens::desk::{Link, Reader};
use crate::tokens::program::Kind;
use crate::tokens::{ApduChannel, LinkError, Response};

#[path = "../../../tests/sim/mod.rs"]
#[allow(dead_code, missing_docs, clippy::print_stdout, clippy::print_stderr)]
mod sim;

mod batch;
mod molto;
mod program;

use sim::single::{Quartz, Single};
use sim::{Applet, Clock};

const SERIAL: &str = "86596220000001";
/// One whose time may be set without losing the seed.
const FREE: &str = "86596120000001";
const RIGHT: &str = "123456";

/// The clock of everything here.
fn clock() -> Clock {
    Arc::new(|| NOW.0)
}

fn single(serial: &str) -> Arc<Mutex<Single>> {
    Arc::new(Mutex::new(Single::new(serial, &clock())))
}

/// Something that happens while somebody waits.
type Event = Box<dyn FnMut(&mut BTreeMap<String, Arc<Mutex<dyn Applet>>>)>;

/// A table with readers, and what lies on them.
#[derive(Default)]
struct Table {
    lies: BTreeMap<String, Arc<Mutex<dyn Applet>>>,
    /// What happens at a pause, by its number from 0.
    events: Vec<(usize, Event)>,
    pauses: usize,
    /// At this command (counted over the whole run) the token is gone: before it has taken it, or after.
    cut: Option<(usize, bool)>,
    /// It comes back after that.
    once: bool,
    commands: Arc<Mutex<usize>>,
    trouble: Option<LinkError>,
    /// pcscd is away between these pauses.
    broken: std::ops::Range<usize>,
}

impl Table {
    fn with(token: Arc<Mutex<dyn Applet>>) -> Table {
        let mut table = Table::default();
        table.lies.insert("pcsc".to_owned(), token);
        table
    }

    fn at(mut self, pause: usize, event: impl FnMut(&mut BTreeMap<String, Arc<Mutex<dyn Applet>>>) + 'static) -> Table {
        self.events.push((pause, Box::new(event)));
        self
    }
}

struct Contact {
    token: Arc<Mutex<dyn Applet>>,
    cut: Option<(usize, bool)>,
    once: bool,
    commands: Arc<Mutex<usize>>,
}

impl ApduChannel for Contact {
    fn transmit(&mut self, command: &[u8]) -> Result<Response, LinkError> {
        let number = {
            let mut commands = self.commands.lock().unwrap();
            *commands += 1;
            *commands - 1
        };
        match self.cut {
            Some((at, late)) if at == number => {
                if late {
                    self.token.lock().unwrap().apdu(command);
                }
                return Err(LinkError::TokenGone);
            }
            Some((at, _)) if number > at && !self.once => return Err(LinkError::TokenGone),
            _ => {}
        }
        let mut answer = self.token.lock().unwrap().apdu(command);
        let Some((low, high)) = answer.pop().zip(answer.pop()) else {
            return Err(LinkError::Silent);
        };
        Ok(Response {
            data: answer.clone(),
            status: u16::from_be_bytes([high, low]),
        })
    }
}

impl Hardware for Table {
    fn readers(&mut self) -> (Vec<Reader>, Option<String>) {
        let reader = |device: &String| Reader {
            device: device.clone(),
            name: "Reader 00 00".to_owned(),
            link: Link::Pcsc,
            proven: true,
            trouble: None,
        };
        let trouble = self.trouble.as_ref().map(ToString::to_string);
        (self.lies.keys().map(reader).collect(), trouble)
    }

    fn open(&mut self, device: &str, kind: Option<Kind>) -> Result<(Box<dyn ApduChannel>, Kind), LinkError> {
        if let Some(trouble) = &self.trouble {
            return Err(trouble.clone());
        }
        if self.broken.contains(&self.pauses) {
            return Err(LinkError::Reader("pcscd is away".to_owned()));
        }
        let token = self.lies.get(device).ok_or(LinkError::TokenGone)?;
        token.lock().unwrap().contact();
        let contact = Contact {
            token: token.clone(),
            cut: self.cut,
            once: self.once,
            commands: self.commands.clone(),
        };
        Ok((Box::new(contact), kind.unwrap_or(Kind::Single)))
    }

    fn now(&self) -> Timestamp {
        NOW
    }

    fn pause(&mut self, _: Duration) {
        let (now, lies) = (self.pauses, &mut self.lies);
        self.events
            .iter_mut()
            .filter(|(at, _)| *at == now)
            .for_each(|(_, event)| event(lies));
        self.pauses += 1;
        assert!(self.pauses < 10_000, "it waits for ever");
    }
}

/// posternd, as far as these commands see it.
#[derive(Default)]
struct State {
    users: Vec<String>,
    tokens: Vec<TokenInfo>,
    asked: Vec<Request>,
    /// The seeds that it gave out.
    seeds: Vec<Secret>,
    untrusted: bool,
    customer_key: Option<Secret>,
    /// So many times nobody answers to [`Request::TokenWritten`].
    deaf: usize,
}

#[derive(Clone, Default)]
struct Fake(Arc<Mutex<State>>);

fn token(id: u64, user: &str, serial: &str, profile: Option<u8>, written: bool, status: TokenStatus) -> TokenInfo {
    TokenInfo {
        id: TokenId(id),
        user: user.to_owned(),
        status,
        algorithm: Algorithm::Sha1,
        digits: 6,
        period: Some(30),
        counter: None,
        serial: serial.to_owned(),
        model: "OTPC-P2-i".to_owned(),
        source: TokenSource::Programmed(Programmed {
            profile,
            written: written.then_some(NOW),
        }),
        created: NOW,
        drift_seconds: 0,
        last_code: None,
    }
}

impl Fake {
    fn new(users: &[&str]) -> Fake {
        let fake = Fake::default();
        fake.0.lock().unwrap().users = users.iter().map(|&user| user.to_owned()).collect();
        fake
    }

    fn having(self, token: TokenInfo) -> Fake {
        self.0.lock().unwrap().tokens.push(token);
        self
    }

    fn tokens(&self) -> Vec<(u64, String, TokenStatus)> {
        let state = self.0.lock().unwrap();
        let row = |one: &TokenInfo| (one.id.0, one.user.clone(), one.status);
        state.tokens.iter().map(row).collect()
    }

    /// The words of what was asked.
    fn asked(&self) -> Vec<&'static str> {
        self.0.lock().unwrap().asked.iter().map(Request::word).collect()
    }

    fn seed(&self) -> Vec<u8> {
        self.0.lock().unwrap().seeds.last().unwrap().expose().to_vec()
    }
}

impl Asker for Fake {
    fn ask(&mut self, request: &Request) -> Result<Answer, Failure> {
        let mut guard = self.0.lock().unwrap();
        let state = &mut *guard;
        state.asked.push(request.clone());
        match request {
            Request::UserShow { name } if state.users.contains(name) => Ok(Answer::Done { done: String::new() }),
            Request::UserShow { name } => Err(Failure::not_found(format!("there is no user {name}"))),
            Request::SerialShow { serial } => Ok(Answer::Serial(SerialReport {
                tokens: state
                    .tokens
                    .iter()
                    .filter(|one| one.serial == *serial)
                    .cloned()
                    .collect(),
                unassigned: Vec::new(),
            })),
            Request::TokenProgram(_) if state.untrusted => Err(Failure::refused("the clock is not trusted")),
            Request::TokenProgram(ask) => {
                let id = state.tokens.len() as u64 + 1;
                let made = token(id, &ask.user, &ask.serial, ask.profile, false, TokenStatus::Pending);
                let replaces: Vec<TokenInfo> = state
                    .tokens
                    .iter()
                    .filter(|one| one.serial == ask.serial && one.source == made.source)
                    .cloned()
                    .collect();
                let mut seed = vec![0xA5; 20];
                seed[0] = u8::try_from(id).unwrap();
                state.tokens.push(made.clone());
                state.seeds.push(Secret::new(seed.clone()));
                Ok(Answer::TokenProgramming(Box::new(TokenProgramming {
                    token: made,
                    seed: Secret::new(seed),
                    replaces,
                    customer_key: state.customer_key.clone(),
                })))
            }
            Request::TokenWritten { .. } if state.deaf > 0 => {
                state.deaf -= 1;
                Err(Failure::new(FailureKind::Unreachable, "nobody answers"))
            }
            Request::TokenWritten { id, .. } => {
                let one = state.tokens.iter_mut().find(|one| one.id == *id).unwrap();
                if let TokenSource::Programmed(programmed) = &mut one.source {
                    programmed.written = Some(NOW);
                }
                Ok(Answer::Token(Box::new(one.clone())))
            }
            Request::TokenConfirm { user, code } if code.expose_str() == Some(RIGHT) => {
                let mut pending = state.tokens.iter_mut().rev();
                let one = pending.find(|one| one.user == *user && one.status == TokenStatus::Pending);
                let one = one.unwrap();
                one.status = TokenStatus::Active;
                Ok(Answer::Token(Box::new(one.clone())))
            }
            Request::TokenConfirm { .. } => Err(Failure::refused("the code fits no token that waits")),
            Request::TokenList { user } => Ok(Answer::Tokens(TokenList {
                tokens: state.tokens.iter().filter(|one| one.user == *user).cloned().collect(),
            })),
            Request::TimeShow => Ok(Answer::Clock(ClockReport {
                trusted: !state.untrusted,
                source: "ntp".to_owned(),
                now: NOW,
                newest_seen: None,
                waiting_for: state.untrusted.then(|| "it waits for NTP".to_owned()),
            })),
            Request::TokenClockSet { id, .. } => {
                let one = state.tokens.iter().find(|one| one.id == *id).unwrap();
                Ok(Answer::Token(Box::new(one.clone())))
            }
            other => panic!("nobody asks {other:?} here"),
        }
    }
}

/// What a run printed.
struct Printed {
    status: u8,
    out: String,
    err: String,
}

impl Printed {
    fn json(&self) -> serde_json::Value {
        assert_eq!(self.err, "", "nothing beside the document");
        assert_eq!(self.out.lines().count(), 1, "{}", self.out);
        serde_json::from_str(&self.out).unwrap()
    }
}

/// A command line, what is typed, the files it may read.
fn carried(line: &str, typed: &str, files: &[(&str, &str)], table: &mut Table, fake: &Fake) -> Printed {
    let mut input = Files(
        [("-", typed)]
            .iter()
            .chain(files)
            .map(|(name, text)| ((*name).to_owned(), text.as_bytes().to_vec()))
            .collect(),
    );
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let mut connect = |_: &Path| Ok(Box::new(fake.clone()) as Box<dyn Asker>);
    let status = {
        let mut around = Around {
            input: &mut input,
            hardware: table,
            connect: &mut connect,
            view: view(),
            socket: None,
        };
        run(shell_words(line), &mut around, &mut out, &mut err)
    };
    let printed = Printed {
        status,
        out: String::from_utf8(out).unwrap(),
        err: String::from_utf8(err).unwrap(),
    };
    // R21: whatever happened, no seed is printed, in no form that a key is written in.
    for seed in &fake.0.lock().unwrap().seeds {
        let all = format!("{}{}", printed.out, printed.err).to_lowercase();
        let hex = data_encoding::HEXLOWER.encode(seed.expose());
        let base32 = data_encoding::BASE32_NOPAD.encode(seed.expose()).to_lowercase();
        assert!(!all.contains(&hex[2..18]) && !all.contains(&base32[2..14]), "{all}");
    }
    printed
}

#[test]
fn readers_are_listed_and_what_is_wrong_with_pcscd_is_told() {
    let mut table = Table::with(single(SERIAL));
    let ran = carried("token readers", "", &[], &mut table, &Fake::default());
    assert_eq!((ran.status, ran.out.as_str()), (0, "pcsc (Reader 00 00): reader\n"));
    let ran = carried("--json token readers", "", &[], &mut table, &Fake::default());
    assert_eq!(ran.json()["readers"][0]["device"], "pcsc");
    let mut none = Table {
        trouble: Some(LinkError::Reader("pcscd does not run".to_owned())),
        ..Table::default()
    };
    let ran = carried("token readers", "", &[], &mut none, &Fake::default());
    assert_eq!((ran.status, ran.out.as_str()), (0, "no reader is there: plug one in\n"));
    assert!(ran.err.contains("pcscd does not run"), "{}", ran.err);
    let ran = carried("--json token readers", "", &[], &mut none, &Fake::default());
    assert!(ran.json()["pcscd"].as_str().unwrap().contains("does not run"));
}

#[test]
fn wrong_usage_is_told_before_anything_is_touched() {
    for line in [
        "token program",
        "token program anna",
        "token program anna --device",
        "token program anna --device COM1",
        "token program anna --device pcsc=molto2",
        "token program anna --device pcsc --kind molto1",
        "token program anna --device pcsc --algorithm sha512",
        "token program anna --device pcsc --period 45",
        "token program anna --device pcsc --digits 7",
        "token program anna --device pcsc --profile 100",
        "token program anna --device pcsc --profile x",
        "token program anna --device pcsc --resume",
        "token program anna --users f --device pcsc",
        "token program --resume",
        "token program --users f --resume",
        "token program --users - --device pcsc",
        "token program '' --device pcsc",
        "token program anna --device pcsc --wait 3601",
        "token clock anna --device pcsc",
        "token clock anna 1",
        "token device show",
        "token device title --device pcsc --profile 1",
        "token device delete --device pcsc",
        "token device key --device pcsc",
    ] {
        let fake = Fake::new(&["anna"]);
        let mut table = Table::with(single(SERIAL));
        let ran = carried(line, "", &[("f", "anna")], &mut table, &fake);
        assert_eq!((ran.status, ran.err.lines().count()), (2, 1), "{line}: {}", ran.err);
        assert!(
            fake.asked().is_empty() && *table.commands.lock().unwrap() == 0,
            "{line}"
        );
    }
}
