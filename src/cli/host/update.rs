//! `update fetch` and `update apply`. In: where an update comes from; out: how far it is, and exit status 1 where it failed.

use std::time::{Duration, Instant};

use super::{asked, meant, print};
use crate::cli::deliver::unexpected;
use crate::cli::input::Input;
use crate::cli::out::{End, Out};
use crate::cli::{Asker, View};
use crate::control::{Failure, HostAnswer, HostRequest, Request, UpdateReport, UpdateSource, UpdateStage};
use crate::text::shown;

/// Between two looks.
const AGAIN: Duration = Duration::from_millis(500);
/// One percent takes no longer, on the slowest line.
const STILL_MAX: Duration = Duration::from_secs(60 * 60);

/// Asks for it, and waits where that is wanted.
///
/// # Errors
/// What posternd says; nothing moves any more; standard output.
pub fn fetch(
    asker: &mut dyn Asker,
    source: UpdateSource,
    wait: bool,
    view: &View,
    out: &mut Out<'_>,
) -> Result<u8, End> {
    let request = HostRequest::UpdateFetch(source);
    let mut answer = asked(asker, &request)?;
    let mut moved = (Instant::now(), None);
    while wait && let Some(percent) = percent(&answer) {
        if moved.1 != Some(percent) {
            moved = (Instant::now(), Some(percent));
            if view.progress && !out.json {
                out.aside(&format!("\r{percent} %"));
            }
        } else if moved.0.elapsed() > STILL_MAX {
            return Err(Failure::failed(format!(
                "it stands at {percent} % for an hour: stop it with `postern update drop`, and try again"
            ))
            .into());
        }
        std::thread::sleep(AGAIN);
        answer = asked(asker, &HostRequest::UpdateShow)?;
    }
    if moved.1.is_some() && view.progress && !out.json {
        out.aside("\r");
    }
    if wait
        && matches!(
            &answer,
            HostAnswer::Update(UpdateReport {
                stage: UpdateStage::Idle,
                ..
            })
        )
    {
        return Err(Failure::failed("it was stopped, and nothing was fetched: somebody said `update drop`").into());
    }
    print(&request, &answer, view, out)
}

/// How far it is, while it goes on.
fn percent(answer: &HostAnswer) -> Option<u8> {
    match answer {
        HostAnswer::Update(UpdateReport {
            stage: UpdateStage::Fetching { percent },
            ..
        }) => Some(*percent),
        _ => None,
    }
}

/// What to ask, when it is meant.
///
/// # Errors
/// Nothing is ready; nobody says yes.
pub fn apply(asker: &mut dyn Asker, yes: bool, input: &mut dyn Input, out: &mut Out<'_>) -> Result<HostRequest, End> {
    if !yes && !out.json {
        let HostAnswer::Update(report) = asked(asker, &HostRequest::UpdateShow)? else {
            return Err(unexpected(&Request::Host(HostRequest::UpdateShow)).into());
        };
        let UpdateStage::Ready { version, .. } = &report.stage else {
            return Err(Failure::refused("no update is ready: copy one first with `postern update fetch`").into());
        };
        let what = format!(
            "to write {} beside {} and restart into it on trial: for about a minute no login is answered",
            shown(version),
            shown(&report.running)
        );
        meant(yes, "yes", &what, input, out)?;
    } else {
        meant(yes, "yes", "", input, out)?;
    }
    Ok(HostRequest::UpdateApply)
}

/// An update that failed is bad news to who asked for one; who only looks has what was asked.
pub fn verdict(request: &HostRequest, answer: &HostAnswer, out: &mut Out<'_>) -> u8 {
    match answer {
        HostAnswer::Update(UpdateReport {
            stage: UpdateStage::Failed { why },
            ..
        }) if matches!(request, HostRequest::UpdateFetch(_) | HostRequest::UpdateApply) => {
            out.note(&format!("postern: {why}"));
            1
        }
        _ => 0,
    }
}
