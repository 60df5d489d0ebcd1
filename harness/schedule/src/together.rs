//! Orders in which steps of several phones are taken together.
//!
//! In the orders that `enumerate.rs` lists the backend comes to rest after every step, so that two replies of WeChat are
//! never inside it at once, and what it keeps in a shared variable from a reply to the save is never overwritten there.
//! In these orders requests are sent in one moment and replies let go in one moment: a fixed few per race, made from
//! first-in-first-out. It does not know what happens inside the backend between the steps of a moment; that is not forced.

use super::Space;
use wxmock_model::history::StepKind;
use wxmock_model::order::Order;

/// No more such orders of a race than this.
const MOST: usize = 8;

/// A stretch of one chain: what the backend sees nothing of, then the step that it sees. The end of a chain may have none.
struct Leg {
    unseen: Vec<usize>,
    seen: Option<usize>,
}

/// How chains of different lengths stand beside each other.
#[derive(Clone, Copy)]
enum Align {
    /// All begin together: requests meet requests.
    Starts,
    /// All end together: a request meets the reply of another.
    Ends,
}

/// In which order the steps of a moment are taken.
#[derive(Clone, Copy)]
enum Turn {
    AsWritten,
    /// Moments with a reply in them the other way round, and so the ends of the chains.
    RepliesReversed,
}

/// No place of its own: chains stand as in the file.
const fn as_in_the_file(_: usize) -> usize {
    0
}

impl Space {
    /// Orders with moments of several steps: all requests in one moment, then all replies in one, in either order; where
    /// chains differ in length, also each shorter one with the end of the longer ones. None for a race of one phone.
    #[must_use]
    pub fn together(&self) -> Vec<Order> {
        let chains: Vec<Vec<Leg>> = self.chains().iter().map(|chain| self.legs(chain)).collect();
        let mut orders: Vec<Order> = Vec::new();
        for align in [Align::Starts, Align::Ends] {
            for turn in [Turn::AsWritten, Turn::RepliesReversed] {
                if matches!(turn, Turn::RepliesReversed) && self.is_one_group() {
                    continue;
                }
                let order = self.side_by_side(&chains, align, turn, &as_in_the_file);
                add(&mut orders, order);
            }
        }
        orders.truncate(MOST);
        orders
    }

    /// The same with every step in the place it has in `order`, as far as moments leave it a choice.
    #[must_use]
    pub fn together_like(&self, order: &Order) -> Vec<Order> {
        let chains: Vec<Vec<Leg>> = self.chains().iter().map(|chain| self.legs(chain)).collect();
        let place = |rank: usize| {
            let name = self.events[rank].name;
            order
                .steps()
                .position(|step| step == name)
                .unwrap_or(usize::MAX)
        };
        let mut orders = Vec::new();
        for align in [Align::Starts, Align::Ends] {
            add(
                &mut orders,
                self.side_by_side(&chains, align, Turn::AsWritten, &place),
            );
        }
        orders
    }

    /// Whether the chains can trade places without anybody seeing a difference, even with requests sent in one moment:
    /// then reversed replies are the same replies under other names.
    fn is_one_group(&self) -> bool {
        let chains = self.chains();
        let [group] = self.twin_groups.as_slice() else {
            return false;
        };
        let unseen = |rank: &usize| !self.is_seen(*rank);
        let mut pairs = chains
            .iter()
            .enumerate()
            .flat_map(|(at, chain)| chains[at + 1..].iter().map(move |other| (chain, other)));
        group.columns.len() == chains.len()
            && pairs.all(|(one, other)| {
                one.iter().filter(|rank| unseen(rank)).all(|&a| {
                    other
                        .iter()
                        .filter(|rank| unseen(rank))
                        .all(|&b| self.dependent[a] & (1 << b) == 0)
                })
            })
    }

    /// Whether the backend sees an event, and sees it come from one phone: what moves time for everybody stands alone.
    fn is_seen(&self, rank: usize) -> bool {
        matches!(
            self.events[rank].kind,
            StepKind::Submit | StepKind::Reply | StepKind::Send
        )
    }

    fn legs(&self, chain: &[usize]) -> Vec<Leg> {
        let mut legs = Vec::new();
        let mut unseen = Vec::new();
        for &rank in chain {
            if self.is_seen(rank) {
                legs.push(Leg {
                    unseen: std::mem::take(&mut unseen),
                    seen: Some(rank),
                });
            } else {
                unseen.push(rank);
            }
        }
        legs.push(Leg { unseen, seen: None });
        legs
    }

    fn side_by_side(
        &self,
        chains: &[Vec<Leg>],
        align: Align,
        turn: Turn,
        place: &dyn Fn(usize) -> usize,
    ) -> Order {
        let longest = chains.iter().map(Vec::len).max().unwrap_or_default();
        let mut moments: Vec<Vec<usize>> = Vec::new();
        for round in 0..longest {
            let legs = chains.iter().filter_map(|chain| match align {
                Align::Starts => chain.get(round),
                Align::Ends => chain.get((round + chain.len()).checked_sub(longest)?),
            });
            let mut legs: Vec<&Leg> = legs.collect();
            let is_reply = |rank: usize| self.events[rank].kind == StepKind::Reply;
            let has_reply = legs.iter().any(|leg| leg.seen.is_some_and(is_reply));
            let ends = legs.iter().all(|leg| leg.seen.is_none());
            if ends && matches!(turn, Turn::RepliesReversed) {
                legs.reverse();
            }
            let mut unseen: Vec<usize> = legs.iter().flat_map(|leg| &leg.unseen).copied().collect();
            unseen.sort_by_key(|&rank| place(rank));
            moments.extend(unseen.into_iter().map(|rank| vec![rank]));
            let mut seen: Vec<usize> = legs.iter().filter_map(|leg| leg.seen).collect();
            seen.sort_by_key(|&rank| place(rank));
            if has_reply && matches!(turn, Turn::RepliesReversed) {
                seen.reverse();
            }
            moments.push(seen);
        }
        let names = |moment: Vec<usize>| moment.into_iter().map(|rank| self.events[rank].name);
        Order::grouped(moments.into_iter().map(|moment| names(moment).collect()))
    }
}

/// Adds an order with a moment of several steps, once.
fn add(orders: &mut Vec<Order>, order: Order) {
    let several = order.moments().iter().any(|moment| moment.len() > 1);
    if several && !orders.contains(&order) {
        orders.push(order);
    }
}

#[cfg(test)]
mod tests {
    use wxmock_scenario as scenario;
    use wxmock_scenario::plan;
    use wxmock_scenario::plan::Selection;

    fn check(path: &str, expected: &[&str]) {
        let selection = Selection {
            patterns: vec![path.to_owned()],
            level: None,
        };
        let case = plan::cases(scenario::all(), &selection).remove(0);
        let orders = case.space().together();
        let written: Vec<String> = orders.iter().map(ToString::to_string).collect();
        assert_eq!(written, expected, "{path}");
        for order in &orders {
            assert_eq!(case.space().check(order), Ok(()), "{order}");
        }
    }

    #[test]
    fn requests_meet_requests_and_replies_meet_replies() {
        let both = ["S1+S2.K1.K2.R1+R2", "S1+S2.K1.K2.R2+R1"];
        check("KI-3", &both);
        check("CC-1", &both);
        let slow = "concurrent-login/slow-reply-overwrites-newer-key";
        check(&format!("{slow}/rotation:exchange/n:2"), &both);
        check(
            &format!("{slow}/rotation:exchange/n:3"),
            &["S1+S2+S3.K1.K2.K3.R1+R2+R3", "S1+S2+S3.K1.K2.K3.R3+R2+R1"],
        );
    }

    #[test]
    fn what_differs_in_names_only_is_left_out() {
        let slow = "concurrent-login/slow-reply-overwrites-newer-key";
        check(
            &format!("{slow}/rotation:min_interval/n:2"),
            &["S1+S2.K1.K2.R1+R2"],
        );
        check(
            "CL-5",
            &["S1+S2.K1.K2.R1+R2.A1.A2", "S1+S2.K1.K2.R2+R1.A2.A1"],
        );
    }

    #[test]
    fn a_send_meets_a_request_and_a_reply() {
        check(
            "SK-2",
            &[
                "L1.E1.S1+P1.K1.R1",
                "L1.S1.K1.E1.R1+P1",
                "L1.S1.K1.E1.P1+R1",
            ],
        );
    }

    #[test]
    fn a_race_of_one_phone_or_of_nobody_has_none() {
        check("N6", &[]);
        check("LB-1", &[]);
    }
}
