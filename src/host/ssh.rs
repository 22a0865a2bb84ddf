//! SSH into the console. In: public keys as lines of an authorized_keys file (sshd(8)) without options; out: that file, and sshd's unit
//! started or stopped. It never takes a private key, and none is made here: the unit makes the machine's own.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use sha2::{Digest, Sha256};

use super::exec::Machine;
use super::files;
use super::network::SYSTEMCTL;
use crate::text::shown;

/// The keys of those who may come in, where sshd looks for them.
pub const KEYS: &str = "/run/postern-host/ssh/authorized_keys";
const UNIT: &str = "postern-ssh.service";
/// Most keys, and most bytes of one line.
pub const KEYS_MAX: usize = 32;
const LINE_MAX: usize = 4096;
/// Below this an RSA key is not taken (as BSI TR-02102-1 and NIST SP 800-57 have it for years to come).
const RSA_BITS: usize = 3072;

/// A public key, understood.
#[derive(Debug, PartialEq, Eq)]
pub struct Key {
    /// `TYPE BASE64 COMMENT`, as it goes into the file.
    pub line: String,
    /// `SHA256:...` and the comment.
    pub fingerprint: String,
}

/// A field of a key's bytes (RFC 4251 5: length, then that many bytes).
fn field<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let (length, tail) = rest.split_first_chunk::<4>()?;
    let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
    let (value, tail) = tail.split_at_checked(length)?;
    *rest = tail;
    Some(value)
}

/// Bits of a number (RFC 4251 5: mpint).
fn bits(number: &[u8]) -> usize {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    let first = number.get(zeros).map_or(8, |byte| byte.leading_zeros() as usize);
    (number.len().saturating_sub(zeros) * 8).saturating_sub(if zeros == number.len() { 0 } else { first })
}

/// The line among these whose key has this fingerprint, `SHA256:...` alone.
pub fn kept(print: &str, lines: &[String]) -> Option<String> {
    let has_it = |line: &&String| key(line).is_ok_and(|key| key.fingerprint.split(' ').next() == Some(print.trim()));
    lines.iter().find(has_it).cloned()
}

/// Reads one line.
///
/// # Errors
/// One line: what is wrong and what to do.
pub fn key(line: &str) -> Result<Key, String> {
    let line = line.trim();
    if line.len() > LINE_MAX || line.chars().any(char::is_control) {
        return Err("a public key is one line of at most 4096 letters: paste the .pub file's line".to_owned());
    }
    let mut words = line.splitn(3, ' ').map(str::trim);
    let (kind, body) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let comment = words.next().unwrap_or_default();
    if line.contains("PRIVATE KEY") {
        return Err("this is a private key: keep it to yourself, and paste the line of the .pub file".to_owned());
    }
    let no_key = || {
        format!(
            "{} is no public key: paste the line of a .pub file, which begins with ssh-ed25519, ecdsa-sha2-nistp256 or ssh-rsa; options before it are not taken",
            shown(line)
        )
    };
    let bytes = STANDARD
        .decode(body)
        .or_else(|_| STANDARD_NO_PAD.decode(body))
        .map_err(|_| no_key())?;
    let mut rest = bytes.as_slice();
    if field(&mut rest) != Some(kind.as_bytes()) {
        return Err(no_key());
    }
    let fields: Option<Vec<&[u8]>> = std::iter::from_fn(|| (!rest.is_empty()).then(|| field(&mut rest))).collect();
    let whole = match (kind, fields.ok_or_else(no_key)?.as_slice()) {
        ("ssh-ed25519", [point]) => point.len() == 32,
        ("sk-ssh-ed25519@openssh.com", [point, _]) => point.len() == 32,
        ("ecdsa-sha2-nistp256", [b"nistp256", point]) => point.len() == 65,
        ("ecdsa-sha2-nistp384", [b"nistp384", point]) => point.len() == 97,
        ("ecdsa-sha2-nistp521", [b"nistp521", point]) => point.len() == 133,
        ("sk-ecdsa-sha2-nistp256@openssh.com", [b"nistp256", point, _]) => point.len() == 65,
        ("ssh-rsa", [_, modulus]) if bits(modulus) < RSA_BITS => {
            return Err(format!(
                "an RSA key of {} bits is too short: take one of {RSA_BITS} bits or more, or ssh-ed25519",
                bits(modulus)
            ));
        }
        ("ssh-rsa", [_, modulus]) => bits(modulus) <= 16_384,
        _ => false,
    };
    if !whole {
        return Err(no_key());
    }
    let comment = shown(comment);
    let print = STANDARD_NO_PAD.encode(Sha256::digest(&bytes));
    Ok(Key {
        line: format!("{kind} {body} {comment}").trim_end().to_owned(),
        fingerprint: format!("SHA256:{print} {comment}").trim_end().to_owned(),
    })
}

/// Reads all of them.
///
/// # Errors
/// One line.
pub fn keys(lines: &[String]) -> Result<Vec<Key>, String> {
    if lines.len() > KEYS_MAX {
        return Err(format!("there are more than {KEYS_MAX} keys: leave some out"));
    }
    let keys: Vec<Key> = lines.iter().map(|line| key(line)).collect::<Result<_, _>>()?;
    for (at, one) in keys.iter().enumerate() {
        let rest = keys.iter().skip(at.saturating_add(1));
        let body = |key: &Key| key.line.split(' ').nth(1).map(str::to_owned);
        if rest.map(body).any(|other| other == body(one)) {
            return Err(format!("the key {} stands twice: name it once", one.fingerprint));
        }
    }
    Ok(keys)
}

/// Writes the file, or takes it away, for a system that has not come so far.
///
/// # Errors
/// What the system said.
pub fn write(machine: &dyn Machine, lines: &[String]) -> std::io::Result<()> {
    let path = machine.path(KEYS);
    if lines.is_empty() {
        return files::remove(&path);
    }
    // sshd reads it as the console's user.
    files::write(&path, format!("{}\n", lines.join("\n")).as_bytes(), files::PUBLIC)
}

/// Writes the file and has sshd follow; sessions of keys that are no more end.
///
/// # Errors
/// One line.
pub fn apply(machine: &dyn Machine, lines: &[String]) -> Result<(), String> {
    write(machine, lines).map_err(|error| format!("{KEYS} could not be written: {error}"))?;
    let run = |arguments: &[&str]| machine.run(SYSTEMCTL, arguments, b"");
    let stopped = run(&["stop", UNIT]);
    // The unit leaves sessions alone when it stops; none may outlive its key. Nobody there is no error.
    let _ = run(&["kill", "--kill-whom=all", UNIT]);
    stopped.map_err(|error| error.to_string())?;
    if !lines.is_empty() {
        run(&["--no-block", "start", UNIT]).map_err(|error| error.to_string())?;
    }
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
mod tests {
    use super::*;
    use crate::host::testing::Fake;

    /// A key that ssh-keygen makes.
    fn made(kind: &str, size: &str) -> (String, String) {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("k");
        let mut command = std::process::Command::new("ssh-keygen");
        command
            .args(["-q", "-t", kind, "-N", "", "-C", "anna@desk one", "-f"])
            .arg(&file);
        if !size.is_empty() {
            command.args(["-b", size]);
        }
        assert!(command.status().unwrap().success());
        let public = std::fs::read_to_string(file.with_extension("pub")).unwrap();
        let print = std::process::Command::new("ssh-keygen")
            .arg("-lf")
            .arg(file.with_extension("pub"))
            .output()
            .unwrap();
        let print = String::from_utf8(print.stdout).unwrap();
        (public, print.split(' ').nth(1).unwrap().to_owned())
    }

    #[test]
    fn keys_of_ssh_keygen_are_taken_with_its_fingerprint() {
        for (kind, size) in [
            ("ed25519", ""),
            ("ecdsa", "256"),
            ("ecdsa", "384"),
            ("ecdsa", "521"),
            ("rsa", "3072"),
        ] {
            let (line, print) = made(kind, size);
            let key = key(&line).unwrap();
            assert_eq!(key.fingerprint, format!("{print} anna@desk one"), "{kind} {size}");
            assert_eq!(key.line, line.trim());
        }
        let short = key(&made("rsa", "2048").0).unwrap_err();
        assert!(short.contains("2048 bits"), "{short}");
    }

    #[test]
    fn what_is_no_key_or_has_options_is_refused() {
        let (good, _) = made("ed25519", "");
        let body = good.split(' ').nth(1).unwrap();
        for line in [
            String::new(),
            "ssh-ed25519".to_owned(),
            format!("command=\"/bin/sh\" {good}"),
            format!("ssh-rsa {body}"),
            format!("ssh-ed25519 {}", &body[..body.len() - 8]),
            format!("ssh-ed25519 {body}AAAA"),
            format!("ssh-dss {body}"),
            format!("{}\nssh-ed25519 {body}", good.trim()),
            "-----BEGIN OPENSSH PRIVATE KEY-----".to_owned(),
        ] {
            assert!(key(&line).is_err(), "{line}");
        }
        let twice = keys(&[good.clone(), good.replace("anna", "ben")]).unwrap_err();
        assert!(twice.contains("twice"), "{twice}");
    }

    #[test]
    fn sshd_follows_the_keys() {
        let fake = Fake::new();
        apply(&fake, &["ssh-ed25519 AAAA x".to_owned()]).unwrap();
        assert_eq!(fake.get(KEYS), "ssh-ed25519 AAAA x\n");
        let ran = fake.ran();
        assert_eq!(
            ran.last().unwrap(),
            "/usr/bin/systemctl --no-block start postern-ssh.service"
        );
        apply(&fake, &[]).unwrap();
        assert!(!fake.path(KEYS).exists());
        assert_eq!(
            fake.ran(),
            [
                "/usr/bin/systemctl stop postern-ssh.service",
                "/usr/bin/systemctl kill --kill-whom=all postern-ssh.service"
            ]
        );
    }
}
