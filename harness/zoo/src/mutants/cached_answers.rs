//! KEY-01: good answers to profile requests are kept under a name that the session is no part of.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use serde_json::Value;

use crate::answer::Answer;
use crate::policy::Policy;
use crate::request::Request;

/// Good answers to profile requests, by what a request is taken to be.
pub(crate) struct CachedAnswers {
    name: fn(&Request) -> String,
    kept: Mutex<BTreeMap<String, Value>>,
}

impl CachedAnswers {
    /// By a hash of the body: a payload that its owner has sent opens for everybody.
    pub(crate) fn by_body() -> Self {
        Self::by(|request| request.body.to_string())
    }

    /// `cache.get(body.iv)`: an iv is no secret and no name. Whoever sends the iv of somebody else is shown what that person was shown.
    pub(crate) fn by_iv() -> Self {
        Self::by(|request| {
            let iv = request.body.get("iv").and_then(Value::as_str);
            iv.unwrap_or_default().to_owned()
        })
    }

    fn by(name: fn(&Request) -> String) -> Self {
        Self {
            name,
            kept: Mutex::default(),
        }
    }
}

impl Policy for CachedAnswers {
    fn profile_answer(
        &self,
        request: &Request,
        open: &dyn Fn() -> Result<Value, Answer>,
    ) -> Result<Value, Answer> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let name = (self.name)(request);
        if let Some(known) = kept.get(&name) {
            return Ok(known.clone());
        }
        let answer = open()?;
        kept.insert(name, answer.clone());
        Ok(answer)
    }
}
