//! The session tokens that logins got in this run, for looks that need many of them. They are kept in memory and written nowhere.

use std::sync::{Mutex, MutexGuard, PoisonError};

use super::derivation::{Generator, generator};

/// More tokens than this show nothing new.
const MOST: usize = 64;
/// What made the tokens is looked for when there are so many of them.
const LOOKS: [usize; 3] = [4, 8, 16];
/// A moment in milliseconds is looked for in so many tokens: it costs a hundred times what the other ingredients cost.
const LOOKED_FOR_MOMENTS: usize = 32;

/// Different tokens of logins, the first of the run.
#[derive(Debug, Default)]
pub(crate) struct GivenTokens {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    tokens: Vec<String>,
    /// How many of [`LOOKS`] were taken.
    looks: usize,
    generator: Option<Generator>,
    /// One was made of its moment.
    is_timed: bool,
}

impl GivenTokens {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes what a login was given.
    pub(crate) fn note(&self, token: &str) {
        let tokens = &mut self.state().tokens;
        if tokens.len() < MOST && !tokens.iter().any(|known| known == token) {
            tokens.push(token.to_owned());
        }
    }

    /// Those known so far.
    pub(crate) fn all(&self) -> Vec<String> {
        self.state().tokens.clone()
    }

    /// What made them, as far as it is known by now. It is looked for three times a run at most.
    pub(crate) fn generator(&self) -> Option<Generator> {
        let state = &mut *self.state();
        while let Some(enough) = LOOKS.get(state.looks)
            && state.generator.is_none()
            && let Some(first) = state.tokens.get(..*enough)
        {
            state.generator = generator(first);
            state.looks += 1;
        }
        state.generator
    }

    /// Whether a token may be made of the moment, in milliseconds: nothing says so while many were not.
    pub(crate) fn may_be_timed(&self) -> bool {
        let state = self.state();
        state.is_timed || state.tokens.len() <= LOOKED_FOR_MOMENTS
    }

    /// Notes that one is.
    pub(crate) fn timed(&self) {
        self.state().is_timed = true;
    }
}
