//! `token clock USER ID`: the time alone. Only by a clock that posternd trusts (R19), only for the token that the box knows by its
//! serial number, only on models whose seed outlives it.

use super::args::ClockArgs;
use super::{Bench, Waiting, words};
use crate::cli::deliver::unexpected;
use crate::cli::out::End;
use crate::control::{Answer, Failure, Request, TokenId, TokenInfo, TokenSource, TotpParameters};
use crate::text::shown;
use crate::tokens::program::{ClockJob, set_clock};

/// `token clock`.
pub fn set(bench: &mut Bench<'_, '_, '_>, args: &ClockArgs) -> Result<u8, End> {
    let id = TokenId(args.id);
    let token = bench.tokens(&args.user)?.into_iter().find(|token| token.id == id);
    let token = token.ok_or_else(|| {
        Failure::not_found(format!(
            "{} has no token {}: see `postern token list`",
            shown(&args.user),
            args.id
        ))
    })?;
    let parameters = time_parameters(&token)?;
    if token.serial.is_empty() {
        return Err(
            Failure::refused("this token is no hardware token: its app takes the time from the telephone").into(),
        );
    }
    trusted(bench)?;
    let key = bench.key(args.key_file.as_deref())?;
    let wait = Waiting {
        device: &args.reader.device,
        kind: args.reader.kind,
        seconds: 0,
        patient: false,
    };
    let (placed, kind) = bench.placed(wait, &mut |_| None)?;
    bench.say(&words::placed(&placed));
    let job = ClockJob {
        serial: &token.serial,
        profile: match token.source {
            TokenSource::Programmed(programmed) => programmed.profile,
            TokenSource::App | TokenSource::File => None,
        },
        parameters,
        customer_key: key.as_ref(),
    };
    let (mut channel, kind) = bench
        .hardware
        .open(&args.reader.device, Some(kind))
        .map_err(|error| Failure::failed(format!("{error}; nothing was written: start over")))?;
    let hardware = &*bench.hardware;
    set_clock(&mut *channel, kind, &job, &|| hardware.now(), &mut |_| {})
        .map_err(|trouble| Failure::failed(trouble.words))?;
    drop(channel);
    let request = Request::TokenClockSet { user: token.user, id };
    let answer = bench.ask(&request).map_err(|failure| {
        Failure::new(
            failure.kind,
            format!(
                "the token's clock is set, but posternd does not know it: {} (set it again)",
                failure.message
            ),
        )
    })?;
    let Answer::Token(token) = answer else {
        return Err(unexpected(&request).into());
    };
    if bench.out.json {
        bench.out.document(&token)?;
    } else {
        bench.out.line(&format!(
            "the clock of {} is set to the box's: check it with a code at the next login",
            words::hardware(&token)
        ))?;
    }
    Ok(0)
}

/// How a time token makes its codes.
fn time_parameters(token: &TokenInfo) -> Result<TotpParameters, Failure> {
    let period = token
        .period
        .ok_or_else(|| Failure::refused("this token counts its codes: it has no clock (see `postern token resync`)"))?;
    Ok(TotpParameters {
        algorithm: token.algorithm,
        digits: token.digits,
        period,
    })
}

/// The box's clock is one that a token may be set by (R19).
fn trusted(bench: &mut Bench<'_, '_, '_>) -> Result<(), Failure> {
    let request = Request::TimeShow;
    match bench.ask(&request)? {
        Answer::Clock(clock) if clock.trusted => Ok(()),
        Answer::Clock(clock) => Err(Failure::refused(format!(
            "the box's clock is not trusted, so no token is set by it: {}",
            clock.waiting_for.as_deref().unwrap_or("see `postern time show`")
        ))),
        _ => Err(unexpected(&request)),
    }
}
