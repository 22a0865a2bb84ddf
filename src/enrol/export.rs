//! What leaves the box as a token file (R25). In: rows as posternd answers them, the kind of file, how it is protected; out: the
//! file's bytes, wiped, and what to say of it. It asks nobody and opens nothing: the command line and the console both go by it.

use serde::Serialize;
use zeroize::Zeroizing;

use super::azure_write;
use super::pskc::write::{self, Protection};
use super::rows::{Kind, Row};
use crate::control::{ExportRow, OtpParameters};
use crate::text::shown;

/// Who makes every token that the box can program.
const MAKER: &str = "Token2";

/// What kind of file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// Azure MFA's CSV, in clear: Entra takes nothing else.
    AzureCsv,
    /// RFC 6030.
    Pskc(Protection),
}

impl Target {
    /// Its name on the command line.
    pub fn word(&self) -> &'static str {
        match self {
            Self::AzureCsv => "azure-csv",
            Self::Pskc(_) => "pskc",
        }
    }

    /// Whether whoever has the file has the seeds.
    pub fn is_clear(&self) -> bool {
        matches!(self, Self::AzureCsv | Self::Pskc(Protection::Plain))
    }
}

/// What is said of a file that was made; the document of `postern export --json`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Made {
    /// Where it lies, shown text.
    pub file: String,
    /// Its kind, as on the command line.
    pub format: String,
    /// How many tokens are in it.
    pub tokens: usize,
    /// The tokens that are not in it, one line each.
    pub left_out: Vec<String>,
    /// What to know, one line each.
    pub warnings: Vec<String>,
}

/// Makes the file. `random` fills bytes that nobody can guess.
///
/// # Errors
/// One line: there is nothing to write, or the key has another length.
pub fn make(
    rows: Vec<ExportRow>,
    target: &Target,
    random: &mut dyn FnMut(&mut [u8]),
) -> Result<(Zeroizing<String>, Made), String> {
    let rows: Vec<Row> = (1..).zip(rows).map(|(number, row)| row_of(number, row)).collect();
    let (text, tokens, left_out, mut warnings) = match target {
        Target::AzureCsv => {
            let written = azure_write::write(&rows);
            (written.text, written.tokens, written.left_out, written.warnings)
        }
        Target::Pskc(protection) => (
            write::write(&rows, protection, random)?,
            rows.len(),
            Vec::new(),
            Vec::new(),
        ),
    };
    if tokens == 0 {
        return Err(match left_out.first() {
            Some(line) => format!("there is no token that such a file can hold ({line}): take --format pskc"),
            None => "there is nothing to export: no token that this box programmed is in use".to_owned(),
        });
    }
    if target.is_clear() {
        warnings.push("whoever has the file can make every code: take it where it belongs, then destroy it".to_owned());
    }
    let made = Made {
        file: String::new(),
        format: target.word().to_owned(),
        tokens,
        left_out,
        warnings,
    };
    Ok((text, made))
}

/// A token that has several profiles is a token of its own for each: other systems know no profiles, and want each serial number once.
fn row_of(line: u64, row: ExportRow) -> Row {
    let kind = match row.parameters {
        OtpParameters::Totp(parameters) => Kind::Totp {
            period: parameters.period,
        },
        OtpParameters::Hotp(_) => Kind::Hotp { counter: row.counter },
    };
    let model = row.model.trim();
    let model = model.strip_prefix(MAKER).map_or(model, str::trim_start);
    Row {
        line,
        user: row.user,
        serial: match row.profile {
            None => row.serial,
            Some(profile) => format!("{}-{profile}", row.serial),
        },
        kind,
        algorithm: Some(row.parameters.algorithm()),
        digits: Some(row.parameters.digits()),
        seed: row.seed,
        manufacturer: MAKER.to_owned(),
        model: if model.is_empty() {
            "token".to_owned()
        } else {
            shown(model)
        },
        note: None,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
mod tests {
    use super::*;
    use crate::control::{HotpParameters, Timestamp, TokenId, TotpParameters};
    use crate::enrol::token_file::{Keys, read};
    use crate::secret::Secret;

    fn row(number: u8, profile: Option<u8>) -> ExportRow {
        ExportRow {
            id: TokenId(u64::from(number)),
            user: format!("u{number}@contoso.example"),
            serial: "8659612000001".to_owned(),
            profile,
            model: "Token2 Molto-2".to_owned(),
            parameters: OtpParameters::default(),
            counter: 0,
            seed: Secret::new(vec![number; 20]),
        }
    }

    fn random() -> impl FnMut(&mut [u8]) {
        let mut next = 0_u8;
        move |bytes| {
            for byte in bytes {
                next = next.wrapping_add(1);
                *byte = next;
            }
        }
    }

    #[test]
    fn each_profile_is_a_token_of_its_own() {
        for target in [Target::AzureCsv, Target::Pskc(Protection::Plain)] {
            let rows = vec![row(1, Some(0)), row(2, Some(17)), row(3, None)];
            let (text, made) = make(rows, &target, &mut random()).unwrap();
            assert_eq!((made.tokens, made.format.as_str()), (3, target.word()));
            assert!(made.warnings[0].contains("every code"), "{made:?}");
            let file = read(text.as_bytes(), None, &Keys::None, Timestamp(0)).unwrap();
            assert_eq!(file.bad, []);
            let serials: Vec<&str> = file.rows.iter().map(|row| row.serial.as_str()).collect();
            assert_eq!(serials, ["8659612000001-0", "8659612000001-17", "8659612000001"]);
            assert!(
                file.rows
                    .iter()
                    .all(|row| (row.manufacturer.as_str(), row.model.as_str()) == ("Token2", "Molto-2"))
            );
        }
    }

    #[test]
    fn an_empty_file_is_not_made() {
        let none = make(Vec::new(), &Target::AzureCsv, &mut random()).unwrap_err();
        assert!(none.contains("nothing to export"), "{none}");
        let eight = ExportRow {
            parameters: TotpParameters {
                digits: 8,
                ..TotpParameters::default()
            }
            .into(),
            ..row(1, None)
        };
        let none = make(vec![eight], &Target::AzureCsv, &mut random()).unwrap_err();
        assert!(none.contains("6 digits") && none.contains("--format pskc"), "{none}");
    }

    #[test]
    fn a_sealed_file_gives_no_warning_and_opens_with_its_passphrase_alone() {
        let hotp = ExportRow {
            parameters: OtpParameters::Hotp(HotpParameters {
                algorithm: crate::control::Algorithm::Sha256,
                digits: 8,
            }),
            counter: 77,
            ..row(2, None)
        };
        let rows = vec![row(1, Some(1)), hotp];
        let target = Target::Pskc(Protection::Passphrase("three tall ladders".into(), 1_000));
        let (text, made) = make(rows, &target, &mut random()).unwrap();
        assert_eq!((made.tokens, made.warnings.len()), (2, 0));
        let open = |keys| read(text.as_bytes(), None, &keys, Timestamp(0));
        let file = open(Keys::Passphrase("three tall ladders".into())).unwrap();
        assert_eq!(
            (&file.bad, file.rows[1].kind),
            (&Vec::new(), Kind::Hotp { counter: 77 })
        );
        assert_eq!(
            (file.rows[1].algorithm, file.rows[1].digits),
            (Some(crate::control::Algorithm::Sha256), Some(8))
        );
        assert_eq!(file.rows[0].seed.expose(), [1; 20]);
        assert!(open(Keys::Passphrase("three tall ladder".into())).is_err());
        assert!(open(Keys::None).is_err());
    }
}
