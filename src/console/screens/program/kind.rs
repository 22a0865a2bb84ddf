//! Another kind of codes than the usual one: what hardware tokens can be told (maker's notes).

use crate::console::screens::choose::{Choice, Choose};
use crate::control::{Algorithm, TotpParameters};

/// What there is to choose, the usual one first: six digits alone where the token has one profile.
fn kinds(is_several: bool) -> Vec<TotpParameters> {
    let digits: &[u8] = if is_several { &[6, 8] } else { &[6] };
    let mut kinds = Vec::new();
    for digits in digits.iter().copied() {
        for algorithm in [Algorithm::Sha1, Algorithm::Sha256] {
            kinds.extend([30, 60].map(|period| TotpParameters {
                algorithm,
                digits,
                period,
            }));
        }
    }
    kinds
}

/// `SHA-1, 6 digits, 30 seconds`.
pub fn words(parameters: TotpParameters) -> String {
    let hash = match parameters.algorithm {
        Algorithm::Sha1 => "SHA-1",
        Algorithm::Sha256 => "SHA-256",
        Algorithm::Sha512 => "SHA-512",
    };
    format!("{hash}, {} digits, {} seconds", parameters.digits, parameters.period)
}

/// The question; what is told with the tag is for [`chosen`].
pub fn choose(tag: u32, now: TotpParameters, is_several: bool) -> Choose {
    let choice = |kind: TotpParameters| -> Choice {
        let words = words(kind);
        let is_usual = kind == TotpParameters::default();
        let shown = if is_usual {
            format!("{words}: the usual kind")
        } else {
            words.clone()
        };
        (words, shown)
    };
    let lines = vec![
        format!("Now: {}.", words(now)),
        "The box checks the codes in the same way, so nothing has to be told to anybody. It stays so for the tokens after this one."
            .to_owned(),
    ];
    let choices = kinds(is_several).into_iter().map(choice).collect();
    Choose::new(tag, "Another kind of codes", lines, choices)
}

/// What was chosen.
pub fn chosen(told: &str) -> Option<TotpParameters> {
    kinds(true).into_iter().find(|kind| words(*kind) == told)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_can_be_chosen_is_understood() {
        for is_several in [false, true] {
            let kinds = kinds(is_several);
            assert_eq!(kinds.first(), Some(&TotpParameters::default()));
            for kind in kinds {
                assert_eq!(chosen(&words(kind)), Some(kind));
            }
        }
        assert_eq!(chosen("SHA-512, 6 digits, 30 seconds"), None);
    }
}
