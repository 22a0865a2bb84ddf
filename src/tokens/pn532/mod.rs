//! A reader with a PN532 on a USB serial port (HSU, the chip's name for its serial line). In: the path of a port, commands for the
//! token that lies on it; out: the token's answers. It looks for no ports and decides nothing about what is sent.
//!
//! - `frame` frames and what may happen to them on the way: pure
//! - `chip` the chip's commands and answers over any line
//! - `port` the line: a serial port

use std::borrow::BorrowMut;

pub mod chip;
pub mod frame;
pub mod port;
#[cfg(test)]
mod tests;

use super::channel::{ApduChannel, LinkError, Response};
use chip::{Pn532, Target};

/// A talk with one token. Dropping it lets the token go. After the first error nothing more is sent: what the token took is unknown,
/// and it may be another one by now.
pub struct Link<C: BorrowMut<Pn532>> {
    chip: C,
    number: u8,
    lost: Option<LinkError>,
}

impl<C: BorrowMut<Pn532>> Link<C> {
    /// With a card that was just found to talk with it.
    ///
    /// # Errors
    /// [`LinkError::Unfit`]: it is no token.
    pub fn new(chip: C, target: &Target) -> Result<Self, LinkError> {
        let link = Self {
            chip,
            number: target.number,
            lost: None,
        };
        if !target.speaks_iso_dep() {
            return Err(LinkError::Unfit(
                "not a token, the card on the reader speaks no ISO 14443-4: take it off and lay a token there"
                    .to_owned(),
            ));
        }
        Ok(link)
    }
}

impl<C: BorrowMut<Pn532> + Send> ApduChannel for Link<C> {
    fn transmit(&mut self, command: &[u8]) -> Result<Response, LinkError> {
        if let Some(lost) = &self.lost {
            return Err(lost.clone());
        }
        let answer = self.chip.borrow_mut().exchange(self.number, command);
        self.lost = answer.as_ref().err().cloned();
        answer
    }
}

impl<C: BorrowMut<Pn532>> Drop for Link<C> {
    fn drop(&mut self) {
        self.chip.borrow_mut().release(self.number);
    }
}
