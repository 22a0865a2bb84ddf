//! `entra prove` and `entra test`: questions to a directory for an operator. In: a user and a password; out: what the directory
//! answered and what that means, in words. Neither counts against a user's budget nor moves the breaker; only a proof (R13), or the
//! sight of a wrong password that passes, changes the tenant.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::Inner;
use super::common::{Target, canonical, store_failure};
use super::entra::missing;
use crate::control::answers::{DirectoryAnswer, ProveReport, TestReport};
use crate::control::asks::DirectoryLogin;
use crate::control::ops::{Answer, Failure};
use crate::control::peer::{Peer, Role};
use crate::door::{Door, fill_random};
use crate::factors::first::entra::decide::is_on;
use crate::factors::first::entra::prove::{self, Proven, WRONG_LENGTH};
use crate::factors::first::entra::settings::voids_proof;
use crate::factors::first::entra::{self, Directory, Outcome, Standing, Verdict, decide};
use crate::names::CanonicalName;
use crate::secret::Secret;
use crate::store::Change;
use crate::store::records::{Proof, Tenant};
use crate::text::shown;

/// An operator waits longer than a gateway does.
const DEADLINE: Duration = Duration::from_secs(10);

impl Inner {
    /// `entra prove`: the right password, then a wrong one.
    pub(super) async fn prove(
        self: &Arc<Self>,
        by: &Peer,
        login: DirectoryLogin,
        target: &mut Target,
    ) -> Result<Answer, Failure> {
        let (name, directory) = whose(&self.door, &login, target)?;
        let (right, shown_right) = ask(&self.door, &directory, &name, &login.password).await;
        let domain = directory.tenant().domain.clone();
        let report = |wrong, proven, words, todo| {
            Ok(Answer::Prove(Box::new(ProveReport {
                domain: domain.clone(),
                user: name.as_str().to_owned(),
                right: shown_right.clone(),
                wrong,
                proven,
                words,
                todo,
            })))
        };
        if let Err(lines) = prove::check_right(&right) {
            let (words, todo) = told(&lines, standing(directory.tenant()));
            return report(None, false, words, todo);
        }
        let mut random = [0; WRONG_LENGTH];
        fill_random(&mut random);
        let (wrong, shown_wrong) = ask(&self.door, &directory, &name, &prove::wrong_password(&random)).await;
        match prove::prove(&right, &wrong) {
            Ok(proven) => {
                self.switch(by, directory.tenant(), Some(proven)).await?;
                self.door.look_at(&directory, &right);
                let words = format!("Entra is proven for {domain}: logins ask it from now on.");
                report(Some(shown_wrong), true, words, String::new())
            }
            Err(lines) => {
                let mut stands = standing(directory.tenant());
                if passes(wrong.verdict) && is_on(directory.tenant()) {
                    // Whoever has a code would come in with any password: not for a moment longer.
                    self.switch(by, directory.tenant(), None).await?;
                    stands = "Entra is switched off for this tenant now.";
                }
                let (words, todo) = told(&lines, stands);
                report(Some(shown_wrong), false, words, todo)
            }
        }
    }

    /// `entra test`: one password, and what a login with it would do.
    pub(super) async fn test(self: &Arc<Self>, login: DirectoryLogin, target: &mut Target) -> Result<Answer, Failure> {
        let (name, directory) = whose(&self.door, &login, target)?;
        let tenant = directory.tenant();
        let (answer, shown_answer) = ask(&self.door, &directory, &name, &login.password).await;
        let lines = prove::words(&answer, tenant);
        let rest = lines.iter().skip(1).filter(|line| !line.starts_with("Correlation ID"));
        let (todo, login): (Vec<&String>, Vec<&String>) = rest.partition(|line| line.starts_with(TODO));
        let mut login = joined(login);
        let mut todo = joined(todo);
        if is_on(tenant) {
            self.door.look_at(&directory, &answer);
        } else {
            login = format!("Logins do not ask this tenant yet, since it is not proven. {login}");
            todo = format!("Run `postern entra prove USER`. {todo}").trim_end().to_owned();
        }
        Ok(Answer::Test(Box::new(TestReport {
            domain: tenant.domain.clone(),
            user: name.as_str().to_owned(),
            would_pass: is_on(tenant) && decide(&answer, tenant, Standing::Known) == Outcome::PasswordRight,
            answer: shown_answer,
            login,
            todo,
        })))
    }

    /// Switches the tenant on by its proof, or off; not if it became another one while it was asked.
    async fn switch(self: &Arc<Self>, by: &Peer, asked: &Tenant, proven: Option<Proven>) -> Result<(), Failure> {
        let (inner, asked, by) = (Arc::clone(self), asked.clone(), by.clone());
        let done = tokio::task::spawn_blocking(move || {
            let _alone = inner.changes.lock();
            // Whoever may not switch on any more: what is unsafe is switched off all the same.
            if proven.is_some() {
                inner.still(&by, Role::Installer, "entra prove")?;
            }
            let tenants = inner.door.store.tenants();
            let now = tenants
                .iter()
                .find(|tenant| tenant.domain == asked.domain)
                .ok_or_else(|| missing(&asked.domain))?;
            if voids_proof(&asked, now) {
                return Err(Failure::refused(
                    "the tenant was changed while it was asked: look with `postern entra show`, then prove again",
                ));
            }
            let proof = match proven {
                Some(_) => Proof::Proven(crate::clock::wall()),
                None => Proof::Missing,
            };
            let change = Change::PutTenant(Tenant { proof, ..now.clone() });
            inner.door.store.apply(vec![change]).map_err(store_failure)?;
            inner.door.refresh_tenants();
            let domain = &asked.domain;
            match (is_on(now), proven) {
                (false, Some(_)) => {
                    inner.door.system(
                        "entra-on",
                        format!("Entra for {domain} was proven and is on from now on"),
                    );
                }
                (true, None) => {
                    let words = format!("Entra for {domain} is off from now on: it took a wrong password for right");
                    inner.door.system("entra-off", words);
                }
                (true, Some(_)) | (false, None) => {}
            }
            Ok(())
        });
        done.await.unwrap_or_else(|_| Err(super::broken()))
    }
}

/// The canonical name and the directory of its domain, proven or not.
fn whose(door: &Door, login: &DirectoryLogin, target: &mut Target) -> Result<(CanonicalName, Directory), Failure> {
    let name = canonical(door, &login.user)?;
    target.named(&name);
    target.user = door.store.user_named(name.as_str()).ok().flatten().map(|user| user.id);
    let Some(domain) = name.domain() else {
        return Err(Failure::not_found(format!(
            "{} has no domain and no tenant is set up: set one up with `postern entra set`, or write NAME@DOMAIN",
            shown(name.as_str())
        )));
    };
    target.text = format!("{} ({})", shown(domain), shown(name.as_str()));
    let password = login.password.expose();
    if password.is_empty() {
        return Err(Failure::usage("the password is empty: give it on standard input"));
    }
    if password.contains(&0) {
        return Err(Failure::usage("the password has a NUL inside: no login could send it"));
    }
    if !door.store.tenants().iter().any(|tenant| tenant.domain == domain) {
        return Err(missing(domain));
    }
    match door.directories.unproven(domain) {
        Some(directory) => Ok((name, directory)),
        None => Err(Failure::failed(format!(
            "the tenant of {domain} cannot be asked as it is set up: look with `postern status`"
        ))),
    }
}

/// Asks once; what is kept of the answer, and the same to be shown.
async fn ask(
    door: &Door,
    directory: &Directory,
    name: &CanonicalName,
    password: &Secret,
) -> (entra::Answer, DirectoryAnswer) {
    let begun = Instant::now();
    door.counters.directory_asked.add();
    let answer = directory.ask(name.as_str(), password, DEADLINE).await;
    let said = prove::words(&answer, directory.tenant()).into_iter().next();
    let seen = DirectoryAnswer {
        verdict: verdict(answer.verdict).to_owned(),
        code: answer.code,
        words: said.unwrap_or_default(),
        correlation: answer.correlation.clone(),
        took_ms: u32::try_from(begun.elapsed().as_millis()).unwrap_or(u32::MAX),
    };
    (answer, seen)
}

fn verdict(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Token => "token",
        Verdict::Continue => "continue",
        Verdict::NotRegistered => "not-registered",
        Verdict::External => "external",
        Verdict::Refuse(_) => "refuse",
        Verdict::Configuration => "configuration",
        Verdict::BackOff => "back-off",
        Verdict::Unavailable => "unavailable",
    }
}

/// Whether the directory took the password for right.
fn passes(verdict: Verdict) -> bool {
    match verdict {
        Verdict::Token | Verdict::Continue | Verdict::NotRegistered | Verdict::External => true,
        Verdict::Refuse(_) | Verdict::Configuration | Verdict::BackOff | Verdict::Unavailable => false,
    }
}

const TODO: &str = "To do: ";

/// How the tenant stands where a proof failed: a mistyped password takes nothing away.
fn standing(tenant: &Tenant) -> &'static str {
    if is_on(tenant) {
        "Entra stays on for this tenant, as it was."
    } else {
        "Entra stays off for this tenant."
    }
}

/// The lines of a failed proof as two: what was answered and how the tenant stands, and what to do. Its own last line tells of a
/// tenant that was off before.
fn told(lines: &[String], stands: &str) -> (String, String) {
    let said = lines.first().map(String::as_str).unwrap_or_default();
    let advice = lines.iter().skip(1).take(lines.len().saturating_sub(2));
    (format!("{said} {stands}"), joined(advice.collect()))
}

fn joined(lines: Vec<&String>) -> String {
    let sentences: Vec<String> = lines
        .into_iter()
        .map(|line| match line.strip_prefix(TODO) {
            Some(rest) => {
                let mut rest = rest.chars();
                let first = rest.next().into_iter().flat_map(char::to_uppercase);
                first.chain(rest).collect()
            }
            None => line.clone(),
        })
        .collect();
    sentences.join(" ")
}
