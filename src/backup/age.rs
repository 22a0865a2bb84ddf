//! The age v1 format with one scrypt recipient (<https://age-encryption.org/v1>, C2SP age.md): what `age -p` writes and `age -d` reads.
//! In: a passphrase and bytes; out: the same bytes sealed, or opened. A cut or changed file is told from a wrong passphrase and from a file of
//! another kind. Nothing of a chunk is given out before it is proven.
//!
//! ```text
//! age-encryption.org/v1
//! -> scrypt SALT LOG2N
//! FILE KEY, sealed
//! --- MAC of the header
//! NONCE 16 | chunks of 64 KiB, each with its tag; the last one says that it is
//! ```

use std::io::{self, BufRead, Read, Write};

use chacha20poly1305::aead::{Aead, AeadInPlace};
use chacha20poly1305::{ChaCha20Poly1305, KeyInit, Nonce, Tag};
use data_encoding::BASE64_NOPAD;
use ring::{hkdf, hmac};
use zeroize::{Zeroize, Zeroizing};

use crate::secret::Secret;

/// The cost that is written: 64 MiB of memory, about two seconds on a small ARM board.
pub const LOG_N: u8 = 16;
/// The highest cost that is read: what `age` itself writes, 256 MiB of memory.
pub const LOG_N_MAX: u8 = 18;
/// Bytes of memory that stay free beside what deriving the key takes: logins go on meanwhile.
const MEMORY_LEFT: u64 = 64 << 20;

const VERSION: &[u8] = b"age-encryption.org/v1\n";
const SALT_LABEL: &[u8] = b"age-encryption.org/v1/scrypt";
const FILE_KEY: usize = 16;
const CHUNK: usize = 64 * 1024;
const TAG: usize = 16;
/// The longest line of a header that is read.
const LINE_MAX: u64 = 128;

/// Why a file does not open. Each is one line: what is wrong and what to do.
#[derive(Debug, thiserror::Error)]
pub enum AgeError {
    /// No age file with a passphrase.
    #[error("this is no backup of Postern: it is no file that age sealed under a passphrase")]
    Foreign,
    /// Deriving the key would take too much.
    #[error(
        "the file's passphrase is to be worked on with cost 2^{0}, more than the 2^{LOG_N_MAX} that is taken: this is no backup of Postern"
    )]
    TooCostly(u64),
    /// Not on this box.
    #[error("opening the file takes {0} MB of memory, and {1} MB are free: restore it on a larger box")]
    NoMemory(u64, u64),
    /// It does not open.
    #[error("the passphrase is wrong (or the head of the file was damaged): nothing was changed; try again")]
    Passphrase,
    /// It opened, and then did not go on.
    #[error("the file is damaged or cut: take another copy of it, nothing was changed")]
    Damaged,
    /// The system.
    #[error("{0}")]
    Io(#[from] io::Error),
}

fn derived(passphrase: &Secret, salt: &[u8], log_n: u8) -> Option<Zeroizing<[u8; 32]>> {
    let salt: Vec<u8> = SALT_LABEL.iter().chain(salt).copied().collect();
    let parameters = scrypt::Params::new(log_n, 8, 1, 32).ok()?;
    let mut key = Zeroizing::new([0; 32]);
    scrypt::scrypt(passphrase.expose(), &salt, &parameters, key.as_mut_slice()).ok()?;
    Some(key)
}

struct Length;

impl hkdf::KeyType for Length {
    fn len(&self) -> usize {
        32
    }
}

fn expanded(salt: &[u8], key: &[u8], info: &[u8]) -> Option<Zeroizing<[u8; 32]>> {
    let mut out = Zeroizing::new([0; 32]);
    let extracted = hkdf::Salt::new(hkdf::HKDF_SHA256, salt).extract(key);
    extracted.expand(&[info], Length).ok()?.fill(out.as_mut_slice()).ok()?;
    Some(out)
}

fn broken() -> io::Error {
    io::Error::other("sealing failed")
}

/// Seals what is written to it; [`Sealed::finish`] must be called, or the file is cut.
pub struct Sealed<W: Write> {
    out: W,
    cipher: ChaCha20Poly1305,
    plain: Zeroizing<Vec<u8>>,
    count: u64,
}

impl<W: Write> Sealed<W> {
    /// Begins a file. Takes as long as [`LOG_N`] says. `random` fills with random bytes.
    ///
    /// # Errors
    /// Of `out`.
    pub fn begin(out: W, passphrase: &Secret, random: &mut dyn FnMut(&mut [u8])) -> io::Result<Self> {
        Self::begin_at(out, passphrase, LOG_N, random)
    }

    fn begin_at(mut out: W, passphrase: &Secret, log_n: u8, random: &mut dyn FnMut(&mut [u8])) -> io::Result<Self> {
        let mut file_key = Zeroizing::new([0; FILE_KEY]);
        let (mut salt, mut nonce) = ([0; 16], [0; 16]);
        random(file_key.as_mut_slice());
        random(&mut salt);
        random(&mut nonce);
        let wrap = derived(passphrase, &salt, log_n).ok_or_else(broken)?;
        let body = ChaCha20Poly1305::new(wrap.as_slice().into()).encrypt(&Nonce::default(), file_key.as_slice());
        let body = body.map_err(|_| broken())?;
        let mut head = VERSION.to_vec();
        let (salt, body) = (BASE64_NOPAD.encode(&salt), BASE64_NOPAD.encode(&body));
        head.extend_from_slice(format!("-> scrypt {salt} {log_n}\n{body}\n---").as_bytes());
        let mac_key = expanded(b"", file_key.as_slice(), b"header").ok_or_else(broken)?;
        let mac = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, mac_key.as_slice()), &head);
        out.write_all(&head)?;
        out.write_all(format!(" {}\n", BASE64_NOPAD.encode(mac.as_ref())).as_bytes())?;
        out.write_all(&nonce)?;
        let key = expanded(&nonce, file_key.as_slice(), b"payload").ok_or_else(broken)?;
        Ok(Self {
            out,
            cipher: ChaCha20Poly1305::new(key.as_slice().into()),
            plain: Zeroizing::new(Vec::with_capacity(CHUNK + TAG)),
            count: 0,
        })
    }

    fn chunk(&mut self, last: bool) -> io::Result<()> {
        let nonce = nonce(self.count, last);
        let sealed = self
            .cipher
            .encrypt_in_place_detached(&nonce.into(), b"", &mut self.plain);
        let tag = sealed.map_err(|_| broken())?;
        self.out.write_all(&self.plain)?;
        self.out.write_all(&tag)?;
        self.plain.clear();
        self.count += 1;
        Ok(())
    }

    /// Ends the file.
    ///
    /// # Errors
    /// Of `out`.
    pub fn finish(mut self) -> io::Result<W> {
        self.chunk(true)?;
        self.out.flush()?;
        Ok(self.out)
    }
}

impl<W: Write> Write for Sealed<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // A full chunk is kept until more comes: only then it is not the last one.
        if self.plain.len() == CHUNK {
            self.chunk(false)?;
        }
        let taken = bytes.len().min(CHUNK - self.plain.len());
        self.plain.extend_from_slice(bytes.get(..taken).unwrap_or_default());
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn nonce(count: u64, last: bool) -> [u8; 12] {
    let mut nonce = [0; 12];
    let bytes = [0; 3].into_iter().chain(count.to_be_bytes()).chain([u8::from(last)]);
    nonce.iter_mut().zip(bytes).for_each(|(to, from)| *to = from);
    nonce
}

/// Opens a file while it is read. Errors of the format come as [`io::ErrorKind::InvalidData`].
pub struct Opened<R: Read> {
    from: R,
    cipher: ChaCha20Poly1305,
    plain: Zeroizing<Vec<u8>>,
    at: usize,
    count: u64,
    done: bool,
    failed: bool,
}

impl<R: BufRead> Opened<R> {
    /// Reads the head. Takes as long and as much memory as the file says, within [`LOG_N_MAX`]. `free`: bytes of memory that may be used, if
    /// that is known.
    ///
    /// # Errors
    /// [`AgeError`].
    pub fn begin(mut from: R, passphrase: &Secret, free: Option<u64>) -> Result<Self, AgeError> {
        let mut head = Vec::new();
        let mut line = || -> Result<String, AgeError> {
            let begin = head.len();
            (&mut from).take(LINE_MAX).read_until(b'\n', &mut head)?;
            let line = head.get(begin..).and_then(|line| line.strip_suffix(b"\n"));
            let line = line.ok_or(AgeError::Foreign)?;
            String::from_utf8(line.to_vec()).map_err(|_| AgeError::Foreign)
        };
        let foreign = |_| AgeError::Foreign;
        if format!("{}\n", line()?).as_bytes() != VERSION {
            return Err(AgeError::Foreign);
        }
        let stanza = line()?;
        let words: Vec<&str> = stanza.split(' ').collect();
        let (salt, log_n) = match words.as_slice() {
            ["->", "scrypt", salt, log_n] => (*salt, *log_n),
            _ => return Err(AgeError::Foreign),
        };
        let salt = BASE64_NOPAD.decode(salt.as_bytes()).map_err(foreign)?;
        let cost: u64 = log_n
            .parse()
            .ok()
            .filter(|cost: &u64| *cost > 0 && cost.to_string() == log_n)
            .ok_or(AgeError::Foreign)?;
        let log_n = u8::try_from(cost)
            .ok()
            .filter(|cost| *cost <= LOG_N_MAX)
            .ok_or(AgeError::TooCostly(cost))?;
        let body = BASE64_NOPAD.decode(line()?.as_bytes()).map_err(foreign)?;
        let end = line()?;
        let mac = end.strip_prefix("--- ").ok_or(AgeError::Foreign)?;
        let mac = BASE64_NOPAD.decode(mac.as_bytes()).map_err(foreign)?;
        if salt.len() != 16 || body.len() != FILE_KEY + TAG || mac.len() != 32 {
            return Err(AgeError::Foreign);
        }
        let needed = (1024_u64 << log_n) + MEMORY_LEFT;
        if let Some(free) = free.filter(|free| *free < needed) {
            return Err(AgeError::NoMemory(needed >> 20, free >> 20));
        }
        let wrap = derived(passphrase, &salt, log_n).ok_or(AgeError::Foreign)?;
        let opened = ChaCha20Poly1305::new(wrap.as_slice().into()).decrypt(&Nonce::default(), body.as_slice());
        let file_key = opened.map(Zeroizing::new).map_err(|_| AgeError::Passphrase)?;
        let broken = || AgeError::Damaged;
        let mac_key = expanded(b"", &file_key, b"header").ok_or_else(broken)?;
        let key = hmac::Key::new(hmac::HMAC_SHA256, mac_key.as_slice());
        let signed = head.len().saturating_sub(end.len() + 1).saturating_add(3);
        hmac::verify(&key, head.get(..signed).unwrap_or_default(), &mac).map_err(|_| AgeError::Damaged)?;
        let mut nonce = [0; 16];
        from.read_exact(&mut nonce).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => AgeError::Damaged,
            _ => AgeError::Io(error),
        })?;
        let key = expanded(&nonce, &file_key, b"payload").ok_or_else(broken)?;
        Ok(Self {
            from,
            cipher: ChaCha20Poly1305::new(key.as_slice().into()),
            plain: Zeroizing::new(Vec::with_capacity(CHUNK + TAG)),
            at: 0,
            count: 0,
            done: false,
            failed: false,
        })
    }

    fn chunk(&mut self) -> io::Result<()> {
        let damaged = || io::Error::new(io::ErrorKind::InvalidData, AgeError::Damaged.to_string());
        self.plain.zeroize();
        self.at = 0;
        (&mut self.from)
            .take((CHUNK + TAG) as u64)
            .read_to_end(&mut self.plain)?;
        let Some(length) = self.plain.len().checked_sub(TAG) else {
            return Err(damaged());
        };
        let tag = self.plain.split_off(length);
        // The last one is told by nothing being behind it, and proves that it is.
        let last = self.from.fill_buf()?.is_empty();
        if last && length == 0 && self.count > 0 {
            return Err(damaged());
        }
        let nonce = nonce(self.count, last);
        let tag: &Tag = tag.as_slice().into();
        let opened = self
            .cipher
            .decrypt_in_place_detached(&nonce.into(), b"", &mut self.plain, tag);
        opened.map_err(|_| damaged())?;
        self.count += 1;
        self.done = last;
        Ok(())
    }
}

impl<R: BufRead> Read for Opened<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        while self.at >= self.plain.len() {
            if self.done {
                return Ok(0);
            }
            if self.failed {
                return Err(io::Error::new(
                    io::ErrorKind::InvalidData,
                    AgeError::Damaged.to_string(),
                ));
            }
            if let Err(error) = self.chunk() {
                // What was read of it is not proven.
                self.plain.zeroize();
                (self.at, self.failed) = (0, true);
                return Err(error);
            }
        }
        let rest = self.plain.get(self.at..).unwrap_or_default();
        let count = rest.len().min(out.len());
        out.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
        self.at += count;
        Ok(count)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
mod tests;
