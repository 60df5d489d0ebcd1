//! `POST /cgi-bin/clear_quota`: the day's calls start again, ten times a month.

use serde::{Deserialize, Serialize};

use super::{Turn, World, Wx};
use crate::{
    Command, Span, UnixMs, WxError,
    errcode::{APPID_MISSING, CLEARS_SPENT, INVALID_APPID},
    event::TokenKind,
    world::turn::tokens_mut,
};

/// Times an app may clear its quotas in one month. Source: official page on clearing the quotas.
const PER_MONTH: u32 = 10;

/// The request.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClearQuota {
    /// `access_token`.
    pub access_token: Option<String>,
    /// `appid`, from the body; the token's own.
    pub appid: Option<String>,
}

/// How often an app has cleared its quotas.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Clears {
    month: i64,
    n_this_month: u32,
}

impl World {
    /// Clears the daily quotas of an app: what [`QuotaPolicy`](crate::QuotaPolicy) counts by the day.
    ///
    /// 41002 without an appid, 40013 for another than the token's (both inferred), 48006 after ten times in a month.
    pub fn clear_quota(&mut self, now: UnixMs, q: &ClearQuota) -> Wx<()> {
        self.record(now, || Command::ClearQuota(q.clone()));
        self.with_token(now, "clear_quota", &q.access_token, |turn| {
            let appid = q.appid.as_ref().ok_or(APPID_MISSING)?;
            if appid != turn.app.id.as_str() {
                return Err(INVALID_APPID);
            }
            turn.clear_quota()
        })
    }
}

impl Turn<'_> {
    fn clear_quota(&mut self) -> Result<(), WxError> {
        let month = month_of(self.at);
        let clears = &mut self.app.clears;
        if clears.month != month {
            *clears = Clears {
                month,
                n_this_month: 0,
            };
        }
        if clears.n_this_month >= PER_MONTH {
            return Err(CLEARS_SPENT);
        }
        clears.n_this_month += 1;
        for kind in TokenKind::ALL {
            tokens_mut(self.app, kind).clear_day();
        }
        self.app.calls.clear_day();
        Ok(())
    }
}

/// The number of the calendar month in China (UTC+8), counted from March of the year 0.
fn month_of(at: UnixMs) -> i64 {
    let day = at.plus(Span::h(8)).seconds().div_euclid(86_400) + 719_468;
    // Eras of 400 years have the same days, so a month follows from the day by whole numbers.
    let era = day.div_euclid(146_097);
    let of_era = day.rem_euclid(146_097);
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    (era * 400 + year) * 12 + (5 * of_year + 2) / 153
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn months_change_at_midnight_in_china() {
        let check = |at: i64, next: i64, expected: i64| {
            assert_eq!(
                month_of(UnixMs(next * 1_000)) - month_of(UnixMs(at * 1_000)),
                expected
            );
        };
        // 2024-02-29 15:59:59 and 16:00:00 UTC; 2023-12-31 15:59:59 and 16:00:00 UTC.
        check(1_709_222_399, 1_709_222_400, 1);
        check(1_704_038_399, 1_704_038_400, 1);
        // The first and last second of January 2024 in China, and a year.
        check(1_704_038_400, 1_706_716_799, 0);
        check(1_704_038_400, 1_735_660_800, 12);
    }
}
