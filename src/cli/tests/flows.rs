//! Commands that take several requests: import, log, the user list.

use super::*;
use crate::enrol::base32;

const HEADER: &str = "upn,serial number,secret key,time interval,manufacturer,model\n";

fn line(number: u64) -> String {
    let mut bytes = [7; 20];
    bytes[..8].copy_from_slice(&number.to_be_bytes());
    let key = base32::encode(&Secret::new(bytes.to_vec()));
    format!("u{number}@contoso.example,S{number},{},60,Acme,One\n", *key)
}

fn report(rows: std::ops::Range<u64>, outcome: RowOutcome) -> Result<Answer, Failure> {
    let result = |line| RowResult {
        line,
        outcome,
        user_made: outcome == RowOutcome::Added,
        unassigned: false,
        note: (outcome == RowOutcome::Refused).then(|| "the key belongs to berta".to_owned()),
    };
    Ok(Answer::Import(ImportReport {
        results: rows.map(result).collect(),
    }))
}

#[test]
fn an_import_goes_in_batches_and_lists_bad_lines() {
    let mut text = HEADER.to_owned();
    (0..2500).for_each(|n| text.push_str(&line(n)));
    text.push_str("anna,S,KEY,30,,\n");
    let files = [("t.csv", text.as_str())];
    let answers = vec![
        report(2..1002, RowOutcome::Added),
        report(1002..2002, RowOutcome::Same),
        report(2002..2502, RowOutcome::Refused),
    ];
    let ran = run_with("import t.csv --digits 8 --active", &files, answers.clone());
    assert_eq!(ran.status, 1);
    let sizes: Vec<usize> = ran
        .asked
        .iter()
        .map(|request| match request {
            Request::ImportBatch(batch) => {
                assert!(batch.active && !batch.dry_run);
                let row = &batch.rows[0];
                assert_eq!(
                    (row.parameters.digits(), row.parameters.period(), row.model.as_str()),
                    (8, Some(60), "Acme One")
                );
                batch.rows.len()
            }
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(sizes, [1000, 1000, 500]);
    let mut lines = ran.out.lines();
    assert_eq!(
        lines.next(),
        Some("t.csv: 2501 lines, 1000 tokens added, 1000 users made, 1000 there already, 501 refused")
    );
    assert_eq!(lines.next(), Some("line 2002: refused: the key belongs to berta"));
    assert_eq!(
        lines.last(),
        Some("line 2502: refused: the key has 3 characters: one is missing or too many")
    );
    assert_eq!(ran.err.lines().count(), 1, "{}", ran.err);

    let ran = run_with("--json import t.csv", &files, answers);
    let json = ran.json();
    assert_eq!(
        (ran.status, json["added"].as_u64(), json["refused"].as_u64()),
        (1, Some(1000), Some(501))
    );
    assert_eq!(json["notes"].as_array().unwrap().len(), 501);
    assert!(
        !ran.out.contains(&base32::encode(&Secret::new(vec![7; 10]))[..8]),
        "no key in the document"
    );
}

#[test]
fn an_import_without_a_bad_line_is_0_and_a_dry_run_says_would() {
    let text = format!("{HEADER}{}anna,S,GEZDGNBVGY3TQOJQ,30,,\n", line(1));
    let ran = run_with(
        "import t.csv --dry-run",
        &[("t.csv", &text)],
        vec![report(2..4, RowOutcome::Added)],
    );
    assert_eq!(ran.status, 0);
    assert!(matches!(&ran.asked[0], Request::ImportBatch(batch) if batch.dry_run && !batch.active));
    assert_eq!(
        ran.out,
        "t.csv: 2 lines, 2 tokens would be added, 2 users would be made, 0 there already, 0 refused\n"
    );
    assert!(ran.err.contains("1 keys have fewer than 16 bytes"), "{}", ran.err);
}

#[test]
fn an_import_that_breaks_off_says_how_far_it_came() {
    let mut text = HEADER.to_owned();
    (0..1500).for_each(|n| text.push_str(&line(n)));
    let broken = Err(Failure::failed("the disk is full"));
    let ran = run_with(
        "import t.csv",
        &[("t.csv", &text)],
        vec![report(2..1002, RowOutcome::Added), broken],
    );
    assert_eq!(ran.status, 1);
    assert_eq!(
        ran.err,
        "postern: the disk is full (the lines up to 1001 are done; import the file again to go on)\n"
    );
}

#[test]
fn long_rows_make_smaller_batches_that_fit_a_frame() {
    let mut text = HEADER.to_owned();
    for n in 0..1000_u64 {
        let mut bytes = [7; 80];
        bytes[..8].copy_from_slice(&n.to_be_bytes());
        let key = base32::encode(&Secret::new(bytes.to_vec()));
        text.push_str(&format!("{n:0>253},{n:0>64},{},30,{n:0>64},{n:0>64}\n", *key));
    }
    let ran = run_with("import t", &[("t", &text)], vec![report(2..1000, RowOutcome::Added)]);
    let first = frame::encode(&ran.asked[0]).unwrap();
    assert!(
        first.len() > 300_000 && first.len() < frame::FRAME_MAX,
        "{}",
        first.len()
    );
    assert!(matches!(&ran.asked[0], Request::ImportBatch(batch) if batch.rows.len() < 1000));
}

fn entry(seq: u64, words: &str) -> LogEntry {
    LogEntry {
        seq,
        at: NOW,
        kind: LogKind::Login,
        user: "anna@contoso.example".to_owned(),
        client: "vpn".to_owned(),
        station: "192.0.2.7".to_owned(),
        outcome: "reject".to_owned(),
        reason: "wrong-code".to_owned(),
        words: words.to_owned(),
        by: String::new(),
        directory_code: Some(50126),
        correlation: None,
        stages: Vec::new(),
        count: 3,
    }
}

fn page(entries: &[u64], next: u64, more: bool) -> Result<Answer, Failure> {
    Ok(Answer::Log(LogPage {
        entries: entries
            .iter()
            .map(|seq| entry(*seq, &format!("record {seq}")))
            .collect(),
        next,
        more,
    }))
}

fn afters(ran: &Ran) -> Vec<(Option<u64>, u32)> {
    let after = |request: &Request| match request {
        Request::Log(ask) => (ask.after, ask.wait_ms),
        other => panic!("{other:?}"),
    };
    ran.asked.iter().map(after).collect()
}

#[test]
fn the_log_since_a_time_is_read_to_its_end() {
    let pages = vec![page(&[3, 4], 4, true), page(&[], 9, true), page(&[12], 12, false)];
    let ran = run_with("log --since today", &[], pages.clone());
    assert_eq!((ran.status, ran.out.lines().count()), (0, 3));
    assert_eq!(afters(&ran), [(Some(0), 0), (Some(4), 0), (Some(9), 0)]);
    assert_eq!(
        ran.out.lines().next(),
        Some(
            "2026-03-01 10:31:04  reject    anna@contoso.example             vpn            record 3 [from 192.0.2.7, AADSTS50126, 3 alike]"
        )
    );
    let json = run_with("log --json --since today", &[], pages).json();
    assert_eq!(json["entries"].as_array().unwrap().len(), 3);
    assert_eq!(json["entries"][2]["reason"], "wrong-code");
    // The newest so many are one page, whatever there is before them.
    let ran = run_with("log --limit 2", &[], vec![page(&[3, 4], 4, true)]);
    assert_eq!((ran.status, afters(&ran)), (0, vec![(None, 0)]));
}

#[test]
fn a_followed_log_goes_on_where_it_was() {
    let pages = vec![page(&[3], 3, false), page(&[4], 5, false), page(&[6], 6, false)];
    let ran = run_with("log --follow", &[], pages.clone());
    assert_eq!(ran.status, 1, "the script ends, as a daemon that stops");
    assert_eq!(ran.out.lines().count(), 3);
    assert_eq!(
        afters(&ran),
        [(None, 0), (Some(3), 10_000), (Some(5), 10_000), (Some(6), 10_000)]
    );
    let ran = run_with("log --follow --json", &[], pages);
    let documents: Vec<serde_json::Value> = ran
        .out
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(documents[2]["seq"], 6);
    assert_eq!(documents[3]["error"]["kind"], "failed");
}

#[test]
fn the_user_list_is_read_page_by_page() {
    let rows = |from: u32, to: u32| {
        let row = |n: u32| UserRow {
            name: format!("u{n}"),
            enabled: n.is_multiple_of(2),
            exempt: false,
            local_password: false,
            active_tokens: 1,
            pending_tokens: 0,
            resync_tokens: 0,
            locked: false,
        };
        Ok(Answer::Users(UserList {
            users: (from..to).map(row).collect(),
            total: 1500,
        }))
    };
    let ran = run_with("user list", &[], vec![rows(0, 1000), rows(1000, 1500)]);
    assert_eq!((ran.status, ran.out.lines().count()), (0, 1500));
    let asked: Vec<_> = ran
        .asked
        .iter()
        .map(|request| match request {
            Request::UserList(ask) => (ask.offset, ask.limit),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(asked, [(0, 1000), (1000, 1000)]);
    assert!(ran.out.lines().nth(1).unwrap().ends_with("disabled, 1 token"));
    let json = run_with("--json user list --search u --limit 2", &[], vec![rows(0, 2)]).json();
    assert_eq!(
        (json["total"].as_u64(), json["users"][1]["name"].as_str()),
        (Some(1500), Some("u1"))
    );
}

/// A reader that has gone away.
struct Gone;

impl Write for Gone {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(io::ErrorKind::BrokenPipe.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A full disk.
struct Full;

impl Write for Full {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(io::ErrorKind::StorageFull.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_reader_that_goes_away_ends_it_quietly_and_a_full_disk_does_not() {
    for (out, status) in [(&mut Gone as &mut dyn Write, 0), (&mut Full, 1)] {
        for line in ["user list", "--json user list"] {
            let mut connect = |_: &Path| {
                let script = Script::default();
                let page = UserList {
                    users: Vec::new(),
                    total: 0,
                };
                let row = UserRow {
                    name: "anna".to_owned(),
                    enabled: true,
                    exempt: false,
                    local_password: false,
                    active_tokens: 0,
                    pending_tokens: 0,
                    resync_tokens: 0,
                    locked: false,
                };
                let page = UserList {
                    users: vec![row],
                    ..page
                };
                script.answers.lock().unwrap().push_back(Ok(Answer::Users(page)));
                Ok(Box::new(script) as Box<dyn Asker>)
            };
            let mut err = Vec::new();
            let mut around = Around {
                input: &mut Files::default(),
                hardware: &mut Real,
                connect: &mut connect,
                view: view(),
                socket: None,
            };
            assert_eq!(run(shell_words(line), &mut around, out, &mut err), status, "{line}");
            assert_eq!(err.is_empty(), status == 0, "{line}");
        }
    }
}

#[test]
fn minutes_of_a_bypass_code_are_told_as_they_are_meant() {
    for minutes in ["0", "61", "300", "x"] {
        let ran = run_with(&format!("user bypass anna --minutes {minutes}"), &[], Vec::new());
        assert_eq!(ran.status, 2);
        assert!(ran.err.contains("it is 1 to 60"), "{}", ran.err);
    }
}

#[test]
fn completions_and_manual_pages_are_no_json() {
    for line in ["--json completions bash", "man --json"] {
        let ran = run_with(line, &[], Vec::new());
        assert_eq!((ran.status, ran.json()["error"]["kind"].as_str()), (2, Some("usage")));
    }
}

#[test]
fn a_dry_run_counts_a_new_user_of_two_batches_once() {
    let mut text = HEADER.to_owned();
    (0..1500).for_each(|n| text.push_str(&line(n).replace(&format!("u{n}@"), if n % 2 == 0 { "U@" } else { "u@" })));
    let batch = |from: u64, to: u64| match report(from..to, RowOutcome::Same) {
        Ok(Answer::Import(mut report)) => {
            report.results[0].outcome = RowOutcome::Added;
            report.results[0].user_made = true;
            Ok(Answer::Import(report))
        }
        other => other,
    };
    let answers = || vec![batch(2, 1002), batch(1002, 1502)];
    let ran = run_with("import t.csv --dry-run", &[("t.csv", &text)], answers());
    assert!(ran.out.contains("1 users would be made"), "{}", ran.out);
    let ran = run_with("import t.csv", &[("t.csv", &text)], answers());
    assert!(ran.out.contains("2 users made"), "as the daemon says: {}", ran.out);
}

#[test]
fn a_log_without_records_says_so_and_one_cut_short_too() {
    let ran = run_with("log --client nowhere", &[], vec![page(&[], 9, false)]);
    assert_eq!(
        (ran.status, ran.out.as_str(), ran.err.as_str()),
        (0, "", "no records\n")
    );
    let ran = run_with("log --user anna", &[], vec![page(&[3], 9, true)]);
    assert!(ran.err.contains("older records were not looked at"), "{}", ran.err);
    let json = run_with("log --user anna --json", &[], vec![page(&[3], 9, true)]).json();
    assert_eq!(json["more"], true);
    let ran = run_with(
        "log --since today",
        &[],
        vec![page(&[3], 3, true), page(&[4], 4, false)],
    );
    assert_eq!(ran.err, "", "all of it was read");
}
