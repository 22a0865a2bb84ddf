//! Why posternd does not run, for the consoles, which nobody else tells: a file beside the control socket, of the same shape as the one
//! of postern-host. In: what ended a start; out: the file, which is gone as soon as a start went well.

use std::io;
use std::path::Path;

use crate::control::{START_TROUBLE, Trouble};
use crate::door::start::StartError;
use crate::host::files;
use crate::journal;
use crate::store::OpenError;

/// Tells the consoles, unless another posternd runs, which answers them. Where nobody has made the folder of the socket yet, there is no
/// console either.
pub fn tell(control: &Path, error: &anyhow::Error) {
    if let Some(StartError::Open(OpenError::Locked(..)) | StartError::Journal(journal::OpenError::Locked(_))) =
        error.downcast_ref()
    {
        return;
    }
    let path = control.with_file_name(START_TROUBLE);
    if !path.parent().is_some_and(Path::is_dir) {
        return;
    }
    let text = serde_json::to_vec(&[of(error)]).unwrap_or_default();
    // Everybody may read it: it holds no secret (R21).
    if let Err(error) = files::write(&path, &text, files::PUBLIC) {
        tracing::debug!(%error, "consoles are not told why posternd does not run");
    }
}

/// It runs.
pub fn over(control: &Path) {
    let _ = std::fs::remove_file(control.with_file_name(START_TROUBLE));
}

/// What is wrong, and what to do.
fn of(error: &anyhow::Error) -> Trouble {
    let store = match error.downcast_ref() {
        Some(StartError::Open(error)) => Some(error),
        _ => None,
    };
    let (code, what, todo) = if is_full(error) {
        (
            "disk-full",
            "The disk is full",
            "Restart the box. If it stays so, make room; on an appliance empty it (boot menu, Factory reset) and restore a backup.",
        )
    } else if matches!(
        store,
        Some(OpenError::Corrupt(_) | OpenError::NoCopy { .. } | OpenError::Restore { .. })
    ) {
        (
            "store-damaged",
            "Users and tokens cannot be read",
            "Restart the box. If it stays so, empty it (boot menu, Factory reset; without one: its state directory) and restore a backup.",
        )
    } else {
        (
            "start",
            "posternd does not run",
            "Put that right: posternd tries again by itself every few seconds.",
        )
    };
    Trouble {
        code: code.to_owned(),
        what: format!("{what}: {error}."),
        todo: todo.to_owned(),
    }
}

/// By the error of the system, also where only its words came through the store.
fn is_full(error: &anyhow::Error) -> bool {
    let words = io::Error::from(nix::errno::Errno::ENOSPC).to_string();
    error.chain().any(|cause| match cause.downcast_ref::<io::Error>() {
        Some(cause) => matches!(cause.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded),
        None => cause.to_string().contains(&words),
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
mod tests {
    use super::*;
    use crate::control::troubles::Troubles;
    use crate::store::StoreError;

    #[test]
    fn a_start_that_fails_is_told_where_consoles_look_until_one_goes_well() {
        let dir = tempfile::tempdir().unwrap();
        let control = dir.path().join("control.sock");
        let full = OpenError::Io("/var/lib/postern/store".into(), io::ErrorKind::StorageFull.into());
        let gone = OpenError::NoCopy {
            detail: "its head does not decode".to_owned(),
            copies: "/var/lib/postern/copies".into(),
        };
        let words = StoreError::Io("No space left on device (os error 28)".to_owned());
        let mut troubles = Troubles::new(&[dir.path().join(START_TROUBLE)]);
        for (error, code, words) in [
            (
                StartError::Open(full),
                "disk-full",
                "The disk is full: /var/lib/postern/store",
            ),
            (
                StartError::Store(words),
                "disk-full",
                "The disk is full: the store cannot",
            ),
            (
                StartError::Open(gone),
                "store-damaged",
                "the store is damaged (its head does not decode)",
            ),
            (StartError::Open(OpenError::WrongKey), "start", "put the right key file"),
        ] {
            tell(&control, &error.into());
            let told = troubles.look().unwrap();
            assert_eq!((told.len(), told[0].code.as_str()), (1, code));
            assert!(told[0].what.contains(words), "{told:?}");
        }
        tell(
            &control,
            &StartError::Open(OpenError::Locked("store".into(), "another".to_owned())).into(),
        );
        assert_eq!(troubles.look(), None, "another posternd runs: that is no trouble");
        over(&control);
        assert_eq!(troubles.look(), Some(Vec::new()));
    }
}
