//! What `postern-console` is told when it starts.

use std::path::PathBuf;

use clap::{Parser, ValueEnum};

use super::caps::{Caps, Color, Glyphs};
use super::term::SANE;
use super::term::tty::{BAUDS, Flow, Kind};
use crate::tokens::find::Chosen;

/// The socket of the console where nothing else is named (R24).
pub const DEFAULT_SOCKET: &str = "/run/postern/console.sock";
/// The console of a Postern box, for a screen or a serial line.
#[derive(Clone, Debug, Parser)]
#[command(name = "postern-console", version, max_term_width = 100)]
pub struct Args {
    /// The daemon's console socket
    #[arg(long, value_name = "SOCKET", env = "POSTERN_CONSOLE", default_value = DEFAULT_SOCKET)]
    pub socket: PathBuf,

    /// The line to stand on, such as /dev/ttyS0; without it, the one that standard input is
    #[arg(long, value_name = "PATH")]
    pub tty: Option<PathBuf>,

    /// Speed of a serial line, in baud: 9600, 19200, 38400, 57600 or 115200; without it, as the line stands
    #[arg(long, value_parser = baud)]
    pub baud: Option<u32>,

    /// Flow control of a serial line; with xon-xoff Ctrl-S stops the screen until Ctrl-Q
    #[arg(long, value_enum, default_value_t)]
    pub flow: FlowWord,

    /// A serial line without modem signals (a three-wire cable): the fall of carrier says nothing
    #[arg(long)]
    pub no_carrier: bool,

    /// Size where the line does not say its own
    #[arg(long, value_name = "COLUMNSxROWS", value_parser = size)]
    pub size: Option<(u16, u16)>,

    /// What the line can show, until it is toggled there; without it, everything on a Linux console or in a UTF-8 locale, and mono
    /// ASCII on a serial line
    #[arg(long, value_enum)]
    pub caps: Option<CapsWord>,

    /// A folder in which each line's colours and characters are remembered
    #[arg(long, value_name = "DIR", env = "STATE_DIRECTORY")]
    pub state_dir: Option<PathBuf>,

    /// A folder in which token files may lie, besides mounted USB sticks; may be given several times
    #[arg(long, value_name = "DIR")]
    pub import_dir: Vec<PathBuf>,

    /// A reader for hardware tokens: a serial port such as /dev/ttyUSB0, pcsc for any that pcscd knows, or pcsc:NAME; with =single or
    /// =molto2 where its name does not say what lies on it; may be given several times. Without it, every reader that pcscd knows, and
    /// the serial ports that are marked as readers
    #[arg(long, value_name = "DEVICE[=single|molto2]")]
    pub reader: Vec<Chosen>,

    /// Record the session, without secrets, in this file: for a fault report or a test
    #[arg(long, value_name = "FILE")]
    pub record: Option<PathBuf>,

    /// Ctrl-C ends the program: for a run by hand, never on a box
    #[arg(long)]
    pub quit_key: bool,
}

/// Flow control.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum FlowWord {
    /// None
    #[default]
    None,
    /// By characters
    XonXoff,
    /// By the lines RTS and CTS
    RtsCts,
}

impl From<FlowWord> for Flow {
    fn from(word: FlowWord) -> Self {
        match word {
            FlowWord::None => Self::None,
            FlowWord::XonXoff => Self::XonXoff,
            FlowWord::RtsCts => Self::RtsCts,
        }
    }
}

/// The four kinds of line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum CapsWord {
    /// No colours, ASCII
    MonoAscii,
    /// No colours, lines and blocks
    MonoUnicode,
    /// 16 colours, ASCII
    Ansi16Ascii,
    /// 16 colours, lines and blocks
    Ansi16Unicode,
}

impl From<CapsWord> for Caps {
    fn from(word: CapsWord) -> Self {
        let (color, glyphs) = match word {
            CapsWord::MonoAscii => (Color::Mono, Glyphs::Ascii),
            CapsWord::MonoUnicode => (Color::Mono, Glyphs::Unicode),
            CapsWord::Ansi16Ascii => (Color::Ansi16, Glyphs::Ascii),
            CapsWord::Ansi16Unicode => (Color::Ansi16, Glyphs::Unicode),
        };
        Self { color, glyphs }
    }
}

fn baud(text: &str) -> Result<u32, String> {
    text.parse()
        .ok()
        .filter(|baud| BAUDS.contains(baud))
        .ok_or_else(|| "no baud rate of a console: choose 9600, 19200, 38400, 57600 or 115200".to_owned())
}

fn size(text: &str) -> Result<(u16, u16), String> {
    let (columns, rows) = text.split_once('x').ok_or("no size: write 80x24")?;
    match (columns.parse(), rows.parse()) {
        (Ok(columns), Ok(rows)) if SANE.contains(&columns) && SANE.contains(&rows) => Ok((columns, rows)),
        _ => Err("no size: write 80x24".to_owned()),
    }
}

/// What a line can show when nothing is remembered of it and nobody said: a Linux console everything, a terminal window what the
/// locale says, a serial line the least.
pub fn guess(kind: Kind, locale: &str) -> Caps {
    let locale = locale.to_ascii_lowercase();
    let utf8 = locale.contains("utf-8") || locale.contains("utf8");
    match kind {
        Kind::Console => Caps::FULL,
        Kind::Pseudo if utf8 => Caps::FULL,
        Kind::Pseudo | Kind::Serial => Caps::default(),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
mod tests {
    use super::*;

    #[test]
    fn a_serial_line_begins_with_the_least() {
        assert_eq!(guess(Kind::Console, ""), Caps::FULL);
        assert_eq!(guess(Kind::Serial, "C.UTF-8"), Caps::default());
        assert_eq!(guess(Kind::Pseudo, "en_US.UTF-8"), Caps::FULL);
        assert_eq!(guess(Kind::Pseudo, "C"), Caps::default());
    }

    #[test]
    fn readers_are_named_with_what_lies_on_them() {
        let named = |words: &[&str]| {
            let words = ["postern-console"].iter().chain(words).copied();
            Args::try_parse_from(words).map(|args| args.reader)
        };
        let readers = named(&["--reader", "/dev/ttyUSB0", "--reader", "pcsc:ACS ACR122U=molto2"]).unwrap();
        let devices: Vec<&str> = readers.iter().map(|one| one.device.as_str()).collect();
        assert_eq!(devices, ["/dev/ttyUSB0", "pcsc:ACS ACR122U"]);
        assert!(readers[0].kind.is_none() && readers[1].kind.is_some());
        assert!(named(&[]).unwrap().is_empty());
        for bad in ["ttyUSB0", "/dev/ttyUSB0=other"] {
            assert!(named(&["--reader", bad]).is_err(), "{bad}");
        }
    }

    #[test]
    fn sizes_and_bauds_are_checked() {
        assert_eq!(size("132x43"), Ok((132, 43)));
        for bad in ["0x0", "80", "80x", "x24", "40000x24", "80x24x1"] {
            assert!(size(bad).is_err(), "{bad}");
        }
        assert_eq!(baud("9600"), Ok(9600));
        assert!(baud("9601").is_err());
    }
}
