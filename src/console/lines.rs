//! What each line can show, remembered over restarts. In: a folder of the console's own; out: the capabilities of a line. Where
//! there is no folder, nothing is remembered and nothing fails.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};

use super::caps::Caps;

/// The file in the folder.
const FILE: &str = "lines.json";
/// Lines remembered; a box has a handful, and each pseudo-terminal has a name of its own.
const LINES_MAX: usize = 64;

/// The memory.
#[derive(Debug)]
pub struct Lines {
    path: Option<PathBuf>,
}

impl Lines {
    /// In this folder, or nowhere.
    pub fn new(dir: Option<&Path>) -> Self {
        Self {
            path: dir.map(|dir| dir.join(FILE)),
        }
    }

    /// What is remembered of a line.
    pub fn get(&self, line: &str) -> Option<Caps> {
        self.read().get(line).copied()
    }

    /// Remembers a line.
    ///
    /// # Errors
    /// The file could not be written.
    pub fn set(&self, line: &str, caps: Caps) -> std::io::Result<()> {
        let Some(path) = &self.path else { return Ok(()) };
        let mut all = self.read();
        if all.len() >= LINES_MAX && !all.contains_key(line) {
            all.clear();
        }
        all.insert(line.to_owned(), caps);
        // Two consoles may write at once: each file is whole, and the last one stands.
        let fresh = path.with_extension(format!("{}.new", std::process::id()));
        let mut file = std::fs::File::create(&fresh)?;
        file.write_all(&serde_json::to_vec(&all)?)?;
        std::fs::rename(fresh, path)
    }

    fn read(&self) -> BTreeMap<String, Caps> {
        let bytes = self.path.as_ref().and_then(|path| std::fs::read(path).ok());
        bytes
            .and_then(|bytes| serde_json::from_slice(&bytes).ok())
            .unwrap_or_default()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_remembered_and_a_broken_file_is_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let lines = Lines::new(Some(dir.path()));
        assert_eq!(lines.get("ttyS0"), None);
        lines.set("ttyS0", Caps::FULL).unwrap();
        lines.set("tty1", Caps::default()).unwrap();
        assert_eq!(lines.get("ttyS0"), Some(Caps::FULL));
        std::fs::write(dir.path().join(FILE), "{").unwrap();
        assert_eq!(lines.get("ttyS0"), None);
        Lines::new(None).set("ttyS0", Caps::FULL).unwrap();
    }
}
