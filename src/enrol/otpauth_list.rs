//! A text file with an `otpauth` URI on each line (facts: entra), as authenticators and other servers give them out. In: the text of
//! a file; out: rows, and the lines that are wrong. What a URI leaves out has a value that everybody knows: SHA-1, 6 digits, 30 s.
//! The account of its label is the user. Lines that are empty or begin with `#` are nothing.

use std::str::FromStr;

use zeroize::Zeroizing;

use super::base32;
use super::rows::{Collector, FileError, Kind, Place, Row, TokenFile, period, user_name};
use super::token_file::lines;
use crate::control::Algorithm;
use crate::text::shown;

/// Most bytes of a line.
const LINE_MAX: usize = 4096;
/// Before every URI.
const SCHEME: &str = "otpauth://";

/// Reads the text of a file, UTF-8 without a mark.
///
/// # Errors
/// [`FileError`] where nothing may be taken; a bad line is no error.
pub(super) fn parse(text: &[u8]) -> Result<TokenFile, FileError> {
    let mut found = Collector::new(Place::Line);
    for (number, line) in lines(text) {
        let line = line.trim_ascii();
        if line.is_empty() || line.starts_with(b"#") {
            continue;
        }
        let row = match std::str::from_utf8(line) {
            _ if line.len() > LINE_MAX => Err("the line is longer than 4,096 bytes".to_owned()),
            Err(_) => Err("the line is not UTF-8".to_owned()),
            Ok(line) => row(number, line),
        };
        found.take(number, row)?;
    }
    Ok(found.done())
}

/// The parameters of a URI, each at most once.
#[derive(Default)]
struct Query {
    secret: Option<Zeroizing<String>>,
    algorithm: Option<Zeroizing<String>>,
    digits: Option<Zeroizing<String>>,
    period: Option<Zeroizing<String>>,
    counter: Option<Zeroizing<String>>,
}

impl Query {
    fn parse(text: &str) -> Result<Self, String> {
        let mut query = Self::default();
        for part in text.split('&') {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            let name = name.to_ascii_lowercase();
            let place = match name.as_str() {
                "secret" => &mut query.secret,
                "algorithm" => &mut query.algorithm,
                "digits" => &mut query.digits,
                "period" => &mut query.period,
                "counter" => &mut query.counter,
                // The issuer is the label's; pictures and colours are for an app.
                _ => continue,
            };
            if place.replace(decoded(&name, value)?).is_some() {
                return Err(format!("{name} stands there twice"));
            }
        }
        Ok(query)
    }
}

/// One line.
fn row(line: u64, text: &str) -> Result<Row, String> {
    let begins = text.get(..SCHEME.len()).is_some_and(|b| b.eq_ignore_ascii_case(SCHEME));
    let Some(rest) = text.get(SCHEME.len()..).filter(|_| begins) else {
        return Err(match text.starts_with("otpauth-migration:") {
            true => "that is an app's transfer code, which holds many tokens: export them one by one".to_owned(),
            false => "the line does not begin with otpauth://".to_owned(),
        });
    };
    let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
    // A fragment is nobody's.
    let query = Query::parse(query.split('#').next().unwrap_or_default())?;
    let (kind, label) = path.split_once('/').unwrap_or((path, ""));
    let kind = match kind.to_ascii_lowercase().as_str() {
        "totp" => Kind::Totp {
            period: match &query.period {
                None => 30,
                Some(text) => period("period", text)?,
            },
        },
        "hotp" => Kind::Hotp {
            counter: counter(query.counter.as_deref().map(String::as_str))?,
        },
        other => return Err(format!("{} is neither totp nor hotp", shown(other))),
    };
    let algorithm = match query.algorithm.as_deref().map(|text| text.to_ascii_uppercase()) {
        None => Algorithm::Sha1,
        Some(text) => algorithm(&text).ok_or_else(|| format!("the algorithm {} is not known", shown(&text)))?,
    };
    let digits = match query.digits.as_deref().map(String::as_str) {
        None | Some("6") => 6,
        Some("8") => 8,
        Some(other) => return Err(format!("a code of {} digits: it has 6 or 8", shown(other))),
    };
    // The colon between issuer and account may be encoded too, where no other one stands there.
    let (is_split, account) = label
        .split_once(':')
        .map_or((false, label), |(_, account)| (true, account));
    let account = decoded("label", account)?;
    let account = match account.split_once(':') {
        Some((_, account)) if !is_split => account,
        _ => &account,
    };
    let account = account.trim();
    if account.is_empty() {
        return Err("the label names no account: whose token it is stands there".to_owned());
    }
    user_name(account)?;
    let key = query.secret.as_deref().map_or("", String::as_str);
    Ok(Row {
        line,
        user: account.to_owned(),
        serial: String::new(),
        seed: base32::decode(key).map_err(|e| e.to_string())?,
        kind,
        algorithm: Some(algorithm),
        digits: Some(digits),
        manufacturer: String::new(),
        model: String::new(),
        note: None,
    })
}

/// The counter of the next code. Without one nobody knows how far the token is.
fn counter(text: Option<&str>) -> Result<u64, String> {
    let text = text.ok_or("there is no counter: a hotp token has one")?;
    let plain = text.bytes().all(|b| b.is_ascii_digit());
    let number = u64::from_str(text).ok().filter(|_| plain);
    number.ok_or_else(|| format!("the counter {} is no number", shown(text)))
}

/// A hash by the words that are in use.
pub(super) fn algorithm(word: &str) -> Option<Algorithm> {
    let word = word.to_ascii_uppercase();
    let word = word.strip_prefix("HMAC").unwrap_or(&word);
    match word.trim_start_matches(['-', '_']) {
        "SHA1" | "SHA-1" => Some(Algorithm::Sha1),
        "SHA256" | "SHA-256" => Some(Algorithm::Sha256),
        "SHA512" | "SHA-512" => Some(Algorithm::Sha512),
        _ => None,
    }
}

/// Percent-decoded text (RFC 3986 2.1). A plus stays one: that a blank may be written so is a rule of forms.
fn decoded(what: &str, text: &str) -> Result<Zeroizing<String>, String> {
    let mut out = Zeroizing::new(Vec::with_capacity(text.len()));
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        if *first != b'%' {
            out.push(*first);
            rest = after;
            continue;
        }
        let byte = match after {
            [high, low, ..] => hex(*high).zip(hex(*low)).map(|(high, low)| high * 16 + low),
            _ => None,
        };
        out.push(byte.ok_or_else(|| format!("the {what} has a % without two hexadecimal digits behind it"))?);
        rest = after.get(2..).unwrap_or_default();
    }
    match std::str::from_utf8(&out) {
        Ok(text) => Ok(Zeroizing::new(text.to_owned())),
        Err(_) => Err(format!("the {what} is not UTF-8")),
    }
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit)
        .to_digit(16)
        .and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
mod tests {
    use super::*;
    use crate::control::{HotpParameters, OtpParameters, Timestamp, TotpParameters};
    use crate::enrol::otpauth::Uri;
    use crate::enrol::token_file::{Keys, read};
    use crate::secret::Secret;
    use proptest::prelude::*;

    const KEY: &str = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";

    fn file(text: &str) -> TokenFile {
        read(text.as_bytes(), None, &Keys::None, Timestamp(0)).unwrap()
    }

    #[test]
    fn a_uri_is_read_with_its_defaults_and_without() {
        let found = file(&format!(
            "# from the old server\n\notpauth://totp/Contoso:anna@contoso.example?secret={KEY}&issuer=Contoso\r\n\
             OTPAUTH://HOTP/Con%20toso%3A%20b%C3%A9n%40contoso.example?counter=7&digits=8&algorithm=sha256&secret=MFRGGZDFMZTWQ2LK\n"
        ));
        assert_eq!(found.bad, []);
        let [anna, ben] = found.rows.as_slice() else {
            panic!("{found:?}")
        };
        assert_eq!((anna.line, anna.user.as_str()), (3, "anna@contoso.example"));
        assert_eq!(
            (anna.kind, anna.algorithm, anna.digits),
            (Kind::Totp { period: 30 }, Some(Algorithm::Sha1), Some(6))
        );
        assert_eq!(anna.seed.expose(), b"12345678901234567890");
        assert_eq!(ben.user, "b\u{e9}n@contoso.example");
        assert_eq!(
            (ben.kind, ben.algorithm, ben.digits),
            (Kind::Hotp { counter: 7 }, Some(Algorithm::Sha256), Some(8))
        );
    }

    #[test]
    fn bad_lines_are_named_and_lose_no_other() {
        let key = |n: u8| base32::encode(&Secret::new(vec![n; 20]));
        let uri = |n: u8, rest: &str| format!("otpauth://totp/anna?secret={}{rest}", *key(n));
        let lines = [
            (uri(1, "&period=60"), ""),
            ("otpauth-migration://offline?data=CjEK".to_owned(), "transfer code"),
            ("https://example.net/".to_owned(), "does not begin with otpauth://"),
            (uri(2, "").replace("totp", "steam"), "steam is neither"),
            (uri(3, "").replace("totp", "hotp"), "no counter"),
            (uri(4, "&counter=-1").replace("totp", "hotp"), "counter -1 is no number"),
            (uri(5, "&digits=7"), "7 digits"),
            (uri(6, "&period=45"), "45 is neither 30 nor 60"),
            (uri(7, "&algorithm=MD5"), "MD5 is not known"),
            (uri(8, "&secret=AAAA"), "secret stands there twice"),
            ("otpauth://totp/anna".to_owned(), "the key is empty"),
            ("otpauth://totp/Contoso:?secret=GEZDGNBV".to_owned(), "names no account"),
            (uri(9, "").replace("anna", "an%20na"), "has a blank"),
            (uri(9, "").replace("anna", "anna%2"), "a % without two"),
            (uri(9, "").replace("anna", "anna%FF"), "not UTF-8"),
            (uri(1, ""), "the same key is in line 1 already"),
            (uri(10, &"x".repeat(4_096)), "longer than 4,096"),
            (uri(11, "#fragment"), ""),
        ];
        let text: String = lines.iter().map(|(line, _)| format!("{line}\n")).collect();
        let found = file(&text);
        let mut bad = found.bad.iter();
        for (number, (line, reason)) in (1..).zip(&lines) {
            if reason.is_empty() {
                assert!(
                    found.rows.iter().any(|row| row.line == number),
                    "{line}: {:?}",
                    found.bad
                );
            } else {
                let bad = bad.next().unwrap();
                assert!(bad.line == number && bad.reason.contains(reason), "{line}: {bad:?}");
                assert!(!bad.reason.contains(&key(1)[..8]), "R21: {bad:?}");
            }
        }
    }

    proptest! {
        #[test]
        fn what_the_box_writes_it_reads(
            name in "[a-z.+%&?#/ä€-]{1,40}@[a-z.]{1,20}",
            digits in 0_u8..2,
            period in 1_u8..3,
            counter in proptest::option::of(any::<u64>()),
        ) {
            let (algorithm, digits) = (Algorithm::Sha512, 6 + 2 * digits);
            let (parameters, kind) = match counter {
                None => (TotpParameters { algorithm, digits, period: 30 * period }.into(), Kind::Totp { period: 30 * period }),
                Some(counter) => (OtpParameters::Hotp(HotpParameters { algorithm, digits }), Kind::Hotp { counter }),
            };
            let seed = Secret::new(vec![9; 10]);
            let uri = Uri::new("An issuer: it & its name", &name, &seed, parameters, counter.unwrap_or(0)).whole();
            let found = file(&uri);
            prop_assert_eq!(&found.bad, &vec![]);
            // A long name is cut in the URI, not here.
            prop_assert!(name.starts_with(&found.rows[0].user), "{:?}", found);
            prop_assert_eq!((found.rows[0].kind, found.rows[0].digits), (kind, Some(digits)));
        }

        #[test]
        fn any_line_loses_no_other(line in "(otpauth://)?(totp|hotp)?/?\\PC{0,80}") {
            let text = format!("otpauth://totp/anna?secret={KEY}\n{line}\notpauth://totp/ben?secret=MFRGGZDFMZTWQ2LK\n");
            let found = file(&text);
            for (number, name) in [(1, "anna"), (3, "ben")] {
                prop_assert!(found.rows.iter().any(|row| row.line == number && row.user == name), "{:?}", found.bad);
            }
        }
    }
}
