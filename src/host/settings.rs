//! How the machine is set, kept in one file that root alone reads. In: that file; out: [`Settings`], and a trouble where they are not
//! those that were set. A file of a newer version is used as far as it is understood, and never written; a broken one is set aside.

use std::io;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::exec::Machine;
use super::files;
use super::ops::{NetworkSettings, Trouble};
use super::troubles::trouble;

/// Where they lie.
pub const FILE: &str = "/var/lib/postern-host/settings.json";
/// Where a broken file is put.
const ASIDE: &str = "/var/lib/postern-host/settings.json.bad";
/// The version of the file that this program writes.
const VERSION: u64 = 1;

/// What an operator has set.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Settings {
    /// Addresses and name servers.
    pub network: NetworkSettings,
    /// The host's name; empty: `postern`.
    pub name: String,
    /// As in the tz database; empty: UTC.
    pub zone: String,
    /// Time servers; none: the image's.
    pub servers: Vec<String>,
    /// Lines of an authorized_keys file; none: SSH is off.
    pub ssh: Vec<String>,
}

/// The name of a box that was given none.
pub const NAME: &str = "postern";
/// The time zone of a box that was given none.
pub const ZONE: &str = "UTC";

impl Settings {
    /// The host's name.
    pub fn name(&self) -> &str {
        if self.name.is_empty() { NAME } else { &self.name }
    }

    /// The time zone.
    pub fn zone(&self) -> &str {
        if self.zone.is_empty() { ZONE } else { &self.zone }
    }
}

/// What was found.
#[derive(Debug, Default)]
pub struct Loaded {
    /// As far as they are understood.
    pub settings: Settings,
    /// Why they are not what was set.
    pub trouble: Option<Trouble>,
    /// Why they must not be written: one line.
    pub locked: Option<String>,
}

/// Reads them.
pub fn load(machine: &dyn Machine) -> Loaded {
    let path = machine.path(FILE);
    match std::fs::read(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Loaded::default(),
        Err(error) => {
            let what = format!("The box's settings cannot be read ({error}): it uses DHCP, and its name and time zone are lost.");
            Loaded {
                trouble: Some(trouble("settings-unread", what, "Restart the box; if it stays so, its disk is failing.")),
                locked: Some(format!(
                    "the box's settings cannot be read ({error}), so they cannot be changed: restart the box"
                )),
                ..Loaded::default()
            }
        }
        Ok(bytes) => understood(&bytes).unwrap_or_else(|| {
            let aside = std::fs::rename(&path, machine.path(ASIDE));
            tracing::error!(?aside, "{FILE} is broken");
            Loaded {
                trouble: Some(trouble(
                    "settings-lost",
                    "The file of the box's settings is broken and was set aside: it uses DHCP, and its name and time zone are lost.",
                    "Set the network, the name and the time zone again.",
                )),
                ..Loaded::default()
            }
        }),
    }
}

/// The settings in these bytes; none where the file is broken.
fn understood(bytes: &[u8]) -> Option<Loaded> {
    let mut map: Map<String, Value> = serde_json::from_slice(bytes).ok()?;
    let version = map.remove("version")?.as_u64()?;
    if version <= VERSION
        && let Ok(settings) = serde_json::from_value(Value::Object(map.clone()))
    {
        return Some(Loaded {
            settings,
            ..Loaded::default()
        });
    }
    let known = ["network", "name", "zone", "servers", "ssh"];
    let newer = version > VERSION || map.keys().any(|key| !known.contains(&key.as_str()));
    if !newer {
        return None;
    }
    // Each part alone: what one does not understand of the network says nothing of the name.
    fn part<T: Default + serde::de::DeserializeOwned>(map: &mut Map<String, Value>, key: &str) -> T {
        let value = map.remove(key).unwrap_or_default();
        serde_json::from_value(value).unwrap_or_default()
    }
    Some(Loaded {
        settings: Settings {
            network: part(&mut map, "network"),
            name: part(&mut map, "name"),
            zone: part(&mut map, "zone"),
            servers: part(&mut map, "servers"),
            ssh: part(&mut map, "ssh"),
        },
        trouble: Some(trouble(
            "settings-newer",
            "The box's settings were written by a newer version: what this version understands of them is used.",
            "Update the box again; until then its settings cannot be changed.",
        )),
        locked: Some(
            "the box's settings were written by a newer version and cannot be changed by this one: update the box again".to_owned(),
        ),
    })
}

/// Writes them; on the disk when this returns.
///
/// # Errors
/// What the system said; then the old ones stand.
pub fn save(machine: &dyn Machine, settings: &Settings) -> io::Result<()> {
    let mut value = serde_json::to_value(settings)?;
    if let Value::Object(map) = &mut value {
        map.insert("version".to_owned(), VERSION.into());
    }
    let text = serde_json::to_vec_pretty(&value)?;
    files::keep(&machine.path(FILE), &text, files::PRIVATE)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
mod tests {
    use super::*;
    use crate::host::testing::Fake;

    fn some() -> Settings {
        Settings {
            name: "box-1".to_owned(),
            zone: "Europe/Vienna".to_owned(),
            servers: vec!["ntp.contoso.example".to_owned()],
            ..Settings::default()
        }
    }

    #[test]
    fn settings_come_back_as_they_were() {
        let fake = Fake::new();
        assert_eq!(load(&fake).settings, Settings::default());
        save(&fake, &some()).unwrap();
        let loaded = load(&fake);
        assert_eq!(loaded.settings, some());
        assert!(loaded.trouble.is_none() && loaded.locked.is_none());
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::metadata(fake.path(FILE)).unwrap().permissions().mode();
        assert_eq!(mode & 0o7777, 0o600);
    }

    #[test]
    fn a_broken_file_is_set_aside() {
        for text in ["", "{", "[]", "{}", r#"{"version":1,"name":7}"#, r#"{"version":"x"}"#] {
            let fake = Fake::new();
            fake.put(FILE, text);
            let loaded = load(&fake);
            assert_eq!(loaded.settings, Settings::default(), "{text}");
            assert_eq!(loaded.trouble.unwrap().code, "settings-lost", "{text}");
            assert!(loaded.locked.is_none(), "{text}");
            assert_eq!(fake.get(ASIDE), text);
            assert!(!fake.path(FILE).exists());
        }
    }

    #[test]
    fn a_newer_file_is_used_as_far_as_it_is_understood_and_not_written() {
        for text in [
            r#"{"version":2,"name":"box-1","network":{"links":[{"wifi":1}]}}"#,
            r#"{"version":1,"name":"box-1","colour":"red"}"#,
        ] {
            let fake = Fake::new();
            fake.put(FILE, text);
            let loaded = load(&fake);
            assert_eq!(loaded.settings.name, "box-1", "{text}");
            assert_eq!(loaded.trouble.unwrap().code, "settings-newer", "{text}");
            assert!(loaded.locked.unwrap().contains("update the box"), "{text}");
            assert_eq!(fake.get(FILE), text);
        }
    }
}
