//! Finds chains that are interchangeable.
//!
//! Two chains are twins when the whole program (preparation, race, questions, expectations) reads the same after they
//! trade places and names: phone with phone, code with code. Then every order has a mirror image that can only differ
//! in names, and one of the two is enough. It is derived, never declared, so a file cannot get it wrong.
//!
//! Codes minted one after the other before the race are interchangeable when the order of minting leaves no trace:
//! under `rotation = exchange` (the exchange makes the key), under `min_interval` (neighbouring mints share a key) and
//! under `returns = current` (every code yields the newest key). Under `rotation = login` with `returns = bound` the
//! second mint's key displaces the first's, so the logins are *not* interchangeable. People are never interchanged: a
//! report that says A when it may mean B helps nobody, and the counts stay small.

use std::collections::BTreeMap;

use wxmock_model::program::{Expectation, NameKind, Program, Step, Verb};
use wxmock_model::program::{Returns, Rotation};

/// Chains any two of which may trade places; at least two.
pub(crate) type Twins = Vec<usize>;

/// The groups of interchangeable chains, each in file order.
pub(crate) fn twins(program: &Program, rotation: Rotation, returns: Returns) -> Vec<Twins> {
    let mints_commute = rotation != Rotation::Login || returns == Returns::Current;
    let original = Reading::of(program, None, mints_commute);
    let mut groups: Vec<Twins> = Vec::new();
    for first in 0..program.chains.len() {
        if groups.iter().any(|group| group.contains(&first)) {
            continue;
        }
        let mut group = vec![first];
        for second in first + 1..program.chains.len() {
            let swap = Swap::of(program, first, second);
            if swap.is_some_and(|swap| Reading::of(program, Some(&swap), mints_commute) == original)
            {
                group.push(second);
            }
        }
        if group.len() > 1 {
            groups.push(group);
        }
    }
    groups
}

/// What trades places.
struct Swap {
    chains: (usize, usize),
    phones: (usize, usize),
    names: BTreeMap<(NameKind, String), String>,
}

impl Swap {
    /// The only renaming that could make two chains trade places; `None` if they differ in shape or person.
    fn of(program: &Program, first: usize, second: usize) -> Option<Self> {
        let phone_of = |chain: usize| program.chains[chain].first().and_then(|step| step.phone);
        let phones = (phone_of(first)?, phone_of(second)?);
        let (a, b) = (&program.phones[phones.0], &program.phones[phones.1]);
        let same_device = a.device == b.device || (a.device == a.name && b.device == b.name);
        if a.user != b.user || !same_device {
            return None;
        }
        let mut swap = Self {
            chains: (first, second),
            phones,
            names: BTreeMap::new(),
        };
        swap.pair(program.chains[first].iter(), program.chains[second].iter())?;
        if phones.0 != phones.1 {
            for part in [&program.before, &program.after] {
                let of = |phone: usize| part.iter().filter(move |step| step.phone == Some(phone));
                swap.pair(of(phones.0), of(phones.1))?;
            }
        }
        Some(swap)
    }

    /// Pairs the names two equal-looking lists of steps use.
    fn pair<'s>(
        &mut self,
        first: impl Iterator<Item = &'s Step>,
        second: impl Iterator<Item = &'s Step>,
    ) -> Option<()> {
        let (first, second): (Vec<_>, Vec<_>) = (first.collect(), second.collect());
        if first.len() != second.len() {
            return None;
        }
        for (one, other) in first.into_iter().zip(second) {
            let (mut one, mut other) = (one.verb.clone(), other.verb.clone());
            let (ones, others) = (one.names_mut(), other.names_mut());
            if ones.len() != others.len() {
                return None;
            }
            for ((kind, left), (other_kind, right)) in ones.into_iter().zip(others) {
                let same = kind == other_kind && (kind != NameKind::User || left == right);
                if !same || !self.learn(kind, left, right) || !self.learn(kind, right, left) {
                    return None;
                }
            }
        }
        Some(())
    }

    fn learn(&mut self, kind: NameKind, from: &str, to: &str) -> bool {
        let known = self
            .names
            .entry((kind, from.to_owned()))
            .or_insert_with(|| to.to_owned());
        known == to
    }

    const fn phone(&self, phone: usize) -> usize {
        if phone == self.phones.0 {
            self.phones.1
        } else if phone == self.phones.1 {
            self.phones.0
        } else {
            phone
        }
    }

    fn verb(&self, verb: &Verb) -> Verb {
        let mut verb = verb.clone();
        for (kind, name) in verb.names_mut() {
            if let Some(other) = self.names.get(&(kind, name.clone())) {
                name.clone_from(other);
            }
        }
        verb
    }
}

/// A program reduced to what matters for telling two apart: no texts, no places.
#[derive(PartialEq)]
struct Reading<'p> {
    before: Vec<Line<'p>>,
    chains: Vec<Vec<Line<'p>>>,
    after: Vec<Line<'p>>,
}

type Line<'p> = (Option<usize>, Verb, Option<&'p Expectation>);

impl<'p> Reading<'p> {
    fn of(program: &'p Program, swap: Option<&Swap>, mints_commute: bool) -> Self {
        let line = |step: &Step| {
            let verb = swap.map_or_else(|| step.verb.clone(), |swap| swap.verb(&step.verb));
            let phone = step
                .phone
                .map(|phone| swap.map_or(phone, |swap| swap.phone(phone)));
            (phone, verb, program.expect.get(&step.label))
        };
        let mut chains: Vec<Vec<Line<'_>>> = program
            .chains
            .iter()
            .map(|steps| steps.iter().map(line).collect())
            .collect();
        if let Some(swap) = swap {
            chains.swap(swap.chains.0, swap.chains.1);
        }
        let neighbours = |one: &Step, other: &Step| {
            mints_commute
                && matches!(
                    (&one.verb, &other.verb),
                    (Verb::Mint { .. }, Verb::Mint { .. })
                )
        };
        // `P* send p`: the same question put to every phone; in which order is of no account.
        let same_question =
            |one: &Step, other: &Step| one.place == other.place && is_question(&one.verb);
        Self {
            before: sorted_runs(&program.before, neighbours, line),
            chains,
            after: sorted_runs(&program.after, same_question, line),
        }
    }
}

const fn is_question(verb: &Verb) -> bool {
    matches!(
        verb,
        Verb::Capture { .. } | Verb::Send { .. } | Verb::Whoami { .. } | Verb::Check
    )
}

/// The lines of a list of steps, runs of steps whose order is of no account sorted.
fn sorted_runs<'p>(
    steps: &[Step],
    one_run: impl Fn(&Step, &Step) -> bool,
    line: impl Fn(&Step) -> Line<'p>,
) -> Vec<Line<'p>> {
    let mut lines = Vec::with_capacity(steps.len());
    for run in steps.chunk_by(one_run) {
        let mut run: Vec<Line<'_>> = run.iter().map(&line).collect();
        run.sort_by_cached_key(|(phone, verb, _)| (*phone, format!("{verb:?}")));
        lines.append(&mut run);
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use wxmock_scenario::Scenario;

    /// The groups of interchangeable chains of a program with phones P1 to P3 of one user and Q of the same.
    fn check(
        before: &str,
        race: &str,
        after: &str,
        rotation: Rotation,
        returns: Returns,
        expected: &[&[usize]],
    ) {
        let text = format!(
            r#"
            id = "suite/example"
            alias = "EX-1"
            title = "An example"
            title_zh = "示例"
            level = "MUST"
            impact = "lock-out"
            needs = ["login", "userinfo"]
            why = "To test."
            before = ["Q login as t0", {before}]
            after = ["Q capture userinfo as last-one", "Q send last-one", {after}]
            [axes]
            n = [3]
            [[phone]]
            name = "P"
            user = "A"
            repeat = "n"
            do = [{race}]
            [[phone]]
            name = "Q"
            user = "A"
            "#
        );
        let scenario = Scenario::parse("example.toml", &text)
            .unwrap_or_else(|error| panic!("{}", error.render()));
        let (_, program) = scenario.programs().next().expect("one case");
        assert_eq!(
            twins(program, rotation, returns),
            expected,
            "{before} / {race} / {after}"
        );
    }

    const MINT: &str = r#""P* mint as c""#;
    const SUBMIT: &str = r#""submit c""#;

    #[test]
    fn logins_are_twins_when_the_order_of_their_mints_leaves_no_trace() {
        let all: &[&[usize]] = &[&[0, 1, 2]];
        check(MINT, SUBMIT, "", Rotation::Exchange, Returns::Bound, all);
        check(MINT, SUBMIT, "", Rotation::MinInterval, Returns::Bound, all);
        check(MINT, SUBMIT, "", Rotation::Login, Returns::Current, all);
        check(MINT, SUBMIT, "", Rotation::Login, Returns::Bound, &[]);
    }

    #[test]
    fn a_code_that_got_older_or_a_key_between_sets_its_login_apart() {
        let between =
            |what: &str| format!(r#""P1 mint as c1", "P2 mint as c2", "{what}", "P3 mint as c3""#);
        for what in ["advance 10m", "rotate-key A", "Q login"] {
            check(
                &between(what),
                SUBMIT,
                "",
                Rotation::Exchange,
                Returns::Bound,
                &[&[0, 1]],
            );
        }
    }

    #[test]
    fn a_question_to_one_of_them_sets_it_apart_a_question_to_all_does_not() {
        let (one, all) = (r#""P2 send last-one""#, r#""P* send last-one""#);
        check(
            MINT,
            SUBMIT,
            one,
            Rotation::Exchange,
            Returns::Bound,
            &[&[0, 2]],
        );
        check(
            MINT,
            SUBMIT,
            all,
            Rotation::Exchange,
            Returns::Bound,
            &[&[0, 1, 2]],
        );
        check(
            MINT,
            r#""submit c as t""#,
            r#""Q send last-one using t1""#,
            Rotation::Exchange,
            Returns::Bound,
            &[&[1, 2]],
        );
    }

    #[test]
    fn mints_within_the_race_are_ordered_by_it() {
        let race = r#""mint as c", "submit c""#;
        check(
            r#""advance 10m""#,
            race,
            "",
            Rotation::Login,
            Returns::Bound,
            &[&[0, 1, 2]],
        );
        check(
            r#""advance 10m""#,
            race,
            "",
            Rotation::Exchange,
            Returns::Bound,
            &[&[0, 1, 2]],
        );
    }
}
