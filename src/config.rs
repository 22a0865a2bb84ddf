//! How posternd is started: flags, and a TOML file with the same names (the command line contract in the README). In: arguments and a
//! file; out: [`Config`]. A flag goes before the file; an unknown key is an error, since a misspelt one would be silently open.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Parser;
use serde::Deserialize;

use crate::clock::Mode;
use crate::door::syslog::{NoTarget, Target};

/// Where the file is looked for.
pub const CONFIG_FILE: &str = "/etc/postern/postern.toml";
/// Where everything lies that must survive.
pub const STATE_DIR: &str = "/var/lib/postern";
/// The control socket; the console's is beside it.
pub const CONTROL: &str = "/run/postern/control.sock";
/// RFC 2865 3.
pub const AUTH_PORT: u16 = 1812;
/// RFC 2866 3.
pub const ACCT_PORT: u16 = 1813;

/// The Postern daemon: answers RADIUS, keeps users, tokens and clients, and obeys `postern`.
#[derive(Debug, Parser)]
#[command(name = "posternd", version, max_term_width = 100)]
pub struct Flags {
    /// The configuration file; its keys are named as the flags
    #[arg(long, value_name = "FILE", default_value = CONFIG_FILE)]
    config: PathBuf,
    /// Where everything lies that must survive [default: /var/lib/postern]
    #[arg(long, value_name = "DIR")]
    state_dir: Option<PathBuf>,
    /// The control socket; console.sock is made beside it [default: /run/postern/control.sock]
    #[arg(long, value_name = "SOCKET")]
    control: Option<PathBuf>,
    /// Where authentication is served; may be given several times [default: [::]:1812]
    #[arg(long, value_name = "ADDR")]
    auth: Vec<SocketAddr>,
    /// Where accounting is served; may be given several times [default: [::]:1813]
    #[arg(long, value_name = "ADDR")]
    acct: Vec<SocketAddr>,
    /// Whose clock it is: `system` trusts the machine's, `appliance` wants NTP, a hardware clock or a confirmation [default: system]
    #[arg(long, value_enum)]
    clock: Option<ClockMode>,
    /// Minutes without a key after which a console's session ends, 1 to 60 [default: 5]
    #[arg(long, value_name = "MINUTES")]
    console_idle: Option<u8>,
    /// Where the audit log is sent as it is written, as syslog: udp:HOST:PORT, tcp:HOST:PORT or unix:/PATH [default: nowhere]
    #[arg(long, value_name = "TARGET")]
    syslog: Option<String>,
    /// Where the appliance's root helper listens; where there is none, the machine is its owner's to set
    #[arg(long, value_name = "SOCKET", default_value = crate::host::ops::HOST_SOCKET, hide = true)]
    host: PathBuf,
    /// Only tries whether this version would answer, on a copy of the state directory made in DIR, and ends
    #[arg(long, value_name = "DIR", num_args = 0..=1, require_equals = true, default_missing_value = crate::daemon::trial::COPY_DIR)]
    trial: Option<PathBuf>,
    /// Answers no RADIUS: puts on record what the root helper's NOTE says, and lets one new installer be made or ends
    #[arg(long, value_name = "NOTE", num_args = 0..=1, require_equals = true, conflicts_with = "trial",
        default_missing_value = crate::host::recovery::NOTE_FILE)]
    recovery: Option<PathBuf>,
}

/// What posternd is started for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Task {
    /// RADIUS.
    Serve,
    /// A trial, with the copy in this folder.
    Trial(PathBuf),
    /// A recovery, by this note.
    Recovery(PathBuf),
}

impl Flags {
    /// What posternd is started for.
    pub fn task(&self) -> Task {
        match (&self.trial, &self.recovery) {
            (Some(copy), _) => Task::Trial(copy.clone()),
            (None, Some(note)) => Task::Recovery(note.clone()),
            (None, None) => Task::Serve,
        }
    }
}

/// See [`Mode`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum ClockMode {
    #[default]
    System,
    Appliance,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct File {
    state_dir: Option<PathBuf>,
    control: Option<PathBuf>,
    auth: Option<Vec<SocketAddr>>,
    acct: Option<Vec<SocketAddr>>,
    clock: Option<ClockMode>,
    console_idle: Option<u8>,
    syslog: Option<String>,
}

/// How posternd runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Where everything lies that must survive.
    pub state_dir: PathBuf,
    /// The control socket.
    pub control: PathBuf,
    /// Where authentication is served.
    pub auth: Vec<SocketAddr>,
    /// Where accounting is served; an empty list in the file serves none.
    pub acct: Vec<SocketAddr>,
    /// Whose clock it is (R19).
    pub mode: Mode,
    /// Without a sign of its operator, a console's session ends after this (R24).
    pub console_idle: Duration,
    /// Where the audit log is sent as it is written (R23).
    pub syslog: Option<Target>,
    /// Where postern-host listens, on the appliance.
    pub host: PathBuf,
}

/// What is wrong with the file, one line.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// It cannot be read.
    #[error("{0}: {1}")]
    Read(PathBuf, std::io::Error),
    /// It is no TOML, or has an unknown key.
    #[error("{path}{line}: {message}")]
    Parse {
        /// The file.
        path: String,
        /// `:LINE` where it is known.
        line: String,
        /// In words.
        message: String,
    },
    /// Nothing would be served.
    #[error("auth is empty: give at least one address, such as [::]:1812")]
    NoAuth,
    /// `console-idle` is out of range.
    #[error("console-idle is {0}: it takes 1 to 60 minutes")]
    Idle(u8),
    /// `syslog` is no target.
    #[error(transparent)]
    Syslog(#[from] NoTarget),
}

impl Config {
    /// From the flags and the file they name. The default file may be missing.
    pub fn load(flags: Flags) -> Result<Config, ConfigError> {
        let file = match std::fs::read_to_string(&flags.config) {
            Ok(text) => parse(&flags.config, &text)?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && flags.config == Path::new(CONFIG_FILE) => {
                File::default()
            }
            Err(error) => return Err(ConfigError::Read(flags.config, error)),
        };
        let any = |port| vec![SocketAddr::new(IpAddr::V6(Ipv6Addr::UNSPECIFIED), port)];
        let list = |flags: Vec<SocketAddr>, file: Option<Vec<SocketAddr>>, port| {
            if flags.is_empty() {
                file.unwrap_or_else(|| any(port))
            } else {
                flags
            }
        };
        let auth = list(flags.auth, file.auth, AUTH_PORT);
        if auth.is_empty() {
            return Err(ConfigError::NoAuth);
        }
        let console_idle = match flags.console_idle.or(file.console_idle) {
            None => crate::door::ops::IDLE,
            Some(minutes @ 1..=60) => Duration::from_secs(u64::from(minutes) * 60),
            Some(minutes) => return Err(ConfigError::Idle(minutes)),
        };
        Ok(Config {
            state_dir: flags.state_dir.or(file.state_dir).unwrap_or_else(|| STATE_DIR.into()),
            control: flags.control.or(file.control).unwrap_or_else(|| CONTROL.into()),
            auth,
            acct: list(flags.acct, file.acct, ACCT_PORT),
            mode: match flags.clock.or(file.clock).unwrap_or_default() {
                ClockMode::System => Mode::System,
                ClockMode::Appliance => Mode::Appliance,
            },
            console_idle,
            host: flags.host,
            syslog: flags.syslog.or(file.syslog).map(|target| target.parse()).transpose()?,
        })
    }
}

fn parse(path: &Path, text: &str) -> Result<File, ConfigError> {
    toml::from_str(text).map_err(|error| ConfigError::Parse {
        path: path.display().to_string(),
        line: error
            .span()
            .and_then(|span| text.get(..span.start))
            .map(|before| format!(":{}", before.matches('\n').count() + 1))
            .unwrap_or_default(),
        message: error.message().replace('\n', " "),
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
mod tests {
    use super::*;

    fn load(arguments: &[&str]) -> Result<Config, ConfigError> {
        Config::load(Flags::try_parse_from([&["posternd"], arguments].concat()).unwrap())
    }

    #[test]
    fn the_contract_s_defaults() {
        let config = load(&[]).unwrap();
        assert_eq!(config.state_dir, Path::new("/var/lib/postern"));
        assert_eq!(config.control, Path::new("/run/postern/control.sock"));
        assert_eq!(config.auth, ["[::]:1812".parse().unwrap()]);
        assert_eq!(config.acct, ["[::]:1813".parse().unwrap()]);
        assert_eq!(config.mode, Mode::System);
        assert_eq!(config.syslog, None);
        assert_eq!(config.console_idle, Duration::from_secs(300));
    }

    #[test]
    fn r24_a_console_s_idle_time_is_1_to_60_minutes() {
        let minutes = |text: &str| load(&["--console-idle", text]).map(|config| config.console_idle.as_secs() / 60);
        assert_eq!(minutes("1").unwrap(), 1);
        assert_eq!(minutes("60").unwrap(), 60);
        for bad in ["0", "61"] {
            let error = minutes(bad).unwrap_err().to_string();
            assert!(error.contains("1 to 60"), "{error}");
        }
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("postern.toml");
        std::fs::write(&path, "console-idle = 10\n").unwrap();
        let config = load(&["--config", path.to_str().unwrap()]).unwrap();
        assert_eq!(config.console_idle, Duration::from_secs(600));
    }

    #[test]
    fn r23_the_syslog_target_by_flag_or_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("postern.toml");
        let file = path.to_str().unwrap();
        std::fs::write(&path, "syslog = \"udp:192.0.2.5:514\"\n").unwrap();
        let shown = |arguments: &[&str]| load(arguments).unwrap().syslog.unwrap().to_string();
        assert_eq!(shown(&["--config", file]), "udp:192.0.2.5:514");
        assert_eq!(shown(&["--config", file, "--syslog", "unix:/dev/log"]), "unix:/dev/log");
        for text in ["", "192.0.2.5"] {
            std::fs::write(&path, format!("syslog = \"{text}\"\n")).unwrap();
            let error = load(&["--config", file]).unwrap_err().to_string();
            assert!(error.starts_with("syslog: ") && !error.contains('\n'), "{error}");
        }
    }

    #[test]
    fn flags_go_before_the_file_and_an_unknown_key_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("postern.toml");
        std::fs::write(
            &path,
            "state-dir = \"/a\"\nauth = [\"127.0.0.1:1\"]\nacct = []\nclock = \"appliance\"\n",
        )
        .unwrap();
        let file = path.to_str().unwrap();
        let config = load(&["--config", file, "--state-dir", "/b"]).unwrap();
        assert_eq!(config.state_dir, Path::new("/b"));
        assert_eq!(config.auth, ["127.0.0.1:1".parse().unwrap()]);
        assert!(config.acct.is_empty());
        assert_eq!(config.mode, Mode::Appliance);
        std::fs::write(&path, "control = \"/a\"\nstate_dir = \"/a\"\n").unwrap();
        let error = load(&["--config", file]).unwrap_err().to_string();
        assert!(
            error.contains("postern.toml:2") && error.contains("state_dir"),
            "{error}"
        );
        assert!(!error.contains('\n'));
    }

    #[test]
    fn a_named_file_must_be_there() {
        assert!(matches!(
            load(&["--config", "/nonexistent/postern.toml"]),
            Err(ConfigError::Read(..))
        ));
    }
}
