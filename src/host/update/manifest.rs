//! What a release says of itself. In: the bytes of `manifest.json` and `manifest.sig` from anywhere, the keys that the image trusts;
//! out: a [`Manifest`] that one of the keys has signed and whose every name and number is in bounds, or an [`UpdateError`]. Nothing of
//! the manifest is looked at before its signature is. It does no I/O but reading the keys.
//!
//! `manifest.sig` is the Ed25519 signature (RFC 8032) of the file `manifest.json` as it is, 64 bytes; up to four of them one after
//! another, so that a release can be signed with the key that goes and the one that comes. A key is a PEM file of 32 bytes (RFC 8410),
//! as `openssl pkey -pubout` writes it.

use std::path::{Path, PathBuf};

use ring::signature::{ED25519, UnparsedPublicKey};
use serde::{Deserialize, Serialize};

use crate::text::shown;

/// Where the image keeps the keys it trusts.
pub const KEYS_DIR: &str = "/usr/share/postern/update-keys";
/// The manifest's name in a release.
pub const MANIFEST: &str = "manifest.json";
/// Its signatures' name.
pub const SIGNATURE: &str = "manifest.sig";
/// Most bytes of a manifest.
pub const MANIFEST_MAX: u64 = 64 * 1024;
/// Most bytes of its signatures.
pub const SIGNATURE_MAX: u64 = 4 * SIGNATURE_LEN as u64;
const SIGNATURE_LEN: usize = 64;
/// Most lines of what is new that are shown.
pub const NOTES_MAX: usize = 40;
/// Most keys that are looked at.
const KEYS_MAX: usize = 8;
/// The form of the manifest.
const FORMAT: u32 = 1;
/// An Ed25519 public key before its 32 bytes (RFC 8410 4).
const KEY_HEAD: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

/// Why an update is not taken, copied or written: one line that says what to do.
#[derive(Debug, thiserror::Error)]
pub enum UpdateError {
    /// The image has no key.
    #[error("this box trusts no key for updates ({0}): write a new image to its disk instead")]
    NoKeys(PathBuf),
    /// No key of the image has signed it.
    #[error("the release is not signed by a key that this box trusts: get it again from where it is published")]
    Signature,
    /// A signed manifest that makes no sense.
    #[error("the release's manifest is wrong ({0}): get the release again, or tell who made it")]
    Shape(String),
    /// For another kind of box.
    #[error("the release is for {0} boxes, and this one is {1}: get the release for {1}")]
    Arch(String, &'static str),
    /// A downgrade, or the same again.
    #[error(
        "the release is {0} and this box runs {1}: an older or equal one is not taken; to go back, make a backup, write the older image to \
         the disk and restore a backup of that version"
    )]
    Older(Version, Version),
    /// A step between is needed.
    #[error("the release updates boxes from {0} on, and this one runs {1}: update to {0} first")]
    From(Version, Version),
    /// A file is not what was signed.
    #[error("{0} is not what was signed: get the release again")]
    Hash(String),
    /// The disk.
    #[error(
        "an update needs {need} MB on the disk, and {free} MB are free: remove what is not needed, backups for example"
    )]
    Space {
        /// Megabytes.
        need: u64,
        /// Megabytes.
        free: u64,
    },
    /// Where it comes from.
    #[error("{0}")]
    Source(String),
    /// The box's own disk.
    #[error("{0}: {1}; look at the disk")]
    Io(PathBuf, std::io::Error),
    /// A program that writes it.
    #[error("the update could not be written: {0}; fetch it again and try once more")]
    Write(String),
    /// Somebody asked to stop.
    #[error("the copying was stopped")]
    Stopped,
}

/// A version: numbers with points between.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Version(Vec<u32>);

impl std::str::FromStr for Version {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let number = |part: &str| {
            let plain = (1..=9).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
            // One way to write it: systemd compares the text.
            let first = !part.starts_with('0') || part == "0";
            if plain && first { part.parse().ok() } else { None }
        };
        let parts: Option<Vec<u32>> = text.split('.').map(number).collect();
        match parts {
            Some(parts) if (2..=4).contains(&parts.len()) => Ok(Self(parts)),
            _ => Err(format!("{} is no version: 1.2.3 is one", shown(text))),
        }
    }
}

impl TryFrom<String> for Version {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Version> for String {
    fn from(version: Version) -> String {
        version.to_string()
    }
}

impl std::fmt::Display for Version {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let parts: Vec<String> = self.0.iter().map(u32::to_string).collect();
        f.write_str(&parts.join("."))
    }
}

/// What a file of a release is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Part {
    /// The root file system, for its partition.
    Root,
    /// Its dm-verity hashes, for theirs.
    Verity,
    /// The unified kernel image, for the boot partition.
    Kernel,
}

impl Part {
    /// Most bytes of it in a release.
    fn size_max(self) -> u64 {
        match self {
            Self::Root => 2 << 30,
            Self::Verity | Self::Kernel => 256 << 20,
        }
    }
}

/// One file of a release.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct File {
    /// In the release's folder; shaped as [`Manifest::parse`] wants it.
    pub name: String,
    /// What it is.
    pub part: Part,
    /// Bytes.
    pub size: u64,
    /// SHA-256, in hexadecimal digits.
    pub sha256: String,
}

/// What a release says of itself. Fields that are not known here are passed over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The form of this file.
    pub format: u32,
    /// `postern`.
    pub product: String,
    /// The version it updates to.
    pub version: Version,
    /// `x86-64` or `arm64`.
    pub arch: String,
    /// The oldest version it updates from.
    pub from: Version,
    /// The store's schema that it writes; for people, the trial tells.
    #[serde(default)]
    pub schema: u32,
    /// What is new, in lines; for people.
    #[serde(default)]
    pub notes: String,
    /// Root, verity and kernel, once each.
    pub files: Vec<File>,
}

/// The public keys that may sign.
#[derive(Clone, Debug)]
pub struct Keys(Vec<[u8; 32]>);

impl Keys {
    /// All `*.pub` in a folder.
    ///
    /// # Errors
    /// There is none; one that cannot be read is passed over and said in the log.
    pub fn load(dir: &Path) -> Result<Self, UpdateError> {
        let mut keys = Vec::new();
        for entry in std::fs::read_dir(dir).into_iter().flatten().flatten().take(64) {
            let path = entry.path();
            if path.extension().is_none_or(|end| end != "pub") || keys.len() == KEYS_MAX {
                continue;
            }
            match std::fs::read_to_string(&path).ok().as_deref().and_then(public_key) {
                Some(key) => keys.push(key),
                None => tracing::warn!(?path, "no Ed25519 public key in PEM"),
            }
        }
        if keys.is_empty() {
            return Err(UpdateError::NoKeys(dir.to_owned()));
        }
        Ok(Self(keys))
    }

    /// Whether one of them has made one of the signatures.
    fn signed(&self, bytes: &[u8], signatures: &[u8]) -> bool {
        if signatures.is_empty()
            || signatures.len() as u64 > SIGNATURE_MAX
            || !signatures.len().is_multiple_of(SIGNATURE_LEN)
        {
            return false;
        }
        let by =
            |key: &[u8; 32], signature: &[u8]| UnparsedPublicKey::new(&ED25519, key).verify(bytes, signature).is_ok();
        signatures
            .chunks_exact(SIGNATURE_LEN)
            .any(|signature| self.0.iter().any(|key| by(key, signature)))
    }
}

fn public_key(pem: &str) -> Option<[u8; 32]> {
    let inside = pem.split_once("-----BEGIN PUBLIC KEY-----")?.1;
    let inside = inside.split_once("-----END PUBLIC KEY-----")?.0;
    let text: String = inside.split_whitespace().collect();
    let der = data_encoding::BASE64.decode(text.as_bytes()).ok()?;
    der.strip_prefix(&KEY_HEAD)?.try_into().ok()
}

/// The word for this machine's processor.
pub fn arch() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "x86-64",
        "aarch64" => "arm64",
        other => other,
    }
}

impl Manifest {
    /// A manifest that a trusted key has signed, in bounds, for this kind of box.
    ///
    /// # Errors
    /// The first thing that is wrong, the signature before all else.
    pub fn parse(bytes: &[u8], signatures: &[u8], keys: &Keys) -> Result<Self, UpdateError> {
        if !keys.signed(bytes, signatures) {
            return Err(UpdateError::Signature);
        }
        let shape = |what: String| UpdateError::Shape(what);
        let manifest: Self = serde_json::from_slice(bytes).map_err(|error| shape(shown(&error.to_string())))?;
        if manifest.format != FORMAT || manifest.product != "postern" {
            return Err(shape(format!("it is no manifest of form {FORMAT} of postern")));
        }
        if manifest.arch != arch() {
            return Err(UpdateError::Arch(shown(&manifest.arch), arch()));
        }
        for part in [Part::Root, Part::Verity, Part::Kernel] {
            let mut files = manifest.files.iter().filter(|file| file.part == part);
            let (Some(file), None) = (files.next(), files.next()) else {
                return Err(shape(format!("it must name one file as {part:?}")));
            };
            if !named(&manifest.version, file) {
                return Err(shape(format!("a file may not be called {}", shown(&file.name))));
            }
            let digits = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
            if file.sha256.len() != 64 || !file.sha256.bytes().all(digits) {
                return Err(shape(format!("{} has no SHA-256", file.name)));
            }
            if file.size == 0 || file.size > part.size_max() {
                return Err(shape(format!("{} is too large or empty", file.name)));
            }
        }
        Ok(manifest)
    }

    /// Whether it may come after `running`.
    ///
    /// # Errors
    /// It is not newer, or wants a version between.
    pub fn follows(&self, running: &Version) -> Result<(), UpdateError> {
        if self.version <= *running {
            return Err(UpdateError::Older(self.version.clone(), running.clone()));
        }
        if self.from > *running {
            return Err(UpdateError::From(self.from.clone(), running.clone()));
        }
        Ok(())
    }

    /// What is new, as far as it is shown (R22): [`NOTES_MAX`] lines, each as [`shown`] has it.
    pub fn shown_notes(&self) -> Vec<String> {
        let lines = self.notes.trim_end().lines();
        lines.map(|line| shown(line.trim_end())).take(NOTES_MAX).collect()
    }

    /// Bytes of all files.
    pub fn size(&self) -> u64 {
        self.files.iter().map(|file| file.size).sum()
    }
}

/// `postern_VERSION_UUID.root.raw`, `postern_VERSION_UUID.verity.raw`, either with `.gz` or `.xz` behind it, and `postern_VERSION.efi`: as the
/// transfer files of systemd-sysupdate look for them. The UUID becomes the partition's, by which the kernel image finds it.
fn named(version: &Version, file: &File) -> bool {
    let Some(rest) = file.name.strip_prefix(&format!("postern_{version}")) else {
        return false;
    };
    let uuid = |text: &str| {
        let hex = |part: &str, length| part.len() == length && part.bytes().all(|b| b.is_ascii_hexdigit());
        let parts: Vec<&str> = text.split('-').collect();
        matches!(parts.as_slice(), [a, b, c, d, e] if hex(a, 8) && hex(b, 4) && hex(c, 4) && hex(d, 4) && hex(e, 12))
    };
    let partition = |end: &str| {
        let packed = rest.strip_suffix(".gz").or(rest.strip_suffix(".xz")).unwrap_or(rest);
        let inside = packed.strip_suffix(end).and_then(|inside| inside.strip_prefix('_'));
        inside.is_some_and(uuid)
    };
    match file.part {
        Part::Root => partition(".root.raw"),
        Part::Verity => partition(".verity.raw"),
        Part::Kernel => rest == ".efi",
    }
}
