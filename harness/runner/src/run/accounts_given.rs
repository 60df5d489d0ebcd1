//! Which account went to whom, over all orders of a run: people are new in every order, so that an account somebody of an
//! earlier order was given belongs to somebody else.
//!
//! It knows nothing of rules. What concerns an order is written into its history, which is all the judge sees.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use wxmock_model::history::{AccountElsewhere, History, Outcome};

/// The accounts of the orders that are over.
#[derive(Debug, Default)]
pub(crate) struct AccountsGiven {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// How many orders are over.
    over: u64,
    /// By a hash of the id: an order leaves some hundred bytes at most.
    owners: HashMap<u64, Owner>,
}

#[derive(Debug, Clone)]
struct Owner {
    /// The order it belongs to, counted as they end.
    order: u64,
    user: Arc<str>,
    case: Arc<str>,
    unionid_shaped: bool,
}

impl AccountsGiven {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many orders are over; an order that begins now can be told of those.
    pub(crate) fn over(&self) -> u64 {
        self.state().over
    }

    /// A backend that was started again may count from the beginning.
    pub(crate) fn forget(&self) {
        self.state().owners.clear();
    }

    /// Writes into a history which of the accounts named there people of earlier orders had, and keeps those it gave out. Only
    /// orders that were `over` when this one began count: logins of two orders may meet inside the backend.
    pub(crate) fn settle(&self, history: &mut History, case: &str, over: u64) {
        let mut state = self.state();
        let mut elsewhere: Vec<AccountElsewhere> = Vec::new();
        for operation in &history.operations {
            let answer = &operation.answer;
            let named = answer.user_id.as_ref();
            let Some(id) = named.filter(|_| answer.outcome == Outcome::Ok) else {
                continue;
            };
            let owner = state.owners.get(&hash(id));
            let earlier = owner.filter(|owner| owner.order < over);
            if let Some(owner) = earlier
                && !elsewhere.iter().any(|known| known.id == *id)
            {
                elsewhere.push(AccountElsewhere {
                    id: id.clone(),
                    user: owner.user.to_string(),
                    case: owner.case.to_string(),
                    unionid_shaped: owner.unionid_shaped,
                });
            }
        }
        history.accounts_elsewhere = elsewhere;
        let order = state.over;
        state.over += 1;
        let case: Arc<str> = case.into();
        for operation in &history.operations {
            let is_login = matches!(operation.op.as_str(), "login" | "login_profile");
            let given = operation.answer.user_id.as_ref();
            let given = given.filter(|_| is_login && operation.answer.outcome == Outcome::Ok);
            let Some(id) = given else {
                continue;
            };
            let mut shapes = history.shapes.iter();
            state.owners.entry(hash(id)).or_insert_with(|| Owner {
                order,
                user: operation.user.as_str().into(),
                case: Arc::clone(&case),
                unionid_shaped: shapes.any(|shape| shape.unionid && shape.user == operation.user),
            });
        }
    }
}

fn hash(id: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    id.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use wxmock_histories::Builder;

    fn one_login(id: &str) -> History {
        let mut b = Builder::new();
        let op = b.login("P1", "c1", 1, "t1");
        b.history.operations[op].answer.user_id = Some(id.into());
        b.history
    }

    #[test]
    fn an_account_of_an_order_that_was_over_is_told_and_one_of_an_order_beside_is_not() {
        let given = AccountsGiven::default();
        let (mut first, mut beside, mut later) = (one_login("7"), one_login("7"), one_login("7"));
        let began = given.over();
        given.settle(&mut first, "CL-1", began);
        given.settle(&mut beside, "CL-2", began);
        assert!(first.accounts_elsewhere.is_empty() && beside.accounts_elsewhere.is_empty());
        given.settle(&mut later, "CL-3", given.over());
        let told = &later.accounts_elsewhere[0];
        assert_eq!((&*told.id, &*told.user, &*told.case), ("7", "A", "CL-1"));
        let mut other = one_login("8");
        given.settle(&mut other, "CL-3", given.over());
        assert!(other.accounts_elsewhere.is_empty());
        // A backend that was started again counts anew.
        given.forget();
        let mut again = one_login("7");
        given.settle(&mut again, "CL-4", given.over());
        assert!(again.accounts_elsewhere.is_empty());
    }
}
