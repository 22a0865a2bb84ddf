//! The box's key and what hangs from it (R21). In: the 32 bytes of the master key, from systemd's credentials or a 0600 file;
//! out: records sealed and opened, names for seeds, keyed hashes, the keys of the journals' chains. The master key itself is never
//! used on data, never printed, never written anywhere but to its own file.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{KeyInit, XChaCha20Poly1305, XNonce};
use ring::hmac;
use ring::rand::{SecureRandom, SystemRandom};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::store::records::SeedMark;

/// Bytes of the master key and of every key made from it.
pub const KEY_LEN: usize = 32;
/// The key file's name in the state directory.
pub const KEY_FILE: &str = "key";
/// The master key where it is not the box's own credential (after a restore on another box), sealed under that credential.
pub const SEALED_KEY_FILE: &str = "key.sealed";
/// What [`SEALED_KEY_FILE`] is sealed as.
const SEALED_KEY_NAME: &[u8] = b"postern master key";
/// The credential's name under systemd (`LoadCredentialEncrypted=postern.key:...`).
pub const CREDENTIAL: &str = "postern.key";
/// Bytes that [`Sealer::seal`] adds: the nonce (24) and the tag (16).
pub const OVERHEAD: usize = NONCE_LEN + 16;

const NONCE_LEN: usize = 24;

/// Why there is no master key. Each is one line: what is wrong and what to do.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// Other users could read or change it.
    #[error("{0} has mode {1:04o}; it must be 0600: chmod 600 it, and consider the key known to others")]
    Mode(PathBuf, u32),
    /// It belongs to somebody else.
    #[error("{0} belongs to user {1}, not to user {2} whom posternd runs as: chown it")]
    Owner(PathBuf, u32, u32),
    /// A directory, a link, a device.
    #[error("{0} is not a regular file: put the key file back")]
    Kind(PathBuf),
    /// Cut, or something else altogether.
    #[error("{0} holds {1} bytes instead of {2}: put the key back from a copy")]
    Size(PathBuf, u64, usize),
    /// A new key would make the store unreadable for good.
    #[error("{0} is missing, but a store sealed under it is there: put the key back from a copy")]
    Gone(PathBuf),
    /// The credential is another one than it was sealed under.
    #[error(
        "{0} does not open under the credential {CREDENTIAL}: the credential was changed; put the old one back, or empty the state directory and restore a backup"
    )]
    Sealed(PathBuf),
    /// The key lies sealed, and what opens it is not there.
    #[error("{0} is there, but not the credential {CREDENTIAL} that opens it: start posternd with that credential")]
    NoCredential(PathBuf),
    /// The file could not be read or made.
    #[error("{0}: {1}")]
    Io(PathBuf, #[source] io::Error),
}

/// The key everything else is made from. Wiped on drop.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct MasterKey([u8; KEY_LEN]);

impl std::fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("MasterKey(..)")
    }
}

impl MasterKey {
    /// These bytes.
    pub fn from_bytes(bytes: [u8; KEY_LEN]) -> Self {
        Self(bytes)
    }

    /// The key of this box: the credential [`CREDENTIAL`] in `credentials` (systemd's `$CREDENTIALS_DIRECTORY`) if it is there, or what
    /// [`SEALED_KEY_FILE`] opens to under it, if that is there; without a credential [`KEY_FILE`] in `state_dir`, which is made at the
    /// first start (unless a store is already there).
    pub fn load(state_dir: &Path, credentials: Option<&Path>) -> Result<Self, KeyError> {
        let sealed = state_dir.join(SEALED_KEY_FILE);
        if let Some(credential) = Self::credential(credentials)? {
            let Some(bytes) = read(&sealed, Guard::File, KEY_LEN + OVERHEAD)? else {
                return Ok(credential);
            };
            return credential.open_key(&bytes).ok_or(KeyError::Sealed(sealed));
        }
        let path = state_dir.join(KEY_FILE);
        if let Some(key) = read(&path, Guard::File, KEY_LEN)? {
            return Ok(Self::of(&key));
        }
        // What cannot be looked at is not taken for gone: a new key would open nothing.
        let there = |path: &Path| path.try_exists().map_err(|e| KeyError::Io(path.to_owned(), e));
        if there(&sealed)? {
            return Err(KeyError::NoCredential(sealed));
        }
        if there(&state_dir.join(crate::store::STORE_DIR))? {
            return Err(KeyError::Gone(path));
        }
        make(&path)
    }

    /// The box's own credential, where there is one.
    pub fn credential(credentials: Option<&Path>) -> Result<Option<Self>, KeyError> {
        let Some(path) = credentials.map(|dir| dir.join(CREDENTIAL)) else {
            return Ok(None);
        };
        Ok(read(&path, Guard::Credential, KEY_LEN)?.map(|key| Self::of(&key)))
    }

    fn of(bytes: &[u8]) -> Self {
        let mut key = Self([0; KEY_LEN]);
        key.0.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
        key
    }

    /// The bytes, for a backup, which seals them again.
    pub(crate) fn expose(&self) -> &[u8; KEY_LEN] {
        &self.0
    }

    /// What stands in [`SEALED_KEY_FILE`] so that this credential opens it to `key`.
    pub(crate) fn seal_key(&self, key: &MasterKey) -> Result<Vec<u8>, SealError> {
        Sealer::new(self).seal(SEALED_KEY_NAME, &key.0)
    }

    fn open_key(&self, sealed: &[u8]) -> Option<MasterKey> {
        let key = Sealer::new(self).open(SEALED_KEY_NAME, sealed).ok()?;
        (key.len() == KEY_LEN).then(|| Self::of(&key))
    }
}

/// Who keeps other users away from the key.
#[derive(Clone, Copy, PartialEq)]
enum Guard {
    /// systemd: its directory is closed to others, and an access list may show in the group bits.
    Credential,
    /// The file's own mode.
    File,
}

fn read(path: &Path, guard: Guard, len: usize) -> Result<Option<Zeroizing<Vec<u8>>>, KeyError> {
    let fail = |e| KeyError::Io(path.to_owned(), e);
    match fs::symlink_metadata(path) {
        Ok(meta) if guard == Guard::File && !meta.file_type().is_file() => return Err(KeyError::Kind(path.to_owned())),
        Ok(_) => {}
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(fail(e)),
    }
    let mut file = File::open(path).map_err(fail)?;
    let meta = file.metadata().map_err(fail)?;
    if !meta.is_file() {
        return Err(KeyError::Kind(path.to_owned()));
    }
    let mode = meta.mode() & 0o7777;
    let open_to_others = match guard {
        Guard::Credential => mode & 0o007,
        Guard::File => mode & 0o177,
    };
    if open_to_others != 0 {
        return Err(KeyError::Mode(path.to_owned(), mode));
    }
    let me = nix::unistd::geteuid().as_raw();
    if guard == Guard::File && meta.uid() != me {
        return Err(KeyError::Owner(path.to_owned(), meta.uid(), me));
    }
    if meta.len() != len as u64 {
        return Err(KeyError::Size(path.to_owned(), meta.len(), len));
    }
    let mut bytes = Zeroizing::new(vec![0; len]);
    file.read_exact(&mut bytes).map_err(fail)?;
    Ok(Some(bytes))
}

/// Writes a new key beside its place and links it there, so that a power cut leaves a whole key or none.
fn make(path: &Path) -> Result<MasterKey, KeyError> {
    let fail = |e| KeyError::Io(path.to_owned(), e);
    let mut key = MasterKey([0; KEY_LEN]);
    random(&mut key.0).map_err(fail)?;
    let beside = path.with_extension("new");
    match fs::remove_file(&beside) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(fail(e)),
        _ => {}
    }
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&beside)
        .map_err(fail)?;
    file.write_all(&key.0).and_then(|()| file.sync_all()).map_err(fail)?;
    // A link, not a rename: it fails if a key came into being meanwhile.
    fs::hard_link(&beside, path).map_err(fail)?;
    fs::remove_file(&beside).map_err(fail)?;
    let parent = path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    File::open(parent).and_then(|dir| dir.sync_all()).map_err(fail)?;
    Ok(key)
}

pub(crate) fn random(out: &mut [u8]) -> io::Result<()> {
    SystemRandom::new()
        .fill(out)
        .map_err(|_| io::Error::other("the system gives no random bytes"))
}

/// Why sealed bytes do not open, or plain ones cannot be sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// Too short, changed, under another name, or sealed under another key.
    #[error("the sealed bytes do not open: changed, moved, or sealed under another key")]
    Open,
    /// The system gives no random bytes, or there are too many bytes.
    #[error("sealing failed")]
    Seal,
}

/// Seals, opens and marks under keys made from the master key. Cheap to clone.
#[derive(Clone)]
pub struct Sealer(Arc<Keys>);

struct Keys {
    records: XChaCha20Poly1305,
    copies: XChaCha20Poly1305,
    marks: hmac::Key,
    hashes: hmac::Key,
    chains: hmac::Key,
    id: [u8; 8],
}

impl std::fmt::Debug for Sealer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Sealer(..)")
    }
}

impl Sealer {
    /// Makes the keys: HMAC-SHA256 of the master key over a label each (HKDF's expand step, RFC 5869 2.3, for one block; the
    /// master key is random, so its extract step adds nothing).
    pub fn new(master: &MasterKey) -> Self {
        let master = hmac::Key::new(hmac::HMAC_SHA256, &master.0);
        let sub = |label: &str| Zeroizing::new(tag(&master, &[b"postern ", label.as_bytes(), &[1]]));
        let cipher = |label| XChaCha20Poly1305::new((&*sub(label)).into());
        let keyed = |label| hmac::Key::new(hmac::HMAC_SHA256, &*sub(label));
        let mut id = [0; 8];
        id.iter_mut()
            .zip(sub("key id").iter())
            .for_each(|(to, from)| *to = *from);
        Self(Arc::new(Keys {
            records: cipher("records"),
            copies: cipher("copies"),
            marks: keyed("seed marks"),
            hashes: keyed("keyed hashes"),
            chains: keyed("chains"),
            id,
        }))
    }

    /// Seals `plain` with XChaCha20-Poly1305 under a random nonce: nonce, then ciphertext and tag. `aad` is the record's name: the
    /// bytes open under the same name only (R21).
    pub fn seal(&self, aad: &[u8], plain: &[u8]) -> Result<Vec<u8>, SealError> {
        let mut nonce = [0; NONCE_LEN];
        random(&mut nonce).map_err(|_| SealError::Seal)?;
        let sealed = self
            .0
            .records
            .encrypt(XNonce::from_slice(&nonce), Payload { msg: plain, aad })
            .map_err(|_| SealError::Seal)?;
        let mut out = Vec::with_capacity(NONCE_LEN + sealed.len());
        out.extend_from_slice(&nonce);
        out.extend_from_slice(&sealed);
        Ok(out)
    }

    /// Opens what [`Sealer::seal`] sealed under the same name.
    pub fn open(&self, aad: &[u8], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, SealError> {
        let (nonce, rest) = sealed.split_at_checked(NONCE_LEN).ok_or(SealError::Open)?;
        self.0
            .records
            .decrypt(XNonce::from_slice(nonce), Payload { msg: rest, aad })
            .map(Zeroizing::new)
            .map_err(|_| SealError::Open)
    }

    /// The cipher of whole-store copies, whose nonces are counted rather than drawn.
    pub(crate) fn copies(&self) -> &XChaCha20Poly1305 {
        &self.0.copies
    }

    /// A seed's name that says nothing of the seed (R16).
    pub fn seed_mark(&self, seed: &[u8]) -> SeedMark {
        let mut mark = [0; 16];
        let tag = tag(&self.0.marks, &[seed]);
        mark.iter_mut().zip(tag).for_each(|(to, from)| *to = from);
        SeedMark(mark)
    }

    /// HMAC-SHA256 of `bytes` under a key of the box, apart for each `label`.
    pub fn keyed_hash(&self, label: &str, bytes: &[u8]) -> [u8; 32] {
        tag(
            &self.0.hashes,
            &[&(label.len() as u64).to_be_bytes(), label.as_bytes(), bytes],
        )
    }

    /// The key of a journal's chain; `label` is the journal's name, so that a segment of one journal means nothing in another.
    pub fn chain_key(&self, label: &str) -> Zeroizing<[u8; KEY_LEN]> {
        Zeroizing::new(tag(&self.0.chains, &[label.as_bytes()]))
    }

    /// Says which master key this is, and nothing of it.
    pub fn key_id(&self) -> [u8; 8] {
        self.0.id
    }
}

fn tag(key: &hmac::Key, parts: &[&[u8]]) -> [u8; 32] {
    let mut context = hmac::Context::with_key(key);
    parts.iter().for_each(|part| context.update(part));
    let mut out = [0; 32];
    out.iter_mut()
        .zip(context.sign().as_ref())
        .for_each(|(to, from)| *to = *from);
    out
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn sealer(byte: u8) -> Sealer {
        Sealer::new(&MasterKey::from_bytes([byte; 32]))
    }

    #[test]
    fn r21_sealed_bytes_open_under_their_name_and_key_only() {
        let sealed = sealer(1).seal(b"token 7", b"12345678901234567890").unwrap();
        assert_eq!(sealed.len(), 20 + OVERHEAD);
        assert_eq!(
            sealer(1).open(b"token 7", &sealed).unwrap().as_slice(),
            b"12345678901234567890"
        );
        assert_eq!(sealer(1).open(b"token 8", &sealed), Err(SealError::Open));
        assert_eq!(sealer(2).open(b"token 7", &sealed), Err(SealError::Open));
        for i in 0..sealed.len() {
            let mut bad = sealed.clone();
            bad[i] ^= 1;
            assert_eq!(sealer(1).open(b"token 7", &bad), Err(SealError::Open), "byte {i}");
            assert_eq!(
                sealer(1).open(b"token 7", &sealed[..i]),
                Err(SealError::Open),
                "cut at {i}"
            );
        }
        assert_ne!(
            sealer(1).seal(b"token 7", b"12345678901234567890").unwrap(),
            sealed,
            "a nonce was used twice"
        );
    }

    #[test]
    fn r21_keys_and_labels_are_apart() {
        let (a, b) = (sealer(1), sealer(2));
        assert_ne!(a.key_id(), b.key_id());
        assert_ne!(a.seed_mark(b"seed"), b.seed_mark(b"seed"));
        assert_eq!(a.seed_mark(b"seed"), a.seed_mark(b"seed"));
        assert_ne!(a.keyed_hash("login", b"x"), a.keyed_hash("state", b"x"));
        assert_ne!(a.keyed_hash("a", b"bc"), a.keyed_hash("ab", b"c"));
        assert_ne!(*a.chain_key("logins"), *a.chain_key("operators"));
    }

    #[test]
    fn r21_the_key_file_is_made_once_with_mode_0600() {
        let dir = tempfile::tempdir().unwrap();
        let made = Sealer::new(&MasterKey::load(dir.path(), None).unwrap());
        let again = Sealer::new(&MasterKey::load(dir.path(), None).unwrap());
        assert_eq!(made.key_id(), again.key_id());
        let meta = fs::metadata(dir.path().join(KEY_FILE)).unwrap();
        assert_eq!((meta.mode() & 0o7777, meta.len(), meta.nlink()), (0o600, 32, 1));
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn r21_a_key_file_that_is_not_right_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(KEY_FILE);
        MasterKey::load(dir.path(), None).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        let refused = MasterKey::load(dir.path(), None).unwrap_err();
        assert!(matches!(refused, KeyError::Mode(_, 0o640)), "{refused}");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        fs::write(&path, [0; 31]).unwrap();
        assert!(matches!(
            MasterKey::load(dir.path(), None),
            Err(KeyError::Size(_, 31, 32))
        ));
        fs::remove_file(&path).unwrap();
        std::os::unix::fs::symlink("/etc/hostname", &path).unwrap();
        assert!(matches!(MasterKey::load(dir.path(), None), Err(KeyError::Kind(_))));
        fs::remove_file(&path).unwrap();
        fs::create_dir(dir.path().join(crate::store::STORE_DIR)).unwrap();
        assert!(
            matches!(MasterKey::load(dir.path(), None), Err(KeyError::Gone(_))),
            "a new key would orphan the store"
        );
        assert!(!path.exists());
    }

    #[test]
    fn r21_a_credential_goes_before_the_file() {
        let (state, credentials) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let file = MasterKey::load(state.path(), Some(credentials.path())).unwrap();
        let path = credentials.path().join(CREDENTIAL);
        fs::write(&path, [9; 32]).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o440)).unwrap();
        let credential = MasterKey::load(state.path(), Some(credentials.path())).unwrap();
        assert_eq!(credential.0, [9; 32]);
        assert_ne!(file.0, credential.0);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o444)).unwrap();
        assert!(matches!(
            MasterKey::load(state.path(), Some(credentials.path())),
            Err(KeyError::Mode(..))
        ));
    }

    /// A credentials directory as systemd would make it.
    fn credential(bytes: [u8; 32]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(CREDENTIAL);
        fs::write(&path, bytes).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o400)).unwrap();
        dir
    }

    #[test]
    fn r21_a_sealed_key_opens_under_its_credential_alone_and_nothing_is_destroyed() {
        let state = tempfile::tempdir().unwrap();
        let path = state.path().join(SEALED_KEY_FILE);
        let mine = MasterKey::from_bytes([9; 32]);
        let sealed = mine.seal_key(&MasterKey::from_bytes([5; 32])).unwrap();
        fs::write(&path, &sealed).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        let (good, other) = (credential([9; 32]), credential([8; 32]));
        assert_eq!(MasterKey::load(state.path(), Some(good.path())).unwrap().0, [5; 32]);
        let changed = MasterKey::load(state.path(), Some(other.path())).unwrap_err();
        assert!(matches!(changed, KeyError::Sealed(_)), "{changed}");
        let line = changed.to_string();
        assert!(
            line.contains("the credential was changed") && !line.contains('\n'),
            "{line}"
        );
        let gone = MasterKey::load(state.path(), None).unwrap_err();
        assert!(matches!(gone, KeyError::NoCredential(_)), "{gone}");
        assert_eq!(fs::read(&path).unwrap(), sealed);
        assert_eq!(fs::read_dir(state.path()).unwrap().count(), 1, "no key was made");
        for at in 0..sealed.len() {
            let mut bad = sealed.clone();
            bad[at] ^= 1;
            fs::write(&path, &bad).unwrap();
            assert!(MasterKey::load(state.path(), Some(good.path())).is_err(), "byte {at}");
        }
    }
}
