//! What is asked of a call before anything of it is looked at: from where it comes, and how often.

use std::{borrow::Cow, collections::BTreeMap, net::IpAddr};

use serde::{Deserialize, Serialize};

use super::World;
use crate::{
    AppId, AppKind, Command, Effect, QuotaPolicy, UnixMs, WxError,
    access_token::DayCount,
    errcode::{COMPONENT_IP_NOT_LISTED, MINUTE_QUOTA, WECOM_IP_NOT_LISTED, ip_not_listed},
};

/// Calls of one account, by endpoint. Nothing is counted while there is no limit.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct CallCounts(BTreeMap<String, Count>);

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Count {
    minute: i64,
    in_minute: u32,
    day: DayCount,
}

impl CallCounts {
    /// The day's calls start again.
    pub(super) fn clear_day(&mut self) {
        for count in self.0.values_mut() {
            count.day = DayCount::default();
        }
    }

    /// Counts one call, or refuses it. One that the minute refuses counts for no day.
    fn take(&mut self, endpoint: &str, at: UnixMs, quota: &QuotaPolicy) -> Result<(), WxError> {
        if !quota.counts() {
            return Ok(());
        }
        let count = match self.0.get_mut(endpoint) {
            Some(count) => count,
            None => self.0.entry(endpoint.to_owned()).or_default(),
        };
        let minute = at.0.div_euclid(60_000);
        if count.minute != minute {
            (count.minute, count.in_minute) = (minute, 0);
        }
        let is_spent = |limit| count.in_minute >= limit;
        if quota.calls_per_minute.is_some_and(is_spent) {
            return Err(MINUTE_QUOTA);
        }
        count.day.take(at, quota.calls_per_day)?;
        count.in_minute += 1;
        Ok(())
    }
}

impl World {
    /// Whether an account may call an endpoint, by its name, from an address now. Counts the call if a quota does.
    ///
    /// # Errors
    /// The refusal: its list of addresses does not have this one, or a quota is spent.
    pub fn admit(
        &mut self,
        now: UnixMs,
        app: &AppId,
        endpoint: &'static str,
        from: IpAddr,
    ) -> Result<(), Effect<WxError>> {
        let Some(no) = self.core.by_id.get(app).copied() else {
            return Ok(());
        };
        let id = app;
        let wall = self.wall.max(now);
        let Some(app) = self.core.app_mut(no) else {
            return Ok(());
        };
        let policy = &app.policy;
        let listed = policy.caller.ip_whitelist.as_ref();
        let from = from.to_canonical();
        let counts = policy.quota.counts();
        let checked =
            if listed.is_none_or(|listed| listed.iter().any(|ip| ip.to_canonical() == from)) {
                let at = app.clock.read(wall);
                app.calls.take(endpoint, at, &policy.quota)
            } else {
                Err(match app.kind {
                    AppKind::MiniProgram => ip_not_listed(from),
                    AppKind::ThirdParty => COMPONENT_IP_NOT_LISTED,
                    AppKind::Wecom | AppKind::WecomSuite => WECOM_IP_NOT_LISTED,
                })
            };
        // Most calls are let through and not counted: nothing changes.
        if counts || checked.is_err() {
            self.record(now, || {
                Command::Admit(id.clone(), Cow::Borrowed(endpoint), from)
            });
        }
        let Err(error) = checked else {
            return Ok(());
        };
        self.begin(now);
        let refused = self.on_app(no, |turn| {
            let refused: Result<(), _> = turn.refused(endpoint, None, error.clone());
            refused
        });
        Err(refused.map(|_| error))
    }
}
