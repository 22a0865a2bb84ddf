//! What the first screen leads to: letters, words, who may, and the screens behind them. One table, so that a screen that is new
//! is one line here.

use super::clients::Clients;
use super::directories::Directories;
use super::first;
use super::import::Import;
use super::log::Log;
use super::operators::Operators;
use super::system::System;
use super::tokens::Tokens;
use super::users::{Purpose, Users};
use crate::console::screen::{Context, Screen};
use crate::console::widgets::menu::Entry;
use crate::control::Role;

/// The letters in the order of the column, most wanted first, and the least role each is for.
const ENTRIES: [(Entry, Role); 14] = [
    (('e', "Enrol"), Role::Helpdesk),
    (('p', "Program"), Role::Helpdesk),
    (('w', "Why"), Role::Auditor),
    (('u', "Users"), Role::Auditor),
    (('t', "Tokens"), Role::Auditor),
    (('k', "Unlock"), Role::Helpdesk),
    (('b', "Bypass"), Role::Helpdesk),
    (('l', "Log"), Role::Auditor),
    (('c', "Clients"), Role::Auditor),
    (('d', "Directories"), Role::Auditor),
    (('o', "Operators"), Role::Installer),
    (('i', "Import"), Role::Installer),
    (('s', "Set-up"), Role::Installer),
    (('y', "System"), Role::Auditor),
];

/// The set-up's letter.
const SET_UP: char = 's';

/// What this operator may, with the set-up only while it is not finished.
pub fn entries(context: &Context, set_up: bool) -> Vec<Entry> {
    ENTRIES
        .iter()
        .filter(|((letter, _), role)| context.may(*role) && (*letter != SET_UP || set_up))
        .map(|(entry, _)| *entry)
        .collect()
}

/// The screen behind a letter.
pub fn open(letter: char) -> Option<Box<dyn Screen>> {
    match letter {
        'e' => Some(Box::new(Users::new(Purpose::Enrol))),
        'p' => Some(Box::new(Users::new(Purpose::Program))),
        'w' => Some(Box::new(Users::new(Purpose::Why))),
        'u' => Some(Box::new(Users::new(Purpose::Open))),
        't' => Some(Box::new(Tokens::new())),
        'k' => Some(Box::new(Users::new(Purpose::Unlock))),
        'b' => Some(Box::new(Users::new(Purpose::Bypass))),
        'l' => Some(Box::new(Log::new())),
        'c' => Some(Box::new(Clients::new())),
        'd' => Some(Box::new(Directories::new())),
        'o' => Some(Box::new(Operators::new())),
        'i' => Some(Box::new(Import::new())),
        SET_UP => Some(first::wizard()),
        'y' => Some(Box::new(System::new())),
        _ => None,
    }
}

/// The set-up, from its beginning; none while it cannot be opened.
pub fn set_up() -> Option<Box<dyn Screen>> {
    open(SET_UP)
}
