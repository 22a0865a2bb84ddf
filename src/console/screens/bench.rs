//! What is known of the readers and of what lies on them, as the readers' thread told it. In: what it tells; out: the token that is
//! meant, the ports that may be readers, and a line that says what to do. Pure.

use crate::tokens::desk::{Link, Placed, Reader, Told};

/// What lies on a reader.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lying {
    /// A token that can be programmed.
    Fit(Box<Placed>),
    /// Something else, and why: one line.
    Unfit(String),
}

/// The readers and what lies on them.
#[derive(Clone, Debug, Default)]
pub struct Bench {
    /// None: nothing was told yet.
    readers: Option<Vec<Reader>>,
    /// By reader, the one that was placed last at the end.
    lying: Vec<(String, Lying)>,
    /// The reader that is meant where something lies on several.
    chosen: Option<String>,
}

impl Bench {
    /// Takes in what was told; answers whether another token is meant now than before, or another thing lies there.
    pub fn take(&mut self, told: &Told) -> bool {
        let before = self.mark();
        match told {
            Told::Readers(readers) => {
                self.lying
                    .retain(|(device, _)| readers.iter().any(|one| one.device == *device));
                self.readers = Some(readers.clone());
            }
            Told::Placed(placed) => self.lay(&placed.device, Lying::Fit(Box::new(placed.clone()))),
            Told::Unfit { device, why } => self.lay(device, Lying::Unfit(why.clone())),
            Told::Gone { device } => self.lying.retain(|(other, _)| other != device),
            Told::Step(..) | Told::Written(..) | Told::Failed(..) => {}
        }
        before != self.mark()
    }

    /// Whoever has just placed something means it.
    fn lay(&mut self, device: &str, lying: Lying) {
        let is_same = matches!(
            (&lying, self.lying.iter().find(|(other, _)| other == device)),
            (Lying::Fit(new), Some((_, Lying::Fit(old)))) if new.serial == old.serial
        );
        if is_same {
            // The same token, looked at again: its place among the others stays.
            if let Some((_, old)) = self.lying.iter_mut().find(|(other, _)| other == device) {
                *old = lying;
            }
            return;
        }
        self.lying.retain(|(other, _)| other != device);
        self.lying.push((device.to_owned(), lying));
        self.chosen = None;
    }

    /// By what a change is told: reader and serial number, or reader and why not.
    fn mark(&self) -> Option<(String, String)> {
        let (device, lying) = self.here()?;
        let what = match lying {
            Lying::Fit(placed) => placed.serial.clone(),
            Lying::Unfit(why) => why.clone(),
        };
        Some((device.clone(), what))
    }

    fn here(&self) -> Option<&(String, Lying)> {
        let chosen = self
            .lying
            .iter()
            .find(|(device, _)| Some(device) == self.chosen.as_ref());
        chosen.or(self.lying.last())
    }

    /// What lies on the reader that is meant.
    pub fn lying(&self) -> Option<&Lying> {
        self.here().map(|(_, lying)| lying)
    }

    /// The token that is meant.
    pub fn token(&self) -> Option<&Placed> {
        match self.lying()? {
            Lying::Fit(placed) => Some(placed),
            Lying::Unfit(_) => None,
        }
    }

    /// Something lies on several readers.
    pub fn is_several(&self) -> bool {
        self.lying.len() > 1
    }

    /// Means what lies on another reader: the next one, or the one before.
    pub fn turn(&mut self, forward: bool) {
        let Some((device, _)) = self.here() else { return };
        let mut devices: Vec<&String> = self.lying.iter().map(|(device, _)| device).collect();
        devices.sort();
        let at = devices.iter().position(|one| *one == device).unwrap_or(0);
        let step = if forward { 1 } else { devices.len().saturating_sub(1) };
        let next = (at + step).checked_rem(devices.len()).and_then(|at| devices.get(at));
        self.chosen = next.map(|device| (*device).clone());
    }

    /// The readers that can be used.
    pub fn ready(&self) -> Vec<&Reader> {
        let all = self.readers.iter().flatten();
        all.filter(|one| one.proven && one.trouble.is_none()).collect()
    }

    /// Serial ports that may be readers: nobody said so yet, and none of them failed.
    pub fn ports(&self) -> Vec<&Reader> {
        let all = self.readers.iter().flatten();
        all.filter(|one| !one.proven && one.trouble.is_none() && one.link == Link::Pn532)
            .collect()
    }

    /// The serial ports from which one is to be chosen: none while a reader can be used.
    pub fn offered(&self) -> Vec<&Reader> {
        match self.ready().is_empty() {
            true => self.ports(),
            false => Vec::new(),
        }
    }

    /// The reader of this name.
    pub fn reader(&self, device: &str) -> Option<&Reader> {
        self.readers.iter().flatten().find(|one| one.device == device)
    }

    /// What is to be done before a token can be seen, one paragraph each; whose reader it is stands in each.
    pub fn words(&self) -> Vec<String> {
        let Some(readers) = &self.readers else {
            return vec!["Looking for readers ...".to_owned()];
        };
        let ready = self.ready();
        let mut words: Vec<String> = match ready.as_slice() {
            [] => Vec::new(),
            [one] => vec![format!("Place the token on the reader: {}.", named(one))],
            several => {
                let names: Vec<String> = several.iter().map(|one| named(one)).collect();
                vec![format!("Place the token on one of the readers: {}.", names.join("; "))]
            }
        };
        let troubled = readers.iter().filter_map(|one| Some((one, one.trouble.as_ref()?)));
        words.extend(troubled.map(|(one, trouble)| format!("{}: {trouble}.", named(one))));
        match (ready.is_empty(), self.ports().is_empty()) {
            (false, _) => {}
            (true, true) => words.push("No reader is there. Plug one in: it is seen within a second.".to_owned()),
            (true, false) => words.push(
                "No reader is known. Plug one in: it is seen within a second. Or choose the serial port that one is at, if you \
                 know it; anything else at a port may be disturbed by being asked:"
                    .to_owned(),
            ),
        }
        words
    }
}

/// A reader's name and where it is.
pub fn named(reader: &Reader) -> String {
    match reader.name.is_empty() || reader.device.contains(&reader.name) {
        true => reader.device.clone(),
        false => format!("{} ({})", reader.name, reader.device),
    }
}

/// How a token's clock goes, in words: `12 s ahead`.
pub fn clock_words(ahead: i64) -> String {
    let way = if ahead < 0 { "behind" } else { "ahead" };
    match ahead.unsigned_abs() {
        0 => "right".to_owned(),
        seconds @ 1..120 => format!("{seconds} s {way}"),
        seconds @ 120..7_200 => format!("{} min {way}", seconds / 60),
        seconds @ 7_200..172_800 => format!("{} h {way}", seconds / 3_600),
        seconds => format!("{} days {way}", seconds / 86_400),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
pub(in crate::console) mod tests {
    use super::*;

    /// A PN532 reader that answered.
    pub fn reader(device: &str) -> Reader {
        Reader {
            device: device.to_owned(),
            name: "USB Serial".to_owned(),
            link: Link::Pn532,
            proven: true,
            trouble: None,
        }
    }

    /// A serial port that nobody has asked.
    pub fn port(device: &str) -> Reader {
        Reader {
            proven: false,
            ..reader(device)
        }
    }

    /// A single-profile token on a reader.
    pub fn placed(device: &str, serial: &str) -> Placed {
        Placed {
            device: device.to_owned(),
            serial: serial.to_owned(),
            model: "OTPC-P2-i".to_owned(),
            clock_ahead: Some(12),
            clock_free: false,
            profiles: Vec::new(),
        }
    }

    fn serial(bench: &Bench) -> &str {
        bench.token().map_or("", |token| token.serial.as_str())
    }

    #[test]
    fn whoever_has_just_placed_a_token_means_it() {
        let mut bench = Bench::default();
        assert!(bench.words()[0].contains("Looking"));
        assert!(!bench.take(&Told::Readers(vec![reader("/dev/ttyUSB0"), reader("/dev/ttyUSB1")])));
        assert!(bench.take(&Told::Placed(placed("/dev/ttyUSB1", "1"))));
        assert!(bench.take(&Told::Placed(placed("/dev/ttyUSB0", "2"))));
        assert_eq!((serial(&bench), bench.is_several()), ("2", true));
        // Looked at again, the other one is not meant all at once.
        assert!(!bench.take(&Told::Placed(placed("/dev/ttyUSB1", "1"))));
        assert_eq!(serial(&bench), "2");
        bench.turn(true);
        assert_eq!(serial(&bench), "1");
        bench.turn(true);
        assert_eq!(serial(&bench), "2");
        bench.turn(false);
        assert_eq!(serial(&bench), "1");
        assert!(bench.take(&Told::Gone {
            device: "/dev/ttyUSB1".to_owned()
        }));
        assert_eq!(serial(&bench), "2");
        // A reader that is gone takes its token with it.
        assert!(bench.take(&Told::Readers(vec![reader("/dev/ttyUSB1")])));
        assert_eq!(serial(&bench), "");
    }

    #[test]
    fn what_cannot_be_programmed_is_no_token() {
        let mut bench = Bench::default();
        assert!(bench.take(&Told::Unfit {
            device: "/dev/ttyUSB0".to_owned(),
            why: "a bank card".to_owned()
        }));
        assert_eq!(bench.token(), None);
        assert_eq!(bench.lying(), Some(&Lying::Unfit("a bank card".to_owned())));
    }

    #[test]
    fn without_a_reader_it_says_what_to_do() {
        let mut bench = Bench::default();
        bench.take(&Told::Readers(Vec::new()));
        assert!(bench.words()[0].contains("Plug one in") && bench.offered().is_empty());
        bench.take(&Told::Readers(vec![port("/dev/ttyUSB0")]));
        assert!(bench.words()[0].contains("choose the serial port"));
        assert_eq!(bench.offered().len(), 1);
        let mut busy = reader("/dev/ttyUSB1");
        busy.trouble = Some("another program has it".to_owned());
        bench.take(&Told::Readers(vec![port("/dev/ttyUSB0"), busy]));
        assert!(
            bench.words()[0].contains("another program has it"),
            "{:?}",
            bench.words()
        );
        bench.take(&Told::Readers(vec![port("/dev/ttyUSB0"), reader("/dev/ttyUSB1")]));
        assert_eq!(
            bench.words(),
            ["Place the token on the reader: USB Serial (/dev/ttyUSB1)."]
        );
        assert!(bench.offered().is_empty());
    }

    #[test]
    fn a_clock_is_told_in_words() {
        for (ahead, words) in [
            (0, "right"),
            (12, "12 s ahead"),
            (-119, "119 s behind"),
            (-180, "3 min behind"),
            (7_200, "2 h ahead"),
            (i64::MIN, "106751991167300 days behind"),
        ] {
            assert_eq!(clock_words(ahead), words);
        }
    }
}
