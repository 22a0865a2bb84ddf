//! `token program USER`: one token for one user. The order is the agreement with posternd: it makes the seed and keeps a pending
//! token, the token takes the seed, posternd hears of it, and only a code from the display makes it count.

use serde::Serialize;

use super::args::ProgramArgs;
use super::{Bench, CODES_MAX, TELL_AGAIN, TELLS_MAX, Waiting, words};
use crate::cli::deliver::unexpected;
use crate::cli::out::End;
use crate::control::{
    Answer, Failure, FailureKind, Request, TokenId, TokenInfo, TokenProgram, TokenSource, TokenStatus, TotpParameters,
    check,
};
use crate::secret::Secret;
use crate::text::shown;
use crate::tokens::desk::{Job, Left, Placed, Trouble};
use crate::tokens::program::{Kind, write};

/// Hash, digits, period.
pub fn parameters(args: &ProgramArgs) -> TotpParameters {
    TotpParameters {
        algorithm: args.algorithm,
        digits: args.digits,
        period: args.period,
    }
}

/// A token that lies there, and where in it the seed goes.
pub struct Target {
    pub placed: Placed,
    pub kind: Kind,
    /// Of a Molto-2.
    pub profile: Option<u8>,
    /// The profile holds a seed.
    occupied: bool,
    /// What it holds was begun in this run and not finished: nobody's loss.
    pub begun: bool,
    /// Tokens of the box that are this very one.
    known: Vec<TokenInfo>,
}

impl Target {
    /// What would be lost, each one line; tokens that only wait for a code are nobody's loss.
    pub fn in_the_way(&self) -> Vec<String> {
        let counts = self.known.iter().filter(|token| token.status != TokenStatus::Pending);
        let mut lines: Vec<String> = counts
            .map(|token| format!("it is {}: that one goes when the new code comes", words::token(token)))
            .collect();
        if let (true, false, Some(number)) = (self.occupied, self.begun, self.profile) {
            let profile = self.placed.profiles.iter().find(|profile| profile.number == number);
            let title = match profile.map(|profile| profile.title.as_str()) {
                None | Some("") => String::new(),
                Some(title) => format!(" ({})", shown(title)),
            };
            lines.push(format!("profile {number}{title} holds a seed"));
        }
        lines
    }
}

/// Looks up what the box knows of a token that lies there. `first` is the lowest profile that may be taken where none is named.
pub fn target(
    bench: &mut Bench<'_, '_, '_>,
    (placed, kind): (Placed, Kind),
    named: Option<u8>,
    first: u8,
) -> Result<Target, Failure> {
    let free = || placed.profiles.iter().find(|one| one.number >= first && !one.occupied);
    let profile = match (kind, named) {
        (Kind::Single, None) => None,
        (Kind::Single, Some(_)) => {
            return Err(Failure::refused(format!(
                "a {} has one profile: leave --profile out",
                placed.model
            )));
        }
        (Kind::Molto2, Some(number)) => Some(number),
        (Kind::Molto2, None) => Some(free().map(|one| one.number).ok_or_else(|| {
            Failure::refused(
                "every profile of this Molto-2 holds a seed: name one with --profile N that may be written over",
            )
        })?),
    };
    let occupied = placed
        .profiles
        .iter()
        .any(|one| Some(one.number) == profile && one.occupied);
    if let Some(number) = profile
        && !placed.profiles.iter().any(|one| one.number == number)
    {
        return Err(Failure::refused(format!(
            "this Molto-2 has no profile {number}: it has {}, counted from 0",
            placed.profiles.len()
        )));
    }
    let same = |token: &TokenInfo| match token.source {
        TokenSource::Programmed(programmed) => programmed.profile == profile,
        TokenSource::App | TokenSource::File => profile.is_none(),
    };
    let report = bench.serial(&placed.serial)?;
    Ok(Target {
        known: report.tokens.into_iter().filter(same).collect(),
        placed,
        kind,
        profile,
        occupied,
        begun: false,
    })
}

/// Written, and not yet confirmed.
pub struct Written {
    token: TokenInfo,
    replaces: Vec<TokenId>,
}

/// Why nothing, or something unknown, was written.
pub enum NotWritten {
    /// The token or the reader.
    Token(Trouble),
    /// posternd.
    Box(Failure),
}

impl From<Failure> for NotWritten {
    fn from(failure: Failure) -> Self {
        Self::Box(failure)
    }
}

impl NotWritten {
    /// As the command's failure.
    pub fn failure(self) -> Failure {
        match self {
            Self::Box(failure) => failure,
            Self::Token(Trouble { words, left, .. }) => Failure::failed(match left {
                Left::AsBefore => words,
                Left::Unknown => {
                    format!("{words} (nobody has this token until it is written whole and a code has come)")
                }
            }),
        }
    }
}

/// Has posternd make a seed and writes it. `replace`: a token that counts, and a profile that holds a seed, may be lost.
pub fn write_seed(
    bench: &mut Bench<'_, '_, '_>,
    user: &str,
    target: &Target,
    parameters: TotpParameters,
    replace: bool,
) -> Result<Written, NotWritten> {
    let request = Request::TokenProgram(TokenProgram {
        user: user.to_owned(),
        serial: target.placed.serial.clone(),
        model: target.placed.model.clone(),
        profile: target.profile,
        parameters,
        replace,
    });
    let Answer::TokenProgramming(made) = bench.ask(&request)? else {
        return Err(unexpected(&request).into());
    };
    let job = Job {
        device: target.placed.device.clone(),
        serial: target.placed.serial.clone(),
        profile: target.profile,
        title: made.token.user.clone(),
        parameters,
        seed: made.seed,
        customer_key: made.customer_key,
        // What this run began itself goes in any case; that is leave for the profile, and for no token of the box.
        replace: replace || target.begun,
    };
    bench.say("writing: leave the token where it is");
    // A fresh contact: whatever was begun with the token while somebody thought about it is forgotten.
    let opened = bench.hardware.open(&job.device, Some(target.kind));
    let (mut channel, kind) = opened.map_err(|error| {
        NotWritten::Token(Trouble {
            words: format!("{error}; nothing was written: place the token again and start over"),
            left: Left::AsBefore,
            key_refused: false,
        })
    })?;
    let hardware = &*bench.hardware;
    let written = write(&mut *channel, kind, &job, &|| hardware.now(), &mut |_| {});
    drop(channel);
    written.map_err(NotWritten::Token)?;
    let token = tell_written(bench, &made.token)?;
    Ok(Written {
        token,
        replaces: made.replaces.iter().map(|token| token.id).collect(),
    })
}

/// posternd must hear of it: otherwise the token is good and nobody knows.
fn tell_written(bench: &mut Bench<'_, '_, '_>, token: &TokenInfo) -> Result<TokenInfo, Failure> {
    let request = Request::TokenWritten {
        user: token.user.clone(),
        id: token.id,
    };
    for left in (0..TELLS_MAX).rev() {
        match bench.ask(&request) {
            Ok(Answer::Token(token)) => return Ok(*token),
            Ok(_) => return Err(unexpected(&request)),
            Err(failure) if failure.kind == FailureKind::Unreachable && left > 0 => bench.hardware.pause(TELL_AGAIN),
            Err(failure) => {
                return Err(Failure::new(
                    failure.kind,
                    format!(
                        "the token has its seed, but posternd does not know it: {} (program the token again)",
                        failure.message
                    ),
                ));
            }
        }
    }
    Err(unexpected(&request))
}

/// What a code came to.
pub enum Confirmed {
    /// The token counts.
    Active(Box<TokenInfo>),
    /// It waits, and why.
    Waiting(String),
}

/// Asks for the code that the display shows, a few times.
pub fn confirm(bench: &mut Bench<'_, '_, '_>, user: &str, what: &str) -> Result<Confirmed, Failure> {
    let mut why = "no code was typed".to_owned();
    for _ in 0..CODES_MAX {
        let Some(line) = bench.question(&format!("code that {what} shows (empty: later):"))? else {
            break;
        };
        if line.trim().is_empty() {
            break;
        }
        let code = match check::code(&line) {
            Ok(code) => Secret::from(code),
            Err(failure) => {
                bench.say(&failure.message);
                why = failure.message;
                continue;
            }
        };
        let request = Request::TokenConfirm {
            user: user.to_owned(),
            code,
        };
        match bench.ask(&request) {
            Ok(Answer::Token(token)) => return Ok(Confirmed::Active(token)),
            Ok(_) => return Err(unexpected(&request)),
            Err(failure) => {
                bench.say(&failure.message);
                why = failure.message;
            }
        }
    }
    Ok(Confirmed::Waiting(why))
}

/// `token program USER`.
pub fn program(bench: &mut Bench<'_, '_, '_>, args: &ProgramArgs) -> Result<u8, End> {
    let user = args.user.as_deref().unwrap_or_default();
    bench.known(user)?;
    let wait = Waiting {
        device: args.device.as_deref().unwrap_or_default(),
        kind: args.kind,
        seconds: args.wait,
        patient: false,
    };
    let found = bench.placed(wait, &mut |_| None)?;
    let target = target(bench, found, args.profile, 0)?;
    bench.say(&words::placed(&target.placed));
    for line in words::will_be(user, target.kind, target.profile, parameters(args)) {
        bench.say(&line);
    }
    let replace = agreed(bench, &target, args.replace, args.yes)?;
    let written = write_seed(bench, user, &target, parameters(args), replace).map_err(|why| again(why, &target))?;
    finish(bench, &written.token, &written.replaces)
}

/// The command's failure. A run writes once: of a profile that it leaves half written, it says how the next one takes the same.
fn again(why: NotWritten, target: &Target) -> Failure {
    let unknown = matches!(&why, NotWritten::Token(trouble) if trouble.left == Left::Unknown && !trouble.key_refused);
    let mut failure = why.failure();
    if let (true, Some(number)) = (unknown, target.profile) {
        failure.message = format!("{}; then name the same profile: --profile {number}", failure.message);
    }
    failure
}

/// Whether it is to be written, and whether what is in the way may go.
fn agreed(bench: &mut Bench<'_, '_, '_>, target: &Target, replace: bool, yes: bool) -> Result<bool, Failure> {
    let nothing = || Failure::refused("nothing was written");
    let in_the_way = target.in_the_way();
    if !in_the_way.is_empty() && !replace {
        if yes {
            return Err(Failure::refused(format!(
                "{}: --replace says that this may be",
                in_the_way.join("; ")
            )));
        }
        in_the_way.iter().for_each(|line| bench.say(line));
        let answer = bench.question("write over it? Type yes:")?;
        let agreed = answer.is_some_and(|line| matches!(line.trim().to_lowercase().as_str(), "y" | "yes"));
        return if agreed { Ok(true) } else { Err(nothing()) };
    }
    in_the_way.iter().for_each(|line| bench.say(line));
    if !yes {
        let answer = bench.question("write it? [Y/n]")?;
        if !answer.is_some_and(|line| matches!(line.trim().to_lowercase().as_str(), "" | "y" | "yes")) {
            return Err(nothing());
        }
    }
    Ok(replace)
}

/// `token program USER --resume`: only the code is missing.
pub fn resume(bench: &mut Bench<'_, '_, '_>, args: &ProgramArgs) -> Result<u8, End> {
    let user = args.user.as_deref().unwrap_or_default();
    let pending: Vec<TokenInfo> = bench
        .tokens(user)?
        .into_iter()
        .filter(|token| token.status == TokenStatus::Pending && matches!(token.source, TokenSource::Programmed(_)))
        .collect();
    let written = |token: &&TokenInfo| matches!(token.source, TokenSource::Programmed(p) if p.written.is_some());
    // Where several wait, the code says which one it is.
    if let Some(token) = pending.iter().rev().find(written) {
        return finish(bench, token, &[]);
    }
    Err(match pending.last() {
        Some(token) => Failure::refused(format!(
            "token {} ({}) was begun and is not known to hold its seed: place it and program it again, without --resume",
            token.id.0,
            words::hardware(token)
        )),
        None => Failure::not_found(format!("{} has no hardware token that waits for its code", shown(user))),
    }
    .into())
}

/// The code, and what is printed at the end.
fn finish(bench: &mut Bench<'_, '_, '_>, token: &TokenInfo, replaces: &[TokenId]) -> Result<u8, End> {
    #[derive(Serialize)]
    struct Document<'d> {
        outcome: &'static str,
        token: &'d TokenInfo,
        removed: &'d [TokenId],
    }
    match confirm(bench, &token.user, &words::hardware(token))? {
        Confirmed::Active(token) => {
            if bench.out.json {
                bench.out.document(&Document {
                    outcome: "active",
                    token: &token,
                    removed: replaces,
                })?;
            } else {
                for line in crate::cli::show::answer(&Answer::Token(token), &bench.view.zone) {
                    bench.out.line(&line)?;
                }
            }
            Ok(0)
        }
        Confirmed::Waiting(why) => Err(Failure::refused(format!(
            "{} is written and waits for its code ({why}): `postern token program {} --resume` asks for it again",
            words::hardware(token),
            shown(&token.user)
        ))
        .into()),
    }
}

impl Written {
    /// The token, pending.
    pub fn token(&self) -> &TokenInfo {
        &self.token
    }
}
