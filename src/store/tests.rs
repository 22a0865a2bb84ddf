#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod changes;
mod copies;
mod opening;
mod operators;
mod schemas;
mod seeds;
mod serials;
mod unassigned;

use std::net::{IpAddr, Ipv4Addr};

use super::records::*;
use super::*;
use crate::seal::MasterKey;
use crate::secret::Secret;

fn sealer() -> Sealer {
    Sealer::new(&MasterKey::from_bytes([5; 32]))
}

fn open(dir: &Path) -> (Store, Opened) {
    Store::open(&dir.join(STORE_DIR), &sealer()).unwrap()
}

fn user(name: &str) -> User {
    User {
        id: UserId(0),
        name: name.to_owned(),
        enabled: true,
        exempt: false,
        local_password: Some(Secret::from("$argon2id$hash")),
        created: Timestamp(1),
        generation: 0,
    }
}

fn token(user: UserId, seed: &str) -> Token {
    Token {
        id: TokenId(0),
        user,
        parameters: OtpParameters::default(),
        seed: Secret::from(seed),
        mark: SeedMark([0; 16]),
        status: TokenStatus::Active,
        serial: String::from("2308-1"),
        model: String::from("Molto"),
        created: Timestamp(2),
        source: records::TokenSource::App,
    }
}

/// A counter token whose next code is that of counter 5, or one that the time moves.
fn vendor(serial: &str, seed: &str, hotp: bool) -> Unassigned {
    let counted = HotpParameters {
        algorithm: Algorithm::Sha1,
        digits: 6,
    };
    Unassigned {
        serial: serial.to_owned(),
        model: String::from("Token2 C301-i"),
        parameters: match hotp {
            true => OtpParameters::Hotp(counted),
            false => OtpParameters::default(),
        },
        counter: if hotp { 5 } else { 0 },
        seed: Secret::from(seed),
        mark: SeedMark([0; 16]),
        created: Timestamp(7),
    }
}

fn client(name: &str, last: u8) -> Client {
    Client {
        id: ClientId(0),
        name: name.to_owned(),
        net: Net {
            address: IpAddr::V4(Ipv4Addr::new(192, 0, 2, last)),
            length: 32,
        },
        secret: Secret::from("shared secret of the client"),
        mode: Mode::default(),
        first: First::default(),
        require_message_authenticator: true,
        order: Order::default(),
        delimiter: Some(','),
        unmatched: Unmatched::default(),
        reject_delay: REJECT_DELAY,
        deadline: DEADLINE,
        unavailable: Unavailable::default(),
        prompt: PROMPT.to_owned(),
        challenge_timeout: CHALLENGE_TIMEOUT,
        charset: Charset::default(),
        in_flight: IN_FLIGHT,
        created: Timestamp(3),
        generation: 0,
    }
}

fn tenant(domain: &str) -> Tenant {
    Tenant {
        domain: domain.to_owned(),
        prefixes: vec![String::from("contoso")],
        default: true,
        tenant: String::from("t"),
        client_id: String::from("c"),
        client_secret: Some(Secret::from("app secret")),
        authority: String::from("https://login.microsoftonline.com"),
        scope: String::from("openid"),
        ca_pem: None,
        proxy: None,
        allow_without_mfa: false,
        allow_unregistered: false,
        allow_external: false,
        overrides: [(50_079, Override::Refuse)].into(),
        proof: Proof::Missing,
        budget: 6,
        created: Timestamp(4),
        generation: 0,
    }
}

fn operator(name: &str, role: Role) -> Operator {
    Operator {
        id: OperatorId(0),
        name: name.to_owned(),
        role,
        enabled: true,
        password: Secret::from("$argon2id$operator's hash"),
        token: Some(OperatorToken {
            seed: Secret::from("operator's own seed"),
            confirmed: true,
            last_step: 7,
        }),
        wrong: 2,
        failures: 3,
        last: Some(Timestamp(6)),
        created: Timestamp(5),
        generation: 0,
    }
}

/// Users `0..count`, each with one token.
fn many(store: &Store, count: usize) {
    let changes = (0..count).flat_map(|n| {
        [
            Change::AddUser(user(&format!("user{n:05}@contoso.example"))),
            Change::AddToken(token(UserId(0), &format!("seed number {n:05}"))),
        ]
    });
    store.apply(changes.collect()).unwrap();
}

fn mark(seed: &str) -> SeedMark {
    sealer().seed_mark(seed.as_bytes())
}

/// Everything that the store says, to compare two.
#[derive(Debug, PartialEq)]
struct Contents {
    users: Vec<User>,
    tokens: Vec<Token>,
    clients: Vec<Client>,
    tenants: Vec<Tenant>,
    operators: Vec<Operator>,
    settings: Settings,
    seeds: Vec<(SeedMark, SeedState)>,
    unassigned: Vec<Unassigned>,
}

fn contents(store: &Store) -> Contents {
    let ids: Vec<UserId> = store
        .search("", 0, usize::MAX)
        .0
        .into_iter()
        .map(|(id, _)| id)
        .collect();
    let unassigned = store.search_unassigned("", 0, usize::MAX).0.into_iter();
    let unassigned = unassigned
        .map(|row| store.unassigned(row.mark).unwrap().unwrap())
        .collect();
    let mut seeds = Vec::new();
    store.each_seed(&mut |mark, state| seeds.push((mark, state)));
    seeds.sort_by_key(|(mark, _)| *mark);
    Contents {
        users: ids.iter().map(|id| store.user(*id).unwrap().unwrap()).collect(),
        tokens: ids.iter().flat_map(|id| store.tokens_of(*id).unwrap()).collect(),
        clients: store.clients().to_vec(),
        tenants: store.tenants().to_vec(),
        operators: store.operators().to_vec(),
        settings: Settings::clone(&store.settings()),
        seeds,
        unassigned,
    }
}
