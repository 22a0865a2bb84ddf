//! The udev rules for readers, by the real udevadm with the machine's own rules around them, over devices that stand in a made-up
//! /sys: which port gets the tag, the group and the mode, which is left out, and whether its power stays on. Everything is mounted
//! in a mount namespace of its own. What this does not see: a kernel's own attributes and names of a real device, and the daemon
//! that runs the rules when one is plugged in.

use std::fmt::Write as _;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::harness::{Rows, Said, repository, run};

/// The group's number in the made-up /etc/group.
const GROUP: u32 = 47_114;
const RULES: [&str; 2] = ["udev/70-postern-readers.rules", "udev/93-postern-readers.rules"];

/// udevadm lives where not every user's PATH looks.
fn udevadm() -> &'static str {
    ["/usr/bin/udevadm", "/bin/udevadm", "/usr/sbin/udevadm", "/sbin/udevadm"]
        .into_iter()
        .find(|path| Path::new(path).exists())
        .expect("udevadm (scripts/setup test)")
}

/// What a device is in /sys.
struct Device {
    vendor: &'static str,
    product: &'static str,
    /// Interface class and subclass.
    class: [u8; 2],
    /// The name of its serial port.
    port: Option<&'static str>,
}

const fn bridge(vendor: &'static str, product: &'static str) -> Device {
    Device {
        vendor,
        product,
        class: [0xff, 1],
        port: Some("ttyUSB0"),
    }
}

const fn plain(vendor: &'static str, product: &'static str, class: [u8; 2]) -> Device {
    Device {
        vendor,
        product,
        class,
        port: None,
    }
}

fn write(path: PathBuf, content: impl AsRef<[u8]>) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, content).unwrap();
}

/// A link in /sys from a folder to a place named from its root.
fn link(root: &Path, folder: &str, name: &str, to: &str) {
    let depth = folder.split('/').filter(|part| !part.is_empty()).count();
    let path = root.join(&folder[1..]).join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    symlink(format!("{}{}", "../".repeat(depth), &to[1..]), path).unwrap();
}

const HOST: &str = "/devices/pci0000:00/0000:00:14.0";

/// The files of a device on the second socket of a host; the paths of the device and of its port.
fn plug(root: &Path, device: &Device) -> (String, Option<String>) {
    let file = |path: &str, content: &[u8]| write(root.join(&path[1..]), content);
    let usb = format!("{HOST}/usb1/1-2");
    let id = format!("{}/{}/100", device.vendor, device.product);
    link(root, HOST, "subsystem", "/bus/pci");
    file(&format!("{HOST}/uevent"), b"DRIVER=xhci_hcd\n");
    let uevent = format!(
        "MAJOR=189\nMINOR=1\nDEVNAME=bus/usb/001/002\nDEVTYPE=usb_device\nDRIVER=usb\nPRODUCT={id}\nBUSNUM=001\nDEVNUM=002\n"
    );
    file(&format!("{usb}/uevent"), uevent.as_bytes());
    file(&format!("{usb}/idVendor"), format!("{}\n", device.vendor).as_bytes());
    file(&format!("{usb}/idProduct"), format!("{}\n", device.product).as_bytes());
    file(&format!("{usb}/dev"), b"189:1\n");
    file(&format!("{usb}/power/control"), b"auto\n");
    link(root, &usb, "subsystem", "/bus/usb");
    // USB 2.0, tables 9-8, 9-10, 9-12 and 9-13: what udev takes the classes of the interfaces from.
    let [class, subclass] = device.class;
    let descriptors = [
        [18, 1, 0, 2, 0, 0, 0, 64, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1].as_slice(),
        &[9, 2, 25, 0, 1, 1, 0, 0xa0, 50],
        &[9, 4, 0, 0, 1, class, subclass, 0, 0],
        &[7, 5, 0x81, 2, 64, 0, 0],
    ];
    file(&format!("{usb}/descriptors"), &descriptors.concat());
    let interface = format!("{usb}/1-2:1.0");
    let uevent = format!(
        "DEVTYPE=usb_interface\nPRODUCT={id}\nINTERFACE={class}/{}/0\n",
        subclass
    );
    file(&format!("{interface}/uevent"), uevent.as_bytes());
    file(
        &format!("{interface}/bInterfaceClass"),
        format!("{class:02x}\n").as_bytes(),
    );
    file(&format!("{interface}/bInterfaceNumber"), b"00\n");
    link(root, &interface, "subsystem", "/bus/usb");
    let port = device.port.map(|name| {
        let serial = format!("{interface}/{name}");
        file(&format!("{serial}/uevent"), b"DRIVER=usb-serial\n");
        link(root, &serial, "subsystem", "/bus/usb-serial");
        let port = format!("{serial}/tty/{name}");
        file(
            &format!("{port}/uevent"),
            format!("MAJOR=188\nMINOR=0\nDEVNAME={name}\n").as_bytes(),
        );
        file(&format!("{port}/dev"), b"188:0\n");
        link(root, &port, "subsystem", "/class/tty");
        link(root, "/class/tty", name, &port);
        port
    });
    for bus in ["bus/pci", "bus/usb", "bus/usb-serial", "class/tty", "kernel"] {
        std::fs::create_dir_all(root.join(bus)).unwrap();
    }
    (usb, port)
}

/// What udevadm made of one device.
struct Made {
    said: String,
    /// The group and mode of its node, which udevadm of some versions sets.
    node: String,
    power: String,
}

impl Made {
    fn property(&self, name: &str) -> Option<&str> {
        let lines = self.said.lines().map(str::trim);
        lines
            .filter_map(|line| line.split_once('='))
            .find(|(key, _)| *key == name)
            .map(|(_, value)| value)
    }

    fn tagged(&self) -> bool {
        self.property("CURRENT_TAGS")
            .or(self.property("TAGS"))
            .is_some_and(|tags| tags.contains(":postern-reader:"))
    }

    /// Ours, and ours alone.
    fn given(&self) -> bool {
        // Versions differ in the words: the last group and mode that a rule named count.
        let last = |word: &str| {
            let found = self.said.lines().rev().find_map(|line| {
                let (rule, value) = line.split_once(word)?;
                rule.contains(".rules:")
                    .then(|| value.trim().trim_matches(['"', ':', ' ']))
            });
            found.unwrap_or_default().to_owned()
        };
        let node = self.node.is_empty() || self.node == format!("{GROUP} 660");
        let group = last(" GROUP ");
        let ours = group.contains(&GROUP.to_string()) || group.contains("postern-console");
        ours && last(" MODE ").contains("660") && node
    }

    fn awake(&self) -> bool {
        // Some versions write the attribute even in a test, others say that they would.
        let last = self.said.lines().rev().find(|line| line.contains("power/control"));
        self.power.starts_with("on") || last.is_some_and(|line| line.contains("on'") || line.contains("\"on\""))
    }
}

/// Runs udevadm over a device and its port, with a rule of the operator's before ours.
fn try_rules(device: &Device, before: &str) -> (Made, Option<Made>) {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name);
    let (usb, port) = plug(&path("sys"), device);
    std::fs::create_dir_all(path("rules")).unwrap();
    for rule in RULES {
        let from = repository(rule);
        std::fs::copy(&from, path("rules").join(from.file_name().unwrap())).unwrap();
    }
    write(path("rules/65-local.rules"), before);
    let groups = std::fs::read_to_string("/etc/group").unwrap();
    let mut groups: String = groups
        .lines()
        .filter(|line| !line.starts_with("postern-console:"))
        .fold(String::new(), |all, line| all + line + "\n");
    writeln!(groups, "postern-console:x:{GROUP}:").unwrap();
    write(path("group"), groups);
    let one = |device: &str, node: &str, number: &str| {
        let at = dir.path().display();
        let power = format!("/sys{usb}/power/control");
        let script = format!(
            "set -e\n\
             mount --bind '{at}/group' /etc/group\n\
             mount -t tmpfs none /run\n\
             mkdir -p /run/udev/rules.d\n\
             cp '{at}'/rules/* /run/udev/rules.d/\n\
             mount -t tmpfs none /dev\n\
             mkdir -p \"$(dirname {node})\"\n\
             mknod -m 644 {node} c {number}\n\
             mount --bind '{at}/sys' /sys\n\
             SYSTEMD_DEVICE_VERIFY_SYSFS=0 {} test --action=add /sys{device} 2>&1\n\
             echo \"== $(stat -c '%g %a' {node}) == $(cat {power})\"\n",
            udevadm()
        );
        let mut command = Command::new("unshare");
        command.args(["--mount", "--propagation", "private", "sh", "-c", &script]);
        let Said { status, out, err } = run(&mut command, "");
        assert_eq!(status, 0, "{out}\n{err}");
        let last = out.lines().last().unwrap().to_owned();
        let mut parts = last.split("==").map(str::trim).skip(1);
        let node = parts.next().unwrap();
        Made {
            said: out,
            // Root's, and for root alone: untouched.
            node: if node == "0 644" {
                String::new()
            } else {
                node.to_owned()
            },
            power: parts.next().unwrap().to_owned(),
        }
    };
    let usb_made = one(&usb, "/dev/bus/usb/001/002", "189 1");
    let name = device.port.unwrap_or_default();
    let port_made = port.map(|port| one(&port, &format!("/dev/{name}"), "188 0"));
    (usb_made, port_made)
}

#[test]
fn bridges_get_tag_group_mode_and_power_and_their_ports_alone_are_given() {
    let mut rows = Rows::default();
    for (vendor, product) in [
        ("1a86", "7523"),
        ("1a86", "5523"),
        ("10c4", "ea60"),
        ("0403", "6001"),
        ("0403", "6015"),
        ("067b", "2303"),
        ("067b", "23a3"),
    ] {
        let (usb, port) = try_rules(&bridge(vendor, product), "");
        let port = port.unwrap();
        let row = format!("{vendor}:{product}");
        rows.hold(&format!("{row} tag: {}", port.said), port.tagged());
        rows.hold(
            &format!("{row} group and mode: {} {}", port.node, port.said),
            port.given(),
        );
        rows.same(
            &format!("{row} modem managers"),
            Some("1"),
            port.property("ID_MM_DEVICE_IGNORE"),
        );
        rows.hold(&format!("{row} power: {}", usb.said), usb.awake());
        rows.hold(&format!("{row} itself is given"), !usb.tagged() && !usb.given());
    }
    rows.end();
}

#[test]
fn smart_card_readers_and_the_molto_stay_awake_whatever_the_drivers_rules_say() {
    let mut rows = Rows::default();
    for (what, device) in [
        ("a CCID reader", plain("072f", "2200", [0x0b, 0])),
        ("Molto-2", plain("349e", "0300", [0x0b, 0])),
        ("Molto-2 of another class", plain("349e", "0300", [0xff, 0])),
        ("an older Molto-2", plain("1ea8", "800f", [0x0b, 0])),
    ] {
        let (usb, _) = try_rules(&device, "");
        rows.hold(&format!("{what} tag"), usb.tagged());
        rows.hold(
            &format!("{what} group and mode: {} {}", usb.node, usb.said),
            usb.given(),
        );
        rows.hold(&format!("{what} power: {}", usb.said), usb.awake());
    }
    rows.end();
}

#[test]
fn other_devices_are_left_alone() {
    let mut rows = Rows::default();
    let mut modem = bridge("12d1", "1001");
    let (usb, port) = try_rules(&modem, "");
    let port = port.unwrap();
    rows.hold("a modem's port", !port.tagged() && !port.given());
    rows.hold("a modem's power", !usb.awake());
    // A token writer that is a serial device itself has no public facts, so it is no reader of ours.
    modem.port = Some("ttyACM0");
    let (_, port) = try_rules(&modem, "");
    rows.hold("a modem's port of another kind", !port.unwrap().tagged());
    let (usb, _) = try_rules(&plain("046d", "c077", [3, 1]), "");
    rows.hold("a mouse", !usb.tagged() && !usb.given() && !usb.awake());
    rows.end();
}

#[test]
fn an_earlier_rule_leaves_a_port_out_or_takes_one_in() {
    let mut rows = Rows::default();
    let ch340 = bridge("1a86", "7523");
    let here = "SUBSYSTEM==\"tty\", ENV{ID_PATH}==\"pci-0000:00:14.0-usb-0:2:1.0\", ENV{POSTERN_READER}=\"no\"\n";
    assert!(
        std::fs::read_to_string(repository("udev/README.md"))
            .unwrap()
            .contains(here.trim()),
        "the example of the README is the one that is tried"
    );
    let (usb, port) = try_rules(&ch340, here);
    let port = port.unwrap();
    rows.hold(
        &format!("left out by its socket: {}", port.said),
        !port.tagged() && !port.given(),
    );
    rows.same("nothing else is set", Some("no"), port.property("POSTERN_READER"));
    rows.hold("its power stays on all the same", usb.awake());
    let elsewhere = here.replace("usb-0:2:", "usb-0:3:");
    let (_, port) = try_rules(&ch340, &elsewhere);
    rows.hold("another socket", port.unwrap().tagged());
    let (usb, port) = try_rules(
        &bridge("12d1", "1001"),
        "SUBSYSTEMS==\"usb\", ATTRS{idVendor}==\"12d1\", ENV{POSTERN_READER}=\"yes\"\n",
    );
    let port = port.unwrap();
    rows.hold("taken in", port.tagged() && port.given() && usb.awake());
    rows.end();
}

#[test]
fn udevadm_verifies_the_rules_where_it_can() {
    let help = run(Command::new(udevadm()).arg("--help"), "");
    if !help.out.contains("verify") {
        println!("this udevadm verifies nothing (before 254): the rules were only run");
        return;
    }
    let paths = RULES.map(repository);
    let mut command = Command::new(udevadm());
    let said = run(command.args(["verify", "--resolve-names=never"]).args(paths), "");
    assert_eq!(said.status, 0, "{said:?}");
}
