//! A PSKC file, from its root to its keys (RFC 6030 4). In: text, what opens it, the time; out: rows and bad keys. One key after the
//! other: a large file needs no more memory than its rows.

use super::PskcError;
use super::key::Packed;
use super::policy::{self, End};
use super::sealing::{No, Sealing};
use super::xml::{Document, Element, Space};
use crate::control::Timestamp;
use crate::enrol::rows::{Collector, FileError, Place, TokenFile};
use crate::enrol::token_file::Keys;
use crate::text::shown;

/// Reads the text of a file, without a mark.
///
/// # Errors
/// [`FileError`] where nothing can be read or may be taken; a bad key is no error.
pub(in crate::enrol) fn parse(text: &[u8], keys: &Keys, now: Timestamp) -> Result<TokenFile, FileError> {
    let (root, mut document) = Document::open(text)?;
    check_root(&root)?;
    let mut reading = Reading {
        now,
        sealing: Sealing::new(keys),
        number: 0,
        ends: Vec::new(),
        found: Collector::new(Place::Key),
    };
    let (mut has_encryption, mut has_mac) = (false, false);
    while let Some(child) = document.next()? {
        match (child.space, child.name.as_str()) {
            (Space::Pskc, "EncryptionKey") => {
                if std::mem::replace(&mut has_encryption, true) || has_mac || reading.number > 0 {
                    return Err(PskcError::Order("EncryptionKey").into());
                }
                reading.sealing.encryption_key(&child)?;
            }
            (Space::Pskc, "MACMethod") => {
                if std::mem::replace(&mut has_mac, true) || reading.number > 0 {
                    return Err(PskcError::Order("MACMethod").into());
                }
                reading.sealing.mac_method(&child)?;
            }
            (Space::Pskc, "KeyPackage") => reading.package(&child)?,
            // What a draft called a package.
            (Space::Pskc, "Device") => return Err(PskcError::Version.into()),
            (Space::Ds, "Signature") => {
                let note =
                    "the file is signed, and the signature was not checked: who made the file is for you to know";
                reading.found.note(note.to_owned());
            }
            // What others put there restricts nothing that the box does.
            _ => {}
        }
    }
    reading.sealing.end()?;
    if reading.sealing.is_sealed() {
        reading.found.note(
            "only what is encrypted in the file is protected by its MAC: names, serial numbers and counters that stand there in clear \
             could have been changed: compare them before you hand tokens out"
                .to_owned(),
        );
    }
    if let Some(note) = policy::note(&reading.ends) {
        reading.found.note(note);
    }
    Ok(reading.found.done())
}

/// RFC 6030's own root; drafts before it had others.
fn check_root(root: &Element) -> Result<(), PskcError> {
    let is_container = matches!(root.name.as_str(), "KeyContainer" | "SecretContainer");
    match root.attribute("Version") {
        Some("1.0" | "1") if root.is(Space::Pskc, "KeyContainer") => Ok(()),
        _ if is_container => Err(PskcError::Version),
        _ => Err(PskcError::Other(shown(&root.name))),
    }
}

/// A file that is being read.
struct Reading<'k> {
    now: Timestamp,
    sealing: Sealing<'k>,
    /// Keys so far.
    number: u64,
    ends: Vec<End>,
    found: Collector,
}

impl Reading<'_> {
    /// A package: a device and its keys, as a rule one.
    fn package(&mut self, package: &Element) -> Result<(), FileError> {
        // Bad keys are looked at too: they tell as well whether the file is encrypted.
        for key in package.all(Space::Pskc, "Key") {
            self.sealing.look(key)?;
        }
        let mut keys = package.all(Space::Pskc, "Key").peekable();
        let device = package.one(Space::Pskc, "DeviceInfo");
        if keys.peek().is_none() || device.is_err() {
            self.number += 1;
            let reason = device.err().unwrap_or_else(|| "the package holds no key".to_owned());
            return self.found.take(self.number, Err(reason));
        }
        let device = device.unwrap_or_default();
        for key in keys {
            self.number += 1;
            let row = match (Packed { device, key }).row(self.number, &mut self.sealing, self.now) {
                Ok((row, end)) => {
                    self.ends.extend(end);
                    Ok(row)
                }
                Err(No::Key(reason)) => Err(reason),
                Err(No::File(error)) => return Err(error),
            };
            self.found.take(self.number, row)?;
        }
        Ok(())
    }
}
