//! Plain words for `entra prove` and `entra test`. In: answers; out: whether a tenant is proven (R13), and sentences for the
//! operator. It sends nothing: the caller asks, first with the right password, then with [`wrong_password`].

use super::answer::Answer;
use super::decide::{Outcome, Standing, decide};
use super::table::{self, Cause, Verdict, WRONG_PASSWORD};
use super::trouble::Trouble;
use crate::secret::Secret;
use crate::store::records::Tenant;

/// A tenant showed that it checks the password before it asks for the second factor. Only [`prove`] makes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Proven(());

/// Random bytes that [`wrong_password`] wants, and characters that it makes.
pub const WRONG_LENGTH: usize = 24;

/// The deliberately wrong password: letters and digits of `random`, none of which anybody has.
pub fn wrong_password(random: &[u8; WRONG_LENGTH]) -> Secret {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let letter = |byte: &u8| LETTERS.get(usize::from(byte & 63)).copied().unwrap_or(b'A');
    Secret::new(random.iter().map(letter).collect())
}

/// Whether the answer to the right password is what the proof needs. Where it is not, there is no reason to send the wrong one,
/// which would count at the directory's smart lockout.
///
/// # Errors
/// What came, what it means and what to do, a sentence each.
pub fn check_right(answer: &Answer) -> Result<(), Vec<String>> {
    let advice = match answer.verdict {
        Verdict::Continue => return Ok(()),
        Verdict::Token => {
            "No second factor is enforced for this user, so nothing shows that the password is checked before it. Require MFA for \
             this application (Conditional Access) and register the user, or prove with another user who has MFA."
        }
        Verdict::NotRegistered => {
            "This user has not registered for MFA yet. Register the user at https://aka.ms/mfasetup, or prove with a user who has."
        }
        Verdict::External => {
            "This user's second factor is a third party's. Prove with a user whose second factor is Microsoft's own, or switch \
             Entra on unproven with --enable."
        }
        Verdict::Refuse(Cause::WrongPassword) => {
            "That password is wrong, or the user is a federated one (AD FS), whose password Entra cannot check. Type it again."
        }
        Verdict::Refuse(Cause::UnknownUser) => {
            "Entra does not know this user, or stores no password. Check the name's spelling."
        }
        Verdict::Refuse(Cause::Locked) => {
            "Nothing can be proven while the account is locked. Wait, or take another user."
        }
        Verdict::Refuse(Cause::PasswordExpired) => "Let the user change the password first, then prove again.",
        Verdict::Refuse(_) => "Prove with a user who may log in.",
        Verdict::Configuration => "Correct that in Entra or with `postern entra set`, then prove again.",
        Verdict::BackOff => "Wait a minute, then prove again.",
        Verdict::Unavailable => "Nothing can be proven while Entra gives no answer. Try again once it does.",
    };
    Err(explained("the right password", answer, advice))
}

/// Whether the answer to the wrong password is what the proof needs: 50126 itself.
///
/// # Errors
/// As [`check_right`].
pub fn check_wrong(answer: &Answer) -> Result<(), Vec<String>> {
    let advice = match answer.verdict {
        Verdict::Refuse(Cause::WrongPassword) if answer.has(WRONG_PASSWORD) => return Ok(()),
        Verdict::Token | Verdict::Continue | Verdict::NotRegistered | Verdict::External => {
            "A wrong password was answered as if it were right: this tenant does not check the password first. Entra must stay off \
             here, or anybody would pass with a code alone."
        }
        Verdict::Refuse(Cause::Locked) => {
            "The account is locked, so its answer proves nothing. Wait until it is free, or take another user."
        }
        Verdict::Refuse(_) | Verdict::Configuration => {
            "Only 50126 (wrong user name or password) proves that a wrong password is told from a right one."
        }
        Verdict::BackOff => "Wait a minute, then prove again.",
        Verdict::Unavailable => "Entra gave no answer to the wrong password. Try again once it does.",
    };
    Err(explained("the wrong password", answer, advice))
}

/// Judges both answers (R13).
///
/// # Errors
/// The reasons why Entra stays off, a sentence each.
pub fn prove(right: &Answer, wrong: &Answer) -> Result<Proven, Vec<String>> {
    check_right(right)?;
    check_wrong(wrong)?;
    Ok(Proven(()))
}

fn explained(what: &str, answer: &Answer, advice: &str) -> Vec<String> {
    let mut lines = vec![format!("To {what}, {}", said(answer))];
    lines.extend(fix(answer).map(|fix| format!("To do: {fix}.")));
    lines.push(advice.to_owned());
    lines.push("Entra stays off for this tenant.".to_owned());
    lines
}

/// What the directory answered, whether the password was right, what a login would do, and what to do about it: a sentence each.
pub fn words(answer: &Answer, tenant: &Tenant) -> Vec<String> {
    let mut lines = vec![capital(&said(answer))];
    if let Some(correlation) = &answer.correlation {
        lines.push(format!(
            "Correlation ID (find it in Entra's sign-in log): {correlation}"
        ));
    }
    let password = match (answer.verdict, answer.code) {
        (Verdict::Token, _) => Some(table::Password::Right),
        (Verdict::Unavailable, _) | (_, None) => None,
        (_, Some(code)) => Some(table::row(code).map_or(table::Password::Unknown, |row| row.password)),
    };
    lines.extend(password.map(|password| format!("{}.", capital(password.words()))));
    if answer.overridden {
        lines.push("An override of this tenant changed what the code means here.".to_owned());
    }
    lines.extend(
        answer
            .unlisted
            .iter()
            .map(|code| format!("AADSTS{code} is not in the table: look it up in Microsoft's list of sign-in codes.")),
    );
    lines.push(match decide(answer, tenant, Standing::Known) {
        Outcome::PasswordRight => "A login of an enrolled user would pass this factor.".to_owned(),
        Outcome::Refused(reason) => format!("A login would be refused: {}.", reason.words()),
        Outcome::Configuration => {
            "Every login would be refused, and an alarm stands, until the set-up is corrected.".to_owned()
        }
        Outcome::BackOff => "A login would be refused, and this user is not asked for again for a minute.".to_owned(),
        Outcome::Unavailable => {
            "A login would be refused, or not answered, as the client's --unavailable says.".to_owned()
        }
    });
    match (answer.verdict, decide(answer, tenant, Standing::Unmatched)) {
        (_, Outcome::PasswordRight) => lines.push(
            "A user who is not enrolled here would pass by this alone, where a client says --unmatched-users password-only.".to_owned(),
        ),
        (Verdict::Continue, _) => lines.push("A user who is not enrolled here would be refused.".to_owned()),
        _ => {}
    }
    lines.extend(fix(answer).map(|fix| format!("To do: {fix}.")));
    lines
}

fn said(answer: &Answer) -> String {
    match (&answer.trouble, answer.code) {
        (Some(trouble), Some(code)) => format!("Entra gave no usable answer: {trouble}, with AADSTS{code}."),
        (Some(trouble), None) => format!("Entra gave no usable answer: {trouble}."),
        (None, Some(code)) => {
            let meaning = table::row(code).map_or("a code this box does not know", |row| row.meaning);
            format!("Entra answered AADSTS{code}: {meaning}.")
        }
        (None, None) if answer.verdict == Verdict::Token => "Entra answered with a token.".to_owned(),
        (None, None) => "Entra answered with a code that is no number.".to_owned(),
    }
}

fn fix(answer: &Answer) -> Option<&'static str> {
    match (&answer.trouble, answer.code) {
        (Some(Trouble::Timeout | Trouble::Dns | Trouble::Refused | Trouble::Unreachable), _) => {
            Some("check this box's network, DNS, firewall and proxy: it must reach the authority on its port (443)")
        }
        (None, Some(code)) => table::row(code).and_then(|row| row.fix),
        _ => None,
    }
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars
        .next()
        .map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
mod tests {
    use super::super::decide::tests::{answer, sample};
    use super::super::table::rows;
    use super::*;

    fn coded(code: u32) -> Answer {
        let verdict = table::row(code).map_or(Verdict::Refuse(Cause::Unlisted), |row| row.verdict);
        answer(verdict, Some(code))
    }

    fn why(right: &Answer, wrong: &Answer) -> String {
        prove(right, wrong).unwrap_err().join("\n")
    }

    #[test]
    fn r13_right_must_continue_and_wrong_must_be_50126() {
        assert!(prove(&coded(50076), &coded(50126)).is_ok());
        assert!(prove(&coded(50074), &coded(50126)).is_ok());
        for row in rows() {
            let good = [50076, 50074].contains(&row.code);
            assert_eq!(prove(&coded(row.code), &coded(50126)).is_ok(), good, "{}", row.code);
            assert_eq!(
                prove(&coded(50076), &coded(row.code)).is_ok(),
                row.code == 50126,
                "{}",
                row.code
            );
        }
        let token = answer(Verdict::Token, None);
        assert!(prove(&token, &coded(50126)).is_err());
        assert!(prove(&coded(50076), &token).is_err());
        let none = Answer::none(Trouble::Timeout);
        assert!(prove(&none, &coded(50126)).is_err());
        assert!(prove(&coded(50076), &none).is_err());
        let both = Answer {
            codes: vec![70002, 50126],
            ..coded(50126)
        };
        assert!(prove(&coded(50076), &both).is_ok());
    }

    #[test]
    fn r13_each_failure_says_what_and_what_to_do() {
        let ok = coded(50126);
        assert!(why(&coded(50126), &ok).contains("That password is wrong"));
        assert!(why(&coded(50126), &ok).contains("federated"));
        assert!(why(&answer(Verdict::Token, None), &ok).contains("Require MFA"));
        assert!(why(&coded(7_000_218), &ok).contains("Allow public client flows"));
        assert!(why(&coded(50079), &ok).contains("not registered for MFA"));
        assert!(why(&coded(50034), &ok).contains("does not know this user"));
        assert!(why(&Answer::none(Trouble::Dns), &ok).contains("DNS"));
        assert!(why(&coded(1_234_567), &ok).contains("AADSTS1234567"));
        for right in [coded(50126), coded(65001), coded(90033), answer(Verdict::Token, None)] {
            let lines = prove(&right, &ok).unwrap_err();
            assert!(lines[0].starts_with("To the right password, "));
            assert!(lines.last().unwrap().contains("stays off"));
        }
        let wrong = why(&coded(50076), &coded(50076));
        assert!(wrong.contains("does not check the password first") && wrong.starts_with("To the wrong password, "));
        assert!(why(&coded(50076), &coded(50064)).contains("Only 50126"));
        assert!(why(&coded(50076), &coded(50053)).contains("locked"));
    }

    #[test]
    fn r13_the_wrong_password_is_random_text() {
        let all: [u8; WRONG_LENGTH] = std::array::from_fn(|i| (i * 11) as u8);
        let made = wrong_password(&all);
        let text = made.expose_str().unwrap();
        assert_eq!(text.len(), 24);
        assert!(
            text.bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
        );
        assert_ne!(made, wrong_password(&[7; WRONG_LENGTH]));
    }

    #[test]
    fn r12_entra_test_tells_what_a_login_would_do() {
        let text = |answer: &Answer| words(answer, &sample()).join("\n");
        let go_on = Answer {
            correlation: Some("0a1b2c3d-0000-4000-8000-00000000000f".into()),
            ..coded(50076)
        };
        assert_eq!(
            text(&go_on),
            "Entra answered AADSTS50076: multi-factor authentication is required.\n\
             Correlation ID (find it in Entra's sign-in log): 0a1b2c3d-0000-4000-8000-00000000000f\n\
             The password was right.\n\
             A login of an enrolled user would pass this factor.\n\
             A user who is not enrolled here would be refused."
        );
        let token = text(&answer(Verdict::Token, None));
        assert!(token.contains("Entra answered with a token.") && token.contains("--allow-without-mfa yes"));
        assert!(token.contains("password-only"));
        let flows = text(&coded(7_000_218));
        assert!(flows.contains("was not checked") && flows.contains("To do: \"Allow public client flows\" is off"));
        let unlisted = Answer {
            unlisted: vec![1_234_567],
            ..coded(1_234_567)
        };
        assert!(text(&unlisted).contains("AADSTS1234567 is not in the table"));
        let down = text(&Answer::none(Trouble::Timeout));
        assert!(down.contains("no answer in time") && !down.contains("password was"));
        for row in rows() {
            assert!(text(&coded(row.code)).contains("login"), "{}", row.code);
        }
    }
}
