//! What a client's packets say of its settings. In: the client as posternd tells it; out: one word for a list, and sentences that
//! say what is wrong and what to do at the gateway or here. It judges only what was seen, and never asks a gateway.

use crate::control::{ClientInfo, Mode, Timestamp};

/// One thing to know of a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Advice {
    /// Logins fail by it.
    pub grave: bool,
    /// What is so.
    pub what: String,
    /// What to do; empty for nothing.
    pub todo: String,
}

/// Whether a trouble came after the last packet that was in order.
fn stands(trouble: Option<Timestamp>, fine: Option<Timestamp>) -> bool {
    match (trouble, fine) {
        (Some(trouble), Some(fine)) => trouble > fine,
        (Some(_), None) => true,
        (None, _) => false,
    }
}

/// How a client does, for a list.
pub fn word(client: &ClientInfo) -> &'static str {
    let seen = &client.seen;
    if stands(seen.wrong_secret_last, client.last_packet) {
        "wrong secret"
    } else if client.require_message_authenticator && stands(seen.unprotected_last, client.last_packet) {
        "unprotected"
    } else {
        match seen.method.as_str() {
            "CHAP" => "sends CHAP",
            "MS-CHAP" => "sends MS-CHAP",
            "EAP" => "sends EAP",
            "none" => "no password",
            _ if client.last_packet.is_none() => "nothing yet",
            _ => "fine",
        }
    }
}

/// Whether logins through a client fail by how it is set.
pub fn is_wrong(client: &ClientInfo) -> bool {
    !matches!(word(client), "fine" | "nothing yet")
}

/// What to know of a client, the gravest first; what its settings warn of comes last.
pub fn advice(client: &ClientInfo) -> Vec<Advice> {
    let mut lines = Vec::new();
    secret(client, &mut lines);
    authenticator(client, &mut lines);
    method(client, &mut lines);
    station(client, &mut lines);
    if lines.is_empty() && client.last_packet.is_none() {
        lines.push(Advice {
            grave: false,
            what: "Nothing came from this address since posternd started.".to_owned(),
            todo: "Try a login. If nothing shows here or under Knocks, the packets do not reach the box: check the address and \
                   the port at the gateway, and any firewall between."
                .to_owned(),
        });
    }
    lines.extend(client.warnings.iter().map(|warning| Advice {
        grave: false,
        what: sentence(warning),
        todo: String::new(),
    }));
    lines
}

/// A line of posternd's as a sentence.
fn sentence(line: &str) -> String {
    let mut letters = line.chars();
    let first = letters.next().map(|c| c.to_uppercase().to_string()).unwrap_or_default();
    let stop = if line.ends_with('.') { "" } else { "." };
    format!("{first}{}{stop}", letters.as_str())
}

fn secret(client: &ClientInfo, lines: &mut Vec<Advice>) {
    let seen = &client.seen;
    if stands(seen.wrong_secret_last, client.last_packet) {
        lines.push(Advice {
            grave: true,
            what: format!(
                "The shared secret at the gateway is not the one of this box ({} packets dropped; here it has {} characters).",
                seen.wrong_secret, client.secret_length
            ),
            todo: "Type it again at the gateway, without blanks. If it is lost, make a new one here with s and type that.".to_owned(),
        });
    }
}

fn authenticator(client: &ClientInfo, lines: &mut Vec<Advice>) {
    let seen = &client.seen;
    if client.require_message_authenticator {
        if stands(seen.unprotected_last, client.last_packet) {
            lines.push(Advice {
                grave: true,
                what: format!(
                    "The gateway sends no Message-Authenticator, and this box asks for one ({} packets dropped).",
                    seen.unprotected
                ),
                todo: "Update the gateway or switch it on there: RRAS \"Always use message authenticator\", NetScaler \
                       -messageAuthenticator ON, RouterOS from 7.15. Only if it cannot: edit this client, Message-Authenticator \
                       not required; whoever sits on the wire can then forge a login (BlastRADIUS)."
                    .to_owned(),
            });
        }
    } else if seen.message_authenticator == Some(true) {
        lines.push(Advice {
            grave: false,
            what: "The gateway sends Message-Authenticator, so it can be required.".to_owned(),
            todo: "Edit this client: Message-Authenticator required.".to_owned(),
        });
    }
}

fn method(client: &ClientInfo, lines: &mut Vec<Advice>) {
    let (what, todo) = match client.seen.method.as_str() {
        "CHAP" | "MS-CHAP" => (
            format!(
                "The gateway sends {} instead of PAP. That carries no password that a directory could check.",
                client.seen.method
            ),
            "Set PAP there: FortiGate set auth-type pap; ASA no mschapv2-capable and no password-management; NetScaler \
             -passEncoding pap; pfSense Protocol PAP; RouterOS authentication=pap; RRAS Authentication Methods, PAP alone.",
        ),
        "EAP" => (
            "The gateway sends EAP, which this box does not speak.".to_owned(),
            "Set PAP there. IKEv2 clients that know EAP alone cannot be used with this box.",
        ),
        "none" => (
            "The gateway asks without any password.".to_owned(),
            "Such requests are tests or lookups of a group. Set the gateway to authenticate by RADIUS with PAP.",
        ),
        _ => return,
    };
    lines.push(Advice {
        grave: true,
        what,
        todo: todo.to_owned(),
    });
}

fn station(client: &ClientInfo, lines: &mut Vec<Advice>) {
    if client.seen.calling_station == Some(false) {
        lines.push(Advice {
            grave: false,
            what: "The gateway does not say where a person calls from (no Calling-Station-Id). So wrong codes lock that person at \
                   this client as a whole, for 15 minutes: somebody who guesses locks out the right one too."
                .to_owned(),
            todo: match client.mode {
                Mode::CodeOnly => String::new(),
                _ => "Switch it on if the gateway can: NetScaler -callingstationid ENABLED. pfSense cannot for OpenVPN.".to_owned(),
            },
        });
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
mod tests {
    use super::*;
    use crate::console::guide::samples::client;
    use crate::console::testing::NOON;

    fn whats(client: &ClientInfo) -> String {
        let lines: Vec<String> = advice(client)
            .into_iter()
            .map(|line| format!("{} {} {}", line.grave, line.what, line.todo))
            .collect();
        lines.join("\n")
    }

    #[test]
    fn a_wrong_secret_counts_until_a_packet_is_right() {
        let mut client = client("gw-1", "192.0.2.10");
        client.last_packet = None;
        client.seen.wrong_secret = 3;
        client.seen.wrong_secret_last = Some(NOON);
        assert_eq!(word(&client), "wrong secret");
        assert!(whats(&client).contains("true The shared secret"));
        client.last_packet = Some(NOON.plus(std::time::Duration::from_secs(1)));
        assert_eq!(word(&client), "fine");
        assert!(!whats(&client).contains("shared secret"));
    }

    #[test]
    fn r6_no_message_authenticator_names_the_setting() {
        let mut client = client("gw-1", "192.0.2.10");
        client.last_packet = None;
        client.seen.unprotected = 2;
        client.seen.unprotected_last = Some(NOON);
        assert_eq!(word(&client), "unprotected");
        assert!(whats(&client).contains("BlastRADIUS"));
        client.require_message_authenticator = false;
        client.seen.message_authenticator = Some(true);
        assert!(whats(&client).contains("can be required"));
    }

    #[test]
    fn chap_says_where_to_change_it() {
        let mut client = client("gw-1", "192.0.2.10");
        client.seen.method = "MS-CHAP".to_owned();
        assert_eq!(word(&client), "sends MS-CHAP");
        assert!(is_wrong(&client));
        assert!(whats(&client).contains("set auth-type pap"));
    }

    #[test]
    fn r17_no_calling_station_says_what_a_lock_means_then() {
        let mut client = client("gw-1", "192.0.2.10");
        client.seen.calling_station = Some(false);
        assert_eq!(word(&client), "fine");
        assert!(whats(&client).contains("15 minutes"));
    }

    #[test]
    fn nothing_seen_says_what_to_check() {
        let mut client = client("gw-1", "192.0.2.10");
        client.last_packet = None;
        client.seen = Default::default();
        assert_eq!(word(&client), "nothing yet");
        assert!(whats(&client).contains("firewall"));
        client.warnings = vec!["refusals leave at once".to_owned()];
        assert!(whats(&client).ends_with("Refusals leave at once. "));
    }
}
