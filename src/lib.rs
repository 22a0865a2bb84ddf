//! Postern answers RADIUS beside a VPN: the password is checked at Microsoft Entra ID (or against a local hash), the one-time code
//! against the box's own store.
//!
//! # The way of a packet
//!
//! ```text
//! datagram -> receive -> client -> request -> first factor -> second factor -> respond -> datagram
//!             (shape,    (source,  (name,     (password)      (code or         (signed, Message-
//!             duplicates) secret)   user)                      challenge)       Authenticator first)
//! ```
//!
//! 1. [`server`] receives many datagrams a call, each with the address that was asked.
//! 2. [`door::flow`] takes each through the stages of [`pipeline`], in the order of rule R1: size and shape, client by source,
//!    authenticators, duplicate of a datagram, the name made canonical ([`names`]), login sent again, user known, lockout
//!    ([`guard`]), clock ([`clock`]), the directory's breaker and budget, code ([`factors::second`]), password
//!    ([`factors::first`]). Each stage takes what the one before made, and nothing else can make it:
//!    [`pipeline::decide::Accept`] needs both proofs in hand, or a named exception.
//! 3. The decision's record ([`audit`]), and with it the spent code, goes to the [`journal`]; when both are on the disk, the reply is
//!    signed ([`radius::reply`]) and leaves from the address that was asked. A reject waits until its time.
//!
//! In append mode the code comes before the directory, so guessing through the VPN locks nobody's directory account; in challenge
//! mode the password comes first.
//!
//! # The modules
//!
//! Pure, without I/O or a clock: [`radius`] (bytes), [`pipeline`] (decisions), [`guard`], [`factors::second`], [`names`], [`enrol`],
//! [`audit`], [`text`], [`times`], [`secret`].
//!
//! Keeping: [`store`] (records in sled, secrets sealed by [`seal`]), [`journal`] (spent codes and audit, append-only).
//!
//! Asking: [`factors::first`] (Entra ID by ROPC; argon2id).
//!
//! The box and its programs: [`door`] (everything that packets and operations share), [`server`] (UDP), [`control`] (the operations
//! as types, over Unix sockets), [`config`] and [`daemon`] (posternd), [`cli`] (postern) and [`console`]
//! (postern-console), which know only [`control`]; [`host`] (postern-host, the appliance's root helper, which obeys posternd alone).

pub mod audit;
pub mod backup;
pub mod cli;
pub mod clock;
pub mod config;
pub mod console;
pub mod control;
pub mod daemon;
pub mod door;
pub mod enrol;
pub mod factors;
pub mod guard;
pub mod host;
pub mod journal;
pub mod manual;
pub mod names;
pub mod pipeline;
pub mod process;
pub mod radius;
pub mod seal;
pub mod secret;
pub mod server;
pub mod store;
pub mod text;
pub mod times;
pub mod tokens;
