//! Every reason in words. In: an attempt; out: what happened and what to do, with the names and commands of this very case.

use super::{Told, Words, codes, span};
use crate::audit::{DirectoryTrouble, FirstUsed, Method, Outcome, Reason, SecondUsed};

/// The words of the attempt's reason.
pub(super) fn words(told: &Told<'_>) -> Words {
    let (user, client) = (told.user(), told.client());
    let (u, c) = (told.user_arg(), told.client_arg());
    let (code, log) = (told.code(), told.sign_in_log());
    match &told.attempt.reason {
        Reason::Accepted { first, second } => Words::fine(accepted(*first, *second)),
        Reason::SentAgain { first_at } => {
            let after = span(told.attempt.at.since(*first_at));
            let why = match told.attempt.outcome {
                Outcome::Accept => "nothing is lost",
                _ => "the reason stands at the first",
            };
            Words::new(
                format!(
                    "The VPN sent the login of {} again after {after} and heard the same answer",
                    told.clock(*first_at)
                ),
                format!("{why}; to stop it, raise the RADIUS timeout of {client} above {after}"),
            )
        }
        Reason::CodeAwaited => Words::new(
            format!("The password was right, and {client} was asked for the code"),
            format!("type the code; if {client} never asks for one, run: postern client set {c} --mode append"),
        ),

        Reason::UnknownClient => {
            let address = told
                .attempt
                .source
                .map_or("ADDRESS".to_owned(), |source| source.to_canonical().to_string());
            Words::new(
                format!("A request came from {address}, which is no client of this box"),
                format!("if this is your VPN, run: postern client add NAME {address}"),
            )
        }
        Reason::WrongSecret => Words::new(
            format!("The shared secret of {client} is not the one of this box"),
            format!("write the same secret on both sides: postern client set {c} --secret-file FILE"),
        ),
        Reason::NoMessageAuthenticator => Words::new(
            format!("{client} sends no Message-Authenticator, and its record asks for one"),
            format!(
                "update the VPN or switch it on there; only if it cannot: postern client set {c} \
                 --require-message-authenticator no (whoever sits on the wire can then forge an Accept: BlastRADIUS)"
            ),
        ),
        Reason::UnprotectedProxy => Words::new(
            format!(
                "{client} sent Proxy-State, EAP or Status-Server without a Message-Authenticator, which is never taken"
            ),
            "switch on Message-Authenticator at the VPN or the proxy; no setting of this box goes round it",
        ),
        Reason::Malformed => Words::new(
            format!("What came from {client} is no RADIUS packet"),
            "check what sends to this port; a packet of the VPN shows in: tcpdump -v udp port 1812",
        ),
        Reason::TooMany => Words::new(
            format!("{client} has more logins under way than its record allows; this one was dropped"),
            format!("see who floods with: postern log --client {c}; a slow directory has the same effect"),
        ),
        Reason::NotPap { method } => Words::new(
            match method {
                Method::Chap => format!("{client} sends CHAP, which cannot carry a password to the directory"),
                Method::MsChap => format!("{client} sends MS-CHAP, which cannot carry a password to the directory"),
                Method::Eap => format!("{client} sends EAP, which this box does not speak"),
                Method::Missing => format!("{client} sends no password at all"),
            },
            format!("set PAP on {client}"),
        ),

        Reason::BadName => Words::new(
            match told.attempt.name.as_str() {
                "" => "No user name came that could be one".to_owned(),
                name => format!("What came as the user name cannot be one: {name}"),
            },
            "type it as NAME@DOMAIN without blanks; PREFIX\\NAME works where a tenant lists the prefix",
        ),
        Reason::AmbiguousName => Words::new(
            format!("The name {user} could be of several domains"),
            "log in as NAME@DOMAIN, or make one tenant the default",
        ),
        Reason::UnknownUser => Words::new(
            format!("{user} is no user of this box"),
            format!("correct the name at the VPN; or run: postern user add {u}, then: postern token add {u}"),
        ),
        Reason::UserDisabled => Words::new(
            format!("{user} is disabled on this box"),
            format!("if the user may log in, run: postern user enable {u}"),
        ),
        Reason::NoToken => Words::new(format!("{user} has no token"), format!("run: postern token add {u}")),
        Reason::TokenPending => Words::new(
            format!("The token of {user} was never confirmed"),
            format!("run, with the code it shows now: postern token confirm {u} CODE"),
        ),
        Reason::ExemptAtCodeOnly => Words::new(
            format!("{user} needs no code, and {client} asks for nothing else"),
            format!("give the user a token: postern token add {u}; then: postern user set {u} --exempt no"),
        ),

        Reason::StationLocked { until } => Words::new(
            format!(
                "Too many wrong codes from {}: locked there until {}",
                told.station(),
                told.clock(*until)
            ),
            unlock(&u),
        ),
        Reason::UserLocked { until } => Words::new(
            match until {
                Some(until) => format!(
                    "Too many wrong codes for {user}: locked until {}, but for devices of the last 30 days",
                    told.clock(*until)
                ),
                None => format!("Too many wrong codes for {user}: locked, but for devices of the last 30 days"),
            },
            unlock(&u),
        ),
        Reason::ClientLocked { until } => Words::new(
            format!(
                "Too many wrong codes through {client}: locked there until {}",
                told.clock(*until)
            ),
            unlock(&u),
        ),
        Reason::ClockUntrusted => Words::new(
            "This box does not trust its clock, so it answers nobody",
            "see why with: postern time show; compare the clock with a watch, then run: postern time confirm",
        ),
        Reason::DirectoryPaused { until } => Words::new(
            format!(
                "The directory asked for a pause or was out of reach; it is asked again at {}",
                told.clock(*until)
            ),
            "wait; if it comes back often, check the way to the Internet with: postern status",
        ),
        Reason::UserPaused { until } => Words::new(
            format!(
                "The directory saw too many logins of {user} in a row; it is asked again at {}",
                told.clock(*until)
            ),
            format!("find what logs in over and over ({}) and stop it", told.station()),
        ),
        Reason::BudgetSpent { known_stations_may } => Words::new(
            if *known_stations_may {
                format!("{user} sent too many wrong passwords in 24 h; only devices of the last 30 days still may")
            } else {
                format!(
                    "{user} sent too many wrong passwords in 24 h; the directory is spared, lest it lock the account"
                )
            },
            format!(
                "let the user try the password at https://myaccount.microsoft.com, then run: postern user unlock {u}"
            ),
        ),
        Reason::NoTenant => Words::new(
            format!("No tenant is set for the domain of {user}"),
            format!(
                "correct the name, or run: postern entra set --domain {} --tenant ID --client-id ID",
                told.domain_arg()
            ),
        ),
        Reason::EntraOff => Words::new(
            "Entra ID was not proven and is off",
            format!("prove it with a right password: postern entra prove {u}"),
        ),
        Reason::NoLocalPassword => Words::new(
            format!("{client} takes local passwords alone, and {user} has none"),
            format!(
                "set one: postern user set {u} --password-file FILE; or ask Entra: postern client set {c} --first entra"
            ),
        ),

        Reason::EmptyPassword => Words::new(
            "The password was empty",
            format!(
                "type the password and the code; if the VPN checks the password itself, run: postern client set {c} --mode \
                 code-only"
            ),
        ),
        Reason::UnreadablePassword => Words::new(
            format!("The password cannot be read: mostly the shared secret of {client} is wrong"),
            format!("write the same secret on both sides: postern client set {c} --secret-file FILE"),
        ),
        Reason::BadScrv1 => Words::new(
            "The VPN client sent a static challenge (SCRV1) that cannot be read",
            "update the VPN client, or take static-challenge out of its profile and type password and code in one field",
        ),
        Reason::NoCode => Words::new(
            "No code came with the login",
            format!(
                "type password and code in one field, as {client} is set; if it asks for the code in a second step, run: postern \
                 client set {c} --mode challenge"
            ),
        ),
        Reason::WrongCode => codes::wrong(told),
        Reason::WrongCodeAgain => codes::wrong_again(told),
        Reason::CodeOutOfWindow { seconds } => codes::out_of_window(told, *seconds),
        Reason::CounterAhead { codes } => codes::counter_ahead(told, *codes),
        Reason::TokenNeedsResync => codes::needs_resync(told),
        Reason::CodeUsed { mark, step } => codes::used(told, *mark, *step),
        Reason::PasswordInsteadOfCode => Words::new(
            format!("{client} answered the question for the code with the password: this client cannot do challenges"),
            format!("set append: postern client set {c} --mode append"),
        ),
        Reason::UnknownState => Words::new(
            format!("{client} answered a question for a code that this box did not ask or that is closed"),
            "log in anew; if it happens often, let the VPN stay with one server for a whole login",
        ),
        Reason::ExpiredState => Words::new("The code came too late", "log in anew and type the code at once"),
        Reason::ForeignState => Words::new(
            "The code came from another client, user or device than the password",
            "log in anew; if it happens often, let the VPN send the same Calling-Station-Id in both steps",
        ),

        Reason::WrongLocalPassword => Words::new(
            format!("The password of {user} on this box is wrong"),
            format!("type it again; for a new one run: postern user set {u} --password-file FILE"),
        ),
        Reason::WrongPassword => Words::new(
            format!("Entra ID says that user name or password is wrong{code}"),
            "type the password again, the code in its place; if it is right, the account may be federated (AD FS), whose \
             passwords Entra cannot check here",
        ),
        Reason::WrongPasswordAgain => Words::new(
            "The same wrong password came again; the directory was not asked a second time",
            "type the password again, the code in its place; take an old password out of the VPN client",
        ),
        Reason::UnknownAtDirectory => Words::new(
            format!("Entra ID knows no {user} with a password{code}"),
            "compare it with the user principal name in Entra; the right one is added with: postern user add NAME",
        ),
        Reason::LockedAtDirectory => Words::new(
            format!("Entra ID has locked the account for now, or distrusts this box's address{code}"),
            "stop devices with an old password and wait some minutes; if many users have it, make this box's public address a \
             trusted named location in Entra",
        ),
        Reason::BlockedByPolicy => Words::new(
            format!("The password was right, but Conditional Access blocks the login{code}"),
            format!("find the policy in {log} and leave this application out of it, if that is meant"),
        ),
        Reason::DeviceOrRiskPolicy => Words::new(
            format!("A policy of Entra ID on devices, apps or risk refuses the login{code}"),
            format!("find the policy in {log} and leave this application out of it, if that is meant"),
        ),
        Reason::PasswordExpired => Words::new(
            format!("The password is expired or must be changed{code}"),
            "let the user set a new one at https://myaccount.microsoft.com, then log in with that",
        ),
        Reason::DisabledAtDirectory => Words::new(
            format!("The account is disabled in Entra ID{code}"),
            "if the user may log in, enable the account in Entra",
        ),
        Reason::NotAssigned => Words::new(
            format!("{user} is not assigned to the application in Entra ID{code}"),
            "assign the user or a group: Entra, Enterprise applications, Users and groups",
        ),
        Reason::WrongAccountKind => Words::new(
            format!("{user} is a guest, a personal account or of another tenant{code}"),
            "log in with an account of the tenant's own",
        ),
        Reason::OutsideLogonHours => Words::new(
            format!("The directory lets {user} in at other hours only{code}"),
            "wait, or change the logon hours in Active Directory",
        ),
        Reason::NoMfaAtDirectory => Words::new(
            format!(
                "The password was right, but Entra ID asks {user} for no second factor, and the tenant refuses such users"
            ),
            format!(
                "require MFA for this application by Conditional Access; or run: postern entra set --domain {} \
                 --allow-without-mfa yes",
                told.domain_arg()
            ),
        ),
        Reason::MfaNotRegistered => Words::new(
            format!("The password was right, but {user} has yet to register a second factor at Entra ID{code}"),
            "let the user register at https://aka.ms/mfasetup, or let the tenant's settings allow such users",
        ),
        Reason::ExternalMfa => Words::new(
            format!("The password was right, but Entra ID sends {user} to another provider's second factor{code}"),
            "if this box is the second factor, let the tenant's settings allow external MFA",
        ),
        Reason::MustBeEnrolled => Words::new(
            format!(
                "{user} is not on this box, and Entra ID has a second factor for this user{code}: no login without a code"
            ),
            format!("run: postern user add {u}, then: postern token add {u}"),
        ),
        Reason::UnlistedCode => Words::new(
            format!("Entra ID answered with a code that this box does not know{code}"),
            "look it up at https://login.microsoftonline.com/error; what it is to mean can be set for the tenant",
        ),
        Reason::RefusedByOverride => Words::new(
            format!("Entra ID answered with a code{code} that an override of the tenant refuses"),
            format!(
                "to undo it, run: postern entra set --domain {} --override {}=default",
                told.domain_arg(),
                told.code_arg()
            ),
        ),
        Reason::MixedCodes => Words::new(
            format!(
                "Entra ID wants {user} to register a second factor and to use another provider's at once{code}: these do not go \
                 together"
            ),
            format!(
                "let the user register at https://aka.ms/mfasetup, then see what Entra says with: postern entra test {u}"
            ),
        ),
        Reason::DirectoryConfiguration => Words::new(
            format!("The tenant's set-up has a mistake{code}; the user did nothing wrong"),
            told.fix()
                .unwrap_or_else(|| format!("see what is wrong with: postern entra test {u}")),
        ),
        Reason::DirectoryBackOff => Words::new(
            format!("Entra ID saw the same login too often in a row{code}; this box now waits"),
            format!("find what logs in over and over ({}) and stop it", told.station()),
        ),
        Reason::DirectoryUnavailable { trouble } => {
            let (what, todo) = unavailable(*trouble);
            let todo = todo.replace("DOMAIN", &told.domain_arg());
            Words::new(format!("{what}{code}"), told.fix().unwrap_or(todo))
        }

        Reason::StoreFailed => Words::new(
            "The login could not be written to the disk, so nothing was answered",
            "see whether the disk is full or broken: df -h, then: journalctl -u posternd",
        ),
        Reason::ChangedMeanwhile => Words::new(
            format!("{u}, a token, the client or the directory's settings were changed while the login was under way"),
            "log in again with the next code",
        ),
        Reason::Busy => Words::new(
            "Too many local passwords were to be checked at once",
            format!("log in again in a few seconds; see who floods with: postern log --client {c}"),
        ),
    }
}

/// Why the directory gave no verdict; `DOMAIN` stands for the domain of the user's name.
fn unavailable(trouble: DirectoryTrouble) -> (&'static str, &'static str) {
    match trouble {
        DirectoryTrouble::Timeout => (
            "The directory did not answer in time",
            "log in again; if it happens often, raise the deadline of the client together with the RADIUS timeout of its VPN",
        ),
        DirectoryTrouble::Dns => (
            "The directory's name was not found",
            "check the box's name server: resolvectl query login.microsoftonline.com",
        ),
        DirectoryTrouble::Connection => (
            "The directory could not be reached",
            "check the way to the Internet: a firewall must let HTTPS out to login.microsoftonline.com",
        ),
        DirectoryTrouble::Certificate => (
            "The directory's certificate was not accepted",
            "a firewall that opens TLS must leave the directory alone, or give its authority: postern entra set --domain DOMAIN \
             --ca-file FILE; also check the clock",
        ),
        DirectoryTrouble::Throttled => (
            "The directory asks for fewer requests",
            "wait a minute; if it happens often, find what logs in over and over with: postern log",
        ),
        DirectoryTrouble::Broken => (
            "The directory answered with a fault of its own",
            "log in again; if it lasts, see https://status.cloud.microsoft",
        ),
        DirectoryTrouble::Transient => (
            "The directory asks to try again later",
            "log in again in a minute; if it lasts, see https://status.cloud.microsoft",
        ),
    }
}

/// What let somebody in.
fn accepted(first: FirstUsed, second: SecondUsed) -> String {
    let password = match first {
        FirstUsed::Entra => "password right at Entra ID",
        FirstUsed::Local => "password right on this box",
        FirstUsed::Gateway => "the VPN checks the password itself",
    };
    let code = match second {
        SecondUsed::Totp => "code right",
        SecondUsed::Hotp => "code of a counter token right",
        SecondUsed::Bypass => "bypass code right",
        SecondUsed::Exempt => "no code, since the user is exempt",
        SecondUsed::Unmatched => "no code, since the user is not on this box and the client lets such users in",
    };
    format!("Let in: {password}; {code}")
}

fn unlock(u: &str) -> String {
    format!("wait; or, if it was the user, run: postern user unlock {u}")
}
