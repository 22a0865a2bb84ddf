//! Token files that lie near: files with the usual endings in a few directories, found without looking at everything, and read whole
//! by the console's own rights (R25). What is no ordinary file is neither shown nor opened: nothing here can wait for ever.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::super::pick::Item;
use crate::enrol::rows::FILE_MAX;
use crate::text::shown;

/// Most directory entries that are looked at in all.
const ENTRIES_MAX: usize = 200;
/// Directories below the named ones.
const DEPTH_MAX: usize = 2;
/// How the names of token files end: Azure's, Graph's, PSKC's, lists of URIs.
const ENDS: [&str; 6] = ["csv", "json", "xml", "pskc", "pskcxml", "txt"];

/// A file that may hold tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Where.
    pub path: PathBuf,
    /// Bytes.
    pub size: u64,
}

impl Item for Found {
    fn path(&self) -> &Path {
        &self.path
    }

    fn row(&self) -> String {
        let part = |part: Option<&std::ffi::OsStr>| shown(&part.unwrap_or_default().to_string_lossy());
        let name = part(self.path.file_name());
        let place = part(self.path.parent().map(Path::as_os_str));
        format!("{name:<34}  {:>9}  {place}", shown_size(self.size))
    }
}

/// The files that may hold tokens in these directories and two levels below, by name. Links are not followed.
pub fn find(dirs: &[PathBuf]) -> Vec<Found> {
    let mut found = Vec::new();
    let mut left = ENTRIES_MAX;
    for dir in dirs {
        look(dir, DEPTH_MAX, &mut left, &mut found);
    }
    found
}

fn look(dir: &Path, depth: usize, left: &mut usize, found: &mut Vec<Found>) {
    let Ok(entries) = fs::read_dir(dir) else { return };
    let mut files = Vec::new();
    let mut below = Vec::new();
    for entry in entries.take(*left).flatten() {
        *left = left.saturating_sub(1);
        let Ok(kind) = entry.file_type() else { continue };
        let path = entry.path();
        if kind.is_dir() {
            below.push(path);
        } else if kind.is_file() && ends_well(&path) {
            let size = entry.metadata().map_or(0, |metadata| metadata.len());
            files.push(Found { path, size });
        }
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    found.extend(files);
    below.sort();
    for dir in below {
        if depth > 0 && *left > 0 {
            look(&dir, depth - 1, left, found);
        }
    }
}

fn ends_well(path: &Path) -> bool {
    path.extension()
        .is_some_and(|end| ENDS.iter().any(|known| end.eq_ignore_ascii_case(known)))
}

/// A file's bytes, wiped when dropped.
///
/// # Errors
/// One line: what is wrong and what to do.
pub fn read(path: &Path) -> Result<Zeroizing<Vec<u8>>, String> {
    let name = shown(&path.to_string_lossy());
    let wrong = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::NotFound => format!("there is no file {name}"),
        std::io::ErrorKind::PermissionDenied => format!("{name} may not be read by the console: open it to its user"),
        _ => format!("{name} cannot be read: {error}"),
    };
    let metadata = fs::metadata(path).map_err(wrong)?;
    if !metadata.is_file() {
        return Err(format!("{name} is no file: name a token file"));
    }
    let most = u64::try_from(FILE_MAX).unwrap_or(u64::MAX);
    if metadata.len() > most {
        return Err(format!(
            "{name} is larger than 32 MiB: that is no token file, or split it"
        ));
    }
    // Room for all of it at once, so that growing leaves no copy of keys behind.
    let room = usize::try_from(metadata.len()).unwrap_or(0).saturating_add(1);
    let mut bytes = Zeroizing::new(Vec::with_capacity(room));
    let file = File::open(path).map_err(wrong)?;
    file.take(most.saturating_add(1))
        .read_to_end(&mut bytes)
        .map_err(wrong)?;
    Ok(bytes)
}

/// A size as people say it.
fn shown_size(bytes: u64) -> String {
    match bytes {
        0..1_024 => format!("{bytes} bytes"),
        1_024..1_048_576 => format!("{} KiB", bytes.div_ceil(1_024)),
        _ => format!("{} MiB", bytes.div_ceil(1_048_576)),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
mod tests {
    use super::*;

    #[test]
    fn token_files_are_found_two_levels_deep_and_nothing_else_is() {
        let dir = tempfile::tempdir().unwrap();
        let at = |path: &str| dir.path().join(path);
        fs::create_dir_all(at("a/b/c")).unwrap();
        for file in [
            "b.csv",
            "A.CSV",
            "a/one.csv",
            "a/b/two.csv",
            "a/b/c/deep.csv",
            "notes.odt",
            "csv",
            "c.PSKCXML",
            "d.json",
            ".hidden",
        ] {
            fs::write(at(file), "x").unwrap();
        }
        std::os::unix::fs::symlink(at("b.csv"), at("link.csv")).unwrap();
        std::os::unix::fs::symlink(dir.path(), at("loop")).unwrap();
        let found = find(&[dir.path().to_owned(), at("missing")]);
        let names: Vec<String> = found
            .iter()
            .map(|one| one.path.strip_prefix(dir.path()).unwrap().display().to_string())
            .collect();
        assert_eq!(
            names,
            ["A.CSV", "b.csv", "c.PSKCXML", "d.json", "a/one.csv", "a/b/two.csv"]
        );
        assert_eq!(found[0].size, 1);
    }

    #[test]
    fn a_directory_full_of_files_is_not_looked_through() {
        let dir = tempfile::tempdir().unwrap();
        for number in 0..ENTRIES_MAX + 50 {
            fs::write(dir.path().join(format!("{number}.csv")), "").unwrap();
        }
        let twice = [dir.path().to_owned(), dir.path().to_owned()];
        assert_eq!(find(&twice).len(), ENTRIES_MAX);
    }

    #[test]
    fn r25_what_is_no_file_is_not_opened_and_says_so_in_one_line() {
        let dir = tempfile::tempdir().unwrap();
        let missing = dir.path().join("missing.csv");
        for (path, words) in [
            (missing.as_path(), "there is no file"),
            (dir.path(), "is no file"),
            (Path::new("/dev/zero"), "is no file"),
        ] {
            let line = read(path).unwrap_err();
            assert!(line.contains(words) && !line.contains('\n'), "{line}");
        }
        let large = dir.path().join("large.csv");
        let file = File::create(&large).unwrap();
        file.set_len(FILE_MAX as u64 + 1).unwrap();
        assert!(read(&large).unwrap_err().contains("larger than 32 MiB"));
    }
}
