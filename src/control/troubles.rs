//! What keeps the box from working, where posternd does not run to say it: the files that postern-host writes, and posternd whose start
//! fails. In: the files, JSON lists that anybody may read; out: what stands in them, each time it is another. It is bounded, its text is
//! made safe to show (R22), and what cannot be understood says nothing.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use super::Trouble;
use crate::text::is_invisible;

/// Bytes of a file.
const FILE_MAX: u64 = 64 * 1024;
/// Troubles that are shown; one is most often enough.
const TROUBLES_MAX: usize = 4;
/// Characters of a line.
const LINE_MAX: usize = 300;

/// The files and what they said last.
#[derive(Debug)]
pub struct Troubles {
    paths: Vec<PathBuf>,
    said: Vec<Trouble>,
}

impl Troubles {
    /// Nothing was read yet.
    pub fn new(paths: &[PathBuf]) -> Self {
        Self {
            paths: paths.to_vec(),
            said: Vec::new(),
        }
    }

    /// The first one, where there is one.
    pub fn first(mut self) -> Option<Trouble> {
        self.look().and_then(|all| all.into_iter().next())
    }

    /// Reads them again; answers what stands in them where that is something else than before.
    pub fn look(&mut self) -> Option<Vec<Trouble>> {
        let mut now: Vec<Trouble> = self.paths.iter().filter_map(|path| read(path)).flatten().collect();
        now.truncate(TROUBLES_MAX);
        if now == self.said {
            return None;
        }
        self.said.clone_from(&now);
        Some(now)
    }
}

fn read(path: &Path) -> Option<Vec<Trouble>> {
    let metadata = std::fs::symlink_metadata(path).ok()?;
    if !metadata.is_file() || metadata.len() > FILE_MAX {
        return None;
    }
    let mut bytes = Vec::new();
    File::open(path).ok()?.take(FILE_MAX).read_to_end(&mut bytes).ok()?;
    let all: Vec<Trouble> = serde_json::from_slice(&bytes).ok()?;
    let safe = |trouble: Trouble| Trouble {
        code: line(&trouble.code),
        what: line(&trouble.what),
        todo: line(&trouble.todo),
    };
    Some(all.into_iter().take(TROUBLES_MAX).map(safe).collect())
}

/// One line without anything that changes how its neighbours look.
fn line(text: &str) -> String {
    let mut out = String::new();
    for character in text.chars().take(LINE_MAX) {
        match character.is_control() || is_invisible(character) {
            true => out.extend(character.escape_unicode()),
            false => out.push(character),
        }
    }
    out
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
mod tests {
    use super::*;

    fn trouble(what: &str) -> Trouble {
        Trouble {
            code: "var-lost".to_owned(),
            what: what.to_owned(),
            todo: "Look.".to_owned(),
        }
    }

    #[test]
    fn what_changed_is_told_once_and_what_is_no_list_is_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("trouble.json");
        let mut troubles = Troubles::new(std::slice::from_ref(&path));
        assert_eq!(troubles.look(), None, "no file, nothing new");
        let write = |list: &[Trouble]| std::fs::write(&path, serde_json::to_vec(list).unwrap()).unwrap();
        write(&[trouble("one")]);
        assert_eq!(troubles.look(), Some(vec![trouble("one")]));
        assert_eq!(troubles.look(), None);
        write(&[trouble("two")]);
        assert_eq!(troubles.look(), Some(vec![trouble("two")]));
        std::fs::write(&path, "{").unwrap();
        assert_eq!(troubles.look(), Some(Vec::new()));
    }

    #[test]
    fn r22_it_is_bounded_and_safe_to_show() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("trouble.json");
        let wild = format!("\x1b[2J\u{202e}{}", "x".repeat(5_000));
        std::fs::write(&path, serde_json::to_vec(&vec![trouble(&wild); 9]).unwrap()).unwrap();
        let found = Troubles::new(std::slice::from_ref(&path)).look().unwrap();
        assert_eq!(found.len(), TROUBLES_MAX);
        assert!(found[0].what.starts_with("\\u{1b}[2J\\u{202e}x") && found[0].what.len() < LINE_MAX + 20);
        let large = vec![trouble(&"x".repeat(200)); 500];
        std::fs::write(&path, serde_json::to_vec(&large).unwrap()).unwrap();
        assert_eq!(read(&path), None);
        std::fs::remove_file(&path).unwrap();
        std::os::unix::fs::symlink("/dev/zero", &path).unwrap();
        assert_eq!(read(&path), None, "a link is not followed");
    }
}
