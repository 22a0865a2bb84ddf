//! A file with secrets in it, made new (R21, R25). In: where it is to lie, and its bytes; out: the whole file with mode 0600, or none.
//! It is opened with the rights of whoever called; never over a file that is there, unless that was asked for; never through a link.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, OFlags, RenameFlags, linkat, renameat_with};

use crate::text::shown;

/// Whoever made the file may read it, and nobody else (R21).
const MODE: u32 = 0o600;
/// What else can be done about a file that is there.
const OR_FORCE: &str = ", or say --force to lose that one";
/// Names that are tried for the file in the making.
const TRIES: u32 = 100;

/// A file in the making; it is gone again unless [`NewFile::finish`] was called.
#[derive(Debug)]
pub struct NewFile {
    file: File,
    /// Where it lies until it is whole; none: it has no name yet, and is gone whatever ends the program.
    part: Option<PathBuf>,
    path: PathBuf,
    /// What is there may go.
    force: bool,
}

impl NewFile {
    /// Whether the file could be made, for before anybody is asked for a password or seeds: nothing is left of the try. Answers what
    /// to warn of.
    ///
    /// # Errors
    /// As for [`NewFile::begin`].
    pub fn look(path: &Path, force: bool) -> Result<Option<String>, String> {
        let new = Self::begin(path, force)?;
        Ok(warning(&new.file).unwrap_or_default())
    }

    /// Makes sure that the file can be written, before anybody is asked for what is to stand in it.
    ///
    /// # Errors
    /// One line: there is one already, the folder is none, no right to write there.
    pub fn begin(path: &Path, force: bool) -> Result<Self, String> {
        Self::begin_as(path, force, nameless)
    }

    /// As [`NewFile::begin`] for a file that comes in pieces, by [`NewFile::add`], and never over one that is there.
    ///
    /// # Errors
    /// As for [`NewFile::begin`].
    pub fn begin_large(path: &Path) -> Result<Self, String> {
        // It has a name from the start: it could not be written a second time.
        Self::begin_as(path, false, |_| None).map_err(|line| line.replace(OR_FORCE, ""))
    }

    /// A piece more; [`NewFile::finish`] ends it with what is left.
    ///
    /// # Errors
    /// One line.
    pub fn add(&mut self, bytes: &[u8]) -> Result<(), String> {
        let name = shown(&self.path.to_string_lossy());
        let written = self.file.write_all(bytes);
        written.map_err(|error| format!("{name} cannot be written: {}", why(&error)))
    }

    fn begin_as(path: &Path, force: bool, nameless: fn(&Path) -> Option<File>) -> Result<Self, String> {
        let name = shown(&path.to_string_lossy());
        if path.file_name().is_none() || path.as_os_str().as_encoded_bytes().ends_with(b"/") {
            return Err(format!("{name} is no name of a file"));
        }
        match fs::symlink_metadata(path) {
            Ok(there) if !there.is_file() => {
                return Err(format!("{name} is no ordinary file: name another one"));
            }
            Ok(_) if !force => return Err(taken(&name)),
            Ok(_) | Err(_) => {}
        }
        let (file, part) = match nameless(folder(path)) {
            Some(file) => (file, None),
            None => {
                let made = free(folder(path), named);
                let (file, part) = made.map_err(|error| format!("{name} cannot be written: {}", why(&error)))?;
                (file, Some(part))
            }
        };
        Ok(Self {
            file,
            part,
            path: path.to_owned(),
            force,
        })
    }

    /// Writes it, and puts it in its place when it is whole and on the disk. Answers what to warn of.
    ///
    /// # Errors
    /// One line; nothing of the file is left.
    pub fn finish(mut self, bytes: &[u8]) -> Result<Option<String>, String> {
        let name = shown(&self.path.to_string_lossy());
        let failed = |error: io::Error| match error.kind() {
            io::ErrorKind::AlreadyExists => taken(&name),
            _ => format!("{name} cannot be written: {}", why(&error)),
        };
        self.write(bytes).map_err(failed)?;
        if self.part.is_none() {
            self.link(bytes).map_err(failed)?;
        }
        if let Some(part) = &self.part {
            self.place(part).map_err(failed)?;
        }
        // The name is on the disk too, as far as the file system lets a folder be written back.
        if let Ok(folder) = File::open(folder(&self.path)) {
            let _ = folder.sync_all();
        }
        warning(&self.file).map_err(failed)
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)?;
        // A stick's file system may not know permissions: what came of it is looked at by `warning`.
        let _ = self.file.set_permissions(fs::Permissions::from_mode(MODE));
        self.file.sync_all()
    }

    /// Gives a file without a name its own; or one in the making, where its own is another file's that may go, or where this cannot
    /// be done.
    fn link(&mut self, bytes: &[u8]) -> io::Result<()> {
        let own = PathBuf::from(format!("/proc/self/fd/{}", self.file.as_raw_fd()));
        let link = |to: &Path| linkat(CWD, &own, CWD, to, AtFlags::SYMLINK_FOLLOW).map_err(io::Error::from);
        let is_taken = match link(&self.path) {
            Ok(()) => return Ok(()),
            Err(error) => error.kind() == io::ErrorKind::AlreadyExists,
        };
        if is_taken && !self.force {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        if let Ok(((), part)) = free(folder(&self.path), link) {
            self.part = Some(part);
            return Ok(());
        }
        let (file, part) = free(folder(&self.path), named)?;
        (self.file, self.part) = (file, Some(part));
        self.write(bytes)
    }

    /// From the name in the making to its own, in one step.
    fn place(&self, part: &Path) -> io::Result<()> {
        if self.force {
            return fs::rename(part, &self.path);
        }
        match renameat_with(CWD, part, CWD, &self.path, RenameFlags::NOREPLACE) {
            Ok(()) => Ok(()),
            // A file system that cannot do that in one step.
            Err(rustix::io::Errno::INVAL | rustix::io::Errno::NOSYS) => match fs::symlink_metadata(&self.path) {
                Ok(_) => Err(io::ErrorKind::AlreadyExists.into()),
                Err(_) => fs::rename(part, &self.path),
            },
            Err(error) => Err(error.into()),
        }
    }
}

impl Drop for NewFile {
    fn drop(&mut self) {
        // Once it is in its place, nothing lies here any more.
        if let Some(part) = &self.part {
            let _ = fs::remove_file(part);
        }
    }
}

/// Where the file is to lie.
fn folder(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// A new file without a name; none where the file system has no such files, or `/proc`, by which it gets its name, is not there.
fn nameless(folder: &Path) -> Option<File> {
    let mut options = OpenOptions::new();
    options.write(true).mode(MODE);
    options.custom_flags(OFlags::TMPFILE.bits().cast_signed());
    let file = options.open(folder).ok()?;
    let own = format!("/proc/self/fd/{}", file.as_raw_fd());
    fs::symlink_metadata(own).is_ok().then_some(file)
}

/// A new file of this name.
fn named(part: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true).mode(MODE);
    options.custom_flags(OFlags::NOFOLLOW.bits().cast_signed()).open(part)
}

/// What is made of the first name for a file in the making that is free.
fn free<T>(folder: &Path, make: impl Fn(&Path) -> io::Result<T>) -> io::Result<(T, PathBuf)> {
    let mut tries = 0;
    loop {
        let part = folder.join(format!(".postern-{}-{tries}.part", std::process::id()));
        match make(&part) {
            Ok(made) => return Ok((made, part)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && tries < TRIES => tries += 1,
            Err(error) => return Err(error),
        }
    }
}

/// Where others can read the file.
fn warning(file: &File) -> io::Result<Option<String>> {
    let is_open = file.metadata()?.permissions().mode() & 0o077 != 0;
    Ok(is_open.then(|| "others on this machine can read the file: its file system keeps no permissions".to_owned()))
}

fn taken(name: &str) -> String {
    format!("{name} is there already: name another file{OR_FORCE}")
}

fn why(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "there is no such folder".to_owned(),
        io::ErrorKind::NotADirectory => "its folder is none".to_owned(),
        io::ErrorKind::PermissionDenied => "no right to write there".to_owned(),
        io::ErrorKind::ReadOnlyFilesystem => "its file system is read-only".to_owned(),
        io::ErrorKind::StorageFull => "there is no room".to_owned(),
        _ => error.to_string(),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
mod tests {
    use super::*;

    fn names(dir: &Path) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(dir)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn r21_the_file_is_whole_with_mode_0600_or_not_there() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("tokens.csv");
        drop(NewFile::begin(&path, false).unwrap());
        assert!(names(dir.path()).is_empty(), "given up, and gone");
        let new = NewFile::begin(&path, false).unwrap();
        assert!(!path.exists(), "not before it is whole");
        assert_eq!(new.finish(b"seeds").unwrap(), None);
        assert_eq!(fs::read(&path).unwrap(), b"seeds");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o600);
        assert_eq!(names(dir.path()), ["tokens.csv"]);
    }

    /// With names in the making as well, as on a stick.
    const WAYS: [fn(&Path) -> Option<File>; 2] = [nameless, |_| None];

    #[test]
    fn an_interrupted_export_leaves_nothing_where_files_need_no_name() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("tokens.csv");
        let new = NewFile::begin(&path, false).unwrap();
        // Not every file system has such files.
        assert_eq!(names(dir.path()).is_empty(), nameless(dir.path()).is_some());
        drop(new);
        assert_eq!(NewFile::look(&path, false), Ok(None));
        assert!(names(dir.path()).is_empty(), "nothing is left of a look");
        for begun in WAYS {
            for force in [false, true] {
                fs::remove_file(&path).ok();
                let new = NewFile::begin_as(&path, force, begun).unwrap();
                assert_eq!(new.finish(b"seeds").unwrap(), None);
                let other = NewFile::begin_as(&path, true, begun).unwrap();
                assert_eq!(other.finish(b"more seeds").unwrap(), None);
                assert_eq!(fs::read(&path).unwrap(), b"more seeds");
                assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o600);
                assert_eq!(names(dir.path()), ["tokens.csv"]);
            }
        }
    }

    #[test]
    fn r21_a_file_that_others_can_read_is_warned_of() {
        let file = tempfile::NamedTempFile::new().unwrap();
        assert_eq!(warning(file.as_file()).unwrap(), None);
        file.as_file()
            .set_permissions(fs::Permissions::from_mode(0o604))
            .unwrap();
        assert!(
            warning(file.as_file())
                .unwrap()
                .unwrap()
                .contains("others on this machine")
        );
    }

    #[test]
    fn what_is_there_stays_unless_it_may_go() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("tokens.csv");
        fs::write(&path, "mine").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        assert!(NewFile::begin(&path, false).unwrap_err().contains("is there already"));
        NewFile::begin(&path, true).unwrap().finish(b"seeds").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"seeds");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o600);
        // Somebody else makes it while the seeds are on their way.
        let other = dir.path().join("other.csv");
        for begun in WAYS {
            fs::remove_file(&other).ok();
            let new = NewFile::begin_as(&other, false, begun).unwrap();
            fs::write(&other, "theirs").unwrap();
            assert!(new.finish(b"seeds").unwrap_err().contains("is there already"));
            assert_eq!(fs::read(&other).unwrap(), b"theirs");
        }
        assert_eq!(names(dir.path()), ["other.csv", "tokens.csv"]);
    }

    #[test]
    fn what_is_no_ordinary_file_is_never_written_through() {
        let dir = tempfile::tempdir().unwrap();
        let (link, target) = (dir.path().join("link"), dir.path().join("target"));
        std::os::unix::fs::symlink(&target, &link).unwrap();
        for (path, words) in [
            (link.as_path(), "no ordinary file"),
            (dir.path(), "no ordinary file"),
            (Path::new("/dev/null"), "no ordinary file"),
            (Path::new("/"), "no name of a file"),
            (&dir.path().join("none/tokens.csv"), "no such folder"),
            (&dir.path().join("link/"), "no name of a file"),
        ] {
            let line = NewFile::begin(path, true).unwrap_err();
            assert!(line.contains(words) && !line.contains('\n'), "{line}");
        }
        assert!(!target.exists());
    }
}
