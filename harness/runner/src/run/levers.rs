//! What a scenario does to WeChat: time, keys, faults, shapes.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use sha2::{Digest, Sha256};
use wxmock_server::{CallMatch, Endpoint, FaultEffect, FaultRule, Point, When};
use wxmock_world::{ClockChange, FieldOrder, PolicyPatch, Span, UserId};

use super::record::Mark;
use super::stage::{Stage, Stop};
use wxmock_model::history::{FaultRecord, ShapeRecord, StepKind};
use wxmock_model::order::EventName;
use wxmock_model::program;
use wxmock_model::program::{Step, Verb};
use wxmock_model::say;

impl Stage<'_> {
    pub(crate) fn change_world(
        &mut self,
        step: &Step,
        event: Option<EventName>,
    ) -> Result<(), Stop> {
        let broken = |error: String| Stop::Broken(format!("{}: {error}", step.text));
        let (mut fault, mut shape) = (None, None);
        let person = match &step.verb {
            Verb::Advance { by } => {
                self.advance(*by).map_err(broken)?;
                None
            }
            Verb::ExpireKey { user } | Verb::ResetKey { user } | Verb::RotateKey { user } => {
                let name = self.user_id(user).map_err(broken)?;
                let app = self.run_context.app;
                let done = self
                    .run_context
                    .handle
                    .with_world(|world, now| match step.verb {
                        Verb::ExpireKey { .. } => world.expire_key(now, app, &name),
                        Verb::ResetKey { .. } => world.reset_key(now, app, &name),
                        _ => world.rotate_key(now, app, &name),
                    });
                done.map_err(|e| broken(e.to_string()))?;
                Some(user.clone())
            }
            Verb::Fault {
                label,
                endpoint,
                user,
                effect,
                when,
                times,
            } => {
                self.fault(label, endpoint, user, effect, *when, *times)
                    .map_err(broken)?;
                fault = Some(FaultRecord {
                    label: label.clone(),
                    endpoint: endpoint.clone(),
                    garbles: effect.garbles(),
                    silences: effect.silences(),
                    effect: Some(effect.kind()),
                });
                Some(user.clone())
            }
            Verb::Hold {
                label,
                endpoint,
                user,
            } => {
                self.hold(label, endpoint, user).map_err(broken)?;
                Some(user.clone())
            }
            Verb::Release { label } => {
                self.release(label);
                None
            }
            Verb::Lift { label } => {
                self.test_users.lift(label);
                None
            }
            Verb::AccessToken { change } => {
                self.test_users
                    .change_tokens(*change, self.run_context.secret)
                    .map_err(broken)?;
                None
            }
            Verb::Shape { user, change } => {
                let name = self.user_id(user).map_err(broken)?;
                self.shaped.insert(user.clone());
                if let Some(text) = change.key {
                    self.key_texts.insert(user.clone(), text);
                }
                let body = program::ShapeChange {
                    key: None,
                    ..change.clone()
                };
                // Another key is no other shape of the body.
                shape = (body != program::ShapeChange::default()).then(|| ShapeRecord {
                    user: user.clone(),
                    unionid: change.no_unionid.is_some(),
                    ..ShapeRecord::default()
                });
                let patch = shape_patch(change);
                let app = self.run_context.app;
                let done = self
                    .run_context
                    .handle
                    .with_world(|world, now| world.set_policy(now, app, Some(&name), &patch));
                done.map_err(|e| broken(e.to_string()))?;
                Some(user.clone())
            }
            other => return Err(Stop::Broken(format!("no way to carry out {other:?}"))),
        };
        for person in person
            .iter()
            .cloned()
            .chain(self.everybody().into_iter().filter(|_| person.is_none()))
        {
            self.read_keys(&person);
        }
        let name = event.map(|e| e.to_string()).unwrap_or_default();
        let set = self.record.step(
            StepKind::World,
            Mark {
                name,
                text: step.text.clone(),
                user: person,
                fault,
                ..Mark::default()
            },
        );
        let shape = shape.map(|shape| ShapeRecord { set, ..shape });
        self.record.history_mut().shapes.extend(shape);
        Ok(())
    }

    fn advance(&self, by: std::time::Duration) -> Result<(), String> {
        let ms = u64::try_from(by.as_millis()).unwrap_or(u64::MAX);
        for person in self.test_users.people() {
            let change = ClockChange::AgeUser(person.user.clone(), Span::ms(ms));
            let done = self
                .run_context
                .handle
                .with_world(|world, now| world.clock(now, self.run_context.app, change));
            done.map_err(|e| e.to_string())?;
        }
        Ok(())
    }

    /// Holds the replies to calls of this kind from now on.
    fn hold(&mut self, label: &str, endpoint: &str, user: &str) -> Result<(), String> {
        for endpoint in endpoints(endpoint)? {
            let nobodys = matches!(endpoint, Endpoint::Token | Endpoint::StableToken);
            let owner = if nobodys {
                None
            } else {
                Some(self.user_id(user)?)
            };
            let matching = CallMatch {
                endpoint: Some(endpoint),
                appid: Some(self.run_context.app.clone()),
                user: owner,
                ..CallMatch::default()
            };
            let limit = self.run_context.hold_limit;
            self.test_users.hold_replies(label, matching, limit);
        }
        Ok(())
    }

    /// Lets go what the hold keeps.
    fn release(&mut self, label: &str) {
        let kept: Vec<usize> = (0..self.calls.len())
            .filter(|at| {
                let call = &self.calls[*at];
                call.parked() == Some(Point::Committed)
                    && self.test_users.keeps(Some(label), &call.info)
            })
            .collect();
        for call in kept {
            self.let_go(call, Point::Committed);
        }
        self.test_users.keep_no_more(label);
    }

    fn fault(
        &mut self,
        label: &str,
        endpoint: &str,
        user: &str,
        effect: &program::FaultEffect,
        when: program::FaultWhen,
        times: Option<u32>,
    ) -> Result<(), String> {
        let endpoints = endpoints(endpoint)?;
        // An access_token belongs to the app: such calls are nobody's.
        let nobodys =
            |endpoint: &Endpoint| matches!(endpoint, Endpoint::Token | Endpoint::StableToken);
        let owner = if endpoints.iter().any(nobodys) {
            None
        } else {
            Some(self.user_id(user)?)
        };
        let when = match (when, effect) {
            // Only the header changes: before the commit there would be no answer to change the header of.
            (_, program::FaultEffect::ContentType(_)) | (program::FaultWhen::AfterCommit, _) => {
                When::AfterCommit
            }
            (program::FaultWhen::BeforeCommit, _) => When::BeforeCommit,
        };
        if effect.spares_the_body() {
            self.harmless_faults.push(label.to_owned());
        }
        let effect = self.fault_effect(label, user, effect);
        for endpoint in endpoints {
            let rule = FaultRule {
                label: label.to_owned(),
                matching: CallMatch {
                    endpoint: Some(endpoint),
                    appid: Some(self.run_context.app.clone()),
                    user: owner.clone(),
                    ..CallMatch::default()
                },
                times,
                when,
                effect: effect.clone(),
            };
            self.test_users.fault(label, rule);
        }
        Ok(())
    }

    fn fault_effect(
        &mut self,
        label: &str,
        user: &str,
        effect: &program::FaultEffect,
    ) -> FaultEffect {
        match effect {
            program::FaultEffect::Errcode(errcode) => FaultEffect::Errcode {
                errcode: *errcode,
                errmsg: None,
            },
            program::FaultEffect::Status { status, body } => FaultEffect::Status {
                status: *status,
                body: self.fill(label, user, body),
                content_type: None,
            },
            program::FaultEffect::Delay(by) => FaultEffect::Delay {
                ms: u64::try_from(by.as_millis()).unwrap_or(u64::MAX),
            },
            program::FaultEffect::Silent => FaultEffect::Silent,
            program::FaultEffect::Reset => FaultEffect::Reset,
            program::FaultEffect::Truncate(keep_bytes) => FaultEffect::Truncate {
                keep_bytes: *keep_bytes,
            },
            program::FaultEffect::Body(body) => FaultEffect::Body {
                body: self.fill(label, user, body),
                content_type: None,
            },
            program::FaultEffect::ContentType(content_type) => FaultEffect::ContentType {
                content_type: content_type.clone(),
            },
        }
    }

    /// Puts the person's openid and a made-up key into a fault's body; the made-up key is a secret like a real one.
    fn fill(&mut self, label: &str, user: &str, body: &str) -> String {
        let openid = self
            .test_users
            .person(user)
            .map(|p| p.openid.clone())
            .unwrap_or_default();
        let mut filled = body.replace("{{openid}}", &openid);
        if filled.contains("{{session_key}}") {
            let digest = Sha256::digest(format!(
                "made up for {label} of {}",
                self.test_users.prefix()
            ));
            let key = BASE64_STANDARD.encode(&digest[..16]);
            filled = filled.replace("{{session_key}}", &key);
            let what = say!(
                "the session_key of fault {label}",
                "故障 {label} 里的 session_key",
                label = label
            );
            self.record.history_mut().secrets.known.push((what, key));
        }
        filled
    }

    fn everybody(&self) -> Vec<String> {
        self.test_users
            .people()
            .iter()
            .map(|p| p.name.clone())
            .collect()
    }

    fn user_id(&self, name: &str) -> Result<UserId, String> {
        let person = self
            .test_users
            .person(name)
            .ok_or_else(|| format!("there is no person {name}"))?;
        Ok(person.user.clone())
    }
}

fn shape_patch(change: &program::ShapeChange) -> PolicyPatch {
    let mut patch = PolicyPatch::default();
    let shape = &mut patch.shape;
    shape.errcode_zero = change.errcode_zero;
    shape.extra_fields = change.extra_fields;
    shape.field_order = change.field_order.map(|order| match order {
        program::FieldOrder::Wechat => FieldOrder::Wechat,
        program::FieldOrder::Reversed => FieldOrder::Reversed,
        program::FieldOrder::Sorted => FieldOrder::Sorted,
    });
    shape.content_type = change.content_type.clone().map(Some);
    shape.no_unionid = change.no_unionid;
    shape.legacy_expires_in = change.legacy_expires_in;
    shape.slash_escape = change.slash_escape;
    patch
}

/// The endpoints that a scenario means by a word.
fn endpoints(word: &str) -> Result<Vec<Endpoint>, String> {
    Ok(match word {
        program::names::ACCESS_TOKEN => vec![Endpoint::Token, Endpoint::StableToken],
        other => vec![other.parse().map_err(|e| format!("{e}"))?],
    })
}
