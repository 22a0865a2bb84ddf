//! Which devices are sticks, and a real mount of one where this kernel can.

use std::os::unix::fs::symlink;

use super::*;
use crate::host::testing::Fake;

/// The first 4 KiB of an empty file system.
fn fat32(label: &str, serial: [u8; 4]) -> Vec<u8> {
    let mut bytes = vec![0; LOOK];
    bytes[0] = 0xeb;
    bytes[11..13].copy_from_slice(&512_u16.to_le_bytes());
    bytes[67..71].copy_from_slice(&serial);
    bytes[71..82].copy_from_slice(format!("{label:11}").as_bytes());
    bytes[82..90].copy_from_slice(b"FAT32   ");
    bytes[510..512].copy_from_slice(&[0x55, 0xaa]);
    bytes
}

fn a_block(fake: &Fake, path: &str, dev: &str, content: &[u8]) {
    let name = path.rsplit('/').next().unwrap();
    let folder = format!("/sys/devices/{path}");
    fake.put(&format!("{folder}/size"), "8192\n");
    fake.put(&format!("{folder}/dev"), dev);
    fake.put(&format!("{folder}/uevent"), "DEVTYPE=x\n");
    std::fs::create_dir_all(fake.path(&format!("{folder}/holders"))).unwrap();
    if name.ends_with(|c: char| c.is_ascii_digit()) {
        fake.put(&format!("{folder}/partition"), &name[name.len() - 1..]);
    }
    std::fs::create_dir_all(fake.path("/sys/class/block")).unwrap();
    symlink(fake.path(&folder), fake.path("/sys/class/block").join(name)).unwrap();
    std::fs::create_dir_all(fake.path("/dev")).unwrap();
    std::fs::write(fake.path("/dev").join(name), content).unwrap();
}

const USB: &str = "pci0000:00/0000:00:14.0/usb1/1-2/1-2:1.0/host2/target2:0:0/2:0:0:0/block";

fn names(fake: &Fake) -> Vec<String> {
    list(fake).unwrap().sticks.into_iter().map(|stick| stick.id).collect()
}

#[test]
fn only_file_systems_on_usb_that_the_box_is_not_on_are_sticks() {
    let fake = Fake::new();
    let nothing = vec![0; LOOK];
    a_block(&fake, &format!("{USB}/sdb"), "8:16", &nothing);
    a_block(&fake, &format!("{USB}/sdb/sdb1"), "8:17", &fat32("SEEDS", [1, 2, 3, 4]));
    fake.put(&format!("/sys/devices/{USB}/sdb/device/vendor"), "ACME\n");
    fake.put(&format!("/sys/devices/{USB}/sdb/device/model"), "Flash \u{1b}[31m\n");
    // The same on SATA is no stick.
    a_block(
        &fake,
        "pci0000:00/ata1/host0/target0/0:0:0:0/block/sda",
        "8:0",
        &fat32("DISK", [0; 4]),
    );
    assert_eq!(names(&fake), ["sdb1"]);
    let stick = list(&fake).unwrap().sticks.remove(0);
    assert_eq!(
        (stick.name.as_str(), stick.system.as_str(), stick.size),
        ("SEEDS", "vfat", 8192 * 512)
    );
    // Without a label: maker and model, escaped (R22).
    std::fs::write(fake.path("/dev/sdb1"), fat32("NO NAME", [0; 4])).unwrap();
    let name = list(&fake).unwrap().sticks.remove(0).name;
    assert!(name.starts_with("ACME Flash") && !name.contains('\u{1b}'), "{name}");
    // The box may be on USB itself: under dm-verity, mounted, or called so.
    let holder = fake.path(&format!("/sys/devices/{USB}/sdb/sdb1/holders/dm-0"));
    std::fs::write(&holder, "").unwrap();
    assert!(names(&fake).is_empty());
    std::fs::remove_file(&holder).unwrap();
    fake.put(
        "/proc/thread-self/mountinfo",
        "30 1 8:17 / /var rw - ext4 /dev/sdb1 rw\n",
    );
    assert!(names(&fake).is_empty());
    fake.put("/proc/thread-self/mountinfo", "");
    fake.put(&format!("/sys/devices/{USB}/sdb/uevent"), "PARTNAME=postern-esp\n");
    assert!(names(&fake).is_empty());
}

#[test]
fn the_three_file_systems_are_known_and_nothing_else_is() {
    assert_eq!(volume::volume(&fat32("A", [9; 4])).unwrap().number, "09090909");
    let mut exfat = vec![0; LOOK];
    exfat[3..11].copy_from_slice(b"EXFAT   ");
    exfat[510..512].copy_from_slice(&[0x55, 0xaa]);
    assert_eq!(volume::volume(&exfat).unwrap().system, "exfat");
    let mut ext = vec![0; LOOK];
    ext[1024 + 0x38..1024 + 0x3a].copy_from_slice(&[0x53, 0xef]);
    ext[1024 + 0x78..1024 + 0x7c].copy_from_slice(b"back");
    assert_eq!(
        volume::volume(&ext).map(|v| (v.system, v.label)),
        Some(("ext4", "back".to_owned()))
    );
    let mut ntfs = exfat.clone();
    ntfs[3..11].copy_from_slice(b"NTFS    ");
    for bytes in [
        Vec::new(),
        vec![0; 10],
        vec![0xff; LOOK],
        vec![0; LOOK],
        ntfs,
        fat32("A", [0; 4])[..90].to_vec(),
    ] {
        assert_eq!(volume::volume(&bytes), None);
    }
}

#[test]
fn a_stick_that_is_not_there_is_not_mounted() {
    let fake = Fake::new();
    for id in ["sdz1", "../sda", "", "sda; reboot"] {
        let failure = mount(&fake, id).unwrap_err();
        assert!(failure.message.contains("no stick") && !failure.message.contains('\n'));
    }
    // Nothing is mounted: to release it is no error.
    assert_eq!(release(&fake).unwrap(), StickList::default());
}

/// With a loop device as the stick. In a mount namespace of this thread's own.
#[test]
fn r24_a_real_stick_is_mounted_without_devices_programs_and_set_uid_and_released() {
    use std::process::Command;
    nix::sched::unshare(nix::sched::CloneFlags::CLONE_NEWNS).expect("mount tests need root");
    let private = MsFlags::MS_PRIVATE | MsFlags::MS_REC;
    mount_at(None::<&str>, "/", None::<&str>, private, None::<&str>).unwrap();
    let fake = Fake::new();
    let image = fake.path("/image");
    File::create(&image).unwrap().set_len(16 << 20).unwrap();
    let run = |program: &str, arguments: &[&str]| {
        let out = Command::new(program)
            .args(arguments)
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
            .output()
            .unwrap();
        assert!(
            out.status.success(),
            "{program}: {}",
            String::from_utf8_lossy(&out.stderr)
        );
        String::from_utf8(out.stdout).unwrap().trim().to_owned()
    };
    run("mkfs.ext4", &["-q", "-L", "backup", image.to_str().unwrap()]);
    let device = run("losetup", &["-f", "--show", image.to_str().unwrap()]);
    let name = device.strip_prefix("/dev/").unwrap().to_owned();
    a_block(&fake, &format!("{USB}/{name}"), "7:99", b"");
    std::fs::remove_file(fake.path(&format!("/sys/devices/{USB}/{name}/partition"))).unwrap();
    std::fs::remove_file(fake.path("/dev").join(&name)).unwrap();
    symlink(&device, fake.path("/dev").join(&name)).unwrap();
    symlink("/proc/thread-self", fake.path("/proc-thread-self")).unwrap();
    std::fs::create_dir_all(fake.path("/proc")).unwrap();
    symlink("/proc/thread-self", fake.path("/proc/thread-self")).unwrap();
    let listed = mount(&fake, &name).unwrap();
    assert_eq!(listed.mounted.as_deref(), Some(name.as_str()));
    assert_eq!(listed.sticks[0].name, "backup");
    let table = std::fs::read_to_string("/proc/thread-self/mountinfo").unwrap();
    let line = table.lines().find(|line| line.contains("postern-host/stick")).unwrap();
    for word in ["ro,", "nosuid", "nodev", "noexec"] {
        assert!(line.contains(word), "{line}");
    }
    // Again is no error; an open file keeps it.
    mount(&fake, &name).unwrap();
    let open = File::open(fake.path(STICK_DIR).join("lost+found")).unwrap();
    assert!(release(&fake).unwrap_err().message.contains("in use"));
    drop(open);
    // Pulled out: the kernel's list has it no more.
    let class = fake.path("/sys/class/block").join(&name);
    let target = std::fs::read_link(&class).unwrap();
    std::fs::remove_file(&class).unwrap();
    let failure = release(&fake).unwrap_err();
    assert!(
        failure.message.contains("pulled out before it was released"),
        "{}",
        failure.message
    );
    assert_eq!(mounted(&fake), None);
    symlink(target, &class).unwrap();
    mount(&fake, &name).unwrap();
    assert_eq!(release(&fake).unwrap().mounted, None);
    assert_eq!(mounted(&fake), None);
    run("losetup", &["-d", &device]);
}
