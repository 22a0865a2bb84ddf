//! A box whose store came from a copy (R20). In: what operators did since the copy, by the journal; out: users, tokens and clients that
//! were disabled or removed since are so again, operators as [`crate::door::staff::restore`] leaves them, and an alarm. It gives
//! nobody anything back.

use std::collections::BTreeMap;

use super::{LIVE_COPIED, StartError, copied_to};
use crate::audit::OperatorAct;
use crate::door::{Door, alarms, ops, staff};
use crate::store::records::UserId;
use crate::store::{Change, Recovered, StoreError, UnassignedRow};

impl Door {
    /// After a restore: what the audit says was disabled or removed since is disabled or removed again (R20).
    pub(super) fn restored(
        &self,
        recovered: Option<&Recovered>,
        whole: bool,
        since: &[(u64, OperatorAct)],
    ) -> Result<(), StartError> {
        let now = crate::clock::wall();
        // A copy that does not say it is taken for one from before everything. Done once: what comes later is in this store.
        let copied = self.store.live_scan(LIVE_COPIED)?.into_iter().next();
        let copied = copied.and_then(|(_, value)| value.as_slice().try_into().ok());
        let copied = copied.map_or(0, u64::from_be_bytes);
        // What each was told last; by number, since names change, and numbers are given once. Not by time, since clocks are set.
        let mut off: BTreeMap<UserId, bool> = BTreeMap::new();
        for (seq, act) in since {
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
                _ => self.taken_again(act, *seq > copied)?,
            }
        }
        staff::restore::operators(&self.store, since, copied)?;
        self.store.live_put(vec![copied_to(u64::MAX)])?;
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
        let what = format!("The store was damaged ({damage}) and restored from its copy; spent codes were {codes}");
        let todo = "Check users, tokens, clients and operators that were changed since the copy was made, and look at the disk";
        self.raise("store-restored", alarms::Grave::Some, what, todo, now);
        Ok(())
    }

    /// What one act took away is taken away again; `late`: it came after the copy.
    fn taken_again(&self, act: &OperatorAct, late: bool) -> Result<(), StoreError> {
        let user = match act.user {
            Some(id) => self.store.user(id)?,
            None => None,
        };
        let change = match (act.action.as_str(), user) {
            ("token remove", Some(user)) => {
                let id = act.target.rsplit_once('#').and_then(|(_, id)| id.parse().ok());
                let tokens = self.store.tokens_of(user.id)?;
                let token = tokens.iter().find(|token| Some(token.id.0) == id);
                token.map(|token| Change::RemoveToken(token.id))
            }
            ("token confirm", _) => {
                for id in ops::removed_by(&act.target) {
                    if self.store.token(id)?.is_some() {
                        self.store.apply(vec![Change::RemoveToken(id)])?;
                    }
                }
                None
            }
            // By what is printed on it: another one of that number may have come since, and was in the copy.
            ("token forget", _) if late => {
                let (rows, _) = self.store.search_unassigned("", 0, usize::MAX);
                let named = |row: &&UnassignedRow| ops::printed(&row.serial, &row.model) == act.target;
                rows.iter().find(named).map(|row| Change::RemoveUnassigned(row.mark))
            }
            ("client remove", _) => {
                let clients = self.store.clients();
                let client = clients.iter().find(|client| Some(client.id) == act.client);
                client.map(|client| Change::RemoveClient(client.id))
            }
            _ => None,
        };
        match change {
            Some(change) => self.store.apply(vec![change]).map(drop),
            None => Ok(()),
        }
    }
}
