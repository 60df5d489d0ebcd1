//! A lock inside the backend: how it is recognised, and which orders it forbids.

use wxmock_server::Point;

use super::Play;
use crate::run::settle::Need;
use crate::run::stage::Stop;
use wxmock_model::history::{Ending, StepKind};
use wxmock_model::order::{EventName, Order};

/// "`waiting` cannot reach WeChat before the reply of `holder` is let go."
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Lock {
    pub(crate) waiting: EventName,
    pub(crate) holder: EventName,
}

impl Lock {
    /// Whether an order needs what the lock forbids: the holder goes first, and the waiting one is committed before the
    /// holder is answered.
    pub(crate) fn forbids(&self, order: &Order) -> bool {
        let at = |event: EventName, kind| {
            order
                .steps()
                .position(|step| step == EventName { kind, ..event })
        };
        let holder_first = at(self.holder, StepKind::Submit) < at(self.waiting, StepKind::Submit);
        let commit = at(self.waiting, StepKind::Commit);
        let reply = at(self.holder, StepKind::Reply);
        holder_first && commit.is_some() && reply.is_some() && commit < reply
    }
}

impl Play<'_> {
    /// Somebody must hold what `waiting` waits for: lets the held exchanges go one by one until it moves.
    pub(super) async fn infer_lock(&mut self, waiting: usize, at: EventName) -> Result<Stop, Stop> {
        if let Some(stop) = self.stage.blocked_by_a_statement(waiting).await? {
            return Ok(stop);
        }
        let label = self.stage.name(waiting);
        self.stage.record.note(format!("{at}: {label} does not reach WeChat while other replies are held; opening them one by one"));
        let held: Vec<usize> = self
            .stage
            .open()
            .map(|(other, _)| other)
            .filter(|other| *other != waiting && !self.parked_calls(*other).is_empty())
            .collect();
        let mut holder = None;
        for other in held {
            self.stage.requests[other].commit_due = false;
            self.stage.requests[other].reply_due = false;
            for (call, point) in self.parked_calls(other) {
                self.stage.let_go(call, point);
            }
            self.stage.settle(Need::Certainty).await?;
            holder = Some(other);
            if self.stage.requests[waiting].done || self.stage.exchange(waiting).is_some() {
                break;
            }
        }
        self.stage.nothing_due();
        self.stage.settle(Need::Certainty).await?;
        let Some(holder) = holder else {
            let saw = format!("{label} neither asks WeChat nor answers, though nothing is held");
            return Ok(Stop::Ended(Ending::Diverged {
                at: at.to_string(),
                saw,
            }));
        };
        let events = (
            self.stage.requests[waiting].event,
            self.stage.requests[holder].event,
        );
        // Behind another request than a login, orders are told apart by no reply of a login's.
        if let (Some(waiting), Some(holder)) = events
            && holder.kind == StepKind::Submit
        {
            self.lock = Some(Lock { waiting, holder });
        }
        Ok(Stop::Ended(Ending::Infeasible {
            waiting: label,
            holder: self.stage.name(holder),
        }))
    }

    /// Calls of a request that are held, and where.
    fn parked_calls(&self, request: usize) -> Vec<(usize, Point)> {
        let calls = self.stage.calls.iter().enumerate();
        calls
            .filter(|(_, call)| call.request == Some(request))
            .filter_map(|(at, call)| Some((at, call.parked()?)))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(text: &str) -> EventName {
        let kind = match text.as_bytes()[0] {
            b'S' => StepKind::Submit,
            b'K' => StepKind::Commit,
            _ => StepKind::Reply,
        };
        EventName {
            kind,
            number: text.as_bytes()[1] - b'0',
            repeat: 0,
        }
    }

    fn check(order: &str, forbidden: bool) {
        let lock = Lock {
            waiting: event("S2"),
            holder: event("S1"),
        };
        let steps = Order::settled(order.split('.').map(event));
        assert_eq!(lock.forbids(&steps), forbidden, "{order}");
    }

    #[test]
    fn a_lock_forbids_only_what_needs_it_broken() {
        check("S1.S2.K1.K2.R1.R2", true);
        check("S1.S2.K2.R2.K1.R1", true);
        check("S1.S2.K1.R1.K2.R2", false);
        check("S1.K1.R1.S2.K2.R2", false);
        check("S2.S1.K1.K2.R1.R2", false);
    }
}
