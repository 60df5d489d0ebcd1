//! The pictures of a page: each once, up to a cap, and with what was said in them until that is too much.

use crate::sequence::{Said, Sequence};
use wxmock_model::history::{History, Message};

/// Pictures embedded in one page; a page above some ten megabytes is no fun to open.
const PER_PAGE: usize = 400;

/// Bytes of headers and bodies embedded in one page beside those of the pictures shown first.
pub(super) const SAID_PER_PAGE: usize = 3 << 20;

/// Pictures, each once, up to the cap.
#[derive(Default)]
pub(super) struct Album<'a> {
    pub(super) pictures: Vec<Sequence>,
    /// Which history, and what is pointed at in it, each picture is of.
    pub(super) known: Vec<(&'a History, &'a [usize])>,
    pub(super) left_out: usize,
    /// Bytes of headers and bodies so far.
    pub(super) said: usize,
    /// Pictures without headers and bodies because there would be too many of them.
    pub(super) hushed: usize,
}

impl<'a> Album<'a> {
    pub(super) fn add(
        &mut self,
        history: &'a History,
        pointed: &'a [usize],
        must: bool,
    ) -> Option<usize> {
        let known = self
            .known
            .iter()
            .position(|(other, steps)| std::ptr::eq(*other, history) && *steps == pointed);
        if known.is_some() {
            return known;
        }
        if self.pictures.len() >= PER_PAGE && !must {
            self.left_out += 1;
            return None;
        }
        let mut picture = Sequence::of(history, pointed);
        let said = weight(&picture);
        if self.said + said > SAID_PER_PAGE && !must {
            self.hushed += usize::from(picture.hush());
        } else {
            self.said += said;
        }
        self.pictures.push(picture);
        self.known.push((history, pointed));
        Some(self.pictures.len() - 1)
    }
}

/// How many bytes of headers and bodies a picture carries.
fn weight(picture: &Sequence) -> usize {
    let message = |message: &Message| {
        let headers = message.headers.iter();
        headers
            .map(|(name, value)| name.len() + value.len())
            .sum::<usize>()
            + message.body.len()
    };
    let exchange = |said: &Said| message(&said.exchange.request) + message(&said.exchange.response);
    picture.exchanges.iter().map(exchange).sum()
}
