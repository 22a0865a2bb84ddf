//! Names made canonical (R3). In: a name as a packet or an operator wrote it; out: one spelling of it, the only form that store,
//! budgets, lockouts and directory see, or why there is none. Pure: it knows the tenants' domains and nothing else, and never
//! asks whether such a user exists.
//!
//! A second spelling that reaches another record than the first is how second factors were gone round (CVE-2020-12812), so
//! letters are folded as Unicode folds case, compatibility forms are resolved (NFKC), both until nothing changes any more.

use std::collections::BTreeMap;
use std::fmt;

use thiserror::Error;
use unicode_normalization::UnicodeNormalization;

use crate::store::records::{Charset, Tenant};
use crate::text::{is_invisible, shown};

/// The most bytes of a name, as it comes and as it is kept: what one RADIUS attribute holds (RFC 2865 5).
pub const NAME_MAX: usize = 253;

/// Rounds of folding and normalising; two are enough for every letter there is, more only cost time.
const ROUNDS: usize = 8;

/// A name in its one spelling (R3). Made here and nowhere else.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CanonicalName(Box<str>);

impl CanonicalName {
    /// The name: `anna@contoso.example`, or bare where the box knows no domain.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What stands behind the `@`.
    pub fn domain(&self) -> Option<&str> {
        self.0.split_once('@').map(|(_, domain)| domain)
    }
}

impl fmt::Display for CanonicalName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why a name has no canonical form.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum NameError {
    /// Nothing there.
    #[error("the name is empty")]
    Empty,
    /// Not UTF-8.
    #[error("the name is not UTF-8: if the client sends ISO 8859-1, set its character set to latin1")]
    NotUtf8,
    /// Longer than [`NAME_MAX`].
    #[error("the name is longer than {NAME_MAX} bytes")]
    TooLong,
    /// A control, invisible or white-space character.
    #[error(
        "the name holds a character that no name has (U+{0:04X}): type it again without blanks or invisible characters"
    )]
    Character(u32),
    /// `@` or `\` in a place where it means nothing.
    #[error("the name is neither NAME, NAME@DOMAIN nor PREFIX\\NAME")]
    Malformed,
    /// A bare name, several tenants and no default among them.
    #[error("the name has no domain and several are set: write NAME@DOMAIN, or make one tenant the default")]
    NoDefault,
    /// A prefix that is listed for two domains.
    #[error("the prefix {0} is listed for two domains: list it for one")]
    AmbiguousPrefix(String),
    /// A prefix that is listed for no domain.
    #[error("the prefix {0} is listed for no domain: add it to its tenant, or write NAME@DOMAIN")]
    UnknownPrefix(String),
    /// A prefix of one domain before a name of another.
    #[error("the prefix {0} does not belong to the name's domain: write NAME@DOMAIN")]
    Inconsistent(String),
}

impl NameError {
    /// Whether the name could mean several people (`Reason::AmbiguousName`); otherwise it cannot be a name at all here.
    pub fn is_ambiguous(&self) -> bool {
        matches!(self, Self::NoDefault | Self::AmbiguousPrefix(_))
    }
}

/// What a prefix stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Prefix {
    One(Box<str>),
    Several,
}

/// The tenants' domains, as far as names need them. Built once for each change of the tenants.
#[derive(Clone, Debug, Default)]
pub struct Domains {
    default: Option<Box<str>>,
    any: bool,
    prefixes: BTreeMap<Box<str>, Prefix>,
}

impl Domains {
    /// From the tenants' records. A single tenant is the default whether it says so or not; of two that both say so, none is.
    pub fn new(tenants: &[Tenant]) -> Self {
        let mut prefixes: BTreeMap<Box<str>, Prefix> = BTreeMap::new();
        let mut defaults = Vec::new();
        for tenant in tenants {
            let domain: Box<str> = folded(&tenant.domain).into();
            if tenant.default || tenants.len() == 1 {
                defaults.push(domain.clone());
            }
            for prefix in &tenant.prefixes {
                prefixes
                    .entry(folded(prefix).into())
                    .and_modify(|known| {
                        if *known != Prefix::One(domain.clone()) {
                            *known = Prefix::Several;
                        }
                    })
                    .or_insert_with(|| Prefix::One(domain.clone()));
            }
        }
        let mut defaults = defaults.into_iter();
        let default = match (defaults.next(), defaults.next()) {
            (Some(one), None) => Some(one),
            _ => None,
        };
        Self {
            default,
            any: !tenants.is_empty(),
            prefixes,
        }
    }

    /// A name from a packet, in the character set of its client.
    pub fn canonical(&self, raw: &[u8], charset: Charset) -> Result<CanonicalName, NameError> {
        match charset {
            Charset::Utf8 => self.canonical_str(std::str::from_utf8(raw).map_err(|_| NameError::NotUtf8)?),
            // ISO 8859-1 is the first 256 characters of Unicode.
            Charset::Latin1 => self.canonical_str(&raw.iter().map(|byte| char::from(*byte)).collect::<String>()),
        }
    }

    /// A name from an operator, or from a file.
    pub fn canonical_str(&self, raw: &str) -> Result<CanonicalName, NameError> {
        if raw.is_empty() {
            return Err(NameError::Empty);
        }
        if raw.len() > NAME_MAX {
            return Err(NameError::TooLong);
        }
        refuse_characters(raw)?;
        let name = folded(raw);
        // Compatibility forms may unfold to blanks and signs.
        refuse_characters(&name)?;
        let full = self.with_domain(&name)?;
        if full.len() > NAME_MAX {
            return Err(NameError::TooLong);
        }
        Ok(CanonicalName(full.into()))
    }

    /// Prefix taken off, domain put on. `name` is folded already.
    fn with_domain(&self, name: &str) -> Result<String, NameError> {
        let (prefix, rest) = match name.split_once('\\') {
            Some((prefix, rest)) => (Some(prefix), rest),
            None => (None, name),
        };
        let (local, domain) = match rest.split_once('@') {
            Some((local, domain)) => (local, Some(domain)),
            None => (rest, None),
        };
        let sound = |part: &str| !part.is_empty() && !part.contains(['\\', '@']);
        if !(sound(local) && prefix.is_none_or(sound) && domain.is_none_or(is_domain)) {
            return Err(NameError::Malformed);
        }
        let meant = match prefix {
            None => None,
            Some(prefix) => match self.prefixes.get(prefix) {
                Some(Prefix::One(domain)) => Some(domain.as_ref()),
                Some(Prefix::Several) => return Err(NameError::AmbiguousPrefix(shown(prefix))),
                None => return Err(NameError::UnknownPrefix(shown(prefix))),
            },
        };
        match (meant, domain, self.default.as_deref()) {
            (Some(meant), Some(domain), _) if meant != domain => {
                Err(NameError::Inconsistent(shown(prefix.unwrap_or_default())))
            }
            (_, Some(domain), _) | (Some(domain), None, _) | (None, None, Some(domain)) => {
                Ok(format!("{local}@{domain}"))
            }
            (None, None, None) if self.any => Err(NameError::NoDefault),
            (None, None, None) => Ok(local.to_owned()),
        }
    }
}

/// A domain: labels between dots, none of them empty, so that `contoso.example.` is no second spelling.
fn is_domain(text: &str) -> bool {
    !text.contains(['\\', '@']) && text.split('.').all(|label| !label.is_empty())
}

/// Refuses what no name has. A replacement character is what some gear puts where it could not read a byte.
fn refuse_characters(text: &str) -> Result<(), NameError> {
    match text
        .chars()
        .find(|c| c.is_control() || c.is_whitespace() || is_invisible(*c) || *c == char::REPLACEMENT_CHARACTER)
    {
        Some(c) => Err(NameError::Character(u32::from(c))),
        None => Ok(()),
    }
}

/// Case folded and NFKC, until nothing changes.
fn folded(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    let mut now = text.to_owned();
    for _ in 0..ROUNDS {
        let next: String = now.nfkc().flat_map(fold).nfkc().collect();
        if next == now {
            break;
        }
        now = next;
    }
    now
}

/// Unicode's full case folding of one character: lower case of its upper case, so that `ß` and `SS`, `ς` and `Σ` meet. The
/// dotless `ı` is a letter of its own, though its upper case is `I`.
fn fold(c: char) -> impl Iterator<Item = char> {
    let dotless = (c == 'ı').then_some(c);
    let rest = (c != 'ı').then(|| {
        c.to_lowercase()
            .flat_map(char::to_uppercase)
            .flat_map(char::to_lowercase)
    });
    dotless.into_iter().chain(rest.into_iter().flatten())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::store::records::{Proof, Timestamp};

    fn tenant(domain: &str, prefixes: &[&str], default: bool) -> Tenant {
        Tenant {
            domain: domain.to_owned(),
            prefixes: prefixes.iter().map(|p| (*p).to_owned()).collect(),
            default,
            tenant: domain.to_owned(),
            client_id: String::new(),
            client_secret: None,
            authority: String::new(),
            scope: String::new(),
            ca_pem: None,
            proxy: None,
            allow_without_mfa: false,
            allow_unregistered: false,
            allow_external: false,
            overrides: BTreeMap::new(),
            proof: Proof::Missing,
            budget: 6,
            created: Timestamp(0),
            generation: 0,
        }
    }

    fn contoso() -> Domains {
        Domains::new(&[tenant("contoso.example", &["contoso"], true)])
    }

    fn two(default: bool) -> Domains {
        Domains::new(&[
            tenant("contoso.example", &["contoso", "both"], default),
            tenant("fabrikam.example", &["fabrikam", "both"], false),
        ])
    }

    fn made(domains: &Domains, raw: &str) -> String {
        domains
            .canonical(raw.as_bytes(), Charset::Utf8)
            .unwrap()
            .as_str()
            .to_owned()
    }

    fn refused(domains: &Domains, raw: &str) -> NameError {
        domains.canonical(raw.as_bytes(), Charset::Utf8).unwrap_err()
    }

    #[test]
    fn r3_every_spelling_is_one_name() {
        let domains = contoso();
        for spelling in [
            "anna",
            "ANNA",
            "Anna@CONTOSO.example",
            "anna@contoso.example",
            "CONTOSO\\anna",
            "contoso\\ANNA",
            "CONTOSO\\anna@contoso.example",
            "\u{ff41}\u{ff4e}\u{ff4e}\u{ff41}",
            "\u{ff21}NNA\u{ff20}contoso.example",
            "CONTOSO\u{ff3c}anna",
            "anna@contoso\u{ff0e}example",
            "\u{1d4d0}nna",
        ] {
            assert_eq!(made(&domains, spelling), "anna@contoso.example", "{spelling}");
        }
        assert_eq!(domains.canonical_str("Anna").unwrap().domain(), Some("contoso.example"));
    }

    #[test]
    fn r3_letters_that_look_or_fold_alike() {
        let domains = Domains::default();
        // KELVIN SIGN and long s are compatibility forms of k and s.
        assert_eq!(made(&domains, "mi\u{212a}e"), "mike");
        assert_eq!(made(&domains, "\u{17f}am"), "sam");
        // A dotless i is another letter, and so is what a capital dotted I folds to.
        assert_ne!(made(&domains, "n\u{131}na"), made(&domains, "nina"));
        assert_eq!(made(&domains, "n\u{130}na"), "ni\u{307}na");
        assert_eq!(made(&domains, "ni\u{307}na"), "ni\u{307}na");
        // Two capitals of one letter, composed and not, final sigma and sharp s.
        assert_eq!(made(&domains, "BJO\u{308}RN"), made(&domains, "björn"));
        assert_eq!(made(&domains, "ΝΊΚΟΣ"), made(&domains, "νίκος"));
        assert_eq!(made(&domains, "νίκοσ"), made(&domains, "νίκος"));
        assert_eq!(made(&domains, "STRASSER"), made(&domains, "straßer"));
        assert_eq!(made(&domains, "STRA\u{1e9e}ER"), made(&domains, "straßer"));
        // Cyrillic а is no Latin a.
        assert_ne!(made(&domains, "\u{430}nna"), "anna");
    }

    #[test]
    fn r3_an_ambiguous_name_is_refused() {
        assert_eq!(refused(&two(false), "anna"), NameError::NoDefault);
        assert!(refused(&two(false), "anna").is_ambiguous());
        assert_eq!(made(&two(true), "anna"), "anna@contoso.example");
        assert_eq!(made(&two(false), "FABRIKAM\\anna"), "anna@fabrikam.example");
        assert_eq!(
            refused(&two(true), "BOTH\\anna"),
            NameError::AmbiguousPrefix("both".to_owned())
        );
        let both_default = Domains::new(&[tenant("a.example", &[], true), tenant("b.example", &[], true)]);
        assert_eq!(refused(&both_default, "anna"), NameError::NoDefault);
    }

    #[test]
    fn r3_prefixes_are_taken_off_only_where_they_are_listed() {
        let domains = two(true);
        assert_eq!(
            refused(&domains, "WORKGROUP\\anna"),
            NameError::UnknownPrefix("workgroup".to_owned())
        );
        assert!(!refused(&domains, "WORKGROUP\\anna").is_ambiguous());
        assert_eq!(
            refused(&domains, "FABRIKAM\\anna@contoso.example"),
            NameError::Inconsistent("fabrikam".to_owned())
        );
        assert_eq!(
            refused(&Domains::default(), "CONTOSO\\anna"),
            NameError::UnknownPrefix("contoso".to_owned())
        );
        // Listed twice for one domain is still one domain.
        let twice = Domains::new(&[tenant("contoso.example", &["contoso", "CONTOSO"], true)]);
        assert_eq!(made(&twice, "Contoso\\anna"), "anna@contoso.example");
    }

    #[test]
    fn r3_a_domain_of_no_tenant_stays() {
        assert_eq!(made(&contoso(), "anna@Elsewhere.example"), "anna@elsewhere.example");
        assert_eq!(made(&Domains::default(), "Anna"), "anna");
        // One tenant is the default even where its record does not say so.
        assert_eq!(
            made(&Domains::new(&[tenant("contoso.example", &[], false)]), "anna"),
            "anna@contoso.example"
        );
    }

    #[test]
    fn r3_what_is_no_name_is_refused() {
        let domains = contoso();
        assert_eq!(refused(&domains, ""), NameError::Empty);
        assert_eq!(domains.canonical(b"ann\xe4", Charset::Utf8), Err(NameError::NotUtf8));
        for bad in [
            "a@b@c",
            "@contoso.example",
            "anna@",
            "\\anna",
            "contoso\\",
            "contoso\\x\\anna",
            "anna@contoso\\x",
            "@",
            "\\",
            "anna@contoso.example.",
            "anna@.example",
            "anna@contoso..example",
            "contoso\\anna@",
            "x@y\\anna",
        ] {
            assert_eq!(refused(&domains, bad), NameError::Malformed, "{bad}");
        }
        for bad in [
            "anna ",
            " anna",
            "an na",
            "anna\u{0}",
            "anna\n",
            "anna\u{200b}",
            "an\u{202e}na",
            "anna\u{feff}",
            "anna\u{a0}",
            "anna\u{3000}",
            "an\u{ad}na",
            "ann\u{fffd}",
            "anna\u{e0041}",
            "anna\u{fe0f}",
            "anna\u{2028}",
        ] {
            assert!(
                matches!(refused(&domains, bad), NameError::Character(_)),
                "{}",
                bad.escape_unicode()
            );
        }
    }

    #[test]
    fn a_name_of_253_bytes_and_no_longer() {
        let domains = Domains::default();
        assert_eq!(made(&domains, &"a".repeat(253)), "a".repeat(253));
        assert_eq!(refused(&domains, &"a".repeat(254)), NameError::TooLong);
        // With its domain, or unfolded, it may grow too long.
        assert_eq!(refused(&contoso(), &"a".repeat(253)), NameError::TooLong);
        assert_eq!(refused(&domains, &"\u{fdfb}".repeat(84)), NameError::Character(0x20));
        assert_eq!(refused(&domains, &"\u{3300}".repeat(84)), NameError::TooLong);
    }

    #[test]
    fn latin1_is_read_as_such() {
        let name = contoso().canonical(b"BJ\xd6RN", Charset::Latin1).unwrap();
        assert_eq!(name.as_str(), "björn@contoso.example");
        assert_eq!(
            contoso().canonical(b"bj\x94rn", Charset::Latin1),
            Err(NameError::Character(0x94))
        );
    }

    proptest! {
        #[test]
        fn r3_a_canonical_name_is_its_own(raw in "\\PC{1,20}(@[a-zA-Z\u{c0}-\u{17f}.]{1,8})?") {
            for domains in [Domains::default(), contoso(), two(false)] {
                if let Ok(name) = domains.canonical_str(&raw) {
                    prop_assert_eq!(domains.canonical_str(name.as_str()), Ok(name.clone()));
                    prop_assert!(name.as_str().len() <= NAME_MAX);
                }
            }
        }

        #[test]
        fn r3_capitals_make_no_second_name(raw in "[\\p{L}\\p{M}]{1,12}") {
            let domains = Domains::default();
            // The two dotless and dotted i of Turkish have no way back from their capitals.
            prop_assume!(!raw.contains(['ı', 'İ']) );
            if let Ok(name) = domains.canonical_str(&raw) {
                prop_assert_eq!(domains.canonical_str(&raw.to_uppercase()), Ok(name.clone()));
                prop_assert_eq!(domains.canonical_str(&raw.to_lowercase()), Ok(name));
            }
        }

        #[test]
        fn any_bytes_are_answered(raw in proptest::collection::vec(any::<u8>(), 0..300)) {
            for charset in [Charset::Utf8, Charset::Latin1] {
                let _ = two(false).canonical(&raw, charset);
            }
        }
    }

    #[test]
    fn every_letter_folds_to_a_fixpoint() {
        for c in (0..0x20000).filter_map(char::from_u32) {
            let once = folded(&format!("a{c}b"));
            assert_eq!(folded(&once), once, "U+{:04X}", u32::from(c));
        }
    }
}
