//! A console without a line and without posternd, for the tests of the screens: keys go in, questions and drawn screens come out.

use std::time::Duration;

use jiff::tz::TimeZone;
use ratatui::Terminal;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::app::App;
use super::caps::{Caps, Color, Glyphs};
use super::event::{Effect, Event, Now};
use super::key::Key;
use super::screen::{Context, Screen};
use super::term::backend::Line;
use crate::control::{Answer, Failure, Hello, Request, Role, Session, Timestamp};
use crate::tokens::desk;

/// 2026-03-02 14:05:00 UTC: the time of every sample.
pub const NOON: Timestamp = Timestamp(1_772_460_300_000);

/// The sizes and capabilities of the snapshots.
pub const LINES: [(u16, u16, Caps); 6] = {
    const POOR: Caps = Caps {
        color: Color::Mono,
        glyphs: Glyphs::Ascii,
    };
    [
        (80, 24, POOR),
        (80, 24, Caps::FULL),
        (100, 37, POOR),
        (100, 37, Caps::FULL),
        (132, 43, POOR),
        (132, 43, Caps::FULL),
    ]
};

/// A console under test.
pub struct Desk {
    /// The application.
    pub app: App,
    /// Questions that were asked and not answered yet, oldest first.
    pub asked: Vec<(u64, Request)>,
    /// Everything else that the runner was told to do.
    pub effects: Vec<Effect>,
    /// Frames do not leave, as on a line that is held.
    pub is_stalled: bool,
    now: Now,
}

/// What posternd says of itself.
pub fn hello() -> Hello {
    Hello {
        version: "0.1.0".to_owned(),
        host: "box-1".to_owned(),
        operators: true,
        answering: true,
        clock_trusted: true,
    }
}

/// A session of a role.
pub fn session(role: Role) -> Session {
    Session {
        operator: "anna".to_owned(),
        role,
        clock_only: false,
        idle_seconds: 300,
        last: Some(NOON.minus(Duration::from_secs(86_400))),
        failures: 0,
    }
}

/// Of a serial line with the least, before posternd has answered.
pub fn context() -> Context {
    Context {
        now: Now {
            wall: NOON,
            mono: Duration::ZERO,
        },
        zone: TimeZone::UTC,
        caps: Caps::default(),
        size: (80, 24),
        session: None,
        hello: None,
        up: false,
        troubles: Vec::new(),
        silent: None,
        line: "ttyS0".to_owned(),
        import_dirs: Vec::new(),
        qr_inverted: false,
    }
}

impl Desk {
    /// posternd is there, nobody is logged in.
    pub fn new(columns: u16, rows: u16, caps: Caps) -> Self {
        let context = Context {
            caps,
            size: (columns, rows),
            ..context()
        };
        let mut desk = Self {
            app: App::new(context, false),
            asked: Vec::new(),
            effects: Vec::new(),
            is_stalled: false,
            now: Now {
                wall: NOON,
                mono: Duration::ZERO,
            },
        };
        desk.event(Event::Up(hello()));
        desk
    }

    /// On 80x24, mono and ASCII, somebody of a role on a screen.
    pub fn on(screen: Box<dyn Screen>, role: Role) -> Self {
        let mut desk = Self::new(80, 24, Caps::default());
        desk.open(screen, role);
        desk
    }

    /// Somebody has logged in: the first screens stand, and what they asked is not answered yet.
    pub fn log_in(&mut self, session: Session) {
        let effects = self.app.log_in_for_test(session);
        self.take(effects);
    }

    /// Somebody of a role has logged in and opened a screen. What the screens asked on the way but the opened one is forgotten.
    pub fn open(&mut self, screen: Box<dyn Screen>, role: Role) {
        let effects = self.app.log_in_for_test(session(role));
        self.take(effects);
        self.asked.clear();
        let effects = self.app.open_for_test(screen);
        self.take(effects);
    }

    /// A screen on top of those that stand, whoever is logged in.
    pub fn push(&mut self, screen: Box<dyn Screen>) {
        let effects = self.app.open_for_test(screen);
        self.take(effects);
    }

    /// Something happens.
    pub fn event(&mut self, event: Event) {
        // A record keeps every key that is no part of a secret: a field of stars must say so.
        let stars = |desk: &Self| desk.text().matches('*').count();
        let may_leak = matches!(event, Event::Key(Key::Char(_))) && self.app.secret_typed().is_none();
        let before = may_leak.then(|| stars(self));
        self.take_in(event);
        if let Some(before) = before {
            let name = self.app.screen();
            assert!(
                stars(self) != before + 1,
                "{name} takes a secret and does not say so (secret_typed)"
            );
        }
    }

    fn take_in(&mut self, event: Event) {
        let effects = self.app.handle(event, self.now);
        self.take(effects);
    }

    /// The frame leaves, if the line is not held; whoever waits to be seen is.
    pub fn see(&mut self) {
        if let Some(number) = self.app.unseen().filter(|_| !self.is_stalled) {
            self.take_in(Event::Seen(number));
        }
    }

    /// Keys, one after the other, by somebody who reads each screen first.
    pub fn keys(&mut self, keys: &[Key]) {
        for key in keys {
            self.see();
            if self.app.is_shut(self.now) || self.app.is_note_new() {
                self.now.mono += Duration::from_millis(500);
            }
            self.event(Event::Key(*key));
        }
    }

    /// Keys by somebody who does not look, so many milliseconds before each.
    pub fn burst(&mut self, keys: &[Key], millis: u64) {
        for key in keys {
            self.see();
            self.now.mono += Duration::from_millis(millis);
            self.event(Event::Key(*key));
        }
    }

    /// Text, typed.
    pub fn types(&mut self, text: &str) {
        for character in text.chars() {
            self.keys(&[Key::Char(character)]);
        }
    }

    /// So much later, a second at a time.
    pub fn wait(&mut self, seconds: u64) {
        for _ in 0..seconds {
            self.now.mono += Duration::from_secs(1);
            self.now.wall = self.now.wall.plus(Duration::from_secs(1));
            self.event(Event::Tick);
        }
    }

    /// Answers the oldest question that `which` is true of; panics if nobody asked it.
    pub fn answer(&mut self, which: impl Fn(&Request) -> bool, answer: Result<Answer, Failure>) {
        let Some(at) = self.asked.iter().position(|(_, request)| which(request)) else {
            panic!("nobody asked that; asked: {:?}", self.asked);
        };
        let (number, _) = self.asked.remove(at);
        self.event(Event::Answer(number, Box::new(answer)));
    }

    /// The readers' thread tells something.
    pub fn tells(&mut self, told: desk::Told) {
        self.event(Event::Reader(told));
    }

    /// What the readers' thread was asked since this was looked at last.
    pub fn reader_asks(&mut self) -> Vec<desk::Ask> {
        let (asks, others) = std::mem::take(&mut self.effects)
            .into_iter()
            .partition::<Vec<_>, _>(|effect| matches!(effect, Effect::Reader(_)));
        self.effects = others;
        let ask = |effect| match effect {
            Effect::Reader(ask) => Some(ask),
            _ => None,
        };
        asks.into_iter().filter_map(ask).collect()
    }

    /// What the operation is called that was asked last.
    pub fn last_word(&self) -> &'static str {
        self.asked.last().map_or("", |(_, request)| request.word())
    }

    fn take(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Ask(number, request) => self.asked.push((number, *request)),
                other => self.effects.push(other),
            }
        }
    }

    /// The cells of the screen.
    pub fn cells(&self) -> Buffer {
        let (columns, rows) = self.app.context().size;
        let mut buffer = Buffer::empty(Rect::new(0, 0, columns, rows));
        self.app.draw(&mut buffer);
        buffer
    }

    /// Bytes on the line of this screen on an empty one, and of what a key then changes.
    pub fn bytes(&mut self, key: Key) -> (usize, usize) {
        let (columns, rows) = self.app.context().size;
        let line = Line::new(self.app.context().caps, columns, rows);
        let mut terminal = Terminal::new(line).unwrap();
        let mut frame = |app: &App| {
            terminal
                .draw(|frame| app.draw(frame.buffer_mut()).map_or((), |_| ()))
                .unwrap();
            terminal.backend_mut().take().len()
        };
        let first = frame(&self.app);
        self.keys(&[key]);
        (first, frame(&self.app))
    }

    /// Bytes on the line of what changes meanwhile.
    pub fn bytes_of(&mut self, change: impl FnOnce(&mut Self)) -> usize {
        let (columns, rows) = self.app.context().size;
        let line = Line::new(self.app.context().caps, columns, rows);
        let mut terminal = Terminal::new(line).unwrap();
        let mut frame = |app: &App| {
            terminal
                .draw(|frame| app.draw(frame.buffer_mut()).map_or((), |_| ()))
                .unwrap();
            terminal.backend_mut().take().len()
        };
        frame(&self.app);
        change(self);
        frame(&self.app)
    }

    /// What the whole screen takes on the line, painted anew.
    pub fn painted(&self) -> usize {
        use ratatui::backend::Backend;
        let context = self.app.context();
        let (columns, rows) = context.size;
        let mut line = super::term::backend::Line::new(context.caps, columns, rows);
        let cells = self.cells();
        let places = (0..rows).flat_map(|y| (0..columns).map(move |x| (x, y)));
        line.draw(places.map(|(x, y)| (x, y, &cells[(x, y)]))).unwrap();
        line.flush().unwrap();
        line.take().len()
    }

    /// The screen as text, without the blanks at the ends of its lines.
    pub fn text(&self) -> String {
        text_of(&self.cells())
    }
}

/// Cells as text.
pub fn text_of(buffer: &Buffer) -> String {
    let mut text = String::new();
    for y in buffer.area.top()..buffer.area.bottom() {
        let mut row = String::new();
        let mut x = buffer.area.left();
        while x < buffer.area.right() {
            let symbol = buffer[(x, y)].symbol();
            row.push_str(symbol);
            x += u16::try_from(unicode_width::UnicodeWidthStr::width(symbol).max(1)).unwrap_or(1);
        }
        text.push_str(row.trim_end());
        text.push('\n');
    }
    text
}

/// Compares a screen, on every line of [`LINES`], with `tests/screens/NAME.txt`; with `POSTERN_BLESS=1` in the environment it is
/// written instead. `lead` takes a fresh console to where the screen is to be shown.
pub fn snapshot(name: &str, lead: impl Fn(&mut Desk)) {
    let mut found = String::new();
    for (columns, rows, caps) in LINES {
        let mut desk = Desk::new(columns, rows, caps);
        lead(&mut desk);
        let rule = "=".repeat(8);
        found.push_str(&format!(
            "{rule} {columns}x{rows}, {} {rule}\n{}",
            caps.words(),
            desk.text()
        ));
    }
    // Nothing may break below the smallest size.
    for (columns, rows) in [(0, 0), (1, 1), (40, 10), (79, 24), (80, 23)] {
        let mut desk = Desk::new(80, 24, Caps::FULL);
        lead(&mut desk);
        desk.event(Event::Size(columns, rows));
        let _ = desk.text();
    }
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/screens")
        .join(format!("{name}.txt"));
    if std::env::var_os("POSTERN_BLESS").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, &found).unwrap();
        return;
    }
    let wanted = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        wanted == found,
        "the screen {name} looks otherwise than {} (POSTERN_BLESS=1 writes it anew):\n{found}",
        path.display()
    );
}
