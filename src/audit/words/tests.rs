//! Every reason told, and what the records around a code say of it.

use std::collections::BTreeSet;

use super::samples::{AT, MARK, STEP, all, attempt, outcome, said, spender};
use super::*;
use crate::audit::{Method, Outcome, Reason};
use crate::store::records::ClientId;

fn teller_fix(code: u32) -> Option<String> {
    (code == 7_000_218).then(|| "allow public client flows".to_owned())
}

fn tell(attempt: &Attempt, around: &[Attempt]) -> Words {
    let teller = Teller {
        zone: &TimeZone::UTC,
        fix: &teller_fix,
    };
    words(attempt, around, &teller)
}

fn alone(reason: Reason) -> Words {
    let attempt = attempt(reason);
    tell(&attempt, std::slice::from_ref(&attempt))
}

fn used() -> Attempt {
    attempt(Reason::CodeUsed { mark: MARK, step: STEP })
}

/// The words for a used code after this login.
fn after(change: impl FnOnce(&mut Attempt, &mut Attempt), before: u64) -> Words {
    let (mut now, mut first) = (used(), spender(before));
    change(&mut now, &mut first);
    tell(&now.clone(), &[now, first])
}

fn long(attempt: &mut Attempt) {
    attempt.name = format!("{}@{}", "a".repeat(31), "b".repeat(32));
    attempt.client_name = "c".repeat(64);
    attempt.station = "d".repeat(64);
}

/// Variants of `Reason`, from its own source, so that one that is missing in `all` is found.
fn variants() -> usize {
    let source = include_str!("../mod.rs");
    let start = source.find("pub enum Reason {").unwrap();
    let body = &source[start..start + source[start..].find("\n}\n").unwrap()];
    body.lines()
        .filter(|line| line.starts_with("    ") && line.trim_start().len() + 4 == line.len())
        .filter(|line| line.trim_start().starts_with(char::is_uppercase))
        .count()
}

#[test]
fn r23_every_reason_has_words() {
    let mut codes = BTreeSet::new();
    for reason in all() {
        let name = format!("{reason:?}").split([' ', '{']).next().unwrap().to_owned();
        codes.insert(reason.code());
        for directory in [None, said(50_126)] {
            for stretch in [false, true] {
                let mut attempt = attempt(reason.clone());
                attempt.directory.clone_from(&directory);
                if stretch {
                    long(&mut attempt);
                }
                let words = tell(&attempt, std::slice::from_ref(&attempt));
                let text = words.to_string();
                assert!(words.what.chars().count() > 10, "{name}");
                for part in [Some(&words.what), words.todo.as_ref()].into_iter().flatten() {
                    assert!(part.chars().count() <= WORDS_MAX, "{name}: {part}");
                    assert!(!part.ends_with(['…', '.', ' ', ':', ',']), "{name}: {part}");
                    assert!(!part.contains("  ") && !part.contains('\n'), "{name}: {part}");
                }
                assert_eq!(
                    words.todo.is_none(),
                    matches!(reason, Reason::Accepted { .. }),
                    "{name}"
                );
                assert!(words.todo.is_some() || attempt.outcome == Outcome::Accept, "{name}");
                // No Debug formatting: neither variants nor fields nor the mark of a seed.
                if name.chars().filter(|c| c.is_uppercase()).count() > 1 {
                    assert!(!text.contains(&name), "{name}: {text}");
                }
                for mark in [
                    "{",
                    "}",
                    "Some(",
                    "None",
                    "Timestamp",
                    "SeedMark",
                    "ab, ab",
                    "171",
                    "abab",
                ] {
                    assert!(!text.contains(mark), "{name}: {text}");
                }
            }
        }
    }
    assert_eq!(codes.len(), variants(), "a reason has no sample in `all`");
    assert!(codes.len() >= 20);
}

#[test]
fn no_two_reasons_read_alike() {
    let mut seen = BTreeSet::new();
    for reason in all() {
        let told = alone(reason.clone()).to_string();
        assert!(seen.insert(told), "{reason:?}");
    }
}

#[test]
fn r9_a_code_used_by_the_same_login() {
    assert_eq!(
        after(|_, _| (), 5_000).to_string(),
        "Code of 10:31 was already used at 10:31:04 by the same login; the VPN sent the login again after 5 s: raise its RADIUS \
         timeout above 5 s"
    );
    // A part of a second counts as a whole one: the timeout must lie above it.
    assert!(after(|_, _| (), 4_200).to_string().ends_with("above 5 s"));
}

#[test]
fn a_code_used_later_from_the_same_device() {
    let told = after(|_, _| (), 45_000).to_string();
    assert!(
        told.contains("by the same device, 45 s before: wait for the next code"),
        "{told}"
    );
    let told = after(|_, _| (), 3_600_000).to_string();
    assert!(told.contains("auth-gen-token"), "{told}");
}

#[test]
fn a_code_used_where_no_station_is_sent() {
    let none = |now: &mut Attempt, first: &mut Attempt| {
        now.station.clear();
        first.station.clear();
    };
    let told = after(none, 5_000).to_string();
    assert!(
        told.contains("10:31:04 through vpn1, 5 s before; it sends no Calling-Station-Id"),
        "{told}"
    );
    assert!(
        told.contains("wait for the next code") && told.contains("timeout above 5 s"),
        "{told}"
    );
    let told = after(none, 40_000).to_string();
    assert!(told.contains("through the same client, 40 s before"), "{told}");
}

#[test]
fn a_code_used_by_somebody_else() {
    let told = after(|_, first| first.station = "198.51.100.3".to_owned(), 5_000).to_string();
    assert!(
        told.contains("from elsewhere (198.51.100.3); somebody else or a second device used it"),
        "{told}"
    );
    assert!(told.contains("postern user disable anna@contoso.example"), "{told}");
    // Also where that login failed: somebody has the code.
    let elsewhere = |_: &mut Attempt, first: &mut Attempt| {
        first.station = "198.51.100.3".to_owned();
        first.reason = Reason::WrongPassword;
        first.outcome = Outcome::Reject;
    };
    assert!(after(elsewhere, 5_000).what.contains("somebody else"));
}

#[test]
fn a_code_used_through_two_gateways() {
    let told = after(
        |_, first| {
            first.client = Some(ClientId(2));
            first.client_name = "vpn2".to_owned();
        },
        2_000,
    )
    .to_string();
    assert!(
        told.contains("by the same device through vpn2: two VPN gateways"),
        "{told}"
    );
}

#[test]
fn a_code_used_by_a_login_that_failed() {
    let wrong = |_: &mut Attempt, first: &mut Attempt| {
        first.reason = Reason::WrongPassword;
        first.outcome = Outcome::Reject;
    };
    let told = after(wrong, 40_000).to_string();
    assert!(
        told.contains("by a login whose password was wrong: wait for the next code"),
        "{told}"
    );
    let away = |_: &mut Attempt, first: &mut Attempt| {
        first.reason = Reason::DirectoryUnavailable {
            trouble: crate::audit::DirectoryTrouble::Timeout,
        };
        first.outcome = Outcome::Reject;
    };
    let told = after(away, 5_000).to_string();
    assert!(told.contains("by a login that the directory did not answer"), "{told}");
}

#[test]
fn a_code_older_than_the_last() {
    let told = after(|_, first| first.spent.as_mut().unwrap().step += 1, 5_000).to_string();
    assert!(told.contains("older than the one that was used at 10:31:04"), "{told}");
    // Another token's code says nothing.
    let told = after(|_, first| first.spent.as_mut().unwrap().mark.0 = [1; 16], 5_000).to_string();
    assert!(
        told.starts_with("The code was already used, or is older than one that was"),
        "{told}"
    );
}

#[test]
fn the_code_of_a_sixty_second_token_is_told_by_its_minute() {
    let step = 1_789_986_660 / 60;
    let mut first = spender(5_000);
    first.spent.as_mut().unwrap().step = step;
    let now = attempt(Reason::CodeUsed { mark: MARK, step });
    assert!(tell(&now, &[now.clone(), first]).what.starts_with("Code of 10:31 "));
}

#[test]
fn the_code_of_a_counter_token_is_told_by_its_number() {
    let mut first = spender(45_000);
    first.spent.as_mut().unwrap().step = 57;
    let now = attempt(Reason::CodeUsed { mark: MARK, step: 57 });
    let told = tell(&now, &[now.clone(), first.clone()]).to_string();
    assert!(
        told.starts_with("Code no. 57 of the token was already used at 10:30:24 by the same device"),
        "{told}"
    );
    assert!(
        told.ends_with("let the token show its next code and log in with that"),
        "{told}"
    );
    let older = attempt(Reason::CodeUsed { mark: MARK, step: 56 });
    let told = tell(&older, &[older.clone(), first]).to_string();
    assert!(
        told.contains("older than the one") && told.contains("let the token show its next code"),
        "{told}"
    );
}

#[test]
fn a_counter_that_is_far_ahead_or_unknown_is_to_be_set_right_by_two_codes() {
    let ahead = alone(Reason::CounterAhead { codes: 57 }).to_string();
    assert!(
        ahead.contains("may be one of the token's")
            && ahead.contains("its counter is 57 codes ahead: resync")
            && ahead.contains("postern token resync anna@contoso.example CODE CODE"),
        "{ahead}"
    );
    let lost = alone(Reason::TokenNeedsResync).to_string();
    assert!(
        lost.contains("needs a resync") && lost.contains("postern token resync anna@contoso.example CODE CODE"),
        "{lost}"
    );
}

#[test]
fn times_are_told_in_the_zone_and_with_the_day_where_it_is_another() {
    let zone = TimeZone::get("Europe/Berlin").unwrap_or(TimeZone::fixed(jiff::tz::offset(2)));
    let teller = Teller {
        zone: &zone,
        fix: &|_| None,
    };
    let now = used();
    let told = words(&now, &[now.clone(), spender(5_000)], &teller).what;
    assert!(told.starts_with("Code of 12:31 was already used at 12:31:04"), "{told}");
    let told = after(|_, _| (), 86_400_000).to_string();
    assert!(told.contains("2026-09-20 10:31:09"), "{told}");
}

#[test]
fn r17_a_code_repeated_by_the_client() {
    let again = |seconds: u64| Attempt {
        at: Timestamp(AT.0 - seconds * 1000),
        ..attempt(Reason::WrongCodeAgain)
    };
    let first = Attempt {
        at: Timestamp(AT.0 - 9_000),
        ..attempt(Reason::WrongCode)
    };
    let now = again(0);
    let told = tell(&now, &[now.clone(), again(3), again(6), first.clone()]).to_string();
    assert!(
        told.contains("repeats the same wrong code by itself: 4 times in 9 s"),
        "{told}"
    );
    let late = Attempt {
        at: Timestamp(AT.0 - 120_000),
        ..first
    };
    assert!(
        tell(&now, &[now.clone(), late])
            .what
            .starts_with("The same wrong code came again")
    );
}

#[test]
fn several_wrong_codes_in_a_row() {
    let at = |seconds: u64, reason| Attempt {
        at: Timestamp(AT.0 - seconds * 1000),
        ..attempt(reason)
    };
    let row = [0, 30, 60].map(|s| at(s, Reason::WrongCode));
    assert!(tell(&row[0], &row).what.contains("3 different codes in a row"));
    let broken = [row[0].clone(), spender(15_000), row[1].clone(), row[2].clone()];
    assert!(!tell(&row[0], &broken).what.contains("in a row"));
}

#[test]
fn a_clock_that_has_drifted() {
    let behind = alone(Reason::CodeOutOfWindow { seconds: -95 }).to_string();
    assert!(
        behind.contains("95 s behind") && behind.contains("postern token resync anna@contoso.example CODE CODE"),
        "{behind}"
    );
    let ahead = alone(Reason::CodeOutOfWindow { seconds: 300 }).to_string();
    assert!(ahead.contains("5 min ahead of this box"), "{ahead}");
}

#[test]
fn commands_can_be_typed_as_they_stand() {
    for (reason, command) in [
        (Reason::UnknownClient, "postern client add NAME 192.0.2.9"),
        (
            Reason::NoMessageAuthenticator,
            "postern client set vpn1 --require-message-authenticator no",
        ),
        (Reason::PasswordInsteadOfCode, "postern client set vpn1 --mode append"),
        (Reason::NotPap { method: Method::Chap }, "set PAP on vpn1"),
        (Reason::EntraOff, "postern entra prove anna@contoso.example"),
        (Reason::NoTenant, "postern entra set --domain contoso.example"),
        (Reason::ClockUntrusted, "postern time confirm"),
        (Reason::UserDisabled, "postern user enable anna@contoso.example"),
    ] {
        let told = alone(reason).to_string();
        assert!(told.contains(command), "{told}");
    }
    assert!(
        alone(Reason::NoMessageAuthenticator)
            .to_string()
            .contains("BlastRADIUS")
    );
    assert_eq!(argument("head office", "NAME"), "'head office'");
    assert_eq!(argument("o'brien; rm", "NAME"), "'o'\\''brien; rm'");
    assert_eq!(argument("", "NAME"), "NAME");
}

#[test]
fn an_ipv4_mapped_source_is_told_as_ipv4() {
    let mut stranger = attempt(Reason::UnknownClient);
    stranger.client_name.clear();
    stranger.source = Some("::ffff:198.51.100.3".parse().unwrap());
    assert!(
        tell(&stranger, &[])
            .to_string()
            .contains("postern client add NAME 198.51.100.3")
    );
}

#[test]
fn the_directorys_code_and_its_remedy() {
    let mut setup = attempt(Reason::DirectoryConfiguration);
    setup.directory = said(7_000_218);
    let told = tell(&setup, &[]);
    assert!(told.what.contains("(AADSTS7000218)") && told.todo.as_deref() == Some("allow public client flows"));
    setup.directory = said(65_001);
    assert!(
        tell(&setup, &[])
            .to_string()
            .contains("postern entra test anna@contoso.example")
    );
    let mut blocked = attempt(Reason::BlockedByPolicy);
    blocked.directory = said(53_003);
    assert!(tell(&blocked, &[]).to_string().contains("correlation ID 7f1c9e0a"));
}

#[test]
fn one_line_for_the_log() {
    let mut wrong = attempt(Reason::WrongPassword);
    wrong.directory = said(50_126);
    wrong.count = 3;
    assert_eq!(
        line(&wrong),
        "2026-09-21T10:31:09Z Access-Reject to anna@contoso.example through vpn1 from 203.0.113.7: Entra ID says that user name \
         or password is wrong (AADSTS50126) x3"
    );
    let mut right = spender(0);
    right.directory = said(50_076);
    assert!(line(&right).ends_with("Let in: password right at Entra ID; code right (AADSTS50076)"));
    let mut stranger = attempt(Reason::UnknownClient);
    stranger.name.clear();
    stranger.client_name.clear();
    stranger.station.clear();
    assert!(line(&stranger).starts_with("2026-09-21T10:31:09Z no answer through 192.0.2.9: A request came"));
    assert_eq!(outcome(&stranger.reason), Outcome::Silent);
}

#[test]
fn a_moment_beyond_the_calendar_does_no_harm() {
    assert_eq!(
        format_time(Timestamp(u64::MAX), &TimeZone::UTC, "%H:%M"),
        format!("{} ms", u64::MAX)
    );
    let far = attempt(Reason::CodeUsed {
        mark: MARK,
        step: u64::MAX,
    });
    assert!(!tell(&far, &[]).what.is_empty());
}

#[test]
fn r9_a_refusal_sent_again_points_to_the_first() {
    let mut again = attempt(Reason::SentAgain {
        first_at: Timestamp(AT.0 - 5_000),
    });
    assert!(tell(&again, &[]).to_string().contains("nothing is lost"));
    again.outcome = Outcome::Reject;
    let told = tell(&again, &[]).to_string();
    assert!(
        told.contains("login of 10:31:04 again after 5 s") && told.contains("the reason stands at the first"),
        "{told}"
    );
}

#[test]
fn r12_an_override_is_told_with_how_to_undo_it() {
    let mut refused = attempt(Reason::RefusedByOverride);
    refused.directory = said(50_158);
    assert_eq!(
        tell(&refused, &[]).todo.unwrap(),
        "to undo it, run: postern entra set --domain contoso.example --override 50158=default"
    );
}

#[test]
fn commands_of_advice_are_whole() {
    let reason = Reason::DirectoryUnavailable {
        trouble: crate::audit::DirectoryTrouble::Certificate,
    };
    let told = alone(reason).todo.unwrap();
    assert!(
        told.contains("postern entra set --domain contoso.example --ca-file FILE"),
        "{told}"
    );
    for reason in all() {
        let told = alone(reason).to_string();
        for rest in told.split("postern entra set ").skip(1) {
            assert!(rest.starts_with("--domain "), "{told}");
        }
    }
}
