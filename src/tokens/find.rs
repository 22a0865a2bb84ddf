//! Which readers there are, and the way to one. In: what the operator chose; out: readers with names for people, and channels to the
//! token that lies on one.
//!
//! A serial port is asked what it is only if our udev rule marked it or the operator chose it: the bridges of readers are those of
//! everything else on a serial line, so their vendor says nothing, and to ask sends bytes to whatever is there. A line that a console
//! or a login stands on is never asked, whoever chose it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::{Duration, Instant};

pub mod ports;
#[cfg(test)]
mod tests;

use super::channel::{ApduChannel, LinkError};
use super::desk::{Link, Reader};
use super::pcsc;
use super::pn532::chip::{Listing, Pn532};
use super::pn532::{self, port};
use super::program::Kind;
use crate::text::shown;
use ports::{Node, Number, Places};

/// What stands before the name of a reader that pcscd knows.
const PCSC: &str = "pcsc";

/// A pcscd that takes so long for a list of names is stuck, and is left alone for a while, so that it holds up no other reader.
const STUCK: Duration = Duration::from_secs(1);
const LEFT_ALONE: Duration = Duration::from_secs(30);
/// Readers chosen by hand that are kept.
const BY_HAND_MAX: usize = 8;

/// A reader that the operator chose: `DEVICE[=single|molto2]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chosen {
    /// `/dev/ttyUSB0`, `pcsc:NAME`, or `pcsc` for any that pcscd knows.
    pub device: String,
    /// What lies on it; without it, what its name says.
    pub kind: Option<Kind>,
}

/// What stands there is the name of no reader.
const NO_READER: &str = "no reader: write a port such as /dev/ttyUSB0, or pcsc, or pcsc:NAME";

impl FromStr for Chosen {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (device, kind) = match text.rsplit_once('=') {
            None => (text, None),
            Some((device, "single")) => (device, Some(Kind::Single)),
            Some((device, "molto2")) => (device, Some(Kind::Molto2)),
            Some(_) => return Err("after the device, write =single or =molto2, or nothing".to_owned()),
        };
        if !Path::new(device).is_absolute() && pcsc_name(device).is_none() {
            return Err(NO_READER.to_owned());
        }
        Ok(Self {
            device: device.to_owned(),
            kind,
        })
    }
}

/// The reader's name behind `pcsc:`, empty for any; none: it is no reader of pcscd.
fn pcsc_name(device: &str) -> Option<&str> {
    match device.strip_prefix(PCSC)? {
        "" => Some(""),
        rest => rest.strip_prefix(':'),
    }
}

/// What is asked and what is not.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// What the operator chose. If anything, these alone are used, and what is chosen by hand later; no other port is asked then.
    pub readers: Vec<Chosen>,
    /// Lines that somebody stands on: never asked.
    pub own_lines: Vec<PathBuf>,
}

/// How a reader is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// A serial port.
    Port(PathBuf),
    /// By pcscd, under this name.
    Pcsc(String),
}

/// A reader, or what may be one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Candidate {
    /// As it is told, not yet asked.
    pub reader: Reader,
    /// The way to it; none: there is none, and the reader's trouble says why.
    pub way: Option<Way>,
    /// Another one when it is plugged in again.
    pub stamp: (u64, u64),
    /// It may be asked what it is.
    pub may_ask: bool,
    /// It was chosen for good: asked again and again until it answers.
    pub patient: bool,
    /// What lies on it.
    pub kind: Kind,
}

/// Looks which readers are there.
pub(super) struct Finder {
    places: Places,
    settings: Settings,
    /// Chosen since, by hand: the last one first.
    by_hand: Vec<Chosen>,
    /// Where pcscd's readers are listed.
    listed: fn() -> Result<Vec<String>, LinkError>,
    /// Until when pcscd is left alone, and what it said last.
    left_alone: Option<(Instant, LinkError)>,
    /// The links under /dev/serial/by-id of chosen ports, so that they are found again under another number.
    links: BTreeMap<String, PathBuf>,
}

impl Finder {
    pub fn new(places: Places, settings: Settings) -> Self {
        Self {
            places,
            settings,
            by_hand: Vec::new(),
            listed: pcsc::list,
            left_alone: None,
            links: BTreeMap::new(),
        }
    }

    /// With a list of pcscd's readers of a test's own.
    #[cfg(test)]
    pub fn with_pcsc(mut self, listed: fn() -> Result<Vec<String>, LinkError>) -> Self {
        self.listed = listed;
        self
    }

    /// Uses a reader from now on, although no rule marked it.
    pub fn choose(&mut self, device: String) {
        self.by_hand.retain(|chosen| chosen.device != device);
        self.by_hand.insert(0, Chosen { device, kind: None });
        self.by_hand.truncate(BY_HAND_MAX);
    }

    /// What is there now: chosen ones first. Asks nothing but pcscd's list of names.
    pub fn look(&mut self) -> Vec<Candidate> {
        let chosen: Vec<Chosen> = self.settings.readers.iter().chain(&self.by_hand).cloned().collect();
        let terminals = self.places.terminals();
        let mut found: Vec<Candidate> = Vec::new();
        for (index, choice) in chosen.iter().enumerate() {
            if pcsc_name(&choice.device).is_some() {
                continue;
            }
            let mut candidate = self.chosen_port(choice, &terminals);
            candidate.patient = index < self.settings.readers.len();
            // The same port may be named in two ways.
            let same = |known: &&mut Candidate| {
                known.reader.device == choice.device || (known.way.is_some() && known.way == candidate.way)
            };
            match found.iter_mut().find(same) {
                Some(known) => known.kind = choice.kind.unwrap_or(known.kind),
                None => found.push(candidate),
            }
        }
        for port in self.places.ports() {
            let way = Way::Port(port.path.clone());
            if found.iter().any(|known| known.way.as_ref() == Some(&way)) {
                continue;
            }
            let may_ask = port.tagged && self.settings.readers.is_empty();
            let trouble = match may_ask {
                true => self.places.forbidden(&port, &self.settings.own_lines, &terminals),
                false => None,
            };
            found.push(Candidate {
                way: Some(way).filter(|_| trouble.is_none()),
                stamp: port.stamp,
                may_ask: may_ask && trouble.is_none(),
                reader: Reader {
                    device: port.device.to_string_lossy().into_owned(),
                    name: port.name.unwrap_or_else(|| "serial port".to_owned()),
                    link: Link::Pn532,
                    proven: false,
                    trouble,
                },
                patient: false,
                kind: Kind::Single,
            });
        }
        self.pcsc(&chosen, &mut found);
        found
    }

    /// A port that the operator named.
    fn chosen_port(&mut self, choice: &Chosen, terminals: &BTreeSet<Number>) -> Candidate {
        let mut candidate = nothing(&choice.device, "serial port", Link::Pn532);
        candidate.kind = choice.kind.unwrap_or(candidate.kind);
        if !Path::new(&choice.device).is_absolute() {
            candidate.reader.trouble = Some(NO_READER.to_owned());
            return candidate;
        }
        let mut node = self.places.node(Path::new(&choice.device));
        if node == Node::Absent
            && let Some(link) = self.links.get(&choice.device)
        {
            node = self.places.node(link);
        }
        match node {
            Node::Absent => candidate.reader.trouble = Some(port::OpenError::Absent.to_string()),
            Node::Other => candidate.reader.trouble = Some("it is no serial port: choose another".to_owned()),
            Node::Port(port) => {
                if let Some(link) = self.places.by_id(&port.path) {
                    self.links.insert(choice.device.clone(), link);
                }
                candidate.stamp = port.stamp;
                candidate.reader.trouble = self.places.forbidden(&port, &self.settings.own_lines, terminals);
                candidate.may_ask = candidate.reader.trouble.is_none();
                candidate.way = candidate.may_ask.then_some(Way::Port(port.path));
                if let Some(name) = port.name {
                    candidate.reader.name = name;
                }
            }
        }
        candidate
    }

    /// The readers that pcscd knows. They are readers; nothing needs to be asked.
    fn pcsc(&mut self, chosen: &[Chosen], found: &mut Vec<Candidate>) {
        let chosen: Vec<_> = chosen
            .iter()
            .filter_map(|choice| Some((pcsc_name(&choice.device)?, choice)))
            .collect();
        if chosen.is_empty() && !self.settings.readers.is_empty() {
            return;
        }
        let names = self.names();
        let fits = |wanted: &str, name: &str| wanted.is_empty() || name.contains(wanted);
        for name in names.iter().flatten() {
            let choices: Vec<_> = chosen.iter().filter(|(wanted, _)| fits(wanted, name)).collect();
            if choices.is_empty() && !self.settings.readers.is_empty() {
                continue;
            }
            let mut known = nothing(&format!("{PCSC}:{name}"), name, Link::Pcsc);
            known.reader.proven = true;
            known.way = Some(Way::Pcsc(name.clone()));
            let kind = choices.iter().find_map(|(_, choice)| choice.kind);
            known.kind = kind.unwrap_or(kind_of(name));
            found.push(known);
        }
        for (wanted, choice) in chosen {
            let trouble = match &names {
                Ok(names) if names.iter().any(|name| fits(wanted, name)) => continue,
                Ok(_) => "pcscd knows no such reader: plug it in".to_owned(),
                Err(error) => words(error.clone()),
            };
            let mut absent = nothing(&choice.device, "smart card reader", Link::Pcsc);
            absent.reader.trouble = Some(trouble);
            found.push(absent);
        }
    }

    /// The names of pcscd's readers.
    fn names(&mut self) -> Result<Vec<String>, LinkError> {
        let start = Instant::now();
        if let Some((_, error)) = self.left_alone.as_ref().filter(|(until, _)| start < *until) {
            return Err(error.clone());
        }
        let names = (self.listed)();
        self.left_alone = match &names {
            Err(error) if start.elapsed() >= STUCK => Some((Instant::now() + LEFT_ALONE, error.clone())),
            _ => None,
        };
        names
    }
}

/// A reader of which nothing but its name is known.
fn nothing(device: &str, name: &str, link: Link) -> Candidate {
    Candidate {
        reader: Reader {
            device: device.to_owned(),
            name: shown(name),
            link,
            proven: false,
            trouble: None,
        },
        way: None,
        stamp: (0, 0),
        may_ask: false,
        patient: false,
        kind: Kind::Single,
    }
}

/// What lies on a reader that pcscd knows, by its name alone.
fn kind_of(name: &str) -> Kind {
    match pcsc::is_molto2(name) {
        true => Kind::Molto2,
        false => Kind::Single,
    }
}

/// Why a reader cannot be used, to stand behind its name.
pub(super) fn words(error: LinkError) -> String {
    match error {
        LinkError::Reader(words) => words,
        other => other.to_string(),
    }
}

/// Opens a port and asks it whether it is a reader.
///
/// # Errors
/// [`LinkError::ReaderGone`], [`LinkError::Reader`].
pub(super) fn ask(path: &Path) -> Result<Pn532, LinkError> {
    let mut chip = Pn532::new(Box::new(port::Port::open(path)?));
    chip.bring_up()?;
    Ok(chip)
}

/// The readers that are there, each asked if it may be. Takes a second for each port that does not answer.
pub fn readers(settings: &Settings) -> Vec<Reader> {
    readers_of(Finder::new(Places::default(), settings.clone()))
}

fn readers_of(mut finder: Finder) -> Vec<Reader> {
    let mut readers = Vec::new();
    for candidate in finder.look() {
        let mut reader = candidate.reader;
        if let (true, Some(Way::Port(path))) = (candidate.may_ask, &candidate.way) {
            match ask(path) {
                Ok(_) => reader.proven = true,
                Err(error) => reader.trouble = Some(words(error)),
            }
        }
        readers.push(reader);
    }
    readers
}

/// The token that lies on a reader now, and what kind of token it is where nobody said. The reader is ours until the channel is
/// dropped.
///
/// # Errors
/// [`LinkError::TokenGone`] where nothing lies there, [`LinkError::Unfit`] where something else does; [`LinkError::Reader`] with words
/// where there is no such reader, or it cannot be used.
pub fn open(device: &str, kind: Option<Kind>) -> Result<(Box<dyn ApduChannel>, Kind), LinkError> {
    if let Some(name) = pcsc_name(device) {
        let card = pcsc::open(name)?;
        let kind = kind.unwrap_or(kind_of(card.reader()));
        return Ok((Box::new(card), kind));
    }
    let channel = open_port(&Places::default(), Path::new(device))?;
    Ok((channel, kind.unwrap_or(Kind::Single)))
}

fn open_port(places: &Places, path: &Path) -> Result<Box<dyn ApduChannel>, LinkError> {
    let named = |why: &str| LinkError::Reader(format!("{}: {why}", shown(&path.to_string_lossy())));
    let port = match places.node(path) {
        Node::Port(port) => port,
        Node::Absent => return Err(named(&port::OpenError::Absent.to_string())),
        Node::Other => return Err(named("it is no serial port")),
    };
    if let Some(why) = places.forbidden(&port, &[], &places.terminals()) {
        return Err(named(&why));
    }
    let mut chip = ask(&port.path)?;
    match chip.search(Listing::ToTalk)? {
        Some(target) => Ok(Box::new(pn532::Link::new(chip, &target)?)),
        None => Err(LinkError::TokenGone),
    }
}
