//! What can be done with a user, for whom, and when. What cannot be done now is not offered.

use crate::console::key::Key;
use crate::console::screen::Context;
use crate::console::screens::tokens::keeps_key;
use crate::control::{Role, UserInfo};

/// One thing that can be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Deed {
    Confirm,
    Enrol,
    Program,
    Assign,
    Clock,
    Resync,
    Bypass,
    Unlock,
    Why,
    Disable,
    Enable,
    Exempt,
    NotExempt,
    Password,
    RemoveToken,
    Remove,
}

impl Deed {
    pub(super) fn key(self) -> Key {
        match self {
            Self::Remove => Key::Delete,
            deed => deed.letter().chars().next().map_or(Key::Delete, Key::Char),
        }
    }

    pub(super) fn letter(self) -> &'static str {
        match self {
            Self::Confirm => "c",
            Self::Enrol => "e",
            Self::Program => "h",
            Self::Assign => "s",
            Self::Clock => "k",
            Self::Resync => "r",
            Self::Bypass => "b",
            Self::Unlock => "u",
            Self::Why => "w",
            Self::Disable | Self::Enable => "d",
            Self::Exempt | Self::NotExempt => "x",
            Self::Password => "p",
            Self::RemoveToken => "t",
            Self::Remove => "Del",
        }
    }

    pub(super) fn words(self) -> &'static str {
        match self {
            Self::Confirm => "Confirm the token",
            Self::Enrol => "New token",
            Self::Program => "Hardware token",
            Self::Assign => "By serial number",
            Self::Clock => "Set its clock",
            Self::Resync => "Set a token right",
            Self::Bypass => "Bypass code",
            Self::Unlock => "Unlock",
            Self::Why => "Why",
            Self::Disable => "Disable",
            Self::Enable => "Enable",
            Self::Exempt => "Exempt from codes",
            Self::NotExempt => "Ask for a code again",
            Self::Password => "Local password",
            Self::RemoveToken => "Remove a token",
            Self::Remove => "Remove the user",
        }
    }

    fn role(self) -> Role {
        match self {
            Self::Why => Role::Auditor,
            Self::Confirm
            | Self::Enrol
            | Self::Program
            | Self::Assign
            | Self::Clock
            | Self::Resync
            | Self::Bypass
            | Self::Unlock
            | Self::RemoveToken => Role::Helpdesk,
            Self::Disable | Self::Enable | Self::Exempt | Self::NotExempt | Self::Password | Self::Remove => {
                Role::Installer
            }
        }
    }

    /// Whether it makes sense for a user who stands so.
    fn fits(self, info: &UserInfo) -> bool {
        let row = &info.row;
        match self {
            Self::Confirm => row.pending_tokens > 0,
            Self::Resync | Self::RemoveToken => !info.tokens.is_empty(),
            Self::Clock => info.tokens.iter().any(keeps_key),
            // It stands in for a token's code (R18).
            Self::Bypass => row.active_tokens > 0 && row.enabled && !row.exempt,
            Self::Disable => row.enabled,
            Self::Enable => !row.enabled,
            Self::Exempt => !row.exempt,
            Self::NotExempt => row.exempt,
            Self::Enrol | Self::Program | Self::Assign | Self::Unlock | Self::Why | Self::Password | Self::Remove => {
                true
            }
        }
    }
}

/// What this operator can do with this user now.
pub(super) fn of(info: &UserInfo, context: &Context) -> Vec<Deed> {
    use Deed as D;
    let mut deeds = vec![
        D::Confirm,
        D::Enrol,
        D::Program,
        D::Assign,
        D::Clock,
        D::Resync,
        D::Bypass,
        D::Unlock,
        D::Why,
        D::Disable,
        D::Enable,
        D::Exempt,
        D::NotExempt,
        D::Password,
        D::RemoveToken,
        D::Remove,
    ];
    deeds.retain(|deed| context.may(deed.role()) && deed.fits(info));
    // A token that was never confirmed is one whose key somebody has, or one whose key nobody saw: both ways stand together.
    let place = |wanted| deeds.iter().position(|deed| *deed == wanted);
    if let (Some(confirm), Some(remove)) = (place(D::Confirm), place(D::RemoveToken)) {
        deeds.remove(remove);
        deeds.insert(confirm.saturating_add(1), D::RemoveToken);
    }
    // What is most likely wanted comes first; the rest keeps its place.
    if !info.locks.is_empty()
        && let Some(at) = deeds.iter().position(|deed| *deed == D::Unlock)
    {
        deeds.remove(at);
        deeds.insert(0, D::Unlock);
    }
    deeds
}
