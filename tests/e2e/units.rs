//! The unit files against systemd's and sshd's own programs, and against each other: what a reader of one file cannot see. How they run is
//! looked at in a machine, by `scripts/test-units`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::harness::{repository, run};

fn systemd() -> PathBuf {
    repository("systemd")
}

/// The values of a key, in order; a line without a value empties the list, as systemd has it.
fn values(unit: &str, key: &str) -> Vec<String> {
    let text = std::fs::read_to_string(systemd().join(unit)).unwrap();
    let mut found = Vec::new();
    for line in text.lines() {
        if let Some(value) = line.strip_prefix(key).and_then(|rest| rest.strip_prefix('=')) {
            if value.is_empty() {
                found.clear();
            }
            found.extend(value.split_whitespace().map(str::to_owned));
        }
    }
    found
}

fn services() -> Vec<String> {
    let mut all: Vec<String> = std::fs::read_dir(systemd())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.ends_with(".service"))
        .collect();
    all.sort();
    all
}

#[test]
fn r19_the_daemon_waits_for_neither_network_nor_time() {
    for unit in ["posternd.service", "postern-console@.service", "postern-trial.service"] {
        for key in ["After", "Wants", "Requires", "BindsTo", "Requisite"] {
            for other in values(unit, key) {
                assert!(
                    !other.starts_with("network")
                        && !other.starts_with("time-")
                        && !other.starts_with("systemd-networkd"),
                    "{unit}: {key}={other}"
                );
            }
        }
    }
}

#[test]
fn r21_no_service_leaves_secrets_in_core_files_or_swap() {
    for unit in services() {
        assert_eq!(values(&unit, "LimitCORE"), ["0"], "{unit}");
        assert_eq!(values(&unit, "MemorySwapMax"), ["0"], "{unit}");
        assert_eq!(values(&unit, "KeyringMode"), ["private"], "{unit}");
    }
}

#[test]
fn what_runs_for_ever_is_started_again_for_ever() {
    for unit in ["posternd.service", "postern-console@.service", "postern-ssh.service"] {
        assert_eq!(values(unit, "Restart"), ["always"], "{unit}");
        assert_eq!(values(unit, "StartLimitIntervalSec"), ["0"], "{unit}");
    }
}

#[test]
fn the_trial_runs_in_the_daemon_s_own_sandbox() {
    let sandbox = |unit: &str| -> BTreeSet<String> {
        let text = std::fs::read_to_string(systemd().join(unit)).unwrap();
        let (_, after) = text.split_once("UMask=").unwrap();
        let (sandbox, _) = after.split_once("[Install]").unwrap_or((after, ""));
        sandbox
            .lines()
            .filter(|line| !line.starts_with('#') && !line.is_empty())
            .map(str::to_owned)
            .collect()
    };
    let daemon = sandbox("posternd.service");
    assert!(daemon.len() > 30, "{daemon:?}");
    assert_eq!(daemon, sandbox("posternd-trial.service"));
}

#[test]
fn each_program_is_where_the_parts_agreed() {
    let agreed = [
        "/usr/sbin/posternd",
        "/usr/bin/postern-console",
        "/usr/libexec/postern-host",
    ];
    let mut seen = BTreeSet::new();
    for unit in services() {
        let program = values(&unit, "ExecStart").into_iter().next().unwrap();
        assert!(
            agreed.contains(&program.as_str()) || program == "/usr/sbin/sshd",
            "{unit}: {program}"
        );
        seen.insert(program);
    }
    assert_eq!(seen.len(), agreed.len() + 1);
}

#[test]
fn users_and_groups_by_the_real_systemd_sysusers() {
    let root = tempfile::tempdir().unwrap();
    std::fs::create_dir(root.path().join("etc")).unwrap();
    let conf = systemd().join("sysusers.d/postern.conf");
    let said = run(
        Command::new("systemd-sysusers")
            .arg("--root")
            .arg(root.path())
            .arg(conf),
        "",
    );
    assert_eq!(said.status, 0, "{}", said.err);
    let read = |name: &str| std::fs::read_to_string(root.path().join("etc").join(name)).unwrap();
    let passwd = read("passwd");
    let shell = |user: &str| {
        let line = passwd
            .lines()
            .find(|line| line.starts_with(&format!("{user}:")))
            .unwrap();
        line.rsplit(':').next().unwrap().to_owned()
    };
    assert_eq!(shell("postern"), "/usr/sbin/nologin");
    assert_eq!(shell("postern-console"), "/usr/bin/postern-console");
    let groups = read("group");
    for group in ["postern", "postern-console", "postern-admin"] {
        assert!(
            groups.lines().any(|line| line.starts_with(&format!("{group}:"))),
            "{group}: {groups}"
        );
    }
    for unit in services() {
        for user in values(&unit, "User") {
            assert!(passwd.contains(&format!("{user}:")), "{unit}: {user}");
        }
    }
}

/// sshd lives where not every user's PATH looks.
fn sshd() -> &'static str {
    ["/usr/sbin/sshd", "/usr/bin/sshd"]
        .into_iter()
        .find(|path| Path::new(path).exists())
        .expect("sshd (scripts/setup test)")
}

#[test]
fn ssh_lets_keys_in_and_leads_to_the_console_alone_by_the_real_sshd() {
    let dir = tempfile::tempdir().unwrap();
    let key = dir.path().join("host_key");
    let made = run(
        Command::new("ssh-keygen")
            .args(["-q", "-t", "ed25519", "-N", "", "-f"])
            .arg(&key),
        "",
    );
    assert_eq!(made.status, 0, "{}", made.err);
    let text = std::fs::read_to_string(systemd().join("sshd_config")).unwrap();
    let ours = "/var/lib/postern-ssh/host_key";
    assert!(text.contains(ours));
    let config = dir.path().join("sshd_config");
    std::fs::write(&config, text.replace(ours, key.to_str().unwrap())).unwrap();
    // sshd wants its folder in /run: in a mount namespace of our own, so that the machine's is left alone.
    let script = "mount -t tmpfs none /run && mkdir -m 755 /run/sshd && exec \"$@\"";
    let said = run(
        Command::new("unshare")
            .args(["-m", "--", "sh", "-c", script, "sh", sshd(), "-T"])
            .args(["-C", "user=postern-console,host=h,addr=192.0.2.1", "-f"])
            .arg(&config),
        "",
    );
    assert_eq!(said.status, 0, "{}", said.err);
    for line in [
        "authenticationmethods publickey",
        "passwordauthentication no",
        "kbdinteractiveauthentication no",
        "permitrootlogin no",
        "allowusers postern-console",
        "disableforwarding yes",
        "permituserrc no",
        "permituserenvironment no",
        "authorizedkeysfile /run/postern-host/ssh/authorized_keys",
    ] {
        assert!(said.out.lines().any(|is| is == line), "{line}\n{}", said.out);
    }
    assert!(!said.out.contains("\nsubsystem "), "{}", said.out);
}

/// What the initrd says of a box's disk, on which no partition for data is, where `ro` is what the kernel says of the disk.
fn initrd_says(ro: &str) -> String {
    let dir = tempfile::tempdir().unwrap();
    let at = |path: &str| dir.path().join(path);
    let block = at("sys/devices/vda");
    for path in [
        "sys/class/block",
        "sys/devices/root/slaves",
        "sys/devices/vda/vda2",
        "run",
        "sysroot/var",
        "sysroot/etc",
    ] {
        std::fs::create_dir_all(at(path)).unwrap();
    }
    for (name, target) in [("vda", "vda"), ("vda2", "vda/vda2"), ("root", "root")] {
        std::os::unix::fs::symlink(format!("../../devices/{target}"), at("sys/class/block").join(name)).unwrap();
    }
    std::os::unix::fs::symlink("../../vda/vda2", at("sys/devices/root/slaves/vda2")).unwrap();
    std::fs::write(at("sysroot/etc/machine-id"), "").unwrap();
    std::fs::write(block.join("ro"), ro).unwrap();
    let script = repository("image/initrd/usr/lib/postern");
    let mut command = Command::new("bwrap");
    command.args(["--unshare-all", "--cap-add", "ALL", "--ro-bind", "/usr", "/usr"]);
    for link in ["bin", "sbin", "lib", "lib64"] {
        command.args(["--symlink", &format!("usr/{link}"), &format!("/{link}")]);
    }
    command.args(["--dev", "/dev", "--dir", "/dev/mapper", "--proc", "/proc"]);
    for path in ["sys", "run", "sysroot"] {
        command.arg("--bind").arg(at(path)).arg(format!("/{path}"));
    }
    command
        .arg("--ro-bind")
        .arg(&script)
        .arg("/postern")
        .args(["/bin/sh", "/postern/var"]);
    let out = run(&mut command, "");
    let said = std::fs::read_to_string(at("run/postern-host/trouble.json"));
    said.unwrap_or_else(|error| panic!("{error}: {out:?}"))
}

#[test]
fn a_disk_that_can_only_be_read_is_told_as_one() {
    let said = initrd_says("1\n");
    let troubles: serde_json::Value = serde_json::from_str(&said).unwrap();
    assert_eq!(
        troubles[0]["what"],
        "This box cannot open its data: its disk can only be read. It answers no login."
    );
    assert!(
        troubles[0]["todo"].as_str().unwrap().contains("write protection"),
        "{said}"
    );
    // One that can be written has another trouble here: it holds no such partition, and none can be made.
    let said = initrd_says("0\n");
    assert!(
        said.contains("could not be made") && said.contains("Put back what was changed"),
        "{said}"
    );
}

/// systemd 257 leaves `/run` out of `ProtectSystem=strict` where it mounts an API file system anew; root could write there (scripts/test-units
/// looks at it in a machine).
#[test]
fn what_may_write_nothing_may_not_write_under_run_either() {
    let recovery = "../image/root/usr/lib/systemd/system/posternd-recovery.service";
    for unit in services().iter().map(String::as_str).chain([recovery]) {
        let writes = values(unit, "ReadWritePaths").contains(&"/run".to_owned());
        if values(unit, "ProtectSystem") == ["strict"] && !writes {
            let read = values(unit, "ReadOnlyPaths");
            // A console writes on a stick below it, but runs as nobody who could write beside it.
            let unprivileged = unit.starts_with("postern-console") || unit.starts_with("postern-ssh");
            let wanted = if unprivileged { "-/run/lock" } else { "/run" };
            assert!(read.contains(&wanted.to_owned()), "{unit}: {read:?}");
        }
    }
}
