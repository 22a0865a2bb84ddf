//! The screens, one file each. Each file's doc shows its screen as a drawing.

pub mod alarms;
pub mod clock;
pub mod confirm;
pub mod help;
pub mod home;
pub mod import;
pub mod login;
pub mod menu;
pub mod new_password;
pub mod operator;
pub mod operator_form;
pub mod operator_token;
pub mod operators;
pub mod system;
pub mod too_small;
pub mod waiting;

use super::screen::{Context, Screen};

/// What is shown before anybody has logged in.
pub fn first_screen(context: &Context, why: Option<&str>) -> Box<dyn Screen> {
    match &context.hello {
        Some(_) if context.up => Box::new(login::Login::new(why)),
        _ => Box::new(waiting::Waiting::new("")),
    }
}
