//! What the screens of backup and restore share: where their parts lie, what a backup holds in words, which files may be one. Draws and looks;
//! changes nothing.

use std::path::{Path, PathBuf};

use ratatui::layout::Rect;

use super::home::count;
use super::sticks;
use crate::console::action::Action;
use crate::console::page::{Look, Page};
use crate::console::screen::Context;
use crate::console::widgets::inset::{below, inset};
use crate::control::{Answer, BackupHolds, Failure, Request, strength};
use crate::times::shown_at;

/// The most characters of a passphrase and of a password.
pub const SECRET_MAX: usize = strength::PASSWORD_MAX;

/// How the names of backups end.
const END: &str = "age";
/// Most files that are listed of a folder.
const FILES_MAX: usize = 100;

/// What a backup holds, line by line.
pub fn held(holds: &BackupHolds, context: &Context) -> Vec<String> {
    let mut lines = vec![
        format!("Box        {}", holds.host),
        format!(
            "Made       {} by Postern {}",
            shown_at(holds.made, &context.zone),
            holds.version
        ),
        format!(
            "Holds      {}, {}, {}",
            count(holds.users, "user"),
            count(holds.tokens, "token"),
            count(holds.clients, "client")
        ),
        format!(
            "Operators  {}",
            match holds.operators.is_empty() {
                true => "none".to_owned(),
                false => holds.operators.join(", "),
            }
        ),
    ];
    if holds.damaged {
        lines.push("Log        NOT WHOLE when the backup was made".to_owned());
    }
    lines
}

/// posternd answered what was not asked.
pub fn strange() -> Failure {
    Failure::failed("posternd answered something else than was asked: its version is another one")
}

/// An answer to what was given up: posternd forgets that too. What is answered to that is nothing more.
pub fn late(tag: u32, answer: &Result<Answer, Failure>) -> Vec<Action> {
    match answer {
        Ok(Answer::Backup(begun)) => {
            let drop = begun.given_up().map(|drop| Action::Ask(tag, Request::Backup(drop)));
            drop.into_iter().collect()
        }
        _ => Vec::new(),
    }
}

/// The backups on sticks and in these folders, newest name first.
pub fn find(dirs: &[PathBuf]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for folder in sticks::folders(dirs) {
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        let is_backup = |path: &Path| path.extension().is_some_and(|end| end.eq_ignore_ascii_case(END));
        let files = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_file()));
        let mut files: Vec<PathBuf> = files.map(|entry| entry.path()).filter(|path| is_backup(path)).collect();
        files.sort();
        found.extend(files.into_iter().rev().take(FILES_MAX));
    }
    found
}

/// What a file holds, and what comes of restoring it.
pub fn draw_held(page: &mut Page<'_>, area: Rect, holds: &BackupHolds, context: &Context) {
    let inner = inset(area);
    page.line(inner, 0, "The file is whole and holds:", Look::Strong);
    let mut row = 2;
    for line in held(holds, context) {
        page.line(inner, row, &line, Look::Plain);
        row += 1;
    }
    let rows = page.wrapped(below(inner, row + 1), holds.goes_on.words(), Look::Plain);
    if let Some(words) = holds.machine_words() {
        page.wrapped(below(inner, row + rows + 2), &words, Look::Plain);
    }
}
