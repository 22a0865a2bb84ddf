#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use std::fs;
use std::os::unix::fs::symlink;
use std::sync::Arc;

use parking_lot::Mutex;

use super::*;
use crate::tokens::testing::{Card, Plugged, Table, Tree};

fn none() -> Result<Vec<String>, LinkError> {
    Ok(Vec::new())
}

fn two() -> Result<Vec<String>, LinkError> {
    Ok(vec![
        "ACS ACR122U\x1b 00 00".to_owned(),
        "Token2 MOLTO-2 01 00".to_owned(),
    ])
}

fn unknown() -> Result<Vec<String>, LinkError> {
    Err(LinkError::Reader("pcscd does not run".to_owned()))
}

fn chosen(text: &str) -> Chosen {
    text.parse().unwrap()
}

fn finder(tree: &Tree, settings: Settings) -> Finder {
    Finder::new(tree.places(), settings).with_pcsc(none)
}

fn table(card: Option<Card>) -> Arc<Mutex<Table>> {
    Arc::new(Mutex::new(Table {
        card,
        ..Table::default()
    }))
}

#[test]
fn a_device_and_what_lies_on_it_are_written_in_one_word() {
    for (text, device, kind) in [
        ("/dev/ttyUSB0", "/dev/ttyUSB0", None),
        ("/dev/ttyUSB0=single", "/dev/ttyUSB0", Some(Kind::Single)),
        ("pcsc", "pcsc", None),
        (
            "pcsc:Virtual PCD 00 00=molto2",
            "pcsc:Virtual PCD 00 00",
            Some(Kind::Molto2),
        ),
    ] {
        let device = device.to_owned();
        assert_eq!(Chosen::from_str(text), Ok(Chosen { device, kind }));
    }
    for wrong in [
        "",
        "ttyUSB0",
        "pcscd",
        "pcsc-x",
        "/dev/ttyUSB0=molto3",
        "=single",
        "/dev/ttyUSB0=",
    ] {
        assert!(Chosen::from_str(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn a_port_that_nobody_marked_or_chose_is_listed_and_not_asked() {
    let (tree, table) = (Tree::new(), table(None));
    let plugged = Plugged::new(&table);
    let device = tree.plug(0, &plugged.path);
    let readers = readers_of(finder(&tree, Settings::default()));
    assert_eq!(
        readers,
        [Reader {
            device: device.to_string_lossy().into_owned(),
            name: "USB Serial, QinHeng\\u{202e} Electronics".to_owned(),
            link: Link::Pn532,
            proven: false,
            trouble: None,
        }]
    );
    assert_eq!(table.lock().heard, 0);
    tree.tag(0);
    let readers = readers_of(finder(&tree, Settings::default()));
    assert!(readers[0].proven && readers[0].trouble.is_none());
}

#[test]
fn a_marked_port_that_is_no_reader_says_so() {
    let (tree, table) = (Tree::new(), table(None));
    table.lock().mute = true;
    let plugged = Plugged::new(&table);
    tree.plug(0, &plugged.path);
    tree.tag(0);
    let readers = readers_of(finder(&tree, Settings::default()));
    assert!(!readers[0].proven);
    assert_eq!(readers[0].trouble.as_deref(), Some("no PN532 answers there"));
}

#[test]
fn a_chosen_port_is_asked_whatever_it_is_called_and_listed_once() {
    let (tree, table) = (Tree::new(), table(None));
    let plugged = Plugged::new(&table);
    tree.plug(0, &plugged.path);
    let by_id = tree.path("dev/serial/by-id/usb-1a86-port0");
    for device in [tree.path("dev/ttyUSB0"), by_id.clone(), plugged.path.clone()] {
        let device = device.to_string_lossy().into_owned();
        let settings = Settings {
            readers: vec![chosen(&device), chosen(&format!("{}=molto2", by_id.display()))],
            own_lines: vec![],
        };
        let candidates = finder(&tree, settings.clone()).look();
        assert_eq!(candidates.len(), 1);
        assert_eq!((candidates[0].patient, candidates[0].kind), (true, Kind::Molto2));
        let readers = readers_of(finder(&tree, settings));
        assert_eq!((readers.len(), readers[0].device.as_str()), (1, device.as_str()));
        assert!(readers[0].proven, "{readers:?}");
    }
}

#[test]
fn what_is_chosen_and_cannot_be_used_says_why() {
    let (tree, table) = (Tree::new(), table(None));
    let plugged = Plugged::new(&table);
    tree.plug(0, &plugged.path);
    tree.put("dev/file", "x");
    let held = port::Port::open(&plugged.path).unwrap();
    for (device, why) in [
        ("dev/ttyUSB7", "it is not there: plug it in"),
        ("dev/file", "it is no serial port"),
        ("dev/ttyUSB0", "another program uses it"),
    ] {
        let readers = vec![Chosen {
            device: tree.path(device).to_string_lossy().into_owned(),
            kind: None,
        }];
        let own_lines = vec![];
        let readers = readers_of(finder(&tree, Settings { readers, own_lines }));
        assert!(!readers[0].proven);
        assert!(readers[0].trouble.as_ref().unwrap().contains(why), "{readers:?}");
    }
    drop(held);
    let mut finder = finder(&tree, Settings::default());
    finder.choose("nonsense".to_owned());
    assert_eq!(finder.look()[0].reader.trouble.as_deref(), Some(NO_READER));
    assert_eq!(table.lock().heard, 0);
}

#[test]
fn a_line_that_somebody_stands_on_is_never_asked_whoever_chose_it() {
    let (tree, table) = (Tree::new(), table(None));
    let plugged = Plugged::new(&table);
    let device = tree.plug(0, &plugged.path);
    tree.tag(0);
    let terminal = |number: u32| format!("17 (a) b (c)) S 1 17 17 {number} 17 4194304 0 0\n");
    let port = || match tree.places().node(&device) {
        Node::Port(port) => port,
        node => panic!("{node:?}"),
    };
    assert_eq!(port().number, (188, 0));
    for case in ["console", "own", "own by another name", "session"] {
        let mut settings = Settings {
            readers: vec![chosen(device.to_str().unwrap())],
            own_lines: vec![],
        };
        match case {
            "console" => tree.put("sys/class/tty/console/active", "tty0 ttyUSB0\n"),
            "own" => settings.own_lines.push(device.clone()),
            "own by another name" => settings.own_lines.push(tree.path("dev/serial/by-id/usb-1a86-port0")),
            _ => tree.put("proc/17/stat", &terminal(188 << 8)),
        }
        for settings in [
            settings.clone(),
            Settings {
                readers: vec![],
                ..settings
            },
        ] {
            let readers = readers_of(finder(&tree, settings));
            assert!(
                !readers[0].proven && readers[0].trouble.is_some(),
                "{case}: {readers:?}"
            );
        }
        tree.put("sys/class/tty/console/active", "tty0\n");
        tree.put("proc/17/stat", &terminal(188 << 8 | 1));
    }
    tree.put("proc/17/stat", &terminal(188 << 8));
    assert!(open_port(&tree.places(), &device).is_err_and(|error| error.to_string().contains("logged in")));
    assert_eq!(table.lock().heard, 0);
    // When nobody stands there any more it is a reader like any other.
    tree.put("proc/17/stat", &terminal(0));
    assert!(open_port(&tree.places(), &device).is_err_and(|error| error == LinkError::TokenGone));
    // Virtual terminals, and whatever one's own terminal is called.
    for number in [(4, 1), (5, 0), (5, 1)] {
        let port = ports::Port { number, ..port() };
        assert!(tree.places().forbidden(&port, &[], &BTreeSet::new()).is_some());
    }
}

#[test]
fn a_chosen_port_is_found_again_under_another_number() {
    let tree = Tree::new();
    let (first, second) = (table(None), table(None));
    let plugged = Plugged::new(&first);
    let device = tree.plug(0, &plugged.path);
    let settings = Settings {
        readers: vec![chosen(device.to_str().unwrap())],
        own_lines: vec![],
    };
    let mut finder = finder(&tree, settings);
    assert_eq!(finder.look()[0].way, Some(Way::Port(plugged.path.clone())));
    tree.unplug(0);
    assert_eq!(finder.look()[0].way, None);
    let again = Plugged::new(&second);
    tree.plug(1, &again.path);
    // As udev does for the same device: the link is the same, the number is not.
    let link = tree.path("dev/serial/by-id/usb-1a86-port0");
    symlink(tree.path("dev/ttyUSB1"), link).unwrap();
    let found = finder.look();
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].way, Some(Way::Port(again.path.clone())));
    assert_eq!(found[0].reader.device, device.to_string_lossy());
}

#[test]
fn readers_that_pcscd_knows_are_readers() {
    let tree = Tree::new();
    let look = |readers: &[&str], listed| {
        let readers = readers.iter().map(|text| chosen(text)).collect();
        let own_lines = vec![];
        let found = Finder::new(tree.places(), Settings { readers, own_lines })
            .with_pcsc(listed)
            .look();
        let short = found.into_iter().map(|c| (c.reader.device, c.reader.proven, c.kind));
        short.collect::<Vec<_>>()
    };
    let acr = |kind| ("pcsc:ACS ACR122U\x1b 00 00".to_owned(), true, kind);
    let molto = ("pcsc:Token2 MOLTO-2 01 00".to_owned(), true, Kind::Molto2);
    assert_eq!(look(&[], two), [acr(Kind::Single), molto.clone()]);
    assert_eq!(look(&["pcsc"], two), [acr(Kind::Single), molto.clone()]);
    assert_eq!(look(&["pcsc:MOLTO"], two), [molto]);
    assert_eq!(look(&["pcsc:ACR=molto2"], two), [acr(Kind::Molto2)]);
    assert_eq!(look(&[], unknown), []);
    let absent = |device: &str| (device.to_owned(), false, Kind::Single);
    assert_eq!(look(&["pcsc:Virtual"], two), [absent("pcsc:Virtual")]);
    assert_eq!(look(&["pcsc"], none), [absent("pcsc")]);
    let settings = Settings {
        readers: vec![chosen("pcsc")],
        own_lines: vec![],
    };
    let finder = || Finder::new(tree.places(), settings.clone());
    assert_eq!(
        readers_of(finder().with_pcsc(unknown))[0].trouble.as_deref(),
        Some("pcscd does not run")
    );
    assert_eq!(readers_of(finder().with_pcsc(two))[0].name, "ACS ACR122U\\u{1b} 00 00");
}

#[test]
fn a_port_opens_to_the_token_that_lies_on_it() {
    let (tree, table) = (Tree::new(), table(Some(Card::TOKEN)));
    let plugged = Plugged::new(&table);
    let device = tree.plug(0, &plugged.path);
    let mut channel = open_port(&tree.places(), &device).unwrap_or_else(|error| panic!("{error}"));
    let info = channel.transmit(&[0x80, 0x41, 0, 0, 2, 2, 0x11]).unwrap();
    assert_eq!((info.status, info.data.len()), (0x9000, 24));
    let error = |got: Result<Box<dyn ApduChannel>, LinkError>| got.err().unwrap();
    assert!(
        error(open_port(&tree.places(), &device))
            .to_string()
            .contains("another program uses it")
    );
    drop(channel);
    table.lock().card = None;
    assert_eq!(error(open_port(&tree.places(), &device)), LinkError::TokenGone);
    table.lock().card = Some(Card::TICKET);
    assert!(matches!(error(open_port(&tree.places(), &device)), LinkError::Unfit(_)));
    drop(plugged);
    fs::remove_file(&device).unwrap();
    assert!(
        error(open_port(&tree.places(), &device))
            .to_string()
            .contains("it is not there")
    );
}

#[test]
fn where_readers_are_chosen_no_other_port_is_asked() {
    let tree = Tree::new();
    let (first, second) = (table(None), table(None));
    let (one, two) = (Plugged::new(&first), Plugged::new(&second));
    tree.plug(0, &one.path);
    let device = tree.plug(1, &two.path);
    tree.tag(0);
    tree.tag(1);
    let settings = Settings {
        readers: vec![chosen(device.to_str().unwrap())],
        own_lines: vec![],
    };
    let mut finder = finder(&tree, settings.clone());
    let readers = readers_of(Finder::new(tree.places(), settings).with_pcsc(none));
    let states: Vec<_> = readers
        .iter()
        .map(|reader| (reader.proven, reader.trouble.clone()))
        .collect();
    assert_eq!(states, [(true, None), (false, None)]);
    assert_eq!(first.lock().heard, 0);
    // By hand it may be, and then it is.
    finder.choose(tree.path("dev/ttyUSB0").to_string_lossy().into_owned());
    let asked: Vec<_> = finder.look().iter().map(|c| (c.may_ask, c.patient)).collect();
    assert_eq!(asked, [(true, true), (true, false)]);
}

#[test]
fn a_stuck_pcscd_is_left_alone_for_a_while() {
    use std::sync::atomic::{AtomicU32, Ordering};
    static ASKED: AtomicU32 = AtomicU32::new(0);
    fn stuck() -> Result<Vec<String>, LinkError> {
        ASKED.fetch_add(1, Ordering::AcqRel);
        std::thread::sleep(STUCK);
        unknown()
    }
    let settings = Settings {
        readers: vec![chosen("pcsc")],
        own_lines: vec![],
    };
    let mut finder = Finder::new(Tree::new().places(), settings).with_pcsc(stuck);
    for _ in 0..3 {
        assert_eq!(finder.look()[0].reader.trouble.as_deref(), Some("pcscd does not run"));
    }
    assert_eq!(ASKED.load(Ordering::Acquire), 1);
}
