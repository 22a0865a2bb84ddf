//! Tests of the table, and the facts as a list of their own.

use super::*;

/// Written from facts/entra.md line by line, not from [`TABLE`].
pub(in super::super) const FACTS: &[(&[u32], Password, Verdict)] = &[
    (&[50076], Right, Verdict::Continue),
    (&[50074], Right, Verdict::Continue),
    (&[50079, 50072], Right, Verdict::NotRegistered),
    (&[50158], Right, Verdict::External),
    (&[53003], Right, Verdict::Refuse(Blocked)),
    (
        &[53000, 53001, 53002, 53004, 53010, 53011, 530031, 530034, 530035, 50131],
        Inferred,
        Verdict::Refuse(Policy),
    ),
    (&[50055, 50144, 50135, 50125], Right, Verdict::Refuse(PasswordExpired)),
    (&[50057], Unknown, Verdict::Refuse(Disabled)),
    (&[50105], Inferred, Verdict::Refuse(NotAssigned)),
    (&[50126, 50064], Wrong, Verdict::Refuse(WrongPassword)),
    (&[50034, 51004, 50014, 50056], NotChecked, Verdict::Refuse(UnknownUser)),
    (&[50053], Unknown, Verdict::Refuse(Locked)),
    (&[50020, 500208, 90072], Unknown, Verdict::Refuse(WrongAccount)),
    (
        &[50059, 50128, 90002, 90019, 900023, 90038],
        NotChecked,
        Verdict::Configuration,
    ),
    (&[700016, 500011, 700011, 70001], Unknown, Verdict::Configuration),
    (&[65001, 65004, 90094, 650056, 650057], Unknown, Verdict::Configuration),
    (
        &[7000218, 700025, 70002, 7000215, 7000222],
        NotChecked,
        Verdict::Configuration,
    ),
    (&[70011, 900144, 9001023, 50194], NotChecked, Verdict::Configuration),
    (&[50196], NotChecked, Verdict::BackOff),
    (
        &[80001, 80002, 80005, 80007, 80010, 80013, 80014],
        Unknown,
        Verdict::Unavailable,
    ),
    (&[80012], Unknown, Verdict::Refuse(LogonHours)),
    (
        &[90006, 90012, 90024, 90033, 90055, 90090, 50033, 50087],
        Unknown,
        Verdict::Unavailable,
    ),
];

#[test]
fn r12_every_row_of_the_facts_is_in_the_table_and_nothing_else() {
    let mut count = 0;
    for (codes, password, verdict) in FACTS {
        for code in *codes {
            let row = row(*code).unwrap_or_else(|| panic!("{code} is missing"));
            assert_eq!((row.password, row.verdict), (*password, *verdict), "{code}");
            assert!(!row.meaning.is_empty());
            count += 1;
        }
    }
    assert_eq!(TABLE.len(), count, "a code stands twice, or is in the table alone");
}

#[test]
fn r12_every_mistake_in_the_setup_names_its_fix() {
    for row in TABLE {
        if row.verdict == Verdict::Configuration {
            assert!(row.fix.is_some_and(|fix| !fix.is_empty()), "{}", row.code);
        }
    }
    let fix = row(7_000_218).unwrap().fix.unwrap();
    assert!(fix.contains("Allow public client flows"));
    assert!(fix.contains("App registration, Authentication, Advanced settings"));
}

#[test]
fn r12_numbers_are_exact() {
    for near in [5307, 5300, 530030, 530032, 5003, 500530, 7000, 700021, 70002180, 0] {
        assert!(row(near).is_none(), "{near}");
    }
}

#[test]
fn r14_only_a_wrong_password_counts() {
    let counting: Vec<u32> = TABLE
        .iter()
        .filter(|row| matches!(row.verdict, Verdict::Refuse(cause) if cause.counts()))
        .map(|row| row.code)
        .collect();
    assert_eq!(counting, [50126, 50064]);
}
