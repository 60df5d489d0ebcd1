//! The people of one order: made for it, deleted after it, together with every gate and fault that was theirs.

use std::collections::HashSet;
use std::time::Duration;

use sha2::{Digest, Sha256};
use wxmock_server::{
    CallId, CallInfo, CallMatch, Endpoint, FaultId, FaultRule, GateId, Handle, HoldRule, Point,
};
use wxmock_world::{
    AccessTokenPatch, AccessTokenPolicy, AppId, ControlError, DeviceId, ExchangeReturns, NewUser,
    PolicyPatch, Rotate, Span, StableTokenRequest, TokenRequest, UserId, Who,
};

use crate::device::{Device, user_view};
use wxmock_model::program::{Differs, Program, Returns, Rotation, TokenChange, Verb};

/// One person of the scenario, and who plays them in the mock.
#[derive(Debug, Clone)]
pub(crate) struct Person {
    /// Scenario name.
    pub(crate) name: String,
    /// Name in the mock, unique to this order.
    pub(crate) user: UserId,
    /// What WeChat calls them.
    pub(crate) openid: String,
}

/// Replies that a scenario holds.
#[derive(Debug)]
struct Hold {
    label: String,
    matching: CallMatch,
    gate: GateId,
}

/// Everything one order put into the mock. Dropping it takes all of it out again and lets go of whatever its gates hold,
/// however the order ended.
#[derive(Debug)]
pub(crate) struct TestUsers {
    handle: Handle,
    app: AppId,
    prefix: String,
    rules: PolicyPatch,
    people: Vec<Person>,
    gates: Vec<GateId>,
    holds: Vec<Hold>,
    held_codes: HashSet<String>,
    /// Every fault with its label.
    faults: Vec<(String, FaultId)>,
    /// What held for access_tokens before this order changed it.
    token_rules: Option<AccessTokenPolicy>,
    avoids_plus: bool,
}

impl TestUsers {
    /// Makes the people of `program`, each under the rules the case's axes ask for. `prefix` is a word unique to the order.
    ///
    /// # Errors
    /// The mock's words, if it refuses.
    pub(crate) fn assemble(
        handle: &Handle,
        app: &AppId,
        program: &Program,
        rules: (Rotation, Returns),
        prefix: &str,
    ) -> Result<Self, String> {
        let mut test_users = Self {
            handle: handle.clone(),
            app: app.clone(),
            prefix: prefix.to_owned(),
            rules: policy(rules.0, rules.1),
            people: Vec::new(),
            gates: Vec::new(),
            holds: Vec::new(),
            held_codes: HashSet::new(),
            faults: Vec::new(),
            token_rules: None,
            avoids_plus: false,
        };
        let twins: Vec<(&str, &str, Differs)> = program
            .steps()
            .filter_map(|step| match (&step.verb, step.phone) {
                (Verb::Resemble { user, differs }, Some(phone)) => {
                    let own = program.phones[phone].user.as_str();
                    Some((own, user.as_str(), *differs))
                }
                _ => None,
            })
            .collect();
        for name in &program.users {
            let twin = twins.iter().find(|(own, ..)| own == name);
            let openid = twin.and_then(|(_, of, differs)| {
                let known = test_users.person(of)?;
                Some(near_openid(&known.openid, *differs))
            });
            test_users.admit_as(name, openid.as_deref())?;
        }
        Ok(test_users)
    }

    /// Makes one more person, under the same rules as the others.
    ///
    /// # Errors
    /// The mock's words, if it refuses.
    pub(crate) fn admit(&mut self, name: &str) -> Result<(), String> {
        self.admit_as(name, None)
    }

    fn admit_as(&mut self, name: &str, openid: Option<&str>) -> Result<(), String> {
        let openid = openid.map(str::parse).transpose();
        let openid = openid.map_err(|e| format!("openid of {name}: {e}"))?;
        let user: UserId = format!("{name}-{}", self.prefix)
            .parse()
            .map_err(|e| format!("user {name}: {e}"))?;
        self.handle
            .with_world(|world, now| {
                let new = NewUser {
                    openid,
                    ..NewUser::named(user.clone())
                };
                world.create_user(now, &self.app, new)?;
                world.set_policy(now, &self.app, Some(&user), &self.rules)
            })
            .map_err(|e| format!("user {name}: {e}"))?;
        // Registered before anything else can fail, so that dropping this deletes them.
        self.people.push(Person {
            name: name.to_owned(),
            user: user.clone(),
            openid: String::new(),
        });
        let openid = user_view(&self.handle, &self.app, &user)?
            .openid
            .to_string();
        if let Some(person) = self.people.last_mut() {
            person.openid = openid;
        }
        Ok(())
    }

    pub(crate) fn people(&self) -> &[Person] {
        &self.people
    }

    pub(crate) fn prefix(&self) -> &str {
        &self.prefix
    }

    /// The person with this scenario name.
    pub(crate) fn person(&self, name: &str) -> Option<&Person> {
        self.people.iter().find(|p| p.name == name)
    }

    /// The person with this name in the mock.
    pub(crate) fn by_user(&self, user: &UserId) -> Option<&Person> {
        self.people.iter().find(|p| p.user == *user)
    }

    /// A phone of a person.
    ///
    /// # Errors
    /// An unknown person, or a device name the mock would not take.
    pub(crate) fn device(&self, person: &str, device: &str) -> Result<Device, String> {
        let user = &self
            .person(person)
            .ok_or_else(|| format!("there is no person {person}"))?
            .user;
        let device: DeviceId = device
            .parse()
            .map_err(|e| format!("device {device}: {e}"))?;
        let who = Who {
            app: self.app.clone(),
            user: user.clone(),
            device,
        };
        Ok(Device::new(self.handle.clone(), who).avoiding_plus(self.avoids_plus))
    }

    /// The same people, whose phones' captures hold no `+` unless a case asks for one.
    pub(crate) fn avoiding_plus(mut self, avoids: bool) -> Self {
        self.avoids_plus = avoids;
        self
    }

    /// Holds every exchange of this code from now on, before and after WeChat carries it out.
    pub(crate) fn hold(&mut self, js_code: &str, limit: Duration) {
        if !self.held_codes.insert(js_code.to_owned()) {
            return;
        }
        for point in [Point::Arrived, Point::Committed] {
            let id = self.handle.gates().hold(HoldRule {
                label: format!("order/{}", self.prefix),
                point,
                matching: CallMatch {
                    endpoint: Some(Endpoint::Jscode2session),
                    js_code: Some(js_code.to_owned()),
                    ..CallMatch::default()
                },
                limit,
                times: None,
                open_when: None,
            });
            self.gates.push(id);
        }
    }

    /// Lets one held call go.
    pub(crate) fn release(&self, call: CallId) {
        self.handle.gates().release(call);
    }

    /// Lets held calls go, each when the one before it has passed.
    pub(crate) fn release_in_order(&self, calls: &[CallId]) {
        self.handle.gates().release_order(calls);
    }

    /// Holds the replies to the calls that `matching` is about, under a name of the scenario's.
    pub(crate) fn hold_replies(&mut self, label: &str, matching: CallMatch, limit: Duration) {
        let gate = self.handle.gates().hold(HoldRule {
            label: format!("order/{}", self.prefix),
            point: Point::Committed,
            matching: matching.clone(),
            limit,
            times: None,
            open_when: None,
        });
        self.holds.push(Hold {
            label: label.to_owned(),
            matching,
            gate,
        });
    }

    /// Whether a hold, the one of this name if one is given, keeps the reply to a call.
    pub(crate) fn keeps(&self, label: Option<&str>, call: &CallInfo) -> bool {
        let mut holds = self.holds.iter();
        holds.any(|hold| {
            label.is_none_or(|label| hold.label == label) && hold.matching.matches(call)
        })
    }

    /// Takes a hold away; what it keeps is to be let go before.
    pub(crate) fn keep_no_more(&mut self, label: &str) {
        for hold in self.holds.extract_if(.., |hold| hold.label == label) {
            self.handle.gates().remove(hold.gate);
        }
    }

    /// Takes every gate away and lets every held call go.
    pub(crate) fn open_gates(&mut self) {
        let holds = self.holds.drain(..).map(|hold| hold.gate);
        for id in self.gates.drain(..).chain(holds) {
            self.handle.gates().remove(id);
        }
        self.held_codes.clear();
        self.handle
            .gates()
            .release_label(&format!("order/{}", self.prefix));
    }

    /// Schedules a fault under `label`, which [`TestUsers::fault_label`] turns back.
    pub(crate) fn fault(&mut self, label: &str, rule: FaultRule) {
        let rule = FaultRule {
            label: format!("{}/{label}", self.prefix),
            ..rule
        };
        let id = self.handle.faults().add(rule);
        self.faults.push((label.to_owned(), id));
    }

    /// Takes the faults of this label away.
    pub(crate) fn lift(&mut self, label: &str) {
        let faults = self.handle.faults();
        self.faults.retain(|(known, id)| {
            let stays = known != label;
            if !stays {
                faults.remove(*id);
            }
            stays
        });
    }

    /// Does something to the access_tokens of the app, as another server of the same app or WeChat itself would, or changes
    /// their rules until this is dropped.
    ///
    /// # Errors
    /// The mock's words, if it refuses.
    pub(crate) fn change_tokens(
        &mut self,
        change: TokenChange,
        secret: &str,
    ) -> Result<(), String> {
        let span = |time: Duration| Span::ms(u64::try_from(time.as_millis()).unwrap_or(u64::MAX));
        let rules = match change {
            TokenChange::Overlap(time) => AccessTokenPatch {
                overlap: Some(span(time)),
                ..AccessTokenPatch::default()
            },
            TokenChange::Life(time) => AccessTokenPatch {
                ttl: Some(span(time)),
                ..AccessTokenPatch::default()
            },
            other => return self.touch_tokens(other, secret),
        };
        self.set_token_rules(rules)
    }

    fn touch_tokens(&self, change: TokenChange, secret: &str) -> Result<(), String> {
        let app = &self.app;
        let (grant_type, appid, secret) = (
            Some("client_credential".to_owned()),
            Some(app.to_string()),
            Some(secret.to_owned()),
        );
        self.handle.with_world(|world, now| match change {
            TokenChange::Killed => world
                .kill_access_token(now, app)
                .map(|_| ())
                .map_err(|e| e.to_string()),
            TokenChange::Expired => world
                .expire_access_token(now, app)
                .map(|_| ())
                .map_err(|e| e.to_string()),
            TokenChange::Forced => {
                let force = StableTokenRequest {
                    grant_type,
                    appid,
                    secret,
                    force_refresh: true,
                };
                let handed = world.stable_token(now, &force).reply;
                handed.map(|_| ()).map_err(|e| e.to_string())
            }
            _ => {
                let plain = TokenRequest {
                    grant_type,
                    appid,
                    secret,
                };
                let handed = world.token(now, &plain).reply;
                handed.map(|_| ()).map_err(|e| e.to_string())
            }
        })
    }

    fn set_token_rules(&mut self, rules: AccessTokenPatch) -> Result<(), String> {
        let app = &self.app;
        let patch = PolicyPatch {
            access_token: rules,
            ..PolicyPatch::default()
        };
        let before = self
            .handle
            .with_world(|world, now| {
                let before = world.policy(app, None)?.access_token;
                world.set_policy(now, app, None, &patch)?;
                Ok::<_, ControlError>(before)
            })
            .map_err(|e| e.to_string())?;
        self.token_rules.get_or_insert(before);
        Ok(())
    }

    /// The scenario's name for a fault the mock reports.
    pub(crate) fn fault_label(&self, label: &str) -> String {
        label
            .strip_prefix(&format!("{}/", self.prefix))
            .unwrap_or(label)
            .to_owned()
    }
}

impl Drop for TestUsers {
    fn drop(&mut self) {
        self.open_gates();
        for (_, id) in self.faults.drain(..) {
            self.handle.faults().remove(id);
        }
        if let Some(before) = self.token_rules.take() {
            // An app that is gone has no rules.
            let _ = self.set_token_rules(AccessTokenPatch {
                ttl: Some(before.ttl),
                overlap: Some(before.overlap),
                force_gap: Some(before.force_gap),
            });
        }
        for person in self.people.drain(..) {
            // A person that is gone already is what we want.
            let _ = self
                .handle
                .with_world(|world, now| world.delete_user(now, &self.app, &person.user));
        }
    }
}

/// An openid of the same length that is not `openid`, and nearly is.
fn near_openid(openid: &str, differs: Differs) -> String {
    let swapped = |c: char| {
        if c.is_ascii_lowercase() {
            c.to_ascii_uppercase()
        } else {
            c.to_ascii_lowercase()
        }
    };
    match differs {
        // The beginning is the app's: all its people share it.
        Differs::Case => {
            let (shared, own) = openid.split_at(openid.len().min(6));
            shared.chars().chain(own.chars().map(swapped)).collect()
        }
        Differs::End => {
            let mut near = openid.to_owned();
            let last = near.pop();
            near.push(if last == Some('0') { '1' } else { '0' });
            near
        }
    }
}

/// A word unique to one attempt at one order, and the same every time that attempt is made: `3f9c1b2d04`.
pub(crate) fn prefix(parts: &[&str], attempt: u32) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part.as_bytes());
        hash.update([0]);
    }
    hash.update(attempt.to_be_bytes());
    hex::encode(&hash.finalize()[..5])
}

/// The rules of one case: the axes of the scenario as WeChat's policy for one person.
fn policy(rotation: Rotation, returns: Returns) -> PolicyPatch {
    let (rotate, min_interval) = match rotation {
        Rotation::Login => (Rotate::Login, Span::ZERO),
        Rotation::Exchange => (Rotate::Exchange, Span::ZERO),
        Rotation::MinInterval => (Rotate::Login, Span::m(5)),
    };
    let mut patch = PolicyPatch::default();
    patch.session_key.rotate = Some(rotate);
    patch.session_key.min_interval = Some(min_interval);
    patch.session_key.exchange_returns = Some(match returns {
        Returns::Bound => ExchangeReturns::Bound,
        Returns::Current => ExchangeReturns::Current,
    });
    patch
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_near_openid_is_another_one_of_the_same_length() {
        let openid = "oWx5d0aBcDeFgHiJkLmNoPqRsTu0";
        let case = near_openid(openid, Differs::Case);
        assert!(case != openid && case.eq_ignore_ascii_case(openid));
        assert_eq!(case[..6], openid[..6]);
        let end = near_openid(openid, Differs::End);
        assert!(end != openid && end.len() == openid.len() && end[..27] == openid[..27]);
        assert_ne!(near_openid(&end, Differs::End), end);
    }

    #[test]
    fn a_prefix_repeats_itself_and_nothing_else() {
        let one = prefix(&["7", "a/b", "S1.K1.R1"], 0);
        assert_eq!(one, prefix(&["7", "a/b", "S1.K1.R1"], 0));
        assert_ne!(one, prefix(&["7", "a/b", "S1.K1.R1"], 1));
        assert_ne!(one, prefix(&["7", "a/bS1", ".K1.R1"], 0));
        assert_eq!(one.len(), 10);
    }
}
