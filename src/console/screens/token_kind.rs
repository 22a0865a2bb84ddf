//! Another kind of token: hash, digits, and seconds of a code or a counter. In: what it was to be; out: what it is to be, to the
//! screen below.
//!
//! ```text
//! Postern box-1 | Another kind of token                    anna installer  14:05
//!
//! > Hash               < sha1 >   what every app knows
//!   Digits             < 6 >      usual
//!   Seconds            < 30 >     usual
//! ```

use ratatui::layout::Rect;

use crate::console::action::{Action, Told};
use crate::console::key::Key;
use crate::console::page::{Look, Page};
use crate::console::screen::{Context, Hint, Screen};
use crate::console::widgets::form::{Form, Typed};
use crate::control::{Algorithm, HotpParameters, OtpParameters, TotpParameters};

/// Stands for the seconds of a counter token.
const COUNTER: &str = "counter";

/// The choice.
#[derive(Debug)]
pub struct TokenKind {
    tag: u32,
    form: Form,
}

impl TokenKind {
    /// From what it was; what is chosen is told with the tag, for [`parse_kind`].
    pub fn new(tag: u32, now: OtpParameters) -> Self {
        let mut form = Form::new()
            .choice(
                "hash",
                "Hash",
                &[
                    ("sha1", "what every app knows"),
                    ("sha256", "not in every app"),
                    ("sha512", "not in every app"),
                ],
                "Left and Right change it, Enter goes on.",
            )
            .choice(
                "digits",
                "Digits",
                &[("6", "usual"), ("8", "not in every app")],
                "Left and Right change it, Enter goes on.",
            )
            .choice(
                "period",
                "Seconds",
                &[
                    ("30", "usual"),
                    ("60", "not in every app"),
                    (COUNTER, "a new code each time one is asked for; not in every app"),
                ],
                "How long a code is shown. Left and Right change it, Enter makes the token.",
            );
        form.set(
            "hash",
            match now.algorithm() {
                Algorithm::Sha1 => "sha1",
                Algorithm::Sha256 => "sha256",
                Algorithm::Sha512 => "sha512",
            },
        );
        form.set("digits", &now.digits().to_string());
        let period = now.period().map_or(COUNTER.to_owned(), |period| period.to_string());
        form.set("period", &period);
        Self { tag, form }
    }
}

/// What was told: hash, digits, seconds or counter.
pub fn parse_kind(told: &str) -> Option<OtpParameters> {
    let mut words = told.split(' ');
    let algorithm = match words.next()? {
        "sha1" => Algorithm::Sha1,
        "sha256" => Algorithm::Sha256,
        "sha512" => Algorithm::Sha512,
        _ => return None,
    };
    let digits = words.next()?.parse().ok()?;
    Some(match words.next()? {
        COUNTER => OtpParameters::Hotp(HotpParameters { algorithm, digits }),
        period => OtpParameters::Totp(TotpParameters {
            algorithm,
            digits,
            period: period.parse().ok()?,
        }),
    })
}

impl Screen for TokenKind {
    fn name(&self) -> &'static str {
        "token-kind"
    }

    fn title(&self) -> String {
        "Another kind of token".to_owned()
    }

    fn on(&mut self, key: Key, _context: &Context) -> Vec<Action> {
        if key == Key::Esc {
            return vec![Action::Close];
        }
        match self.form.on(key) {
            Typed::Done => {
                let text = |key| self.form.text(key);
                let kind = format!("{} {} {}", text("hash"), text("digits"), text("period"));
                vec![Action::CloseWith(Told::Picked(self.tag, kind))]
            }
            _ => Vec::new(),
        }
    }

    fn draw(&self, page: &mut Page<'_>, _context: &Context) {
        let area = page.area();
        let inner = Rect {
            y: area.y.saturating_add(1),
            height: area.height.saturating_sub(1),
            ..area
        };
        self.form.draw(page, inner, true);
        let below = Rect {
            x: area.x.saturating_add(2),
            y: inner.y.saturating_add(7),
            width: area.width.saturating_sub(4).min(100),
            height: inner.height.saturating_sub(7),
        };
        let words = "Some apps, Microsoft Authenticator among them, ignore all three and show codes that are then refused. The token that \
             was just made goes, and another one is made in its place.";
        page.wrapped(below, words, Look::Plain);
    }

    fn hints(&self, _context: &Context) -> Vec<Hint> {
        vec![
            ("Enter", "next, make it"),
            ("Left/Right", "change"),
            ("Esc", "leave it as it was"),
        ]
    }

    fn help(&self) -> &'static [&'static str] {
        &[
            "Choose another kind only for an app or a device that needs it. The usual kind is sha1, 6 digits, 30 seconds.",
            "A counter token shows its next code each time one is asked for, and keeps it until then. Ten codes may be asked for and \
             not used; after more, set it right with two codes.",
        ]
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
mod tests {
    use super::*;
    use crate::console::testing::snapshot;
    use crate::control::Role;

    #[test]
    fn what_is_told_is_what_was_chosen() {
        let kind = parse_kind("sha256 8 60").unwrap();
        assert_eq!(
            (kind.algorithm(), kind.digits(), kind.period()),
            (Algorithm::Sha256, 8, Some(60))
        );
        let kind = parse_kind("sha1 6 counter").unwrap();
        assert_eq!((kind.digits(), kind.period()), (6, None));
        for bad in ["", "md5 6 30", "sha1 6", "sha1 x 30"] {
            assert_eq!(parse_kind(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_counter_stands_behind_the_seconds() {
        let mut form = TokenKind::new(1, OtpParameters::default()).form;
        for key in [Key::Enter, Key::Enter, Key::Right, Key::Right] {
            form.on(key);
        }
        assert_eq!(form.text("period"), COUNTER);
        let counter = parse_kind("sha1 6 counter").unwrap();
        assert_eq!(TokenKind::new(1, counter).form.text("period"), COUNTER);
    }

    #[test]
    fn screens() {
        snapshot("token-kind", |desk| {
            desk.open(Box::new(TokenKind::new(1, OtpParameters::default())), Role::Helpdesk);
            desk.keys(&[Key::Right, Key::Enter]);
        });
    }
}
