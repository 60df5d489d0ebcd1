//! Calls of a phone beside login and open data: permission, signatures, prefetching, account switch, removal.

use super::Stage;
use crate::{
    Consent, DeviceFail, EditUser, FetchedData, KeyNo, Scope, Span, Switches, UnixMs,
    VirtualPayment, VoipChat, World, crypto,
};

impl Stage {
    fn authorize(&mut self, scope: Scope, answer: Option<Consent>) -> Result<(), String> {
        let who = self.who("alice", "phone");
        let heard = self.world.authorize(self.now, &who, scope, answer);
        heard.reply.map_err(|fail| fail.err_msg)
    }

    fn setting(&mut self) -> Vec<(&'static str, bool)> {
        let who = self.who("alice", "phone");
        let setting = self.world.get_setting(self.now, &who).reply.unwrap();
        setting
            .into_iter()
            .filter(|(scope, _)| !scope.is_granted_to_all())
            .map(|(scope, allowed)| (scope.name(), allowed))
            .collect()
    }

    fn switch(&mut self, switches: Switches) {
        let edit = EditUser {
            switches: Some(switches),
            ..EditUser::default()
        };
        let alice = "alice".parse().unwrap();
        self.world
            .edit_user(self.now, &self.app.appid, &alice, edit)
            .unwrap();
    }

    fn pay(&mut self, payment: &VirtualPayment) -> Result<KeyNo, DeviceFail> {
        let who = self.who("alice", "phone");
        self.world
            .request_virtual_payment(self.now, &who, payment, Consent::Allow)
            .reply
    }
}

#[test]
fn a_refusal_is_remembered_until_the_person_turns_the_switch() {
    let mut stage = Stage::new();
    assert_eq!(stage.setting(), []);
    let deny = Err("authorize:fail auth deny".to_owned());
    assert_eq!(stage.authorize(Scope::Camera, Some(Consent::Deny)), deny);
    assert_eq!(stage.authorize(Scope::Camera, Some(Consent::Allow)), deny);
    assert_eq!(stage.authorize(Scope::Record, None), Ok(()));
    assert_eq!(
        stage.setting(),
        [("scope.camera", false), ("scope.record", true)]
    );
    let who = stage.who("alice", "phone");
    let turn = |stage: &mut Stage, scope| {
        stage
            .world
            .open_setting(stage.now, &who, Some((scope, true)))
            .reply
            .unwrap();
    };
    turn(&mut stage, Scope::Camera);
    turn(&mut stage, Scope::Bluetooth);
    assert_eq!(stage.authorize(Scope::Camera, None), Ok(()));
    let asked = [("scope.camera", true), ("scope.record", true)];
    assert_eq!(stage.setting(), asked, "what was never asked is not there");
    assert_eq!(stage.authorize(Scope::Address, Some(Consent::Deny)), Ok(()));
    stage.world.uninstall(stage.now, &who).reply.unwrap();
    assert_eq!(stage.setting(), []);
}

#[test]
fn open_data_and_permission_agree() {
    let mut stage = Stage::new();
    stage.login("alice");
    let what = || crate::Capture::new(crate::OpenDataApi::GetWeRunData);
    let deny = |answer: &Result<_, DeviceFail>| {
        assert_eq!(
            answer.as_ref().map_err(|fail| fail.err_msg.as_str()).err(),
            Some("getWeRunData:fail auth deny")
        );
    };
    stage.switch(Switches {
        werun: Consent::Deny,
        ..Switches::default()
    });
    deny(&stage.capture("alice", what()).map(|_| ()));
    assert_eq!(stage.setting(), [("scope.werun", false)]);
    stage.switch(Switches::default());
    assert_eq!(
        stage.setting(),
        [("scope.werun", true)],
        "they changed their mind"
    );
    assert!(stage.capture("alice", what()).is_ok());
    stage.switch(Switches {
        werun: Consent::NoQuota,
        ..Switches::default()
    });
    assert_eq!(
        stage.capture("alice", what()).unwrap_err().errno,
        Some(1_400_001)
    );
    stage.switch(Switches::default());
    let scopes = [Scope::UserLocation].into_iter().collect();
    stage.switch(Switches {
        refused_scopes: scopes,
        ..Switches::default()
    });
    assert!(stage.authorize(Scope::UserLocation, None).is_err());
}

#[test]
fn avatars_are_temporary_files_and_can_be_refused() {
    let mut stage = Stage::new();
    let who = stage.who("alice", "phone");
    let mut choose = |answer| {
        let heard = stage.world.choose_avatar(stage.now, &who, answer);
        heard.reply.map_err(|fail| fail.err_msg)
    };
    let first = choose(None).unwrap();
    assert!(
        first.starts_with("wxfile://tmp_") && first.ends_with(".jpg"),
        "{first}"
    );
    assert_ne!(choose(None).unwrap(), first);
    assert_eq!(
        choose(Some(Consent::Deny)),
        Err("chooseAvatar:fail cancel".to_owned())
    );
}

/// Data as the official page shows it, with a name beyond ASCII.
const SIGN_DATA: &str = r#"{"offerId":"123","buyQuantity":1,"env":0,"currencyType":"CNY","productId":"p","goodsPrice":10,"outTradeNo":"trade-0001","attach":"名"}"#;
const PAY: &str = "requestVirtualPayment";

impl Stage {
    /// What a correct backend signs for alice, whose keys these are: the old one and the one in force.
    fn payment(&mut self) -> (VirtualPayment, [crate::SessionKey; 2]) {
        let keys = [(); 2].map(|()| {
            let login = self.login("alice");
            self.exchange(&login).unwrap().session_key
        });
        let payment = VirtualPayment {
            sign_data: SIGN_DATA.to_owned(),
            mode: "short_series_goods".to_owned(),
            pay_sig: crypto::pay_signature(&self.app.pay_app_key, PAY, SIGN_DATA),
            signature: crypto::hmac_signature(&keys[1], SIGN_DATA.as_bytes()),
        };
        (payment, keys)
    }

    fn refuses(&mut self, payment: VirtualPayment, code: i64, reason: &str) {
        let expected = DeviceFail {
            err_code: Some(code),
            ..DeviceFail::new(PAY, reason)
        };
        assert_eq!(self.pay(&payment), Err(expected));
    }
}

/// Case 30 of the field reports: -15005 for a wrong signature, -15007 for an old key, ok for a right one.
#[test]
fn virtual_payment_tells_a_wrong_signature_from_an_old_key() {
    let mut stage = Stage::with(r#"{"session_key":{"min_interval":"0s"}}"#);
    let (right, [old, key]) = stage.payment();
    assert_eq!(stage.pay(&right), Ok(KeyNo(2)));
    let signed = |signature: String| VirtualPayment {
        signature,
        ..right.clone()
    };
    let upper = signed(right.signature.to_uppercase());
    assert_eq!(stage.pay(&upper), Ok(KeyNo(2)));
    stage.refuses(signed("0".repeat(64)), -15005, " SIGNATURE_INVALID");
    // The usual mistake: the data is written again after it was signed.
    let spaced = SIGN_DATA.replace(',', ", ");
    let spaced = crypto::hmac_signature(&key, spaced.as_bytes());
    stage.refuses(signed(spaced), -15005, " SIGNATURE_INVALID");
    let stale = crypto::hmac_signature(&old, SIGN_DATA.as_bytes());
    stage.refuses(signed(stale), -15007, "");
    let who = stage.who("alice", "phone");
    let heard = stage
        .world
        .request_virtual_payment(stage.now, &who, &right, Consent::Deny);
    assert_eq!(heard.reply.unwrap_err().err_code, Some(-2));
}

#[test]
fn virtual_payment_wants_the_app_key_of_its_environment() {
    let mut stage = Stage::new();
    let (right, [_, key]) = stage.payment();
    let paid = |app_key: &str, uri: &str| VirtualPayment {
        pay_sig: crypto::pay_signature(app_key, uri, SIGN_DATA),
        ..right.clone()
    };
    let (live, sandbox) = (
        stage.app.pay_app_key.clone(),
        stage.app.pay_app_key_sandbox.clone(),
    );
    stage.refuses(paid(&sandbox, PAY), -15006, " PAY_SIG_INVALID");
    // A slash before the name, as server calls have it.
    let with_slash = paid(&live, "/requestVirtualPayment");
    stage.refuses(with_slash, -15006, " PAY_SIG_INVALID");
    let data = SIGN_DATA.replace(r#""env":0"#, r#""env":1"#);
    let in_sandbox = VirtualPayment {
        pay_sig: crypto::pay_signature(&sandbox, PAY, &data),
        signature: crypto::hmac_signature(&key, data.as_bytes()),
        sign_data: data,
        ..right
    };
    assert!(stage.pay(&in_sandbox).is_ok());
}

#[test]
fn virtual_payment_looks_at_the_data_first() {
    let mut stage = Stage::new();
    let (right, _) = stage.payment();
    let of = |sign_data: &str| VirtualPayment {
        sign_data: sign_data.to_owned(),
        ..right.clone()
    };
    stage.refuses(of("{"), -15016, "");
    stage.refuses(of("[]"), -15016, "");
    stage.refuses(of(r#"{"env":2,"currencyType":"CNY"}"#), -15016, "");
    stage.refuses(of(r#"{"currencyType":"USD"}"#), -15004, "");
    let empty = of(r#"{"currencyType":"CNY"}"#);
    stage.refuses(empty, -15001, " PRODUCT_ID_EMPTY");
    let mode = VirtualPayment {
        mode: "goods".to_owned(),
        ..right.clone()
    };
    stage.refuses(mode, 1001, " mode");
}

#[test]
fn a_voip_chat_wants_the_key_in_force() {
    let mut stage = Stage::with(r#"{"session_key":{"min_interval":"0s"}}"#);
    let first = stage.login("alice");
    let old = stage.exchange(&first).unwrap().session_key;
    let second = stage.login("alice");
    let key = stage.exchange(&second).unwrap().session_key;
    let appid = stage.app.appid.to_string();
    let mut join = |key: &crate::SessionKey| {
        let signature = crypto::voip_signature(key, [&appid, "room", "nonce", "1559129714"]);
        let chat = VoipChat {
            group_id: "room".to_owned(),
            nonce_str: "nonce".to_owned(),
            time_stamp: "1559129714".to_owned(),
            signature,
        };
        let who = stage.who("alice", "phone");
        stage.world.join_voip_chat(stage.now, &who, &chat).reply
    };
    assert_eq!(join(&key), Ok(KeyNo(2)));
    assert_eq!(join(&old).unwrap_err().err_code, Some(-1000));
}

#[test]
fn a_prefetch_has_a_code_nobody_asked_for_unless_the_page_left_a_token() {
    let mut stage = Stage::with(r#"{"session_key":{"min_interval":"0s"}}"#);
    let login = stage.login("alice");
    stage.exchange(&login).unwrap();
    let who = stage.who("alice", "phone");
    let prefetch = stage.world.prefetch(stage.now, &who).reply.unwrap();
    assert_eq!((prefetch.token, prefetch.key_no), (None, Some(KeyNo(2))));
    let request = stage.request(prefetch.code.unwrap().as_str());
    let session = stage.world.jscode2session(stage.now, &request).reply;
    assert_eq!(
        session.unwrap().key_no,
        KeyNo(2),
        "it displaced the page's key"
    );
    stage
        .world
        .set_background_fetch_token(stage.now, &who, "t1")
        .reply
        .unwrap();
    let prefetch = stage.world.prefetch(stage.now, &who).reply.unwrap();
    assert_eq!(
        (prefetch.token.as_deref(), prefetch.code),
        (Some("t1"), None)
    );
    let other = stage.who("alice", "pad");
    let prefetch = stage.world.prefetch(stage.now, &other).reply.unwrap();
    assert!(prefetch.code.is_some(), "a token is of its phone");
    let fetched = |stage: &mut Stage| {
        let heard = stage.world.get_background_fetch_data(stage.now, &who);
        heard.reply.map_err(|fail| fail.err_msg)
    };
    assert!(fetched(&mut stage).is_err());
    let data = FetchedData {
        fetched_data: "{}".to_owned(),
        at: UnixMs(1),
        path: "pages/index".to_owned(),
        query: "a=1".to_owned(),
        scene: 1001,
    };
    let kept = stage.world.keep_fetched(stage.now, &who, data.clone());
    kept.reply.unwrap();
    assert_eq!(fetched(&mut stage), Ok(data));
    stage.world.uninstall(stage.now, &who).reply.unwrap();
    assert!(fetched(&mut stage).is_err());
}

#[test]
fn a_phone_changes_hands_and_the_state_remembers_it() {
    let mut stage = Stage::new();
    let phone = "phone".parse().unwrap();
    let app = stage.app.appid.clone();
    assert_eq!(stage.world.holder(&app, &phone), None);
    let who = stage.who("bob", "phone");
    stage.world.switch_account(stage.now, &who).reply.unwrap();
    stage.authorize(Scope::Camera, None).unwrap();
    let who = stage.who("alice", "phone");
    stage
        .world
        .get_latest_user_key(stage.now, &who)
        .reply
        .unwrap();
    let json = serde_json::to_string(&stage.world.export()).unwrap();
    let mut again = World::import(serde_json::from_str(&json).unwrap()).unwrap();
    let bob = "bob".parse().unwrap();
    assert_eq!(again.holder(&app, &phone), Some(bob));
    assert_eq!(
        again.user_keys(&app, &who.user),
        stage.world.user_keys(&app, &who.user)
    );
    let setting = again.get_setting(stage.now, &who).reply.unwrap();
    assert!(setting.contains(&(Scope::Camera, true)));
    let bob = "bob".parse().unwrap();
    again.delete_user(stage.now, &app, &bob).unwrap();
    assert_eq!(
        again.holder(&app, &phone),
        None,
        "who is gone holds nothing"
    );
}

#[test]
fn an_encryption_key_lives_an_hour_and_three_are_kept() {
    let mut stage = Stage::new();
    let who = stage.who("alice", "phone");
    let latest = |stage: &mut Stage| {
        stage
            .world
            .get_latest_user_key(stage.now, &who)
            .reply
            .unwrap()
    };
    let first = latest(&mut stage);
    assert_eq!(
        (first.version, first.expires_at),
        (1, stage.now.plus(Span::h(1)))
    );
    stage.wait(Span::m(59));
    assert_eq!(latest(&mut stage), first);
    for version in 2..=5 {
        stage.wait(Span::h(1));
        let next = latest(&mut stage);
        assert_eq!(next.version, version);
        assert_ne!(next.encrypt_key, first.encrypt_key);
    }
    let alice = "alice".parse().unwrap();
    let keys = stage.world.user_keys(&stage.app.appid, &alice).unwrap();
    let versions: Vec<u32> = keys.iter().map(|key| key.version).collect();
    assert_eq!(versions, [5, 4, 3]);
    stage.age("alice", Span::h(1));
    assert_eq!(latest(&mut stage).version, 6);
}
