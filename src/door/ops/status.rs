//! The box at a glance, its clock, and a sign of life. In: the box; out: what stands, in plain words. `time confirm` is the one
//! change here (R19).

use std::time::Instant;

use crate::clock::{Basis, ClockError, Report};
use crate::control::answers::{ClockReport, Pong, StatusReport, TenantHealth, TenantState};
use crate::control::ops::{Answer, Failure};
use crate::door::Door;
use crate::store::records::{Proof, Tenant, Timestamp};
use crate::text::shown;

/// The box's host name.
pub(super) fn host() -> String {
    shown(crate::door::syslog::host().trim())
}

/// `ping`.
pub(super) fn ping() -> Answer {
    Answer::Pong(Pong {
        version: env!("CARGO_PKG_VERSION").to_owned(),
    })
}

/// `status`.
pub(super) fn status(door: &Door) -> Answer {
    let listening = door.listening.lock().clone();
    let (users, tokens) = door.store.counts();
    Answer::Status(Box::new(StatusReport {
        answering: door.answers(),
        because: because(door),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        since: door.since(),
        clock: clock(door.clock.report()),
        auth: listening.auth,
        acct: listening.acct,
        users: users as u64,
        tokens: tokens as u64,
        clients: door.store.clients().len() as u64,
        tenants: door
            .store
            .tenants()
            .iter()
            .map(|tenant| TenantHealth {
                domain: tenant.domain.clone(),
                state: state(tenant).0,
                paused_until: paused_until(door, tenant),
            })
            .collect(),
        alarms: door.alarms.list(),
        counters: door.counters.all(),
        last_hour: door.last_hour.told(&door.counters),
    }))
}

/// Why nothing is answered, and what to do; none: it is.
pub(in crate::door) fn because(door: &Door) -> Option<String> {
    if door.answers() {
        return None;
    }
    let report = door.clock.report();
    if report.trusted {
        return Some(
            "The store was restored and its old codes are being made void: wait a moment, then try again.".to_owned(),
        );
    }
    Some(sentences(report))
}

fn sentences(report: Report) -> String {
    match report.todo {
        Some(todo) => format!("{} {todo}", report.words),
        None => report.words,
    }
}

/// `time show`.
pub(super) fn time(door: &Door) -> Answer {
    Answer::Clock(clock(door.clock.report()))
}

/// `time confirm`: on the disk when this returns.
pub(super) fn confirm_time(door: &Door) -> Result<Answer, Failure> {
    door.clock.confirm().map_err(|error| match error {
        ClockError::TooEarly => Failure::refused(error.to_string()),
        ClockError::Io { .. } | ClockError::Open(_) => Failure::failed(error.to_string()),
    })?;
    door.alarms.clear("clock");
    door.look_at_state();
    Ok(time(door))
}

fn clock(report: Report) -> ClockReport {
    let source = match report.basis {
        Some(Basis::System) => "system",
        Some(Basis::Ntp) => "ntp",
        Some(Basis::Rtc) => "rtc",
        Some(Basis::Confirmed) => "confirmed",
        None => "none",
    };
    ClockReport {
        trusted: report.trusted,
        source: source.to_owned(),
        now: report.now,
        newest_seen: report.newest,
        waiting_for: (!report.trusted).then(|| sentences(report)),
    }
}

/// Whether logins ask a tenant (R13), and since when.
pub(super) fn state(tenant: &Tenant) -> (TenantState, Option<Timestamp>) {
    match tenant.proof {
        Proof::Missing => (TenantState::Off, None),
        Proof::Proven(at) => (TenantState::Proven, Some(at)),
        Proof::Unproven(at) => (TenantState::Unproven, Some(at)),
    }
}

/// Until when a tenant is left alone (R14), by the box's clock.
pub(super) fn paused_until(door: &Door, tenant: &Tenant) -> Option<Timestamp> {
    let (now, at) = (crate::clock::wall(), Instant::now());
    let directory = door.directories.unproven(&tenant.domain)?;
    let paused = directory.breaker().lock().paused(at)?;
    Some(now.plus(paused.until.saturating_duration_since(at)))
}
