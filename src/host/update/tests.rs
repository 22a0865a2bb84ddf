use std::io::Read;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use ring::digest::{SHA256, digest};
use ring::signature::{Ed25519KeyPair, KeyPair};

use super::manifest::{KEYS_DIR, Keys, MANIFEST, Manifest, SIGNATURE, UpdateError, Version, arch};
use super::slots;
use super::source::{Folder, Source, Web};
use super::staging::{STAGING_DIR, Staging};
use super::trial::{self, Outcome, SYSTEMCTL};
use super::{Updates, newest};
use crate::host::exec::Machine;
use crate::host::ops::{STICK_DIR, UpdateSource, UpdateStage};
use crate::host::testing::Fake;
use crate::store::records::Timestamp;

mod applying;
mod fetching;
mod real;
mod trials;
mod web;

const UUID: &str = "2c7357ed-ebd2-46d9-aec1-23d437ec2bf5";
const NOW: Timestamp = Timestamp(1_763_800_000_000);

fn pair(number: u8) -> Ed25519KeyPair {
    Ed25519KeyPair::from_seed_unchecked(&[number; 32]).unwrap()
}

fn pem(pair: &Ed25519KeyPair) -> String {
    let mut der = vec![0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
    der.extend_from_slice(pair.public_key().as_ref());
    let text = data_encoding::BASE64.encode(&der);
    format!("-----BEGIN PUBLIC KEY-----\n{text}\n-----END PUBLIC KEY-----\n")
}

fn version(text: &str) -> Version {
    text.parse().unwrap()
}

/// What a release is made of.
struct Release {
    version: String,
    arch: String,
    from: String,
    key: u8,
    root: Vec<u8>,
}

impl Release {
    fn new(version: &str) -> Self {
        Self {
            version: version.to_owned(),
            arch: arch().to_owned(),
            from: "0.1.0".to_owned(),
            key: 1,
            root: b"root of the new version".repeat(20),
        }
    }

    fn write(&self, dir: &Path) {
        std::fs::create_dir_all(dir).unwrap();
        let version = &self.version;
        let files = [
            (
                "root",
                format!("postern_{version}_{UUID}.root.raw.gz"),
                self.root.clone(),
            ),
            (
                "verity",
                format!("postern_{version}_{UUID}.verity.raw"),
                b"hashes".to_vec(),
            ),
            ("kernel", format!("postern_{version}.efi"), b"kernel".to_vec()),
        ];
        let listed: Vec<serde_json::Value> = files
            .iter()
            .map(|(part, name, bytes)| {
                std::fs::write(dir.join(name), bytes).unwrap();
                let sha256 = data_encoding::HEXLOWER.encode(digest(&SHA256, bytes).as_ref());
                serde_json::json!({"name": name, "part": part, "size": bytes.len(), "sha256": sha256})
            })
            .collect();
        let manifest = serde_json::json!({
            "format": 1, "product": "postern", "version": version, "arch": self.arch,
            "from": self.from, "schema": 3, "files": listed, "more": "of a newer kind",
        });
        sign(dir, &serde_json::to_vec(&manifest).unwrap(), self.key);
    }
}

fn sign(dir: &Path, manifest: &[u8], key: u8) {
    std::fs::write(dir.join(MANIFEST), manifest).unwrap();
    std::fs::write(dir.join(SIGNATURE), pair(key).sign(manifest)).unwrap();
}

/// A box that runs 0.1.0 and trusts keys 1 and 2, with a stick that is mounted.
fn a_box() -> Arc<Fake> {
    let fake = Arc::new(Fake::new());
    fake.put(
        "/usr/lib/os-release",
        "ID=debian\nIMAGE_ID=postern\nIMAGE_VERSION=0.1.0\n",
    );
    fake.put(&format!("{KEYS_DIR}/one.pub"), &pem(&pair(1)));
    fake.put(&format!("{KEYS_DIR}/two.pub"), &pem(&pair(2)));
    fake.put("/efi/EFI/Linux/postern_0.1.0.efi", "kernel");
    std::fs::create_dir_all(fake.path(STICK_DIR)).unwrap();
    fake
}

fn keys(fake: &Fake) -> Keys {
    Keys::load(&fake.path(KEYS_DIR)).unwrap()
}

fn staging(fake: &Fake) -> Staging {
    Staging::new(fake.path(STAGING_DIR))
}

fn fetch(fake: &Fake, dir: &Path) -> Result<Manifest, UpdateError> {
    let mut source = newest(Folder::all(dir)?, &keys(fake))?;
    staging(fake).fetch(
        source.as_mut(),
        &keys(fake),
        &version("0.1.0"),
        &|_| {},
        &AtomicBool::new(false),
    )
}
