//! The orders of a case that broke something, as the transcript tells of them.

use super::finding::Sighting;
use crate::run_view::RunView;
use wxmock_model::event::CaseResult;
use wxmock_model::order::Order;
use wxmock_model::verdict::Violation;

pub(super) type EachOrder<'e, 'a> =
    dyn FnMut(&'a [Violation], &dyn Fn(&'a Violation) -> Sighting<'a>, usize) + 'e;

/// Shows every order of a case that broke something, each with how much it counts: the order a case shows may be a smaller
/// one made of those in the transcript, and then it is none of them; in an old transcript it may be the only one.
pub(super) fn each_order<'a>(
    run: &RunView<'a>,
    case: &'a CaseResult,
    take: &mut EachOrder<'_, 'a>,
) {
    let orders = run.progress.get(case.path.as_str());
    let orders = orders.map_or(&[][..], |progress| progress.orders.as_slice());
    for order in orders {
        let sighting = |violation: &'a Violation| Sighting {
            violation,
            case: Some(case),
            token: Some(order.token).filter(|_| !violation.over_the_run),
            history: order.history,
            evidence: None,
            steps: steps_of(order.order),
        };
        take(order.violations, &sighting, 1);
    }
    let order = case.token.as_deref().and_then(order_of);
    let steps = order.map_or(usize::MAX, steps_of);
    let shown = |violation: &'a Violation| Sighting {
        violation,
        case: Some(case),
        token: case.token.as_deref().filter(|_| !violation.over_the_run),
        history: case.history.as_deref(),
        evidence: Some(&case.evidence),
        steps,
    };
    take(&case.violations, &shown, 0);
}

/// The order in a replay token: `wxs1:PATH@SEED:ORDER:CHECK`.
pub(super) fn order_of(token: &str) -> Option<&str> {
    let (_, rest) = token.rsplit_once('@')?;
    rest.split(':').nth(1)
}

/// How many steps an order forces; more than any for a free run, and for a text that is no order.
pub(super) fn steps_of(order: &str) -> usize {
    let forced = order.parse::<Order>().ok().filter(|order| !order.is_free());
    forced.map_or(usize::MAX, |order| order.steps().count())
}
