//! Sticks that are plugged into a box, made and read as another machine does: by mtools in the tools tree, since the kernel here may know no
//! FAT.

use std::fs;
use std::path::{Path, PathBuf};

use crate::harness::run;
use crate::machine::{Appliance, in_tree};

impl Appliance {
    /// A stick as it is bought, one FAT32 partition, with these folders or files on it.
    pub fn stick(&self, name: &str, megabytes: u32, holds: &[PathBuf]) -> PathBuf {
        let file = self.folder().join(format!("{name}.stick"));
        fs::File::create(&file)
            .unwrap()
            .set_len(u64::from(megabytes) << 20)
            .unwrap();
        let path = file.to_str().unwrap();
        let table = run(
            in_tree(self.folder(), "sfdisk").args(["-q", path]),
            "label: dos\nstart=2048, type=c\n",
        );
        assert_eq!(table.status, 0, "{table:?}");
        let blocks = ((megabytes - 1) * 1024).to_string();
        let options = ["-F", "32", "--offset", "2048", "-n", "STICK", path, &blocks];
        let made = run(in_tree(self.folder(), "mkfs.vfat").args(options), "");
        assert_eq!(made.status, 0, "{made:?}");
        for one in holds {
            let copied = run(
                in_tree(one.parent().unwrap(), "mcopy")
                    .args(["-s", "-Q", "-i", &format!("{path}@@1M")])
                    .arg(one)
                    .arg("::")
                    .env(
                        "POSTERN_BIND",
                        format!("{}:{}", self.folder().display(), one.parent().unwrap().display()),
                    ),
                "",
            );
            assert_eq!(copied.status, 0, "{copied:?}");
        }
        file
    }

    /// A file of a stick, as another machine reads it.
    pub fn read_stick(&self, stick: &Path, name: &str) -> String {
        let inside = format!("{}@@1M", stick.display());
        let said = run(
            in_tree(self.folder(), "mtype").args(["-i", &inside, &format!("::{name}")]),
            "",
        );
        assert_eq!(said.status, 0, "{said:?}");
        said.out
    }
}
