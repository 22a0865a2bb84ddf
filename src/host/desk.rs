//! What postern-host does with what it is asked: one question after the other. In: an [`Ask`] from posternd, which has checked the
//! operator's right and put it on record; out: an answer, the settings kept, the machine as they say. A network change stands on trial:
//! unless it is confirmed in time, the one before comes back by itself, also when this program or the box starts anew.

use std::sync::Arc;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use sha2::{Digest, Sha256};

use super::exec::Machine;
use super::network::{self, SYSTEMCTL, check};
use super::ops::{Ask, Firewall, HostAnswer, HostReport, HostRequest, NetworkSettings, REVERT_SECONDS, Seal};
use super::settings::{self, Settings};
use super::update::{Updates, slots};
use super::{boot, files, firewall, recovery, reset, stick, troubles};
use crate::control::check::machine as typed;
use crate::control::ops::Failure;
use crate::store::records::Timestamp;

/// SSH's keys, for sshd.
const KEYS: &str = "/run/postern-host/ssh/authorized_keys";
/// What the firewall lets in now: kept over a restart of this program, not of the box.
const FIREWALL: &str = "/run/postern-host/firewall.json";
/// A network on trial stands under `/run`.
const TRIAL: &str = "/run/postern-host/network-trial";
const SSH_UNIT: &str = "postern-ssh.service";
const TIMESYNCD_UNIT: &str = "systemd-timesyncd.service";
const HWCLOCK: &str = "/usr/sbin/hwclock";
/// 2026-01-01: no clock that shows less is right.
const FLOOR: Timestamp = crate::clock::FLOOR;

/// The desk: one for the program.
pub struct Desk {
    machine: Arc<dyn Machine>,
    settings: Settings,
    /// Why the settings may not be written.
    locked: Option<String>,
    trial: Option<Trial>,
    firewall: Firewall,
    updates: Updates,
}

/// A network that nobody has confirmed.
struct Trial {
    network: NetworkSettings,
    until: Instant,
}

type Answered = Result<HostAnswer, Failure>;

fn failed(what: &str, error: impl std::fmt::Display) -> Failure {
    Failure::failed(format!("{what}: {error}"))
}

/// Writes the keys where sshd reads them; none: the file goes.
///
/// # Errors
/// What the system said.
pub(super) fn write_keys(machine: &dyn Machine, keys: &[String]) -> std::io::Result<()> {
    let path = machine.path(KEYS);
    if keys.is_empty() {
        return files::remove(&path);
    }
    files::write(&path, format!("{}\n", keys.join("\n")).as_bytes(), files::PUBLIC)
}

/// How people tell keys apart: SHA-256 of the key, as `ssh-keygen -l` shows it, and its comment.
fn fingerprint(line: &str) -> String {
    let mut parts = line.split_ascii_whitespace();
    let kind = parts.next().unwrap_or_default();
    let key = STANDARD.decode(parts.next().unwrap_or_default()).unwrap_or_default();
    let hash = STANDARD_NO_PAD.encode(Sha256::digest(key));
    let comment = parts.collect::<Vec<_>>().join(" ");
    format!("SHA256:{hash} {kind} {comment}").trim_end().to_owned()
}

impl Desk {
    /// As the machine was left; a network on trial from before goes back.
    pub fn new(machine: Arc<dyn Machine>) -> Self {
        let loaded = settings::load(machine.as_ref());
        let kept = std::fs::read(machine.path(FIREWALL)).unwrap_or_default();
        let desk = Self {
            updates: Updates::new(Arc::clone(&machine)),
            settings: loaded.settings,
            locked: loaded.locked,
            trial: None,
            firewall: serde_json::from_slice(&kept).unwrap_or_default(),
            machine,
        };
        if desk.machine.path(TRIAL).exists() {
            tracing::warn!("a network on trial that nobody confirmed is taken back");
            desk.put_network_back();
        }
        desk
    }

    /// When something is to be done without being asked.
    pub fn due(&self) -> Option<Instant> {
        self.trial.as_ref().map(|trial| trial.until)
    }

    /// Does it, if it is time.
    pub fn tick(&mut self, now: Instant) {
        if self.trial.as_ref().is_some_and(|trial| trial.until <= now) {
            tracing::warn!("nobody confirmed the new network within {REVERT_SECONDS} s: it is taken back");
            self.revert();
        }
    }

    /// Waits for what is under way, before the program ends.
    pub fn finish(&self) {
        self.updates.wait();
    }

    /// Answers; `now` is the machine's clock, `at` the monotonic one.
    pub fn ask(&mut self, ask: Ask, now: Timestamp, at: Instant) -> Answered {
        match ask {
            Ask::Firewall(firewall) => self.set_firewall(firewall),
            Ask::Operator(request) => self.operator(request, now, at),
        }
    }

    fn operator(&mut self, request: HostRequest, now: Timestamp, at: Instant) -> Answered {
        let machine = Arc::clone(&self.machine);
        let machine = machine.as_ref();
        match request {
            HostRequest::Show => Ok(self.report(at)),
            HostRequest::NetworkSet(network) => self.try_network(network, at),
            HostRequest::NetworkConfirm => self.confirm(at),
            HostRequest::NetworkRevert => {
                if self.trial.is_none() {
                    return Err(Failure::refused(
                        "no new network is on trial: there is nothing to take back",
                    ));
                }
                self.revert();
                Ok(self.report(at))
            }
            HostRequest::NameSet { name } => {
                let name = typed::host_name(&name).map_err(Failure::usage)?;
                self.save(|own| own.name.clone_from(&name))?;
                machine
                    .set_name(&name)
                    .map_err(|error| failed("the name is kept, but the kernel did not take it", error))?;
                Ok(self.report(at))
            }
            HostRequest::TimeSet { zone, servers } => self.set_time(&zone, &servers, at),
            HostRequest::ClockSet { at: time } => self.set_clock(time, at),
            HostRequest::SshSet { keys } => self.set_keys(&keys, at),
            HostRequest::Reboot => self.power("reboot", "the box restarts"),
            HostRequest::PowerOff => self.power("poweroff", "the box switches itself off"),
            HostRequest::FactoryReset { .. } => reset::ask(machine, now),
            HostRequest::Sticks => stick::list(machine).map(HostAnswer::Sticks),
            HostRequest::StickMount { id } => stick::mount(machine, &id).map(HostAnswer::Sticks),
            HostRequest::StickRelease => {
                if self.updates.reads_stick() {
                    return Err(Failure::refused(
                        "an update is read from the stick just now: wait, or drop it",
                    ));
                }
                stick::release(machine).map(HostAnswer::Sticks)
            }
            HostRequest::RecoveryPrepare { id } => recovery::prepare(machine, &id, now).map(HostAnswer::Sticks),
            HostRequest::UpdateShow => Ok(HostAnswer::Update(self.updates.show())),
            HostRequest::UpdateFetch(source) => self.updates.fetch(&source).map(HostAnswer::Update),
            HostRequest::UpdateApply => self.updates.apply(now).map(HostAnswer::Update),
            HostRequest::UpdateDrop => self.updates.forget().map(HostAnswer::Update),
        }
    }

    fn report(&self, at: Instant) -> HostAnswer {
        let machine = self.machine.as_ref();
        let own = &self.settings;
        let sealed = files::read(machine, "/run/postern-host/var");
        let network = self.trial.as_ref().map_or(&own.network, |trial| &trial.network);
        HostAnswer::Report(Box::new(HostReport {
            name: own.name().to_owned(),
            version: slots::running_text(machine),
            network: network.clone(),
            reverts_in: self.trial.as_ref().map(|trial| {
                let left = trial.until.saturating_duration_since(at);
                u32::try_from(left.as_secs()).unwrap_or(REVERT_SECONDS)
            }),
            interfaces: network::interfaces(machine),
            zone: own.zone().to_owned(),
            servers: own.servers.clone(),
            // What was taken has no character that cannot be shown (`typed::ssh_key`).
            ssh: own.ssh.iter().map(|line| fingerprint(line)).collect(),
            seal: if sealed == "tpm" { Seal::Tpm } else { Seal::Machine },
            recovery: recovery::is_prepared(machine),
            troubles: troubles::list(machine),
        }))
    }

    /// Keeps changed settings on the disk, or leaves all as it was.
    fn save(&mut self, change: impl FnOnce(&mut Settings)) -> Result<(), Failure> {
        if let Some(why) = &self.locked {
            return Err(Failure::refused(why.clone()));
        }
        let mut new = self.settings.clone();
        change(&mut new);
        settings::save(self.machine.as_ref(), &new)
            .map_err(|error| failed("nothing was changed, since the disk did not take it", error))?;
        self.settings = new;
        Ok(())
    }

    fn own_servers(&self) -> bool {
        !self.settings.servers.is_empty()
    }

    fn try_network(&mut self, network: NetworkSettings, at: Instant) -> Answered {
        let machine = self.machine.as_ref();
        if let Some(why) = &self.locked {
            return Err(Failure::refused(why.clone()));
        }
        check::check(&network, &network::interfaces(machine)).map_err(Failure::usage)?;
        // Written first: whatever happens from here on, the network from before comes back.
        let noted = files::write(&machine.path(TRIAL), b"", files::PUBLIC);
        noted.map_err(|error| failed("nothing was changed", error))?;
        let applied = network::apply(machine, &network, self.own_servers());
        self.trial = Some(Trial {
            network,
            until: at + Duration::from_secs(u64::from(REVERT_SECONDS)),
        });
        if let Err(error) = applied {
            self.revert();
            return Err(failed(
                "the new network was not taken, and the one before is back",
                error,
            ));
        }
        Ok(self.report(at))
    }

    fn confirm(&mut self, at: Instant) -> Answered {
        let Some(trial) = self.trial.take() else {
            return Err(Failure::refused(
                "no new network is on trial: it was taken back, or confirmed already",
            ));
        };
        let network = trial.network.clone();
        if let Err(failure) = self.save(|own| own.network = network) {
            self.trial = Some(trial);
            return Err(failure);
        }
        let _ = files::remove(&self.machine.path(TRIAL));
        Ok(self.report(at))
    }

    fn revert(&mut self) {
        self.trial = None;
        self.put_network_back();
    }

    fn put_network_back(&self) {
        let machine = self.machine.as_ref();
        match network::apply(machine, &self.settings.network, self.own_servers()) {
            Ok(()) => {
                let _ = files::remove(&machine.path(TRIAL));
            }
            Err(error) => tracing::error!(%error, "the network from before could not be put back"),
        }
    }

    fn set_time(&mut self, zone: &str, servers: &[String], at: Instant) -> Answered {
        let machine = Arc::clone(&self.machine);
        let plain = |part: &str| {
            !part.is_empty()
                && !part.starts_with('.')
                && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"_+-".contains(&b))
        };
        let known = zone.len() <= 64
            && zone.split('/').all(plain)
            && machine.path(&format!("/usr/share/zoneinfo/{zone}")).is_file();
        if !known {
            return Err(Failure::usage(format!(
                "{} is no time zone of the tz database: write it as Europe/Vienna",
                crate::text::shown(zone)
            )));
        }
        let servers = typed::time_servers(&servers.join(" ")).map_err(Failure::usage)?;
        self.save(|own| {
            zone.clone_into(&mut own.zone);
            own.servers = servers;
        })?;
        let kept = "the settings are kept, but the box takes them over at its next start only";
        boot::zone(machine.as_ref(), zone)
            .and_then(|()| boot::servers(machine.as_ref(), &self.settings))
            .map_err(|error| failed(kept, error))?;
        // Whether DHCP's time servers count stands in networkd's files.
        if self.trial.is_none() {
            network::apply(machine.as_ref(), &self.settings.network, self.own_servers())
                .map_err(|error| failed(kept, error))?;
        }
        let restarted = machine.run(SYSTEMCTL, &["--no-block", "try-restart", TIMESYNCD_UNIT], b"");
        restarted.map_err(|error| failed(kept, error))?;
        Ok(self.report(at))
    }

    fn set_clock(&self, time: Timestamp, at: Instant) -> Answered {
        if time < FLOOR {
            return Err(Failure::usage("no clock before 2026 is right: give the time of today"));
        }
        let machine = self.machine.as_ref();
        machine
            .set_clock(time)
            .map_err(|error| failed("the clock was not set", error))?;
        // A box with a battery keeps it over the next power cut; one without has no hardware clock to write.
        if machine.path(HWCLOCK).exists()
            && let Err(error) = machine.run(HWCLOCK, &["--systohc", "--utc"], b"")
        {
            tracing::warn!(%error, "the hardware clock was not set");
        }
        Ok(self.report(at))
    }

    fn set_keys(&mut self, keys: &[String], at: Instant) -> Answered {
        if keys.len() > typed::SSH_KEYS_MAX {
            return Err(Failure::usage(format!("{} SSH keys are the most", typed::SSH_KEYS_MAX)));
        }
        let understood = |key: &String| self.kept(key).map_or_else(|| typed::ssh_key(key), Ok);
        let keys: Result<Vec<String>, String> = keys.iter().map(understood).collect();
        let keys = keys.map_err(Failure::usage)?;
        let on = !keys.is_empty();
        self.save(|own| own.ssh = keys)?;
        let machine = self.machine.as_ref();
        let kept = "the keys are kept, but SSH takes them over at the box's next start only";
        write_keys(machine, &self.settings.ssh).map_err(|error| failed(kept, error))?;
        firewall::apply(machine, &self.firewall, on).map_err(|error| failed(kept, error))?;
        let verb = if on { "start" } else { "stop" };
        machine
            .run(SYSTEMCTL, &["--no-block", verb, SSH_UNIT], b"")
            .map_err(|error| failed(kept, error))?;
        Ok(self.report(at))
    }

    /// The key that is set and has this fingerprint: so that one more is added by somebody who knows the others by it alone.
    fn kept(&self, print: &str) -> Option<String> {
        let mut own = self.settings.ssh.iter();
        let kept = own.find(|line| fingerprint(line).split(' ').next() == Some(print.trim()));
        kept.cloned()
    }

    fn set_firewall(&mut self, new: Firewall) -> Answered {
        if new.clients.len() > firewall::CLIENTS_MAX || new.ports.len() > firewall::PORTS_MAX {
            return Err(Failure::usage("more clients or ports than the firewall takes"));
        }
        let machine = self.machine.as_ref();
        firewall::apply(machine, &new, !self.settings.ssh.is_empty())
            .map_err(|error| failed("the firewall is as it was", error))?;
        let text = serde_json::to_vec(&new).unwrap_or_default();
        if let Err(error) = files::write(&machine.path(FIREWALL), &text, files::PRIVATE) {
            tracing::warn!(%error, "the firewall's clients could not be noted");
        }
        self.firewall = new;
        troubles::clear(machine, "firewall");
        let done = "the firewall knows the clients".to_owned();
        Ok(HostAnswer::Done { done })
    }

    fn power(&self, verb: &str, done: &str) -> Answered {
        self.machine
            .run(SYSTEMCTL, &["--no-block", verb], b"")
            .map_err(|error| failed("it was not done", error))?;
        Ok(HostAnswer::Done { done: done.to_owned() })
    }
}

#[cfg(test)]
mod tests;
