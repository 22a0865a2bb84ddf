//! Where a release comes from: a folder on the mounted stick, or a folder on a web server. In: names that were made by the manifest's rules;
//! out: bytes that nobody has checked yet. On the stick no link is followed and only plain files are read; on the web no
//! redirect is followed, and everything has a time limit.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use nix::fcntl::{OFlag, open, openat};
use nix::sys::stat::Mode;

use super::manifest::{MANIFEST, MANIFEST_MAX, SIGNATURE, SIGNATURE_MAX, UpdateError};
use crate::text::shown;

/// Folders of a stick that are looked into.
const FOLDERS_MAX: usize = 256;
/// Longest name of a file or folder on a stick.
const NAME_MAX: usize = 128;
/// Until a web server is reached.
const CONNECT: Duration = Duration::from_secs(10);
/// Between two pieces of an answer.
const PIECE: Duration = Duration::from_secs(30);
/// Longest URL.
const URL_MAX: usize = 512;

/// A release's files, by name.
pub trait Source: Send {
    /// One file, from its beginning.
    ///
    /// # Errors
    /// [`UpdateError::Source`].
    fn open(&mut self, name: &str) -> Result<Box<dyn Read>, UpdateError>;

    /// What to call it in an error.
    fn called(&self) -> &'static str;

    /// A small file, whole.
    ///
    /// # Errors
    /// It is not there, or larger than `max`.
    fn small(&mut self, name: &str, max: u64) -> Result<Vec<u8>, UpdateError> {
        let mut bytes = Vec::new();
        let read = self.open(name)?.take(max + 1).read_to_end(&mut bytes);
        read.map_err(|error| source(format!("{name} could not be read from {}: {error}", self.called())))?;
        if bytes.len() as u64 > max {
            return Err(source(format!("{name} on {} is too large to be one", self.called())));
        }
        Ok(bytes)
    }

    /// The manifest and its signatures.
    ///
    /// # Errors
    /// As [`Source::small`].
    fn manifest(&mut self) -> Result<(Vec<u8>, Vec<u8>), UpdateError> {
        Ok((
            self.small(MANIFEST, MANIFEST_MAX)?,
            self.small(SIGNATURE, SIGNATURE_MAX)?,
        ))
    }
}

fn source(words: String) -> UpdateError {
    UpdateError::Source(words)
}

/// A folder on the stick.
pub struct Folder(OwnedFd);

impl Folder {
    /// Folders of the stick that hold a manifest: the stick itself, and those on it.
    ///
    /// # Errors
    /// The stick cannot be read, or holds none.
    pub fn all(stick: &Path) -> Result<Vec<Folder>, UpdateError> {
        let fail = |error: io::Error| source(format!("the stick cannot be read: {error}; plug it in again"));
        let flags = OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC | OFlag::O_RDONLY;
        let root = || open(stick, flags, Mode::empty()).map_err(|error| fail(error.into()));
        let mut found = vec![Folder(root()?)];
        let top = root()?;
        for entry in std::fs::read_dir(stick).map_err(fail)?.take(FOLDERS_MAX) {
            let name = entry.map_err(fail)?.file_name();
            if name.len() > NAME_MAX {
                continue;
            }
            if let Ok(inside) = openat(&top, name.as_os_str(), flags, Mode::empty()) {
                found.push(Folder(inside));
            }
        }
        found.retain_mut(|folder| folder.open(MANIFEST).is_ok());
        if found.is_empty() {
            return Err(source(format!(
                "the stick holds no release ({MANIFEST}): copy the release's folder onto it as it is"
            )));
        }
        Ok(found)
    }
}

impl Source for Folder {
    fn open(&mut self, name: &str) -> Result<Box<dyn Read>, UpdateError> {
        let fail = |error: io::Error| source(format!("{name} could not be read from the stick: {error}"));
        // A pipe would block without the second one.
        let flags = OFlag::O_RDONLY | OFlag::O_NONBLOCK | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        let file = File::from(openat(&self.0, name, flags, Mode::empty()).map_err(|error| fail(error.into()))?);
        if !file.metadata().map_err(fail)?.is_file() {
            return Err(source(format!("{name} on the stick is no plain file")));
        }
        Ok(Box::new(file))
    }

    fn called(&self) -> &'static str {
        "the stick"
    }
}

/// A folder on a web server.
pub struct Web {
    base: String,
    client: reqwest::Client,
    runtime: Arc<tokio::runtime::Runtime>,
}

impl Web {
    /// `url` names the folder. Nothing is asked yet.
    ///
    /// # Errors
    /// It is no such URL.
    pub fn new(url: &str) -> Result<Self, UpdateError> {
        let bad = |why: &str| source(format!("{} is no address of a release: {why}", shown(url)));
        if url.len() > URL_MAX {
            return Err(bad("it is too long"));
        }
        let parsed = reqwest::Url::parse(url).map_err(|error| bad(&error.to_string()))?;
        if !matches!(parsed.scheme(), "https" | "http") || parsed.host_str().is_none() {
            return Err(bad("https://HOST/FOLDER is one"));
        }
        if !parsed.username().is_empty()
            || parsed.password().is_some()
            || parsed.query().is_some()
            || parsed.fragment().is_some()
        {
            return Err(bad("it takes no name, no password, no ? and no #"));
        }
        // One provider for the whole process; it may be there already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder()
            .user_agent(concat!("postern/", env!("CARGO_PKG_VERSION")))
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .connect_timeout(CONNECT)
            .read_timeout(PIECE)
            .build()
            .map_err(|error| bad(&error.to_string()))?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| source(format!("nothing can be fetched: {error}")))?;
        Ok(Self {
            base: parsed.as_str().trim_end_matches('/').to_owned(),
            client,
            runtime: Arc::new(runtime),
        })
    }
}

impl Source for Web {
    fn open(&mut self, name: &str) -> Result<Box<dyn Read>, UpdateError> {
        let url = format!("{}/{name}", self.base);
        // Its time limits want the runtime around them.
        let answer = self.runtime.block_on(async {
            let asked = self.client.get(&url).send();
            tokio::time::timeout(CONNECT + PIECE, asked).await
        });
        let answer = match answer {
            Ok(Ok(answer)) => answer,
            Ok(Err(error)) => return Err(source(format!("{} cannot be fetched: {}", shown(&url), words(&error)))),
            Err(_) => return Err(source(format!("{} cannot be fetched: no answer in time", shown(&url)))),
        };
        if answer.status() != reqwest::StatusCode::OK {
            let status = answer.status().as_u16();
            let hint = if answer.status().is_redirection() {
                ": give the address it leads to"
            } else {
                ""
            };
            return Err(source(format!(
                "{} cannot be fetched: the server answered {status}{hint}",
                shown(&url)
            )));
        }
        Ok(Box::new(Body {
            answer,
            runtime: Arc::clone(&self.runtime),
            piece: bytes::Bytes::new(),
        }))
    }

    fn called(&self) -> &'static str {
        "the server"
    }
}

/// The innermost reason: the outer ones repeat the URL.
fn words(error: &reqwest::Error) -> String {
    let mut inner: &dyn std::error::Error = error;
    while let Some(next) = inner.source() {
        inner = next;
    }
    shown(&inner.to_string())
}

struct Body {
    answer: reqwest::Response,
    runtime: Arc<tokio::runtime::Runtime>,
    piece: bytes::Bytes,
}

impl Read for Body {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while self.piece.is_empty() {
            match self.runtime.block_on(self.answer.chunk()) {
                Ok(Some(piece)) => self.piece = piece,
                Ok(None) => return Ok(0),
                Err(error) => return Err(io::Error::other(words(&error))),
            }
        }
        let length = into.len().min(self.piece.len());
        let taken = self.piece.split_to(length);
        into.get_mut(..length).unwrap_or_default().copy_from_slice(&taken);
        Ok(length)
    }
}
