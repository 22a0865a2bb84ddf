//! What ISO 7816-4 asks of whoever carries a command over a link that knows only blocks. In: a command APDU; out: its whole answer:
//! pieces are fetched (61xx), a wrong length is set right once (6Cxx), and with T=0 the length of the answer is left out where data
//! go the other way. Short APDUs only: the tokens know no others.

use zeroize::Zeroizing;

use crate::tokens::channel::{LinkError, Response};

/// Most pieces that an answer is fetched in: 8 KiB, far beyond what a token says.
const PIECES_MAX: usize = 32;

/// A block from the token, its last two bytes the status word, or why there is none.
pub type Block = Result<Zeroizing<Vec<u8>>, LinkError>;

/// Where the expected length (Le) of a command stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    /// Four bytes: no data, no answer expected.
    Bare,
    /// The fifth byte is the expected length.
    Asks,
    /// Data and no expected length.
    Tells,
    /// Data, then the expected length as the last byte.
    Both,
    /// Nothing that a short APDU may be: sent as it is.
    Other,
}

fn shape(command: &[u8]) -> Shape {
    let data = command.get(4).map(|length| usize::from(*length));
    match (command.len(), data) {
        (4, _) => Shape::Bare,
        (5, _) => Shape::Asks,
        (all, Some(data)) if data > 0 && all == 5 + data => Shape::Tells,
        (all, Some(data)) if data > 0 && all == 6 + data => Shape::Both,
        _ => Shape::Other,
    }
}

/// The block that carries a command.
fn block(command: &[u8], t0: bool) -> Zeroizing<Vec<u8>> {
    let mut block = Zeroizing::new(command.to_vec());
    if t0 {
        match shape(command) {
            Shape::Bare => block.push(0),
            Shape::Both => {
                block.pop();
            }
            Shape::Asks | Shape::Tells | Shape::Other => {}
        }
    }
    block
}

/// The command once more, with the length that the token named; none where it has no such place.
fn with_length(command: &[u8], length: u8) -> Option<Zeroizing<Vec<u8>>> {
    let mut again = Zeroizing::new(command.to_vec());
    match shape(command) {
        Shape::Asks | Shape::Both => {
            again.pop();
        }
        Shape::Bare | Shape::Tells => {}
        Shape::Other => return None,
    }
    // Room for one byte more, so that no copy stays behind.
    let mut whole = Zeroizing::new(Vec::with_capacity(again.len() + 1));
    whole.extend_from_slice(&again);
    whole.push(length);
    Some(whole)
}

/// Carries a command, whatever pieces its answer comes in.
///
/// # Errors
/// The link's, and [`LinkError::Silent`] for an answer without a status word or without an end.
pub fn carry(command: &[u8], t0: bool, send: &mut dyn FnMut(&[u8]) -> Block) -> Result<Response, LinkError> {
    let mut exchange = |command: &[u8]| -> Result<(Zeroizing<Vec<u8>>, u8, u8), LinkError> {
        let mut answer = send(&block(command, t0))?;
        match (answer.pop(), answer.pop()) {
            (Some(low), Some(high)) => Ok((answer, high, low)),
            _ => Err(LinkError::Silent),
        }
    };
    let (mut piece, mut high, mut low) = exchange(command)?;
    if high == 0x6C
        && let Some(again) = with_length(command, low)
    {
        (piece, high, low) = exchange(&again)?;
    }
    let mut data = Zeroizing::new(Vec::with_capacity(PIECES_MAX * 256));
    data.extend_from_slice(&piece);
    for _ in 0..PIECES_MAX {
        if high != 0x61 {
            return Ok(Response {
                data: std::mem::take(&mut *data),
                status: u16::from_be_bytes([high, low]),
            });
        }
        (piece, high, low) = exchange(&[0x00, 0xC0, 0x00, 0x00, low])?;
        if high == 0x6C {
            (piece, high, low) = exchange(&[0x00, 0xC0, 0x00, 0x00, low])?;
        }
        data.extend_from_slice(&piece);
    }
    Err(LinkError::Silent)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
mod tests {
    use std::collections::VecDeque;

    use super::*;

    /// Answers from a list; says what was sent.
    fn play(command: &[u8], t0: bool, answers: &[&[u8]]) -> (Result<Response, LinkError>, Vec<Vec<u8>>) {
        let mut answers: VecDeque<&[u8]> = answers.iter().copied().collect();
        let mut sent = Vec::new();
        let got = carry(command, t0, &mut |block| {
            sent.push(block.to_vec());
            answers
                .pop_front()
                .map(|answer| Zeroizing::new(answer.to_vec()))
                .ok_or(LinkError::TokenGone)
        });
        (got, sent)
    }

    fn good(got: Result<Response, LinkError>) -> (Vec<u8>, u16) {
        let response = got.unwrap();
        (response.data.clone(), response.status)
    }

    const INFO: [u8; 7] = [0x80, 0x41, 0, 0, 2, 2, 0x11];
    const PROFILE: [u8; 6] = [0x80, 0x41, 0, 3, 1, 0x70];

    #[test]
    fn an_answer_is_its_data_and_its_status_word() {
        let (got, sent) = play(&INFO, false, &[&[1, 2, 0x90, 0]]);
        assert_eq!(good(got), (vec![1, 2], 0x9000));
        assert_eq!(sent, [INFO]);
        let (got, _) = play(&INFO, false, &[&[0x69, 0x83]]);
        assert_eq!(good(got), (vec![], 0x6983));
    }

    #[test]
    fn an_answer_without_a_status_word_is_none() {
        for answer in [&[][..], &[0x90]] {
            assert_eq!(play(&INFO, false, &[answer]).0, Err(LinkError::Silent));
        }
    }

    #[test]
    fn iso_7816_61xx_is_fetched_piece_by_piece() {
        let (got, sent) = play(&INFO, false, &[&[0x61, 3], &[1, 2, 3, 0x61, 2], &[4, 5, 0x90, 0]]);
        assert_eq!(good(got), (vec![1, 2, 3, 4, 5], 0x9000));
        assert_eq!(sent[1..], [vec![0, 0xC0, 0, 0, 3], vec![0, 0xC0, 0, 0, 2]]);
        // Also where the piece's length is named wrongly, and the link may still be lost in between.
        let (got, sent) = play(&INFO, false, &[&[0x61, 3], &[0x6C, 1], &[7, 0x90, 0]]);
        assert_eq!(good(got), (vec![7], 0x9000));
        assert_eq!(sent[2], [0, 0xC0, 0, 0, 1]);
        assert_eq!(play(&INFO, false, &[&[0x61, 3]]).0, Err(LinkError::TokenGone));
    }

    #[test]
    fn an_answer_without_an_end_is_given_up() {
        let piece: &[u8] = &[1, 0x61, 1];
        let (got, sent) = play(&INFO, false, &vec![piece; 1000]);
        assert_eq!(got, Err(LinkError::Silent));
        assert_eq!(sent.len(), 1 + PIECES_MAX);
    }

    #[test]
    fn iso_7816_6cxx_is_set_right_once_in_every_shape() {
        let cases: [(&[u8], &[u8]); 4] = [
            (&[0x80, 0x41, 0, 0], &[0x80, 0x41, 0, 0, 5]),
            (&[0x80, 0x41, 0, 0, 0], &[0x80, 0x41, 0, 0, 5]),
            (&PROFILE, &[0x80, 0x41, 0, 3, 1, 0x70, 5]),
            (&[0x80, 0x41, 0, 3, 1, 0x70, 0], &[0x80, 0x41, 0, 3, 1, 0x70, 5]),
        ];
        for (command, again) in cases {
            let (got, sent) = play(command, false, &[&[0x6C, 5], &[1, 2, 3, 4, 5, 0x90, 0]]);
            assert_eq!(good(got), (vec![1, 2, 3, 4, 5], 0x9000));
            assert_eq!(sent[1], again);
            let (got, sent) = play(command, false, &[&[0x6C, 5], &[0x6C, 5]]);
            assert_eq!((good(got), sent.len()), ((vec![], 0x6C05), 2));
        }
    }

    #[test]
    fn t0_carries_no_expected_length_beside_data() {
        for (command, block) in [
            (&[0x80, 0x56, 0, 0][..], &[0x80, 0x56, 0, 0, 0][..]),
            (&[0x80, 0x41, 0, 0, 0], &[0x80, 0x41, 0, 0, 0]),
            (&PROFILE, &PROFILE),
            (&[0x80, 0x4B, 8, 0, 1, 0, 8], &[0x80, 0x4B, 8, 0, 1, 0]),
            (&INFO, &INFO),
        ] {
            assert_eq!(play(command, true, &[&[0x90, 0]]).1, [block]);
            assert_eq!(play(command, false, &[&[0x90, 0]]).1, [command]);
        }
    }

    #[test]
    fn what_is_no_short_apdu_goes_as_it_is() {
        for command in [
            &[][..],
            &[0x80],
            &[0x80, 0x41, 0, 0, 9, 1],
            &[0x80, 0x41, 0, 0, 0, 1, 0, 7],
        ] {
            assert_eq!(shape(command), Shape::Other);
            let (got, sent) = play(command, true, &[&[0x6C, 1]]);
            assert_eq!((good(got), sent), ((vec![], 0x6C01), vec![command.to_vec()]));
        }
    }
}
