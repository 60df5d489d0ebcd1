//! How much of a suite says something about a backend, and what to describe to get more: the count and its words.

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use crate::lang::Say;
use crate::say;

/// How many of the selected cases judged something.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Coverage {
    /// Cases that say something: forecast, or PASS, WARN, FAIL and INFO after a run.
    pub judged: usize,
    /// Cases selected.
    pub of: usize,
    /// For each operation that is not described, how many cases more it would bring by itself, the most first.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub more: IndexMap<String, usize>,
    /// Selected suites the adapter describes too little for: none of their cases runs, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub silent_suites: Vec<String>,
}

impl Coverage {
    /// `31 of 84 cases judged; describe `userinfo` for 50 more, `phone_cipher` for 47 more`.
    #[must_use]
    pub fn say(&self) -> Say {
        let judged = say!(
            "{judged} of {of} cases judged",
            "{of} 个用例中有 {judged} 个作出了判断",
            judged = self.judged,
            of = self.of
        );
        let mut groups: Vec<(usize, Vec<String>)> = Vec::new();
        for (op, gain) in &self.more {
            let named = format!("`{op}`");
            match groups.last_mut() {
                Some((known, ops)) if known == gain => ops.push(named),
                _ => groups.push((*gain, vec![named])),
            }
        }
        let hints: Vec<Say> = groups
            .iter()
            .take(2)
            .map(|(gain, ops)| {
                say!(
                    "{ops} for {gain} more",
                    "{ops} 可多判 {gain} 个",
                    ops = Say::join(ops, &say!(" or ", " 或 ")),
                    gain = gain
                )
            })
            .collect();
        if hints.is_empty() {
            return judged;
        }
        say!(
            "{judged}; describe {hints}",
            "{judged}；在 adapter 里描述 {hints}",
            judged = judged,
            hints = Say::join(hints, &say!(", ", "，"))
        )
    }

    /// What to say about suites that were skipped as a whole; `None` if there are none.
    #[must_use]
    pub fn silence(&self) -> Option<Say> {
        (!self.silent_suites.is_empty()).then(|| {
            let suites = self.silent_suites.iter().map(String::as_str);
            say!(
                "every case of {suites} was skipped: select other cases, or accept it with --allow-skipped; a backend that keeps no session_key says features.key_storage = \"none\"",
                "这些测试组的用例全部跳过了：{suites}；请选择别的用例，或用 --allow-skipped 接受；不保存 session_key 的后端请写 features.key_storage = \"none\"",
                suites = Say::join(suites, &say!(", ", "、"))
            )
        })
    }
}
