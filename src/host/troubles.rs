//! What keeps the box from working, in a file that anybody may read, since the console says it even where posternd does not run. In: a
//! trouble, or that one is over; out: the list on the file. The initrd and the units write the same file before this program runs.

use super::exec::Machine;
use super::files;
use super::ops::{TROUBLE_FILE, Trouble};
use crate::text::shown;

/// Most troubles that are kept: the newest.
const MOST: usize = 16;

/// What stands now; nothing where the file is not there or is no list.
pub fn list(machine: &dyn Machine) -> Vec<Trouble> {
    let text = std::fs::read(machine.path(TROUBLE_FILE)).unwrap_or_default();
    serde_json::from_slice(&text).unwrap_or_default()
}

/// A trouble, in the place of one with the same code.
pub fn raise(machine: &dyn Machine, trouble: Trouble) {
    tracing::warn!(code = trouble.code, "{} {}", trouble.what, trouble.todo);
    let mut troubles = list(machine);
    troubles.retain(|one| one.code != trouble.code);
    troubles.push(trouble);
    let surplus = troubles.len().saturating_sub(MOST);
    troubles.drain(..surplus);
    write(machine, &troubles);
}

/// A trouble in words.
pub fn trouble(code: &str, what: impl Into<String>, todo: &str) -> Trouble {
    Trouble {
        code: code.to_owned(),
        what: what.into(),
        todo: todo.to_owned(),
    }
}

/// It is over.
pub fn clear(machine: &dyn Machine, code: &str) {
    let mut troubles = list(machine);
    let before = troubles.len();
    troubles.retain(|one| one.code != code);
    if troubles.len() != before {
        write(machine, &troubles);
    }
}

fn write(machine: &dyn Machine, troubles: &[Trouble]) {
    let path = machine.path(TROUBLE_FILE);
    let text = serde_json::to_vec(troubles).unwrap_or_default();
    if let Err(error) = files::write(&path, &text, files::PUBLIC) {
        tracing::error!(%error, "{} cannot be written", shown(TROUBLE_FILE));
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
mod tests {
    use super::*;
    use crate::host::testing::Fake;

    #[test]
    fn troubles_come_go_and_are_never_too_many() {
        let fake = Fake::new();
        assert!(list(&fake).is_empty());
        clear(&fake, "var-lost");
        // What the initrd left.
        fake.put(TROUBLE_FILE, r#"[{"code":"var-lost","what":"a","todo":"b"}]"#);
        raise(&fake, trouble("key-lost", "c", "d"));
        raise(&fake, trouble("key-lost", "e", "f"));
        let codes = |fake: &Fake| list(fake).into_iter().map(|one| one.code).collect::<Vec<_>>();
        assert_eq!(codes(&fake), ["var-lost", "key-lost"]);
        assert_eq!(list(&fake)[1].what, "e");
        clear(&fake, "var-lost");
        assert_eq!(codes(&fake), ["key-lost"]);
        for number in 0..40 {
            raise(&fake, trouble(&format!("t{number}"), "", ""));
        }
        assert_eq!(codes(&fake).len(), MOST);
        assert_eq!(codes(&fake)[MOST - 1], "t39");
    }
}
