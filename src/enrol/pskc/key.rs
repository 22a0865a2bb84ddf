//! One key of a PSKC file (RFC 6030 4.3). In: the `Key` and the device that it is in; out: a row, or why it is none.

use super::policy::{self, End};
use super::sealing::{No, Sealing, Value, base64};
use super::xml::{Element, Space};
use crate::control::{Algorithm, Timestamp};
use crate::enrol::base32;
use crate::enrol::otpauth_list;
use crate::enrol::rows::{FIELD_MAX, Kind, NAME_MAX, Row, plain, user_name};
use crate::secret::Secret;
use crate::text::shown;

/// What a time-based key has where it names no other (RFC 6238 4; facts: entra).
const PERIOD: u64 = 30;

/// A key and what stands beside it in its package.
pub(super) struct Packed<'e> {
    pub(super) device: Option<&'e Element>,
    pub(super) key: &'e Element,
}

impl Packed<'_> {
    /// The row, and when its key ends; its errors name the token as far as the file does, since nobody counts keys in XML.
    pub(super) fn row(&self, line: u64, sealing: &mut Sealing<'_>, now: Timestamp) -> Result<(Row, Option<End>), No> {
        self.made(line, sealing, now).map_err(|no| match (no, self.name()) {
            (No::Key(reason), Some(name)) => No::Key(format!("{name}: {reason}")),
            (no, _) => no,
        })
    }

    /// By what somebody finds it in the file.
    fn name(&self) -> Option<String> {
        let texts = [
            ("serial number", self.of_device("SerialNo")),
            ("", self.key.text_of("FriendlyName")),
            ("Id", Ok(self.key.attribute("Id").unwrap_or_default())),
        ];
        let mut named = texts
            .into_iter()
            .filter_map(|(what, text)| Some((what, text.ok()?)))
            .filter(|(_, text)| !text.is_empty());
        named.next().map(|(what, text)| match what {
            "" => shown(text),
            what => format!("{what} {}", shown(text)),
        })
    }

    fn made(&self, line: u64, sealing: &mut Sealing<'_>, now: Timestamp) -> Result<(Row, Option<End>), No> {
        let key = self.key;
        let is_hotp = is_hotp(key.attribute("Algorithm").unwrap_or_default())?;
        let (algorithm, digits) = parameters(key)?;
        let end = policy::allows(key, self.device, now)?;
        let mut notes: Vec<String> = Vec::new();
        let field = |what: &str, name| {
            let text = self.of_device(name)?;
            plain(what, text, FIELD_MAX).map(|()| text.to_owned())
        };
        let (serial, manufacturer) = (
            field("serial number", "SerialNo")?,
            field("manufacturer", "Manufacturer")?,
        );
        let model = field("model", "Model")?;
        let (user, unclear) = self.user()?;
        notes.extend(unclear);
        let data = key.one(Space::Pskc, "Data")?;
        let seed = match sealing.value(part(data, "Secret")?)? {
            Value::Missing => return Err(missing(key).into()),
            Value::Plain(text) => {
                let mut bytes = base64(text).ok_or_else(|| "its key is no Base64".to_owned())?;
                Secret::new(std::mem::take(&mut *bytes))
            }
            Value::Opened(seed) => seed,
        };
        base32::check(&seed).map_err(|error| error.to_string())?;
        let kind = if is_hotp {
            let counter = number("Counter", sealing.value(part(data, "Counter")?)?)?;
            if counter.is_none() {
                // As in RFC 6030's own example (figure 7).
                notes.push("it names no counter, so 0 was taken".to_owned());
            }
            Kind::Hotp {
                counter: counter.unwrap_or(0),
            }
        } else {
            let interval = number("TimeInterval", sealing.value(part(data, "TimeInterval")?)?)?.unwrap_or(PERIOD);
            for name in ["Time", "TimeDrift"] {
                // Where a token stands: the box finds that out from its codes.
                if number(name, sealing.value(part(data, name)?)?)?.is_some_and(|number| number != 0) {
                    notes.push(format!("its {name} was left aside"));
                }
            }
            match interval {
                30 => Kind::Totp { period: 30 },
                60 => Kind::Totp { period: 60 },
                other => return Err(format!("a code lasts {other} seconds: 30 and 60 are taken").into()),
            }
        };
        let row = Row {
            line,
            user,
            serial,
            seed,
            kind,
            algorithm,
            digits,
            manufacturer,
            model,
            note: (!notes.is_empty()).then(|| notes.join("; ")),
        };
        Ok((row, end))
    }

    fn of_device(&self, name: &'static str) -> Result<&str, String> {
        self.device.map_or(Ok(""), |device| device.text_of(name))
    }

    /// Whose it is. RFC 6030 asks for a distinguished name here: only one that is a user's name and nothing else says who that is.
    fn user(&self) -> Result<(String, Option<String>), String> {
        let texts = [self.key.text_of("UserId")?, self.of_device("UserId")?];
        let Some(text) = texts.into_iter().find(|text| !text.is_empty()) else {
            return Ok((String::new(), None));
        };
        let name = match text.split_once('=') {
            None => Some(text.to_owned()),
            Some((kind, value)) if kind.trim().eq_ignore_ascii_case("uid") => single(value.trim()),
            Some(_) => None,
        };
        match name.filter(|name| name.len() <= NAME_MAX && user_name(name).is_ok()) {
            Some(name) => Ok((name, None)),
            None => Ok((
                String::new(),
                Some(format!(
                    "its user {} is no user name here: give it to its user by the serial number",
                    shown(text)
                )),
            )),
        }
    }
}

/// The value of a distinguished name's only part, its escapes undone (RFC 4514 2.4); none where there are more parts.
fn single(value: &str) -> Option<String> {
    let mut out = Vec::with_capacity(value.len());
    let mut bytes = value.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b',' | b'+' | b';' => return None,
            b'\\' => {
                let first = bytes.next()?;
                match char::from(first).to_digit(16) {
                    None => out.push(first),
                    Some(high) => {
                        let low = char::from(bytes.next()?).to_digit(16)?;
                        out.push(u8::try_from(high * 16 + low).ok()?);
                    }
                }
            }
            byte => out.push(byte),
        }
    }
    String::from_utf8(out).ok()
}

/// Time or counter, by the algorithm's URI; drafts wrote other words before the last one.
fn is_hotp(uri: &str) -> Result<bool, String> {
    let word = uri.rsplit([':', '#', '/']).next().unwrap_or_default();
    match word.to_ascii_lowercase().as_str() {
        "hotp" => Ok(true),
        "totp" => Ok(false),
        "pin" => Err("it is a PIN, and no token".to_owned()),
        "" => Err("it does not say what kind of key it is".to_owned()),
        _ => Err(format!("{} is neither time-based nor counter-based", shown(uri))),
    }
}

/// Hash and digits, as far as the key says them.
fn parameters(key: &Element) -> Result<(Option<Algorithm>, Option<u8>), String> {
    let Some(parameters) = key.one(Space::Pskc, "AlgorithmParameters")? else {
        return Ok((None, None));
    };
    let algorithm = match parameters.text_of("Suite")? {
        "" => None,
        suite => Some(otpauth_list::algorithm(suite).ok_or_else(|| format!("its hash {} is not known", shown(suite)))?),
    };
    let Some(format) = parameters.one(Space::Pskc, "ResponseFormat")? else {
        return Ok((algorithm, None));
    };
    let encoding = format.attribute("Encoding").unwrap_or_default();
    if encoding != "DECIMAL" {
        return Err(format!("its codes are {}: only digits are taken", shown(encoding)));
    }
    for name in ["CheckDigits", "CheckDigit"] {
        if !matches!(format.attribute(name), None | Some("false" | "0")) {
            return Err("its codes end in a check digit, which is not taken".to_owned());
        }
    }
    match format.attribute("Length") {
        Some("6") => Ok((algorithm, Some(6))),
        Some("8") => Ok((algorithm, Some(8))),
        other => Err(format!(
            "its codes have {} digits: 6 and 8 are taken",
            other.map_or_else(|| "an unknown number of".to_owned(), shown)
        )),
    }
}

fn part<'e>(data: Option<&'e Element>, name: &'static str) -> Result<Option<&'e Element>, String> {
    data.map_or(Ok(None), |data| data.one(Space::Pskc, name))
}

/// Why there is no key: RFC 6030 lets a file name one that both sides know.
fn missing(key: &Element) -> String {
    match key.text_of("KeyReference") {
        Ok(reference) if !reference.is_empty() => {
            format!(
                "it holds no key, but names {}: ask its maker for a file with the keys",
                shown(reference)
            )
        }
        _ => "it holds no key".to_owned(),
    }
}

/// A number: decimal in clear. Encrypted it is decimal too, or the bytes themselves, the highest first: both are in use.
fn number(what: &str, value: Value<'_>) -> Result<Option<u64>, String> {
    let wrong = || format!("its {what} is no number that is taken");
    let number = match value {
        Value::Missing => return Ok(None),
        Value::Plain(text) if what == "TimeDrift" => {
            let digits = text.strip_prefix('-').unwrap_or(text);
            digits.parse::<u64>().ok()
        }
        Value::Plain(text) => Some(text)
            .filter(|text| text.bytes().all(|b| b.is_ascii_digit()))
            .and_then(|text| text.parse().ok()),
        Value::Opened(bytes) => match bytes.expose() {
            [] => None,
            digits if digits.iter().all(u8::is_ascii_digit) => bytes.expose_str().and_then(|text| text.parse().ok()),
            bytes if bytes.len() <= 8 => Some(bytes.iter().fold(0, |number, byte| number << 8 | u64::from(*byte))),
            _ => None,
        },
    };
    number.map(Some).ok_or_else(wrong)
}
