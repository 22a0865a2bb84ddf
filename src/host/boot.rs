//! The first thing of Postern's at a boot. In: the settings on the disk; out: files under `/run` that systemd's own programs read, the
//! firewall, the host's name, and the credential that posternd's key comes from. It starts nothing, and goes on after what fails: what
//! keeps the box from working stands in the file of troubles.

use zeroize::Zeroizing;

use super::exec::Machine;
use super::settings::{self, Loaded, Settings};
use super::troubles::trouble;
use super::{files, firewall, network, ssh, times, troubles};

const STATE: &str = "/var/lib/postern-host";
/// posternd's key, sealed with the machine's own key: /var is sealed to the TPM already, where there is one.
pub const CREDENTIAL: &str = "/var/lib/postern-host/postern.key.cred";
/// posternd's records: where they are, a new key would not open them.
const STORE: &str = "/var/lib/postern/store";
/// A key of posternd's own making.
const KEY_FILE: &str = "/var/lib/postern/key";
/// The initrd could not open /var: what stands there is empty and goes with the power.
const VAR_LOST: &str = "/run/postern-host/var-lost";
const SYSTEMD_CREDS: &str = "/usr/bin/systemd-creds";

/// Does it all.
pub fn boot(machine: &dyn Machine) {
    let lost = machine.path(VAR_LOST).exists();
    if !lost {
        writable(machine);
    }
    let Loaded { settings, trouble, .. } = settings::load(machine);
    match trouble {
        Some(trouble) => troubles::raise(machine, trouble),
        None => ["settings-unread", "settings-lost", "settings-newer"]
            .iter()
            .for_each(|code| troubles::clear(machine, code)),
    }
    // The firewall before anything that could open a way in.
    let wall = firewall::load(machine, &firewall::at_boot(), !settings.ssh.is_empty());
    told(
        machine,
        "firewall",
        "The firewall could not be loaded",
        wall.map_err(|error| error.to_string()),
    );
    let name = machine.set_name(settings.name()).map_err(|error| error.to_string());
    told(machine, "name", "The box's name could not be set", name);
    let written = run_files(machine, &settings).map_err(|error| error.to_string());
    told(
        machine,
        "run",
        "The box's settings could not be put under /run",
        written,
    );
    if !lost {
        credential(machine);
    }
}

fn run_files(machine: &dyn Machine, settings: &Settings) -> std::io::Result<()> {
    network::write(machine, &settings.network, !settings.servers.is_empty())?;
    times::write(machine, settings)?;
    ssh::write(machine, &settings.ssh)
}

fn told(machine: &dyn Machine, code: &str, what: &str, result: Result<(), String>) {
    match result {
        Ok(()) => troubles::clear(machine, code),
        Err(error) => troubles::raise(
            machine,
            trouble(
                code,
                format!("{what}: {error}."),
                "Restart the box; if it stays so, update it.",
            ),
        ),
    }
}

/// Whether the box can write its data.
fn writable(machine: &dyn Machine) {
    let folder = machine.path(STATE);
    let tried =
        std::fs::create_dir_all(&folder).and_then(|()| files::keep(&folder.join("writable"), b"", files::PRIVATE));
    match tried {
        Ok(()) => {
            let _ = files::remove(&folder.join("writable"));
            troubles::clear(machine, "var-read-only");
        }
        Err(error) => troubles::raise(
            machine,
            trouble(
                "var-read-only",
                format!("The box cannot write its data ({error}): it answers no login."),
                "Restart it, which repairs the file system; if it stays so, its disk is full or failing.",
            ),
        ),
    }
}

/// Makes the credential where there is none, and looks whether the one that is there can be opened. systemd finds it by the link under
/// `/run/credstore.encrypted` (postern-appliance.conf), at each start of posternd anew; without one posternd has a key file of its own.
fn credential(machine: &dyn Machine) {
    let path = machine.path(CREDENTIAL);
    let result = if path.exists() {
        let place = path.to_string_lossy();
        let opened = machine.run(SYSTEMD_CREDS, &["decrypt", "--name=postern.key", &place, "-"], b"");
        opened.map(|key| drop(Zeroizing::new(key))).map_err(|error| {
            let _ = error;
            "The key of the box's records can no longer be opened: it answers no login.".to_owned()
        })
    } else if machine.path(STORE).exists() && !machine.path(KEY_FILE).exists() {
        Err("The key of the box's records is gone: it answers no login.".to_owned())
    } else if machine.path(KEY_FILE).exists() {
        Ok(())
    } else {
        made(machine).map_err(|error| format!("The key of the box's records could not be made ({error})."))
    };
    match result {
        Ok(()) => troubles::clear(machine, "key-lost"),
        Err(what) => troubles::raise(
            machine,
            trouble(
                "key-lost",
                what,
                "Restart the box; if it stays so, reset it to its factory state and restore a backup.",
            ),
        ),
    }
}

fn made(machine: &dyn Machine) -> Result<(), String> {
    let mut key = Zeroizing::new([0; crate::seal::KEY_LEN]);
    crate::process::fill_random(&mut *key);
    let arguments = ["encrypt", "--with-key=host", "--name=postern.key", "-", "-"];
    let sealed = machine
        .run(SYSTEMD_CREDS, &arguments, &*key)
        .map_err(|error| error.to_string())?;
    if sealed.is_empty() {
        return Err("systemd-creds wrote nothing".to_owned());
    }
    files::keep(&machine.path(CREDENTIAL), &sealed, files::PRIVATE).map_err(|error| error.to_string())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
mod tests {
    use super::*;
    use crate::host::ops::TROUBLE_FILE;
    use crate::host::testing::Fake;

    fn fake() -> Fake {
        let fake = Fake::new();
        fake.programs(|program, arguments, _| {
            (program == SYSTEMD_CREDS && arguments[0] == "encrypt").then(|| Ok(b"sealed".to_vec()))
        });
        fake
    }

    fn codes(fake: &Fake) -> Vec<String> {
        troubles::list(fake).into_iter().map(|one| one.code).collect()
    }

    #[test]
    fn a_first_boot_sets_everything_and_makes_the_key_once() {
        let fake = fake();
        boot(&fake);
        assert!(codes(&fake).is_empty(), "{}", fake.get(TROUBLE_FILE));
        assert_eq!(fake.get(CREDENTIAL), "sealed");
        // The link to it is systemd-tmpfiles' work: there is one sealed key, and no copy that could be another one.
        assert!(!fake.path("/run/credstore.encrypted").exists());
        let link = include_str!("../../systemd/tmpfiles.d/postern-appliance.conf");
        assert!(
            link.lines()
                .any(|line| line.starts_with("L+ /run/credstore.encrypted/postern.key ") && line.ends_with(CREDENTIAL))
        );
        assert!(fake.path("/run/systemd/network/10-postern-~any.network").exists());
        assert!(fake.path("/run/postern-host/localtime").is_symlink());
        let ran = fake.ran();
        assert_eq!(
            ran,
            [
                "/usr/sbin/nft -f -",
                "sethostname postern",
                "/usr/bin/systemd-creds encrypt --with-key=host --name=postern.key - -"
            ]
        );
        boot(&fake);
        assert!(fake.ran().iter().all(|line| !line.contains("encrypt")), "made once");
    }

    #[test]
    fn r21_a_key_that_is_gone_or_cannot_be_opened_is_never_made_anew() {
        let gone = fake();
        gone.put("/var/lib/postern/store/db", "x");
        boot(&gone);
        assert_eq!(codes(&gone), ["key-lost"]);
        assert!(!gone.path(CREDENTIAL).exists());
        let closed = fake();
        closed.put(CREDENTIAL, "other machine's");
        closed.put(TROUBLE_FILE, r#"[{"code":"update-failed","what":"a","todo":"b"}]"#);
        closed.programs(|program, _, _| (program == SYSTEMD_CREDS).then(|| Err("bad".to_owned())));
        boot(&closed);
        assert_eq!(codes(&closed), ["update-failed", "key-lost"]);
        assert_eq!(closed.get(CREDENTIAL), "other machine's");
        let lost = fake();
        lost.put(VAR_LOST, "");
        boot(&lost);
        assert!(!lost.path(CREDENTIAL).exists());
    }

    #[test]
    fn what_fails_is_told_and_the_rest_is_done() {
        let fake = Fake::new();
        fake.put(settings::FILE, "{");
        fake.programs(|_, _, _| Some(Err("broken".to_owned())));
        boot(&fake);
        assert_eq!(codes(&fake), ["settings-lost", "firewall", "key-lost"]);
        assert!(fake.path("/run/systemd/network/10-postern-~any.network").exists());
    }
}
