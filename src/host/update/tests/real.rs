//! The whole way with the real systemd-sysupdate of the image's release, the transfer files as they go into the image, the script that signs
//! releases, and a disk with slots behind a loop device. Needs root and the tools tree (`scripts/setup image`).

use std::os::unix::fs::FileExt;
use std::path::PathBuf;

use super::*;
use crate::host::exec::{self, ExecError};

const SECTOR: u64 = 512;
/// Slots: where they start and how large they are, in sectors.
const ROOT_B: (u64, u64) = (116_736, 65_536);
const VERITY_B: (u64, u64) = (182_272, 16_384);

fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn run(program: &str, arguments: &[&str], input: &[u8]) -> String {
    let arguments = [&["PATH=/usr/sbin:/usr/bin:/sbin:/bin", program], arguments].concat();
    let out = exec::run("/usr/bin/env", &arguments, input, exec::TIME_LIMIT);
    String::from_utf8(out.unwrap_or_else(|error| panic!("{program} {arguments:?}: {error}"))).unwrap()
}

/// A box of folders, with a real disk.
struct Box {
    fake: Arc<Fake>,
    disk: PathBuf,
    device: String,
}

impl Box {
    fn new() -> Self {
        let tree = repository(".peers/trixie/usr/lib/systemd/systemd-sysupdate");
        assert!(tree.exists(), "the tools tree is missing: scripts/setup image");
        let fake = a_box();
        let disk = fake.path("/disk");
        let file = std::fs::File::create(&disk).unwrap();
        file.set_len(200 << 20).unwrap();
        // What an earlier version left in the other slot.
        let old = vec![0xee; usize::try_from((ROOT_B.1 + VERITY_B.1) * SECTOR).unwrap()];
        file.write_all_at(&old, ROOT_B.0 * SECTOR).unwrap();
        let table = "label: gpt\nstart=2048,size=32768,type=C12A7328-F81F-11D2-BA4B-00A0C93EC93B,name=postern-esp\n\
            size=65536,type=ROOT,name=postern_0.1.0\nsize=16384,type=HASH,name=postern_0.1.0\n\
            size=65536,type=ROOT,name=_empty\nsize=16384,type=HASH,name=_empty\n\
            type=0FC63DAF-8483-4772-8E79-3D69D8477DE4,name=postern-var\n";
        let (root, hash) = match arch() {
            "arm64" => (
                "B921B045-1DF0-41C3-AF44-4C6F280D3FAE",
                "DF3300CE-D69F-4C92-978C-9BFB0F38D820",
            ),
            _ => (
                "4F68BCE3-E8CD-4DB1-96E7-FBCAF984B709",
                "2C7357ED-EBD2-46D9-AEC1-23D437EC2BF5",
            ),
        };
        let table = table.replace("ROOT", root).replace("HASH", hash);
        let mut one = Box {
            fake,
            disk,
            device: String::new(),
        };
        one.in_tree(&["/usr/sbin/sfdisk", "-q", "/box/disk"], table.as_bytes())
            .unwrap();
        one.device = run("losetup", &["-f", "--show", one.disk.to_str().unwrap()], b"")
            .trim()
            .to_owned();
        let (device, root) = (one.device.clone(), one.fake.root().to_owned());
        // The transfer files as they are, but for the disk, which a test cannot have its root on.
        let definitions = one.fake.path("/definitions");
        std::fs::create_dir_all(&definitions).unwrap();
        for name in ["10-root", "11-verity", "20-kernel"] {
            let from = repository("image/root/usr/lib/sysupdate.d").join(format!("{name}.transfer"));
            let text = std::fs::read_to_string(from).unwrap();
            std::fs::write(
                definitions.join(format!("{name}.transfer")),
                text.replace("Path=auto", &format!("Path={device}")),
            )
            .unwrap();
        }
        one.fake.programs(move |program, arguments, _| {
            let arguments = [&[program, "--definitions=/box/definitions"], arguments].concat();
            program
                .ends_with("sysupdate")
                .then(|| in_tree(&root, &arguments, b"").map_err(|error| error.to_string()))
        });
        one
    }

    fn in_tree(&self, arguments: &[&str], input: &[u8]) -> Result<Vec<u8>, ExecError> {
        in_tree(self.fake.root(), arguments, input)
    }

    fn names(&self) -> Vec<String> {
        let table = self.in_tree(&["/usr/sbin/sfdisk", "-d", "/box/disk"], b"").unwrap();
        let table = String::from_utf8(table).unwrap();
        let name = |line: &str| Some(line.split("name=\"").nth(1)?.split('"').next()?.to_owned());
        table.lines().filter_map(name).collect()
    }

    fn slot(&self, slot: (u64, u64)) -> Vec<u8> {
        let mut bytes = vec![0; usize::try_from(slot.1 * SECTOR).unwrap()];
        run("sync", &[], b"");
        std::fs::File::open(&self.disk)
            .unwrap()
            .read_exact_at(&mut bytes, slot.0 * SECTOR)
            .unwrap();
        bytes
    }

    fn fetched(&self) -> Updates {
        let updates = Updates::new(Arc::clone(&self.fake) as Arc<dyn Machine>);
        updates.fetch(&UpdateSource::Stick).unwrap();
        updates.wait();
        updates
    }
}

impl Drop for Box {
    fn drop(&mut self) {
        if !self.device.is_empty() {
            run("losetup", &["-d", &self.device], b"");
        }
    }
}

/// A program of the tools tree; the box's folders are where the image has them.
fn in_tree(root: &Path, arguments: &[&str], input: &[u8]) -> Result<Vec<u8>, ExecError> {
    let tree = repository(".peers/trixie");
    let (usr, etc) = (tree.join("usr"), tree.join("etc"));
    let at = |path: &str| root.join(path).to_str().unwrap().to_owned();
    let (release, efi, os) = (
        at("var/lib/postern-host/update/release"),
        at("efi"),
        at("usr/lib/os-release"),
    );
    std::fs::create_dir_all(&release).unwrap();
    let mut all = vec![
        "--ro-bind",
        usr.to_str().unwrap(),
        "/usr",
        "--symlink",
        "usr/lib",
        "/lib",
        "--symlink",
        "usr/lib64",
        "/lib64",
        "--symlink",
        "usr/bin",
        "/bin",
        "--ro-bind",
        etc.to_str().unwrap(),
        "/etc",
        "--dev-bind",
        "/dev",
        "/dev",
        "--proc",
        "/proc",
        "--ro-bind",
        "/sys",
        "/sys",
        "--tmpfs",
        "/run",
        "--tmpfs",
        "/tmp",
        "--bind",
        root.to_str().unwrap(),
        "/box",
        "--bind",
        &efi,
        "/efi",
        "--bind",
        &release,
        "/var/lib/postern-host/update/release",
        "--ro-bind",
        &os,
        "/usr/lib/os-release",
    ];
    all.extend(arguments);
    exec::run("/usr/bin/bwrap", &all, input, std::time::Duration::from_secs(120))
}

/// A release as the script makes it, out of an image as mkosi leaves it.
fn release(a_box: &Box, version: &str, seed: u8) -> (Vec<u8>, Vec<u8>) {
    let dir = a_box.fake.path("/build");
    std::fs::create_dir_all(&dir).unwrap();
    let (key, image, kernel) = (dir.join("a.key"), dir.join("image"), dir.join("uki"));
    if !key.exists() {
        run(
            repository("scripts/sign-release").to_str().unwrap(),
            &["--make-key", key.to_str().unwrap()],
            b"",
        );
        std::fs::copy(dir.join("a.pub"), a_box.fake.path(KEYS_DIR).join("a.pub")).unwrap();
    }
    let table = format!(
        "label: gpt\nstart=2048,size=65536,type=4F68BCE3-E8CD-4DB1-96E7-FBCAF984B709,uuid={UUID},name=postern_{version}\n\
         size=16384,type=2C7357ED-EBD2-46D9-AEC1-23D437EC2BF5,name=postern_{version}\n"
    );
    let file = std::fs::File::create(&image).unwrap();
    file.set_len(48 << 20).unwrap();
    // The file system is smaller than its partition: zeros belong to it.
    let mut root: Vec<u8> = (0..20_u32 << 20)
        .map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8 ^ seed)
        .collect();
    root.resize(32 << 20, 0);
    let verity = vec![seed; 8 << 20];
    file.write_all_at(&root, 2048 * SECTOR).unwrap();
    file.write_all_at(&verity, (2048 + 65_536) * SECTOR).unwrap();
    a_box
        .in_tree(&["/usr/sbin/sfdisk", "-q", "/box/build/image"], table.as_bytes())
        .unwrap();
    std::fs::write(&kernel, format!("kernel {version}")).unwrap();
    let out = a_box.fake.path(STICK_DIR).join(format!("postern-{version}"));
    let paths: Vec<&str> = [&key, &image, &kernel, &out]
        .map(|path| path.to_str().unwrap())
        .to_vec();
    let arguments = [
        "--key",
        paths[0],
        "--version",
        version,
        "--arch",
        arch(),
        "--from",
        "0.1.0",
    ];
    let files = ["--image", paths[1], "--kernel", paths[2], "--out", paths[3]];
    run(
        repository("scripts/sign-release").to_str().unwrap(),
        &[arguments.as_slice(), &files].concat(),
        b"",
    );
    (root, verity)
}

#[test]
#[cfg_attr(not(target_arch = "x86_64"), ignore = "the tools tree is the machine's own")]
fn a_release_goes_from_the_script_to_the_other_slot_and_the_next_one_over_it() {
    let a_box = Box::new();
    let (root, verity) = release(&a_box, "0.2.0", 1);
    let updates = a_box.fetched();
    let stage = updates.show().stage;
    assert!(
        matches!(&stage, UpdateStage::Ready { version, .. } if version == "0.2.0"),
        "{stage:?}"
    );
    updates.apply(NOW).unwrap();
    updates.wait();
    assert_eq!(updates.show().stage, UpdateStage::Writing, "{:?}", updates.show());
    assert_eq!(
        a_box.names()[1..5],
        ["postern_0.1.0", "postern_0.1.0", "postern_0.2.0", "postern_0.2.0"]
    );
    assert!(a_box.slot(ROOT_B) == root && a_box.slot(VERITY_B) == verity);
    let kernels = |fake: &Fake| {
        slots::kernels(fake)
            .into_iter()
            .map(|k| (k.version.to_string(), k.left))
            .collect::<Vec<_>>()
    };
    let both = [("0.1.0".to_owned(), None), ("0.2.0".to_owned(), Some(1))];
    assert_eq!(kernels(&a_box.fake), both);
    // It fails its trial; the version before takes its kernel image away, and the same release can be written again.
    let kernel = slots::kernels(a_box.fake.as_ref()).pop().unwrap().path;
    std::fs::rename(&kernel, kernel.with_file_name("postern_0.2.0+0-1.efi")).unwrap();
    assert_eq!(trial::run(a_box.fake.as_ref()), Outcome::Kept);
    assert!(slots::last(a_box.fake.as_ref()).unwrap().failed);
    assert_eq!(kernels(&a_box.fake), both[..1]);
    let updates = a_box.fetched();
    updates.apply(NOW).unwrap();
    updates.wait();
    assert_eq!(kernels(&a_box.fake), both);
    // A newer one takes the slot that does not run, never the one that does (R20: the way back stays).
    let (root, _) = release(&a_box, "0.3.0", 2);
    let updates = a_box.fetched();
    updates.apply(NOW).unwrap();
    updates.wait();
    assert_eq!(
        kernels(&a_box.fake),
        [("0.1.0".to_owned(), None), ("0.3.0".to_owned(), Some(1))]
    );
    assert!(a_box.slot(ROOT_B) == root);
    assert_eq!(
        a_box.names()[1..5],
        ["postern_0.1.0", "postern_0.1.0", "postern_0.3.0", "postern_0.3.0"]
    );
}
