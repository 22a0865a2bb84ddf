//! `postern-host boot`: once at each start, before the network and posternd. In: the settings as they were kept; out: the files under
//! `/run` that systemd's programs read, the host's name, the firewall that lets nobody in yet, and the credential under which posternd's
//! key is sealed. It never stops a boot: what goes wrong stands in the trouble file, which the console shows.

use std::os::unix::fs::{DirBuilderExt, symlink};

use zeroize::Zeroizing;

use super::exec::Machine;
use super::ops::Firewall;
use super::settings::Settings;
use super::troubles::{self, trouble};
use super::{desk, files, firewall, network, settings};

const CREDS: &str = "/usr/bin/systemd-creds";
/// The credential as it is kept, sealed by systemd.
pub const CREDENTIAL: &str = "/var/lib/postern-host/postern.key.cred";
/// Where systemd looks for it (systemd.exec(5), LoadCredentialEncrypted=).
const CREDSTORE: &str = "/run/credstore.encrypted";
/// The data could not be opened at this start.
pub const VAR_LOST: &str = "/run/postern-host/var-lost";
const LOCALTIME: &str = "/run/postern-host/localtime";
const TIMESYNCD: &str = "/run/systemd/timesyncd.conf.d/20-postern.conf";

/// All of it.
pub fn run(machine: &dyn Machine) {
    let loaded = settings::load(machine);
    if let Some(trouble) = loaded.trouble {
        troubles::raise(machine, trouble);
    }
    let own = &loaded.settings;
    let note = |what: &str, error: &dyn std::fmt::Display| tracing::error!("{what}: {error}");
    if let Err(error) = firewall::apply(machine, &Firewall::default(), !own.ssh.is_empty()) {
        note("the firewall", &error);
        let what = format!("The firewall could not be set: {error}");
        let todo = "Restart the box; if it stays so, write the image anew. Keep it off open networks until then.";
        troubles::raise(machine, trouble("firewall", what, todo));
    }
    if let Err(error) = machine.set_name(own.name()) {
        note("the host's name", &error);
    }
    if let Err(error) = zone(machine, own.zone()) {
        note("the time zone", &error);
    }
    if let Err(error) = servers(machine, own) {
        note("the time servers", &error);
    }
    if let Err(error) = network::write(machine, &own.network, !own.servers.is_empty()) {
        note("the network", &error);
    }
    if let Err(error) = desk::write_keys(machine, &own.ssh) {
        note("the SSH keys", &error);
    }
    if machine.path(VAR_LOST).exists() {
        return;
    }
    if let Err(error) = credential(machine) {
        note("the credential", &error);
        let what = format!("The key of this box's secrets cannot be opened: {error}. It answers no login.");
        let todo = "Put back the disk or the TPM that it had, or restore a backup after a factory reset.";
        troubles::raise(machine, trouble("key-lost", what, todo));
    }
}

/// The link that `/etc/localtime` leads to, at once the new one.
///
/// # Errors
/// What the system said.
pub(super) fn zone(machine: &dyn Machine, zone: &str) -> std::io::Result<()> {
    let link = machine.path(LOCALTIME);
    let beside = link.with_extension("new");
    files::remove(&beside)?;
    if let Some(folder) = link.parent() {
        std::fs::create_dir_all(folder)?;
    }
    symlink(format!("/usr/share/zoneinfo/{zone}"), &beside)?;
    std::fs::rename(&beside, &link)
}

/// timesyncd's drop-in (timesyncd.conf(5)): the operator's servers in the place of all others; without any, the image's.
///
/// # Errors
/// What the system said.
pub(super) fn servers(machine: &dyn Machine, settings: &Settings) -> std::io::Result<()> {
    let path = machine.path(TIMESYNCD);
    if settings.servers.is_empty() {
        return files::remove(&path);
    }
    let text = format!("[Time]\nNTP=\nNTP={}\nFallbackNTP=\n", settings.servers.join(" "));
    files::write(&path, text.as_bytes(), files::PUBLIC)
}

/// Made at the first start, laid where systemd looks for it at each. Sealed by systemd's host key, which lies in `/var`: where there is a
/// TPM, `/var` itself is sealed to it.
fn credential(machine: &dyn Machine) -> Result<(), String> {
    let kept = machine.path(CREDENTIAL);
    if !kept.exists() {
        let mut key = Zeroizing::new([0_u8; 32]);
        ring::rand::SecureRandom::fill(&ring::rand::SystemRandom::new(), key.as_mut())
            .map_err(|_| "the system gives no random numbers".to_owned())?;
        let arguments = ["encrypt", "--with-key=host", "--name=postern.key", "-", "-"];
        let sealed = machine
            .run(CREDS, &arguments, key.as_ref())
            .map_err(|error| error.to_string())?;
        files::keep(&kept, &sealed, files::PRIVATE).map_err(|error| error.to_string())?;
    }
    let sealed = std::fs::read(&kept).map_err(|error| error.to_string())?;
    let opened = machine.run(CREDS, &["decrypt", "--name=postern.key", "-", "-"], &sealed);
    let opened = Zeroizing::new(opened.map_err(|error| error.to_string())?);
    if opened.len() != 32 {
        return Err("it does not hold a key".to_owned());
    }
    let store = machine.path(CREDSTORE);
    let made = std::fs::DirBuilder::new().mode(0o700).recursive(true).create(&store);
    made.and_then(|()| files::write(&store.join("postern.key"), &sealed, files::PRIVATE))
        .map_err(|error| error.to_string())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
mod tests {
    use super::*;
    use crate::host::testing::Fake;

    /// A machine whose `systemd-creds` seals by writing backwards.
    fn fake() -> Fake {
        let fake = Fake::new();
        fake.programs(|program, _, input| (program == CREDS).then(|| Ok(input.iter().rev().copied().collect())));
        fake
    }

    #[test]
    fn a_new_box_gets_a_name_a_firewall_and_a_key_and_keeps_the_key() {
        let fake = fake();
        run(&fake);
        let ran = fake.ran().join("\n");
        assert!(
            ran.contains("/usr/sbin/nft -f -") && ran.contains("sethostname postern"),
            "{ran}"
        );
        assert!(fake.path("/run/systemd/network/10-postern-~any.network").exists());
        assert!(std::fs::read_link(fake.path(LOCALTIME)).unwrap().ends_with("UTC"));
        let key = std::fs::read(fake.path(CREDENTIAL)).unwrap();
        assert_eq!(key.len(), 32);
        assert_eq!(
            std::fs::read(fake.path("/run/credstore.encrypted/postern.key")).unwrap(),
            key
        );
        run(&fake);
        assert_eq!(
            std::fs::read(fake.path(CREDENTIAL)).unwrap(),
            key,
            "the key was made anew"
        );
        assert!(troubles::list(&fake).is_empty());
    }

    #[test]
    fn r21_a_key_that_does_not_open_is_told_and_never_replaced() {
        let fake = fake();
        run(&fake);
        let key = std::fs::read(fake.path(CREDENTIAL)).unwrap();
        std::fs::remove_file(fake.path("/run/credstore.encrypted/postern.key")).unwrap();
        fake.programs(|program, _, _| (program == CREDS).then(|| Err("no".to_owned())));
        run(&fake);
        assert_eq!(troubles::list(&fake)[0].code, "key-lost");
        assert_eq!(std::fs::read(fake.path(CREDENTIAL)).unwrap(), key);
        assert!(!fake.path("/run/credstore.encrypted/postern.key").exists());
    }

    #[test]
    fn where_the_data_is_lost_no_key_is_made() {
        let fake = fake();
        fake.put(VAR_LOST, "");
        run(&fake);
        assert!(!fake.path(CREDENTIAL).exists());
    }

    #[test]
    fn settings_are_put_in_place() {
        let fake = fake();
        let own = Settings {
            name: "box-1".to_owned(),
            zone: "Europe/Vienna".to_owned(),
            servers: vec!["ntp.contoso.example".to_owned()],
            ssh: vec!["ssh-ed25519 AAAA anna".to_owned()],
            ..Settings::default()
        };
        settings::save(&fake, &own).unwrap();
        run(&fake);
        assert!(fake.ran().contains(&"sethostname box-1".to_owned()));
        assert!(fake.get(TIMESYNCD).contains("NTP=ntp.contoso.example"));
        assert!(
            std::fs::read_link(fake.path(LOCALTIME))
                .unwrap()
                .ends_with("Europe/Vienna")
        );
        assert!(fake.inputs()[0].contains("dport 22"), "SSH is on");
        assert!(fake.get("/run/postern-host/ssh/authorized_keys").contains("AAAA"));
    }
}
