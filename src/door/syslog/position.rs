//! How far the records were sent, kept over restarts. In: two numbers; out: the file `STATE_DIR/syslog-position`. It never syncs the
//! disk: after a power cut an older position may come back, and some records go out twice.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use crate::control::backup::GoesOn;

/// The file's name.
pub(crate) const FILE: &str = "syslog-position";

/// The last record of each journal that was sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Position {
    pub(super) logins: u64,
    pub(super) operators: u64,
}

impl Position {
    /// As it was kept; none where nothing was ever sent. What cannot be read counts as the beginning: twice is better than never.
    pub(super) fn load(dir: &Path) -> Option<Position> {
        let text = match fs::read_to_string(dir.join(FILE)) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
            Err(error) => {
                tracing::warn!(%error, "{FILE} cannot be read; all records that are kept are sent again");
                return Some(Position::default());
            }
        };
        let read = || {
            let (logins, operators) = text.trim_end().split_once(' ')?;
            Some(Position {
                logins: logins.parse().ok()?,
                operators: operators.parse().ok()?,
            })
        };
        Some(read().unwrap_or_else(|| {
            tracing::warn!("{FILE} makes no sense; all records that are kept are sent again");
            Position::default()
        }))
    }

    /// Keeps it: whole or not at all, for the daemon's user alone.
    pub(super) fn save(self, dir: &Path) -> io::Result<()> {
        let new = dir.join(format!("{FILE}.new"));
        let mut file = fs::OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&new)?;
        file.write_all(format!("{} {}\n", self.logins, self.operators).as_bytes())?;
        fs::rename(&new, dir.join(FILE))
    }
}

/// Puts into `new` how far the logs were sent that a restore makes the box's: this box's own count where its log stays, the backup's where
/// that one comes. Where neither was ever sent, there is no file.
pub(crate) fn merge(state_dir: &Path, new: &Path, stays: GoesOn) -> io::Result<()> {
    let (now, then) = (Position::load(state_dir), Position::load(new));
    if then.is_none() && (now.is_none() || stays == GoesOn::NONE) {
        return Ok(());
    }
    let (now, then) = (now.unwrap_or_default(), then.unwrap_or_default());
    let merged = Position {
        logins: if stays.logins { now.logins } else { then.logins },
        operators: if stays.operators { now.operators } else { then.operators },
    };
    merged.save(new)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_restore_takes_each_log_with_its_own_count() {
        let (now, new) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let stays = |logins, operators| GoesOn { logins, operators };
        merge(now.path(), new.path(), stays(true, false)).unwrap();
        assert_eq!(Position::load(new.path()), None, "nothing was ever sent");
        let of = |logins, operators| Position { logins, operators };
        of(90, 80).save(now.path()).unwrap();
        for (goes_on, wanted) in [
            (stays(true, false), of(90, 6)),
            (stays(false, true), of(5, 80)),
            (stays(false, false), of(5, 6)),
        ] {
            of(5, 6).save(new.path()).unwrap();
            merge(now.path(), new.path(), goes_on).unwrap();
            assert_eq!(Position::load(new.path()), Some(wanted));
        }
    }

    #[test]
    fn it_is_kept_for_this_user_alone() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(Position::load(dir.path()), None);
        let position = Position {
            logins: u64::MAX,
            operators: 7,
        };
        position.save(dir.path()).unwrap();
        assert_eq!(Position::load(dir.path()), Some(position));
        let mode = fs::metadata(dir.path().join(FILE)).unwrap().permissions().mode();
        assert_eq!(mode & 0o7777, 0o600);
        assert_eq!(
            fs::read_dir(dir.path()).unwrap().count(),
            1,
            "nothing is left beside it"
        );
        for bad in ["", "1", "1 x", "-1 2", "1 2 3"] {
            fs::write(dir.path().join(FILE), bad).unwrap();
            assert_eq!(Position::load(dir.path()), Some(Position::default()), "{bad}");
        }
    }
}
