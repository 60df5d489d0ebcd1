//! What honest logins show beside their answers: whether the code reaches WeChat as the phone sent it, and whether a token
//! is made of the person and the second.

use std::time::Duration;

use super::Prover;
use super::decide::{Fault, Problem};
use crate::device::Device;
use wxmock_model::history::Outcome;
use wxmock_model::lang::Say;
use wxmock_model::say;
use wxmock_server::{CallId, Endpoint};

/// Longer than a second, so that the next login falls into another one.
const ANOTHER_SECOND: Duration = Duration::from_millis(1100);

impl Prover<'_, '_> {
    /// A login that was refused because the backend asked WeChat for another code than the phone's is no matter of the
    /// adapter: that is the problem then. `before` is how many calls there had been.
    pub(super) fn blame_the_code(&mut self, op: &str, submitted: &str, before: usize) {
        let calls = self.senses.handle.calls().since(CallId(0));
        let sent = calls.iter().skip(before);
        let sent: Vec<&str> = sent.filter_map(|call| call.js_code.as_deref()).collect();
        let Some(how) = alteration_among(submitted, &sent) else {
            return;
        };
        self.proof.problems = vec![Problem {
            fault: Fault::Backend,
            text: say!(
                "{op} is refused: the backend asks WeChat for another code than the phone sent: {how}\n  likely    something on its way changes the code (a column, a filter, a case conversion): a code is opaque, and upper and lower case differ",
                "{op} 被拒绝：后端拿去问微信的 code 和手机发的不一样：{how}\n  可能      路上有东西改了 code（数据库的列、过滤器、大小写转换）：code 不能解读，大小写也有区别",
                op = op,
                how = how
            ),
        }];
    }

    /// Notes whether two logins of a person within a second have one token, and a login in another second has another.
    pub(super) async fn watch_token(&mut self, op: &str, device: &Device) -> Result<(), String> {
        if !self.senses.adapter.features.distinct_tokens {
            return Ok(());
        }
        // The second may end between two logins, and hardly twice in a row.
        for _ in 0..2 {
            let began = second();
            let one = self.token_of(op, device).await?;
            if one.is_none() {
                return Ok(());
            }
            let other = self.token_of(op, device).await?;
            if one == other {
                tokio::time::sleep(ANOTHER_SECOND).await;
                let later = self.token_of(op, device).await?;
                self.proof.tokens_by_second = later.is_some() && later != one;
                self.proof.tokens_fixed = later == one;
                return Ok(());
            }
            if other.is_none() || second() == began {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Notes whether an access_token was fetched and a code exchanged after that, in the calls after the first `before`.
    pub(super) fn watch_access_token(&mut self, before: usize) {
        let calls = self.senses.handle.calls().since(CallId(0));
        let endpoints = calls.iter().skip(before).map(|call| call.endpoint);
        self.proof.login_fetches |= fetches_first(endpoints);
    }

    async fn token_of(&mut self, op: &str, device: &Device) -> Result<Option<String>, String> {
        let ask = self.login_ask(op, device)?;
        let seen = self.ask(op, device, ask).await?;
        let token = seen.reading.captures.get("token").cloned();
        Ok(token.filter(|_| seen.reading.outcome == Outcome::Ok))
    }
}

/// Whether a call for an access_token comes before the exchange of a code.
fn fetches_first(endpoints: impl Iterator<Item = Endpoint>) -> bool {
    let mut rest = endpoints.skip_while(|endpoint| !is_token(*endpoint));
    rest.any(|endpoint| endpoint == Endpoint::Jscode2session)
}

const fn is_token(endpoint: Endpoint) -> bool {
    matches!(endpoint, Endpoint::Token | Endpoint::StableToken)
}

/// The second of the wall clock.
fn second() -> u64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    now.unwrap_or_default().as_secs()
}

/// How the codes that WeChat was asked for differ from the one that was submitted; `None` if that one is among them: the others are
/// those of further tries.
fn alteration_among(submitted: &str, sent: &[&str]) -> Option<Say> {
    if sent.contains(&submitted) {
        return None;
    }
    sent.iter().find_map(|sent| alteration(submitted, sent))
}

/// How `sent` came out of `submitted`; `None` where they are equal.
fn alteration(submitted: &str, sent: &str) -> Option<Say> {
    if sent == submitted {
        return None;
    }
    let how = if sent.eq_ignore_ascii_case(submitted) {
        say!(
            "letters changed between upper and lower case",
            "字母的大小写变了"
        )
    } else if !sent.is_empty() && submitted.starts_with(sent) {
        say!(
            "cut off after {kept} of {all} characters",
            "{all} 个字符只剩前 {kept} 个",
            kept = sent.chars().count(),
            all = submitted.chars().count()
        )
    } else if sent.trim_matches(['"', '\'', ' ']) == submitted {
        say!("with quotes or blanks around it", "外面多了引号或空格")
    } else {
        say!(
            "neither equal nor a part of it",
            "既不相等，也不是它的一部分"
        )
    };
    Some(how)
}

#[cfg(test)]
mod tests {
    use super::{Endpoint, alteration, alteration_among, fetches_first};

    #[test]
    fn a_fetch_counts_for_a_login_where_the_exchange_comes_after_it() {
        let (token, exchange) = (Endpoint::StableToken, Endpoint::Jscode2session);
        let first = |calls: &[Endpoint]| fetches_first(calls.iter().copied());
        assert!(first(&[token, exchange]) && first(&[Endpoint::Token, exchange]));
        assert!(!first(&[exchange, token]) && !first(&[exchange]) && !first(&[token]));
    }

    #[test]
    fn what_became_of_a_code_is_named_and_the_same_code_is_nothing() {
        let code = "0a1BcDefGh";
        assert_eq!(alteration(code, code), None);
        // A second try has a code of its own.
        assert_eq!(alteration_among(code, &[code, "0a1other"]), None);
        assert!(alteration_among(code, &["0a1bcdefgh", "0a1other"]).is_some());
        assert_eq!(alteration_among(code, &[]), None);
        for (sent, part) in [
            ("0a1bcdefgh", "upper and lower case"),
            ("0a1Bc", "after 5 of 10"),
            ("\"0a1BcDefGh\"", "quotes"),
            ("x", "neither"),
            ("", "neither"),
        ] {
            let how = alteration(code, sent).unwrap_or_default();
            assert!(how.en.contains(part), "{sent}: {how:?}");
            assert!(how.zh.contains(|c| c >= '\u{4e00}'), "{how:?}");
        }
    }
}
