//! All tenants, side by side. In: the tenants as the store has them; out: the [`Directory`] of a domain. A change of policies keeps
//! connections and breaker; only a change of the connection's own settings makes new ones. It never asks anything itself.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::RwLock;

use super::client::{Directory, SetupError};
use super::decide::is_on;
use crate::store::records::Tenant;

/// Why a domain's directory is not to be asked by a login.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Off {
    /// No tenant has this domain, or its settings do not work.
    #[error("no tenant is set up for this domain")]
    NoTenant,
    /// R13.
    #[error("the tenant is not proven yet: run `postern entra prove USER`")]
    Unproven,
}

/// Tenants by domain; read by every login, replaced as a whole by a change.
#[derive(Debug, Default)]
pub struct Directories {
    by_domain: RwLock<Arc<HashMap<String, Directory>>>,
}

impl Directories {
    /// Takes over the tenants as they now are. What cannot be set up is left out and told, by domain, for an alarm.
    pub fn refresh(&self, tenants: &[Tenant]) -> Vec<(String, SetupError)> {
        let before = Arc::clone(&self.by_domain.read());
        let mut after = HashMap::with_capacity(tenants.len());
        let mut failed = Vec::new();
        for tenant in tenants {
            let kept = before
                .get(&tenant.domain)
                .filter(|directory| directory.same_settings(tenant));
            let directory = match kept {
                Some(directory) => Ok(directory.with_policies(tenant)),
                None => Directory::new(tenant),
            };
            match directory {
                Ok(directory) => {
                    after.insert(tenant.domain.clone(), directory);
                }
                Err(error) => failed.push((tenant.domain.clone(), error)),
            }
        }
        *self.by_domain.write() = Arc::new(after);
        failed
    }

    /// The directory that a login of this domain asks.
    ///
    /// # Errors
    /// There is none, or it is not proven (R13).
    pub fn get(&self, domain: &str) -> Result<Directory, Off> {
        let directory = self.unproven(domain).ok_or(Off::NoTenant)?;
        if is_on(directory.tenant()) {
            Ok(directory)
        } else {
            Err(Off::Unproven)
        }
    }

    /// The directory of this domain, proven or not: for `entra prove` and `entra test` alone.
    pub fn unproven(&self, domain: &str) -> Option<Directory> {
        self.by_domain.read().get(domain).cloned()
    }

    /// All of them, for the status.
    pub fn all(&self) -> Vec<Directory> {
        self.by_domain.read().values().cloned().collect()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
mod tests {
    use std::time::{Duration, Instant};

    use super::super::answer::Answer;
    use super::super::decide::tests::sample;
    use super::super::trouble::Trouble;
    use super::*;
    use crate::store::records::Proof;

    #[test]
    fn r13_tenants_stand_side_by_side_and_only_a_proven_one_is_asked() {
        let other = Tenant {
            domain: "fabrikam.example".into(),
            proof: Proof::Missing,
            ..sample()
        };
        let broken = Tenant {
            domain: "broken.example".into(),
            authority: "http://10.0.0.1".into(),
            ..sample()
        };
        let all = Directories::default();
        let failed = all.refresh(&[sample(), other, broken]);
        assert_eq!(failed.len(), 1);
        assert_eq!(failed[0].0, "broken.example");
        assert_eq!(all.get("contoso.example").unwrap().tenant().domain, "contoso.example");
        assert_eq!(all.get("fabrikam.example").unwrap_err(), Off::Unproven);
        assert!(all.unproven("fabrikam.example").is_some());
        assert_eq!(all.get("broken.example").unwrap_err(), Off::NoTenant);
        assert_eq!(all.get("nowhere.example").unwrap_err(), Off::NoTenant);
        all.refresh(&[]);
        assert_eq!(all.get("contoso.example").unwrap_err(), Off::NoTenant);
    }

    #[test]
    fn r14_a_change_of_policies_keeps_the_breaker_and_one_of_the_connection_does_not() {
        let all = Directories::default();
        all.refresh(&[sample()]);
        let now = Instant::now();
        let limited = Answer {
            retry_after: Some(Duration::from_secs(9)),
            ..Answer::none(Trouble::Throttled)
        };
        let directory = all.get("contoso.example").unwrap();
        let permit = directory.breaker().lock().admit(now, "anna").unwrap();
        directory.breaker().lock().record(now, permit, "anna", &limited);
        let open = Tenant {
            allow_external: true,
            generation: 2,
            ..sample()
        };
        all.refresh(std::slice::from_ref(&open));
        let directory = all.get("contoso.example").unwrap();
        assert!(directory.tenant().allow_external);
        assert!(directory.breaker().lock().admit(now, "anna").is_err());
        all.refresh(&[Tenant {
            proxy: Some("http://127.0.0.1:3128".into()),
            ..open
        }]);
        let directory = all.get("contoso.example").unwrap();
        assert!(directory.breaker().lock().admit(now, "anna").is_ok());
    }
}
