//! A token's key as a QR code on standard output. In: the URI, and how it shall be drawn; out: lines. White on black whatever the
//! terminal's own colours are, so that the code is dark on light.

use std::io;

use zeroize::Zeroizing;

use super::View;
use super::args::QrStyle;
use super::out::Out;
use crate::enrol::otpauth::Uri;
use crate::enrol::qr::{Drawn, Qr, Style};

/// A drawing, if one is wanted and can be made.
pub struct Drawing {
    made: Option<(Style, Qr)>,
    /// Why there is none although one was wanted.
    pub warning: Option<String>,
}

impl Drawing {
    /// In the style that was named, else in the one that fits where it is printed.
    pub fn new(uri: &Uri, style: Option<QrStyle>, view: &View, json: bool) -> Self {
        let wanted = style.unwrap_or(match (view.terminal && !json, view.utf8) {
            (false, _) => QrStyle::None,
            (true, true) => QrStyle::Half,
            (true, false) => QrStyle::Ascii,
        });
        let style = match wanted {
            QrStyle::None => None,
            QrStyle::Half => Some(Style::Half),
            QrStyle::Full => Some(Style::Full),
            QrStyle::Ascii => Some(Style::Ascii),
        };
        let none = |warning| Self { made: None, warning };
        match style.map(|style| (style, Qr::new(uri))) {
            None => none(None),
            Some((_, Err(error))) => none(Some(error.to_string())),
            Some((style, Ok(qr))) => Self {
                made: Some((style, qr)),
                warning: None,
            },
        }
    }

    /// Its lines.
    pub fn lines(&self) -> Option<Zeroizing<Vec<String>>> {
        let (style, qr) = self.made.as_ref()?;
        Some(qr.lines(*style, Drawn::Light))
    }

    /// Prints it, and says where the window must be larger than usual.
    pub fn print(&self, view: &View, out: &mut Out<'_>) -> io::Result<()> {
        for line in self.lines().iter().flat_map(|lines| lines.iter()) {
            if view.colours {
                let line = Zeroizing::new(format!("\u{1b}[97;40m{line}\u{1b}[0m"));
                out.line(&line)?;
            } else {
                out.line(line)?;
            }
        }
        if let Some((style, qr)) = &self.made
            && qr.version() > 5
        {
            let (columns, rows) = qr.size(*style);
            out.note(&format!(
                "the QR code needs a window of {columns} columns and {rows} rows"
            ));
        }
        Ok(())
    }
}
