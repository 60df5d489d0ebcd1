//! What clients saw of one person, and whether it can be put into one order: a search by Wing and Gong with the states it
//! has been to left out (Lowe, "Testing for linearizability", 2017).

use std::collections::HashSet;
use std::fmt;

use super::model::{Act, Answer, Person, Rules};

/// Most operations of one person: a set of them is one word.
pub(super) const MOST: usize = 64;

/// One operation: what, and when it began and ended on a counter that all clients share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Operation {
    pub(super) client: u8,
    pub(super) act: Act,
    pub(super) answer: Answer,
    pub(super) began: u64,
    pub(super) ended: u64,
}

/// Operations of one person that no order explains.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Whose they are.
    pub person: String,
    /// The operations in the order they ended, up to the first that no order explains, that one last.
    pub operations: Vec<String>,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "no order explains what was answered about {}:",
            self.person
        )?;
        for operation in &self.operations {
            writeln!(f, "    {operation}")?;
        }
        Ok(())
    }
}

/// The number of the first operation, by its end, with which no order is left; `None` if there is an order for all.
pub(super) fn first_without_order(history: &[Operation], rules: Rules) -> Option<usize> {
    if has_order(history, rules, history.len()) {
        return None;
    }
    // What ended later can only explain more: an operation still under way may or may not have happened.
    (1..=history.len()).find(|n| !has_order(history, rules, *n))
}

/// Whether the first `n` operations by their end have an order. Those after them may have happened too, with whatever answer.
fn has_order(history: &[Operation], rules: Rules, n: usize) -> bool {
    let must = low_bits(n);
    let mut seen = HashSet::new();
    let mut open = vec![(0_u64, Person::default())];
    while let Some((done, person)) = open.pop() {
        if done & must == must {
            return true;
        }
        // Whoever begins after another has ended comes after it.
        let left = (0..n).filter(|no| done & (1 << no) == 0);
        let first_end = left.map(|no| history[no].ended).min().unwrap_or(u64::MAX);
        for (no, operation) in history.iter().enumerate() {
            if done & (1 << no) != 0 || operation.began > first_end {
                continue;
            }
            let mut after = person.clone();
            // A history holds at most 64 operations, so the number fits.
            let answer = after.step(rules, no as u8, operation.act);
            if no < n && answer != operation.answer {
                continue;
            }
            let next = (done | (1 << no), after);
            if seen.insert(next.clone()) {
                open.push(next);
            }
        }
    }
    false
}

fn low_bits(n: usize) -> u64 {
    match n {
        MOST.. => u64::MAX,
        _ => (1 << n) - 1,
    }
}

/// Pairs that ran side by side.
pub(super) fn side_by_side(history: &[Operation]) -> u64 {
    let pairs = history.iter().enumerate().flat_map(|(at, one)| {
        history[at + 1..]
            .iter()
            .filter(|other| one.began < other.ended && other.began < one.ended)
    });
    pairs.count() as u64
}

/// `client 2  [17..25]  exchanges the code of #3: k2`.
pub(super) fn line(no: usize, operation: &Operation) -> String {
    let act = match operation.act {
        Act::Mint => "wx.login".to_owned(),
        Act::Exchange(minted_by) => format!("jscode2session with the code of #{minted_by}"),
        Act::Age => "codes made too old".to_owned(),
        Act::Rotate => "key rotated".to_owned(),
        Act::Expire => "key expired".to_owned(),
        Act::Check => "wx.checkSession".to_owned(),
    };
    let answer = match operation.answer {
        Answer::Done => "done".to_owned(),
        Answer::Key(no) => format!("k{no}"),
        Answer::Used => "40163".to_owned(),
        Answer::Invalid => "40029".to_owned(),
        Answer::NoKey => "no live key".to_owned(),
        Answer::Alive(is_alive) => if is_alive { "alive" } else { "not alive" }.to_owned(),
    };
    let Operation {
        client,
        began,
        ended,
        ..
    } = operation;
    format!("#{no:<3} client {client}  {began:>8}..{ended:<8}  {act}: {answer}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn operation(act: Act, answer: Answer, began: u64, ended: u64) -> Operation {
        Operation {
            client: 0,
            act,
            answer,
            began,
            ended,
        }
    }

    fn check(history: &[Operation], expected: Option<usize>) {
        assert_eq!(first_without_order(history, Rules::KeyAtLogin), expected);
    }

    #[test]
    fn one_of_two_racers_wins_whichever_answers_first() {
        let mint = operation(Act::Mint, Answer::Key(1), 1, 2);
        for (first, second) in [
            (Answer::Key(1), Answer::Used),
            (Answer::Used, Answer::Key(1)),
        ] {
            let one = operation(Act::Exchange(0), first, 3, 5);
            let other = operation(Act::Exchange(0), second, 4, 6);
            check(&[mint, one, other], None);
        }
    }

    #[test]
    fn a_code_spent_twice_has_no_order() {
        let mint = operation(Act::Mint, Answer::Key(1), 1, 2);
        let one = operation(Act::Exchange(0), Answer::Key(1), 3, 5);
        let other = operation(Act::Exchange(0), Answer::Key(1), 4, 6);
        check(&[mint, one, other], Some(3));
    }

    #[test]
    fn a_refusal_that_came_before_the_success_began_has_no_order() {
        let mint = operation(Act::Mint, Answer::Key(1), 1, 2);
        let one = operation(Act::Exchange(0), Answer::Used, 3, 4);
        let other = operation(Act::Exchange(0), Answer::Key(1), 5, 6);
        // The loser alone could still have lost to one that is under way; it was not.
        check(&[mint, one, other], Some(2));
    }

    #[test]
    fn what_is_under_way_may_have_happened() {
        let mint = operation(Act::Mint, Answer::Key(1), 1, 2);
        let loser = operation(Act::Exchange(0), Answer::Used, 4, 5);
        let winner = operation(Act::Exchange(0), Answer::Key(1), 3, 6);
        check(&[mint, loser, winner], None);
    }

    #[test]
    fn a_key_that_skips_a_number_has_no_order() {
        let mint = operation(Act::Mint, Answer::Key(1), 1, 2);
        let again = operation(Act::Mint, Answer::Key(3), 3, 4);
        check(&[mint, again], Some(2));
        let rotate = operation(Act::Rotate, Answer::Key(2), 3, 5);
        let again = operation(Act::Mint, Answer::Key(3), 4, 6);
        let dead = operation(Act::Check, Answer::Alive(false), 7, 8);
        check(&[mint, rotate, again], None);
        check(&[mint, rotate, again, dead], Some(4));
    }

    #[test]
    fn an_old_code_is_garbage_and_a_used_one_stays_used() {
        let history = [
            operation(Act::Mint, Answer::Key(1), 1, 2),
            operation(Act::Mint, Answer::Key(2), 3, 4),
            operation(Act::Exchange(0), Answer::Key(1), 5, 6),
            operation(Act::Age, Answer::Done, 7, 8),
            operation(Act::Exchange(0), Answer::Used, 9, 10),
            operation(Act::Exchange(1), Answer::Invalid, 11, 12),
            operation(Act::Expire, Answer::Key(2), 13, 14),
            operation(Act::Check, Answer::Alive(false), 15, 16),
            operation(Act::Rotate, Answer::NoKey, 17, 18),
        ];
        check(&history, None);
    }
}
