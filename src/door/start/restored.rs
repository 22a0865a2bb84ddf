//! A box whose store came from a copy (R20). In: what operators did since the copy, by the journal; out: users, tokens and clients that
//! were disabled or removed since are so again, what was replaced is void ([`super::since`]), operators as
//! [`crate::door::staff::restore`] leaves them, and an alarm. It gives nobody anything back.

use std::collections::{BTreeMap, HashMap};

use super::since::Withdrawn;
use super::{LIVE_COPIED, StartError, copied_to};
use crate::audit::OperatorAct;
use crate::backup::swap::{self, Plan};
use crate::door::events::{Event, OperatorEvent, encode};
use crate::door::{Door, alarms, ops, staff};
use crate::store::records::{SeedMark, Token, TokenId, UserId};
use crate::store::{Change, Numbers, Recovered, Store, StoreError};

/// The tokens that nobody has, by what stands on them: read once, however many acts there are.
struct Rows(HashMap<String, Vec<SeedMark>>);

impl Rows {
    fn read(store: &Store) -> Self {
        let mut rows = Self(HashMap::new());
        for row in store.search_unassigned("", 0, usize::MAX).0 {
            rows.put(ops::printed(&row.serial, &row.model), row.mark);
        }
        rows
    }

    fn put(&mut self, printed: String, mark: SeedMark) {
        self.0.entry(printed).or_default().push(mark);
    }

    /// One of those on which this stands goes.
    fn take(&mut self, printed: &str) -> Option<Change> {
        self.0.get_mut(printed)?.pop().map(Change::RemoveUnassigned)
    }
}

/// The token's number in `NAME #ID`, which more may follow.
fn number(target: &str) -> Option<TokenId> {
    let word = target.split(' ').nth(1)?;
    word.strip_prefix('#')?.parse().ok().map(TokenId)
}

/// What stands on the token in `NAME #ID (MODEL SERIAL)`.
fn named(target: &str) -> Option<&str> {
    target.split_once(" (")?.1.strip_suffix(')')
}

/// A number in words that is higher was typed by somebody: the box comes to none of these by itself.
const NUMBER_MAX: u64 = 1 << 48;

/// The numbers in what an operator did.
pub(super) fn see_act(act: &OperatorAct, seen: &mut Numbers) {
    seen.user = seen.user.max(act.user.map_or(0, |id| id.0));
    seen.client = seen.client.max(act.client.map_or(0, |id| id.0));
    seen.operator = seen.operator.max(act.staff.map_or(0, |id| id.0));
    let token = number(&act.target).map(|id| id.0).filter(|id| *id <= NUMBER_MAX);
    seen.token = seen.token.max(token.unwrap_or(0));
}

/// The numbers in an event of the journal of logins.
pub(super) fn see_event(event: &Event, seen: &mut Numbers) {
    let (user, client) = match event {
        Event::Attempt(attempt) => (attempt.user, attempt.client),
        Event::Miss(user, ..)
        | Event::WrongPassword(user)
        | Event::RightPassword(user)
        | Event::Unlocked(user)
        | Event::Spent(user, _)
        | Event::Removed(user)
        | Event::ClockSet(user, _) => (Some(*user), None),
        Event::Accounting(_) | Event::Voided => (None, None),
    };
    seen.user = seen.user.max(user.map_or(0, |id| id.0));
    seen.client = seen.client.max(client.map_or(0, |id| id.0));
}

impl Door {
    /// After a restore: what the audit says was disabled or removed since is disabled or removed again (R20).
    pub(super) fn restored(
        &self,
        recovered: Option<&Recovered>,
        whole: bool,
        since: &[(u64, OperatorAct)],
        plan: Option<&Plan>,
    ) -> Result<(), StartError> {
        let now = crate::clock::wall();
        // A copy that does not say it is taken for one from before everything. Done once: what comes later is in this store.
        let copied = self.store.live_scan(LIVE_COPIED)?.into_iter().next();
        let copied = copied.and_then(|(_, value)| value.as_slice().try_into().ok());
        let copied = copied.map_or(0, u64::from_be_bytes);
        // What each was told last; by number, since names change, and numbers are given once. Not by time, since clocks are set.
        let mut off: BTreeMap<UserId, bool> = BTreeMap::new();
        let (mut rows, mut given) = (Rows::read(&self.store), 0_usize);
        let mut withdrawn = Withdrawn::default();
        for (seq, act) in since {
            if *seq > copied {
                withdrawn.read(act);
            }
            let user = match act.user {
                Some(id) => self.store.user(id)?,
                None => None,
            };
            match (act.action.as_str(), user) {
                ("user disable" | "user remove", Some(user)) => {
                    off.insert(user.id, true);
                }
                ("user enable", Some(user)) => {
                    off.insert(user.id, false);
                }
                _ => given += self.taken_again(act, *seq > copied, &mut rows)?,
            }
        }
        // A restore that somebody asked for, on the box that the backup is of, left the operators as they are.
        if !plan.is_some_and(|plan| plan.goes_on) {
            staff::restore::operators(&self.store, since, copied)?;
        }
        let withdrawn = withdrawn.apply(&self.store)?;
        self.store.live_put(vec![copied_to(u64::MAX)])?;
        // On the disk before anybody changes anything: a password that is set from now on is not void at the next start.
        self.store.fold(self.store.folded())?;
        for (id, _) in off.into_iter().filter(|(_, off)| *off) {
            if let Some(mut user) = self.store.user(id)?.filter(|user| user.enabled) {
                user.enabled = false;
                self.store.apply(vec![Change::PutUser(user)])?;
            }
        }
        let damage = match recovered {
            Some(r) if r.set_aside.exists() => {
                format!("{}; the damaged one lies in {}", r.detail, r.set_aside.display())
            }
            Some(r) => r.detail.clone(),
            None => "found at an earlier start".to_owned(),
        };
        let codes = if whole {
            "read from the journal"
        } else {
            "made void up to now"
        };
        let mut more = match given {
            0 => String::new(),
            n => format!(
                "; vendors' tokens given out since the copy are nobody's no more ({n}): import their file again"
            ),
        };
        for line in withdrawn {
            more.push_str("; ");
            more.push_str(&line);
        }
        if let Some(plan) = plan.filter(|plan| !plan.machine.is_empty()) {
            // The box's own address and name stay: nobody else's is taken without a word.
            more.push_str("; the machine that the backup was made on had: ");
            more.push_str(&plan.machine.join(", "));
        }
        let (what, todo) = match plan.filter(|_| recovered.is_none()) {
            Some(plan) => (
                format!("{}; spent codes were {codes}{more}", plan.words),
                "Check users, tokens, clients and operators that were changed since the backup was made",
            ),
            None => (
                format!("The store was damaged ({damage}) and restored from its copy; spent codes were {codes}{more}"),
                "Check users, tokens, clients and operators that were changed since the copy was made, and look at the disk",
            ),
        };
        self.raise("store-restored", alarms::Grave::Some, what, todo, now);
        Ok(())
    }

    /// A restore goes on record in what was restored, once.
    pub(super) fn tell_restore(&self, plan: &Plan) -> Result<(), StartError> {
        let state = |error| StartError::State(self.state_dir.clone(), error);
        if !plan.told {
            let (uid, operator, line) = plan.by.clone();
            let act = OperatorAct {
                at: plan.at,
                uid,
                operator,
                line,
                action: "restore".to_owned(),
                target: plan.words.clone(),
                users: Vec::new(),
                user: None,
                client: None,
                staff: None,
                result: Ok(()),
                count: 1,
            };
            let written = self.operators.append_wait(plan.at, encode(&OperatorEvent::Act(act)));
            written.map_err(|error| state(std::io::Error::other(error.to_string())))?;
            swap::told(&self.state_dir, plan).map_err(state)?;
        }
        Ok(())
    }

    /// What one act took away is taken away again; `late`: it came after the copy. How many vendors' tokens it had given out.
    fn taken_again(&self, act: &OperatorAct, late: bool, rows: &mut Rows) -> Result<usize, StoreError> {
        let (mut changes, mut given) = (Vec::new(), 0);
        match act.action.as_str() {
            "token remove" => {
                if let Some(token) = self.meant(act)? {
                    changes = ops::removal(self, &token);
                    if changes.len() > 1 {
                        rows.put(ops::printed(&token.serial, &token.model), token.mark);
                    }
                }
            }
            "token confirm" | "token written" => {
                for id in ops::removed_by(&act.target) {
                    if self.store.token(id)?.is_some() {
                        changes.push(Change::RemoveToken(id));
                    }
                }
                // By what is printed on it: another one of that number may have come since, and was in the copy.
                if late {
                    let vendors = ops::vendors_removed_by(&act.target).into_iter();
                    changes.extend(vendors.filter_map(|printed| rows.take(printed)));
                }
            }
            "token forget" if late => changes.extend(rows.take(&act.target)),
            // Its user's token is not in the copy, and it is nobody else's.
            "token assign" if late => {
                changes.extend(named(&act.target).and_then(|printed| rows.take(printed)));
                given = changes.len();
            }
            // The drift of before would hide the clock that was set.
            "token clock" if late => {
                changes.extend(self.meant(act)?.map(|token| Change::ForgetDrift(token.mark)));
            }
            "client remove" => {
                let clients = self.store.clients();
                let client = clients.iter().find(|client| Some(client.id) == act.client);
                changes.extend(client.map(|client| Change::RemoveClient(client.id)));
            }
            _ => {}
        }
        if !changes.is_empty() {
            self.store.apply(changes)?;
        }
        Ok(given)
    }

    /// The token that an act's words name, if it is there and still its user's.
    fn meant(&self, act: &OperatorAct) -> Result<Option<Token>, StoreError> {
        let (Some(user), Some(id)) = (act.user, number(&act.target)) else {
            return Ok(None);
        };
        Ok(self.store.token(id)?.filter(|token| token.user == user))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
mod tests {
    use super::*;
    use crate::seal::{MasterKey, Sealer};
    use crate::store::records::{ClientId, OperatorId, Timestamp};

    fn act(action: &str, target: &str) -> OperatorAct {
        OperatorAct {
            at: Timestamp(1),
            uid: 0,
            operator: String::new(),
            line: String::new(),
            action: action.to_owned(),
            target: target.to_owned(),
            users: Vec::new(),
            user: None,
            client: None,
            staff: None,
            result: Ok(()),
            count: 1,
        }
    }

    #[test]
    fn r20_numbers_that_stand_in_a_journal_are_given_to_nobody_else() {
        let mut seen = Numbers::default();
        for (target, user) in [
            ("anna@contoso.example #7000000", 8_000_000),
            ("ben #99999999999999999", 3),
        ] {
            let (user, client, staff) = (
                Some(UserId(user)),
                Some(ClientId(6_000_000)),
                Some(OperatorId(5_000_000)),
            );
            let act = OperatorAct {
                user,
                client,
                staff,
                ..act("token add", target)
            };
            see_act(&act, &mut seen);
        }
        see_event(&Event::Unlocked(UserId(9_000_000)), &mut seen);
        let wanted = Numbers {
            user: 9_000_000,
            token: 7_000_000,
            client: 6_000_000,
            operator: 5_000_000,
        };
        assert_eq!(seen, wanted);
        let dir = tempfile::tempdir().unwrap();
        let sealer = Sealer::new(&MasterKey::from_bytes([5; 32]));
        let (store, _) = Store::open(&dir.path().join("store"), &sealer).unwrap();
        store.skip_numbers(seen).unwrap();
        let above = store.numbers();
        assert!(above.user > wanted.user && above.token > wanted.token);
        assert!(above.client > wanted.client && above.operator > wanted.operator);
        store.raise_numbers(wanted).unwrap();
        assert_eq!(store.numbers(), above, "nothing is lowered");
    }
}
