//! Writing into the other slot: only what was checked a moment before, and what becomes of it at the next start.

use super::*;

/// A box whose systemd-sysupdate leaves the kernel image that a real one leaves.
fn with_sysupdate(fake: &Arc<Fake>, works: bool) {
    let kernels = fake.path("/efi/EFI/Linux");
    fake.programs(move |program, arguments, _| {
        if !program.ends_with("systemd-sysupdate") {
            return None;
        }
        assert_eq!(arguments[0], "update");
        if works {
            std::fs::write(kernels.join(format!("postern_{}+1.efi", arguments[1])), "kernel").unwrap();
            return Some(Ok(Vec::new()));
        }
        Some(Err("No space left on device".to_owned()))
    });
}

fn fetched(fake: &Arc<Fake>) -> Updates {
    Release::new("0.2.0").write(&fake.path(STICK_DIR));
    let updates = Updates::new(Arc::clone(fake) as Arc<dyn Machine>);
    updates.fetch(&UpdateSource::Stick).unwrap();
    updates.wait();
    fake.ran();
    updates
}

#[test]
fn a_verified_release_is_written_and_the_box_restarts_into_it() {
    let fake = a_box();
    with_sysupdate(&fake, true);
    let updates = fetched(&fake);
    assert_eq!(updates.apply(NOW).unwrap().stage, UpdateStage::Writing);
    updates.wait();
    assert_eq!(
        fake.ran(),
        [
            "/usr/lib/systemd/systemd-sysupdate update 0.2.0",
            "/usr/bin/systemctl --no-block reboot"
        ]
    );
    let report = updates.show();
    assert_eq!(
        (report.running.as_str(), report.other.as_deref()),
        ("0.1.0", Some("0.2.0"))
    );
}

#[test]
fn nothing_is_written_that_was_not_checked_just_before() {
    let fake = a_box();
    with_sysupdate(&fake, true);
    let updates = Updates::new(Arc::clone(&fake) as Arc<dyn Machine>);
    assert!(updates.apply(NOW).unwrap_err().message.contains("fetch one first"));
    let updates = fetched(&fake);
    // Somebody or something changed the box's own copy since.
    let kernel = staging(&fake).release().join("postern_0.2.0.efi");
    std::fs::write(&kernel, "Kernel").unwrap();
    updates.apply(NOW).unwrap();
    updates.wait();
    assert!(fake.ran().is_empty());
    assert!(matches!(updates.show().stage, UpdateStage::Failed { why } if why.contains("not what was signed")));
    assert_eq!(slots::applied(fake.as_ref()), None);
}

#[test]
fn a_write_that_fails_is_said_and_the_box_stays_as_it_is() {
    let fake = a_box();
    with_sysupdate(&fake, false);
    let updates = fetched(&fake);
    updates.apply(NOW).unwrap();
    updates.wait();
    assert!(matches!(updates.show().stage, UpdateStage::Failed { why } if why.contains("No space left")));
    assert_eq!(fake.ran(), ["/usr/lib/systemd/systemd-sysupdate update 0.2.0"]);
    assert_eq!(slots::applied(fake.as_ref()), None);
    // It can be tried again.
    with_sysupdate(&fake, true);
    assert!(matches!(
        Updates::new(Arc::clone(&fake) as Arc<dyn Machine>).show().stage,
        UpdateStage::Ready { .. }
    ));
}

#[test]
fn a_version_that_is_on_trial_itself_updates_nothing() {
    let fake = a_box();
    let updates = fetched(&fake);
    trials::start_counted(&fake, "0.1.0");
    assert!(updates.apply(NOW).unwrap_err().message.contains("on trial itself"));
}
