//! WeChat mini-program login as a pure state machine.
//!
//! A [`World`] holds apps, users, phones, codes, session keys and access tokens. Time comes in with each call, the next
//! deadline comes out; every value comes from one [`Seed`]. It knows nothing of sockets, clocks or threads, and its
//! manifest shows it.

mod access_token;
mod api_signature;
mod app;
mod call;
mod capture;
mod chunks;
mod clock;
mod cloud;
mod command;
pub mod crypto;
mod deadline;
mod departed;
mod device;
mod diagnosis;
pub mod errcode;
mod error;
mod event;
mod few;
mod ids;
mod index;
mod installed;
mod js_code;
mod lang;
mod page;
mod payload;
mod policy;
mod preset;
mod push;
mod refusal;
mod rng;
mod scope;
mod session_key;
mod state;
mod time;
mod user;
mod user_key;
mod users;
mod values;
mod world;

#[cfg(test)]
mod tests;

pub use api_signature::{
    AnswerDraw, ApiSignature, AppPublicKey, OpenedCall, PlatformKey, SealedAnswer, SignedCall,
    SymKey,
};
pub use app::{AppKind, AppView, EditApp, NewApp};
pub use call::{
    Authorizer, AuthorizerTokenRequest, CheckEncryptedMsg, ComponentJscode2Session,
    ComponentTokenRequest, CorpJscode2Session, CorpTokenRequest, Effect, Jscode2Session,
    NewPayment, PaidUnionId, PaidUnionIdRequest, Payment, PhoneInfo, PhoneNumberRequest,
    PluginOpenPidRequest, ResetReply, RiskRankRequest, SessionReply, SignedRequest,
    StableTokenRequest, SuiteJscode2Session, SuiteTokenRequest, TokenReply, TokenRequest,
};
pub use capture::{
    Capture, Captured, Chat, IvChoice, KeyChoice, MadeAt, NamedPerson, OpenDataApi, Variation,
    WatermarkApp,
};
pub use clock::{ClockChange, ClockView};
pub use cloud::{CloudHosting, ContainerCall};
pub use command::{Command, Timed};
pub use crypto::OpenError;
pub use device::{Consent, DeviceFail, Login, LoginDemand, LoginSwitch, Prefetch, Who};
pub use diagnosis::{
    Believed, Cut, Damage, Evidence, KeyFinding, Opener, Pasted, PastedFrom, RawDataChange, Recipe,
    SignatureFinding,
};
pub use errcode::{ERRCODES, ErrcodeInfo, WxError};
pub use error::{ControlError, ImportError};
pub use event::{Event, EventKind, TokenEnd, TokenKind};
pub use ids::{
    AccessToken, AppId, AppSecret, DeviceId, IdError, Iv, JsCode, KeyNo, OpenId, PhoneCode, Seed,
    SeedError, Seq, SessionKey, Tail, UnionId, UserId,
};
pub use installed::FetchedData;
pub use js_code::{CodeState, CodeView};
pub use lang::Wording;
pub use page::{Handover, RawDataEdit};
pub use policy::{
    AccessTokenPatch, AccessTokenPolicy, ActivateOn, CallerPatch, CallerPolicy, CodePatch,
    CodePolicy, ExchangeReturns, FieldOrder, KeyScope, PhoneCodePatch, PhoneCodePolicy, Policy,
    PolicyError, PolicyPatch, QuotaPatch, QuotaPolicy, RenewOn, Rotate, SessionKeyPatch,
    SessionKeyPolicy, Shape, ShapePatch,
};
pub use preset::{Preset, PresetError};
pub use push::{
    EncodingAesKey, PushAnswer, PushEvent, PushFormat, PushMode, PushNo, PushOpenError,
    PushRequest, PushSettings, PushState, PushToken, PushUrl, PushUrlError, PushView, PushWhat,
    REVOKE_INFO, Verdict, msg_signature, open_push, push_signature, seal_push,
};
pub use refusal::{Alteration, BodyMistake, Refusal, RefusedCall, SigningMistake};
pub use scope::{Scope, Scopes};
pub use session_key::{KeyCause, KeyView};
pub use state::{STATE_VERSION, WorldState};
pub use time::{Span, SpanError, UnixMs};
pub use user::{EditUser, NewUser, Phone, Profile, Switches, UnionIdChoice, UserView};
pub use user_key::UserKey;
pub use world::service::{
    Balance, CallbackIp, ClearQuota, CodePicture, MsgSecCheck, RemoveUserStorage, SecCheckReply,
    SetUserStorage, StorageBody, SubscribeReply, SubscribeSend, Suggest, UserKeysRequest, WxaCode,
    XpayQuery, XpayQueryKind,
};
pub use world::{
    AuthorizerTokenReply, Counts, Discarded, KeysThen, Page, PageResult, Pulled, SuiteSessionReply,
    VirtualPayment, VoipChat, World, Wx,
};
pub use wxmock_words::Lang;
