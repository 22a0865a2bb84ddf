//! A QR code as lines of text. In: an `otpauth` URI; out: lines for a terminal, in half blocks, full blocks or ASCII, with a
//! quiet zone of two modules. Level L, two segments (bytes, then the key as alphanumeric): a default token never needs more than
//! version 5, 41 columns and 21 rows in half blocks (facts: serial console).
//!
//! A reader expects dark modules on a light ground. A terminal draws with its foreground colour, so what is to be drawn depends
//! on the terminal: [`Drawn::Light`] for light letters on a dark ground, [`Drawn::Dark`] for paper.

use qrcode::bits::Bits;
use qrcode::types::{Color, EcLevel, QrError, Version};
use zeroize::Zeroizing;

use super::otpauth::Uri;

/// Modules around the code; the standard asks for four, and readers take two (facts: serial console).
pub const QUIET: usize = 2;
/// The greatest version there is.
const VERSION_MAX: i16 = 40;

/// Which modules are drawn with the foreground colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Drawn {
    /// The light ones and the quiet zone: for light letters on a dark ground.
    Light,
    /// The dark ones: for dark letters on a light ground.
    Dark,
}

/// How a module looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// Two modules in one cell, by `▀▄█`.
    Half,
    /// One module in two cells, by `█`.
    Full,
    /// One module in two cells, by `#`.
    Ascii,
}

/// A QR code.
#[derive(Clone)]
pub struct Qr {
    version: i16,
    /// With the quiet zone, row by row; true is dark.
    rows: Zeroizing<Vec<Vec<bool>>>,
}

impl std::fmt::Debug for Qr {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The modules are the key.
        write!(f, "Qr(version {})", self.version)
    }
}

/// The URI fits no QR code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this token does not fit a QR code: type the key instead")]
pub struct TooLong;

impl Qr {
    /// The smallest code that holds the URI.
    ///
    /// # Errors
    /// [`TooLong`]: beyond version 40, which no URI of a name and a key reaches.
    pub fn new(uri: &Uri) -> Result<Self, TooLong> {
        for version in 1..=VERSION_MAX {
            match build(uri, version) {
                Ok(qr) => return Ok(qr),
                Err(QrError::DataTooLong) => {}
                Err(_) => return Err(TooLong),
            }
        }
        Err(TooLong)
    }

    /// 1 to 40.
    pub fn version(&self) -> i16 {
        self.version
    }

    /// Columns and rows of [`Qr::lines`].
    pub fn size(&self, style: Style) -> (usize, usize) {
        let modules = self.rows.len();
        match style {
            Style::Half => (modules, modules.div_ceil(2)),
            Style::Full | Style::Ascii => (2 * modules, modules),
        }
    }

    /// The code as lines, with its quiet zone.
    pub fn lines(&self, style: Style, drawn: Drawn) -> Zeroizing<Vec<String>> {
        let ink = |dark: bool| dark == (drawn == Drawn::Dark);
        let mut lines = Zeroizing::new(Vec::with_capacity(self.rows.len()));
        match style {
            Style::Half => {
                let nothing = Vec::new();
                for pair in self.rows.chunks(2) {
                    let upper = pair.first().unwrap_or(&nothing);
                    let lower = pair.get(1).unwrap_or(&nothing);
                    let mut line = String::with_capacity(3 * upper.len());
                    for (column, up) in upper.iter().enumerate() {
                        // Below the last row there is nothing, and nothing is drawn there.
                        let low = lower.get(column).is_some_and(|low| ink(*low));
                        line.push(match (ink(*up), low) {
                            (true, true) => '█',
                            (true, false) => '▀',
                            (false, true) => '▄',
                            (false, false) => ' ',
                        });
                    }
                    lines.push(line);
                }
            }
            Style::Full | Style::Ascii => {
                let (yes, no) = if style == Style::Full {
                    ("██", "  ")
                } else {
                    ("##", "  ")
                };
                for row in self.rows.iter() {
                    lines.push(row.iter().map(|dark| if ink(*dark) { yes } else { no }).collect());
                }
            }
        }
        lines
    }
}

fn build(uri: &Uri, version: i16) -> Result<Qr, QrError> {
    let mut bits = Bits::new(Version::Normal(version));
    bits.push_byte_data(uri.text().as_bytes())?;
    bits.push_alphanumeric_data(uri.key().as_bytes())?;
    bits.push_terminator(EcLevel::L)?;
    let code = qrcode::QrCode::with_bits(bits, EcLevel::L)?;
    let width = code.width();
    let colors = code.into_colors();
    let full = width + 2 * QUIET;
    let mut rows = Zeroizing::new(vec![vec![false; full]; QUIET]);
    for modules in colors.chunks(width) {
        let mut row = vec![false; QUIET];
        row.extend(modules.iter().map(|color| *color == Color::Dark));
        row.resize(full, false);
        rows.push(row);
    }
    rows.resize(full, vec![false; full]);
    Ok(Qr { version, rows })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
mod tests {
    use super::*;
    use crate::secret::Secret;
    use crate::store::records::OtpParameters;

    fn qr(name: &str, seed: &[u8]) -> Qr {
        Qr::new(&Uri::new(
            "",
            name,
            &Secret::new(seed.to_vec()),
            OtpParameters::default(),
            0,
        ))
        .unwrap()
    }

    #[test]
    fn version_5_is_41_columns_and_21_rows() {
        let qr = qr(&"n".repeat(64), b"12345678901234567890");
        assert_eq!(qr.version(), 5);
        assert_eq!(qr.size(Style::Half), (41, 21));
        assert_eq!(qr.size(Style::Full), (82, 41));
        for style in [Style::Half, Style::Full, Style::Ascii] {
            let lines = qr.lines(style, Drawn::Light);
            let (columns, rows) = qr.size(style);
            assert_eq!(lines.len(), rows);
            assert!(lines.iter().all(|line| line.chars().count() == columns), "{style:?}");
        }
        assert!(qr.lines(Style::Ascii, Drawn::Dark).iter().all(|line| line.is_ascii()));
    }

    /// xorshift64*: the test needs spread, not secrecy.
    fn next(state: &mut u64) -> u64 {
        *state ^= *state >> 12;
        *state ^= *state << 25;
        *state ^= *state >> 27;
        state.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    #[test]
    fn a_default_token_never_needs_more_than_version_5() {
        let mut state = 7;
        let letters: Vec<char> = "abcdefghijklmnopqrstuvwxyz0123456789.-_@äøß中'+ ".chars().collect();
        for round in 0..100 {
            let length = 1 + round * 64 / 100;
            let name: String = (0..length)
                .map(|_| letters[next(&mut state) as usize % letters.len()])
                .collect();
            let seed: Vec<u8> = (0..20).map(|_| next(&mut state) as u8).collect();
            let qr = qr(&name, &seed);
            assert!(qr.version() <= 5, "{name}: version {}", qr.version());
        }
    }

    #[test]
    fn the_corners_and_the_quiet_zone_are_where_a_reader_looks() {
        let qr = qr("anna", b"12345678901234567890");
        let dark = qr.lines(Style::Ascii, Drawn::Dark);
        let width = dark.len();
        assert_eq!(&dark[QUIET][..8], "    ####");
        assert_eq!(dark[0].trim(), "");
        assert_eq!(dark[width - 1].trim(), "");
        // A finder is seven dark modules, then a light one (ISO/IEC 18004, 5.3.2.1).
        assert!(dark[QUIET][4..].starts_with(&("#".repeat(14) + "  ")));
        assert!(dark[width - QUIET - 1][4..].starts_with(&("#".repeat(14) + "  ")));
        assert!(dark[QUIET].trim_end().ends_with(&("  ".to_owned() + &"#".repeat(14))));
        // The two ways of drawing are each other's opposite.
        let light = qr.lines(Style::Ascii, Drawn::Light);
        for (d, l) in dark.iter().zip(light.iter()) {
            assert!(d.chars().zip(l.chars()).all(|(d, l)| (d == '#') != (l == '#')));
        }
    }

    #[test]
    fn half_blocks_show_the_same_modules_as_full_ones() {
        let qr = qr("anna@contoso.example", b"12345678901234567890");
        for drawn in [Drawn::Light, Drawn::Dark] {
            let half = qr.lines(Style::Half, drawn);
            let full = qr.lines(Style::Full, drawn);
            for (row, line) in full.iter().enumerate() {
                let cells: Vec<char> = half[row / 2].chars().collect();
                for (column, module) in line.chars().step_by(2).enumerate() {
                    let drawn = match cells[column] {
                        '█' => true,
                        '▀' => row % 2 == 0,
                        '▄' => row % 2 == 1,
                        _ => false,
                    };
                    assert_eq!(drawn, module == '█', "{row} {column}");
                }
            }
        }
    }
}
