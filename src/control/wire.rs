//! How secrets, times, durations and addresses look in a frame, and so in `--json`: text a person can read. In: the values; out:
//! strings and numbers for serde. Secrets are decoded straight from the frame's own (wiped) memory, without a copy on the way.

use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use zeroize::Zeroizing;

use crate::secret::Secret;
use crate::store::records::{Net, Timestamp};

/// Reads a string from the frame without keeping it.
struct Text<F>(&'static str, F);

impl<T, F: FnOnce(&str) -> Result<T, String>> Visitor<'_> for Text<F> {
    type Value = T;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
        (self.1)(text).map_err(E::custom)
    }
}

/// For `#[serde(with = ..)]` on `Option`: an absent or null value is `None`.
macro_rules! optional {
    ($inner:ident, $type:ty) => {
        /// The same for a value that may be missing (needs `#[serde(default)]` beside it).
        pub mod option {
            use super::*;

            struct Shown<'a>(&'a $type);

            impl Serialize for Shown<'_> {
                fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
                    super::serialize(self.0, s)
                }
            }

            struct Read($type);

            impl<'de> Deserialize<'de> for Read {
                fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                    super::deserialize(d).map(Read)
                }
            }

            /// Writes it, or null.
            pub fn serialize<S: Serializer>(value: &Option<$type>, s: S) -> Result<S::Ok, S::Error> {
                value.as_ref().map(Shown).serialize(s)
            }

            /// Reads it, or null.
            pub fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Option<$type>, D::Error> {
                Ok(Option::<Read>::deserialize(d)?.map(|read| read.0))
            }
        }
    };
}

/// A secret of any bytes, as base64: what an operator sends.
pub mod bytes {
    use super::*;
    use data_encoding::BASE64;

    /// Writes the secret.
    pub fn serialize<S: Serializer>(secret: &Secret, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(&Zeroizing::new(BASE64.encode(secret.expose())))
    }

    /// Reads a secret.
    pub fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Secret, D::Error> {
        d.deserialize_str(Text("a secret as base64", |text: &str| {
            let bytes = BASE64.decode(text.as_bytes()).map_err(|_| "not base64".to_owned())?;
            Ok(Secret::new(bytes))
        }))
    }

    optional!(bytes, Secret);
}

/// A secret that is text and is shown once: a code, a shared secret that the box made.
pub mod text {
    use super::*;

    /// Writes the secret.
    pub fn serialize<S: Serializer>(secret: &Secret, s: S) -> Result<S::Ok, S::Error> {
        match secret.expose_str() {
            Some(text) => s.serialize_str(text),
            None => Err(serde::ser::Error::custom("a secret that is shown must be text")),
        }
    }

    /// Reads a secret.
    pub fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Secret, D::Error> {
        d.deserialize_str(Text("text", |text: &str| Ok(Secret::from(text))))
    }

    optional!(text, Secret);
}

/// A token's key, as Base32 without padding (RFC 4648 6), as authenticators take it.
pub mod key {
    use super::*;
    use data_encoding::BASE32_NOPAD;

    /// Writes the key.
    pub fn serialize<S: Serializer>(secret: &Secret, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(&Zeroizing::new(BASE32_NOPAD.encode(secret.expose())))
    }

    /// Reads a key.
    pub fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Secret, D::Error> {
        d.deserialize_str(Text("a key as Base32", |text: &str| {
            let bytes = BASE32_NOPAD
                .decode(text.as_bytes())
                .map_err(|_| "not Base32".to_owned())?;
            Ok(Secret::new(bytes))
        }))
    }

    optional!(key, Secret);
}

/// A moment as RFC 3339 in UTC with milliseconds: `2026-03-01T10:31:04.250Z`.
pub mod when {
    use super::*;

    /// The text of a moment; what lies beyond the year 9999 is shown as its last millisecond.
    pub fn shown(at: Timestamp) -> String {
        let millis = i64::try_from(at.0).unwrap_or(i64::MAX);
        let moment = jiff::Timestamp::from_millisecond(millis).unwrap_or(jiff::Timestamp::MAX);
        format!("{moment:.3}")
    }

    /// Writes the moment.
    pub fn serialize<S: Serializer>(at: &Timestamp, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(&shown(*at))
    }

    /// Reads a moment, 1970 or later.
    pub fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Timestamp, D::Error> {
        d.deserialize_str(Text("a time by RFC 3339", |text: &str| {
            let moment: jiff::Timestamp = text.parse().map_err(|e| format!("{e}"))?;
            let millis = u64::try_from(moment.as_millisecond()).map_err(|_| "before 1970".to_owned())?;
            Ok(Timestamp(millis))
        }))
    }

    optional!(when, Timestamp);
}

/// A duration in whole milliseconds; the field's name ends in `_ms`.
pub mod millis {
    use super::*;
    use std::time::Duration;

    /// Writes the duration.
    pub fn serialize<S: Serializer>(duration: &Duration, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_u64(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX))
    }

    /// Reads a duration.
    pub fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Duration, D::Error> {
        u64::deserialize(d).map(Duration::from_millis)
    }

    optional!(millis, Duration);
}

/// An address range as `ADDRESS/LENGTH`.
pub mod net {
    use super::*;

    /// Writes the range.
    pub fn serialize<S: Serializer>(net: &Net, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(&crate::control::check::net_text(net))
    }

    /// Reads a range.
    pub fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Net, D::Error> {
        d.deserialize_str(Text("an address range", |text: &str| {
            crate::control::check::parse_net(text)
        }))
    }

    optional!(net, Net);
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
mod tests {
    use crate::control::*;
    use crate::secret::Secret;
    use std::time::Duration;

    #[test]
    fn requests_come_back_whole() {
        let requests = [
            Request::ClientAdd(ClientAdd {
                name: "vpn".to_owned(),
                net: check::parse_net("2001:db8::/64").unwrap(),
                fields: ClientFields {
                    secret: Some(Secret::new(vec![0, 255, 7])),
                    delimiter: Some(Delimiter::Is(',')),
                    deadline: Some(Duration::from_millis(2500)),
                    ..ClientFields::default()
                },
            }),
            Request::ClientSet(ClientSet {
                name: "vpn".to_owned(),
                rename: None,
                net: None,
                fields: ClientFields {
                    delimiter: Some(Delimiter::None),
                    ..ClientFields::default()
                },
                make_secret: false,
            }),
            Request::UserSet(UserSet {
                name: "anna".to_owned(),
                exempt: None,
                password: Some(PasswordChange::To(Secret::from("p\u{e4}ss"))),
            }),
            Request::UserSet(UserSet {
                name: "anna".to_owned(),
                exempt: Some(true),
                password: Some(PasswordChange::Remove),
            }),
            Request::EntraSet(EntraSet {
                domain: "contoso.example".to_owned(),
                overrides: [(50079, Some(Override::Continue)), (50158, None)].into(),
                client_secret: Some(Secret::from("")),
                ..EntraSet::default()
            }),
            Request::Log(LogAsk {
                filter: LogFilter {
                    since: Some(Timestamp(1_772_361_064_250)),
                    ..LogFilter::default()
                },
                after: Some(7),
                limit: 10,
                wait_ms: 0,
            }),
        ];
        for request in requests {
            let bytes = frame::encode(&request).unwrap();
            assert_eq!(frame::decode::<Request>(&bytes[4..]).unwrap(), request);
        }
    }

    #[test]
    fn times_and_durations_read_as_people_write_them() {
        let clock = ClockReport {
            trusted: true,
            source: "ntp".to_owned(),
            now: Timestamp(1_772_361_064_250),
            newest_seen: None,
            waiting_for: None,
        };
        let json = serde_json::to_string(&clock).unwrap();
        assert_eq!(
            json,
            r#"{"trusted":true,"source":"ntp","now":"2026-03-01T10:31:04.250Z","newest_seen":null,"waiting_for":null}"#
        );
        assert_eq!(serde_json::from_str::<ClockReport>(&json).unwrap(), clock);
        assert!(
            serde_json::to_string(&ClockReport {
                now: Timestamp(u64::MAX),
                ..clock
            })
            .is_ok()
        );
    }

    #[test]
    fn a_full_batch_fits_a_frame() {
        let row = |line| ImportRow {
            line,
            user: format!("firstname.lastname{line}@contoso.example"),
            serial: format!("{line:013}"),
            seed: Secret::new(vec![7; 80]),
            parameters: crate::store::records::OtpParameters::default(),
            counter: 0,
            model: "Contoso HardwareKey".to_owned(),
        };
        let rows: Vec<_> = (0..IMPORT_BATCH_MAX as u64).map(row).collect();
        let batch = Request::ImportBatch(ImportBatch {
            rows,
            dry_run: false,
            active: true,
        });
        assert!(frame::encode(&batch).unwrap().len() < frame::FRAME_MAX / 2);
    }
}
