//! Time zone, time servers, and the clock set by hand. In: words of an operator; out: a link and a drop-in under `/run`, the kernel's
//! clock, and through systemd-timedated the hardware clock. Whether a clock is trusted is not decided here (R19).

use std::io;
use std::time::Duration;

use super::exec::Machine;
use super::files;
use super::network::SYSTEMCTL;
use super::settings::Settings;
use crate::store::records::Timestamp;
use crate::text::shown;

const ZONES: &str = "/usr/share/zoneinfo";
/// `/etc/localtime` leads here.
const LOCALTIME: &str = "/run/postern-host/localtime";
const TIMESYNCD: &str = "/run/systemd/timesyncd.conf.d/postern.conf";
const UNIT: &str = "systemd-timesyncd.service";
/// timesyncd takes the time of this file for the least that can be, at each of its starts.
const NEWEST: &str = "/var/lib/systemd/timesync/clock";
const BUSCTL: &str = "/usr/bin/busctl";
/// Most time servers.
pub const SERVERS_MAX: usize = 8;
/// 2100-01-01: no clock that an operator sets shows more.
const CEILING: Timestamp = Timestamp(4_102_444_800_000);

/// A time zone that is there.
///
/// # Errors
/// One line.
pub fn zone(machine: &dyn Machine, name: &str) -> Result<(), String> {
    let letters = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'+' | b'/');
    let spelt = !name.is_empty() && name.len() <= 64 && name.bytes().all(letters);
    let parts = name.split('/').all(|part| !part.is_empty());
    let file = machine.path(ZONES).join(name);
    let there = spelt && parts && std::fs::read(&file).is_ok_and(|bytes| bytes.starts_with(b"TZif"));
    if there {
        return Ok(());
    }
    Err(format!(
        "there is no time zone {}: name one as in the tz database, such as Europe/Vienna or UTC",
        shown(name)
    ))
}

/// Time servers that can be.
///
/// # Errors
/// One line.
pub fn servers(names: &[String]) -> Result<(), String> {
    if names.len() > SERVERS_MAX {
        return Err(format!(
            "there are more than {SERVERS_MAX} time servers: leave some out"
        ));
    }
    let fits = |name: &&String| name.parse::<std::net::IpAddr>().is_ok() || super::name::domain(name);
    match names.iter().find(|name| !fits(name)) {
        Some(bad) => Err(format!(
            "{} is no time server: name a host or an address, such as ntp.contoso.example",
            shown(bad)
        )),
        None => Ok(()),
    }
}

/// Writes link and drop-in, for a system that has not come so far.
///
/// # Errors
/// What the system said.
pub fn write(machine: &dyn Machine, settings: &Settings) -> io::Result<()> {
    let link = machine.path(LOCALTIME);
    let beside = link.with_extension("new");
    files::remove(&beside)?;
    if let Some(folder) = link.parent() {
        std::fs::create_dir_all(folder)?;
    }
    std::os::unix::fs::symlink(format!("{ZONES}/{}", settings.zone()), &beside)?;
    std::fs::rename(&beside, &link)?;
    let drop_in = machine.path(TIMESYNCD);
    match settings.servers.as_slice() {
        [] => files::remove(&drop_in),
        some => {
            // Where an operator has named servers, no others are asked.
            let text = format!("[Time]\nNTP={}\nFallbackNTP=\n", some.join(" "));
            files::write(&drop_in, text.as_bytes(), files::PUBLIC)
        }
    }
}

/// As [`write`], and timesyncd takes it over.
///
/// # Errors
/// One line.
pub fn apply(machine: &dyn Machine, settings: &Settings) -> Result<(), String> {
    write(machine, settings).map_err(|error| format!("the time settings under /run could not be written: {error}"))?;
    let restart = ["--no-block", "try-restart", UNIT];
    machine
        .run(SYSTEMCTL, &restart, b"")
        .map_err(|error| error.to_string())?;
    Ok(())
}

/// Sets the clock. What could not be done to the hardware clock comes back as one line.
///
/// # Errors
/// One line: not a time, or the kernel refused.
pub fn set_clock(machine: &dyn Machine, at: Timestamp) -> Result<Option<String>, String> {
    if at < crate::clock::FLOOR || at >= CEILING {
        return Err("the clock can be set from 2026 to 2099: look at the year".to_owned());
    }
    // timesyncd would set it back to what it saw last, and timedated sets no clock while it runs.
    let ran = machine.run(SYSTEMCTL, &["is-active", "--quiet", UNIT], b"").is_ok();
    if ran {
        let _ = machine.run(SYSTEMCTL, &["stop", UNIT], b"");
    }
    let set = machine.set_clock(at);
    if set.is_ok()
        && let Ok(file) = std::fs::File::open(machine.path(NEWEST))
        && let Some(newest) = std::time::UNIX_EPOCH.checked_add(Duration::from_millis(at.0))
    {
        let _ = file.set_modified(newest);
    }
    // A microsecond more than now: timedated then writes the hardware clock too, which takes an ioctl.
    let object = [
        "org.freedesktop.timedate1",
        "/org/freedesktop/timedate1",
        "org.freedesktop.timedate1",
    ];
    let call = ["SetTime", "xbb", "1", "true", "false"];
    let hardware = machine.run(BUSCTL, &[["call"].as_slice(), &object, &call].concat(), b"");
    if ran {
        let _ = machine.run(SYSTEMCTL, &["--no-block", "start", UNIT], b"");
    }
    set.map_err(|error| format!("the clock could not be set: {error}"))?;
    Ok(hardware.err().map(|error| error.to_string()))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
mod tests {
    use super::*;
    use crate::host::testing::Fake;

    #[test]
    fn only_zones_that_are_there_are_taken() {
        let fake = Fake::new();
        fake.put("/usr/share/zoneinfo/tzdata.zi", "# version");
        fake.put("/usr/share/secret", "TZif");
        for (name, fits) in [
            ("Europe/Vienna", true),
            ("UTC", true),
            ("Europe", false),
            ("Europe/", false),
            ("/etc/passwd", false),
            ("../secret", false),
            ("tzdata.zi", false),
            ("", false),
            ("Mars/Base", false),
        ] {
            assert_eq!(zone(&fake, name).is_ok(), fits, "{name}");
        }
    }

    #[test]
    fn time_servers_are_hosts_or_addresses() {
        let check = |names: &[&str]| servers(&names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>());
        check(&["ntp.contoso.example", "192.0.2.1", "2001:db8::1"]).unwrap();
        for bad in ["", "a b", "x\nNTP=evil", "-x", "a..b", "https://x"] {
            assert!(check(&[bad]).is_err(), "{bad}");
        }
        assert!(check(&["a"; 9]).is_err());
    }

    #[test]
    fn zone_and_servers_stand_under_run() {
        let fake = Fake::new();
        let mut settings = Settings {
            zone: "Europe/Vienna".to_owned(),
            servers: vec!["ntp.contoso.example".to_owned(), "192.0.2.1".to_owned()],
            ..Settings::default()
        };
        apply(&fake, &settings).unwrap();
        let link = std::fs::read_link(fake.path(LOCALTIME)).unwrap();
        assert_eq!(link.to_str().unwrap(), "/usr/share/zoneinfo/Europe/Vienna");
        assert_eq!(
            fake.get(TIMESYNCD),
            "[Time]\nNTP=ntp.contoso.example 192.0.2.1\nFallbackNTP=\n"
        );
        settings = Settings::default();
        apply(&fake, &settings).unwrap();
        assert!(!fake.path(TIMESYNCD).exists());
        let link = std::fs::read_link(fake.path(LOCALTIME)).unwrap();
        assert_eq!(link.to_str().unwrap(), "/usr/share/zoneinfo/UTC");
    }

    #[test]
    fn r19_a_clock_set_by_hand_is_not_set_back() {
        let fake = Fake::new();
        fake.put(NEWEST, "");
        let at = Timestamp(1_772_361_064_000);
        assert_eq!(set_clock(&fake, at), Ok(None));
        let ran = fake.ran();
        let place = |word: &str| ran.iter().position(|line| line.contains(word)).unwrap();
        assert!(
            place("stop systemd-timesyncd") < place("clock_settime 1772361064000"),
            "{ran:?}"
        );
        assert!(place("clock_settime") < place("SetTime xbb 1 true false"), "{ran:?}");
        assert!(place("SetTime") < place("start systemd-timesyncd"), "{ran:?}");
        let newest = std::fs::metadata(fake.path(NEWEST)).unwrap().modified().unwrap();
        let newest = newest.duration_since(std::time::UNIX_EPOCH).unwrap();
        assert_eq!(newest.as_millis(), u128::from(at.0));
        // The hardware clock is told apart: the kernel's is set all the same.
        fake.programs(|program, _, _| (program == BUSCTL).then(|| Err("no RTC".to_owned())));
        assert!(set_clock(&fake, at).unwrap().unwrap().contains("no RTC"));
        for bad in [Timestamp(0), CEILING] {
            assert!(set_clock(&fake, bad).is_err());
        }
    }
}
