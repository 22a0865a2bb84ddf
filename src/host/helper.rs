//! What is asked, done: one thing at a time. In: an [`Ask`] that the server let through, and the monotonic clock; out: an answer or one
//! line. New settings are looked at first, then applied, then kept on the disk; a new network is on trial until an operator says that
//! it stays, and goes back by itself.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::exec::Machine;
use super::network::{self, SYSTEMCTL, check};
use super::ops::{Ask, Firewall, HostAnswer, HostReport, HostRequest, NetworkSettings, REVERT_SECONDS, Seal};
use super::settings::{self, Loaded, Settings};
use super::troubles::trouble;
use super::update::{Updates, slots};
use super::{files, firewall, name, recovery, reset, ssh, stick, times, troubles};
use crate::control::ops::Failure;

/// There while a network is on trial, so that a restarted helper takes it back.
const TRIAL: &str = "/run/postern-host/trial";
/// What the initrd found of /var: `tpm`, `plain` or `lost`.
const VAR: &str = "/run/postern-host/var";

/// A network that could not be put back is tried again after this.
const AGAIN: Duration = Duration::from_secs(10);

/// What is done once the answer is on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum After {
    /// Restarts the box.
    Reboot,
    /// Switches it off.
    PowerOff,
}

struct Trial {
    network: NetworkSettings,
    until: Instant,
}

/// The machine and how it is set.
pub struct Helper {
    machine: Arc<dyn Machine>,
    settings: Settings,
    locked: Option<String>,
    trial: Option<Trial>,
    /// When a network that could not be put back is tried again.
    again: Option<Instant>,
    firewall: Firewall,
    updates: Updates,
}

impl Helper {
    /// Reads the settings. A trial that was under way when the helper ended is over: the network goes back.
    pub fn open(machine: Arc<dyn Machine>) -> Self {
        let Loaded {
            settings,
            trouble,
            locked,
        } = settings::load(&*machine);
        if let Some(trouble) = trouble {
            troubles::raise(&*machine, trouble);
        }
        let helper = Self {
            firewall: firewall::last(&*machine),
            updates: Updates::new(Arc::clone(&machine)),
            machine,
            settings,
            locked,
            trial: None,
            again: None,
        };
        if helper.machine.path(TRIAL).exists() {
            tracing::warn!("a network was on trial when postern-host ended: it is taken back");
            helper.put_back();
        }
        helper
    }

    /// When [`Helper::tick`] has something to do.
    pub fn next(&self) -> Option<Instant> {
        self.trial.as_ref().map(|trial| trial.until).or(self.again)
    }

    /// Takes back a network that nobody has confirmed in time.
    pub fn tick(&mut self, now: Instant) {
        if self.trial.as_ref().is_some_and(|trial| trial.until <= now) {
            tracing::warn!("nobody confirmed the new network: it is taken back");
            self.trial = None;
            self.again = Some(now);
        }
        // However it came that it could not be put back.
        if self.trial.is_none() && self.again.is_none() && self.machine.path(TRIAL).exists() {
            self.again = Some(now + AGAIN);
        }
        if self.trial.is_none() && self.again.is_some_and(|again| again <= now) {
            self.put_back();
            // networkd may be starting anew just now: whoever cut himself off cannot ask again.
            self.again = self.machine.path(TRIAL).exists().then(|| now + AGAIN);
        }
    }

    /// Does it.
    ///
    /// # Errors
    /// One line: what is wrong and what to do.
    pub fn ask(&mut self, ask: Ask, now: Instant) -> Result<(HostAnswer, Option<After>), Failure> {
        match ask {
            Ask::Firewall(firewall) => self.set_firewall(firewall).map(|answer| (answer, None)),
            Ask::Operator(HostRequest::Reboot) => Ok((done("the box restarts"), Some(After::Reboot))),
            Ask::Operator(HostRequest::PowerOff) => Ok((done("the box switches itself off"), Some(After::PowerOff))),
            Ask::Operator(request) => self.operator(request, now).map(|answer| (answer, None)),
        }
    }

    /// What was put off until the answer was on its way.
    pub fn after(&self, after: After) {
        let word = match after {
            After::Reboot => "reboot",
            After::PowerOff => "poweroff",
        };
        if let Err(error) = self.machine.run(SYSTEMCTL, &["--no-block", word], b"") {
            tracing::error!(%error, "the box does not {word}");
        }
    }

    fn operator(&mut self, request: HostRequest, now: Instant) -> Result<HostAnswer, Failure> {
        match request {
            HostRequest::Show => {}
            HostRequest::NetworkSet(network) => self.network_set(network, now)?,
            HostRequest::NetworkConfirm => self.network_confirm()?,
            HostRequest::NetworkRevert => {
                self.trial.take().ok_or_else(no_trial)?;
                self.put_back();
            }
            HostRequest::NameSet { name } => self.name_set(name)?,
            HostRequest::TimeSet { zone, servers } => self.time_set(zone, servers)?,
            HostRequest::ClockSet { at } => match times::set_clock(&*self.machine, at).map_err(Failure::failed)? {
                None => troubles::clear(&*self.machine, "rtc"),
                Some(why) => troubles::raise(
                    &*self.machine,
                    trouble(
                        "rtc",
                        format!("The hardware clock could not be set ({why}): the time is lost when the power is."),
                        "Name a time server that the box reaches.",
                    ),
                ),
            },
            HostRequest::SshSet { keys } => self.ssh_set(&keys)?,
            HostRequest::FactoryReset { .. } => return reset::ask(&*self.machine, crate::clock::wall()),
            HostRequest::Sticks => return stick::list(&*self.machine).map(HostAnswer::Sticks),
            HostRequest::StickMount { .. } | HostRequest::StickRelease | HostRequest::RecoveryPrepare { .. }
                if self.updates.reads_stick() =>
            {
                return Err(Failure::refused(
                    "an update is read from the stick just now: wait, or drop it",
                ));
            }
            HostRequest::StickMount { id } => return stick::mount(&*self.machine, &id).map(HostAnswer::Sticks),
            HostRequest::StickRelease => return stick::release(&*self.machine).map(HostAnswer::Sticks),
            HostRequest::RecoveryPrepare { id } => {
                return recovery::prepare(&*self.machine, &id, crate::clock::wall()).map(HostAnswer::Sticks);
            }
            HostRequest::UpdateShow => return Ok(HostAnswer::Update(self.updates.show())),
            HostRequest::UpdateFetch(source) => return self.updates.fetch(&source).map(HostAnswer::Update),
            HostRequest::UpdateApply => return self.updates.apply(crate::clock::wall()).map(HostAnswer::Update),
            HostRequest::UpdateDrop => return self.updates.forget().map(HostAnswer::Update),
            // Put off until their answers are on their way.
            HostRequest::Reboot | HostRequest::PowerOff => {}
        }
        Ok(HostAnswer::Report(Box::new(self.report(now))))
    }

    /// Settings that cannot be kept are not changed.
    fn changeable(&self) -> Result<(), Failure> {
        self.locked.clone().map_or(Ok(()), |why| Err(Failure::refused(why)))
    }

    /// Keeps new settings on the disk.
    fn keep(&mut self, new: Settings) -> Result<(), Failure> {
        settings::save(&*self.machine, &new).map_err(|error| {
            Failure::failed(format!(
                "the settings could not be written ({error}): make room on the disk, then try again; it is as it was before"
            ))
        })?;
        troubles::clear(&*self.machine, "settings-lost");
        self.settings = new;
        Ok(())
    }

    fn network_set(&mut self, network: NetworkSettings, now: Instant) -> Result<(), Failure> {
        self.changeable()?;
        check::check(&network, &network::interfaces(&*self.machine)).map_err(Failure::usage)?;
        // The mark first: whatever happens from here on, the network goes back unless it is confirmed.
        files::write(&self.machine.path(TRIAL), b"", files::PRIVATE)
            .map_err(|error| Failure::failed(format!("the trial could not be noted under /run: {error}")))?;
        if let Err(error) = network::apply(&*self.machine, &network, self.own_servers()) {
            self.trial = None;
            self.put_back();
            return Err(Failure::failed(format!("the network was not changed: {error}")));
        }
        self.trial = Some(Trial {
            network,
            until: now + Duration::from_secs(REVERT_SECONDS.into()),
        });
        Ok(())
    }

    fn network_confirm(&mut self) -> Result<(), Failure> {
        let trial = self.trial.as_ref().ok_or_else(no_trial)?;
        let new = Settings {
            network: trial.network.clone(),
            ..self.settings.clone()
        };
        self.keep(new)?;
        self.trial = None;
        self.unmark();
        Ok(())
    }

    /// The network as it was before the trial.
    fn put_back(&self) {
        match network::apply(&*self.machine, &self.settings.network, self.own_servers()) {
            Ok(()) => {
                troubles::clear(&*self.machine, "network");
                self.unmark();
            }
            // The mark stays: the next start of the helper tries again.
            Err(error) => troubles::raise(
                &*self.machine,
                trouble(
                    "network",
                    format!("The old network could not be put back: {error}."),
                    "Restart the box.",
                ),
            ),
        }
    }

    fn unmark(&self) {
        if let Err(error) = files::remove(&self.machine.path(TRIAL)) {
            tracing::error!(%error, "{TRIAL} could not be removed");
        }
    }

    fn own_servers(&self) -> bool {
        !self.settings.servers.is_empty()
    }

    fn name_set(&mut self, name: String) -> Result<(), Failure> {
        self.changeable()?;
        name::check(&name).map_err(Failure::usage)?;
        let old = self.settings.name().to_owned();
        let set = |name: &str| self.machine.set_name(name);
        set(&name).map_err(|error| Failure::failed(format!("the kernel did not take the name: {error}")))?;
        let new = Settings {
            name,
            ..self.settings.clone()
        };
        let kept = self.keep(new);
        if kept.is_err() {
            let _ = self.machine.set_name(&old);
        }
        kept
    }

    fn time_set(&mut self, zone: String, servers: Vec<String>) -> Result<(), Failure> {
        self.changeable()?;
        times::zone(&*self.machine, &zone).map_err(Failure::usage)?;
        times::servers(&servers).map_err(Failure::usage)?;
        let new = Settings {
            zone,
            servers,
            ..self.settings.clone()
        };
        let before = self.own_servers();
        let old = std::mem::replace(&mut self.settings, new.clone());
        if let Err(failure) = self.keep(new) {
            self.settings = old;
            return Err(failure);
        }
        times::apply(&*self.machine, &self.settings).map_err(Failure::failed)?;
        // DHCP's time servers are taken or not by the network's files.
        if before != self.own_servers() {
            let network = self
                .trial
                .as_ref()
                .map_or(&self.settings.network, |trial| &trial.network);
            network::apply(&*self.machine, network, self.own_servers())
                .map_err(|error| Failure::failed(error.to_string()))?;
        }
        Ok(())
    }

    fn ssh_set(&mut self, lines: &[String]) -> Result<(), Failure> {
        self.changeable()?;
        // A fingerprint keeps its key: who adds one knows the others by it alone.
        let kept = |line: &String| ssh::kept(line, &self.settings.ssh).unwrap_or_else(|| line.clone());
        let lines: Vec<String> = lines.iter().map(kept).collect();
        let keys = ssh::keys(&lines).map_err(Failure::usage)?;
        let keys: Vec<String> = keys.into_iter().map(|key| key.line).collect();
        self.keep(Settings {
            ssh: keys.clone(),
            ..self.settings.clone()
        })?;
        let unlike = |error: String| {
            Failure::failed(format!(
                "the keys are kept, but SSH does not follow them yet ({error}): restart the box"
            ))
        };
        // The keys first: one that was taken away must not go on because of the firewall.
        let applied = ssh::apply(&*self.machine, &keys).map_err(unlike);
        let walled = firewall::load(&*self.machine, &self.firewall, !keys.is_empty());
        applied.and(walled.map_err(|error| unlike(error.to_string())))
    }

    fn set_firewall(&mut self, firewall: Firewall) -> Result<HostAnswer, Failure> {
        firewall::check(&firewall).map_err(Failure::usage)?;
        let loaded = firewall::load(&*self.machine, &firewall, !self.settings.ssh.is_empty());
        loaded.map_err(|error| Failure::failed(format!("the firewall was not changed: {error}")))?;
        troubles::clear(&*self.machine, "firewall");
        self.firewall = firewall;
        Ok(done("the firewall is loaded"))
    }

    /// How the machine is set.
    pub fn report(&self, now: Instant) -> HostReport {
        let machine = &*self.machine;
        let trial = self.trial.as_ref();
        let left = trial.map(|trial| trial.until.saturating_duration_since(now).as_millis().div_ceil(1000));
        let sealed = match files::read(machine, VAR).as_str() {
            "tpm" => Seal::Tpm,
            _ => Seal::Machine,
        };
        let prints = self.settings.ssh.iter().filter_map(|line| ssh::key(line).ok());
        HostReport {
            name: self.settings.name().to_owned(),
            version: slots::running_text(machine),
            network: trial.map_or(&self.settings.network, |trial| &trial.network).clone(),
            reverts_in: left.map(|seconds| u32::try_from(seconds).unwrap_or(u32::MAX)),
            interfaces: network::interfaces(machine),
            zone: self.settings.zone().to_owned(),
            servers: self.settings.servers.clone(),
            ssh: prints.map(|key| key.fingerprint).collect(),
            seal: sealed,
            recovery: recovery::is_prepared(machine),
            troubles: troubles::list(machine),
        }
    }
}

fn done(words: &str) -> HostAnswer {
    HostAnswer::Done { done: words.to_owned() }
}

fn no_trial() -> Failure {
    Failure::refused(
        "no network is on trial: it was confirmed, taken back or never changed; look with `postern host show`",
    )
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
#[path = "helper_tests.rs"]
mod tests;
