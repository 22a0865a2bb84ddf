use super::*;
use crate::host::exec::ExecError;
use crate::host::recovery::STICK_RECORD;
use crate::host::testing::Fake;

const NOW: Timestamp = Timestamp(1_763_800_000_000);
const SEED: &str = "JBSWY3DPEHPK3PXP a seed that nobody may read";

/// A box with data: an encrypted partition where `luks` says so.
fn full(luks: bool) -> Fake {
    let fake = Fake::new();
    fill(&fake, luks);
    fake
}

fn fill(fake: &Fake, luks: bool) {
    for path in [
        "/var/lib/postern/key",
        "/var/lib/postern/store/db",
        "/var/lib/postern/journal/00000000000000000001.jrn",
        "/var/lib/postern-host/machine-id",
        "/var/lib/postern-host/postern.key.cred",
        "/var/lib/systemd/credential.secret",
        "/var/log/journal/abc/system.journal",
        "/var/cache/x",
    ] {
        fake.put(path, SEED);
    }
    std::fs::create_dir_all(fake.path("/sys/class/block")).unwrap();
    let disk = "/sys/devices/pci0/nvme0n1";
    for (name, uevent) in [
        ("nvme0n1p2", "PARTNAME=postern_0.1.0"),
        ("nvme0n1p6", "PARTN=6\nPARTNAME=postern-var"),
    ] {
        fake.put(&format!("{disk}/{name}/uevent"), uevent);
        fake.put(&format!("{disk}/{name}/partition"), &name[name.len() - 1..]);
        link(fake, &format!("{disk}/{name}"));
    }
    // Another disk with the same name on it is left alone.
    fake.put("/sys/devices/pci0/sdb/sdb1/uevent", "PARTNAME=postern-var");
    link(fake, "/sys/devices/pci0/sdb/sdb1");
    fake.put("/sys/devices/virtual/dm-0/dm/name", "root");
    let slaves = fake.path("/sys/devices/virtual/dm-0/slaves");
    std::fs::create_dir_all(&slaves).unwrap();
    std::os::unix::fs::symlink(fake.path(&format!("{disk}/nvme0n1p2")), slaves.join("nvme0n1p2")).unwrap();
    link(fake, "/sys/devices/virtual/dm-0");
    let head = if luks {
        b"LUKS\xba\xbe\0\x02".to_vec()
    } else {
        vec![0; 8]
    };
    let mut disk = vec![0x11; 17 << 20];
    disk[..8].copy_from_slice(&head);
    std::fs::create_dir_all(fake.path("/dev")).unwrap();
    std::fs::write(fake.path("/dev/nvme0n1p6"), disk).unwrap();
}

fn link(fake: &Fake, folder: &str) {
    let name = folder.rsplit('/').next().unwrap();
    std::os::unix::fs::symlink(fake.path(folder), fake.path("/sys/class/block").join(name)).unwrap();
}

/// Every file under /var that still holds the seed.
fn left(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(left(&path));
        } else if fs::read(&path).is_ok_and(|bytes| bytes == SEED.as_bytes()) {
            found.push(path);
        }
    }
    found
}

fn start(fake: &Fake) -> Result<Outcome, String> {
    let by_entry = fake.get("/proc/cmdline").contains("postern.reset");
    if_asked(fake, by_entry, &|| NOW, Duration::ZERO)
}

#[test]
fn nobody_asked_and_nothing_happens() {
    let fake = full(true);
    fake.put("/proc/cmdline", "quiet postern.resetting xpostern.reset root=/dev/sda");
    assert!(!recovery::on_boot_line(&fake, RESET_WORD));
    fake.put("/proc/cmdline", "quiet");
    assert_eq!(start(&fake).unwrap(), Outcome::Nothing);
    assert_eq!(left(&fake.path("/var")).len(), 8);
    assert!(fake.ran().is_empty());
}

#[test]
fn an_operator_s_word_empties_the_box_at_its_next_start() {
    for luks in [true, false] {
        let fake = full(luks);
        let keys: Vec<_> = KEYS.iter().map(|key| File::open(fake.path(key)).unwrap()).collect();
        assert!(matches!(ask(&fake, NOW).unwrap(), HostAnswer::Done { .. }));
        assert_eq!(fake.ran(), ["/usr/bin/systemctl --no-block reboot"]);
        assert_eq!(left(&fake.path("/var")).len(), 8);
        assert_eq!(start(&fake).unwrap(), Outcome::Emptied);
        assert_eq!(
            fake.ran(),
            [
                "/usr/sbin/fstrim /var",
                "/usr/sbin/sfdisk --no-reread --no-tell-kernel --delete /dev/nvme0n1 6",
                "/usr/bin/systemctl --no-block reboot"
            ]
        );
        assert!(left(&fake.path("/var")).is_empty() && !fake.path(MARK).exists());
        // Written over where they lay: who still holds them open reads nothing of them.
        for mut key in keys {
            let mut bytes = Vec::new();
            key.read_to_end(&mut bytes).unwrap();
            assert!(bytes.len() == SEED.len() && bytes != SEED.as_bytes());
        }
        let disk = fs::read(fake.path("/dev/nvme0n1p6")).unwrap();
        let header = disk[..LUKS_HEADER as usize]
            .iter()
            .filter(|byte| **byte == 0x11)
            .count();
        assert_eq!(header < 1 << 20, luks, "{header}");
        assert!(disk[LUKS_HEADER as usize..].iter().all(|byte| *byte == 0x11));
        assert_eq!(start(&fake).unwrap(), Outcome::Nothing);
    }
}

/// A machine whose power goes at the n-th thing it runs.
struct CutAt(Fake, parking_lot::Mutex<usize>);

impl Machine for CutAt {
    fn root(&self) -> &Path {
        self.0.root()
    }

    fn run(&self, program: &str, arguments: &[&str], input: &[u8]) -> Result<Vec<u8>, ExecError> {
        let mut left = self.1.lock();
        if *left == 0 {
            panic!("the power is cut");
        }
        *left -= 1;
        self.0.run(program, arguments, input)
    }
}

#[test]
fn r20_a_power_cut_leaves_the_old_box_or_one_that_finishes_the_reset_by_itself() {
    // Before the mark nothing has changed; from the mark on each cut is followed by a start that finishes.
    for cut in 0..4 {
        let machine = CutAt(full(true), parking_lot::Mutex::new(cut));
        let run = || std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| drop(ask(&machine, NOW)))).is_err();
        let first = run();
        assert_eq!(first, cut == 0);
        if !first {
            let again = std::panic::AssertUnwindSafe(|| drop(if_asked(&machine, false, &|| NOW, Duration::ZERO)));
            assert!(std::panic::catch_unwind(again).is_err() == (cut < 4));
        }
        *machine.1.lock() = 100;
        if machine.path(MARK).exists() {
            assert_eq!(
                if_asked(&machine, false, &|| NOW, Duration::ZERO).unwrap(),
                Outcome::Emptied
            );
        }
        assert!(left(&machine.path("/var")).is_empty(), "cut {cut}");
    }
    // And in the midst of the deleting: some files are gone, the mark stands.
    let fake = full(false);
    ask(&fake, NOW).unwrap();
    for path in KEYS {
        fs::remove_file(fake.path(path)).unwrap();
    }
    assert_eq!(start(&fake).unwrap(), Outcome::Emptied);
    assert!(left(&fake.path("/var")).is_empty());
}

#[test]
fn r25_by_boot_entry_it_needs_the_prepared_stick_and_is_on_record_on_it() {
    let fake = recovery::tests::with_stick();
    fill(&fake, true);
    fake.put("/proc/cmdline", "quiet postern.reset");
    assert!(start(&fake).unwrap_err().contains("no stick was ever prepared"));
    recovery::tests::prepare_it(&fake);
    let file = fake.path("/run/postern-host/stick").join(recovery::STICK_FILE);
    let good = fs::read(&file).unwrap();
    fs::write(&file, "another").unwrap();
    assert!(start(&fake).is_err());
    assert_eq!(left(&fake.path("/var")).len(), 8);
    fs::write(&file, good).unwrap();
    // A stick that takes no record: nothing is deleted.
    let record = fake.path("/run/postern-host/stick").join(STICK_RECORD);
    fs::create_dir_all(record.join("in-the-way")).unwrap();
    assert!(start(&fake).unwrap_err().contains("could not be put on record"));
    assert_eq!(left(&fake.path("/var")).len(), 8);
    fs::remove_dir_all(&record).unwrap();
    fake.ran();
    // The record is on the stick and posternd has had its say before the first byte goes.
    let (var, at_record) = (fake.path("/var"), record.clone());
    fake.programs(move |_, arguments, _| {
        if arguments == ["start", UNIT] {
            assert!(
                fs::read_to_string(&at_record)
                    .unwrap()
                    .contains("factory reset by boot entry")
            );
            assert_eq!(left(&var).len(), 8);
            return Some(Err("the store does not open".to_owned()));
        }
        None
    });
    assert_eq!(start(&fake).unwrap(), Outcome::Emptied);
    assert_eq!(fake.ran()[0], "/usr/bin/systemctl start posternd-recovery.service");
    assert!(left(&fake.path("/var")).is_empty());
    assert!(record.exists());
    assert!(!recovery::is_prepared(&fake));
}

#[test]
fn a_partition_that_cannot_be_removed_still_leaves_an_empty_box() {
    let fake = full(true);
    ask(&fake, NOW).unwrap();
    fake.programs(|program, _, _| {
        program
            .ends_with("sfdisk")
            .then(|| Err("Device or resource busy".to_owned()))
    });
    assert_eq!(start(&fake).unwrap(), Outcome::Emptied);
    assert!(left(&fake.path("/var")).is_empty());
    // Its header stands as long as the table names it: a partition that does not open would be a box that does not start.
    assert_eq!(&fs::read(fake.path("/dev/nvme0n1p6")).unwrap()[..4], b"LUKS");
    assert_eq!(start(&fake).unwrap(), Outcome::Nothing);
}
