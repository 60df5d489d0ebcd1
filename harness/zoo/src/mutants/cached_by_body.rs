//! KEY-01: answers are cached by a hash of the body, and the session is no part of the name. A payload that its owner has sent opens for everybody.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use serde_json::Value;

use crate::answer::Answer;
use crate::backend::Request;
use crate::policy::Policy;

/// Good answers to profile requests.
#[derive(Default)]
pub(crate) struct CachedByBody {
    kept: Mutex<BTreeMap<String, Value>>,
}

fn name(request: &Request) -> Option<String> {
    Some(request.body.to_string())
}

impl Policy for CachedByBody {
    fn profile_answer(
        &self,
        request: &Request,
        open: &dyn Fn() -> Result<Value, Answer>,
    ) -> Result<Value, Answer> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let name = name(request).unwrap_or_default();
        if let Some(known) = kept.get(&name) {
            return Ok(known.clone());
        }
        let answer = open()?;
        kept.insert(name, answer.clone());
        Ok(answer)
    }
}
