use proptest::prelude::*;

use super::*;

/// Data and status word, or nothing at all.
type Answers = Vec<Option<(Vec<u8>, u16)>>;

/// A token that answers anything, and remembers what it said.
struct Babble {
    answers: Answers,
    said: Vec<(Vec<u8>, Option<u16>)>,
}

impl ApduChannel for Babble {
    fn transmit(&mut self, command: &[u8]) -> Result<Response, LinkError> {
        let answer = self.answers.get(self.said.len()).cloned().flatten();
        self.said
            .push((command.to_vec(), answer.as_ref().map(|(_, status)| *status)));
        answer
            .map(|(data, status)| Response { data, status })
            .ok_or(LinkError::TokenGone)
    }
}

/// Answers of the right shapes, the wrong ones, and none.
fn answer() -> impl Strategy<Value = Option<(Vec<u8>, u16)>> {
    let data = prop_oneof![
        Just(SINGLE.to_vec()),
        Just(MOLTO2.to_vec()),
        Just(profile(0)),
        Just(profile(1)),
        Just(vec![7; 8]),
        Just(vec![]),
        proptest::collection::vec(any::<u8>(), 0..40),
    ];
    let status = prop_oneof![8 => Just(0x9000_u16), 1 => any::<u16>(), 1 => Just(0x9060)];
    prop_oneof![9 => (data, status).prop_map(Some), 1 => Just(None)]
}

fn answers() -> impl Strategy<Value = Answers> {
    proptest::collection::vec(answer(), 0..14)
}

/// The script of a token that does everything, in which a few answers are replaced.
fn nearly(good: Vec<(Vec<u8>, u16)>) -> impl Strategy<Value = Answers> {
    let length = good.len();
    proptest::collection::vec((0..length, answer()), 0..3).prop_map(move |changes| {
        let mut all: Vec<_> = good.iter().cloned().map(Some).collect();
        for (at, answer) in changes {
            all[at] = answer;
        }
        all
    })
}

const SINGLE: &[u8] = b"\0\0\0\x0e86596320000001\0\0\x65\x53\xf1\0";
const MOLTO2: &[u8] = b"\0\0\0\x0812345678\0\0\x65\x53\xf1\0";

/// What `80 41 00 pp 01 70` is answered.
fn profile(occupied: u8) -> Vec<u8> {
    let mut data = vec![0x95, 0x1F, 0x70, 0x1D];
    data.extend([0; 28]);
    data.push(occupied);
    data
}

/// The answers of a token that does everything.
fn good(molto: bool) -> Vec<(Vec<u8>, u16)> {
    let info = if molto { MOLTO2 } else { SINGLE }.to_vec();
    let mut all = vec![info.clone()];
    all.extend(molto.then(|| profile(0)));
    all.extend([vec![7; 8], vec![], vec![], info, vec![7; 8], vec![], vec![]]);
    all.extend(molto.then(Vec::new));
    all.into_iter().map(|data| (data, 0x9000)).collect()
}

/// A family, and answers that are random, or good but for a few.
fn tokens() -> impl Strategy<Value = (bool, Answers)> {
    any::<bool>().prop_flat_map(|molto| {
        let answers = prop_oneof![answers().boxed(), nearly(good(molto)).boxed()];
        (Just(molto), answers)
    })
}

proptest! {
    #[test]
    fn whatever_a_token_answers_only_done_at_the_seed_is_written(
        (molto, answers) in tokens(),
        replace in any::<bool>(),
    ) {
        let (kind, serial) = if molto { (Kind::Molto2, "12345678") } else { (Kind::Single, "86596320000001") };
        let job = Job { profile: molto.then_some(2), title: "anna".to_owned(), replace, ..job(serial) };
        let mut token = Babble { answers, said: Vec::new() };
        let (result, _) = written(&mut token, kind, &job);
        let seeds = token.said.iter().filter(|(command, _)| command[1] == 0xC5).count();
        let done: Vec<u8> = token.said.iter().map(|(command, _)| command[1]).collect();
        prop_assert!(seeds <= 1);
        match result {
            Ok(_) => {
                // Every step in its order, and every one of them done; the title may fail, the token has its seed.
                let order: &[u8] = if molto {
                    &[0x41, 0x41, 0x4B, 0xCE, 0xD4, 0x41, 0x4B, 0xCE, 0xC5, 0xD5]
                } else {
                    &[0x41, 0x4B, 0xCE, 0xD4, 0x41, 0x4B, 0xCE, 0xC5]
                };
                prop_assert_eq!(done.as_slice(), order);
                prop_assert!(token.said.iter().all(|(command, status)| command[1] == 0xD5 || *status == Some(0x9000)));
            }
            Err(trouble) => {
                assert_sound(&trouble, "random");
                // What a token said it took is never denied.
                let took = token.said.iter().any(|(command, status)| {
                    matches!(command[1], 0xD4 | 0xC5) && *status == Some(0x9000)
                });
                prop_assert!(!took || trouble.left == Left::Unknown);
            }
        }
    }

    #[test]
    fn whatever_a_token_answers_it_is_looked_at_in_bounded_time(answers in answers(), molto in any::<bool>()) {
        let kind = if molto { Kind::Molto2 } else { Kind::Single };
        let mut token = Babble { answers, said: Vec::new() };
        if let Err(unfit) = look(&mut token, kind, "x", NOW) {
            prop_assert!(!unfit.to_string().contains('\n'));
        }
        prop_assert!(token.said.len() <= 101);
        prop_assert!(token.said.iter().all(|(command, _)| command[1] == 0x41));
    }

    #[test]
    fn whatever_a_token_answers_a_clock_costs_no_seed(answers in answers(), molto in any::<bool>()) {
        let (kind, serial) = if molto { (Kind::Molto2, "12345678") } else { (Kind::Single, "86596320000001") };
        let job = ClockJob { serial, profile: molto.then_some(2), parameters: usual(), customer_key: None };
        let mut token = Babble { answers, said: Vec::new() };
        let result = set_clock(&mut token, kind, &job, &|| NOW, &mut |_| ());
        prop_assert!(token.said.iter().all(|(command, _)| command[1] != 0xC5));
        if result.is_ok() {
            prop_assert_eq!(token.said.last().map(|(command, status)| (command[1], *status)), Some((0xD4, Some(0x9000))));
        }
    }
}
