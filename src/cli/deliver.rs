//! Carries a command out: asks posternd and prints what it answers. In: the command line; out: text or a document, and the exit
//! status.

use std::path::Path;

use clap::CommandFactory;
use serde::Serialize;
use zeroize::Zeroizing;

use super::args::{Cli, QrStyle};
use super::out::{End, Out};
use super::plan::{Plan, plan};
use super::qr::Drawing;
use super::{
    Around, Asker, View, backup, command, export, host, import, log, operator, show, socket, stock, token_program,
};
use crate::control::{
    Answer, Failure, HostAnswer, Request, TokenAdd, TokenMade, TokenStatus, USERS_LIMIT_MAX, UserRow, UserSearch,
};
use crate::enrol::otpauth::Uri;
use crate::text::shown;

/// Plans, connects, asks, prints.
pub fn deliver(cli: Cli, around: &mut Around<'_>, out: &mut Out<'_>) -> Result<u8, End> {
    let Cli { control, command, .. } = cli;
    let plan = plan(command, around.input, around.view.now, &around.view.zone)?;
    if out.json && matches!(plan, Plan::Completions(_) | Plan::Man(_)) {
        return Err(Failure::usage("completions and manual pages are no JSON: leave --json out").into());
    }
    let path = socket(control, around.socket.take());
    let view = around.view.clone();
    match plan {
        Plan::Completions(shell) => completions(shell, out),
        Plan::Man(dir) => manual(dir.as_deref(), out),
        // The file is read before anybody is asked, so that a bad one is told at once.
        Plan::Import(plan) => import::import(plan, &path, around, out),
        Plan::Hardware(plan) => token_program::carry_out(plan, path, around, out),
        // And whether the new file can be made, before a seed leaves the box.
        Plan::Export(plan) => export::export(plan, &path, around, out),
        Plan::Backup(args) => backup::backup(&args, &path, around, out),
        Plan::Restore(args) => backup::restore(&args, &path, around, out),
        Plan::Ask(request) => ask(&mut *(around.connect)(&path)?, &request, &view, out),
        Plan::Users {
            search,
            offset,
            limit,
            without_token,
        } => {
            let search = UserSearch {
                search,
                offset,
                limit: limit.unwrap_or(u32::MAX),
                without_token,
            };
            users(&mut *(around.connect)(&path)?, search, out)
        }
        Plan::Stock(list) => stock::list(&mut *(around.connect)(&path)?, &list, &view, out),
        Plan::TokenAdd(add, qr) => token_add(&mut *(around.connect)(&path)?, add, qr, &view, out),
        Plan::OperatorTokenAdd(name, qr) => operator::token_add(&mut *(around.connect)(&path)?, name, qr, &view, out),
        Plan::Host(plan) => host::carry_out(plan, &path, around, out),
        Plan::Log(plan) => log::log(&mut *(around.connect)(&path)?, plan, &view, out),
    }
}

/// posternd answered what was not asked.
pub fn unexpected(request: &Request) -> Failure {
    Failure::failed(format!(
        "posternd answered {} with something else: restart it, so that both are of one version",
        request.word()
    ))
}

fn ask(asker: &mut dyn Asker, request: &Request, view: &View, out: &mut Out<'_>) -> Result<u8, End> {
    let answer = asker.ask(request)?;
    if out.json {
        document(&answer, out)?;
    } else {
        for line in show::answer(&answer, &view.zone) {
            let line = Zeroizing::new(line);
            out.line(&line)?;
        }
        for line in show::warnings(&answer) {
            out.note(&format!("warning: {line}"));
        }
    }
    Ok(verdict(&answer, out))
}

/// Some answers are bad news: the exit status says so, and one line on standard error.
fn verdict(answer: &Answer, out: &mut Out<'_>) -> u8 {
    let line = match answer {
        Answer::Prove(report) if !report.proven => match report.todo.as_str() {
            "" => report.words.clone(),
            todo if report.words.ends_with('.') => format!("{} {todo}", report.words),
            todo => format!("{}: {todo}", report.words),
        },
        Answer::Chain(report) if !report.whole => report.words.clone(),
        _ => return 0,
    };
    out.note(&format!("postern: {line}"));
    1
}

/// The answer's own data as the document, without the word that says which answer it is.
pub fn document(answer: &Answer, out: &mut Out<'_>) -> std::io::Result<()> {
    match answer {
        Answer::Pong(one) => out.document(one),
        Answer::Status(one) => out.document(one),
        Answer::ClientMade(one) => out.document(one),
        Answer::Client(one) => out.document(one),
        Answer::Clients(one) => out.document(one),
        Answer::User(one) => out.document(one),
        Answer::Users(one) => out.document(one),
        Answer::Bypass(one) => out.document(one),
        Answer::TokenMade(one) => out.document(one),
        Answer::Token(one) => out.document(one),
        Answer::Tokens(one) => out.document(one),
        Answer::TokenProgramming(one) => out.document(one),
        Answer::Serial(one) => out.document(one),
        Answer::Unassigned(one) => out.document(one),
        Answer::Hardware(one) => out.document(one),
        Answer::Drift(one) => out.document(one),
        Answer::DriftHistory(one) => out.document(one),
        Answer::Export(one) => out.document(one),
        Answer::Import(one) => out.document(one),
        Answer::Tenant(one) => out.document(one),
        Answer::Tenants(one) => out.document(one),
        Answer::Prove(one) => out.document(one),
        Answer::Test(one) => out.document(one),
        Answer::Clock(one) => out.document(one),
        Answer::Log(one) => out.document(one),
        Answer::Chain(one) => out.document(one),
        Answer::Explanation(one) => out.document(one),
        Answer::Knocks(one) => out.document(one),
        Answer::Network(one) => out.document(one),
        Answer::Hello(one) => out.document(one),
        Answer::Session(one) => out.document(one),
        Answer::Moved(one) => out.document(one),
        Answer::Ended { why } => out.document(&serde_json::json!({ "ended": why })),
        Answer::Operator(one) => out.document(one),
        Answer::Operators(one) => out.document(one),
        Answer::OperatorToken(one) => out.document(one),
        Answer::Backup(one) => out.document(one),
        Answer::Host(HostAnswer::Report(one)) => out.document(one),
        Answer::Host(HostAnswer::Sticks(one)) => out.document(one),
        Answer::Host(HostAnswer::Update(one)) => out.document(one),
        Answer::Host(HostAnswer::Done { done }) | Answer::Done { done } => {
            out.document(&serde_json::json!({ "done": done }))
        }
    }
}

/// All pages of the user list as one.
fn users(asker: &mut dyn Asker, search: UserSearch, out: &mut Out<'_>) -> Result<u8, End> {
    let (mut offset, mut left) = (search.offset, search.limit);
    let mut all: Vec<UserRow> = Vec::new();
    let mut found = 0;
    let mut printed = 0_u64;
    while left > 0 {
        let request = Request::UserList(UserSearch {
            offset,
            limit: left.min(USERS_LIMIT_MAX),
            ..search.clone()
        });
        let Answer::Users(page) = asker.ask(&request)? else {
            return Err(unexpected(&request).into());
        };
        let got = u32::try_from(page.users.len()).unwrap_or(u32::MAX);
        found = page.total;
        if out.json {
            all.extend(page.users);
        } else {
            for row in &page.users {
                out.line(&show::user_row(row))?;
                printed += 1;
            }
        }
        offset = offset.saturating_add(got);
        left = left.saturating_sub(got);
        if got == 0 || u64::from(offset) >= found {
            break;
        }
    }
    if out.json {
        out.document(&serde_json::json!({ "users": all, "total": found }))?;
    } else if printed == 0 {
        out.note(match search.search.is_empty() && !search.without_token {
            true => "no users",
            false => "nobody is found",
        });
    }
    Ok(0)
}

/// What `token add --json` prints.
#[derive(Serialize)]
struct TokenShown<'a> {
    #[serde(flatten)]
    made: &'a TokenMade,
    uri: &'a str,
    /// Only where `--qr` asks for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    qr: Option<&'a [String]>,
}

fn token_add(
    asker: &mut dyn Asker,
    add: TokenAdd,
    style: Option<QrStyle>,
    view: &View,
    out: &mut Out<'_>,
) -> Result<u8, End> {
    let request = Request::TokenAdd(add);
    let Answer::TokenMade(mut made) = asker.ask(&request)? else {
        return Err(unexpected(&request).into());
    };
    let token = &made.token;
    let counter = token.counter.unwrap_or(0);
    let uri = Uri::new(&made.issuer, &token.user, &made.seed, token.parameters(), counter);
    let whole = uri.whole();
    let drawing = Drawing::new(&uri, style, view, out.json);
    made.warnings.extend(drawing.warning.clone());
    if out.json {
        let lines = drawing.lines();
        out.document(&TokenShown {
            made: &made,
            uri: &whole,
            qr: lines.as_ref().map(|lines| lines.as_slice()),
        })?;
        return Ok(0);
    }
    for line in show::token_made(&made, &whole) {
        out.line(&Zeroizing::new(line))?;
    }
    drawing.print(view, out)?;
    if made.token.status == TokenStatus::Pending {
        out.line(&format!(
            "It counts after: postern token confirm {} CODE",
            made.token.user
        ))?;
    }
    for line in &made.warnings {
        out.note(&format!("warning: {line}"));
    }
    Ok(0)
}

fn completions(shell: clap_complete::Shell, out: &mut Out<'_>) -> Result<u8, End> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut command(), "postern", &mut script);
    out.raw(&script)?;
    Ok(0)
}

fn manual(dir: Option<&Path>, out: &mut Out<'_>) -> Result<u8, End> {
    match dir {
        None => {
            let mut page = Vec::new();
            clap_mangen::Man::new(command()).render(&mut page)?;
            out.raw(&page)?;
        }
        Some(dir) => {
            // The three programs are one package: who has this one reads of the others too.
            let daemon = clap_mangen::Man::new(crate::manual::daemon()).section("8");
            let console = clap_mangen::Man::new(crate::console::args::Args::command());
            let written = clap_mangen::generate_to(command(), dir)
                .and_then(|()| daemon.generate_to(dir))
                .and_then(|_| console.generate_to(dir));
            written.map_err(|e| {
                let name = shown(&dir.to_string_lossy());
                Failure::failed(format!("manual pages cannot be written to {name}: {e}"))
            })?;
        }
    }
    Ok(0)
}
