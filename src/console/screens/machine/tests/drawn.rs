//! The machine's screens as they are drawn.

use super::*;

#[test]
fn screens() {
    snapshot("machine-names", |desk| names(desk, Role::Installer));
    snapshot("machine-line", |desk| {
        desk.open(Box::new(Line::new(Wish::Name, "box-1")), Role::Installer);
        desk.types("_");
        desk.keys(&[Key::Char('-'), Key::Enter]);
    });
    snapshot("machine-servers", |desk| {
        let zone = "UTC".to_owned();
        desk.open(Box::new(Line::new(Wish::Servers { zone }, "")), Role::Installer);
        desk.types("time.contoso.example 192.0.2.123");
    });
    snapshot("machine-zones", |desk| {
        desk.open(Box::new(Zones::of(1, some_zones(), "UTC")), Role::Installer);
        desk.types("vie");
    });
    snapshot("machine-clock", |desk| {
        desk.open(Box::new(SetClock::new()), Role::Installer);
        desk.keys(&[Key::Enter]);
        desk.types("14:06");
    });
    snapshot("machine-power", |desk| {
        desk.open(Box::new(Power::new()), Role::Installer)
    });
    snapshot("machine-restart", |desk| {
        desk.open(Box::new(Power::new()), Role::Installer);
        desk.keys(&[Key::Char('r')]);
    });
    snapshot("machine-reset", |desk| {
        desk.open(Box::new(Power::new()), Role::Installer);
        desk.keys(&[Key::Char('f')]);
        desk.types("box-1");
        desk.keys(&[Key::Enter]);
    });
    snapshot("machine-stick", |desk| {
        desk.open(Box::new(Sticks::new()), Role::Helpdesk);
        answer(desk, lists, sticks(Some("sda1")));
    });
    snapshot("machine-stick-released", |desk| {
        desk.open(Box::new(Sticks::new()), Role::Helpdesk);
        answer(desk, lists, sticks(Some("sda1")));
        desk.keys(&[Key::Enter]);
        answer(desk, |ask| *ask == HostRequest::StickRelease, sticks(None));
    });
    snapshot("machine-recovery", |desk| {
        desk.open(Box::new(Recovery::new()), Role::Installer);
        answer(desk, lists, sticks(None));
        let recovery = true;
        answer(desk, shows, said(HostReport { recovery, ..report() }));
    });
    snapshot("machine-recovery-sure", |desk| {
        desk.open(Box::new(Recovery::new()), Role::Installer);
        answer(desk, lists, sticks(None));
        desk.keys(&[Key::Enter]);
    });
    for (name, stage) in [
        ("machine-update", UpdateStage::Idle),
        ("machine-update-fetching", UpdateStage::Fetching { percent: 41 }),
        ("machine-update-ready", ready("0.2.0")),
        (
            "machine-update-failed",
            UpdateStage::Failed {
                why: "the signature is not that of the keys in this image: fetch the release again".to_owned(),
            },
        ),
    ] {
        snapshot(name, |desk| {
            desk.open(Box::new(Update::new()), Role::Installer);
            answer(desk, update_shows, update(stage.clone()));
        });
    }
    snapshot("machine-update-sure", |desk| {
        desk.open(Box::new(Update::new()), Role::Installer);
        answer(desk, update_shows, update(ready("0.2.0")));
        desk.keys(&[Key::Char('a')]);
    });
    snapshot("machine-update-notes", |desk| {
        desk.open(Box::new(Update::new()), Role::Installer);
        answer(desk, update_shows, update(ready("0.2.0")));
        desk.keys(&[Key::Char('n')]);
    });
    snapshot("machine-ssh", |desk| {
        desk.open(Box::new(Ssh::new()), Role::Installer);
        let ssh = vec![format!("{PRINT} anna@desk"), format!("{PRINT} berta")];
        answer(desk, shows, said(HostReport { ssh, ..report() }));
    });
    snapshot("machine-ssh-off", |desk| {
        desk.open(Box::new(Ssh::new()), Role::Installer);
        answer(desk, shows, said(report()));
    });
}
