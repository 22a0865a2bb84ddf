//! One page of the users, and what it says about a name: whether it is here, and where it may be if it is not. Pure.

use crate::control::UserRow;

/// One page of the list and what it is a page of. posternd sorts by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Window {
    pub(super) search: String,
    pub(super) offset: usize,
    pub(super) users: Vec<UserRow>,
    pub(super) total: usize,
}

impl Window {
    /// The row, among all, of the user with this name.
    pub(super) fn place(&self, name: &str) -> Option<usize> {
        let at = self.users.iter().position(|row| row.name == name)?;
        Some(at.saturating_add(self.offset))
    }

    /// The row, among all, of the user whose name was typed in full.
    pub(super) fn exact(&self) -> Option<usize> {
        self.place(&self.search.to_lowercase())
    }

    /// What was typed leaves one user.
    pub(super) fn is_single(&self) -> bool {
        self.total == 1 && !self.search.is_empty()
    }

    /// Where the page begins that may hold a name that is not on this one; none where the name would stand here.
    pub(super) fn toward(&self, name: &str, height: usize) -> Option<usize> {
        let end = self.offset.saturating_add(self.users.len());
        match (self.users.first(), self.users.last()) {
            // So many went that there is no such page any more.
            (None, _) | (_, None) => (self.offset > 0).then(|| self.total.saturating_sub(height)),
            (Some(first), _) if name < first.name.as_str() => {
                (self.offset > 0).then(|| self.offset.saturating_sub(height))
            }
            (_, Some(last)) if name > last.name.as_str() => (end < self.total).then_some(end),
            _ => None,
        }
    }
}
