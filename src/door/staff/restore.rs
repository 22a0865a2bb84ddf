//! Operators after a restore (R20). In: the store as it was copied, and what operators did since; out: whoever was disabled or removed
//! since is disabled again, whoever was given a smaller role has it, and whoever was added since is there, disabled and without a
//! password: so a restore never takes a box back to its first start, where anybody at the console makes the first operator.

use std::collections::BTreeMap;

use crate::audit::OperatorAct;
use crate::secret::Secret;
use crate::store::records::{Operator, OperatorId, Role, Timestamp};
use crate::store::{Change, Store, StoreError};

/// What was done to a name since.
#[derive(Default)]
struct Since {
    added: Option<Timestamp>,
    role: Option<Role>,
    off: bool,
}

/// Does it.
pub fn operators(store: &Store, since: &[OperatorAct]) -> Result<(), StoreError> {
    let mut names: BTreeMap<&str, Since> = BTreeMap::new();
    for act in since.iter().filter(|act| act.action.starts_with("operator ")) {
        let mut words = act.target.split(", ");
        let Some(name) = words.next() else { continue };
        let one = names.entry(name).or_default();
        match act.action.as_str() {
            "operator add" => one.added = Some(act.at),
            "operator remove" => one.off = true,
            "operator set" => {}
            _ => continue,
        }
        for word in words {
            match word {
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
    for (name, since) in names {
        match (there.iter().find(|one| one.name == name), since.added) {
            (Some(operator), _) => {
                let mut operator = operator.clone();
                operator.role = since.role.unwrap_or(operator.role).min(operator.role);
                operator.enabled &= !since.off;
                changes.push(Change::PutOperator(operator));
            }
            (None, Some(created)) => changes.push(Change::AddOperator(Operator {
                id: OperatorId(0),
                name: name.to_owned(),
                role: since.role.unwrap_or(Role::Auditor),
                enabled: false,
                password: Secret::new(Vec::new()),
                token: None,
                wrong: 0,
                failures: 0,
                last: None,
                created,
                generation: 0,
            })),
            (None, None) => {}
        }
    }
    if changes.is_empty() {
        return Ok(());
    }
    store.apply(changes).map(drop)
}
