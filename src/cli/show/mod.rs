//! Answers as text for people. In: an answer, and the clock's zone; out: lines. Pure; nothing is decided here. A state is told by
//! words, never by colour.

mod boxes;
mod directory;
mod drift;
mod hardware;
mod host;
mod log;
mod operators;
mod people;

pub use directory::prove;
pub use hardware::{hardware_row, unassigned_row};
pub use host::{host_done, link_name, network_set, times};
pub use log::entry;
pub use operators::{network, operator_token};
pub use people::{token_made, user_row};

use jiff::tz::TimeZone;

use crate::control::Answer;

/// The lines of an answer. The words of secrets shown once are in them: they go to the screen and nowhere else.
pub fn answer(answer: &Answer, zone: &TimeZone) -> Vec<String> {
    match answer {
        Answer::Pong(pong) => vec![format!("posternd {} is there", pong.version)],
        Answer::Status(report) => boxes::status(report, zone),
        Answer::Clock(report) => boxes::clock(report, zone),
        Answer::ClientMade(made) => boxes::client_made(made),
        Answer::Client(client) => boxes::client(client, zone),
        Answer::Clients(list) => boxes::clients(list),
        Answer::User(user) => people::user(user, zone),
        Answer::Users(list) => list.users.iter().map(user_row).collect(),
        Answer::Bypass(bypass) => people::bypass(bypass, zone),
        Answer::TokenMade(made) => people::token_made(made, ""),
        Answer::Token(token) => people::token(token),
        Answer::Tokens(list) => people::tokens(list, zone),
        Answer::Import(report) => report.results.iter().map(people::import_row).collect(),
        Answer::Serial(report) => hardware::serial(report, zone),
        Answer::Unassigned(list) => list.tokens.iter().map(|row| unassigned_row(row, zone)).collect(),
        Answer::Hardware(list) => list.tokens.iter().map(|row| hardware_row(row, zone)).collect(),
        Answer::Drift(list) => drift::list(list, zone),
        Answer::DriftHistory(history) => drift::history(history, zone),
        Answer::TokenProgramming(_) | Answer::Export(_) => Vec::new(),
        Answer::Tenant(tenant) => directory::tenant(tenant, zone),
        Answer::Tenants(list) => directory::tenants(list, zone),
        Answer::Prove(report) => prove(report),
        Answer::Test(report) => directory::test(report),
        Answer::Log(page) => page.entries.iter().map(|one| entry(one, zone)).collect(),
        Answer::Chain(report) => log::chain(report, zone),
        Answer::Explanation(explanation) => log::explanation(explanation, zone),
        Answer::Network(report) => operators::network(report),
        Answer::Host(answer) => host::answer(answer, zone),
        Answer::Backup(_) => Vec::new(),
        Answer::Operator(operator) => operators::operator(operator, zone),
        Answer::Operators(list) => operators::operators(list, zone),
        Answer::OperatorToken(made) => operator_token(made, ""),
        // Only a console asks for these.
        Answer::Knocks(_) | Answer::Hello(_) | Answer::Session(_) | Answer::Moved(_) | Answer::Ended { .. } => {
            Vec::new()
        }
        Answer::Done { done } => vec![done.clone()],
    }
}

/// What the operator should know beside the answer, each one line.
pub fn warnings(answer: &Answer) -> Vec<String> {
    match answer {
        Answer::ClientMade(made) => made.client.warnings.clone(),
        Answer::Client(client) => client.warnings.clone(),
        Answer::Tenant(tenant) => tenant.warnings.clone(),
        _ => Vec::new(),
    }
}

/// A name and its value, the values in one column.
fn field(name: &str, value: &str) -> String {
    format!("{name:<22} {value}").trim_end().to_owned()
}

/// `yes` or `no`.
fn yes_no(value: bool) -> &'static str {
    if value { "yes" } else { "no" }
}

/// The kebab-case word of a plain enum, as it is typed.
fn word<T: serde::Serialize>(value: &T) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        _ => String::new(),
    }
}

/// How a token makes its codes; without a period a counter moves them.
fn parameters(algorithm: &str, digits: u8, period: Option<u8>) -> String {
    let period = period.map_or("counter".to_owned(), |period| format!("{period} s"));
    format!("{algorithm}, {digits} digits, {period}")
}

/// One word of a count: `1 user`, `2 users`.
fn count(number: u64, one: &str) -> String {
    if number == 1 {
        format!("1 {one}")
    } else {
        format!("{number} {one}s")
    }
}
