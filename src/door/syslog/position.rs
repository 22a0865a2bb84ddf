//! How far the records were sent, kept over restarts. In: two numbers; out: the file `STATE_DIR/syslog-position`. It never syncs the
//! disk: after a power cut an older position may come back, and some records go out twice.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

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

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

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
