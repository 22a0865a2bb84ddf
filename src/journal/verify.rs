//! Whether the journal on the disk is what was written (R23). In: a directory and the chain's key; out: what is missing or changed.
//! Changes nothing.

use std::path::Path;

use super::files::{self, CHECKPOINT, Segment};
use super::record::{Chain, Head};
use super::{Damage, OpenError, Report};

/// The segments, where the chain begins, and what can be said to be wrong without reading entries.
pub(super) fn survey(dir: &Path, chain: &Chain) -> Result<(Vec<Segment>, Head, Vec<Damage>), OpenError> {
    let fail = |e| OpenError::Io(dir.to_owned(), e);
    let segments = files::list(dir, chain).map_err(fail)?;
    let mut damage = Vec::new();
    let begin = match files::checkpoint(dir, chain).map_err(fail)? {
        None => Head {
            first_seq: 1,
            ..Head::default()
        },
        Some(Ok(head)) => head,
        Some(Err(())) => {
            let (file, what) = (
                CHECKPOINT.to_owned(),
                String::from("changed: where the journal begins is not proven"),
            );
            let first = segments.first().map(|segment| segment.first_seq);
            damage.push(Damage {
                file,
                offset: 0,
                seq: first.unwrap_or(1),
                next: first.unwrap_or(1).saturating_add(1),
                what,
            });
            segments.first().and_then(|segment| segment.head).unwrap_or(Head {
                first_seq: 1,
                ..Head::default()
            })
        }
    };
    Ok((segments, begin, damage))
}

/// Walks all segments. `newest`: what is known to be on the disk, where the journal goes on meanwhile.
pub(super) fn verify(dir: &Path, chain: &Chain, newest: Option<u64>) -> Result<Report, OpenError> {
    let (segments, begin, mut damage) = survey(dir, chain)?;
    let end = newest.map_or(u64::MAX, |newest| newest.saturating_add(1));
    let segments: Vec<Segment> = segments
        .into_iter()
        .filter(|s| s.first_seq >= begin.first_seq && s.first_seq < end)
        .collect();
    let walk = files::walk(&segments, Some(begin), end, chain, &mut |_| {})?;
    damage.extend(walk.damage);
    damage.extend(files::set_aside(dir).map_err(|e| OpenError::Io(dir.to_owned(), e))?);
    let next_seq = if segments.is_empty() {
        begin.first_seq
    } else {
        walk.next_seq
    };
    if next_seq < end && newest.is_some() {
        let (file, what) = (
            String::from("the end"),
            String::from("entries that had been written are missing"),
        );
        damage.push(Damage {
            file,
            offset: 0,
            seq: next_seq,
            next: end,
            what,
        });
    }
    Ok(Report {
        segments: segments.len(),
        entries: walk.entries,
        first_seq: segments.first().map_or(begin.first_seq, |segment| segment.first_seq),
        last_seq: next_seq - 1,
        pruned: begin.first_seq > 1,
        unfinished_bytes: if newest.is_some() { 0 } else { walk.tail },
        damage,
    })
}
