//! The readers' thread of this console, started when somebody first looks at a reader: most lines never do. In: what screens ask;
//! out: what it tells. It never blocks who asks.

use crate::control::Timestamp;
use crate::tokens::desk::{Ask, Desk, Left, Link, Reader, Told, Trouble, spawn};
use crate::tokens::find::Settings;

/// How what is told gets to the loop.
type Tell = std::sync::Arc<dyn Fn(Told) + Send + Sync>;

/// The thread, once it is needed.
pub struct Readers {
    settings: Settings,
    tell: Tell,
    desk: Option<Desk>,
}

impl Readers {
    /// Not started yet; `tell` is called on the thread with everything that it tells.
    pub fn new(settings: Settings, tell: impl Fn(Told) + Send + Sync + 'static) -> Self {
        Self {
            settings,
            tell: std::sync::Arc::new(tell),
            desk: None,
        }
    }

    /// Asks; what comes of it is told.
    pub fn ask(&mut self, ask: Ask) {
        if self.desk.is_none() {
            // Nobody looks, and nobody did.
            if ask == Ask::Watch(false) {
                return;
            }
            let tell = self.tell.clone();
            match spawn(self.settings.clone(), now, move |told| tell(told)) {
                Ok(desk) => self.desk = Some(desk),
                Err(error) => return self.refuse(&ask, &error),
            }
        }
        if let Some(desk) = &self.desk {
            desk.ask(ask);
        }
    }

    /// The system starts no thread: the next try may do better.
    fn refuse(&self, ask: &Ask, error: &std::io::Error) {
        let why = format!("it cannot be looked at: {error}");
        match ask {
            Ask::Watch(_) | Ask::Use(_) => (self.tell)(Told::Readers(vec![Reader {
                device: "readers".to_owned(),
                name: "any reader".to_owned(),
                link: Link::Pcsc,
                proven: false,
                trouble: Some(why),
            }])),
            Ask::Write(number, _) | Ask::SetClock { number, .. } => {
                let trouble = Trouble {
                    words: why,
                    left: Left::AsBefore,
                    key_refused: false,
                };
                (self.tell)(Told::Failed(*number, trouble));
            }
        }
    }
}

fn now() -> Timestamp {
    let millis = jiff::Timestamp::now().as_millisecond();
    Timestamp(u64::try_from(millis).unwrap_or(0))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
mod tests {
    use std::sync::mpsc;
    use std::time::Duration;

    use super::*;

    #[test]
    fn nothing_is_started_before_somebody_looks() {
        let (sender, told) = mpsc::channel();
        // One reader, which is not there: nothing of this machine is asked.
        let settings = Settings {
            readers: vec!["/dev/postern-no-reader".parse().unwrap()],
            own_lines: Vec::new(),
        };
        let mut readers = Readers::new(settings, move |told| drop(sender.send(told)));
        readers.ask(Ask::Watch(false));
        assert!(readers.desk.is_none());
        readers.ask(Ask::Watch(true));
        assert!(readers.desk.is_some());
        let Ok(Told::Readers(found)) = told.recv_timeout(Duration::from_secs(10)) else {
            panic!("no readers were told");
        };
        let chosen = found.iter().find(|one| one.device == "/dev/postern-no-reader").unwrap();
        assert!(chosen.trouble.is_some(), "{found:?}");
        // Dropping it ends the thread.
        drop(readers);
        assert!(told.recv_timeout(Duration::from_secs(10)).is_err());
    }

    #[test]
    fn where_no_thread_starts_whoever_asked_hears_of_it() {
        let (sender, told) = mpsc::channel();
        let readers = Readers::new(Settings::default(), move |told| drop(sender.send(told)));
        let error = std::io::Error::other("no more threads");
        readers.refuse(&Ask::Watch(true), &error);
        let Ok(Told::Readers(found)) = told.try_recv() else {
            panic!()
        };
        assert_eq!(
            found[0].trouble.as_deref(),
            Some("it cannot be looked at: no more threads")
        );
    }
}
