//! What the answer to a prepare request means for the operation behind it. Knows nothing of how it came.

use super::{
    adapter::{Adapter, Captures, Prepare},
    answer,
    client::RawAnswer,
};
use wxmock_model::history::Outcome;

/// What becomes of the operation.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Prepared {
    /// It goes on, with these captures.
    Ready(Captures),
    /// That was the answer of the operation: the phone, or everybody, is turned away.
    Refused,
    /// There is no complete answer, or none that can be read: that is the operation's too.
    Broken,
    /// It cannot go on, which is nobody's verdict on the phone; the rest of a sentence about the request.
    Failed(String),
}

impl Adapter {
    /// Reads the answer to a prepare request. Its own `status` decides if there is one, else the outcome rules, else whether
    /// it is a success of HTTP.
    pub(crate) fn prepared(&self, prepare: &Prepare, answer: &RawAnswer) -> Prepared {
        if answer.error.is_some() || answer.unreadable.is_some() {
            return Prepared::Broken;
        }
        let status = answer.status.unwrap_or_default();
        let reading = answer::read(&self.rules, &[], answer);
        let outcome = match &prepare.status {
            Some(set) if set.contains(status) => Outcome::Ok,
            Some(_) if reading.outcome == Outcome::Ok => Outcome::Indefinite,
            None if reading.rule.is_none() && (200..400).contains(&status) => Outcome::Ok,
            Some(_) | None => reading.outcome,
        };
        match outcome {
            Outcome::Ok => self.captured(prepare, answer),
            // It tells everybody so.
            Outcome::RetryLater | Outcome::ServerError => Prepared::Refused,
            // A login by ticket is refused where the code is, a session where the session is.
            Outcome::Relogin | Outcome::Denied | Outcome::Invalid
                if self.is_of_the_phone(&prepare.request) =>
            {
                Prepared::Refused
            }
            _ => Prepared::Failed(format!(
                "was answered with {status}{}: nothing of the phone's is in it that could be refused",
                start_of(answer)
            )),
        }
    }

    fn captured(&self, prepare: &Prepare, answer: &RawAnswer) -> Prepared {
        let found = answer::captured(&prepare.captures, answer);
        let missing = prepare
            .captures
            .iter()
            .find(|(name, _)| !found.contains_key(name));
        match missing {
            None => Prepared::Ready(found),
            Some((name, _)) => Prepared::Failed(format!(
                "was answered with {}{}, where its capture `{name}` finds nothing",
                answer.status.unwrap_or_default(),
                start_of(answer)
            )),
        }
    }
}

/// ` and {"error":…`, for a message.
fn start_of(answer: &RawAnswer) -> String {
    let text = String::from_utf8_lossy(&answer.body);
    let text: String = text.trim().chars().take(120).collect();
    if text.is_empty() {
        return " and no body".to_owned();
    }
    format!(" and {}", wxmock_server::foreign_line(&text))
}
