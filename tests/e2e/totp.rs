//! The tokens of the tests: RFC 6238 by `ring`, so that the box's own arithmetic is not its own judge; `oathtool` judges both.

use std::time::{SystemTime, UNIX_EPOCH};

use ring::hmac;

/// Seconds since 1970, by this machine's clock.
pub fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

/// Waits until a code that is typed now is of the same step when it arrives.
pub fn early_in_a_step() {
    while now() % 30 >= 25 {
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
}

/// A token in somebody's hand.
#[derive(Clone, Debug)]
pub struct Token {
    pub seed: Vec<u8>,
    pub algorithm: &'static str,
    pub digits: u32,
    pub period: u64,
}

impl Token {
    /// A new seed of 20 bytes, SHA-1, 6 digits, 30 s.
    pub fn new() -> Token {
        let mut seed = vec![0; 20];
        ring::rand::SecureRandom::fill(&ring::rand::SystemRandom::new(), &mut seed).unwrap();
        Token {
            seed,
            algorithm: "sha1",
            digits: 6,
            period: 30,
        }
    }

    /// The seed as people type it.
    pub fn base32(&self) -> String {
        data_encoding::BASE32_NOPAD.encode(&self.seed)
    }

    /// What it shows at a time (seconds since 1970).
    pub fn at(&self, time: u64) -> String {
        let algorithm = match self.algorithm {
            "sha1" => hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
            "sha256" => hmac::HMAC_SHA256,
            "sha512" => hmac::HMAC_SHA512,
            other => panic!("no such hash: {other}"),
        };
        let tag = hmac::sign(
            &hmac::Key::new(algorithm, &self.seed),
            &(time / self.period).to_be_bytes(),
        );
        let bytes = tag.as_ref();
        let offset = usize::from(bytes[bytes.len() - 1] & 15);
        let word = u32::from_be_bytes(bytes[offset..offset + 4].try_into().unwrap()) & 0x7fff_ffff;
        format!(
            "{:0width$}",
            word % 10u32.pow(self.digits),
            width = self.digits as usize
        )
    }

    /// What it shows now.
    pub fn code(&self) -> String {
        self.at(now())
    }

    /// What it shows `steps` periods later than now. For an earlier one it waits out the end of a step, so that the code is not
    /// a step older yet when it is used.
    pub fn later(&self, steps: i64) -> String {
        while steps < 0 && now() % self.period >= self.period - 2 {
            std::thread::sleep(std::time::Duration::from_millis(200));
        }
        self.at(now().saturating_add_signed(steps * self.period as i64))
    }

    /// A code that is none of the token's within an hour of now.
    pub fn wrong(&self) -> String {
        self.wrongs(1).remove(0)
    }

    /// Different codes that are none of the token's within an hour of now.
    pub fn wrongs(&self, count: usize) -> Vec<String> {
        let near: Vec<String> = (-130..130).map(|step| self.later(step)).collect();
        (1..)
            .map(|n: u32| format!("{:0width$}", n * 7919, width = self.digits as usize))
            .filter(|code| !near.contains(code))
            .take(count)
            .collect()
    }
}

#[test]
fn the_tests_tokens_agree_with_oathtool() {
    for (algorithm, digits, period) in [("sha1", 6, 30), ("sha256", 8, 60), ("sha512", 8, 30), ("sha1", 8, 60)] {
        let token = Token {
            algorithm,
            digits,
            period,
            ..Token::new()
        };
        let time = now();
        let output = std::process::Command::new("oathtool")
            .args([
                "-b".to_owned(),
                format!("--totp={algorithm}"),
                format!("-d{digits}"),
                format!("-s{period}s"),
                format!("-N@{time}"),
                token.base32(),
            ])
            .output()
            .unwrap();
        assert_eq!(
            String::from_utf8_lossy(&output.stdout).trim(),
            token.at(time),
            "{token:?}"
        );
    }
}
