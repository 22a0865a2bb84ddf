//! A token for an operator's own login, confirmed by its first code: from then on the code is asked at each login. The key stands on
//! the screen once and is wiped with it.
//!
//! ```text
//! Postern box-1 | Token of anna                            anna installer  14:05
//! █▀▀▀▀▀█ ▄▀ █▄ █▀▀▀▀▀█   1 Scan this with the app on the phone.
//! █ ███ █ █▄▀▄▀ █ ███ █     Or type this key:
//! █ ▀▀▀ █ ▄ █ ▄ █ ▀▀▀ █     GEZD GNBV GY3T QOJQ
//! ▀▀▀▀▀▀▀ █▄▀ █ ▀▀▀▀▀▀▀     GEZD GNBV GY3T QOJQ
//! ▀▄ ▄▀▄▀▀▄ ▀█▄▀▄ ▀▄▀▄▀
//! █▀▀▀▀▀█ ▄▀▄ ▄▀▄▀▄ ▀▄█   2 Type the code that the app shows:
//! █ ███ █ ▀▄▀▄▀▀█▄▀▄▄▀█     [123456    ]
//! Enter confirm  i invert  Esc leave  ? help
//! ```

use std::time::Duration;

use ratatui::layout::Rect;
use zeroize::Zeroizing;

use crate::console::action::{Action, Tone};
use crate::console::caps::Glyphs;
use crate::console::key::Key;
use crate::console::page::{Look, Page};
use crate::console::screen::{Context, Hint, Screen};
use crate::console::widgets::field::{Field, digits};
use crate::console::widgets::rows::Rows;
use crate::control::{Answer, Failure, OperatorTokenMade, Request, TotpParameters};
use crate::enrol::base32::groups;
use crate::enrol::otpauth::Uri;
use crate::enrol::qr::{Drawn, Qr, Style};

/// Tags of questions to posternd.
const ADD: u32 = 0;
const CONFIRM: u32 = 1;
/// The fewest columns of the words beside a code.
const BESIDE: u16 = 32;
/// posternd answers sooner, unless it is dead still.
const WAIT_MAX: Duration = Duration::from_secs(10);
/// Columns between a code and its words.
const GAP: u16 = 3;
/// Rows of the screen that are not the body's: title and keys.
const OUTSIDE: u16 = 2;

/// How far it is.
#[derive(Debug)]
enum Stage {
    /// Nothing was asked yet.
    Start,
    /// posternd makes it.
    Making,
    /// It waits for its first code.
    Made(Box<Made>),
    /// It could not be made, and why.
    Failed(String),
}

/// A token that waits for its first code.
#[derive(Debug)]
struct Made {
    uri: Uri,
    /// None: the URI fits no code.
    qr: Option<Qr>,
    code: Field,
    wrong: Option<String>,
    /// The code is on its way.
    checking: bool,
}

/// The screen.
#[derive(Debug)]
pub struct OperatorToken {
    name: String,
    stage: Stage,
    /// When posternd was asked last.
    since: Duration,
}

impl OperatorToken {
    /// For this operator.
    pub fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            stage: Stage::Start,
            since: Duration::ZERO,
        }
    }

    fn made(&mut self, made: &OperatorTokenMade) {
        let parameters = TotpParameters::default();
        let uri = Uri::new(&made.issuer, &made.operator, &made.seed, parameters.into(), 0);
        self.stage = Stage::Made(Box::new(Made {
            qr: Qr::new(&uri).ok(),
            uri,
            code: Field::secret(usize::from(parameters.digits), digits),
            wrong: None,
            checking: false,
        }));
    }

    fn confirm(&mut self, context: &Context) -> Vec<Action> {
        let Stage::Made(made) = &mut self.stage else {
            return Vec::new();
        };
        let wanted = usize::from(TotpParameters::default().digits);
        if made.code.text().len() != wanted {
            made.wrong = Some(format!("Type the {wanted} digits that the app shows now."));
            return Vec::new();
        }
        made.checking = true;
        self.since = context.now.mono;
        let request = Request::OperatorTokenConfirm {
            name: self.name.clone(),
            code: made.code.take_secret(),
        };
        vec![Action::Ask(CONFIRM, request)]
    }

    /// An answer is awaited that decides whether a code is asked at the login: nobody leaves before it, for ten seconds.
    fn must_wait(&self, context: &Context) -> bool {
        self.is_waiting() && context.now.mono.saturating_sub(self.since) < WAIT_MAX
    }

    fn is_waiting(&self) -> bool {
        match &self.stage {
            Stage::Making => true,
            Stage::Made(made) => made.checking,
            Stage::Start | Stage::Failed(_) => false,
        }
    }

    fn leave(&self) -> Vec<Action> {
        let words = match &self.stage {
            Stage::Made(made) if made.checking => Some(format!(
                "posternd has not answered: {} may be asked for a code at the login",
                self.name
            )),
            Stage::Made(_) => Some(format!(
                "The token of {} was not confirmed: no code is asked at the login",
                self.name
            )),
            _ => None,
        };
        let say = words.map(|words| Action::Say(Tone::Look, words));
        say.into_iter().chain([Action::Close]).collect()
    }
}

/// How a code can be drawn whole on this line; none where it cannot.
fn style(qr: &Qr, context: &Context) -> Option<(Style, u16, u16)> {
    let style = match context.caps.glyphs {
        Glyphs::Unicode => Style::Half,
        Glyphs::Ascii => Style::Ascii,
    };
    let (wide, high) = qr.size(style);
    let (wide, high) = (u16::try_from(wide).ok()?, u16::try_from(high).ok()?);
    let (columns, rows) = context.size;
    let fits = wide.saturating_add(GAP + BESIDE) <= columns && high <= rows.saturating_sub(OUTSIDE);
    fits.then_some((style, wide, high))
}

impl Screen for OperatorToken {
    fn name(&self) -> &'static str {
        "operator-token"
    }

    fn title(&self) -> String {
        format!("Token of {}", self.name)
    }

    fn refresh(&mut self, context: &Context) -> Vec<Action> {
        if !matches!(self.stage, Stage::Start) {
            return Vec::new();
        }
        self.since = context.now.mono;
        self.stage = Stage::Making;
        let name = self.name.clone();
        vec![Action::Ask(ADD, Request::OperatorTokenAdd { name })]
    }

    fn on(&mut self, key: Key, context: &Context) -> Vec<Action> {
        if key == Key::Esc {
            return match self.must_wait(context) {
                true => Vec::new(),
                false => self.leave(),
            };
        }
        let made = match &mut self.stage {
            Stage::Made(made) if !made.checking => made,
            _ => return Vec::new(),
        };
        match key {
            Key::Enter => return self.confirm(context),
            Key::Char('i' | 'I') => return vec![Action::InvertQr],
            key => {
                if made.code.on(key) {
                    made.wrong = None;
                }
            }
        }
        Vec::new()
    }

    fn answered(&mut self, tag: u32, answer: Result<Answer, Failure>, _context: &Context) -> Vec<Action> {
        match (tag, answer, &mut self.stage) {
            (ADD, Ok(Answer::OperatorToken(made)), _) => self.made(&made),
            (CONFIRM, Ok(Answer::Operator(operator)), _) => {
                let words = format!("From now on {} logs in with the password and a code", operator.name);
                return vec![Action::Say(Tone::Done, words), Action::Close];
            }
            (CONFIRM, Err(failure), Stage::Made(made)) => {
                made.checking = false;
                made.wrong = Some(failure.message);
            }
            (_, Err(failure), stage) => *stage = Stage::Failed(failure.message),
            _ => {}
        }
        Vec::new()
    }

    fn draw(&self, page: &mut Page<'_>, context: &Context) {
        let area = page.area();
        let mut words = Rect {
            x: area.x.saturating_add(2),
            y: area.y.saturating_add(1),
            width: area.width.saturating_sub(4),
            height: area.height.saturating_sub(1),
        };
        let made = match &self.stage {
            Stage::Start | Stage::Making => {
                return page.line(words, 0, "posternd makes the token ...", Look::Plain);
            }
            Stage::Failed(why) => {
                page.wrapped(words, &format!("No token was made: {why}"), Look::Bad);
                return;
            }
            Stage::Made(made) => made,
        };
        let code = made.qr.as_ref().and_then(|qr| Some((qr, style(qr, context)?)));
        if let Some((qr, (style, wide, _))) = code {
            let drawn = match context.qr_inverted {
                true => Drawn::Dark,
                false => Drawn::Light,
            };
            for (row, line) in (0..area.height).zip(qr.lines(style, drawn).iter()) {
                page.line(area, row, line, Look::Plain);
            }
            words.x = area.x.saturating_add(wide).saturating_add(GAP);
            words.width = area.right().saturating_sub(words.x).min(60);
        }
        draw_words(page, words, made, code.is_some());
    }

    fn hints(&self, context: &Context) -> Vec<Hint> {
        if self.is_waiting() {
            return match self.must_wait(context) {
                true => Vec::new(),
                false => vec![("Esc", "leave")],
            };
        }
        let Stage::Made(made) = &self.stage else {
            return vec![("Esc", "back")];
        };
        let mut hints = vec![("Enter", "confirm")];
        if made.qr.as_ref().is_some_and(|qr| style(qr, context).is_some()) {
            hints.push(("i", "invert"));
        }
        hints.push(("Esc", "leave"));
        hints
    }

    fn help(&self) -> &'static [&'static str] {
        &[
            "Scan the QR code with an authenticator app, or type the key into it; then type the code that it shows. From then on the code \
             is asked at each login of this operator, beside the password.",
            "If a phone does not read the QR code, press i: it is then drawn dark on light. On a line without Unicode the code needs a \
             larger window; Ctrl-T changes what the line shows.",
            "Whoever leaves before the code was typed has no token: begin again when you like.",
        ]
    }

    fn secret_typed(&self) -> Option<usize> {
        match &self.stage {
            Stage::Made(made) => Some(made.code.at()),
            _ => None,
        }
    }

    fn takes_note(&self) -> bool {
        true
    }

    fn shows_secret(&self) -> bool {
        matches!(self.stage, Stage::Made(_))
    }
}

/// What to do, the key, and the field for the code.
fn draw_words(page: &mut Page<'_>, area: Rect, made: &Made, has_code: bool) {
    let key = lines_of_key(made.uri.key());
    let mut rows = Rows::new(page, area, 2);
    if has_code {
        rows.line("1 Scan this with the app on the phone.", Look::Plain);
        rows.field("", "Or type this key:", Look::Plain);
    } else {
        rows.line("1 Type this key into the app on the phone:", Look::Plain);
        rows.gap();
    }
    rows.field("", &key, Look::Strong);
    if !has_code {
        rows.gap();
        rows.field(
            "",
            "For a QR code make this window larger (117x43 is enough), or press Ctrl-T until it says Unicode.",
            Look::Plain,
        );
    }
    rows.gap();
    rows.line("2 Type the code that the app shows:", Look::Plain);
    let used = area.height.saturating_sub(rows.left());
    let y = area.y.saturating_add(used);
    made.code
        .draw(page, area.x.saturating_add(2), y, 12.min(area.width), !made.checking);
    let below = Rect {
        x: area.x.saturating_add(2),
        y: y.saturating_add(2),
        width: area.width.saturating_sub(2),
        height: area.bottom().saturating_sub(y.saturating_add(2)),
    };
    if made.checking {
        page.line(below, 0, "Checking ...", Look::Plain);
    } else if let Some(wrong) = &made.wrong {
        page.wrapped(below, wrong, Look::Bad);
    }
}

/// The key in groups of four, four groups to a line.
fn lines_of_key(key: &str) -> Zeroizing<String> {
    let grouped = groups(key);
    let mut out = Zeroizing::new(String::with_capacity(key.len() * 2));
    for (at, group) in grouped.split(' ').enumerate() {
        if at > 0 {
            out.push(if at.is_multiple_of(4) { '\n' } else { ' ' });
        }
        out.push_str(group);
    }
    out
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
mod tests {
    use super::*;
    use crate::console::caps::Caps;
    use crate::console::event::Effect;
    use crate::console::testing::{Desk, NOON, snapshot};
    use crate::control::{FailureKind, OperatorInfo, Role};
    use crate::secret::Secret;

    fn made() -> Result<Answer, Failure> {
        Ok(Answer::OperatorToken(OperatorTokenMade {
            operator: "anna".to_owned(),
            seed: Secret::from("12345678901234567890"),
            issuer: "Postern".to_owned(),
        }))
    }

    fn open(desk: &mut Desk) {
        desk.open(Box::new(OperatorToken::new("anna")), Role::Installer);
        desk.answer(|r| r.word() == "operator token add", made());
    }

    #[test]
    fn a_token_counts_after_its_first_code_and_nothing_of_it_stays() {
        let mut desk = Desk::new(80, 24, Caps::FULL);
        open(&mut desk);
        assert!(desk.text().contains("GEZD GNBV GY3T QOJQ") && desk.text().contains('█'));
        desk.types("12345");
        desk.keys(&[Key::Enter]);
        assert!(desk.text().contains("Type the 6 digits"), "{}", desk.text());
        desk.types("6");
        desk.keys(&[Key::Enter]);
        let confirms = |r: &Request| matches!(r, Request::OperatorTokenConfirm { name, code } if name == "anna" && code.expose() == b"123456");
        let failure = Failure::new(FailureKind::Refused, "this is not a code of the token of now");
        desk.answer(confirms, Err(failure));
        assert!(
            desk.text().contains("this is not a code of the token"),
            "{}",
            desk.text()
        );
        desk.types("123456");
        desk.keys(&[Key::Enter]);
        desk.effects.clear();
        let operator = OperatorInfo {
            name: "anna".to_owned(),
            role: Role::Installer,
            enabled: true,
            token: true,
            token_pending: false,
            locked_seconds: None,
            created: NOON,
            last: None,
            lines: Vec::new(),
        };
        desk.answer(confirms, Ok(Answer::Operator(operator)));
        assert_eq!(desk.app.screen(), "home");
        assert!(desk.effects.contains(&Effect::Wipe), "{:?}", desk.effects);
        assert!(!desk.text().contains("GEZD"));
    }

    #[test]
    fn r21_neither_key_nor_code_is_printed() {
        let mut desk = Desk::new(80, 24, Caps::FULL);
        open(&mut desk);
        desk.types("734");
        let printed = format!("{:?}", desk.app);
        assert!(!printed.contains("GEZD") && !printed.contains("734"), "{printed}");
    }

    #[test]
    fn leaving_says_that_no_code_is_asked() {
        let mut desk = Desk::new(80, 24, Caps::FULL);
        open(&mut desk);
        desk.keys(&[Key::Esc]);
        assert!(desk.text().contains("was not confirmed"), "{}", desk.text());
    }

    #[test]
    fn esc_waits_for_what_becomes_of_a_code() {
        let mut desk = Desk::new(80, 24, Caps::FULL);
        desk.open(Box::new(OperatorToken::new("anna")), Role::Installer);
        desk.keys(&[Key::Esc]);
        assert_eq!(desk.app.screen(), "operator-token", "its key would come to nobody");
        desk.answer(|r| r.word() == "operator token add", made());
        desk.types("123456");
        desk.keys(&[Key::Enter, Key::Esc]);
        assert_eq!(desk.app.screen(), "operator-token");
        assert!(!desk.text().contains("Esc leave"), "{}", desk.text());
        desk.wait(10);
        assert!(desk.text().contains("Esc leave"), "{}", desk.text());
        desk.keys(&[Key::Esc]);
        let text = desk.text();
        assert!(
            !text.contains("no code is asked") && text.contains("may be asked for a code"),
            "{text}"
        );
    }

    #[test]
    fn screens() {
        snapshot("operator-token", open);
        snapshot("operator-token-wrong", |desk| {
            open(desk);
            desk.types("123");
            desk.keys(&[Key::Enter]);
        });
    }
}
