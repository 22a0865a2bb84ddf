//! A token file as Azure MFA takes it (facts: entra). In: rows; out: its text, wiped, and the rows that it cannot hold, each with its
//! reason. The form has no column for hash, digits or counter: what is not SHA-1 with 6 digits by the time would make wrong codes
//! there without a word, so it is left out.

use zeroize::Zeroizing;

use super::base32;
use super::rows::{Kind, Row};
use super::wiped::Wiped;
use crate::control::Algorithm;
use crate::text::shown;

/// The header as Entra wants it.
const HEADER: &str = "upn,serial number,secret key,time interval,manufacturer,model\r\n";
/// About what a line takes, so that the text seldom outgrows its memory.
const ROW_BYTES: usize = 300;

/// A file.
#[derive(Debug)]
pub struct Written {
    /// Its text.
    pub text: Zeroizing<String>,
    /// How many tokens are in it.
    pub tokens: usize,
    /// The tokens that are not, one line each.
    pub left_out: Vec<String>,
    /// What to know of those that are, one line each.
    pub warnings: Vec<String>,
}

/// Writes a file.
pub fn write(rows: &[Row]) -> Written {
    let mut out = Wiped::with_capacity(ROW_BYTES.saturating_mul(rows.len()).saturating_add(HEADER.len()));
    out.push_str(HEADER);
    let (mut tokens, mut left_out, mut nameless) = (0, Vec::new(), 0_usize);
    for row in rows {
        let interval = match interval(row) {
            Ok(interval) => interval,
            Err(reason) => {
                left_out.push(format!("{} of {}: {reason}", shown(&row.serial), shown(&row.user)));
                continue;
            }
        };
        nameless += usize::from(!row.user.contains('@'));
        let key = base32::encode(&row.seed);
        for (text, end) in [
            (row.user.as_str(), ','),
            (row.serial.as_str(), ','),
            (key.as_str(), ','),
            (interval, ','),
            (row.manufacturer.as_str(), ','),
            (row.model.as_str(), '\r'),
        ] {
            field(&mut out, text);
            out.push(end);
        }
        out.push('\n');
        tokens += 1;
    }
    let mut warnings = Vec::new();
    if nameless > 0 {
        warnings.push(format!(
            "{nameless} of the users have a name without a domain, which Entra does not know: write their upn into the file"
        ));
    }
    Written {
        text: out.into_inner(),
        tokens,
        left_out,
        warnings,
    }
}

/// The interval of a token that Entra can take.
fn interval(row: &Row) -> Result<&'static str, &'static str> {
    match (row.kind, row.algorithm.unwrap_or_default(), row.digits.unwrap_or(6)) {
        (Kind::Hotp { .. }, _, _) => Err("Entra takes no counter tokens"),
        (_, Algorithm::Sha256 | Algorithm::Sha512, _) => Err("a file for Entra holds SHA-1 tokens only"),
        (Kind::Totp { period: 30 }, _, 6) => Ok("30"),
        (Kind::Totp { period: 60 }, _, 6) => Ok("60"),
        (Kind::Totp { .. }, _, _) => Err("a file for Entra holds tokens with 6 digits and 30 or 60 seconds only"),
    }
}

/// A field, quoted where it must be (RFC 4180 2).
fn field(out: &mut Wiped, text: &str) {
    if !text.contains([',', '"', '\r', '\n']) && text.trim() == text {
        return out.push_str(text);
    }
    out.push('"');
    out.push_str(&text.replace('"', "\"\""));
    out.push('"');
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
mod tests {
    use super::*;
    use crate::control::Timestamp;
    use crate::enrol::token_file::{Keys, read};
    use crate::secret::Secret;
    use proptest::prelude::*;

    fn row(number: u8) -> Row {
        Row {
            line: u64::from(number),
            user: format!("u{number}@contoso.example"),
            serial: format!("S{number}"),
            seed: Secret::new(vec![number; 20]),
            kind: Kind::Totp { period: 30 },
            algorithm: Some(Algorithm::Sha1),
            digits: Some(6),
            manufacturer: "Token2".to_owned(),
            model: "OTPC-P1-i".to_owned(),
            note: None,
        }
    }

    #[test]
    fn the_file_is_as_entra_wants_it() {
        let written = write(&[row(1)]);
        assert_eq!(
            written.text.as_str(),
            "upn,serial number,secret key,time interval,manufacturer,model\r\n\
             u1@contoso.example,S1,AEAQCAIBAEAQCAIBAEAQCAIBAEAQCAIB,30,Token2,OTPC-P1-i\r\n"
        );
        assert_eq!(
            (written.tokens, written.left_out.len(), written.warnings.len()),
            (1, 0, 0)
        );
    }

    #[test]
    fn what_the_form_cannot_say_is_left_out_and_named() {
        let others = [
            Row {
                kind: Kind::Hotp { counter: 3 },
                ..row(1)
            },
            Row {
                algorithm: Some(Algorithm::Sha256),
                ..row(2)
            },
            Row {
                digits: Some(8),
                ..row(3)
            },
            Row {
                kind: Kind::Totp { period: 60 },
                ..row(4)
            },
            Row {
                user: "break-glass".to_owned(),
                ..row(5)
            },
        ];
        let written = write(&others);
        assert_eq!((written.tokens, written.text.lines().count()), (2, 3));
        for (line, words) in written
            .left_out
            .iter()
            .zip(["S1 of u1@contoso.example: Entra", "SHA-1", "6 digits"])
        {
            assert!(line.contains(words), "{line}");
        }
        assert_eq!(written.left_out.len(), 3);
        assert!(
            written.warnings[0].starts_with("1 of the users"),
            "{:?}",
            written.warnings
        );
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(maker in "[A-Za-z,;\" ]{0,20}", model in "[A-Za-z,;\"]{0,20}", period in 1_u8..3) {
            let mut wanted = row(7);
            (wanted.manufacturer, wanted.model) = (maker.trim().to_owned(), model);
            wanted.kind = Kind::Totp { period: 30 * period };
            let written = write(&[wanted.clone(), row(8)]);
            let file = read(written.text.as_bytes(), None, &Keys::None, Timestamp(0)).unwrap();
            prop_assert_eq!(&file.bad, &vec![]);
            let found = Row { line: 7, algorithm: wanted.algorithm, digits: wanted.digits, ..file.rows[0].clone() };
            prop_assert_eq!(found, wanted);
        }
    }
}
