//! Hardware tokens as Microsoft Graph takes them (facts: entra): one object, a list of them, or an object with a list called
//! `value`. In: the text of a file; out: rows, and the entries that are wrong, by their number. Only JSON that is broken loses the
//! whole file. A token is assigned by the number of a directory's object, which says nothing here: unless a name with `@` stands in
//! its place, the token is nobody's.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use zeroize::Zeroizing;

use super::base32;
use super::rows::{Collector, FIELD_MAX, FileError, Kind, Place, Row, TokenFile, period, plain, user_name};
use crate::control::Algorithm;
use crate::text::shown;

/// The fields of a token that are read.
const FIELDS: [&str; 7] = [
    "serialNumber",
    "manufacturer",
    "model",
    "secretKey",
    "timeIntervalInSeconds",
    "hashFunction",
    "assignTo",
];

/// Reads the text of a file, UTF-8 without a mark.
///
/// # Errors
/// [`FileError::Json`] where it is no JSON, [`FileError::NoTokens`] where it is something else's; a bad entry is no error.
pub(super) fn parse(text: &[u8]) -> Result<TokenFile, FileError> {
    // serde_json goes 128 levels deep at most, and its words could repeat what stands there: only the place is told.
    let whole: Json = serde_json::from_slice(text).map_err(|error| FileError::Json {
        line: error.line(),
        column: error.column(),
    })?;
    let entries = match whole {
        Json::List(entries) => entries,
        Json::Object(fields) => {
            let (mut lists, others): (Vec<_>, Vec<_>) = fields.into_iter().partition(|(name, _)| name == "value");
            let is_token = others.iter().any(|(name, _)| FIELDS.contains(&name.as_str()));
            match (lists.pop(), lists.is_empty()) {
                (None, _) if is_token => vec![Json::Object(others)],
                (Some((_, Json::List(entries))), true) => entries,
                _ => return Err(FileError::NoTokens),
            }
        }
        _ => return Err(FileError::NoTokens),
    };
    let mut found = Collector::new(Place::Entry);
    for (number, entry) in (1..).zip(&entries) {
        found.take(number, row(number, entry))?;
    }
    Ok(found.done())
}

/// JSON whose texts are wiped.
enum Json {
    Null,
    Text(Zeroizing<String>),
    Number(u64),
    List(Vec<Json>),
    /// In the order of the file; a name may stand twice.
    Object(Vec<(String, Json)>),
    /// True, false, a number that is none of ours.
    Other,
}

/// One entry.
fn row(line: u64, entry: &Json) -> Result<Row, String> {
    let Json::Object(fields) = entry else {
        return Err("the entry is no object".to_owned());
    };
    for name in FIELDS {
        if fields.iter().filter(|(other, _)| other == name).count() > 1 {
            return Err(format!("{name} stands there twice"));
        }
    }
    let field = |name: &str| fields.iter().find(|(other, _)| other == name).map(|(_, value)| value);
    let text = |name: &str| text(name, field(name));
    let (serial, manufacturer, model) = (text("serialNumber")?, text("manufacturer")?, text("model")?);
    plain("serial number", serial, FIELD_MAX)?;
    plain("manufacturer", manufacturer, FIELD_MAX)?;
    plain("model", model, FIELD_MAX)?;
    let seconds = match field("timeIntervalInSeconds") {
        Some(Json::Number(seconds)) => seconds.to_string(),
        _ => text("timeIntervalInSeconds")?.to_owned(),
    };
    let algorithm = match text("hashFunction")? {
        "" => None,
        "hmacsha1" => Some(Algorithm::Sha1),
        "hmacsha256" => Some(Algorithm::Sha256),
        other => {
            return Err(format!(
                "the hashFunction {} is neither hmacsha1 nor hmacsha256",
                shown(other)
            ));
        }
    };
    let (user, note) = assigned(field("assignTo"))?;
    user_name(user)?;
    Ok(Row {
        line,
        user: user.to_owned(),
        serial: serial.to_owned(),
        seed: base32::decode(text("secretKey")?).map_err(|e| e.to_string())?,
        kind: Kind::Totp {
            period: period("timeIntervalInSeconds", &seconds)?,
        },
        algorithm,
        digits: None,
        manufacturer: manufacturer.to_owned(),
        model: model.to_owned(),
        note,
    })
}

/// The text of a field; empty where it is missing or null.
fn text<'a>(name: &str, value: Option<&'a Json>) -> Result<&'a str, String> {
    match value {
        None | Some(Json::Null) => Ok(""),
        Some(Json::Text(text)) => Ok(text.trim()),
        Some(_) => Err(format!("{name} is no text")),
    }
}

/// Whose it is, and what to know of that.
fn assigned(value: Option<&Json>) -> Result<(&str, Option<String>), String> {
    let id = match value {
        None | Some(Json::Null) => return Ok(("", None)),
        Some(Json::Object(fields)) => fields.iter().find(|(name, _)| name == "id").map(|(_, id)| id),
        Some(_) => None,
    };
    match id {
        Some(Json::Text(id)) if id.contains('@') => Ok((id.trim(), None)),
        Some(Json::Text(id)) => Ok((
            "",
            Some(format!(
                "assignTo is the object {} of a directory, which names nobody here: give it to its user by the serial number",
                shown(id)
            )),
        )),
        _ => Err("assignTo is no object with an id".to_owned()),
    }
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(JsonVisitor)
    }
}

struct JsonVisitor;

impl<'de> Visitor<'de> for JsonVisitor {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }

    fn visit_str<E>(self, text: &str) -> Result<Json, E> {
        Ok(Json::Text(Zeroizing::new(text.to_owned())))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Json, E> {
        Ok(Json::Number(number))
    }

    fn visit_i64<E>(self, _: i64) -> Result<Json, E> {
        Ok(Json::Other)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Json, E> {
        Ok(Json::Other)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Json, E> {
        Ok(Json::Other)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Json, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = list.next_element()? {
            items.push(item);
        }
        Ok(Json::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Json, A::Error> {
        let mut fields = Vec::new();
        while let Some(field) = map.next_entry()? {
            fields.push(field);
        }
        Ok(Json::Object(fields))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
#[path = "graph_json_tests.rs"]
mod tests;
