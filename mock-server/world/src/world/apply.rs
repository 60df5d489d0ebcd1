//! Doing again what was recorded.

use std::{
    borrow::Cow,
    collections::BTreeSet,
    fmt,
    sync::{Mutex, PoisonError},
};

use super::World;
use crate::{Command, Timed};

impl World {
    /// Does what was recorded in another world, or in this one before, and gives what it answered, for comparison.
    // As long as there are commands: one line for each.
    pub fn apply(&mut self, Timed(now, command): Timed) -> Box<dyn fmt::Debug> {
        let world = self;
        match command {
            Command::HandleTimeout => {
                world.handle_timeout(now);
                said("")
            }
            Command::MarkBaseline => {
                world.mark_baseline();
                said("")
            }
            Command::Reset => {
                world.reset(now);
                said("")
            }
            Command::ResendPushes => {
                world.resend_pushes();
                said("")
            }
            Command::CreateApp(new) => said(world.create_app(now, *new)),
            Command::EditApp(app, edit) => said(world.edit_app(now, &app, edit)),
            Command::DeleteApp(app) => said(world.delete_app(now, &app)),
            Command::CreateUser(app, new) => said(world.create_user(now, &app, *new)),
            Command::EditUser(app, user, edit) => said(world.edit_user(now, &app, &user, *edit)),
            Command::DeleteUser(app, user) => said(world.delete_user(now, &app, &user)),
            Command::SetPolicy(app, user, patch) => {
                said(world.set_policy(now, &app, user.as_ref(), &patch))
            }
            Command::ClearPolicy(app, user) => said(world.clear_policy(now, &app, user.as_ref())),
            Command::Clock(app, change) => said(world.clock(now, &app, change)),
            Command::AdvanceSome(app, by, most) => said(world.advance_some(now, &app, by, most)),
            Command::ExpireKey(app, user) => said(world.expire_key(now, &app, &user)),
            Command::RotateKey(app, user) => said(world.rotate_key(now, &app, &user)),
            Command::ResetKey(app, user) => said(world.reset_key(now, &app, &user)),
            Command::KillAccessToken(app) => said(world.kill_access_token(now, &app)),
            Command::ExpireAccessToken(app) => said(world.expire_access_token(now, &app)),
            Command::Pay(app, user, new) => said(world.pay(now, &app, &user, new)),
            Command::SetApiSignature(app, keys) => {
                said(world.set_api_signature(now, &app, keys.map(|keys| *keys)))
            }
            Command::SetCloud(app, hosting) => said(world.set_cloud(now, &app, hosting)),
            Command::CloudToken(app) => said(world.cloud_token(now, &app)),
            Command::SetPush(app, settings) => {
                said(world.set_push(now, &app, settings.map(|settings| *settings)))
            }
            Command::Push(app, what) => said(world.push(now, &app, what)),
            Command::PushAnswered(app, no, attempt, heard) => {
                said(world.push_answered(now, &app, no, attempt, &heard))
            }
            Command::LoginAs(who, demand) => said(world.login_as(now, &who, demand)),
            Command::FailOnPhone(who, api, fail) => {
                said(world.fail_on_phone(now, &who, lasting(api), fail))
            }
            Command::CheckSession(who) => said(world.check_session(now, &who)),
            Command::GetSetting(who) => said(world.get_setting(now, &who)),
            Command::Prefetch(who) => said(world.prefetch(now, &who)),
            Command::GetBackgroundFetchData(who) => {
                said(world.get_background_fetch_data(now, &who))
            }
            Command::GetBackgroundFetchToken(who) => {
                said(world.get_background_fetch_token(now, &who))
            }
            Command::SwitchAccount(who) => said(world.switch_account(now, &who)),
            Command::Uninstall(who) => said(world.uninstall(now, &who)),
            Command::GetLatestUserKey(who) => said(world.get_latest_user_key(now, &who)),
            Command::PluginLogin(who) => said(world.plugin_login(now, &who)),
            Command::CallContainer(who) => said(world.call_container(now, &who)),
            Command::Capture(who, what) => said(world.capture(now, &who, &what)),
            Command::Authorize(who, scope, answer) => {
                said(world.authorize(now, &who, scope, answer))
            }
            Command::OpenSetting(who, turned) => said(world.open_setting(now, &who, turned)),
            Command::ChooseAvatar(who, answer) => said(world.choose_avatar(now, &who, answer)),
            Command::RequestVirtualPayment(who, payment, answer) => {
                said(world.request_virtual_payment(now, &who, &payment, answer))
            }
            Command::JoinVoipChat(who, chat) => said(world.join_voip_chat(now, &who, &chat)),
            Command::KeepFetched(who, fetched) => said(world.keep_fetched(now, &who, fetched)),
            Command::SetBackgroundFetchToken(who, token) => {
                said(world.set_background_fetch_token(now, &who, &token))
            }
            Command::Jscode2session(q) => said(world.jscode2session(now, &q)),
            Command::Token(q) => said(world.token(now, &q)),
            Command::StableToken(q) => said(world.stable_token(now, &q)),
            Command::Checksession(q) => said(world.checksession(now, &q)),
            Command::Resetusersessionkey(q) => said(world.resetusersessionkey(now, &q)),
            Command::Getuserphonenumber(q) => said(world.getuserphonenumber(now, &q)),
            Command::ComponentToken(q) => said(world.component_token(now, &q)),
            Command::ComponentJscode2session(q) => said(world.component_jscode2session(now, &q)),
            Command::AuthorizerToken(q) => said(world.authorizer_token(now, &q)),
            Command::CorpToken(q) => said(world.corp_token(now, &q)),
            Command::CorpJscode2session(q) => said(world.corp_jscode2session(now, &q)),
            Command::SuiteToken(q) => said(world.suite_token(now, &q)),
            Command::SuiteJscode2session(q) => said(world.suite_jscode2session(now, &q)),
            Command::Getpaidunionid(q) => said(world.getpaidunionid(now, &q)),
            Command::Getpluginopenpid(q) => said(world.getpluginopenpid(now, &q)),
            Command::Checkencryptedmsg(q) => said(world.checkencryptedmsg(now, &q)),
            Command::Getuserriskrank(q) => said(world.getuserriskrank(now, &q)),
            Command::Getcallbackip(q) => said(world.getcallbackip(now, &q)),
            Command::ClearQuota(q) => said(world.clear_quota(now, &q)),
            Command::MsgSecCheck(q) => said(world.msg_sec_check(now, &q)),
            Command::SubscribeSend(q) => said(world.subscribe_send(now, &q)),
            Command::Getuserencryptkey(q) => said(world.getuserencryptkey(now, &q)),
            Command::SetUserStorage(q) => said(world.set_user_storage(now, &q)),
            Command::RemoveUserStorage(q) => said(world.remove_user_storage(now, &q)),
            Command::Getwxacodeunlimit(q) => said(world.getwxacodeunlimit(now, &q)),
            Command::XpayQuery(q) => said(world.xpay_query(now, &q)),
            Command::Admit(app, endpoint, from) => {
                said(world.admit(now, &app, lasting(endpoint), from))
            }
            Command::Rid(app, at) => said(world.rid(app.as_ref(), at)),
            Command::DrawAnswer(app) => said(world.draw_answer(&app)),
            Command::ForgetDeparted => said(world.forget_departed()),
            Command::ForgetAllDeparted => {
                world.forget_all_departed();
                said("")
            }
        }
    }
}

fn said(answer: impl fmt::Debug + 'static) -> Box<dyn fmt::Debug> {
    Box::new(answer)
}

/// Names of endpoints and of `wx.*` calls are constants everywhere else; those read from a record are kept once each.
fn lasting(name: Cow<'static, str>) -> &'static str {
    static READ: Mutex<BTreeSet<&'static str>> = Mutex::new(BTreeSet::new());
    match name {
        Cow::Borrowed(name) => name,
        Cow::Owned(name) => {
            let mut read = READ.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(known) = read.get(name.as_str()) {
                return known;
            }
            let name: &'static str = name.leak();
            read.insert(name);
            name
        }
    }
}
