//! What will expire in one app, and when: an index over lifetimes that are kept elsewhere.

use std::collections::BTreeSet;

use crate::{
    KeyNo, PushNo, UnixMs,
    event::TokenKind,
    index::{CodeNo, UserNo},
};

/// Something whose time is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Due {
    Key(UserNo, KeyNo),
    Code(CodeNo),
    PhoneCode(CodeNo),
    Push(PushNo),
    Token,
}

/// Deadlines by kind, each in order; a set a kind costs a million users less memory than one set of everything.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Deadlines {
    pub(crate) keys: BTreeSet<(UnixMs, UserNo, KeyNo)>,
    pub(crate) codes: BTreeSet<(UnixMs, CodeNo)>,
    pub(crate) phone_codes: BTreeSet<(UnixMs, CodeNo)>,
    pub(crate) pushes: BTreeSet<(UnixMs, PushNo)>,
    pub(crate) tokens: BTreeSet<(UnixMs, TokenKind, u32)>,
}

impl Deadlines {
    /// The earliest deadline of all.
    pub(crate) fn first(&self) -> Option<UnixMs> {
        [
            self.keys.first().map(|entry| entry.0),
            self.codes.first().map(|entry| entry.0),
            self.phone_codes.first().map(|entry| entry.0),
            self.pushes.first().map(|entry| entry.0),
            self.tokens.first().map(|entry| entry.0),
        ]
        .into_iter()
        .flatten()
        .min()
    }

    /// How many there are until `at`; beyond `most` it is enough to know that there are more.
    pub(crate) fn count(&self, at: UnixMs, most: usize) -> usize {
        let keys = self.keys.iter().map(|entry| entry.0);
        let codes = self.codes.iter().map(|entry| entry.0);
        let phone_codes = self.phone_codes.iter().map(|entry| entry.0);
        let pushes = self.pushes.iter().map(|entry| entry.0);
        let tokens = self.tokens.iter().map(|entry| entry.0);
        let due = |due: &UnixMs| *due <= at;
        let kinds = [
            keys.take_while(due).take(most + 1).count(),
            codes.take_while(due).take(most + 1).count(),
            phone_codes.take_while(due).take(most + 1).count(),
            pushes.take_while(due).take(most + 1).count(),
            tokens.take_while(due).take(most + 1).count(),
        ];
        kinds.iter().sum()
    }

    /// Takes out the earliest deadline if it is not after `at`; keys go before codes of the same moment, then phone codes, then pushes, tokens last.
    pub(crate) fn pop(&mut self, at: UnixMs) -> Option<(UnixMs, Due)> {
        let first = self.first().filter(|first| *first <= at)?;
        if self.keys.first().is_some_and(|entry| entry.0 == first) {
            return self
                .keys
                .pop_first()
                .map(|(due, user, no)| (due, Due::Key(user, no)));
        }
        if self.codes.first().is_some_and(|entry| entry.0 == first) {
            return self
                .codes
                .pop_first()
                .map(|(due, code)| (due, Due::Code(code)));
        }
        if self
            .phone_codes
            .first()
            .is_some_and(|entry| entry.0 == first)
        {
            return self
                .phone_codes
                .pop_first()
                .map(|(due, code)| (due, Due::PhoneCode(code)));
        }
        if self.pushes.first().is_some_and(|entry| entry.0 == first) {
            return self
                .pushes
                .pop_first()
                .map(|(due, push)| (due, Due::Push(push)));
        }
        self.tokens.pop_first().map(|(due, _, _)| (due, Due::Token))
    }
}
