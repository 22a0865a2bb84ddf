//! What lies on a block device. In: its first 4 KiB; out: which of the three file systems that the box mounts, its label and its number. Pure;
//! every field is at the place that the format gives it, and nothing is followed.

use crate::text::shown;

/// Bytes that are looked at.
pub const LOOK: usize = 4096;

/// A file system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Volume {
    /// `vfat`, `exfat` or `ext4`: the kernel's word.
    pub system: &'static str,
    /// Its label, shown text; empty where it has none.
    pub label: String,
    /// Its serial number or UUID, hexadecimal digits.
    pub number: String,
}

/// What is there; none where the box mounts nothing of it.
pub fn volume(bytes: &[u8]) -> Option<Volume> {
    exfat(bytes).or_else(|| fat(bytes)).or_else(|| ext(bytes))
}

fn at<const N: usize>(bytes: &[u8], from: usize) -> Option<[u8; N]> {
    bytes.get(from..from.checked_add(N)?)?.try_into().ok()
}

fn made(system: &'static str, label: &[u8], number: &[u8]) -> Option<Volume> {
    let label = String::from_utf8_lossy(label);
    let label = label.split('\0').next().unwrap_or_default().trim();
    Some(Volume {
        system,
        label: if label == "NO NAME" {
            String::new()
        } else {
            shown(label)
        },
        number: data_encoding::HEXLOWER.encode(number),
    })
}

/// Microsoft's exFAT specification, 3.1: the label lies in the root folder and is not looked for.
fn exfat(bytes: &[u8]) -> Option<Volume> {
    let is = at::<8>(bytes, 3)? == *b"EXFAT   " && at::<2>(bytes, 510)? == [0x55, 0xaa];
    if is {
        made("exfat", b"", &at::<4>(bytes, 100)?)
    } else {
        None
    }
}

/// FAT12, FAT16 and FAT32 (Microsoft's FAT specification, 3.1 to 3.3).
fn fat(bytes: &[u8]) -> Option<Volume> {
    let sector = u16::from_le_bytes(at(bytes, 11)?);
    let sane = at::<2>(bytes, 510)? == [0x55, 0xaa] && matches!(sector, 512 | 1024 | 2048 | 4096);
    if !sane || !matches!(bytes.first(), Some(0xeb | 0xe9)) {
        return None;
    }
    if at::<5>(bytes, 82)? == *b"FAT32" {
        return made("vfat", &at::<11>(bytes, 71)?, &at::<4>(bytes, 67)?);
    }
    if at::<3>(bytes, 54)? == *b"FAT" {
        return made("vfat", &at::<11>(bytes, 43)?, &at::<4>(bytes, 39)?);
    }
    None
}

/// ext2, ext3 and ext4 (the kernel's Documentation/filesystems/ext4/super.rst); the ext4 driver reads all three.
fn ext(bytes: &[u8]) -> Option<Volume> {
    if at::<2>(bytes, 1024 + 0x38)? != [0x53, 0xef] {
        return None;
    }
    made("ext4", &at::<16>(bytes, 1024 + 0x78)?, &at::<16>(bytes, 1024 + 0x68)?)
}
