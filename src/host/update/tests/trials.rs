//! The first start of a new version: kept, or back, and what is said of it.

use super::*;
use crate::host::troubles;

/// As systemd-boot leaves it when it starts an image with a count for the first time.
pub fn start_counted(fake: &Fake, version: &str) {
    let name = format!("postern_{version}+0-1.efi");
    for old in [format!("postern_{version}.efi"), format!("postern_{version}+1.efi")] {
        let _ = std::fs::remove_file(fake.path("/efi/EFI/Linux").join(old));
    }
    fake.put(&format!("/efi/EFI/Linux/{name}"), "kernel");
    let mut bytes = vec![7, 0, 0, 0];
    for unit in format!("\\EFI\\Linux\\{name}\0").encode_utf16() {
        bytes.extend_from_slice(&unit.to_le_bytes());
    }
    let path = fake.path("/sys/firmware/efi/efivars/LoaderBootCountPath-4a67b082-0a4c-41cf-b6c7-440b29bb8c4f");
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, bytes).unwrap();
}

/// A start of the version before: the variable is another one.
fn start_plain(fake: &Fake, version: &str) {
    let path = fake.path("/sys/firmware/efi/efivars/LoaderBootCountPath-4a67b082-0a4c-41cf-b6c7-440b29bb8c4f");
    let _ = std::fs::remove_file(path);
    fake.put("/usr/lib/os-release", &format!("IMAGE_VERSION=\"{version}\"\n"));
}

fn applied(fake: &Fake) {
    let note = slots::Applied {
        from: "0.1.0".to_owned(),
        to: "0.2.0".to_owned(),
        at: NOW,
        failed: None,
    };
    slots::note_applied(fake, &note).unwrap();
}

/// Into the new version, on trial; `bless` is what systemd-bless-boot does.
fn new_version(bless: bool, posternd: Option<&'static str>) -> Arc<Fake> {
    let fake = a_box();
    applied(&fake);
    start_counted(&fake, "0.2.0");
    fake.put("/usr/lib/os-release", "IMAGE_VERSION=0.2.0\n");
    let kernels = fake.path("/efi/EFI/Linux");
    let why = fake.path("/run/postern-trial/why");
    fake.programs(move |program, arguments, _| {
        if program.ends_with("bless-boot") && bless {
            std::fs::rename(kernels.join("postern_0.2.0+0-1.efi"), kernels.join("postern_0.2.0.efi")).unwrap();
        }
        if arguments == ["start", "posternd-trial.service"]
            && let Some(words) = posternd
        {
            std::fs::create_dir_all(why.parent().unwrap()).unwrap();
            std::fs::write(&why, words).unwrap();
            return Some(Err("Job for posternd-trial.service failed.".to_owned()));
        }
        None
    });
    fake
}

fn codes(fake: &Fake) -> Vec<String> {
    troubles::list(fake).into_iter().map(|one| one.code).collect()
}

#[test]
fn a_start_that_is_no_trial_runs_nothing() {
    let fake = a_box();
    assert_eq!(trial::run(fake.as_ref()), Outcome::Kept);
    assert!(fake.ran().is_empty());
    assert!(!slots::on_trial(fake.as_ref()));
    assert_eq!(slots::last(fake.as_ref()), None);
}

#[test]
fn what_answers_its_probe_is_kept_and_its_copy_is_no_longer_needed() {
    let fake = new_version(true, None);
    assert!(slots::on_trial(fake.as_ref()));
    std::fs::create_dir_all(staging(&fake).release()).unwrap();
    assert_eq!(trial::run(fake.as_ref()), Outcome::Kept);
    assert_eq!(
        fake.ran(),
        [
            format!("{SYSTEMCTL} start posternd-trial.service"),
            "/usr/lib/systemd/systemd-bless-boot good".to_owned()
        ]
    );
    assert!(!slots::on_trial(fake.as_ref()));
    let last = slots::last(fake.as_ref()).unwrap();
    assert_eq!(
        (last.words.as_str(), last.failed),
        ("the update from 0.1.0 to 0.2.0 was kept", false)
    );
    assert_eq!(slots::applied(fake.as_ref()), None);
    assert!(!staging(&fake).release().exists() && codes(&fake).is_empty());
    // The same start again, as after a crash: nothing is to be done.
    assert_eq!(trial::run(fake.as_ref()), Outcome::Kept);
    assert!(fake.ran().is_empty());
}

#[test]
fn what_does_not_answer_goes_back_and_says_why_in_the_version_before() {
    let fake = new_version(true, Some("posternd does not run: the key cannot be opened\n"));
    assert_eq!(trial::run(fake.as_ref()), Outcome::Back);
    let ran = fake.ran();
    assert!(!ran.iter().any(|line| line.contains("bless")), "{ran:?}");
    assert_eq!(ran.last().unwrap(), &format!("{SYSTEMCTL} --no-block reboot"));
    start_plain(&fake, "0.1.0");
    assert_eq!(trial::run(fake.as_ref()), Outcome::Kept);
    let last = slots::last(fake.as_ref()).unwrap();
    assert!(last.failed && last.words.contains("0.1.0 runs again"), "{last:?}");
    assert!(last.words.contains("the key cannot be opened"), "{last:?}");
    assert_eq!(codes(&fake), ["update-failed"]);
    // Nothing of it is left for the boot loader; the trouble stands at the next start too.
    assert_eq!(slots::other(fake.as_ref()), None);
    std::fs::remove_file(fake.path(crate::host::ops::TROUBLE_FILE)).unwrap();
    assert_eq!(trial::run(fake.as_ref()), Outcome::Kept);
    assert_eq!(codes(&fake), ["update-failed"]);
}

#[test]
fn a_count_that_stays_keeps_nothing() {
    let fake = new_version(false, None);
    assert_eq!(trial::run(fake.as_ref()), Outcome::Back);
    assert!(
        slots::applied(fake.as_ref())
            .unwrap()
            .failed
            .unwrap()
            .contains("still there")
    );
}

#[test]
fn a_power_cut_or_a_hang_in_the_trial_is_told_by_the_version_before() {
    let fake = new_version(true, None);
    // No word of its own: the watchdog restarted it.
    start_plain(&fake, "0.1.0");
    assert_eq!(trial::run(fake.as_ref()), Outcome::Kept);
    assert!(slots::last(fake.as_ref()).unwrap().words.contains("did not come up"));
    // Cut while it was written: there is no kernel image of it.
    let fake = a_box();
    applied(&fake);
    assert_eq!(trial::run(fake.as_ref()), Outcome::Kept);
    assert!(
        slots::last(fake.as_ref())
            .unwrap()
            .words
            .contains("cut while it was written")
    );
    // Kept, and cut before that was noted.
    let fake = a_box();
    applied(&fake);
    start_plain(&fake, "0.2.0");
    assert_eq!(trial::run(fake.as_ref()), Outcome::Kept);
    assert!(!slots::last(fake.as_ref()).unwrap().failed);
    assert!(codes(&fake).is_empty());
}

#[test]
fn a_boot_partition_that_cannot_be_read_keeps_nothing() {
    let fake = new_version(false, None);
    std::fs::remove_dir_all(fake.path("/efi/EFI")).unwrap();
    assert!(slots::on_trial(fake.as_ref()));
}

#[test]
fn a_version_that_cannot_have_the_box_s_data_is_not_kept() {
    for lost in ["/run/postern-host/var-lost", "/run/postern-host/trouble.json"] {
        let fake = new_version(true, None);
        fake.put(lost, r#"[{"code":"key-lost","what":"a","todo":"b"}]"#);
        assert_eq!(trial::run(fake.as_ref()), Outcome::Back, "{lost}");
        assert!(fake.ran().iter().all(|line| !line.contains("bless")), "{lost}");
        assert!(slots::on_trial(fake.as_ref()));
    }
}

#[test]
fn a_version_that_was_kept_stays_where_the_one_before_is_started_by_hand() {
    let fake = new_version(true, None);
    let kept = fake.path("/efi/EFI/Linux/postern_0.2.0.efi");
    std::fs::rename(fake.path("/efi/EFI/Linux/postern_0.2.0+0-1.efi"), &kept).unwrap();
    start_plain(&fake, "0.1.0");
    assert_eq!(trial::run(fake.as_ref()), Outcome::Kept);
    assert!(kept.exists());
    let last = slots::last(fake.as_ref()).unwrap();
    assert!(last.words.contains("was kept"), "{}", last.words);
    assert!(slots::applied(fake.as_ref()).is_none());
}

/// As `start_counted`, where the firmware keeps no variable for the running system.
fn without_variables(fake: &Fake) {
    std::fs::remove_dir_all(fake.path("/sys/firmware/efi/efivars")).unwrap();
}

#[test]
fn a_trial_is_one_where_the_firmware_keeps_no_variable_too() {
    let fake = new_version(false, Some("posternd does not run: the key cannot be opened\n"));
    without_variables(&fake);
    assert!(slots::on_trial(fake.as_ref()));
    assert_eq!(trial::run(fake.as_ref()), Outcome::Back);
    assert!(slots::on_trial(fake.as_ref()), "nothing was kept");
    // The version before has no count, whatever the other one has.
    start_plain(&fake, "0.1.0");
    assert!(!slots::on_trial(fake.as_ref()));
    assert_eq!(trial::run(fake.as_ref()), Outcome::Kept);
}

#[test]
fn what_answers_is_kept_where_the_firmware_keeps_no_variable_too() {
    let fake = new_version(false, None);
    without_variables(&fake);
    assert_eq!(trial::run(fake.as_ref()), Outcome::Kept);
    // systemd's program wants the variable.
    assert_eq!(fake.ran(), [format!("{SYSTEMCTL} start posternd-trial.service")]);
    assert!(!slots::on_trial(fake.as_ref()));
    let kernels = fake.path("/efi/EFI/Linux");
    assert!(kernels.join("postern_0.2.0.efi").exists() && !kernels.join("postern_0.2.0+0-1.efi").exists());
    assert!(!slots::last(fake.as_ref()).unwrap().failed);
    // Both are there, as a power cut in the renaming may leave them: it answered before.
    fake.put("/efi/EFI/Linux/postern_0.2.0+0-1.efi", "kernel");
    assert!(!slots::on_trial(fake.as_ref()));
}
