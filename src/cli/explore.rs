//! How much of each race is run: the flags `check` shares with nobody, read into the runner's settings.

use std::time::Duration;

use wxmock_runner::run::Settings;
use wxmock_scenario::{Catalogue, Scenario};
use wxmock_schedule::Limits;

/// How many orders are run, and how.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Exploration")]
pub(crate) struct ExploreArgs {
    /// At most this many orders of a case; all of them while they fit, else a sample by four searches [default: 1145]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    max_orders: Option<u32>,
    /// Only orders with at most k steps out of turn and cases with at most f faults, for example inversions=2,faults=1. With a
    /// `[[store]]`, preemptions=2 is how often phones are held at a statement in one order [default: 2]
    #[arg(long, value_name = "BOUND", value_parser = bound)]
    bound: Option<Bound>,
    /// Begin no further order after this long, for example 90s, 5m, 1h
    #[arg(long, value_name = "TIME", value_parser = duration)]
    max_time: Option<Duration>,
    /// Hold one reply until the backend gives up (30 s at most), to learn how long it waits for WeChat. What the adapter says
    /// wins; without either, 5 s are assumed until an order shows that they are too long
    #[arg(long)]
    measure_patience: bool,
    /// How many logins race where a case has an axis `n`, instead of what its file says (1 to 8)
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=8))]
    logins: Option<u8>,
    /// Run this many orders side by side, each with people of its own; the report is the same unless the backend keeps something in
    /// a variable that all requests share: name its cause with 1
    #[arg(long, short, value_name = "N", default_value = "1", value_parser = clap::value_parser!(u8).range(1..=16))]
    jobs: u8,
    /// Run every failing order this often in all, and tell how often it fails
    #[arg(long, value_name = "N", default_value = "5", value_parser = clap::value_parser!(u8).range(1..))]
    repeat_failing: u8,
    /// Run some races this often with all phones at once and nothing held; 0 leaves these rounds out
    #[arg(long, value_name = "N", default_value = "30", value_parser = clap::value_parser!(u16).range(0..=10_000))]
    free_runs: u16,
    /// Show the first failing order as it was found, not the smallest one that fails the same way
    #[arg(long)]
    no_shrink: bool,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Bound {
    inversions: Option<u32>,
    faults: Option<usize>,
    preemptions: Option<usize>,
}

impl ExploreArgs {
    /// The scenarios to choose cases from.
    pub(crate) fn scenarios(&self, catalogue: &Catalogue) -> Vec<Scenario> {
        self.logins.map_or_else(
            || catalogue.scenarios().to_vec(),
            |logins| catalogue.with_logins(logins),
        )
    }

    /// Puts the flags into a run's settings.
    pub(crate) fn adjust(&self, settings: &mut Settings) {
        let bound = self.bound.unwrap_or_default();
        settings.limits = Limits {
            max_orders: self.max_orders.and_then(|most| usize::try_from(most).ok()),
            inversions: bound.inversions,
            faults: bound.faults,
        };
        if let Some(preemptions) = bound.preemptions {
            settings.preemptions = preemptions;
        }
        settings.max_time = self.max_time;
        settings.measure_patience = self.measure_patience;
        settings.jobs = usize::from(self.jobs);
        settings.repeat_failing = usize::from(self.repeat_failing);
        settings.free_rounds = usize::from(self.free_runs);
        settings.shrink = !self.no_shrink;
    }
}

fn bound(text: &str) -> Result<Bound, String> {
    let wrong = || {
        format!(
            "write inversions=K, faults=F, preemptions=P or some with commas between, not `{text}`"
        )
    };
    let mut bound = Bound::default();
    for part in text.split(',') {
        match part.split_once('=').ok_or_else(wrong)? {
            ("inversions", most) => bound.inversions = Some(most.parse().map_err(|_| wrong())?),
            ("faults", most) => bound.faults = Some(most.parse().map_err(|_| wrong())?),
            ("preemptions", most) => {
                bound.preemptions = Some(most.parse().map_err(|_| wrong())?);
            }
            _ => return Err(wrong()),
        }
    }
    Ok(bound)
}

fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("write a time such as 90s, 5m or 1h, not `{text}`");
    let span: jiff::SignedDuration = text.parse().map_err(|_| wrong())?;
    Duration::try_from(span).map_err(|_| wrong())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_read_in_either_order_and_nothing_else_does() {
        assert_eq!(
            bound("inversions=2,faults=1"),
            Ok(Bound {
                inversions: Some(2),
                faults: Some(1),
                ..Bound::default()
            })
        );
        assert_eq!(
            bound("faults=0"),
            Ok(Bound {
                faults: Some(0),
                ..Bound::default()
            })
        );
        assert_eq!(
            bound("preemptions=3").map(|bound| bound.preemptions),
            Ok(Some(3))
        );
        for text in [
            "",
            "inversions",
            "inversions=-1",
            "swaps=2",
            "inversions=2;faults=1",
        ] {
            assert!(bound(text).is_err(), "{text}");
        }
    }

    #[test]
    fn times_are_written_as_people_write_them() {
        assert_eq!(duration("90s"), Ok(Duration::from_secs(90)));
        assert_eq!(duration("1h"), Ok(Duration::from_secs(3_600)));
        assert!(duration("soon").is_err() && duration("-1s").is_err());
    }

    #[test]
    fn a_token_of_four_logins_finds_its_case() {
        let path = "concurrent-login/slow-reply-overwrites-newer-key/rotation:exchange/n:4";
        let built_in = Catalogue::built_in();
        let cases = wxmock_scenario::plan::cases(&built_in.of_path(path), &Default::default());
        assert!(cases.iter().any(|case| case.path == path));
    }
}
