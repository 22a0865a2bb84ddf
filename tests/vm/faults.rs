//! What breaks: each with what the console says, and that no login is let in meanwhile that should not be; and that the box is whole
//! again when the fault is gone.

use std::time::{Duration, Instant};

use crate::harness::run;
use crate::line::key;
use crate::machine::{Appliance, BOOT, On, Vm, in_tree};
use crate::packet::{ACCEPT, REJECT, Request};
use crate::people::{ANNA, log_in, next_step, sees, settled, step};
use crate::totp::Token;

/// The console must come to say so.
fn says(vm: &mut Vm, words: &[&str]) {
    for word in words {
        assert!(
            vm.line.sees_within(word, BOOT),
            "the console does not say {word:?}:\n{}",
            vm.line.screen()
        );
    }
    println!("{}\n", vm.line.screen());
}

fn silent(vm: &Vm, secret: &[u8], token: &Token) -> bool {
    let request = Request::login(ANNA, &token.code());
    let nas = vm.nas(secret);
    nas.try_from(&nas.socket(), &request, Duration::from_secs(3)).is_none()
}

fn lets_in(vm: &mut Vm, secret: &[u8], token: &Token) {
    vm.answers(secret);
    next_step();
    let reply = vm.nas(secret).ask(&Request::login(ANNA, &token.code()));
    assert_eq!(reply.code, ACCEPT, "{}", vm.line.screen());
}

#[test]
#[ignore = "wants an image: scripts/test-image"]
fn what_breaks_from_outside_is_told_on_the_console_and_is_over_when_it_is_gone() {
    let on = On::default();
    let (appliance, secret, token) = settled(&on);
    // R19: the battery of the clock is empty.
    let mut vm = appliance.on(&On {
        clock: "1970-01-02T00:00:00",
        ..on.clone()
    });
    says(&mut vm, &["the clock is not trusted"]);
    assert!(silent(&vm, &secret, &token), "R19: an answer at 1970");
    vm.cut();
    // The cable is out at the start: the console works, and RADIUS as soon as it is in.
    let mut vm = appliance.on(&On {
        cable: false,
        ..on.clone()
    });
    assert!(log_in(&mut vm.line), "{}", vm.line.screen());
    vm.line.press("y");
    says(&mut vm, &["no cable"]);
    vm.cable(true);
    lets_in(&mut vm, &secret, &token);
    vm.cut();
    // The TPM was cleared, or the disk is in another box.
    let other = appliance.copied();
    other.clear_tpm();
    let mut vm = other.on(&on);
    says(&mut vm, &["cannot open its data", "factory reset"]);
    assert!(silent(&vm, &secret, &token));
    vm.cut();
    // No TPM any more.
    let mut vm = appliance.on(&On {
        tpm: false,
        ..on.clone()
    });
    says(&mut vm, &["cannot open its data"]);
    vm.cut();
    // A disk that can only be read.
    let mut vm = appliance.on(&On {
        read_only: true,
        ..on.clone()
    });
    says(&mut vm, &["its disk can only be read", "write protection"]);
    assert!(silent(&vm, &secret, &token));
    vm.cut();
    // And all is well when all is back.
    let mut vm = appliance.on(&on);
    lets_in(&mut vm, &secret, &token);
}

/// Back from wherever the console is.
fn to_first_screen(vm: &mut Vm) {
    for _ in 0..5 {
        vm.line.settle();
        if vm.line.screen().contains("NSWERING") {
            return;
        }
        vm.line.press(key::ESC);
    }
    sees(&mut vm.line, "NSWERING");
}

/// Sets the one interface from the first screen: an address of its own and a name server, up to the minute in which it is on trial.
fn set_network(vm: &mut Vm, address: &str, name_server: &str) {
    step(&mut vm.line, "y", "| System");
    step(&mut vm.line, "n", "| Network");
    step(&mut vm.line, key::ENTER, "| Set ");
    vm.line.press(key::RIGHT);
    sees(&mut vm.line, "static");
    for value in ["", address, "10.0.2.2", "", "", "", name_server] {
        vm.line.press(&format!("{value}\r"));
    }
    println!("{}\n", vm.line.screen());
    step(&mut vm.line, key::ENTER, "| The network is on trial");
}

#[test]
#[ignore = "wants an image: scripts/test-image"]
fn a_network_that_cuts_the_box_off_is_taken_back_and_a_wrong_name_server_is_told() {
    let on = On::default();
    let (appliance, secret, token) = settled(&on);
    let mut vm = appliance.on(&on);
    lets_in(&mut vm, &secret, &token);
    assert!(log_in(&mut vm.line), "{}", vm.line.screen());
    // Nobody reaches it there, and nobody confirms.
    set_network(&mut vm, "10.0.2.99/24", "10.0.2.3");
    assert!(silent(&vm, &secret, &token), "still there");
    let begun = Instant::now();
    lets_in(&mut vm, &secret, &token);
    println!("back after {:?}", begun.elapsed());
    sees(&mut vm.line, "the old one is back");
    println!("{}\n", vm.line.screen());
    to_first_screen(&mut vm);
    // Power that goes within the minute takes it back too.
    set_network(&mut vm, "10.0.2.99/24", "10.0.2.3");
    vm.cut();
    let mut vm = appliance.on(&on);
    lets_in(&mut vm, &secret, &token);
    assert!(log_in(&mut vm.line), "{}", vm.line.screen());
    // The address is right, and the machine that is to know names knows none.
    set_network(&mut vm, "10.0.2.15/24", "10.0.2.2");
    // A question is taken for read when no key has come for a moment.
    std::thread::sleep(Duration::from_secs(2));
    step(&mut vm.line, key::ENTER, "The new network stays");
    lets_in(&mut vm, &secret, &token);
    to_first_screen(&mut vm);
    step(&mut vm.line, "d", "| Directories");
    step(&mut vm.line, "a", "| Add an Entra tenant");
    vm.line.press("contoso.example\r");
    vm.line.press("0a1b2c3d-1111-2222-3333-0123456789ab\r");
    vm.line.press("4e5f6a7b-4444-5555-6666-ba9876543210\r");
    step(&mut vm.line, key::ENTER, "is saved");
    step(&mut vm.line, "p", "| Prove ");
    vm.line.press(&format!("{ANNA}\r"));
    vm.line.press("any password\r");
    says(&mut vm, &["NOT PROVEN", "DNS"]);
    vm.cut();
    // What was confirmed stays.
    let mut vm = appliance.on(&on);
    lets_in(&mut vm, &secret, &token);
    assert!(log_in(&mut vm.line), "{}", vm.line.screen());
    step(&mut vm.line, "y", "| System");
    step(&mut vm.line, "n", "| Network");
    sees(&mut vm.line, "10.0.2.15/24");
    println!("{}\n", vm.line.screen());
}

/// Runs a program on the disk of a box that is off; what it printed.
fn tool(appliance: &Appliance, program: &str, arguments: &[&str]) -> String {
    let said = run(in_tree(appliance.folder(), program).args(arguments), "");
    assert_eq!(said.status, 0, "{program} {arguments:?}: {said:?}");
    said.out
}

/// /var on the disk, as QEMU's tools name a part of one.
fn var_of(appliance: &Appliance) -> String {
    let (raw, disk) = (appliance.folder().join("raw"), appliance.disk());
    let (raw, disk) = (raw.to_str().unwrap(), disk.to_str().unwrap());
    tool(appliance, "qemu-img", &["convert", "-O", "raw", disk, raw]);
    let table: serde_json::Value = serde_json::from_str(&tool(appliance, "sfdisk", &["-J", raw])).unwrap();
    std::fs::remove_file(raw).unwrap();
    let partitions = table["partitiontable"]["partitions"].as_array().unwrap();
    let var = partitions.iter().find(|one| one["name"] == "postern-var").unwrap();
    let bytes = |field: &str| var[field].as_u64().unwrap() * 512;
    format!(
        "driver=raw,offset={},size={},file.driver=qcow2,file.file.driver=file,file.file.filename={disk}",
        bytes("start"),
        bytes("size")
    )
}

/// Changes files in /var of a box without a TPM, by debugfs, and puts them back onto the disk. The commands may depend on what debugfs
/// answers to a request.
fn change(appliance: &Appliance, commands: impl FnOnce(&dyn Fn(&str) -> String) -> String) {
    let part = var_of(appliance);
    let (var, file) = (appliance.folder().join("var"), appliance.folder().join("commands"));
    let (var, file) = (var.to_str().unwrap(), file.to_str().unwrap());
    let out = ["convert", "--image-opts", "-O", "raw", &part, var];
    tool(appliance, "qemu-img", &out);
    // The journal first, as the kernel would; 1: something was put right.
    let check = run(in_tree(appliance.folder(), "e2fsck").args(["-p", var]), "");
    assert!(check.status < 2, "{check:?}");
    let commands = commands(&|request| tool(appliance, "debugfs", &["-R", request, var]));
    std::fs::write(file, commands).unwrap();
    println!("{}", tool(appliance, "debugfs", &["-w", "-f", file, var]));
    let back = ["convert", "-n", "-f", "raw", "--target-image-opts", var, &part];
    tool(appliance, "qemu-img", &back);
    std::fs::remove_file(var).unwrap();
}

/// Without a TPM, so that this test can reach the disk of a box that is off, as anybody could (docs/appliance.md); it has let in one code,
/// which is spent.
fn unsealed() -> (On, Appliance, Vec<u8>, Token, String) {
    let on = On {
        tpm: false,
        ..On::default()
    };
    let (appliance, secret, token) = settled(&on);
    let mut vm = appliance.on(&on);
    lets_in(&mut vm, &secret, &token);
    let spent = token.code();
    // The first sealed copy of the store is made a minute after the start.
    std::thread::sleep(Duration::from_secs(75));
    vm.cut();
    (on, appliance, secret, token, spent)
}

/// Nobody is let in with this code: a refusal, or silence.
fn refuses(vm: &Vm, secret: &[u8], code: &str) {
    let nas = vm.nas(secret);
    let reply = nas.try_from(&nas.socket(), &Request::login(ANNA, code), Duration::from_secs(4));
    println!("answered: {:?}", reply.as_ref().map(|reply| reply.code));
    assert!(
        reply.as_ref().is_none_or(|reply| reply.code == REJECT),
        "R20: a spent code is good again"
    );
}

#[test]
#[ignore = "wants an image: scripts/test-image"]
fn r20_a_broken_store_gives_way_to_its_copy_or_is_told_and_no_code_is_good_again() {
    let (on, appliance, secret, token, spent) = unsealed();
    // In place, so that owner and mode stay.
    let garble: String = (0..64)
        .map(|block| format!("zap_block -f /lib/postern/store/db -p 0xa5 {block}\n"))
        .collect();
    // No copy: nothing answers, and the console says why.
    let bare = appliance.copied();
    change(&bare, |look| {
        // Its lines are `/inode/mode/uid/gid/name/size/`.
        let listed = look("ls -p /lib/postern/copies");
        let names = listed.lines().filter_map(|line| line.split('/').nth(5));
        let copies = names.filter(|name| name.ends_with(".sealed"));
        let removed: String = copies.map(|name| format!("rm /lib/postern/copies/{name}\n")).collect();
        assert!(!removed.is_empty(), "no copy was made: {listed}");
        format!("{garble}{removed}")
    });
    let mut vm = bare.on(&on);
    says(&mut vm, &["Users and tokens cannot be read", "restore a backup"]);
    refuses(&vm, &secret, &spent);
    vm.cut();
    // The copy of this start takes its place by itself, and the operators are told.
    change(&appliance, |_| garble);
    let mut vm = appliance.on(&on);
    vm.answers(&secret);
    refuses(&vm, &secret, &spent);
    lets_in(&mut vm, &secret, &token);
    assert!(log_in(&mut vm.line), "{}", vm.line.screen());
    says(&mut vm, &["Alarms", "damaged"]);
}

#[test]
#[ignore = "wants an image: scripts/test-image"]
fn r20_a_full_disk_is_told_and_is_over_when_there_is_room_again() {
    let (on, appliance, secret, token, spent) = unsealed();
    let empty = appliance.folder().join("empty");
    std::fs::write(&empty, "").unwrap();
    // All that is free but the file's own extents: root's part too, which nobody here may use.
    change(&appliance, |look| {
        let about = look("show_super_stats -h");
        let free = about
            .lines()
            .find_map(|line| line.strip_prefix("Free blocks:"))
            .unwrap();
        let free: u64 = free.trim().parse().unwrap();
        let (last, bytes) = (free - 64, (free - 63) * 4096);
        format!(
            "write {} filling\nfallocate filling 0 {last}\nsif filling size {bytes}\n",
            empty.display()
        )
    });
    let mut vm = appliance.on(&on);
    says(&mut vm, &["The disk is full"]);
    refuses(&vm, &secret, &spent);
    refuses(&vm, &secret, &token.code());
    vm.cut();
    change(&appliance, |_| "rm filling\n".to_owned());
    let mut vm = appliance.on(&on);
    lets_in(&mut vm, &secret, &token);
}
