//! How large the terminal is, asked without ever waiting for the answer. In: what the kernel believes, what is configured, the sizes that
//! come in among the keys, and the ends of the waiting times; out: what to do next. The runner does it, so a key typed meanwhile is a key.
//!
//! A kernel's size is taken as it is, except on a serial line, where it is what somebody once set. There, and where the kernel knows
//! nothing, the terminal is asked: by CSI 18 t, and if that stays unanswered by moving the cursor as far as it goes and asking where it
//! is. Many answer one of the two, picocom neither. A late answer is not lost: it comes as [`Input::Size`] like any other.
//!
//! tmux up to 3.3 answers CSI 18 t with the two numbers in each other's place, so a window that is said to be higher than wide is asked
//! for the other way too, which is believed.
//!
//! [`Input::Size`]: super::keys::Input::Size

use std::time::Duration;

use super::SANE;

/// How long an answer is waited for.
pub const PATIENCE: Duration = Duration::from_millis(300);
/// The size when nobody knows it.
pub const DEFAULT: (u16, u16) = (80, 24);

/// "Report the size of the text area in characters."
const ASK_SIZE: &[u8] = b"\x1b[18t";
/// The cursor is saved, sent to the far corner, asked for its place, and put back: the backend need not know.
const ASK_CORNER: &[u8] = b"\x1b7\x1b[999;999H\x1b[6n\x1b8";

/// What the runner is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ask {
    /// Send these bytes, then ask again.
    Send(&'static [u8]),
    /// Go on with other things; after this time call [`Probe::timeout`], and on a size call [`Probe::size`].
    Wait(Duration),
    /// This is the size: columns, rows. It stays so.
    Done(u16, u16),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    AskSize,
    WaitSize,
    AskCorner,
    WaitCorner,
    Done(u16, u16),
}

/// One probing, at the start, at Ctrl-L, at each login.
#[derive(Clone, Debug)]
pub struct Probe {
    state: State,
    unanswered: (u16, u16),
}

impl Probe {
    /// `kernel` and `configured` as columns and rows. `serial`: the kernel's word is not enough.
    pub fn new(kernel: Option<(u16, u16)>, configured: Option<(u16, u16)>, serial: bool) -> Self {
        let kernel = kernel.filter(|size| sane(*size));
        let configured = configured.filter(|size| sane(*size));
        Self {
            state: match kernel {
                Some((columns, rows)) if !serial => State::Done(columns, rows),
                _ => State::AskSize,
            },
            unanswered: configured.or(kernel).unwrap_or(DEFAULT),
        }
    }

    /// What to do now. Called after each [`Ask::Send`], and after anything that was told.
    pub fn ask(&mut self) -> Ask {
        match self.state {
            State::AskSize => {
                self.state = State::WaitSize;
                Ask::Send(ASK_SIZE)
            }
            State::AskCorner => {
                self.state = State::WaitCorner;
                Ask::Send(ASK_CORNER)
            }
            State::WaitSize | State::WaitCorner => Ask::Wait(PATIENCE),
            State::Done(columns, rows) => Ask::Done(columns, rows),
        }
    }

    /// The terminal said its size.
    pub fn size(&mut self, columns: u16, rows: u16) {
        if !sane((columns, rows)) {
            return;
        }
        self.state = match self.state {
            State::WaitSize if columns < rows => State::AskCorner,
            // The same answer, late; or the corner's, which then is said to be the same.
            State::WaitCorner if columns < rows => State::WaitCorner,
            _ => State::Done(columns, rows),
        };
        self.unanswered = (columns, rows);
    }

    /// The time of the last [`Ask::Wait`] is over.
    pub fn timeout(&mut self) {
        let (columns, rows) = self.unanswered;
        self.state = match self.state {
            State::WaitSize => State::AskCorner,
            State::WaitCorner => State::Done(columns, rows),
            other => other,
        };
    }
}

fn sane((columns, rows): (u16, u16)) -> bool {
    SANE.contains(&columns) && SANE.contains(&rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Plays a probing against a terminal that answers the asks it is given answers for.
    fn probed(mut probe: Probe, to_size: Option<(u16, u16)>, to_corner: Option<(u16, u16)>) -> ((u16, u16), usize) {
        let mut answer = None;
        let mut sent = 0;
        for _ in 0..10 {
            match probe.ask() {
                Ask::Send(ASK_SIZE) => (answer, sent) = (to_size, sent + 1),
                Ask::Send(_) => (answer, sent) = (to_corner, sent + 1),
                Ask::Wait(_) => match answer.take() {
                    Some((columns, rows)) => probe.size(columns, rows),
                    None => probe.timeout(),
                },
                Ask::Done(columns, rows) => return ((columns, rows), sent),
            }
        }
        unreachable!("a probing ends after two asks")
    }

    #[test]
    fn whoever_knows_the_size_is_believed() {
        let serial = |kernel, configured| Probe::new(kernel, configured, true);
        let (big, small, other) = (Some((132, 43)), Some((80, 24)), Some((100, 37)));
        assert_eq!(probed(Probe::new(small, None, false), big, big), ((80, 24), 0));
        assert_eq!(probed(Probe::new(Some((0, 0)), None, false), big, None), ((132, 43), 1));
        assert_eq!(probed(Probe::new(None, None, false), None, big), ((132, 43), 2));
        assert_eq!(probed(serial(small, None), big, None), ((132, 43), 1));
        assert_eq!(probed(serial(small, None), None, big), ((132, 43), 2));
        assert_eq!(probed(serial(small, other), None, None), ((100, 37), 2));
        assert_eq!(probed(serial(big, None), None, None), ((132, 43), 2));
        // In each other's place; or really so.
        let swapped = Some((24, 80));
        assert_eq!(probed(serial(small, None), swapped, small), ((80, 24), 2));
        assert_eq!(probed(serial(small, None), swapped, swapped), ((24, 80), 2));
        assert_eq!(probed(serial(small, None), swapped, None), ((24, 80), 2));
        assert_eq!(
            probed(serial(None, Some((3, 3))), Some((1, 1)), Some((0, 0))),
            (DEFAULT, 2)
        );
    }

    #[test]
    fn a_late_answer_ends_the_second_ask_and_nothing_undoes_it() {
        let mut probe = Probe::new(None, None, true);
        assert_eq!(probe.ask(), Ask::Send(ASK_SIZE));
        assert_eq!(probe.ask(), Ask::Wait(PATIENCE));
        assert_eq!(probe.ask(), Ask::Wait(PATIENCE), "asking twice sends nothing twice");
        probe.timeout();
        assert_eq!(probe.ask(), Ask::Send(ASK_CORNER));
        probe.size(132, 43);
        assert_eq!(probe.ask(), Ask::Done(132, 43));
        probe.timeout();
        assert_eq!(probe.ask(), Ask::Done(132, 43));
    }
}
