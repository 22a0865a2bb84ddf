use super::*;
use crate::process::fill_random;

const PASSPHRASE: &str = "three tall ladders";

fn seal(plain: &[u8], log_n: u8) -> Vec<u8> {
    let mut sealed = Sealed::begin_at(Vec::new(), &PASSPHRASE.into(), log_n, &mut fill_random).unwrap();
    sealed.write_all(plain).unwrap();
    sealed.finish().unwrap()
}

fn open(file: &[u8], passphrase: &str) -> Result<Vec<u8>, String> {
    let opened = Opened::begin(file, &passphrase.into(), None).map_err(|error| error.to_string());
    let mut plain = Vec::new();
    opened?
        .read_to_end(&mut plain)
        .map_err(|error| error.to_string())
        .map(|_| plain)
}

#[test]
fn r21_every_length_comes_back() {
    for length in [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 3 * CHUNK + 7] {
        let plain: Vec<u8> = (0..length).map(|at| (at * 7) as u8).collect();
        assert!(open(&seal(&plain, 4), PASSPHRASE).unwrap() == plain, "{length}");
    }
}

#[test]
fn r21_what_was_changed_or_cut_does_not_open_and_says_what_it_is() {
    let file = seal(&[9; CHUNK + 40], 4);
    let wrong = open(&file, "three tall laddes").unwrap_err();
    assert!(wrong.contains("passphrase is wrong"), "{wrong}");
    for text in ["", "age", "PSTNBKP1", "-----BEGIN AGE ENCRYPTED FILE-----\nYWdl\n"] {
        assert!(
            open(text.as_bytes(), PASSPHRASE)
                .unwrap_err()
                .contains("no backup of Postern"),
            "{text}"
        );
    }
    let head = file.len() - CHUNK - 40 - 2 * TAG - 16;
    let places = (0..head + 20).chain([head + 16 + CHUNK, file.len() - TAG - 1, file.len() - 1]);
    for at in places {
        let mut bad = file.clone();
        bad[at] ^= 1;
        assert!(open(&bad, PASSPHRASE).is_err(), "byte {at}");
        assert!(open(&file[..at], PASSPHRASE).is_err(), "cut at {at}");
    }
    let mut longer = file.clone();
    longer.push(0);
    assert!(open(&longer, PASSPHRASE).is_err());
}

#[test]
fn a_cost_that_no_box_can_bear_is_refused_before_it_is_begun() {
    let text = String::from_utf8_lossy(&seal(b"", 4)).into_owned();
    for (cost, words) in [
        ("19", "2^19"),
        ("63", "2^63"),
        ("0", "no backup"),
        ("+4", "no backup"),
        ("04", "no backup"),
    ] {
        let changed = text.replacen(" 4\n", &format!(" {cost}\n"), 1);
        let line = open(changed.as_bytes(), PASSPHRASE).unwrap_err();
        assert!(line.contains(words), "{cost}: {line}");
    }
    let file = seal(b"", 14);
    let begin = |free: u64| Opened::begin(file.as_slice(), &PASSPHRASE.into(), Some(free));
    for megabytes in [1, 16, 79] {
        let line = begin(megabytes << 20).err().unwrap().to_string();
        let words = format!("takes 80 MB of memory, and {megabytes} MB are free");
        assert!(line.contains(&words), "{line}");
    }
    assert!(begin(80 << 20).is_ok());
}
