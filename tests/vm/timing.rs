//! How long after power-on the box answers, against the same image with Postern's units masked, to the login target, in the same run.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::harness::run;
use crate::machine::{Appliance, BOOT, On, Vm, image, in_tree};
use crate::packet::{ACCEPT, Request};
use crate::people::{ANNA, next_step, set_up};

/// What Postern adds to a boot, at most.
const RATIO: f64 = 1.2;
const ROUNDS: usize = 3;
/// The words of systemd at the target that getty would be wanted by.
const LOGIN_TARGET: &str = "Multi-User System";
/// The image's own units, and its status on the serial line in their place.
const MASKED: &str = "systemd.mask=posternd.service systemd.mask=postern-console@ttyS0.service systemd.mask=postern-console@tty1.service \
    systemd.mask=postern-host.socket systemd.mask=postern-host.service systemd.mask=postern-boot.service systemd.mask=postern-trial.service \
    systemd.mask=postern-reset.service systemd.mask=postern-recover.service systemd.show_status=yes console=ttyS0";

fn tool(folder: &Path, program: &str, arguments: &[&str]) -> String {
    let said = run(in_tree(folder, program).args(arguments), "");
    assert_eq!(said.status, 0, "{program} {arguments:?}: {said:?}");
    said.out
}

/// The first section of that name of a PE file: the ones behind it are those of other profiles.
fn section<'a>(whole: &'a [u8], name: &str) -> &'a [u8] {
    let number = |at: usize, bytes: usize| {
        let read = whole[at..at + bytes].iter().rev();
        read.fold(0, |sum, byte| (sum << 8) | usize::from(*byte))
    };
    let header = number(0x3c, 4);
    let first = header + 24 + number(header + 20, 2);
    let wanted = format!(".{name}");
    let entry = (0..number(header + 6, 2))
        .map(|at| first + at * 40)
        .find(|at| String::from_utf8_lossy(&whole[*at..at + 8]).trim_end_matches('\0') == wanted)
        .unwrap();
    let (length, start) = (number(entry + 8, 4), number(entry + 20, 4));
    &whole[start..start + length]
}

/// A copy of the image whose one kernel image has a longer command line.
fn with_command_line(folder: &Path, more: &str) -> PathBuf {
    let copy = folder.join("masked.raw");
    let original = image().0;
    let said = run(
        std::process::Command::new("cp")
            .args(["--sparse=always", "--reflink=auto"])
            .arg(&original)
            .arg(&copy),
        "",
    );
    assert_eq!(said.status, 0, "{said:?}");
    let path = |name: &str| folder.join(name).to_str().unwrap().to_owned();
    let table: Value = serde_json::from_str(&tool(folder, "sfdisk", &["-J", copy.to_str().unwrap()])).unwrap();
    let esp = table["partitiontable"]["partitions"]
        .as_array()
        .unwrap()
        .iter()
        .find(|one| one["type"] == "C12A7328-F81F-11D2-BA4B-00A0C93EC93B")
        .unwrap();
    let sector = table["partitiontable"]["sectorsize"].as_u64().unwrap_or(512);
    let inside = format!("{}@@{}", copy.display(), esp["start"].as_u64().unwrap() * sector);
    let listing = tool(folder, "mdir", &["-b", "-i", &inside, "::/EFI/Linux"]);
    let name = listing
        .lines()
        .find(|line| line.ends_with(".efi"))
        .unwrap()
        .trim()
        .to_owned();
    tool(folder, "mcopy", &["-i", &inside, &name, &path("old.efi")]);
    let whole = fs::read(folder.join("old.efi")).unwrap();
    for name in ["linux", "initrd", "osrel", "uname", "cmdline"] {
        fs::write(folder.join(name), section(&whole, name)).unwrap();
    }
    let text = fs::read_to_string(folder.join("cmdline")).unwrap();
    let line = format!("{} {more}", text.trim_end_matches(['\0', '\n']));
    fs::write(folder.join("cmdline"), line).unwrap();
    let at = |option: &str, name: &str| format!("--{option}={}", path(name));
    let (cmdline, osrel) = (
        format!("--cmdline=@{}", path("cmdline")),
        format!("--os-release=@{}", path("osrel")),
    );
    let built = [
        at("linux", "linux"),
        at("initrd", "initrd"),
        cmdline,
        osrel,
        at("output", "new.efi"),
    ];
    let built: Vec<&str> = built.iter().map(String::as_str).collect();
    tool(folder, "ukify", &[&["build"], built.as_slice()].concat());
    tool(folder, "mdel", &["-i", &inside, &name]);
    tool(
        folder,
        "mcopy",
        &["-i", &inside, &path("new.efi"), "::/EFI/Linux/masked.efi"],
    );
    copy
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

/// Until the login target is reached; then the power is cut.
fn to_the_login_target(mut vm: Vm) -> Duration {
    assert!(vm.line.sees_within(LOGIN_TARGET, BOOT), "{}", vm.line.screen());
    let took = vm.started.elapsed();
    vm.cut();
    took
}

#[test]
#[ignore = "wants an image: scripts/test-image"]
fn postern_adds_a_fifth_at_most_to_the_boot() {
    // Neither has a TPM: the masked image is another one, to which the TPM would not give /var.
    let on = On {
        tpm: false,
        ..On::default()
    };
    let (ours, bare) = (Appliance::new(8), Appliance::empty());
    let masked = with_command_line(bare.folder(), MASKED);
    bare.write_image(&masked, 8);
    let mut vm = ours.on(&on);
    let (secret, token) = set_up(&mut vm);
    vm.cut();
    to_the_login_target(bare.on(&on));
    let (mut accepts, mut logins) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        next_step();
        let mut vm = ours.on(&on);
        let start = Instant::now();
        vm.answers(&secret);
        // The code that is right when it arrives; the first one may meet the end of a step.
        let reply = vm.nas(&secret).ask(&Request::login(ANNA, &token.code()));
        assert_eq!(reply.code, ACCEPT);
        accepts.push(vm.started.elapsed());
        println!(
            "Accept after {:?} ({:?} of it waited for)",
            vm.started.elapsed(),
            start.elapsed()
        );
        vm.cut();
        logins.push(to_the_login_target(bare.on(&on)));
    }
    let (ours, bare) = (median(accepts.clone()), median(logins.clone()));
    let ratio = ours.as_secs_f64() / bare.as_secs_f64();
    println!("power-on to Accept {accepts:?}, to the login target without Postern {logins:?}: {ratio:.2}");
    assert!(ratio <= RATIO, "{ratio:.2} is more than {RATIO}");
}
