//! Server calls about one person: the unionid of who paid, the openpid of a plugin's user, a payload's hash, the risk grade.
//! And what has to happen on the phone before them.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::{PageResult, Pulled, World, Wx, backend::given, turn::Turn};
use crate::{
    AppId, CheckEncryptedMsg, Command, NewPayment, OpenId, PaidUnionId, PaidUnionIdRequest,
    Payment, PluginOpenPidRequest, Refusal, RiskRankRequest, Span, UnixMs, UserId, Who, WxError,
    errcode::{
        ARGUMENT_REFUSED, INVALID_ARGS, INVALID_OPENID, INVALID_SCENE_OF_CHECK, INVALID_TRADE,
        NO_OPENPID, NO_SUCH_DATA, NOT_BOUND, OPENID_OF_ANOTHER_APP,
    },
    index::UserNo,
    values,
};

/// How long after a payment its unionid can be asked for. Source: official page.
const PAYMENT_LIFE: Span = Span::m(5);
/// How long a plugin's code lives. Source: official page.
const PLUGIN_CODE_LIFE: Span = Span::m(5);
/// How long a payload's hash is known. Source: official page.
const PAYLOAD_LIFE: Span = Span::d(3);
/// How many of each are remembered; the oldest is forgotten first.
const KEPT: usize = 1_024;

/// What an app remembers for these calls.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Inquiries {
    payments: VecDeque<Paid>,
    n_payments: u64,
    plugin_codes: VecDeque<PluginCode>,
    n_plugin_codes: u64,
    /// The SHA-256 of every phone payload's base64 text, and when it was sealed.
    payloads: VecDeque<(String, UnixMs)>,
    n_ranks: u64,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Paid {
    user: UserNo,
    payment: Payment,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct PluginCode {
    code: String,
    user: UserNo,
    minted_at: UnixMs,
    spent_at: Option<UnixMs>,
}

fn keep<T>(kept: &mut VecDeque<T>, new: T) {
    kept.push_back(new);
    if kept.len() > KEPT {
        kept.pop_front();
    }
}

impl Inquiries {
    /// A phone number was sealed.
    pub(crate) fn sealed(&mut self, at: UnixMs, encrypted_data: &str) {
        keep(
            &mut self.payloads,
            (crate::crypto::sha256_hex(encrypted_data), at),
        );
    }
}

impl World {
    /// A person pays in the mini program: what getpaidunionid asks for afterwards.
    ///
    /// # Errors
    /// [`crate::ControlError::NoSuchApp`], [`crate::ControlError::NoSuchUser`].
    pub fn pay(
        &mut self,
        now: UnixMs,
        app: &AppId,
        user: &UserId,
        new: NewPayment,
    ) -> Pulled<Payment> {
        self.record(now, || Command::Pay(app.clone(), user.clone(), new.clone()));
        let (no, _, user_no) = self.find_user(app, user)?;
        self.begin(now);
        Ok(self.changed(no, Some(user_no), "payment made", |turn, _| {
            let inquiries = &mut turn.app.inquiries;
            inquiries.n_payments += 1;
            let made = values::payment(turn.seed, &turn.app.id, inquiries.n_payments);
            let payment = Payment {
                transaction_id: new.transaction_id.unwrap_or(made.transaction_id),
                mch_id: new.mch_id.unwrap_or(made.mch_id),
                out_trade_no: new.out_trade_no.unwrap_or(made.out_trade_no),
                paid_at: turn.at,
            };
            let paid = Paid {
                user: user_no,
                payment: payment.clone(),
            };
            keep(&mut inquiries.payments, paid);
            payment
        }))
    }

    /// `wx.pluginLogin`: the code a plugin's backend exchanges for the openpid; 64 lower-case hex digits, five minutes, once.
    pub fn plugin_login(&mut self, now: UnixMs, who: &Who) -> PageResult<String> {
        self.record(now, || Command::PluginLogin(who.clone()));
        self.on_phone(now, who, "pluginLogin", |turn, no| {
            let inquiries = &mut turn.app.inquiries;
            inquiries.n_plugin_codes += 1;
            let code = values::plugin_code(turn.seed, &turn.app.id, inquiries.n_plugin_codes);
            let minted = PluginCode {
                code: code.clone(),
                user: no,
                minted_at: turn.at,
                spent_at: None,
            };
            keep(&mut inquiries.plugin_codes, minted);
            Ok(code)
        })
    }

    /// Whose plugin code this is and in which app.
    #[must_use]
    pub fn owner_of_plugin_code(&self, code: &str) -> Option<(AppId, UserId)> {
        let mut apps = self.core.apps.iter().flatten();
        apps.find_map(|app| {
            let mut codes = app.inquiries.plugin_codes.iter();
            let found = codes.find(|known| known.code == code)?;
            Some((app.id.clone(), app.users.get(found.user)?.name.clone()))
        })
    }

    /// Why a plugin's code is none for the app `sent_to`.
    pub(super) fn plugin_code_end(&self, text: &str, sent_to: Option<AppId>) -> Refusal {
        let Some((app, user)) = self.owner_of_plugin_code(text) else {
            return Refusal::CodeNeverIssued;
        };
        if sent_to.is_some_and(|sent_to| sent_to != app) {
            return Refusal::CodeOfAnotherApp { app };
        }
        let found = self.find_app(&app).ok().and_then(|(_, app)| {
            let mut codes = app.inquiries.plugin_codes.iter();
            codes.find(|code| code.code == text)
        });
        match found.map(|code| (code.spent_at, code.minted_at)) {
            Some((Some(at), _)) => Refusal::CodeSpent { user, at, by: None },
            Some((None, minted_at)) => Refusal::CodeExpired {
                user,
                minted_at,
                expired_at: minted_at.plus(PLUGIN_CODE_LIFE),
            },
            None => Refusal::CodeNeverIssued,
        }
    }

    /// `GET /wxa/getpaidunionid`: the unionid of who paid within the last five minutes.
    ///
    /// Checks in this order, which is inferred: access_token, openid (40003), a unionid exists (89002), the payment (89300): by
    /// transaction_id, or by mch_id and out_trade_no, of this person, not older than five minutes.
    pub fn getpaidunionid(&mut self, now: UnixMs, q: &PaidUnionIdRequest) -> Wx<PaidUnionId> {
        self.record(now, || Command::Getpaidunionid(q.clone()));
        self.with_token(now, "getpaidunionid", &q.access_token, |turn| {
            let no = turn.user_of(&q.openid)?;
            let user = turn.user(no);
            let unionid = user.unionid(turn.seed, turn.app.open_platform);
            let unionid = unionid.ok_or(NOT_BOUND)?;
            let is_it = |payment: &Payment| match given(&q.transaction_id) {
                Some(id) => id == payment.transaction_id,
                None => {
                    given(&q.mch_id) == Some(&payment.mch_id)
                        && given(&q.out_trade_no) == Some(&payment.out_trade_no)
                }
            };
            let mut payments = turn.app.inquiries.payments.iter();
            let found = payments.find(|paid| {
                paid.user == no
                    && is_it(&paid.payment)
                    && turn.at < paid.payment.paid_at.plus(PAYMENT_LIFE)
            });
            found.map(|_| PaidUnionId { unionid }).ok_or(INVALID_TRADE)
        })
    }

    /// `POST /wxa/getpluginopenpid`: spends a plugin's code.
    ///
    /// A code that is absent is 1001; one that is unknown, expired, spent or of `wx.login` is 1007 (captured for the last).
    /// Both have an empty text (captured).
    pub fn getpluginopenpid(&mut self, now: UnixMs, q: &PluginOpenPidRequest) -> Wx<String> {
        self.record(now, || Command::Getpluginopenpid(q.clone()));
        self.with_token(now, "getpluginopenpid", &q.access_token, |turn| {
            let text = given(&q.code).ok_or(ARGUMENT_REFUSED)?;
            let at = turn.at;
            let mut codes = turn.app.inquiries.plugin_codes.iter_mut();
            let code = codes.find(|code| {
                code.code == text
                    && code.spent_at.is_none()
                    && at < code.minted_at.plus(PLUGIN_CODE_LIFE)
            });
            let code = code.ok_or(NO_OPENPID)?;
            code.spent_at = Some(at);
            let user = turn.app.users.get(code.user).ok_or(NO_OPENPID)?;
            Ok(values::openpid(turn.seed, &turn.app.id, &user.name))
        })
    }

    /// `POST /wxa/business/checkencryptedmsg`: when the phone payload with this hash was sealed.
    ///
    /// The hash is the SHA-256 of the base64 text in lower-case hex; that it is not of the bytes inside is an assumption. Absent
    /// or of another shape is 40097, unknown or older than three days is 1.
    pub fn checkencryptedmsg(&mut self, now: UnixMs, q: &CheckEncryptedMsg) -> Wx<UnixMs> {
        self.record(now, || Command::Checkencryptedmsg(q.clone()));
        self.with_token(now, "checkencryptedmsg", &q.access_token, |turn| {
            let hash = given(&q.encrypted_msg_hash).ok_or(INVALID_ARGS)?;
            let is_hash = hash.len() == 64 && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
            if !is_hash {
                return Err(INVALID_ARGS);
            }
            let mut payloads = turn.app.inquiries.payloads.iter();
            let found =
                payloads.find(|(known, at)| known == hash && turn.at < at.plus(PAYLOAD_LIFE));
            found.map(|(_, at)| *at).ok_or(NO_SUCH_DATA)
        })
    }

    /// `POST /wxa/getuserriskrank`: 4 for a person whose `blocked` switch is on, else 0; and the number of the request.
    ///
    /// Checks in this order, which is inferred: access_token, appid (43104 if it is not the token's), openid (40003), scene
    /// (40129), client_ip (40097).
    pub fn getuserriskrank(&mut self, now: UnixMs, q: &RiskRankRequest) -> Wx<(u8, u64)> {
        self.record(now, || Command::Getuserriskrank(q.clone()));
        self.with_token(now, "getuserriskrank", &q.access_token, |turn| {
            if given(&q.appid) != Some(turn.app.id.as_str()) {
                return Err(OPENID_OF_ANOTHER_APP);
            }
            let no = turn.user_of(&q.openid)?;
            if !matches!(given(&q.scene), Some("0" | "1")) {
                return Err(INVALID_SCENE_OF_CHECK);
            }
            given(&q.client_ip).ok_or(INVALID_ARGS)?;
            let rank = if turn.user(no).switches().blocked {
                4
            } else {
                0
            };
            turn.app.inquiries.n_ranks += 1;
            Ok((rank, turn.app.inquiries.n_ranks))
        })
    }

    /// Runs a call of a mini program that brought an access_token.
    pub(super) fn with_token<T>(
        &mut self,
        now: UnixMs,
        call: &'static str,
        access_token: &Option<String>,
        act: impl FnOnce(&mut Turn<'_>) -> Result<T, WxError>,
    ) -> Wx<T> {
        self.begin(now);
        match self.app_of_token(access_token.as_ref()) {
            Err(error) => self.refuse_nobody(call, error),
            Ok((app, token)) => self.on_app(app, |turn| {
                let done = turn.check_token(token).and_then(|()| act(turn));
                done.or_else(|error| turn.refused(call, None, error))
            }),
        }
    }
}

impl Turn<'_> {
    /// The user with an openid as sent.
    fn user_of(&self, openid: &Option<String>) -> Result<UserNo, WxError> {
        let openid = given(openid).and_then(|text| text.parse::<OpenId>().ok());
        openid
            .and_then(|openid| self.app.users.with_openid(&openid))
            .ok_or(INVALID_OPENID)
    }
}
