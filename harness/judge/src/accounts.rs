//! ACC-01: one openid, one account, in every order.

use crate::facts::{Facts, is_login};
use crate::finding::Finding;
use wxmock_model::history::{Operation, Outcome, StepKind};
use wxmock_model::say;

/// ACC-01: all answers that name the account of a person name the same one.
///
/// An answer that names somebody else's account is KEY-01's, and so is a session that no exchange of its own code backs: whose
/// account that is, nobody told the backend.
pub(crate) fn acc_01(facts: &Facts<'_>) -> Vec<Finding> {
    let named: Vec<(usize, &Operation, &str, &str)> = facts
        .operations()
        .filter(|(_, op)| op.answer.outcome == Outcome::Ok)
        .filter(|(index, op)| {
            let login = if is_login(op) {
                Some(*index)
            } else {
                facts.login_of_token(op)
            };
            !login.is_some_and(|login| facts.is_unbacked(login))
        })
        .filter_map(|(index, op)| {
            let owner = if is_login(op) {
                Some(op.user.as_str())
            } else {
                op.token_of.as_deref()
            };
            Some((index, op, owner?, op.answer.user_id.as_deref()?))
        })
        .collect();
    let foreign = |user: &str, id: &str| {
        named
            .iter()
            .any(|(_, op, owner, known)| is_login(op) && *owner != user && *known == id)
            || facts.owner_elsewhere(id).is_some()
    };
    let mut found = Vec::new();
    for user in &facts.history.users {
        let openid_owner = user.name.as_str();
        let mut own = named
            .iter()
            .filter(|(_, _, owner, id)| *owner == openid_owner && !foreign(openid_owner, id));
        let Some((first, _, _, id)) = own.next() else {
            continue;
        };
        let Some((second, op, _, other)) = own.find(|(_, _, _, other)| other != id) else {
            continue;
        };
        found.push(
            Finding::must(
                "ACC-01",
                *second,
                say!(
                    "{owner} has one openid and two accounts: {id:?} and {other:?}.",
                    "{owner} 只有一个 openid，却有两个账号：{id:?} 和 {other:?}。",
                    owner = openid_owner,
                    id = id,
                    other = other
                ),
            )
            .because(say!(
                "The account {id:?} was named at {place}.",
                "{place}的回答给出的账号是 {id:?}。",
                id = id,
                place = facts.place(facts.step_of(*first, StepKind::Answer))
            ))
            .because(say!(
                "However, phone {phone} was told {other:?} at {place}; the openid was the same.",
                "可是手机 {phone} 在{place}收到的是 {other:?}，而 openid 是同一个。",
                phone = op.phone,
                other = other,
                place = facts.place(facts.step_of(*second, StepKind::Answer))
            ))
            .steps(facts.ends_of(*first))
            .steps(facts.ends_of(*second)),
        );
    }
    found
}

#[cfg(test)]
mod tests {
    use crate::JudgeContext;
    use crate::judged::broken;
    use wxmock_histories::Builder;
    use wxmock_model::history::{History, Outcome};
    use wxmock_model::program::FaultEffect;

    fn check(history: &History, rules: &[&str]) {
        assert_eq!(broken(history, &JudgeContext::default()), rules);
    }

    #[test]
    fn acc_01_catches_two_accounts_from_two_logins() {
        let mut b = Builder::new();
        b.login("P1", "c1", 1, "t1");
        let op = b.login("P2", "c2", 1, "t2");
        b.history.operations[op].answer.user_id = Some("id-A-again".into());
        check(&b.history, &["ACC-01"]);
    }

    #[test]
    fn acc_01_catches_an_account_that_changes_later() {
        let mut b = Builder::new();
        b.login("P1", "c1", 1, "t1");
        b.whoami("P1", "t1", Outcome::Ok, Some("17"));
        check(&b.history, &["ACC-01"]);
    }

    #[test]
    fn acc_01_asks_no_login_that_no_exchange_of_its_own_code_backs() {
        let after_a_login_with = |effect: &FaultEffect| {
            let mut b = Builder::new();
            let op = b.submit("P1", "c1");
            let call = b.fault(op, "f", effect);
            b.reply(call);
            b.welcome(op, "t1").user_id = Some("17".into());
            b.whoami("P1", "t1", Outcome::Ok, Some("17"));
            b.login("P1", "c2", 1, "t2");
            broken(&b.history, &JudgeContext::default())
        };
        assert_eq!(after_a_login_with(&FaultEffect::Silent), ["KEY-01"]);
        let retried = {
            let mut b = Builder::new();
            let op = b.submit("P1", "c1");
            b.fault(op, "f", &FaultEffect::Silent);
            let call = b.commit(op, 1);
            b.reply(call);
            b.welcome(op, "t1").user_id = Some("17".into());
            b.login("P1", "c2", 1, "t2");
            broken(&b.history, &JudgeContext::default())
        };
        assert_eq!(retried, ["ACC-01"]);
    }

    #[test]
    fn acc_01_spares_one_account_for_all_logins() {
        let mut b = Builder::new();
        b.login("P1", "c1", 1, "t1");
        b.login("P2", "c2", 2, "t2");
        b.whoami("P1", "t1", Outcome::Ok, Some("id-A"));
        b.login("Q1", "d1", 1, "u1");
        check(&b.history, &[]);
    }

    #[test]
    fn acc_01_spares_refusals_and_adapters_without_a_user_id() {
        let mut b = Builder::new();
        let op = b.login("P1", "c1", 1, "t1");
        b.history.operations[op].answer.user_id = None;
        b.whoami("P1", "t1", Outcome::Relogin, Some("error-17"));
        check(&b.history, &[]);
    }
}
