//! RADIUS clients: add, set, remove, list, show. In: what an operator named; out: the record without its secret, with what the
//! operator should know of it. A secret that the box made is answered once, by `add` (R21).

use std::net::IpAddr;

use super::common::{Target, letters, store_failure};
use crate::control::answers::{ClientInfo, ClientList, ClientMade};
use crate::control::asks::{ClientAdd, ClientFields, ClientSet};
use crate::control::check;
use crate::control::ops::{Answer, Failure};
use crate::door::Door;
use crate::door::start::since::{add_word, word};
use crate::pipeline::clients::mask;
use crate::store::records::{
    CHALLENGE_TIMEOUT, Client, ClientId, DEADLINE, First, IN_FLIGHT, Mode, Net, PROMPT, REJECT_DELAY, Unmatched,
};
use crate::store::{Change, StoreError};
use crate::text::shown;

/// Characters of a secret that the box makes: 158 bits, more than RFC 2865 3 asks for (16 octets).
pub(in crate::door) const SECRET_LENGTH: usize = 32;

/// `client add`.
pub(super) fn add(door: &Door, ask: ClientAdd, target: &mut Target) -> Result<Answer, Failure> {
    let ClientAdd { name, net, mut fields } = ask;
    check::client_name(&name)?;
    check::client_fields(&fields)?;
    let net = normal(net)?;
    let (mode, unmatched) = (fields.mode.unwrap_or_default(), fields.unmatched.unwrap_or_default());
    let first = check::mode_and_first(mode, fields.first, unmatched)?;
    let made = fields.secret.is_none().then(|| letters(SECRET_LENGTH));
    let secret = match (fields.secret.take(), &made) {
        (Some(given), _) => given,
        (None, Some(made)) => made.clone(),
        (None, None) => letters(SECRET_LENGTH),
    };
    let mut client = Client {
        id: ClientId(0),
        name,
        net,
        secret,
        mode,
        first,
        require_message_authenticator: true,
        order: fields.order.unwrap_or_default(),
        delimiter: None,
        unmatched,
        reject_delay: REJECT_DELAY,
        deadline: DEADLINE,
        unavailable: fields.unavailable.unwrap_or_default(),
        prompt: PROMPT.to_owned(),
        challenge_timeout: CHALLENGE_TIMEOUT,
        charset: fields.charset.unwrap_or_default(),
        in_flight: IN_FLIGHT,
        created: crate::clock::wall(),
        generation: 1,
    };
    take(&mut client, fields);
    let applied = door
        .store
        .apply(vec![Change::AddClient(client.clone())])
        .map_err(|error| taken(door, &client, error))?;
    if let Some(id) = applied.clients.first() {
        client.id = *id;
        target.client = Some(*id);
    }
    door.refresh_clients();
    Ok(Answer::ClientMade(Box::new(ClientMade {
        client: info(door, &client),
        secret: made,
    })))
}

/// `client set`. The record's target says what was withdrawn or replaced: a restore reads it (R20).
pub(super) fn set(door: &Door, ask: ClientSet, target: &mut Target) -> Result<Answer, Failure> {
    let ClientSet {
        name,
        rename,
        net,
        mut fields,
        make_secret,
    } = ask;
    if rename.is_none() && net.is_none() && !make_secret && fields == ClientFields::default() {
        return Err(Failure::usage("nothing to set: name at least one setting"));
    }
    let mut client = named(door, &name)?;
    target.client = Some(client.id);
    check::client_fields(&fields)?;
    if let Some(rename) = rename {
        check::client_name(&rename)?;
        if rename != client.name {
            target.text = format!("{}, renamed to {rename}", client.name);
        }
        client.name = rename;
    }
    if let Some(net) = net {
        client.net = normal(net)?;
    }
    (client.mode, client.unmatched, client.first) = modes(&client, &fields)?;
    if make_secret && fields.secret.is_some() {
        return Err(Failure::usage("give a secret or have one made, not both"));
    }
    let made = make_secret.then(|| letters(SECRET_LENGTH));
    fields.secret = made.clone().or(fields.secret.take());
    let before = named(door, &name)?;
    take(&mut client, fields);
    for (is, what) in [
        (client.secret != before.secret, word::SECRET),
        (
            client.unmatched != before.unmatched && client.unmatched == Unmatched::Refuse,
            word::UNMATCHED,
        ),
        (
            client.require_message_authenticator && !before.require_message_authenticator,
            word::AUTHENTICATOR,
        ),
    ] {
        if is {
            add_word(&mut target.text, what);
        }
    }
    door.store
        .apply(vec![Change::PutClient(client.clone())])
        .map_err(|error| taken(door, &client, error))?;
    door.refresh_clients();
    let client = info(door, &client);
    Ok(match made {
        None => Answer::Client(Box::new(client)),
        secret => Answer::ClientMade(Box::new(ClientMade { client, secret })),
    })
}

/// `client remove`.
pub(super) fn remove(door: &Door, name: &str, target: &mut Target) -> Result<Answer, Failure> {
    let client = named(door, name)?;
    target.client = Some(client.id);
    door.store
        .apply(vec![Change::RemoveClient(client.id)])
        .map_err(store_failure)?;
    door.refresh_clients();
    Ok(Answer::Done {
        done: format!("client {} is removed", client.name),
    })
}

/// `client list`.
pub(super) fn list(door: &Door) -> Answer {
    let mut clients: Vec<ClientInfo> = door.store.clients().iter().map(|client| info(door, client)).collect();
    clients.sort_by(|a, b| a.name.cmp(&b.name));
    Answer::Clients(ClientList { clients })
}

/// `client show`.
pub(super) fn show(door: &Door, name: &str) -> Result<Answer, Failure> {
    named(door, name).map(|client| Answer::Client(Box::new(info(door, &client))))
}

fn named(door: &Door, name: &str) -> Result<Client, Failure> {
    let clients = door.store.clients();
    let found = clients.iter().find(|client| client.name == name);
    found.cloned().ok_or_else(|| {
        Failure::not_found(format!(
            "there is no client {}: look with `postern client list`",
            shown(name)
        ))
    })
}

/// What mode, unmatched users and first factor become (R2). A first factor that is not named stays, unless the mode was `code-only`
/// and is no more: then it is the default's.
fn modes(client: &Client, fields: &ClientFields) -> Result<(Mode, Unmatched, First), Failure> {
    let mode = fields.mode.unwrap_or(client.mode);
    let unmatched = fields.unmatched.unwrap_or(client.unmatched);
    if mode == Mode::CodeOnly && fields.unmatched.is_none() && unmatched == Unmatched::PasswordOnly {
        return Err(Failure::usage(
            "mode code-only refuses users that are not in the store: set --unmatched-users refuse with it",
        ));
    }
    let kept = (mode != Mode::CodeOnly && client.first != First::None).then_some(client.first);
    let first = check::mode_and_first(mode, fields.first.or(kept), unmatched)?;
    Ok((mode, unmatched, first))
}

/// Takes over what was named, but for mode, first factor and unmatched users, which hang together.
fn take(client: &mut Client, fields: ClientFields) {
    fn put<T>(to: &mut T, from: Option<T>) {
        if let Some(from) = from {
            *to = from;
        }
    }
    put(&mut client.secret, fields.secret);
    put(
        &mut client.require_message_authenticator,
        fields.require_message_authenticator,
    );
    put(&mut client.order, fields.order);
    put(&mut client.delimiter, fields.delimiter.map(Into::into));
    put(&mut client.reject_delay, fields.reject_delay);
    put(&mut client.deadline, fields.deadline);
    put(&mut client.unavailable, fields.unavailable);
    put(&mut client.prompt, fields.prompt);
    put(&mut client.challenge_timeout, fields.challenge_timeout);
    put(&mut client.charset, fields.charset);
    put(&mut client.in_flight, fields.in_flight);
}

/// A range as the store keeps it: IPv4 where it is IPv4-mapped (R8), host bits zero.
pub(super) fn normal(net: Net) -> Result<Net, Failure> {
    let Net { address, length } = net;
    let (address, length) = match (address, address.to_canonical()) {
        (IpAddr::V6(_), v4 @ IpAddr::V4(_)) => {
            let length = length
                .checked_sub(96)
                .ok_or_else(|| Failure::usage("the range spans more than IPv4: write it as IPv4"))?;
            (v4, length)
        }
        (_, address) => (address, length),
    };
    let whole = if address.is_ipv4() { 32 } else { 128 };
    if length > whole {
        return Err(Failure::usage(format!("the length of the range is 0 to {whole} bits")));
    }
    Ok(mask(address, length))
}

/// What the store says of a name or range that is taken, with who has it.
fn taken(door: &Door, client: &Client, error: StoreError) -> Failure {
    match error {
        StoreError::ClientNameTaken => Failure::exists(format!(
            "there is a client {} already: choose another name, or change that one with `postern client set`",
            client.name
        )),
        StoreError::NetTaken => {
            let clients = door.store.clients();
            let holder = clients
                .iter()
                .find(|other| other.net == client.net && other.id != client.id);
            Failure::exists(format!(
                "{} is the address of client {} already: change that one with `postern client set`",
                check::net_text(&client.net),
                holder.map_or("another", |holder| holder.name.as_str())
            ))
        }
        other => store_failure(other),
    }
}

/// The record without its secret.
fn info(door: &Door, client: &Client) -> ClientInfo {
    ClientInfo {
        name: client.name.clone(),
        net: client.net,
        mode: client.mode,
        first: client.first,
        require_message_authenticator: client.require_message_authenticator,
        order: client.order,
        delimiter: client.delimiter,
        unmatched: client.unmatched,
        reject_delay: client.reject_delay,
        deadline: client.deadline,
        unavailable: client.unavailable,
        prompt: client.prompt.clone(),
        challenge_timeout: client.challenge_timeout,
        charset: client.charset,
        in_flight: client.in_flight,
        created: client.created,
        secret_length: u32::try_from(characters(client)).unwrap_or(u32::MAX),
        last_packet: door.clients().last_packet(client.id),
        warnings: warnings(client),
        seen: door.clients().seen(client.id),
    }
}

fn characters(client: &Client) -> usize {
    let text = client.secret.expose_str();
    text.map_or(client.secret.len(), |text| text.chars().count())
}

/// What an operator should know of a client's settings.
fn warnings(client: &Client) -> Vec<String> {
    let mut lines = Vec::new();
    if !client.require_message_authenticator {
        lines.push(
            "Message-Authenticator is not required: whoever is on the way can forge an Access-Accept (BlastRADIUS); require it \
             as soon as the gateway sends it"
                .to_owned(),
        );
    }
    if client.unmatched == Unmatched::PasswordOnly {
        lines.push(
            "users that are not in the store come in by their password alone, without a second factor".to_owned(),
        );
    }
    if client.net.length == 0 {
        lines.push(format!(
            "{} is every address there is: whoever knows or guesses the secret may ask; name the gateway's own",
            check::net_text(&client.net)
        ));
    }
    if client.reject_delay.is_zero() {
        lines.push(
            "refusals leave at once: how long one took tells a guesser what was wrong with it; 1s hides that"
                .to_owned(),
        );
    }
    let characters = characters(client);
    if characters < check::SHARED_SECRET_WARN {
        lines.push(format!(
            "the shared secret has {characters} characters: one packet is enough to guess it; take {} or more",
            check::SHARED_SECRET_WARN
        ));
    }
    lines
}
