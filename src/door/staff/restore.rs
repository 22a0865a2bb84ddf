//! Operators after a restore (R20). In: the store as it was copied, and what operators did since; out: whoever was disabled or removed
//! since is disabled again, whoever was given a smaller role has it, whoever's password or token was changed since is disabled and
//! has neither the old password nor the old token, and whoever was added since is there, disabled and without a password: so a restore never takes a box back to its first start, where anybody at the console makes the first operator.

use std::collections::BTreeMap;

use crate::audit::OperatorAct;
use crate::secret::Secret;
use crate::store::records::{Operator, OperatorId, Role, Timestamp};
use crate::store::{Change, Store, StoreError};

/// What was done to an operator: all that the journal knows, in its order.
#[derive(Default)]
struct Told<'a> {
    name: &'a str,
    added: Option<Timestamp>,
    role: Option<Role>,
    off: bool,
    removed: bool,
    password: bool,
    token: bool,
}

/// Does it. `acts` by their numbers in the journal; up to `copied` they were in the copy. By number of the operator, since a name may be another's after a removal, and numbers are given once.
pub fn operators(store: &Store, acts: &[(u64, OperatorAct)], copied: u64) -> Result<(), StoreError> {
    let mut told: BTreeMap<OperatorId, Told<'_>> = BTreeMap::new();
    for (seq, act) in acts {
        let since = *seq > copied;
        let Some(id) = act.staff else { continue };
        let one = told.entry(id).or_default();
        let mut words = act.target.split(", ");
        one.name = words.next().unwrap_or_default();
        match act.action.as_str() {
            "operator add" => one.added = Some(act.at),
            "operator remove" => one.removed = true,
            "operator password" => one.password |= since,
            "operator token confirm" | "operator token remove" => one.token |= since,
            _ => {}
        }
        for word in words {
            match word {
                "password" => one.password |= since,
                "disabled" => one.off = true,
                "enabled" => one.off = false,
                "role auditor" => one.role = Some(Role::Auditor),
                "role helpdesk" => one.role = Some(Role::Helpdesk),
                "role installer" => one.role = Some(Role::Installer),
                _ => {}
            }
        }
    }
    let there = store.operators();
    let mut changes = Vec::new();
    // By name: an earlier restore may have left two numbers to one, and the newer one counts.
    let mut lost = BTreeMap::new();
    for (id, told) in told {
        match (there.iter().find(|one| one.id == id), told.added) {
            (Some(operator), _) => {
                let mut operator = operator.clone();
                operator.role = told.role.unwrap_or(operator.role).min(operator.role);
                operator.enabled &= !told.off && !told.removed;
                // What was replaced, perhaps since somebody else knew it, does not come back.
                if told.password || told.token {
                    operator.enabled = false;
                    operator.password = Secret::new(Vec::new());
                }
                if told.token {
                    operator.token = None;
                }
                changes.push(Change::PutOperator(operator));
            }
            // Another of that name is there, who was removed since.
            (None, _) if there.iter().any(|one| one.name == told.name) => {}
            (None, Some(created)) if !told.removed => drop(lost.insert(
                told.name,
                Operator {
                    // The number that stands in the records: what they tell of another number is nobody's of this name.
                    id,
                    name: told.name.to_owned(),
                    role: told.role.unwrap_or(Role::Auditor),
                    enabled: false,
                    password: Secret::new(Vec::new()),
                    token: None,
                    wrong: 0,
                    failures: 0,
                    last: None,
                    created,
                    generation: 0,
                },
            )),
            (None, _) => {}
        }
    }
    changes.extend(lost.into_values().map(Change::KeepOperator));
    if changes.is_empty() {
        return Ok(());
    }
    store.apply(changes).map(drop)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
mod tests {
    use super::*;
    use crate::seal::{MasterKey, Sealer};

    fn act(id: u64, action: &str, target: &str) -> (u64, OperatorAct) {
        let act = OperatorAct {
            at: Timestamp(id),
            uid: 0,
            operator: String::new(),
            line: String::new(),
            action: action.to_owned(),
            target: target.to_owned(),
            users: Vec::new(),
            user: None,
            client: None,
            staff: Some(OperatorId(id)),
            result: Ok(()),
            count: 1,
        };
        (id, act)
    }

    #[test]
    fn r20_a_role_in_the_journal_raises_nobody() {
        let dir = tempfile::tempdir().unwrap();
        let sealer = Sealer::new(&MasterKey::from_bytes([5; 32]));
        let (store, _) = Store::open(&dir.path().join("store"), &sealer).unwrap();
        operators(&store, &[act(1, "operator add", "ben, role helpdesk")], 0).unwrap();
        let id = store.operators()[0].id.0;
        operators(&store, &[act(id, "operator set", "ben, role installer")], 0).unwrap();
        assert_eq!(store.operators()[0].role, Role::Helpdesk);
        operators(&store, &[act(id, "operator set", "ben, role auditor")], 0).unwrap();
        assert_eq!(store.operators()[0].role, Role::Auditor);
    }

    #[test]
    fn r20_one_name_under_two_numbers_comes_back_once() {
        let dir = tempfile::tempdir().unwrap();
        let sealer = Sealer::new(&MasterKey::from_bytes([5; 32]));
        let (store, _) = Store::open(&dir.path().join("store"), &sealer).unwrap();
        let added = |id, role: &str| act(id, "operator add", &format!("ben, role {role}"));
        operators(&store, &[added(5, "installer"), added(1_000_007, "helpdesk")], 0).unwrap();
        let all = store.operators();
        assert_eq!(all.len(), 1);
        assert_eq!(
            (all[0].id.0, all[0].role, all[0].enabled, all[0].created),
            (1_000_007, Role::Helpdesk, false, Timestamp(1_000_007)),
            "under the number that its records bear"
        );
        assert_eq!(store.numbers().operator, 1_000_007, "which is given to nobody else");
    }
}
