//! What is taken and what is refused on the way into the box's own storage.

use super::*;

#[test]
fn versions_are_numbers_and_compare_as_numbers() {
    assert!(version("0.10.0") > version("0.9.9"));
    assert!(version("1.0") < version("1.0.1"));
    for bad in [
        "",
        "1",
        "1.",
        "01.2",
        "1.2.3.4.5",
        "1.2-3",
        "1.2.3~a",
        "1.+2",
        "9999999999.1",
    ] {
        assert!(bad.parse::<Version>().is_err(), "{bad}");
    }
    assert_eq!(version("0.2.0").to_string(), "0.2.0");
}

#[test]
fn a_signed_release_is_copied_and_checked_on_the_box_s_own_disk() {
    let fake = a_box();
    Release::new("0.2.0").write(&fake.path(STICK_DIR).join("postern-0.2.0"));
    // A newer one that nobody trusts does not stand in the way, and the newest of the trusted is taken.
    Release {
        key: 9,
        ..Release::new("0.9.0")
    }
    .write(&fake.path(STICK_DIR).join("evil"));
    Release {
        key: 2,
        ..Release::new("0.3.0")
    }
    .write(&fake.path(STICK_DIR).join("next"));
    let updates = Updates::new(Arc::clone(&fake) as Arc<dyn Machine>);
    assert_eq!(updates.show().stage, UpdateStage::Idle);
    updates.fetch(&UpdateSource::Stick).unwrap();
    updates.wait();
    let ready = UpdateStage::Ready {
        version: "0.3.0".to_owned(),
        notes: Vec::new(),
    };
    assert_eq!(updates.show().stage, ready);
    assert!(!updates.reads_stick());
    // Another start of the program still knows it, without the stick.
    std::fs::remove_dir_all(fake.path(STICK_DIR)).unwrap();
    let again = Updates::new(Arc::clone(&fake) as Arc<dyn Machine>);
    assert_eq!(again.show().stage, ready);
    assert_eq!(again.forget().unwrap().stage, UpdateStage::Idle);
    assert!(!staging(&fake).release().exists());
}

/// Every byte of every file of a release, each changed alone, and each file one byte shorter or longer: nothing of it is taken.
#[test]
fn every_single_changed_byte_of_a_release_is_refused() {
    let fake = a_box();
    let dir = fake.path(STICK_DIR);
    let release = Release {
        root: b"small root".to_vec(),
        ..Release::new("0.2.0")
    };
    release.write(&dir);
    let files: Vec<_> = std::fs::read_dir(&dir)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    assert_eq!(files.len(), 5);
    let mut refused = 0;
    for path in &files {
        let good = std::fs::read(path).unwrap();
        let mut bad: Vec<Vec<u8>> = (0..good.len())
            .map(|at| {
                let mut bytes = good.clone();
                bytes[at] ^= 1 << (at % 8);
                bytes
            })
            .collect();
        bad.push(good[..good.len() - 1].to_vec());
        bad.push([good.as_slice(), b"x"].concat());
        bad.push(Vec::new());
        for bytes in bad {
            std::fs::write(path, &bytes).unwrap();
            // What an earlier try left whole would be taken from the box's own disk.
            let _ = std::fs::remove_dir_all(fake.path(STAGING_DIR));
            assert!(fetch(&fake, &dir).is_err(), "{path:?} {bytes:?}");
            assert!(!staging(&fake).release().exists());
            refused += 1;
        }
        std::fs::write(path, &good).unwrap();
    }
    assert!(refused > 600, "{refused}");
    fetch(&fake, &dir).unwrap();
    // And on the box's own disk, where systemd-sysupdate would read it.
    let release = staging(&fake).release();
    for entry in std::fs::read_dir(&release).unwrap() {
        let path = entry.unwrap().path();
        let good = std::fs::read(&path).unwrap();
        for at in 0..good.len() {
            let mut bytes = good.clone();
            bytes[at] ^= 0x80;
            std::fs::write(&path, bytes).unwrap();
            assert!(staging(&fake).ready(&keys(&fake)).is_err(), "{path:?} {at}");
        }
        std::fs::write(&path, good).unwrap();
    }
    assert!(staging(&fake).ready(&keys(&fake)).unwrap().is_some());
}

#[test]
fn another_processor_s_an_older_and_a_too_new_release_are_refused_with_the_way_out() {
    let fake = a_box();
    let dir = fake.path(STICK_DIR);
    let cases = [
        (
            Release {
                arch: "riscv64".to_owned(),
                ..Release::new("0.2.0")
            },
            "is for riscv64 boxes",
        ),
        (
            Release {
                from: "0.0.1".to_owned(),
                ..Release::new("0.0.9")
            },
            "write the older image to the disk and restore a backup",
        ),
        (Release::new("0.1.0"), "an older or equal one is not taken"),
        (
            Release {
                from: "0.1.5".to_owned(),
                ..Release::new("0.2.0")
            },
            "update to 0.1.5 first",
        ),
        (
            Release {
                key: 3,
                ..Release::new("0.2.0")
            },
            "not signed by a key that this box trusts",
        ),
    ];
    for (release, words) in cases {
        std::fs::remove_dir_all(&dir).unwrap();
        release.write(&dir);
        let error = fetch(&fake, &dir).unwrap_err().to_string();
        assert!(error.contains(words) && !error.contains('\n'), "{error}");
        assert!(!staging(&fake).release().exists());
    }
}

#[test]
fn a_signed_manifest_names_no_other_file() {
    let fake = a_box();
    let dir = fake.path(STICK_DIR);
    Release::new("0.2.0").write(&dir);
    let good = String::from_utf8(std::fs::read(dir.join(MANIFEST)).unwrap()).unwrap();
    let root = format!("postern_0.2.0_{UUID}.root.raw.gz");
    let long = "a".repeat(64);
    for (from, to) in [
        (root.as_str(), "../../../etc/shadow"),
        (root.as_str(), "/etc/shadow"),
        (root.as_str(), "postern_0.2.0_x/../../a.root.raw"),
        (
            root.as_str(),
            "postern_0.1.0_2c7357ed-ebd2-46d9-aec1-23d437ec2bf5.root.raw",
        ),
        ("postern_0.2.0.efi", "postern_0.2.0+9.efi"),
        ("\"kernel\"", "\"root\""),
        ("\"size\":6", "\"size\":99999999999"),
        ("\"size\":6", "\"size\":0"),
        ("\"postern\"", "\"other\""),
        ("\"format\":1", "\"format\":2"),
        ("\"version\":\"0.2.0\"", "\"version\":\"0.2.0\\n\""),
        ("\"sha256\":\"", &format!("\"sha256\":\"{long}")),
    ] {
        let text = good.replacen(from, to, 1);
        assert_ne!(text, good, "{from}");
        let signature = pair(1).sign(text.as_bytes());
        let error = Manifest::parse(text.as_bytes(), signature.as_ref(), &keys(&fake)).unwrap_err();
        assert!(matches!(error, UpdateError::Shape(_)), "{to}: {error}");
        assert!(!error.to_string().contains('\n'));
    }
}

#[test]
fn a_release_may_be_signed_by_the_key_that_goes_and_the_one_that_comes() {
    let fake = a_box();
    let dir = fake.path(STICK_DIR);
    Release::new("0.2.0").write(&dir);
    let manifest = std::fs::read(dir.join(MANIFEST)).unwrap();
    let by = |key: u8| pair(key).sign(&manifest).as_ref().to_vec();
    let parse = |signatures: &[u8]| Manifest::parse(&manifest, signatures, &keys(&fake));
    assert!(parse(&[by(8), by(2)].concat()).is_ok());
    assert!(parse(&[by(8), by(9)].concat()).is_err());
    assert!(parse(&[by(1), vec![0]].concat()).is_err());
    assert!(parse(&[by(9), by(9), by(9), by(9), by(1)].concat()).is_err());
    // No key at all is a box that takes nothing.
    std::fs::remove_dir_all(fake.path(KEYS_DIR)).unwrap();
    fake.put(&format!("{KEYS_DIR}/bad.pub"), "no key");
    assert!(matches!(Keys::load(&fake.path(KEYS_DIR)), Err(UpdateError::NoKeys(_))));
}

#[test]
fn a_stick_s_links_and_pipes_are_not_followed() {
    let fake = a_box();
    let dir = fake.path(STICK_DIR);
    let elsewhere = fake.path("/elsewhere");
    Release::new("0.2.0").write(&elsewhere);
    std::os::unix::fs::symlink(&elsewhere, dir.join("link")).unwrap();
    assert!(fetch(&fake, &dir).unwrap_err().to_string().contains("holds no release"));
    Release::new("0.2.0").write(&dir);
    let kernel = dir.join("postern_0.2.0.efi");
    std::fs::remove_file(&kernel).unwrap();
    std::os::unix::fs::symlink(elsewhere.join("postern_0.2.0.efi"), &kernel).unwrap();
    assert!(matches!(fetch(&fake, &dir), Err(UpdateError::Source(_))));
    std::fs::remove_file(&kernel).unwrap();
    nix::unistd::mkfifo(&kernel, nix::sys::stat::Mode::S_IRUSR).unwrap();
    assert!(fetch(&fake, &dir).unwrap_err().to_string().contains("no plain file"));
}

/// A source that ends, as a power cut does, after so many bytes of files.
struct Cut(
    Box<dyn Source>,
    Arc<parking_lot::Mutex<usize>>,
    Arc<parking_lot::Mutex<Vec<String>>>,
);

impl Source for Cut {
    fn open(&mut self, name: &str) -> Result<Box<dyn Read>, UpdateError> {
        let file = self.0.open(name)?;
        if name == MANIFEST || name == SIGNATURE {
            return Ok(file);
        }
        self.2.lock().push(name.to_owned());
        struct Piece(Box<dyn Read>, Arc<parking_lot::Mutex<usize>>);
        impl Read for Piece {
            fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
                let mut left = self.1.lock();
                if *left == 0 {
                    return Err(std::io::Error::other("cut"));
                }
                let length = into.len().min(*left).min(16);
                let read = self.0.read(&mut into[..length])?;
                *left -= read;
                Ok(read)
            }
        }
        Ok(Box::new(Piece(file, Arc::clone(&self.1))))
    }

    fn called(&self) -> &'static str {
        "the stick"
    }
}

#[test]
fn copying_that_ends_anywhere_goes_on_with_what_is_whole() {
    let fake = a_box();
    let dir = fake.path(STICK_DIR);
    Release::new("0.2.0").write(&dir);
    let (left, opened) = (Arc::new(parking_lot::Mutex::new(0)), Arc::default());
    let run = |bytes: usize| {
        *left.lock() = bytes;
        let inner = newest(Folder::all(&dir).unwrap(), &keys(&fake)).unwrap();
        let mut source = Cut(inner, Arc::clone(&left), Arc::clone(&opened));
        let stop = AtomicBool::new(false);
        staging(&fake).fetch(&mut source, &keys(&fake), &version("0.1.0"), &|_| {}, &stop)
    };
    let root = Release::new("0.2.0").root.len();
    let whole = root + 6 + 6;
    for bytes in (0..whole).step_by(31).chain([root - 1, root, root + 6]) {
        let _ = std::fs::remove_dir_all(fake.path(STAGING_DIR));
        assert!(run(bytes).is_err());
        assert!(!staging(&fake).release().exists());
        opened.lock().clear();
        run(whole + 1).unwrap();
        // What was whole by then is not copied again.
        let again = opened.lock().iter().any(|name| name.contains("root"));
        assert_eq!(again, bytes < root, "{bytes}");
        assert!(staging(&fake).ready(&keys(&fake)).unwrap().is_some());
    }
    // Another release begins anew, and leaves nothing of this one.
    std::fs::remove_dir_all(&dir).unwrap();
    Release::new("0.3.0").write(&dir);
    assert_eq!(run(whole + 1).unwrap().version, version("0.3.0"));
    assert_eq!(std::fs::read_dir(staging(&fake).release()).unwrap().count(), 5);
}

/// On a small file system of its own, in a mount namespace of this thread's own.
#[test]
fn a_full_disk_is_seen_before_anything_is_copied() {
    use nix::mount::{MsFlags, mount};
    nix::sched::unshare(nix::sched::CloneFlags::CLONE_NEWNS).expect("mount tests need root");
    let private = MsFlags::MS_PRIVATE | MsFlags::MS_REC;
    mount(None::<&str>, "/", None::<&str>, private, None::<&str>).unwrap();
    let fake = a_box();
    let dir = fake.path(STICK_DIR);
    Release::new("0.2.0").write(&dir);
    let small = fake.path(STAGING_DIR);
    std::fs::create_dir_all(&small).unwrap();
    mount(Some("tmpfs"), &small, Some("tmpfs"), MsFlags::empty(), Some("size=40m")).unwrap();
    let error = fetch(&fake, &dir).unwrap_err();
    assert!(matches!(error, UpdateError::Space { need: 68, free: 41 }), "{error}");
    assert!(error.to_string().contains("remove what is not needed"));
    assert!(std::fs::read_dir(small.join("new")).unwrap().next().is_none());
    // With room the same release is taken.
    mount(
        Some("tmpfs"),
        &small,
        Some("tmpfs"),
        MsFlags::MS_REMOUNT,
        Some("size=80m"),
    )
    .unwrap();
    fetch(&fake, &dir).unwrap();
    nix::mount::umount2(&small, nix::mount::MntFlags::MNT_DETACH).unwrap();
}

#[test]
fn an_address_of_a_release_is_a_plain_one() {
    for bad in [
        "file:///etc",
        "ftp://example.com/a",
        "https://user:pass@example.com/a",
        "https://example.com/a?b=c",
        "https://example.com/#a",
        "example.com",
        "",
    ] {
        assert!(Web::new(bad).is_err(), "{bad}");
    }
    assert!(Web::new(&format!("https://example.com/{}", "a".repeat(600))).is_err());
    assert!(Web::new("https://example.com/postern/0.2.0/").is_ok());
}

#[test]
fn r22_what_a_release_says_is_new_is_shown_line_by_line_and_no_further() {
    let fake = a_box();
    let dir = fake.path("/notes");
    Release::new("0.2.0").write(&dir);
    let mut manifest: serde_json::Value = serde_json::from_slice(&std::fs::read(dir.join(MANIFEST)).unwrap()).unwrap();
    let mut notes = |text: &str| {
        manifest["notes"] = text.into();
        let bytes = serde_json::to_vec(&manifest).unwrap();
        let signature = pair(1).sign(&bytes);
        Manifest::parse(&bytes, signature.as_ref(), &keys(&fake))
            .unwrap()
            .shown_notes()
    };
    assert_eq!(notes("Added:\n- One.\n"), ["Added:", "- One."]);
    assert_eq!(notes("\x1b[2J\u{202e}x"), ["\\u{1b}[2J\\u{202e}x"]);
    assert_eq!(notes(&"a".repeat(65))[0].chars().count(), 64);
    assert_eq!(notes(&"line\n".repeat(1000)).len(), super::super::manifest::NOTES_MAX);
    assert!(notes("").is_empty());
}

/// What scripts/image and scripts/sign-release say of a release comes from the source: the schema cannot be another one than posternd's.
#[test]
fn a_release_s_manifest_has_the_source_s_schema_and_changelog() {
    let dir = tempfile::tempdir().unwrap();
    for name in ["root", "verity", "kernel"] {
        std::fs::write(dir.path().join(name), name).unwrap();
    }
    let repository = Path::new(env!("CARGO_MANIFEST_DIR"));
    let made = |version: &str| -> Manifest {
        let output = std::process::Command::new(repository.join("scripts/release-manifest"))
            .arg(dir.path())
            .args([version, arch(), "0.1.0", "root", "verity", "kernel"])
            .env("POSTERN_SCHEMA", "99")
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    };
    let manifest = made(env!("CARGO_PKG_VERSION"));
    assert_eq!(manifest.schema, crate::store::SCHEMA);
    assert_eq!(
        manifest.files[0].sha256,
        data_encoding::HEXLOWER.encode(digest(&SHA256, b"root").as_ref())
    );
    // The box shows all of it as it is.
    let notes = manifest.shown_notes();
    assert_eq!(notes.join("\n"), manifest.notes);
    assert!(notes.len() > 3 && notes[0] == "Added:", "{notes:?}");
    assert!(made("9.9.9").shown_notes().is_empty());
    for script in ["scripts/image", "scripts/sign-release"] {
        let text = std::fs::read_to_string(repository.join(script)).unwrap();
        assert!(
            text.contains("scripts/release-manifest") && !text.contains("\"schema"),
            "{script}"
        );
    }
}
