//! `token program --users FILE`: one token after another. A user who was left out, or whose token failed, stops nobody else; the
//! summary at the end says what became of each. No token is taken for two users: one that was written in this run must be taken away
//! first, and of a Molto-2 each user gets a profile of their own. A token that does not take the key ends the run: it would lock.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Serialize;

use super::args::ProgramArgs;
use super::one::{Confirmed, NotWritten, Target, confirm, parameters, target, write_seed};
use super::{Bench, Waiting, words};
use crate::cli::input::Input;
use crate::cli::out::End;
use crate::control::{Failure, FailureKind, TokenId, check};
use crate::text::shown;
use crate::tokens::desk::Left;
use crate::tokens::program::Kind;

/// Most bytes of a file of names.
const NAMES_MAX: usize = 16 * 1024 * 1024;
/// Tries with one user's token where nobody is asked.
const TRIES_MAX: u32 = 3;

/// What became of a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Outcome {
    /// The token counts.
    Active,
    /// Written; its code is missing.
    Waiting,
    /// The operator left the user out.
    LeftOut,
    /// It did not work.
    Failed,
    /// The operator, or posternd, ended it before.
    NotReached,
}

#[derive(Debug, Serialize)]
struct Row {
    user: String,
    outcome: Outcome,
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<TokenId>,
    #[serde(skip_serializing_if = "String::is_empty")]
    model: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    serial: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    profile: Option<u8>,
    #[serde(skip_serializing_if = "String::is_empty")]
    why: String,
}

impl Row {
    fn without_token(user: &str, outcome: Outcome, why: impl Into<String>) -> Row {
        Row {
            user: user.to_owned(),
            outcome,
            token: None,
            model: String::new(),
            serial: String::new(),
            profile: None,
            why: why.into(),
        }
    }
}

/// The names in a file: one a line; empty lines and those that begin with # are left out.
///
/// # Errors
/// One line: cannot be read, no name, a name twice, a line that is no name.
pub fn names(input: &mut dyn Input, file: &Path) -> Result<Vec<String>, Failure> {
    if file.as_os_str() == "-" {
        return Err(Failure::usage(
            "--users names a file: standard input is where the codes are typed",
        ));
    }
    let place = shown(&file.to_string_lossy());
    let bytes = input.file(file, NAMES_MAX)?;
    let text = std::str::from_utf8(&bytes).map_err(|_| Failure::refused(format!("{place} is no UTF-8 text")))?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut seen = BTreeMap::new();
    let mut names = Vec::new();
    for (line, name) in (1_usize..).zip(text.lines().map(str::trim)) {
        if name.is_empty() || name.starts_with('#') {
            continue;
        }
        check::user_name(name).map_err(|e| Failure::refused(format!("{place}, line {line}: {}", e.message)))?;
        if let Some(before) = seen.insert(name.to_lowercase(), line) {
            return Err(Failure::refused(format!(
                "{place}, line {line}: {} stands on line {before} already",
                shown(name)
            )));
        }
        names.push(name.to_owned());
    }
    if names.is_empty() {
        return Err(Failure::refused(format!("{place} holds no name: write one a line")));
    }
    Ok(names)
}

/// What an operator may say between two tokens.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Choice {
    Go,
    Another,
    LeaveOut,
    End,
}

/// Which one it is; where something would be lost, Enter alone does not say so.
fn choose(bench: &mut Bench<'_, '_, '_>, question: &str, lost: bool) -> Result<Choice, Failure> {
    loop {
        let Some(line) = bench.question(question)? else {
            return Ok(Choice::End);
        };
        match line.trim().to_lowercase().as_str() {
            "" if !lost => return Ok(Choice::Go),
            "yes" if lost => return Ok(Choice::Go),
            "n" => return Ok(Choice::Another),
            "s" => return Ok(Choice::LeaveOut),
            "q" => return Ok(Choice::End),
            _ if lost => bench.say("type yes to write over it, or one of the letters, and Enter"),
            _ => bench.say("press Enter, or one of the letters and Enter"),
        }
    }
}

/// What was written in this run.
#[derive(Default)]
struct Done {
    /// By serial number, and profile of a Molto-2: whose it is.
    written: BTreeMap<(String, Option<u8>), String>,
    /// By the serial number of a Molto-2: the profile that a failed try left half written. The next try takes it, not one more.
    begun: BTreeMap<String, u8>,
    /// By the serial number of a Molto-2: the lowest profile that this run has not touched.
    free: BTreeMap<String, u8>,
}

impl Done {
    fn wrote(&mut self, target: &Target, user: &str) {
        let serial = target.placed.serial.clone();
        self.written.insert((serial.clone(), target.profile), user.to_owned());
        if let Some(number) = target.profile {
            self.begun.remove(&serial);
            self.free.insert(serial, number.saturating_add(1));
        }
    }

    fn failed(&mut self, target: &Target, left: Left) {
        if let (Left::Unknown, Some(number)) = (left, target.profile) {
            self.begun.insert(target.placed.serial.clone(), number);
        }
    }

    fn whose(&self, serial: &str, profile: Option<u8>) -> Option<&str> {
        let place = (serial.to_owned(), profile);
        self.written.get(&place).map(String::as_str)
    }
}

/// Why the run ends, or the next user's turn.
enum Turn {
    Over(Row),
    End(Row),
}

/// `token program --users FILE`.
pub fn program(bench: &mut Bench<'_, '_, '_>, args: &ProgramArgs, names: Vec<String>) -> Result<u8, End> {
    let all = names.len();
    let mut rows = Vec::with_capacity(all);
    let mut done = Done::default();
    let mut ended = false;
    for (number, user) in (1_usize..).zip(names) {
        if ended {
            rows.push(Row::without_token(&user, Outcome::NotReached, ""));
            continue;
        }
        bench.say(&format!("[{number}/{all}] {}", shown(&user)));
        match person(bench, args, &user, &mut done)? {
            Turn::Over(row) => rows.push(row),
            Turn::End(row) => {
                rows.push(row);
                ended = true;
            }
        }
    }
    summary(bench, &rows)
}

fn person(bench: &mut Bench<'_, '_, '_>, args: &ProgramArgs, user: &str, done: &mut Done) -> Result<Turn, Failure> {
    if let Err(failure) = bench.known(user) {
        let row = Row::without_token(user, Outcome::Failed, &*failure.message);
        bench.say(&failure.message);
        // Without posternd nobody's turn comes.
        return Ok(if failure.kind == FailureKind::Unreachable {
            Turn::End(row)
        } else {
            Turn::Over(row)
        });
    }
    let mut not_this: Option<String> = None;
    let mut tries = 0;
    loop {
        tries += 1;
        let (why, again) = match turn(bench, args, user, done, &mut not_this)? {
            Step::Row(row) => return Ok(Turn::Over(row)),
            Step::LeftOut => return Ok(Turn::Over(Row::without_token(user, Outcome::LeftOut, ""))),
            Step::End => return Ok(Turn::End(Row::without_token(user, Outcome::NotReached, ""))),
            Step::Another => continue,
            Step::Again(why) => (why, true),
            Step::Never(why) => (why, false),
            Step::Stop(why) => {
                bench.say(&why);
                bench.say(
                    "the run ends here: the key was refused, and more tries would lock the token; see to the key or lay this token \
                     aside, then start a run for the users who are left",
                );
                return Ok(Turn::End(Row::without_token(user, Outcome::Failed, why)));
            }
        };
        bench.say(&why);
        if args.yes {
            if !again || tries >= TRIES_MAX {
                return Ok(Turn::Over(Row::without_token(user, Outcome::Failed, why)));
            }
            continue;
        }
        match choose(bench, "Enter to try again, s to leave this user out, q to end:", false)? {
            Choice::Go | Choice::Another => {}
            Choice::LeaveOut => return Ok(Turn::Over(Row::without_token(user, Outcome::Failed, why))),
            Choice::End => return Ok(Turn::End(Row::without_token(user, Outcome::Failed, why))),
        }
    }
}

enum Step {
    Row(Row),
    LeftOut,
    End,
    Another,
    /// It failed; the same may work another time.
    Again(String),
    /// It failed, and will again.
    Never(String),
    /// The token did not take the key: no more tries of it in this run, with this token or another of the house.
    Stop(String),
}

/// One try with one token.
fn turn(
    bench: &mut Bench<'_, '_, '_>,
    args: &ProgramArgs,
    user: &str,
    done: &mut Done,
    not_this: &mut Option<String>,
) -> Result<Step, Failure> {
    let wait = Waiting {
        device: args.device.as_deref().unwrap_or_default(),
        kind: args.kind,
        seconds: args.wait,
        patient: true,
    };
    let found = bench.placed(
        wait,
        &mut |placed| match (done.whose(&placed.serial, None), &*not_this) {
            (Some(whose), _) => Some(format!(
                "that is the token of {}: take it away and place the next one",
                shown(whose)
            )),
            (_, Some(serial)) if *serial == placed.serial => Some("place another token".to_owned()),
            _ => None,
        },
    );
    let found = match found {
        Ok(found) => found,
        Err(failure) => return Ok(Step::Never(failure.message)),
    };
    let first = done
        .free
        .get(&found.0.serial)
        .copied()
        .unwrap_or(args.profile.unwrap_or(0));
    // With --replace the named profile is the first that is written over, and the next users get the next ones.
    let named = (found.1 == Kind::Single || args.replace)
        .then_some(args.profile)
        .flatten();
    let begun = done.begun.get(&found.0.serial).copied();
    let named = begun.or(named.map(|profile| profile.max(first)));
    let mut target = match target(bench, found, named, first) {
        Ok(target) => target,
        Err(failure) => return Ok(Step::Never(failure.message)),
    };
    target.begun = begun.is_some();
    if let Some(whose) = done.whose(&target.placed.serial, target.profile) {
        return Ok(Step::Never(format!(
            "that was written for {} in this run: place another token",
            shown(whose)
        )));
    }
    bench.say(&words::placed(&target.placed));
    let in_the_way = target.in_the_way();
    in_the_way.iter().for_each(|line| bench.say(line));
    if args.yes {
        if !in_the_way.is_empty() && !args.replace {
            return Ok(Step::Never(format!(
                "{}: --replace says that this may be",
                in_the_way.join("; ")
            )));
        }
    } else {
        let lost = !in_the_way.is_empty() && !args.replace;
        let go = match (lost, in_the_way.is_empty()) {
            (true, _) => "yes to write over it",
            (false, true) => "Enter to write",
            (false, false) => "Enter to write over it",
        };
        let question = format!("{go}, n for another token, s to leave this user out, q to end:");
        match choose(bench, &question, lost)? {
            Choice::Go => {}
            Choice::Another => {
                *not_this = Some(target.placed.serial.clone());
                return Ok(Step::Another);
            }
            Choice::LeaveOut => return Ok(Step::LeftOut),
            Choice::End => return Ok(Step::End),
        }
    }
    let written = match write_seed(bench, user, &target, parameters(args), !in_the_way.is_empty()) {
        Ok(written) => written,
        Err(NotWritten::Box(failure)) => return Ok(Step::Never(failure.message)),
        Err(NotWritten::Token(trouble)) => {
            done.failed(&target, trouble.left);
            let refused = trouble.key_refused;
            let why = NotWritten::Token(trouble).failure().message;
            return Ok(if refused { Step::Stop(why) } else { Step::Again(why) });
        }
    };
    done.wrote(&target, user);
    let token = written.token();
    let row = |outcome, why| Row {
        user: token.user.clone(),
        outcome,
        token: Some(token.id),
        model: token.model.clone(),
        serial: token.serial.clone(),
        profile: target.profile,
        why,
    };
    Ok(Step::Row(match confirm(bench, &token.user, &words::hardware(token))? {
        Confirmed::Active(_) => row(Outcome::Active, String::new()),
        Confirmed::Waiting(why) => row(Outcome::Waiting, why),
    }))
}

fn summary(bench: &mut Bench<'_, '_, '_>, rows: &[Row]) -> Result<u8, End> {
    #[derive(Serialize)]
    struct Document<'d> {
        active: usize,
        waiting: usize,
        left_out: usize,
        failed: usize,
        not_reached: usize,
        users: &'d [Row],
    }
    let count = |outcome| rows.iter().filter(|row| row.outcome == outcome).count();
    let document = Document {
        active: count(Outcome::Active),
        waiting: count(Outcome::Waiting),
        left_out: count(Outcome::LeftOut),
        failed: count(Outcome::Failed),
        not_reached: count(Outcome::NotReached),
        users: rows,
    };
    let status = u8::from(document.active < rows.len());
    if bench.out.json {
        bench.out.document(&document)?;
        return Ok(status);
    }
    bench.out.line(&format!(
        "{} users: {} with a token that counts, {} that wait for a code, {} left out, {} failed, {} not reached",
        rows.len(),
        document.active,
        document.waiting,
        document.left_out,
        document.failed,
        document.not_reached
    ))?;
    for row in rows {
        let place = row
            .profile
            .map_or(String::new(), |number| format!(", profile {number}"));
        let token = format!("{} {}{place}", row.model, shown(&row.serial));
        let end = match row.outcome {
            Outcome::Active => token,
            Outcome::Waiting => format!("{token}: `postern token program {} --resume`", shown(&row.user)),
            Outcome::LeftOut | Outcome::NotReached | Outcome::Failed => row.why.clone(),
        };
        let outcome = match row.outcome {
            Outcome::Active => "active",
            Outcome::Waiting => "WAITS FOR A CODE",
            Outcome::LeftOut => "left out",
            Outcome::Failed => "FAILED",
            Outcome::NotReached => "not reached",
        };
        bench
            .out
            .line(format!("{:<40} {outcome:<16}  {}", shown(&row.user), end.trim()).trim_end())?;
    }
    if status != 0 {
        bench.out.note(&format!(
            "postern: {} of {} users have no token that counts from this run",
            rows.len() - document.active,
            rows.len()
        ));
    }
    Ok(status)
}
