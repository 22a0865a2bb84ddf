//! What the operations share. In: names as typed, errors of the store and the journal; out: users, and one plain line for what went
//! wrong. Makes the secrets that the box itself chooses.

use zeroize::Zeroizing;

use crate::audit::Spent;
use crate::control::check;
use crate::control::ops::Failure;
use crate::door::events::{Event, encode};
use crate::door::{Door, fill_random};
use crate::factors::second::bypass::ALPHABET;
use crate::names::{CanonicalName, NameError};
use crate::secret::Secret;
use crate::store::StoreError;
use crate::store::records::{ClientId, OperatorId, User, UserId};
use crate::text::shown;

/// A name as typed, made canonical (R3).
pub(in crate::door) fn canonical(door: &Door, typed: &str) -> Result<CanonicalName, Failure> {
    check::user_name(typed)?;
    door.domains()
        .canonical_str(typed)
        .map_err(|error| name_failure(typed, &error))
}

/// Why a name has no canonical form: wrong in itself, or only as the tenants are now.
pub(super) fn name_failure(typed: &str, error: &NameError) -> Failure {
    let line = format!("{}: {error}", shown(typed));
    match error {
        NameError::Empty | NameError::NotUtf8 | NameError::TooLong | NameError::Character(_) | NameError::Malformed => {
            Failure::usage(line)
        }
        NameError::NoDefault
        | NameError::AmbiguousPrefix(_)
        | NameError::UnknownPrefix(_)
        | NameError::Inconsistent(_) => Failure::refused(line),
    }
}

/// What an operation is done to, for its record (R23).
#[derive(Debug, Default)]
pub(super) struct Target {
    /// For people; becomes the canonical name, where there is one.
    pub(super) text: String,
    /// Every user it is done to, by canonical name.
    pub(super) users: Vec<String>,
    /// The one user: a restore finds a renamed one by it (R20).
    pub(super) user: Option<UserId>,
    /// The client.
    pub(super) client: Option<ClientId>,
    /// The operator.
    pub(super) staff: Option<OperatorId>,
    /// That it begins is on record already: how it ends is, too, whatever it is.
    pub(super) begun: bool,
}

impl Target {
    /// It is this user's name, whether there is such a user or not.
    pub(super) fn named(&mut self, name: &CanonicalName) {
        name.as_str().clone_into(&mut self.text);
        self.users = vec![shown(name.as_str())];
    }
}

/// The user whom a name as typed means, noted in `target`.
pub(super) fn find(door: &Door, typed: &str, target: &mut Target) -> Result<User, Failure> {
    let name = canonical(door, typed)?;
    target.named(&name);
    let user = door.store.user_named(name.as_str()).map_err(store_failure)?;
    target.user = user.as_ref().map(|user| user.id);
    user.ok_or_else(|| {
        Failure::not_found(format!(
            "there is no user {}: look with `postern user list`, or add the user with `postern user add`",
            shown(name.as_str())
        ))
    })
}

/// The name of a user by number, to be shown.
pub(super) fn name_of(door: &Door, user: UserId) -> String {
    match door.store.user(user) {
        Ok(Some(user)) => shown(&user.name),
        _ => "another user".to_owned(),
    }
}

/// What the store would not do.
pub(super) fn store_failure(error: StoreError) -> Failure {
    let line = error.to_string();
    match error {
        StoreError::NameTaken | StoreError::ClientNameTaken | StoreError::NetTaken | StoreError::OperatorNameTaken => {
            Failure::exists(line)
        }
        StoreError::SeedTaken { .. } | StoreError::SeedUnassigned | StoreError::OtherUser => Failure::refused(line),
        StoreError::NotFound(_) => Failure::not_found(format!("{line}: somebody else has just removed it")),
        StoreError::TooLong | StoreError::Damaged | StoreError::Io(_) | StoreError::Failed => Failure::failed(line),
    }
}

/// Writes an event of a user's to the journal of logins; on the disk when this returns. Blocks.
pub(super) fn journal(door: &Door, event: &Event) -> Result<(), Failure> {
    match door.logins.append_wait(crate::clock::wall(), encode(event)) {
        Ok(_) => Ok(()),
        Err(error) => Err(Failure::failed(format!(
            "the journal cannot be written: {error}; make room on the disk, then try again"
        ))),
    }
}

/// A step that an operator's request spent, on the disk when this returns (R16).
pub(super) fn journal_spent(door: &Door, user: UserId, spent: Spent) -> Result<(), Failure> {
    journal(door, &Event::Spent(user, spent))
}

/// Random bytes from here on would make the first letters of the alphabet more likely; they are drawn again.
const FAIR: u8 = 248;

/// A secret that people may have to type: capitals and digits without those that look alike, 4.95 bits each.
pub(in crate::door) fn letters(length: usize) -> Secret {
    let mut made = Vec::with_capacity(length);
    let mut bytes = Zeroizing::new([0u8; 64]);
    while made.len() < length {
        fill_random(bytes.as_mut());
        let fair = bytes.iter().filter(|byte| **byte < FAIR);
        let drawn = fair.filter_map(|byte| ALPHABET.get(usize::from(*byte) % ALPHABET.len()));
        made.extend(drawn.take(length - made.len()));
    }
    Secret::new(made)
}
