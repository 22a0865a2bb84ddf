//! What an operator's name and password may be. In: what was typed; out: nothing, or one line that says what is wrong. The console
//! calls it as somebody types, posternd because its word is what counts. Pure; no rules of composition, since length is what helps.

/// The shortest password of an operator, in characters.
pub const PASSWORD_MIN: usize = 12;
/// The longest, in bytes.
pub const PASSWORD_MAX: usize = 120;
/// The shortest and the longest name of an operator.
pub const NAME_RANGE: (usize, usize) = (2, 32);

/// Fewer different characters than this make no password, however long.
const DIFFERENT_MIN: usize = 5;

/// Words that stand in every guesser's list, in letters only. A password made of nothing but these, digits and signs is refused.
const USUAL: [&str; 58] = [
    "abc",
    "access",
    "admin",
    "administrator",
    "august",
    "autumn",
    "azerty",
    "box",
    "changeme",
    "company",
    "console",
    "contoso",
    "default",
    "door",
    "dragon",
    "entra",
    "fall",
    "football",
    "geheim",
    "gateway",
    "guest",
    "hallo",
    "hello",
    "helpdesk",
    "herbst",
    "iloveyou",
    "installer",
    "kennwort",
    "letmein",
    "login",
    "master",
    "microsoft",
    "monkey",
    "office",
    "operator",
    "pass",
    "passwd",
    "passwort",
    "password",
    "please",
    "postern",
    "princess",
    "qwertz",
    "qwerty",
    "radius",
    "root",
    "secret",
    "secure",
    "server",
    "sommer",
    "spring",
    "summer",
    "system",
    "test",
    "user",
    "vpn",
    "welcome",
    "winter",
];

/// Keys that stand in a row, on a keyboard or in the alphabet.
const RUNS: [&str; 18] = [
    "abcdefghijklmnopqrstuvwxyz",
    "01234567890",
    "qwertyuiop",
    "qwertzuiop",
    "azertyuiop",
    "asdfghjkl",
    "qsdfghjklm",
    "zxcvbnm",
    "yxcvbnm",
    "wxcvbn",
    "1qaz",
    "2wsx",
    "3edc",
    "4rfv",
    "5tgb",
    "6yhn",
    "7ujm",
    "8ik",
];

/// Whether this can be an operator's name: 2 to 32 of `a-z 0-9 . _ -`, beginning with a letter.
///
/// # Errors
/// One line: what a name is.
pub fn name(name: &str) -> Result<(), &'static str> {
    let (least, most) = NAME_RANGE;
    let sound = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'.' | b'_' | b'-');
    let begins = name.bytes().next().is_some_and(|b| b.is_ascii_lowercase());
    if begins && (least..=most).contains(&name.len()) && name.bytes().all(sound) {
        Ok(())
    } else {
        Err("an operator's name is 2 to 32 of a-z 0-9 . _ - and begins with a letter")
    }
}

/// Whether this can be the password of the operator of that name.
///
/// # Errors
/// One line: what is wrong with it.
pub fn password(operator: &str, password: &str) -> Result<(), &'static str> {
    if password.chars().count() < PASSWORD_MIN {
        return Err("the password is shorter than 12 characters: take a longer one, such as four words");
    }
    if password.len() > PASSWORD_MAX {
        return Err("the password is longer than 120 bytes: take a shorter one");
    }
    if password.chars().any(char::is_control) {
        return Err("the password holds a control character: leave it out");
    }
    let lower = password.to_lowercase();
    let different: std::collections::BTreeSet<char> = lower.chars().collect();
    if different.len() < DIFFERENT_MIN {
        return Err("the password repeats a few characters: anybody would try that");
    }
    if is_run(&lower) {
        return Err("the password is a row of keys or letters: anybody would try that");
    }
    let own = letters(&operator.to_lowercase(), |c| c);
    if is_made_of_usual(&lower, &own) {
        return Err("the password is made of words that anybody would try first: add words of your own");
    }
    Ok(())
}

/// Whether most steps from one character to the next stay where they are or go along a row of keys.
fn is_run(lower: &str) -> bool {
    let chars: Vec<char> = lower.chars().collect();
    let along = |(a, b): &(&char, &char)| {
        let row = |row: &&str| {
            let pairs = row.chars().zip(row.chars().skip(1));
            pairs
                .into_iter()
                .any(|(x, y)| (x, y) == (**a, **b) || (y, x) == (**a, **b))
        };
        a == b || RUNS.iter().any(row)
    };
    let steps = chars.iter().zip(chars.iter().skip(1));
    let on_a_row = steps.filter(along).count();
    on_a_row * 3 >= chars.len().saturating_sub(1) * 2
}

/// Whether nothing is left when usual words, the operator's name, digits and signs are taken away; also where digits and signs
/// stand for letters.
fn is_made_of_usual(lower: &str, own: &str) -> bool {
    let trimmed = lower.trim_end_matches(|c: char| !c.is_alphabetic());
    [
        letters(lower, |c| c),
        letters(lower, look_alike),
        letters(trimmed, look_alike),
    ]
    .iter()
    .any(|text| is_words(text, own))
}

/// The letters of a text, after each character was seen through `as_seen`.
fn letters(text: &str, as_seen: fn(char) -> char) -> String {
    text.chars().map(as_seen).filter(|c| c.is_alphabetic()).collect()
}

/// The letter that a digit or a sign stands for.
fn look_alike(c: char) -> char {
    match c {
        '0' => 'o',
        '1' | '!' => 'i',
        '3' => 'e',
        '4' | '@' => 'a',
        '5' | '$' => 's',
        '7' => 't',
        other => other,
    }
}

/// Whether a text is one usual word after the other; so is no text at all.
fn is_words(text: &str, own: &str) -> bool {
    let bytes = text.as_bytes();
    // Where a word may begin.
    let mut begins = vec![false; bytes.len() + 1];
    if let Some(first) = begins.first_mut() {
        *first = true;
    }
    for at in 0..=bytes.len() {
        if !begins.get(at).copied().unwrap_or(false) {
            continue;
        }
        let rest = bytes.get(at..).unwrap_or_default();
        for word in USUAL.iter().copied().chain((own.len() > 1).then_some(own)) {
            if rest.starts_with(word.as_bytes())
                && let Some(end) = begins.get_mut(at + word.len())
            {
                *end = true;
            }
        }
    }
    begins.last().copied().unwrap_or(false)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
mod tests {
    use super::*;

    #[test]
    fn r24_what_anybody_would_try_is_no_password() {
        for (bad, why) in [
            ("", "shorter"),
            ("Summer2026!", "shorter"),
            ("ääääääääääö", "shorter"),
            ("aaaaaaaaaaaaaaaa", "repeats"),
            ("abababababab", "repeats"),
            ("123412341234", "repeats"),
            ("qwertyuiop12", "row"),
            ("1qaz2wsx3edc", "row"),
            ("abcdefghijklmnop", "row"),
            ("987654321098765", "row"),
            ("asdfghjklasdfghjkl", "row"),
            ("password2026", "words"),
            ("P@ssw0rd2026!", "words"),
            ("Postern-Admin-2026", "words"),
            ("annaannaanna1", "repeats"),
            ("anna-helpdesk-1", "words"),
            ("Anna.Meier.2026", "words"),
            ("letmeinletmein", "words"),
            ("password\tpassword", "control"),
            ("202620252024!.,", "words"),
        ] {
            let name = if bad.starts_with("Anna.") { "anna.meier" } else { "anna" };
            let line = password(name, bad).expect_err(bad);
            assert!(line.contains(why), "{bad}: {line}");
        }
        assert!(
            password("anna", &"lorem ipsum ".repeat(11))
                .unwrap_err()
                .contains("longer")
        );
        for good in [
            "correct horse battery",
            "gruen-tisch-lampe",
            "Xk7-Wq2-Lp9-Zr4",
            "anna and the blue door",
            "\u{44f}\u{431}\u{43b}\u{43e}\u{43a}\u{43e} \u{438} \u{433}\u{440}\u{443}\u{448}\u{430}",
        ] {
            assert_eq!(password("anna", good), Ok(()), "{good}");
        }
    }

    #[test]
    fn names_are_plain() {
        for good in ["an", "anna.meier", "a-1_b", &"a".repeat(32)] {
            assert_eq!(name(good), Ok(()), "{good}");
        }
        for bad in [
            "",
            "a",
            "Anna",
            "1anna",
            "-a",
            "anna meier",
            "\u{e4}nna",
            "anna@contoso.example",
            &"a".repeat(33),
        ] {
            assert!(name(bad).is_err(), "{bad}");
        }
    }
}
