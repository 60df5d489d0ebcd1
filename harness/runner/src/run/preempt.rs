//! Which further orders of the statements an order's run gives: dynamic partial-order reduction with a preemption bound. Pure.
//!
//! An order without statements lets every chain's through in one piece. One with a statement more holds a chain there until others
//! have moved. Of all such orders only those are asked for that bring two statements which depend on each other into another order
//! than any run so far has had: the run of the shorter order tells which statements there are, and everything up to the new hold
//! happens again as it did. What was predicted to be new and what a run turned out to be are compared by [`Trace`]s with the names of
//! interchangeable chains traded.

use std::collections::{BTreeMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};

use super::statements::{Seen, StoreWait, Trace, chain_of, statement};
use wxmock_model::history::StepKind;
use wxmock_model::order::{EventName, Order, shape_digest};
use wxmock_schedule::Space;
use wxmock_store::{Access, TransactionStep, dependent};

/// The search over one case.
pub(crate) struct Preemptions<'s> {
    space: &'s Space,
    /// Every way of trading places that changes names only.
    trades: Vec<BTreeMap<usize, usize>>,
    /// What was run, and what was predicted of orders that were begun.
    covered: HashSet<u64>,
    /// What was run.
    seen: HashSet<u64>,
    tried: HashSet<Order>,
    waits: Vec<Known>,
}

/// An order that is worth a run, as far as can be predicted.
#[derive(Debug, Clone)]
pub(crate) struct Candidate {
    pub(crate) order: Order,
    predicted: u64,
    /// What is held, what it is held behind in its transaction, and what goes past it.
    held: Wanted,
    /// What is held meets what goes past it only as the two share a connection.
    by_connection: bool,
}

#[derive(Debug, Clone)]
struct Wanted {
    shape: String,
    locking: Vec<Word>,
    passing: Vec<Word>,
    begins: Option<StepKind>,
}

/// A statement in a run: whose, which, and what it touches, the end of a transaction touching what that wrote.
#[derive(Debug, Clone)]
struct Word {
    chain: usize,
    place: u8,
    store: String,
    shape: String,
    access: Access,
    moment: usize,
    connection: u32,
    /// It ends a transaction.
    ends: bool,
}

/// One step of a run.
#[derive(Debug, Clone)]
struct Act {
    /// The moment of the order it belongs to.
    moment: usize,
    chain: usize,
    what: What,
}

#[derive(Debug, Clone)]
enum What {
    Event(EventName),
    Said(Word),
}

impl Act {
    const fn word(&self) -> Option<&Word> {
        match &self.what {
            What::Said(word) => Some(word),
            What::Event(_) => None,
        }
    }
}

/// A wait that was seen: nothing of the kind is tried again.
#[derive(Debug, Clone)]
struct Known {
    /// The statement the holder stood at.
    held: String,
    /// Statements its transaction had made before, which the waiting one depends on.
    locking: Vec<String>,
    /// The statement that waits; `None`: the chain came to none.
    waiting: Option<String>,
    begins: Option<StepKind>,
}

/// What is known of a candidate before it is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Worth {
    /// It may bring something new.
    Run,
    /// It is another spelling of what was run.
    Covered,
    /// A wait that was seen makes it impossible.
    Infeasible,
}

impl<'s> Preemptions<'s> {
    pub(crate) fn over(space: &'s Space) -> Self {
        Self {
            space,
            trades: trades(&space.interchangeable()),
            covered: HashSet::new(),
            seen: HashSet::new(),
            tried: HashSet::new(),
            waits: Vec::new(),
        }
    }

    /// Takes into account what an order's run was. Whether that is another order of the statements than any before.
    pub(crate) fn ran(&mut self, order: &Order, trace: &Trace) -> bool {
        self.tried.insert(order.clone());
        let acts = self.acts(order, trace);
        let waits = trace.waits.iter().filter(|wait| !wait.connection);
        self.waits
            .extend(waits.map(|wait| known(wait, trace, &acts, order)));
        let signature = self.signature(&acts);
        self.covered.insert(signature);
        self.seen.insert(signature)
    }

    /// A candidate is tried, or known not to be possible: what was predicted of it is not asked for again, whatever comes of it, as
    /// the same prediction goes wrong in the same place.
    pub(crate) fn begin(&mut self, candidate: &Candidate) {
        self.covered.insert(candidate.predicted);
        self.tried.insert(candidate.order.clone());
    }

    /// Whether a candidate is worth a run, by what is known now.
    pub(crate) fn worth(&self, candidate: &Candidate) -> Worth {
        if self.tried.contains(&candidate.order) || self.covered.contains(&candidate.predicted) {
            return Worth::Covered;
        }
        let held = &candidate.held;
        let forbidden = self.waits.iter().any(|known| match &known.waiting {
            Some(waiting) => {
                let mut passing = held.passing.iter().filter(|word| word.shape == *waiting);
                passing.any(|word| {
                    let mut locking = held.locking.iter();
                    let locks = |lock: &Word| {
                        known.locking.contains(&lock.shape) && are_dependent(lock, word)
                    };
                    known.held == held.shape || locking.any(locks)
                })
            }
            None => known.held == held.shape && known.begins == held.begins,
        });
        match forbidden {
            true => Worth::Infeasible,
            false => Worth::Run,
        }
    }

    /// The orders with one preemption more than `order`, whose run was `trace`, nearest first.
    pub(crate) fn children(&self, order: &Order, trace: &Trace) -> Vec<Candidate> {
        let acts = self.acts(order, trace);
        let words: Vec<Word> = acts.iter().filter_map(Act::word).cloned().collect();
        let steps: Vec<EventName> = order.steps().collect();
        let whose = |step: EventName| match step.kind {
            StepKind::Statement => Some(chain_of(step)),
            _ => self.space.chain_of(step),
        };
        // What comes before the last hold has had its own children.
        let first = (0..steps.len())
            .filter(|at| steps[*at].kind == StepKind::Statement)
            .filter_map(|at| {
                (0..at)
                    .rev()
                    .find(|before| whose(steps[*before]) == whose(steps[at]))
            })
            .max()
            .map_or(0, |moment| moment + 1);
        let mut children = Vec::new();
        for held in words.iter().filter(|word| word.moment >= first) {
            let own = Some(held.chain);
            if whose(steps[held.moment]) != own {
                // It had waited for another chain: there is nothing to hold.
                continue;
            }
            let rest = steps[held.moment + 1..].iter();
            let others = rest.take_while(|step| whose(**step) != own).count();
            for past in 1..=others {
                let candidate = self.candidate(order, &acts, &words, held, past);
                children.extend(candidate.map(|candidate| (past, candidate)));
            }
        }
        // One that is held for its connection alone foretells the same as the one behind it that is held for its data, and a pool hands
        // out another connection: it comes second.
        children.sort_by_key(|(past, candidate)| (*past, candidate.by_connection));
        children
            .into_iter()
            .map(|(_, candidate)| candidate)
            .collect()
    }

    /// The order in which `held` waits until the next `past` moments are over; `None` if that makes no difference.
    fn candidate(
        &self,
        order: &Order,
        acts: &[Act],
        words: &[Word],
        held: &Word,
        past: usize,
    ) -> Option<Candidate> {
        let last = held.moment + past;
        let of_block = |word: &&Word| {
            word.chain == held.chain && word.moment == held.moment && word.place >= held.place
        };
        let block: Vec<&Word> = words.iter().filter(of_block).collect();
        let passing: Vec<Word> = words
            .iter()
            .filter(|word| word.moment > held.moment && word.moment <= last)
            .filter(|word| word.chain != held.chain)
            .cloned()
            .collect();
        let meets = |word: &Word| block.iter().any(|own| are_dependent(own, word));
        let shared = |word: &Word| {
            (word.connection, &word.store) == (held.connection, &held.store) && meets(word)
        };
        // Held earlier or longer than that, the same happens.
        let by_data = passing.iter().any(|word| are_dependent(held, word));
        let at_held = by_data || passing.iter().any(shared);
        let at_last = passing
            .iter()
            .any(|word| word.moment == last && meets(word));
        if !at_held || !at_last {
            return None;
        }
        let name = statement(held.chain, held.place);
        let order = order.with_statement(last + 1, name, shape_digest(&held.shape));
        let moved = |act: &&Act| act.word().as_ref().is_some_and(of_block);
        let (now, later) = acts.split_at(acts.partition_point(|act| act.moment <= last));
        let stays = now.iter().filter(|act| !moved(act));
        let goes = now.iter().filter(moved);
        let predicted: Vec<Act> = stays.chain(goes).chain(later).cloned().collect();
        let locking = words.iter().filter(|word| {
            word.chain == held.chain
                && (word.moment, word.place) < (held.moment, held.place)
                && (word.connection, &word.store) == (held.connection, &held.store)
        });
        let begins = order.steps().nth(held.moment + 1).map(|step| step.kind);
        Some(Candidate {
            predicted: self.signature(&predicted),
            held: Wanted {
                shape: held.shape.clone(),
                locking: in_open_transaction(locking.cloned().collect()),
                passing,
                begins,
            },
            by_connection: !by_data,
            order,
        })
    }

    /// The events and statements of a run in the order in which they took place.
    fn acts(&self, order: &Order, trace: &Trace) -> Vec<Act> {
        let words = words(trace);
        let mut acts = Vec::new();
        for (moment, step) in order.steps().enumerate() {
            if let Some(chain) = self.space.chain_of(step) {
                let what = What::Event(step);
                acts.push(Act {
                    moment,
                    chain,
                    what,
                });
            }
            let own = words.iter().filter(|word| word.moment == moment);
            acts.extend(own.map(|word| Act {
                moment,
                chain: word.chain,
                what: What::Said(word.clone()),
            }));
        }
        acts
    }

    /// The same for every run in which all that depends on each other comes in the same order, whatever interchangeable chains are
    /// called.
    fn signature(&self, acts: &[Act]) -> u64 {
        let facts = |trade: &BTreeMap<usize, usize>| {
            let mut facts: Vec<(Label, Label)> = Vec::new();
            for (at, second) in acts.iter().enumerate() {
                facts.push((label(second, trade), label(second, trade)));
                let before = acts[..at].iter();
                let meets = before.filter(|first| self.in_order(first, second));
                facts.extend(meets.map(|first| (label(first, trade), label(second, trade))));
            }
            facts.sort_unstable();
            facts
        };
        let mut hasher = DefaultHasher::new();
        self.trades.iter().map(facts).min().hash(&mut hasher);
        hasher.finish()
    }

    /// Whether it matters which of the two comes first. What the backend merely sees of two phones is not asked: the orders without
    /// a preemption have all of that.
    fn in_order(&self, first: &Act, second: &Act) -> bool {
        if first.chain == second.chain {
            return false;
        }
        let is_request = |event: &EventName| {
            matches!(
                event.kind,
                StepKind::Submit | StepKind::Reply | StepKind::Send
            )
        };
        match (&first.what, &second.what) {
            (What::Said(a), What::Said(b)) => are_dependent(a, b),
            (What::Event(a), What::Event(b)) => {
                self.space.are_dependent(*a, *b) && !(is_request(a) && is_request(b))
            }
            _ => false,
        }
    }
}

/// What a fact is about: chain, letter, place, shape.
type Label = (usize, char, u8, u16);

fn label(act: &Act, trade: &BTreeMap<usize, usize>) -> Label {
    let chain = trade.get(&act.chain).copied().unwrap_or(act.chain);
    match &act.what {
        What::Event(name) => (chain, name.kind.letter(), name.repeat, 0),
        What::Said(word) => (chain, 'D', word.place, shape_digest(&word.shape)),
    }
}

/// Whether the order of two statements can matter.
fn are_dependent(a: &Word, b: &Word) -> bool {
    a.store == b.store && dependent(&a.access, &b.access)
}

/// The chains' statements in the order in which they were let go. The end of a transaction touches what its transaction wrote.
fn words(trace: &Trace) -> Vec<Word> {
    let mut gone: Vec<&Seen> = trace.statements.iter().collect();
    gone.retain(|seen| seen.owner.is_some() && seen.let_go.is_some());
    gone.sort_by_key(|seen| seen.let_go.map(|(_, turn)| turn));
    let mut words: Vec<Word> = Vec::with_capacity(gone.len());
    for seen in gone {
        let (Some((chain, place)), Some((moment, _))) = (seen.owner, seen.let_go) else {
            continue;
        };
        let said = &seen.statement;
        let mut word = Word {
            chain,
            place,
            store: said.store.to_string(),
            shape: said.shape.clone(),
            access: said.access.clone(),
            moment,
            connection: said.connection,
            ends: matches!(
                said.access,
                Access::Transaction(TransactionStep::Commit | TransactionStep::Rollback)
            ),
        };
        if word.ends {
            let same =
                |other: &&Word| (other.connection, &other.store) == (word.connection, &word.store);
            let own = in_open_transaction(words.iter().filter(same).cloned().collect());
            word.access = written_by(&own);
        }
        words.push(word);
    }
    words
}

/// Those of a connection's statements whose transaction has not ended.
fn in_open_transaction(words: Vec<Word>) -> Vec<Word> {
    let frame = |word: &Word| matches!(word.access, Access::Transaction(TransactionStep::Begin));
    // Ends have been replaced by what they touch, so a transaction goes from its begin to the first end after it.
    let Some(begin) = words.iter().rposition(frame) else {
        return Vec::new();
    };
    match words[begin..].iter().any(|word| word.ends) {
        true => Vec::new(),
        false => words[begin + 1..].to_vec(),
    }
}

/// What these statements wrote.
fn written_by(words: &[Word]) -> Access {
    let mut written = std::collections::BTreeSet::new();
    for word in words {
        match &word.access {
            Access::Touches { writes, .. } => written.extend(writes.iter().cloned()),
            Access::Unknown => return Access::Unknown,
            Access::Transaction(_) => {}
        }
    }
    Access::Touches {
        reads: std::collections::BTreeSet::new(),
        writes: written,
    }
}

/// A wait, as far as it can be recognised in another order.
fn known(wait: &StoreWait, trace: &Trace, acts: &[Act], order: &Order) -> Known {
    let shape = |at: usize| trace.statements[at].statement.shape.clone();
    let held = wait.held.map(&shape).unwrap_or_default();
    let word = |at: usize| {
        let seen = &trace.statements[at];
        let mut words = acts.iter().filter_map(Act::word);
        words
            .find(|word| Some((word.chain, word.place)) == seen.owner)
            .cloned()
    };
    let holder = wait.held.and_then(word);
    let waiting = wait.statement.and_then(word);
    let before = acts.iter().filter_map(Act::word).filter(|word| {
        holder.as_ref().is_some_and(|holder| {
            word.chain == holder.chain
                && word.place < holder.place
                && (word.connection, &word.store) == (holder.connection, &holder.store)
        })
    });
    let locking = in_open_transaction(before.cloned().collect());
    let meets = |word: &&Word| {
        let mut waiting = waiting.iter();
        waiting.any(|waiting| are_dependent(word, waiting))
    };
    let moment = holder.and_then(|holder| {
        let name = statement(holder.chain, holder.place);
        order.steps().position(|step| step == name)
    });
    let begins = moment.and_then(|at| order.steps().nth(at.checked_sub(1)?));
    Known {
        held,
        locking: locking
            .iter()
            .filter(meets)
            .map(|word| word.shape.clone())
            .collect(),
        waiting: wait.statement.map(shape),
        begins: begins.map(|step| step.kind),
    }
}

/// Every way in which the chains of each group may trade places; the one that leaves all where they are comes first. Of more than
/// three of a group only that one.
fn trades(groups: &[Vec<usize>]) -> Vec<BTreeMap<usize, usize>> {
    let mut trades = vec![BTreeMap::new()];
    for group in groups.iter().filter(|group| group.len() <= 3) {
        let mut with_group = Vec::new();
        for places in permutations(group) {
            for trade in &trades {
                let mut trade: BTreeMap<usize, usize> = trade.clone();
                trade.extend(group.iter().copied().zip(places.iter().copied()));
                with_group.push(trade);
            }
        }
        trades = with_group;
    }
    trades
}

fn permutations(of: &[usize]) -> Vec<Vec<usize>> {
    if of.len() <= 1 {
        return vec![of.to_vec()];
    }
    let mut all = Vec::new();
    for (at, first) in of.iter().enumerate() {
        let mut rest = of.to_vec();
        rest.remove(at);
        for mut tail in permutations(&rest) {
            tail.insert(0, *first);
            all.push(tail);
        }
    }
    all
}

#[cfg(test)]
mod tests;
