//! Which reader is meant. In: the names that pcscd knows, what an operator wrote, where something lies; out: one of them, or why not.

use crate::text::shown;
use crate::tokens::channel::LinkError;

/// Which of these readers is meant: the one of this name, else the one that has it as a part, else, of several, the only one on which
/// something lies (`taken`). An empty name is a part of all.
///
/// # Errors
/// [`LinkError::ReaderGone`] where none is named and none is there, [`LinkError::TokenGone`] where nothing lies on any that may be
/// meant, [`LinkError::Reader`] with the names that there are.
pub fn choose(names: &[String], wanted: &str, taken: impl Fn(&str) -> bool) -> Result<usize, LinkError> {
    let known = || match names {
        [] => "none".to_owned(),
        some => some.iter().map(|name| shown(name)).collect::<Vec<_>>().join(", "),
    };
    if let Some(at) = names.iter().position(|name| name == wanted) {
        return Ok(at);
    }
    let folded = wanted.to_lowercase();
    let fits: Vec<(usize, &String)> = (0..)
        .zip(names)
        .filter(|(_, name)| name.to_lowercase().contains(&folded))
        .collect();
    match fits.as_slice() {
        [(only, _)] => Ok(*only),
        [] if wanted.is_empty() => Err(LinkError::ReaderGone),
        [] => Err(LinkError::Reader(format!(
            "pcscd knows no reader {}; it knows: {}",
            shown(wanted),
            known()
        ))),
        several => {
            let mut with = several.iter().filter(|(_, name)| taken(name));
            match (with.next(), with.next()) {
                (Some((only, _)), None) => Ok(*only),
                (None, _) => Err(LinkError::TokenGone),
                (Some(_), Some(_)) => Err(LinkError::Reader(format!(
                    "several readers may be meant, name one as pcsc:NAME: {}",
                    known()
                ))),
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
mod tests {
    use super::*;

    fn among(names: &[&str], wanted: &str, with: &[&str]) -> Result<usize, LinkError> {
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        choose(&names, wanted, |name| with.contains(&name))
    }

    const ACR: &str = "ACS ACR1252 Reader [PICC] 00 00";
    const SAM: &str = "ACS ACR1252 Reader [SAM] 00 01";
    const MOLTO: &str = "TOKEN2 Molto2 01 00";

    #[test]
    fn a_full_name_wins_and_a_part_must_be_one_readers_alone() {
        let all = [ACR, SAM, MOLTO];
        assert_eq!(among(&all, SAM, &[]), Ok(1));
        assert_eq!(among(&all, "molto", &[]), Ok(2));
        assert_eq!(among(&all, "[picc]", &[SAM]), Ok(0));
        // One name may be a part of another.
        assert_eq!(among(&["Reader", "Reader 2"], "Reader", &["Reader 2"]), Ok(0));
    }

    #[test]
    fn of_several_the_one_with_a_token_is_meant() {
        let all = [ACR, SAM, MOLTO];
        assert_eq!(among(&all, "ACS", &[ACR, MOLTO]), Ok(0));
        assert_eq!(among(&all, "", &[MOLTO]), Ok(2));
        assert_eq!(among(&all, "", &[]), Err(LinkError::TokenGone));
        assert_eq!(among(&all, "ACS", &[MOLTO]), Err(LinkError::TokenGone));
        for (wanted, with) in [("", &[ACR, MOLTO]), ("ACS", &[ACR, SAM])] {
            let Err(LinkError::Reader(words)) = among(&all, wanted, with) else {
                panic!("{wanted}");
            };
            assert!(words.contains("name one") && words.contains(MOLTO), "{words}");
        }
    }

    #[test]
    fn a_reader_that_is_not_there_is_told_with_those_that_are() {
        assert_eq!(among(&[ACR], "", &[]), Ok(0));
        assert_eq!(among(&[], "", &[]), Err(LinkError::ReaderGone));
        for (names, words) in [
            (
                &[ACR][..],
                "pcscd knows no reader Molto; it knows: ACS ACR1252 Reader [PICC] 00 00",
            ),
            (&[], "pcscd knows no reader Molto; it knows: none"),
            (&["a\u{202e}b"], "pcscd knows no reader Molto; it knows: a\\u{202e}b"),
        ] {
            assert_eq!(among(names, "Molto", &[]), Err(LinkError::Reader(words.to_owned())));
        }
    }
}
