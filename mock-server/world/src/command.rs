//! What was done to a world, as values: whoever keeps them in order has the world itself, for it is a function of them.
//!
//! A world that records notes each command as it begins. Nothing that changes a world goes past this: `tests/command.rs`
//! compares the list below with the methods that take `&mut self`.

use std::{borrow::Cow, net::IpAddr};

use serde::{Deserialize, Serialize};

use crate::{
    ApiSignature, AppId, AuthorizerTokenRequest, CallbackIp, Capture, CheckEncryptedMsg,
    ClearQuota, ClockChange, CloudHosting, ComponentJscode2Session, ComponentTokenRequest, Consent,
    CorpJscode2Session, CorpTokenRequest, DeviceFail, EditApp, EditUser, FetchedData,
    Jscode2Session, LoginDemand, MsgSecCheck, NewApp, NewPayment, NewUser, PaidUnionIdRequest,
    PhoneNumberRequest, PluginOpenPidRequest, PolicyPatch, PushAnswer, PushNo, PushSettings,
    PushWhat, RemoveUserStorage, RiskRankRequest, Scope, SetUserStorage, SignedRequest, Span,
    StableTokenRequest, SubscribeSend, SuiteJscode2Session, SuiteTokenRequest, TokenRequest,
    UnixMs, UserId, UserKeysRequest, VirtualPayment, VoipChat, Who, WxaCode, XpayQuery,
};

/// A call of the [`World`](crate::World) that changes it; each is the method of the same name, which says what it does.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the methods of the same names have them")]
pub enum Command {
    HandleTimeout,
    MarkBaseline,
    Reset,
    ResendPushes,
    CreateApp(Box<NewApp>),
    EditApp(AppId, EditApp),
    DeleteApp(AppId),
    CreateUser(AppId, Box<NewUser>),
    EditUser(AppId, UserId, Box<EditUser>),
    DeleteUser(AppId, UserId),
    SetPolicy(AppId, Option<UserId>, Box<PolicyPatch>),
    ClearPolicy(AppId, Option<UserId>),
    Clock(AppId, ClockChange),
    AdvanceSome(AppId, Span, usize),
    ExpireKey(AppId, UserId),
    RotateKey(AppId, UserId),
    ResetKey(AppId, UserId),
    KillAccessToken(AppId),
    ExpireAccessToken(AppId),
    Pay(AppId, UserId, NewPayment),
    SetApiSignature(AppId, Option<Box<ApiSignature>>),
    SetCloud(AppId, Option<CloudHosting>),
    CloudToken(AppId),
    SetPush(AppId, Option<Box<PushSettings>>),
    Push(AppId, PushWhat),
    PushAnswered(AppId, PushNo, u32, PushAnswer),
    LoginAs(Who, LoginDemand),
    FailOnPhone(Who, Cow<'static, str>, DeviceFail),
    CheckSession(Who),
    GetSetting(Who),
    Prefetch(Who),
    GetBackgroundFetchData(Who),
    GetBackgroundFetchToken(Who),
    SwitchAccount(Who),
    Uninstall(Who),
    GetLatestUserKey(Who),
    PluginLogin(Who),
    CallContainer(Who),
    Capture(Who, Box<Capture>),
    Authorize(Who, Scope, Option<Consent>),
    OpenSetting(Who, Option<(Scope, bool)>),
    ChooseAvatar(Who, Option<Consent>),
    RequestVirtualPayment(Who, VirtualPayment, Consent),
    JoinVoipChat(Who, VoipChat),
    KeepFetched(Who, FetchedData),
    SetBackgroundFetchToken(Who, String),
    Jscode2session(Jscode2Session),
    Token(TokenRequest),
    StableToken(StableTokenRequest),
    Checksession(SignedRequest),
    Resetusersessionkey(SignedRequest),
    Getuserphonenumber(PhoneNumberRequest),
    ComponentToken(ComponentTokenRequest),
    ComponentJscode2session(ComponentJscode2Session),
    AuthorizerToken(AuthorizerTokenRequest),
    CorpToken(CorpTokenRequest),
    CorpJscode2session(CorpJscode2Session),
    SuiteToken(SuiteTokenRequest),
    SuiteJscode2session(SuiteJscode2Session),
    Getpaidunionid(PaidUnionIdRequest),
    Getpluginopenpid(PluginOpenPidRequest),
    Checkencryptedmsg(CheckEncryptedMsg),
    Getuserriskrank(RiskRankRequest),
    Getcallbackip(CallbackIp),
    ClearQuota(ClearQuota),
    MsgSecCheck(MsgSecCheck),
    SubscribeSend(SubscribeSend),
    Getuserencryptkey(UserKeysRequest),
    SetUserStorage(SetUserStorage),
    RemoveUserStorage(RemoveUserStorage),
    Getwxacodeunlimit(WxaCode),
    XpayQuery(Box<XpayQuery>),
    Admit(AppId, Cow<'static, str>, IpAddr),
    Rid(Option<AppId>, UnixMs),
    DrawAnswer(AppId),
    ForgetDeparted,
    ForgetAllDeparted,
}

/// A command and the wall time it was given.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Timed(pub UnixMs, pub Command);
