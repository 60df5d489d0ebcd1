//! Clients in groups: the members of a group race for one person after the other, and what they saw of each is judged when
//! they are done with them.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::Value;
use tokio::task::JoinSet;

use super::client::{Client, Heard};
use super::history::{self, MOST, Operation};
use super::model::{Act, Answer, Rules};
use super::{Examined, Violation};
use crate::run::Cancel;

/// The mock that is examined, and the app of it whose rules are known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Where it listens.
    pub addr: SocketAddr,
    /// The app.
    pub appid: String,
    /// Its AppSecret.
    pub secret: String,
    /// How its session_keys come about.
    pub rules: Rules,
    /// What the names of people begin with, so that one app can be examined twice.
    pub names: String,
}

/// How much is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Plan {
    /// Operations in all; rounded up to whole people.
    pub operations: u64,
    /// Groups that work at the same time.
    pub groups: usize,
    /// Decides what each client does next.
    pub seed: u64,
}

/// Why nothing can be said.
#[derive(Debug, thiserror::Error)]
pub enum LinearError {
    /// The connection to the mock broke.
    #[error("ask the mock: {0}")]
    Wire(#[from] std::io::Error),
    /// It answered something that is no answer to what was asked.
    #[error("understand the answer to {asked}: {status} {body}")]
    Answer {
        /// What was asked.
        asked: String,
        /// The status.
        status: u16,
        /// The body.
        body: String,
    },
}

/// Clients of one group.
const MEMBERS: u8 = 4;
/// Operations of one client about one person. With the first login they are 61.
const TURNS: usize = 15;
/// Operations about one person.
const EACH: u64 = 1 + MEMBERS as u64 * TURNS as u64;
const _: () = assert!(EACH <= MOST as u64);

/// Lets clients race and judges what they saw, until it is done or cancelled; then what was judged so far.
///
/// # Errors
/// The mock cannot be asked, or answers nonsense.
pub async fn examine(
    target: &Target,
    plan: Plan,
    cancel: &Cancel,
) -> Result<Examined, LinearError> {
    let n_people = plan.operations.div_ceil(EACH).max(1);
    let next = Arc::new(AtomicU64::new(0));
    let all = Arc::new(Mutex::new(Examined::default()));
    let mut groups: JoinSet<Result<(), LinearError>> = JoinSet::new();
    for _ in 0..plan.groups.max(1) {
        let (target, next, all) = (target.clone(), Arc::clone(&next), Arc::clone(&all));
        let cancel = cancel.clone();
        groups.spawn(async move {
            let mut group = Group::connect(&target).await?;
            loop {
                let person = next.fetch_add(1, Ordering::Relaxed);
                if person >= n_people || cancel.is_cancelled() {
                    return Ok(());
                }
                let found = group.person(&target, person, plan.seed).await?;
                lock(&all).add(found);
            }
        });
    }
    while let Some(ended) = groups.join_next().await {
        match ended {
            Ok(ended) => ended?,
            Err(error) => return Err(std::io::Error::other(error).into()),
        }
    }
    let all = std::mem::take(&mut *lock(&all));
    Ok(all)
}

struct Group {
    clients: Vec<Client>,
    clock: Arc<AtomicU64>,
}

/// What the members know of the person they race for.
#[derive(Default)]
struct Known {
    /// Codes in the order their logins were answered, with the key each is bound to.
    codes: Mutex<Vec<String>>,
}

/// An operation as it was seen: codes by their text, keys by what they are.
struct Seen {
    client: u8,
    act: Asked,
    answer: Said,
    began: u64,
    ended: u64,
}

#[derive(Debug, Clone)]
enum Asked {
    Mint,
    Exchange(String),
    Age,
    Rotate,
    Expire,
    Check,
}

enum Said {
    Code { code: String, key: u16 },
    Revealed(String),
    Other(Answer),
}

impl Group {
    async fn connect(target: &Target) -> Result<Self, LinearError> {
        let mut clients = Vec::new();
        for _ in 0..MEMBERS {
            clients.push(Client::connect(target.addr).await?);
        }
        Ok(Self {
            clients,
            clock: Arc::new(AtomicU64::new(0)),
        })
    }

    /// One person from the first login to the verdict.
    async fn person(
        &mut self,
        target: &Target,
        number: u64,
        seed: u64,
    ) -> Result<Examined, LinearError> {
        let name = format!("{}{number}", target.names);
        let users = format!("/_mock/v1/apps/{}/users", target.appid);
        let about = Arc::new(About {
            target: target.clone(),
            name: name.clone(),
            clock: Arc::clone(&self.clock),
            known: Known::default(),
        });
        let first = &mut self.clients[0];
        expect(first, "POST", &users, &format!(r#"{{"name":"{name}"}}"#)).await?;
        let mut seen = vec![about.operate(first, 0, Asked::Mint).await?];
        let mut racing = JoinSet::new();
        for (member, mut client) in (0..MEMBERS).zip(self.clients.drain(..)) {
            let about = Arc::clone(&about);
            let mut draw = Draw::new(seed, number, member);
            racing.spawn(async move {
                let mut seen = Vec::with_capacity(TURNS);
                for _ in 0..TURNS {
                    let act = about.next(&mut draw);
                    seen.push(about.operate(&mut client, member, act).await?);
                }
                Ok::<_, LinearError>((client, seen))
            });
        }
        while let Some(raced) = racing.join_next().await {
            let (client, own) = raced.map_err(std::io::Error::other)??;
            self.clients.push(client);
            seen.extend(own);
        }
        let first = &mut self.clients[0];
        let keys = keys_of(first, &format!("{users}/{name}/keys")).await?;
        // So that the mock is as small after ten million operations as after a thousand.
        expect(first, "DELETE", &format!("{users}/{name}"), "").await?;
        Ok(judge(name, target.rules, seen, &keys))
    }
}

/// One person, as all members of a group know them.
struct About {
    target: Target,
    name: String,
    clock: Arc<AtomicU64>,
    known: Known,
}

impl About {
    /// What a client does next: mostly to mint, and to send one of the last codes, which others send too.
    fn next(&self, draw: &mut Draw) -> Asked {
        match draw.below(20) {
            0..=5 => Asked::Mint,
            6..=13 => {
                let codes = lock(&self.known.codes);
                let back = draw.below(codes.len().min(3) as u64) as usize;
                Asked::Exchange(codes[codes.len() - 1 - back].clone())
            }
            14 => Asked::Age,
            15 => Asked::Rotate,
            16 => Asked::Expire,
            _ => Asked::Check,
        }
    }

    async fn operate(
        &self,
        client: &mut Client,
        member: u8,
        act: Asked,
    ) -> Result<Seen, LinearError> {
        let (appid, secret, name) = (&self.target.appid, &self.target.secret, &self.name);
        let user = format!("/_mock/v1/apps/{appid}/users/{name}");
        let (method, path, body) = match &act {
            Asked::Mint => (
                "GET",
                format!("/_mock/wx/login?app={appid}&user={name}"),
                String::new(),
            ),
            Asked::Check => (
                "GET",
                format!("/_mock/wx/checkSession?app={appid}&user={name}"),
                String::new(),
            ),
            Asked::Exchange(code) => (
                "GET",
                format!(
                    "/sns/jscode2session?appid={appid}&secret={secret}&js_code={code}&grant_type=authorization_code"
                ),
                String::new(),
            ),
            Asked::Age => (
                "POST",
                format!("/_mock/v1/apps/{appid}/clock/advance"),
                format!(r#"{{"by":"6m","user":"{name}"}}"#),
            ),
            Asked::Rotate => ("POST", format!("{user}/keys/rotate"), String::new()),
            Asked::Expire => ("POST", format!("{user}/keys/expire"), String::new()),
        };
        let began = self.clock.fetch_add(1, Ordering::SeqCst);
        let heard = client.ask(method, &path, &body).await?;
        let ended = self.clock.fetch_add(1, Ordering::SeqCst);
        let said = understand(&act, &heard).ok_or_else(|| LinearError::Answer {
            asked: format!("{method} {path}"),
            status: heard.status,
            body: heard.body.to_owned(),
        })?;
        if let Said::Code { code, .. } = &said {
            lock(&self.known.codes).push(code.clone());
        }
        Ok(Seen {
            client: member,
            act,
            answer: said,
            began,
            ended,
        })
    }
}

/// What an answer says; `None` if it is none.
fn understand(act: &Asked, heard: &Heard<'_>) -> Option<Said> {
    let body: Value = serde_json::from_str(heard.body).ok()?;
    let errcode = body.get("errcode").and_then(Value::as_i64).unwrap_or(0);
    let text = |name: &str| body.get(name).and_then(Value::as_str).map(str::to_owned);
    Some(match act {
        Asked::Mint => {
            let key = heard.header("x-wxmock-key")?.strip_prefix('k')?;
            let key = key.parse().ok()?;
            let code = text("code")?;
            Said::Code { code, key }
        }
        Asked::Exchange(_) => match errcode {
            0 => Said::Revealed(text("session_key")?),
            40163 => Said::Other(Answer::Used),
            40029 => Said::Other(Answer::Invalid),
            _ => return None,
        },
        Asked::Check => Said::Other(Answer::Alive(text("errMsg")?.ends_with(":ok"))),
        Asked::Rotate | Asked::Expire if heard.body.contains("\"no-live-key\"") => {
            Said::Other(Answer::NoKey)
        }
        _ if heard.status != 200 => return None,
        Asked::Age => Said::Other(Answer::Done),
        Asked::Rotate | Asked::Expire => Said::Other(Answer::Key(key_number(&body)?)),
    })
}

fn key_number(key: &Value) -> Option<u16> {
    key.get("no")?.as_u64()?.try_into().ok()
}

/// The keys a person was ever given, by number from 1.
async fn keys_of(client: &mut Client, path: &str) -> Result<Vec<String>, LinearError> {
    let heard = client.ask("GET", path, "").await?;
    let read = || {
        let body: Value = serde_json::from_str(heard.body).ok()?;
        let keys = body.get("keys").unwrap_or(&body).as_array()?;
        let text = |key: &Value| Some(key.get("session_key")?.as_str()?.to_owned());
        keys.iter().map(text).collect::<Option<Vec<_>>>()
    };
    read().ok_or_else(|| LinearError::Answer {
        asked: format!("GET {path}"),
        status: heard.status,
        body: heard.body.to_owned(),
    })
}

async fn expect(
    client: &mut Client,
    method: &str,
    path: &str,
    body: &str,
) -> Result<(), LinearError> {
    let heard = client.ask(method, path, body).await?;
    match heard.status {
        200..300 => Ok(()),
        status => Err(LinearError::Answer {
            asked: format!("{method} {path}"),
            status,
            body: heard.body.to_owned(),
        }),
    }
}

/// Numbers what was seen as the model does, and looks for an order.
fn judge(person: String, rules: Rules, mut seen: Vec<Seen>, keys: &[String]) -> Examined {
    seen.sort_by_key(|seen| seen.ended);
    let minted = |code: &str| {
        let by = seen
            .iter()
            .position(|seen| matches!(&seen.answer, Said::Code { code: own, .. } if own == code));
        // Clients send only codes they were given, and a history has at most 64 operations.
        by.unwrap_or(MOST) as u8
    };
    let number = |text: &str| {
        let at = keys.iter().position(|key| key == text);
        // A key that was never issued is number 0, which no order explains.
        at.map_or(0, |at| at as u16 + 1)
    };
    let operation = |seen: &Seen| Operation {
        client: seen.client,
        act: match &seen.act {
            Asked::Mint => Act::Mint,
            Asked::Exchange(code) => Act::Exchange(minted(code)),
            Asked::Age => Act::Age,
            Asked::Rotate => Act::Rotate,
            Asked::Expire => Act::Expire,
            Asked::Check => Act::Check,
        },
        answer: match &seen.answer {
            Said::Code { key, .. } => Answer::Key(*key),
            Said::Revealed(key) => Answer::Key(number(key)),
            Said::Other(answer) => *answer,
        },
        began: seen.began,
        ended: seen.ended,
    };
    let history: Vec<Operation> = seen.iter().map(operation).collect();
    let violation = history::first_without_order(&history, rules).map(|n| Violation {
        person,
        operations: history[..n]
            .iter()
            .enumerate()
            .map(|(no, operation)| history::line(no, operation))
            .collect(),
    });
    Examined {
        operations: history.len() as u64,
        people: 1,
        side_by_side: history::side_by_side(&history),
        n_violations: u64::from(violation.is_some()),
        violations: violation.into_iter().collect(),
    }
}

/// Numbers that look random and follow from the seed: a linear congruential generator, of which the high bits are used.
struct Draw(u64);

impl Draw {
    fn new(seed: u64, person: u64, member: u8) -> Self {
        let mut draw = Self(seed ^ person.rotate_left(32) ^ u64::from(member).rotate_left(16));
        for _ in 0..4 {
            draw.below(1);
        }
        draw
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit.max(1)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
