use super::*;
use crate::host::ops::{STICK_DIR, TROUBLE_FILE};
use crate::host::testing::Fake;

const SECRET: [u8; SECRET_LEN] = [0x5a; SECRET_LEN];
const NOW: Timestamp = Timestamp(1_763_800_000_000);

/// A box with a stick in it, mounted.
pub(in crate::host) fn with_stick() -> Fake {
    let fake = Fake::new();
    let mut bytes = vec![0; 4096];
    bytes[0] = 0xeb;
    bytes[11..13].copy_from_slice(&512_u16.to_le_bytes());
    bytes[67..71].copy_from_slice(&[1, 2, 3, 4]);
    bytes[71..82].copy_from_slice(b"RECOVERY   ");
    bytes[82..90].copy_from_slice(b"FAT32   ");
    bytes[510..512].copy_from_slice(&[0x55, 0xaa]);
    let folder = "/sys/devices/pci0/usb3/3-1/block/sdc";
    fake.put(&format!("{folder}/size"), "8192\n");
    std::fs::create_dir_all(fake.path("/sys/class/block")).unwrap();
    std::os::unix::fs::symlink(fake.path(folder), fake.path("/sys/class/block/sdc")).unwrap();
    std::fs::create_dir_all(fake.path("/dev")).unwrap();
    std::fs::write(fake.path("/dev/sdc"), bytes).unwrap();
    std::fs::create_dir_all(fake.path(STICK_DIR)).unwrap();
    plugged(&fake, true);
    fake
}

/// Mounted or not, as the kernel shows it. Nothing is really mounted here.
fn plugged(fake: &Fake, is: bool) {
    let line = format!("30 1 8:32 / {} rw - vfat /dev/sdc rw\n", fake.path(STICK_DIR).display());
    fake.put("/proc/thread-self/mountinfo", if is { &line } else { "" });
}

pub(in crate::host) fn prepare_it(fake: &Fake) {
    prepare_with(fake, "sdc", &SECRET, NOW).unwrap();
}

fn waits(fake: &Fake, purpose: Purpose) -> Result<String, String> {
    wait_for_stick(fake, purpose, Duration::ZERO)
}

#[test]
fn r25_a_prepared_stick_fits_its_box_and_the_newest_alone() {
    let fake = with_stick();
    assert!(!is_prepared(&fake));
    assert!(
        waits(&fake, Purpose::Installer)
            .unwrap_err()
            .contains("no stick was ever prepared")
    );
    prepare_it(&fake);
    assert!(is_prepared(&fake));
    assert!(stick::list(&fake).unwrap().sticks[0].recovery);
    assert_eq!(waits(&fake, Purpose::Installer).unwrap(), "RECOVERY");
    // The box keeps no secret.
    let digits = data_encoding::HEXLOWER.encode(&SECRET);
    for path in [KEPT, KEPT_BOOT] {
        assert!(!fake.get(path).contains(&digits) && !fake.get(path).is_empty());
    }
    let text = fake.get(&format!("{STICK_DIR}/{STICK_FILE}"));
    assert!(text.contains("Lock it away") && text.contains(&digits));
    // Another stick prepared since.
    prepare_with(&fake, "sdc", &[1; SECRET_LEN], NOW).unwrap();
    fake.put(&format!("{STICK_DIR}/{STICK_FILE}"), &text);
    assert!(
        waits(&fake, Purpose::Installer)
            .unwrap_err()
            .contains("another one was prepared since")
    );
}

#[test]
fn r25_a_wrong_stick_opens_nothing_and_the_console_says_what_is_missing() {
    let fake = with_stick();
    prepare_it(&fake);
    let file = format!("{STICK_DIR}/{STICK_FILE}");
    let good = fake.get(&file);
    let long = "0".repeat(5000);
    for bad in [
        "",
        "\n\n",
        &good.replace("5a", "5b"),
        &good.to_uppercase(),
        &good[..good.len() - 6],
        &long,
        "\0\u{ff}",
    ] {
        fake.put(&file, bad);
        assert!(waits(&fake, Purpose::Installer).is_err(), "{bad:?}");
        assert!(recover(&fake, &|| NOW, Duration::ZERO).is_err());
    }
    std::fs::remove_file(fake.path(&file)).unwrap();
    assert!(
        waits(&fake, Purpose::Installer)
            .unwrap_err()
            .contains("no file postern-recovery")
    );
    assert!(fake.get(TROUBLE_FILE).contains("Recovery waits"));
    // No link out of the stick.
    fake.put("/elsewhere", &good);
    std::os::unix::fs::symlink(fake.path("/elsewhere"), fake.path(&file)).unwrap();
    assert!(waits(&fake, Purpose::Installer).is_err());
    assert!(!fake.ran().iter().any(|line| line.contains("posternd-recovery")));
    assert!(!fake.path(NOTE_FILE).exists());
}

#[test]
fn r23_the_note_is_there_before_posternd_runs_and_the_stick_is_spent_by_it() {
    let fake = with_stick();
    prepare_it(&fake);
    let note = fake.path(NOTE_FILE);
    let seen = std::sync::Arc::new(parking_lot::Mutex::new(None));
    let told = std::sync::Arc::clone(&seen);
    fake.programs(move |_, arguments, _| {
        if arguments == ["start", UNIT] {
            *told.lock() = Some(serde_json::from_slice::<Note>(&std::fs::read(&note).unwrap()).unwrap());
        }
        None
    });
    recover(&fake, &|| NOW, Duration::ZERO).unwrap();
    let note = seen.lock().take().unwrap();
    assert_eq!(
        (note.purpose, note.at, note.stick.as_str()),
        (Purpose::Installer, NOW, "RECOVERY")
    );
    let record = fake.get(&format!("{STICK_DIR}/{STICK_RECORD}"));
    assert!(
        record.contains("a new installer may be made") && record.starts_with("2025-11-22T"),
        "{record}"
    );
    // Once: the same stick opens nothing now, nor does it empty the box.
    assert!(!is_prepared(&fake) && !fake.path(NOTE_FILE).exists());
    for purpose in [Purpose::Installer, Purpose::Reset] {
        assert!(waits(&fake, purpose).is_err());
    }
}

#[test]
fn a_recovery_without_an_installer_spends_nothing() {
    let fake = with_stick();
    prepare_it(&fake);
    fake.programs(|_, arguments, _| (arguments == ["start", UNIT]).then(|| Err("nobody made one".to_owned())));
    assert!(
        recover(&fake, &|| NOW, Duration::ZERO)
            .unwrap_err()
            .contains("no new installer was made")
    );
    assert!(is_prepared(&fake) && !fake.path(NOTE_FILE).exists());
}

#[test]
fn without_its_data_a_box_lets_the_stick_empty_it_and_nothing_else() {
    let fake = with_stick();
    prepare_it(&fake);
    std::fs::remove_dir_all(fake.path("/var/lib/postern-host")).unwrap();
    fake.put("/run/postern-host/var-lost", "");
    assert!(waits(&fake, Purpose::Installer).is_err());
    assert!(waits(&fake, Purpose::Reset).is_ok());
    // With its data, what lies on the boot partition counts for nothing: others can write there.
    std::fs::remove_file(fake.path("/run/postern-host/var-lost")).unwrap();
    assert!(waits(&fake, Purpose::Reset).is_err());
}
