//! Secrets and files that an operator names. They are opened here, with the rights of whoever called (R25). In: a path, `-` for
//! standard input; out: bytes, wiped after use. A prompt appears only where standard input is a terminal.

use std::fs::File;
use std::io::{self, BufRead, IsTerminal, Read};
use std::path::Path;

use zeroize::Zeroizing;

use crate::control::Failure;
use crate::secret::Secret;
use crate::text::shown;

/// Most bytes of a file with one secret.
const SECRET_MAX: usize = 64 * 1024;
/// Most bytes of an answer that somebody types.
const LINE_MAX: usize = 1024;

/// What a prompt is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ask {
    /// Something that is known already: asked once.
    Known(&'static str),
    /// Something new: asked twice.
    New(&'static str),
}

/// Where secrets come from; the tests have one of their own.
pub trait Input {
    /// The secret in a file, or on standard input for `-`; one line end at its end is cut.
    ///
    /// # Errors
    /// One line: cannot be opened, too large, empty.
    fn secret(&mut self, path: &Path, ask: Ask) -> Result<Secret, Failure>;

    /// A whole file, or standard input for `-`.
    ///
    /// # Errors
    /// One line: cannot be opened, larger than `most`.
    fn file(&mut self, path: &Path, most: usize) -> Result<Zeroizing<Vec<u8>>, Failure>;

    /// The next line of standard input, without its end; none when there is no more.
    ///
    /// # Errors
    /// One line: cannot be read, longer than anybody types, no text.
    fn line(&mut self) -> Result<Option<Zeroizing<String>>, Failure>;

    /// Something that turns out to be wanted, asked on the terminal; none where standard input is none.
    ///
    /// # Errors
    /// One line: the terminal cannot be read.
    fn wanted(&mut self, what: &str) -> Result<Option<Secret>, Failure>;
}

/// The real one.
#[derive(Clone, Copy, Debug, Default)]
pub struct System;

impl Input for System {
    fn secret(&mut self, path: &Path, ask: Ask) -> Result<Secret, Failure> {
        let (Ask::Known(what) | Ask::New(what)) = ask;
        let secret = if is_standard(path) && io::stdin().is_terminal() {
            prompt(ask)?
        } else {
            let bytes = self.file(path, SECRET_MAX)?;
            Secret::new(without_line_end(&bytes).to_vec())
        };
        if secret.is_empty() {
            return Err(Failure::usage(format!("the {what} is empty")));
        }
        Ok(secret)
    }

    fn file(&mut self, path: &Path, most: usize) -> Result<Zeroizing<Vec<u8>>, Failure> {
        if is_standard(path) {
            return read("standard input", &mut io::stdin().lock(), most);
        }
        let name = shown(&path.to_string_lossy());
        let mut file =
            File::open(path).map_err(|e| Failure::failed(format!("{name} cannot be opened: {}", why(&e))))?;
        read(&name, &mut file, most)
    }

    fn line(&mut self) -> Result<Option<Zeroizing<String>>, Failure> {
        line_of(&mut io::stdin().lock())
    }

    fn wanted(&mut self, what: &str) -> Result<Option<Secret>, Failure> {
        if !io::stdin().is_terminal() {
            return Ok(None);
        }
        once(what).map(Some)
    }
}

/// The next line.
fn line_of(from: &mut impl BufRead) -> Result<Option<Zeroizing<String>>, Failure> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(LINE_MAX));
    let limit = u64::try_from(LINE_MAX).unwrap_or(u64::MAX);
    let read = from.take(limit).read_until(b'\n', &mut bytes);
    read.map_err(|e| Failure::failed(format!("standard input cannot be read: {}", why(&e))))?;
    if bytes.is_empty() {
        return Ok(None);
    }
    if bytes.len() == LINE_MAX && !bytes.ends_with(b"\n") {
        return Err(Failure::usage(
            "a line of standard input is longer than an answer can be",
        ));
    }
    let text = std::str::from_utf8(without_line_end(&bytes))
        .map_err(|_| Failure::usage("a line of standard input is no UTF-8 text"))?;
    Ok(Some(Zeroizing::new(text.to_owned())))
}

fn is_standard(path: &Path) -> bool {
    path.as_os_str() == "-"
}

/// Without the one line end that editors and `echo` leave.
fn without_line_end(bytes: &[u8]) -> &[u8] {
    let bytes = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    bytes.strip_suffix(b"\r").unwrap_or(bytes)
}

/// Everything, into memory that is wiped; outgrown memory too.
fn read(name: &str, from: &mut impl Read, most: usize) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let mut bytes = Zeroizing::new(Vec::new());
    let mut piece = Zeroizing::new(vec![0; 64 * 1024]);
    loop {
        let count = match from.read(&mut piece) {
            Ok(0) => return Ok(bytes),
            Ok(count) => count,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
            Err(e) => return Err(Failure::failed(format!("{name} cannot be read: {}", why(&e)))),
        };
        if bytes.len() + count > most {
            return Err(Failure::refused(format!(
                "{name} is larger than {most} bytes: that cannot be right"
            )));
        }
        if bytes.len() + count > bytes.capacity() {
            let mut larger = Zeroizing::new(Vec::with_capacity((bytes.capacity() * 2).max(64 * 1024)));
            larger.extend_from_slice(&bytes);
            bytes = larger;
        }
        bytes.extend_from_slice(piece.get(..count).unwrap_or_default());
    }
}

fn why(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "there is no such file".to_owned(),
        io::ErrorKind::PermissionDenied => "no right to read it".to_owned(),
        io::ErrorKind::IsADirectory => "it is a folder".to_owned(),
        _ => error.to_string(),
    }
}

/// Asks on the terminal without echo.
fn prompt(ask: Ask) -> Result<Secret, Failure> {
    match ask {
        Ask::Known(what) => once(&capital(what)),
        Ask::New(what) => {
            let first = once(&capital(what))?;
            let again = once("Again")?;
            if first == again {
                Ok(first)
            } else {
                Err(Failure::refused("the two entries differ: start again"))
            }
        }
    }
}

fn once(words: &str) -> Result<Secret, Failure> {
    rpassword::prompt_password(format!("{words}: "))
        .map(Secret::from)
        .map_err(|e| Failure::failed(format!("the terminal cannot be read: {e}")))
}

/// With a capital first letter.
fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters
        .next()
        .map(|first| first.to_uppercase().chain(letters).collect())
        .unwrap_or_default()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
mod tests {
    use super::*;

    #[test]
    fn r25_a_secret_is_read_from_its_file_without_the_line_end() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("secret");
        for (content, expected) in [
            ("s3cret", "s3cret"),
            ("s3cret\n", "s3cret"),
            ("s3cret\r\n", "s3cret"),
            (" s3cret \n\n", " s3cret \n"),
        ] {
            std::fs::write(&path, content).unwrap();
            let secret = System.secret(&path, Ask::New("password")).unwrap();
            assert_eq!(secret.expose_str(), Some(expected));
        }
        for content in ["", "\n", "\r\n"] {
            std::fs::write(&path, content).unwrap();
            let empty = System.secret(&path, Ask::Known("password")).unwrap_err();
            assert_eq!(
                (empty.exit_status(), empty.message.as_str()),
                (2, "the password is empty")
            );
        }
        std::fs::write(&path, vec![b'x'; SECRET_MAX + 1]).unwrap();
        assert!(
            System
                .secret(&path, Ask::Known("password"))
                .unwrap_err()
                .message
                .contains("larger than")
        );
        assert_eq!(System.file(&path, SECRET_MAX + 1).unwrap().len(), SECRET_MAX + 1);
        let folder = System.secret(dir.path(), Ask::Known("password")).unwrap_err();
        assert!(folder.message.contains("it is a folder"), "{folder}");
        let none = System
            .secret(&dir.path().join("none"), Ask::Known("password"))
            .unwrap_err();
        assert!(
            none.message.contains("no such file") && none.exit_status() == 1,
            "{none}"
        );
    }
}
