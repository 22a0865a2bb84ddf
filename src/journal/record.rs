//! The bytes of a segment: a head, then records, all under one chain of MACs. In: bytes and the chain's key; out: records proven
//! to be the ones that were written, and where they end. No I/O.
//!
//! ```text
//! head    magic 8 | first seq u64 | newest time before u64 | mac before 16 | mac 16
//! record  payload's length u32 | place in its group u32 | seq u64 | time u64 | payload | mac 16
//! ```
//! Numbers are little-endian. A record's MAC is HMAC-SHA256 over the MAC before, the 24 bytes of the record's head and the payload,
//! cut to 16 bytes. A group begins only after the group before is on the disk, so a record whose group begins behind a bad
//! record proves that the bad one had been acknowledged: that is damage. Without such a proof the bad record is a torn tail.

use ring::hmac;

use super::PAYLOAD_MAX;
use crate::store::records::Timestamp;

/// Bytes of a MAC in the chain.
pub(super) const MAC_LEN: usize = 16;
/// Bytes of a segment's head, and of the checkpoint.
pub(super) const HEAD_LEN: usize = 56;
/// Bytes before the payload.
const PREFIX_LEN: usize = 24;
/// Bytes that a record takes besides its payload.
pub(super) const RECORD_OVERHEAD: usize = PREFIX_LEN + MAC_LEN;

/// Good records behind bad ones are looked for in so many bytes for each byte of a segment: real damage takes one or two, and what was made
/// to take a day is given up after a second.
const LOOKING_MAX: usize = 16;

/// A place in the chain.
pub(super) type Mac = [u8; MAC_LEN];

/// Which file a head stands in.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    /// A segment.
    Segment,
    /// What pruning leaves.
    Checkpoint,
}

impl Kind {
    fn magic(self) -> &'static [u8; 8] {
        match self {
            Kind::Segment => b"PSTNJRN1",
            Kind::Checkpoint => b"PSTNCKP1",
        }
    }
}

/// The chain's key.
#[derive(Clone)]
pub(super) struct Chain(hmac::Key);

impl Chain {
    pub(super) fn new(key: &[u8; 32]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, key))
    }

    fn mac(&self, parts: [&[u8]; 3]) -> Mac {
        let mut context = hmac::Context::with_key(&self.0);
        parts.iter().for_each(|part| context.update(part));
        context.sign().as_ref().first_chunk().copied().unwrap_or_default()
    }
}

/// Where a segment stands in the chain.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Head {
    /// The number of its first record.
    pub(super) first_seq: u64,
    /// The newest time in the segment before.
    pub(super) at_before: Timestamp,
    /// The MAC of the record before.
    pub(super) mac_before: Mac,
}

impl Head {
    pub(super) fn encode(&self, chain: &Chain, kind: Kind) -> Vec<u8> {
        let mut out = Vec::with_capacity(HEAD_LEN);
        out.extend_from_slice(kind.magic());
        out.extend_from_slice(&self.first_seq.to_le_bytes());
        out.extend_from_slice(&self.at_before.0.to_le_bytes());
        out.extend_from_slice(&self.mac_before);
        let mac = chain.mac([b"head", &out, b""]);
        out.extend_from_slice(&mac);
        out
    }

    pub(super) fn decode(bytes: &[u8], chain: &Chain, kind: Kind) -> Option<Self> {
        let (body, mac) = bytes.get(..HEAD_LEN)?.split_at_checked(HEAD_LEN - MAC_LEN)?;
        if body.get(..8)? != kind.magic() || mac != chain.mac([b"head", body, b""]) {
            return None;
        }
        Some(Self {
            first_seq: u64_at(body, 8)?,
            at_before: Timestamp(u64_at(body, 16)?),
            mac_before: *body.get(24..)?.first_chunk()?,
        })
    }
}

/// One record in a segment's bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Record<'a> {
    pub(super) seq: u64,
    pub(super) at: Timestamp,
    pub(super) payload: &'a [u8],
    /// The first record of its group.
    group: u64,
    mac: Mac,
    /// Bytes it takes.
    len: usize,
}

/// Appends a record to a group's buffer and returns its MAC. `place`: how many records of the group stand before it.
pub(super) fn encode(
    out: &mut Vec<u8>,
    chain: &Chain,
    before: &Mac,
    seq: u64,
    place: u32,
    at: Timestamp,
    payload: &[u8],
) -> Mac {
    let mut prefix = [0; PREFIX_LEN];
    let len = u32::try_from(payload.len()).unwrap_or(u32::MAX);
    let fields = len.to_le_bytes().into_iter().chain(place.to_le_bytes());
    let fields = fields.chain(seq.to_le_bytes()).chain(at.0.to_le_bytes());
    prefix.iter_mut().zip(fields).for_each(|(to, from)| *to = from);
    let mac = chain.mac([before, &prefix, payload]);
    out.extend_from_slice(&prefix);
    out.extend_from_slice(payload);
    out.extend_from_slice(&mac);
    mac
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

/// The record at `bytes`, as its own length tells, not yet proven.
fn parse(bytes: &[u8]) -> Option<Record<'_>> {
    let len = u32_at(bytes, 0)? as usize;
    if len > PAYLOAD_MAX {
        return None;
    }
    let seq = u64_at(bytes, 8)?;
    Some(Record {
        seq,
        at: Timestamp(u64_at(bytes, 16)?),
        payload: bytes.get(PREFIX_LEN..PREFIX_LEN + len)?,
        group: seq.checked_sub(u64::from(u32_at(bytes, 4)?))?,
        mac: *bytes.get(PREFIX_LEN + len..)?.first_chunk()?,
        len: PREFIX_LEN + len + MAC_LEN,
    })
}

/// As [`parse`], proven to follow the record whose MAC is `before`.
fn proven<'a>(bytes: &'a [u8], chain: &Chain, before: &Mac) -> Option<Record<'a>> {
    let record = parse(bytes)?;
    let prefix = bytes.get(..PREFIX_LEN)?;
    (chain.mac([before, prefix, record.payload]) == record.mac).then_some(record)
}

/// A hole: where, the first record that is missing or changed, and the first good one behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Hole {
    pub(super) offset: usize,
    pub(super) seq: u64,
    pub(super) found: u64,
}

/// What a segment's bytes hold.
#[derive(Clone, Debug, Default)]
pub(super) struct Scan {
    /// The number after the last good record.
    pub(super) next_seq: u64,
    /// The last good record's MAC.
    pub(super) mac: Mac,
    /// The newest time.
    pub(super) newest_at: Timestamp,
    /// Good records.
    pub(super) records: u64,
    /// Where the last good record ends.
    pub(super) good: usize,
    /// Holes between good records.
    pub(super) holes: Vec<Hole>,
}

/// Walks a segment's bytes (head included, which is not looked at): every proven record below `end` goes to `each`. `end` is
/// where the next segment begins or what is known to be on the disk; `u64::MAX` where neither is known.
pub(super) fn scan<'a>(
    bytes: &'a [u8],
    head: &Head,
    end: u64,
    chain: &Chain,
    each: &mut dyn FnMut(usize, Record<'a>),
) -> Scan {
    let mut scan = Scan {
        next_seq: head.first_seq,
        mac: head.mac_before,
        newest_at: head.at_before,
        good: HEAD_LEN.min(bytes.len()),
        ..Scan::default()
    };
    let mut looking = bytes.len().saturating_mul(LOOKING_MAX).max(PAYLOAD_MAX * LOOKING_MAX);
    while scan.next_seq < end && scan.good < bytes.len() {
        let rest = bytes.get(scan.good..).unwrap_or_default();
        let next = proven(rest, chain, &scan.mac)
            .filter(|record| record.seq == scan.next_seq)
            .map(|r| (scan.good, r));
        let Some((offset, record)) = next.or_else(|| {
            let found = beyond(bytes, scan.good, &scan.mac, scan.next_seq, end, chain, &mut looking);
            if looking == 0 && found.is_none() {
                // No torn tail, which would be cut off: nobody knows what stands behind.
                scan.holes.push(Hole {
                    offset: scan.good,
                    seq: scan.next_seq,
                    found: scan.next_seq.saturating_add(1),
                });
            }
            let (offset, record) = found?;
            scan.holes.push(Hole {
                offset: scan.good,
                seq: scan.next_seq,
                found: record.seq,
            });
            Some((offset, record))
        }) else {
            break;
        };
        each(offset, record);
        scan.next_seq = record.seq + 1;
        scan.mac = record.mac;
        scan.newest_at = scan.newest_at.max(record.at);
        scan.records += 1;
        scan.good = offset + record.len;
    }
    scan
}

/// The first good record behind a bad one at `from` (which should follow `before`), if `end` or a later group proves that the bad
/// one had been on the disk. `looking`: bytes that may still be looked at; none is found when they are used up.
fn beyond<'a>(
    bytes: &'a [u8],
    from: usize,
    before: &Mac,
    bad: u64,
    end: u64,
    chain: &Chain,
    looking: &mut usize,
) -> Option<(usize, Record<'a>)> {
    let most = bad
        .saturating_add((bytes.len() / RECORD_OVERHEAD) as u64)
        .min(end.saturating_sub(1));
    // The bad record's MAC alone may be what was changed: then the next one follows what it should have been.
    let should_be = bytes.get(from..).and_then(parse).map(|record| {
        let prefix = bytes.get(from..from + PREFIX_LEN).unwrap_or_default();
        (from + record.len, chain.mac([before, prefix, record.payload]))
    });
    let mut first = None;
    let mut at = from + 1;
    while at + RECORD_OVERHEAD <= bytes.len() {
        *looking = looking.saturating_sub(1);
        if *looking == 0 {
            return None;
        }
        let found = u64_at(bytes, at + 8)
            .filter(|seq| (bad + 1..=most).contains(seq))
            .and_then(|_| {
                let rest = bytes.get(at..)?;
                // What a MAC is made over.
                *looking = looking.saturating_sub(parse(rest)?.len);
                let stands = bytes.get(at.checked_sub(MAC_LEN)?..)?.first_chunk()?;
                let other = should_be.filter(|(next, _)| *next == at);
                proven(rest, chain, stands).or_else(|| proven(rest, chain, &other?.1))
            });
        let Some(record) = found else {
            at += 1;
            continue;
        };
        let first_found = *first.get_or_insert((at, record));
        if end < u64::MAX || record.group > bad {
            return Some(first_found);
        }
        *looking = looking.saturating_sub(record.len);
        at += record.len;
    }
    None
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
mod tests {
    use super::*;

    /// Groups of payloads as a segment.
    fn segment(chain: &Chain, groups: &[&[&str]]) -> (Vec<u8>, Vec<usize>, Head) {
        let head = Head {
            first_seq: 5,
            at_before: Timestamp(1),
            mac_before: [3; 16],
        };
        let mut out = head.encode(chain, Kind::Segment);
        let (mut mac, mut seq, mut starts) = (head.mac_before, 5, Vec::new());
        for group in groups {
            for (place, payload) in group.iter().enumerate() {
                starts.push(out.len());
                mac = encode(
                    &mut out,
                    chain,
                    &mac,
                    seq,
                    place as u32,
                    Timestamp(seq * 10),
                    payload.as_bytes(),
                );
                seq += 1;
            }
        }
        (out, starts, head)
    }

    fn seqs(bytes: &[u8], head: &Head, chain: &Chain) -> (Vec<u64>, Scan) {
        let mut seen = Vec::new();
        let scan = scan(bytes, head, u64::MAX, chain, &mut |_, record| seen.push(record.seq));
        (seen, scan)
    }

    #[test]
    fn r23_heads_are_proven() {
        let chain = Chain::new(&[1; 32]);
        let (bytes, _, head) = segment(&chain, &[]);
        assert_eq!(Head::decode(&bytes, &chain, Kind::Segment), Some(head));
        assert_eq!(Head::decode(&bytes, &chain, Kind::Checkpoint), None);
        assert_eq!(Head::decode(&bytes, &Chain::new(&[2; 32]), Kind::Segment), None);
        for i in 0..HEAD_LEN {
            let mut bad = bytes.clone();
            bad[i] ^= 0x80;
            assert_eq!(Head::decode(&bad, &chain, Kind::Segment), None, "byte {i}");
            assert_eq!(Head::decode(&bytes[..i], &chain, Kind::Segment), None, "cut at {i}");
        }
    }

    #[test]
    fn r23_a_changed_byte_is_seen_and_a_later_group_proves_damage() {
        let chain = Chain::new(&[1; 32]);
        let (bytes, starts, head) = segment(&chain, &[&["one", "two"], &["three", "four"], &["five", ""]]);
        assert_eq!(seqs(&bytes, &head, &chain).0, [5, 6, 7, 8, 9, 10]);
        for i in starts[0]..bytes.len() {
            let mut bad = bytes.clone();
            bad[i] ^= 1;
            let hit = starts.iter().filter(|start| **start <= i).count() - 1;
            let (seen, scan) = seqs(&bad, &head, &chain);
            assert_eq!(seen[..hit], [5, 6, 7, 8, 9, 10][..hit], "byte {i}");
            if hit < 4 {
                let hole = scan.holes[0];
                assert_eq!((hole.offset, hole.seq), (starts[hit], hit as u64 + 5), "byte {i}");
                assert!(seen.contains(&10), "byte {i}: {seen:?}");
            } else {
                assert_eq!(
                    (scan.holes.len(), scan.good),
                    (0, starts[hit]),
                    "byte {i}: the last group may be torn"
                );
            }
        }
    }

    #[test]
    fn r23_a_record_counts_in_its_place_only() {
        let chain = Chain::new(&[1; 32]);
        let (mut bytes, starts, head) = segment(&chain, &[&["aaa"], &["bbb"], &["ccc"]]);
        let (a, b) = (
            bytes[starts[0]..starts[1]].to_vec(),
            bytes[starts[1]..starts[2]].to_vec(),
        );
        bytes[starts[0]..starts[1]].copy_from_slice(&b);
        bytes[starts[1]..starts[2]].copy_from_slice(&a);
        let (seen, _) = seqs(&bytes, &head, &chain);
        assert!(!seen.contains(&5) && !seen.contains(&6), "{seen:?}");
    }

    #[test]
    fn a_segment_that_was_made_to_take_a_day_is_given_up_in_a_moment() {
        let chain = Chain::new(&[1; 32]);
        let many = vec!["x"; 30_001];
        let (mut bytes, starts, head) = segment(&chain, &[&many, &["y"]]);
        // Every other one is bad, and only the last record proves it.
        for start in starts.iter().step_by(2) {
            bytes[start + PREFIX_LEN] ^= 1;
        }
        let begun = std::time::Instant::now();
        let (seen, scan) = seqs(&bytes, &head, &chain);
        assert!(
            begun.elapsed() < std::time::Duration::from_secs(20),
            "{:?}",
            begun.elapsed()
        );
        assert!(seen.len() < 1000 && !scan.holes.is_empty(), "{}", seen.len());
        assert!(
            scan.good < bytes.len(),
            "and nothing is cut off as torn: the segment is closed"
        );
    }
}
