//! The screens, one file each. Each file's doc shows its screen as a drawing.

pub mod alarms;
pub mod backup;
pub mod backup_restore;
pub mod backup_words;
pub mod bench;
pub mod bypass;
pub mod choose;
pub mod client;
pub mod client_form;
pub mod client_guide;
pub mod client_secret;
pub mod clients;
pub mod clock;
pub mod codes;
pub mod commands;
pub mod confirm;
pub mod directories;
pub mod directory;
pub mod directory_ask;
pub mod directory_form;
pub mod enrol;
pub mod export;
pub mod first;
pub mod help;
pub mod home;
pub mod import;
pub mod knocks;
pub mod local_password;
pub mod log;
pub mod login;
pub mod machine;
pub mod menu;
pub mod new_password;
pub mod operator;
pub mod operator_form;
pub mod operator_token;
pub mod operators;
pub mod pick;
pub mod program;
pub mod sticks;
pub mod system;
pub mod token_kind;
pub mod tokens;
pub mod too_small;
pub mod user;
pub mod users;
pub mod waiting;
pub mod why;

use super::screen::{Context, Screen};

/// What is shown before anybody has logged in.
pub fn first_screen(context: &Context, why: Option<&str>) -> Box<dyn Screen> {
    match &context.hello {
        Some(hello) if context.up && !hello.operators => first::begin(),
        Some(_) if context.up => Box::new(login::Login::new(why)),
        _ => Box::new(waiting::Waiting::new("")),
    }
}
