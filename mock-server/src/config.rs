//! `wxmock.toml`: what the mock is configured with, read with the place of every mistake.
//!
//! Knows nothing of flags, variables or terminals: the command line lays those over a [`Config`] and draws the caret.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::ops::Range;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use wxmock_world::{
    ActivateOn, ApiSignature, AppId, AppKind, AppSecret, AppView, CloudHosting, ControlError,
    Effect, NewApp, PolicyPatch, Preset, PushSettings, Seed, UnixMs, UserId, World,
};

pub use crate::person::{PhoneEdit, ProfileEdit, SwitchesEdit, UserConfig, UserEdit};
use crate::{LogFormat, Settings, names};

/// The commented file with every default; a test holds it equal to [`Config::default`].
pub const DEFAULT_TOML: &str = include_str!("default.toml");

/// JSON Schema (draft 2020-12) of the file, for editors; a test holds its names equal to what is accepted.
pub const SCHEMA_JSON: &str = include_str!("config.schema.json");

/// Everything `wxmock.toml` may say. A missing key has its default; an unknown one is an error.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Where every id, key and code comes from.
    #[serde(serialize_with = "seed_out", deserialize_with = "seed_in")]
    pub seed: Seed,
    /// Policy of every app that names none.
    pub preset: Preset,
    /// One line for each exchange, on stderr.
    pub log: LogFormat,
    /// The socket.
    pub server: ServerConfig,
    /// What is remembered.
    pub journal: JournalConfig,
    /// The apps that exist at start. Default: `demo`, with alice and bob.
    pub app: Vec<AppConfig>,
}

/// `[server]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ServerConfig {
    /// Address to listen on; loopback unless told otherwise.
    pub listen: IpAddr,
    /// Port; 0 lets the system choose.
    pub port: u16,
    /// Longest request body, in bytes.
    pub max_body_bytes: usize,
}

/// `[journal]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct JournalConfig {
    /// Entries kept; the oldest are dropped, and counted.
    pub capacity: usize,
}

/// `[[app]]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AppConfig {
    /// What people call it.
    pub name: String,
    /// What it is. A third-party platform has no users.
    pub kind: AppKind,
    /// Of a third-party platform: the mini programs that authorised it. Default: every one there is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authorized_by: Option<Vec<AppId>>,
    /// `wx` (a corpid: `ww`) and 16 hex digits. Default: from the seed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub appid: Option<AppId>,
    /// 32 hex digits. Default: from the seed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret: Option<AppSecret>,
    /// Default: the preset at the top of the file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub preset: Option<Preset>,
    /// Single knobs on top of the preset.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy: Option<PolicyPatch>,
    /// Bound to an open-platform account, so that its users have a unionid.
    pub open_platform: bool,
    /// Where message push goes; without it nothing is pushed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub push: Option<PushSettings>,
    /// Keys for signed server calls; without them a signed call is refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub api_signature: Option<ApiSignature>,
    /// How WeChat hosts its backend; without it WeChat does not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cloud: Option<CloudHosting>,
    /// Default: alice and bob.
    #[serde(alias = "users")]
    pub user: Vec<UserConfig>,
}

/// A mistake in the file: where, what, and the way out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    /// The file, as the reader named it.
    pub name: String,
    /// Its text.
    pub text: String,
    /// Bytes of `text` that are wrong; `None` if no single place is.
    pub span: Option<Range<usize>>,
    /// What is wrong.
    pub message: String,
    /// What to write instead.
    pub help: Option<String>,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for ConfigError {}

impl Config {
    /// Reads a file's text; `name` is what the reader calls the file.
    ///
    /// # Errors
    /// [`ConfigError`] with the span of the first mistake: not TOML, an unknown key, a value out of range.
    pub fn parse(name: &str, text: &str) -> Result<Self, ConfigError> {
        let refuse = |error: toml::de::Error| {
            let (message, help) = names::explain(error.message());
            ConfigError {
                name: name.to_owned(),
                text: text.to_owned(),
                span: error.span(),
                message,
                help,
            }
        };
        toml::from_str(text).map_err(refuse)
    }

    /// Dotted names of the keys a text sets, such as `server.port`; `[[app]]` counts as one key, `app`.
    /// Empty if the text is not TOML.
    pub fn keys_set(text: &str) -> Vec<String> {
        fn visit(prefix: &str, table: &toml::Table, keys: &mut Vec<String>) {
            for (key, value) in table {
                match value {
                    toml::Value::Table(inner) => visit(&format!("{prefix}{key}."), inner, keys),
                    _ => keys.push(format!("{prefix}{key}")),
                }
            }
        }
        let mut keys = Vec::new();
        if let Ok(table) = text.parse::<toml::Table>() {
            visit("", &table, &mut keys);
        }
        keys
    }

    /// Settings of a server that listens where this says.
    pub fn settings(&self) -> Settings {
        Settings {
            listen: SocketAddr::new(self.server.listen, self.server.port),
            seed: self.seed,
            journal_capacity: self.journal.capacity,
            max_body_bytes: self.server.max_body_bytes,
            log: self.log,
            ..Settings::default()
        }
    }

    /// Creates the apps and users, and marks the result as what a reset goes back to.
    ///
    /// # Errors
    /// [`ControlError`] if two apps or two users of an app have one name or id, or a unionid has the wrong shape.
    pub fn populate(&self, world: &mut World, now: UnixMs) -> Result<(), ControlError> {
        for app in &self.app {
            app.create(world, now, self.preset)?;
        }
        world.mark_baseline();
        Ok(())
    }
}

impl AppConfig {
    /// Creates the app and its users. If one of them is refused, nothing remains.
    pub(crate) fn create(
        &self,
        world: &mut World,
        now: UnixMs,
        preset: Preset,
    ) -> Result<Effect<AppView>, ControlError> {
        let mut policy = self.preset.unwrap_or(preset).policy();
        if self.kind == AppKind::Wecom {
            // Reported of WeCom: the key of a second login holds only once its code has been exchanged.
            policy.session_key.activate_on = ActivateOn::Exchange;
        }
        let new = NewApp {
            kind: self.kind,
            authorized_by: self.authorized_by.clone(),
            appid: self.appid.clone(),
            secret: self.secret,
            name: self.name.clone(),
            policy: self
                .policy
                .as_ref()
                .map_or_else(|| policy.clone(), |patch| policy.with(patch)),
            open_platform: self.open_platform,
        };
        let made = world.create_app(now, new)?;
        let appid = made.reply.appid.clone();
        // Nobody asked for the default people of an account that can have none.
        let are_default = !self.kind.has_users() && self.user == Self::default().user;
        let users = if are_default {
            &[]
        } else {
            self.user.as_slice()
        };
        if let Err(refusal) = self.fill(world, now, &appid, users) {
            // It was created some lines ago, so it can be deleted; the refusal is what the caller must see.
            let _ = world.delete_app(now, &appid);
            return Err(refusal);
        }
        Ok(made.map(|view| AppView {
            n_users: users.len(),
            ..view
        }))
    }
}

impl AppConfig {
    /// What an app has beside itself.
    fn fill(
        &self,
        world: &mut World,
        now: UnixMs,
        appid: &AppId,
        users: &[UserConfig],
    ) -> Result<(), ControlError> {
        if let Some(push) = &self.push {
            world.set_push(now, appid, Some(push.clone()))?;
        }
        if let Some(keys) = &self.api_signature {
            world.set_api_signature(now, appid, Some(keys.clone()))?;
        }
        if let Some(cloud) = &self.cloud {
            world.set_cloud(now, appid, Some(cloud.clone()))?;
        }
        for user in users {
            user.create(world, now, appid)?;
        }
        Ok(())
    }
}

/// A user whose literal name is known to be one.
fn person(name: &str, nick_name: &str, pure_number: &str) -> UserConfig {
    let profile = ProfileEdit {
        nick_name: Some(nick_name.to_owned()),
        ..ProfileEdit::default()
    };
    let phone = PhoneEdit {
        pure_number: Some(pure_number.to_owned()),
        ..PhoneEdit::default()
    };
    let name = UserId::parse(name).expect("a literal user name is valid");
    UserConfig {
        profile: Some(profile),
        phone: Some(phone),
        ..UserConfig::named(name)
    }
}

/// A number, or text in any form a seed is written.
fn seed_in<'de, D: Deserializer<'de>>(input: D) -> Result<Seed, D::Error> {
    struct SeedVisitor;
    impl de::Visitor<'_> for SeedVisitor {
        type Value = Seed;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a seed: a number, or text such as \"0x2a\"")
        }

        fn visit_i64<E: de::Error>(self, number: i64) -> Result<Seed, E> {
            u64::try_from(number)
                .map(Seed)
                .map_err(|_| E::invalid_value(de::Unexpected::Signed(number), &self))
        }

        fn visit_u64<E: de::Error>(self, number: u64) -> Result<Seed, E> {
            Ok(Seed(number))
        }

        fn visit_str<E: de::Error>(self, text: &str) -> Result<Seed, E> {
            text.parse()
                .map_err(|_| E::invalid_value(de::Unexpected::Str(text), &self))
        }
    }
    input.deserialize_any(SeedVisitor)
}

/// As a number where TOML has one that large, so that what is printed is what was written.
fn seed_out<S: Serializer>(seed: &Seed, out: S) -> Result<S::Ok, S::Error> {
    match i64::try_from(seed.0) {
        Ok(number) => out.serialize_i64(number),
        Err(_) => out.collect_str(seed),
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            seed: Seed(1),
            preset: Preset::Documented,
            log: LogFormat::Human,
            server: ServerConfig::default(),
            journal: JournalConfig::default(),
            app: vec![AppConfig {
                name: "demo".to_owned(),
                ..AppConfig::default()
            }],
        }
    }
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            listen: IpAddr::V4(Ipv4Addr::LOCALHOST),
            port: 8910,
            max_body_bytes: 16 << 20,
        }
    }
}

impl Default for JournalConfig {
    fn default() -> Self {
        Self { capacity: 10_000 }
    }
}

impl Default for AppConfig {
    fn default() -> Self {
        Self {
            name: "app".to_owned(),
            kind: AppKind::MiniProgram,
            authorized_by: None,
            appid: None,
            secret: None,
            preset: None,
            policy: None,
            open_platform: true,
            push: None,
            api_signature: None,
            cloud: None,
            user: vec![
                person("alice", "Alice", "13800000001"),
                person("bob", "Bob", "13800000002"),
            ],
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;

    use super::*;

    #[test]
    fn the_default_file_says_the_defaults() {
        let file = Config::parse("default.toml", DEFAULT_TOML).expect("it is ours");
        assert_eq!(file, Config::default());
        assert_eq!(
            Config::parse("empty", "").expect("nothing is required"),
            Config::default()
        );
    }

    #[test]
    fn mistakes_are_named_with_their_place() {
        let check = |text: &str, wrong: &str, message: &str, help: Option<&str>| {
            let error = Config::parse("wxmock.toml", text).expect_err(text);
            let span = error.span.clone().expect("a mistake has a place");
            assert_eq!(&text[span], wrong, "{text}");
            assert!(error.message.contains(message), "{text}: {}", error.message);
            let said = error.help.unwrap_or_default();
            assert!(said.contains(help.unwrap_or_default()), "{text}: {said}");
        };
        check(
            "[server]\nprot = 1\n",
            "prot",
            "unknown key `prot`",
            Some("did you mean `port`?"),
        );
        check(
            "seeed = 1\n",
            "seeed",
            "unknown key `seeed`",
            Some("did you mean `seed`?"),
        );
        check("[server]\nport = 70000\n", "70000", "70000", None);
        check(
            "preset = \"lazzy\"\n",
            "\"lazzy\"",
            "unknown value `lazzy`",
            Some("did you mean `lazy`?"),
        );
        check(
            "[[app]]\n[app.policy.session_key]\nrotat = \"login\"\n",
            "rotat",
            "unknown key `rotat`",
            Some("`rotate`"),
        );
        check("seed = -1\n", "-1", "expected a seed", None);
        check(
            "[[app]]\n[[app.user]]\nname = \"a b\"\n",
            "\"a b\"",
            "",
            None,
        );
    }

    #[test]
    fn seeds_are_numbers_or_text() {
        let check = |text: &str, seed: u64| {
            assert_eq!(
                Config::parse("f", text).expect(text).seed,
                Seed(seed),
                "{text}"
            )
        };
        check("seed = 7", 7);
        check("seed = \"0x2a\"", 42);
        check("seed = \"18446744073709551615\"", u64::MAX);
        let large = Config {
            seed: Seed(u64::MAX),
            ..Config::default()
        };
        let text = toml::to_string(&large).expect("it serialises");
        assert_eq!(Config::parse("f", &text).expect("it reads back"), large);
    }

    #[test]
    fn keys_set_are_the_keys_of_the_text() {
        assert_eq!(
            Config::keys_set("seed = 1\n[server]\nport = 0\n[[app]]\nname = \"x\""),
            ["seed", "server.port", "app"]
        );
        assert!(Config::keys_set("not toml").is_empty());
    }

    #[test]
    fn populating_creates_what_the_file_says() {
        let mut world = World::new(Seed(1));
        let now = UnixMs(1_700_000_000_000);
        let text = "[[app]]\nname = \"one\"\npreset = \"eager\"\n[[app.user]]\nname = \"carol\"\nunionid = \"none\"\nprofile = { nickName = \"Caro\" }";
        let config = Config::parse("f", text).expect("valid");
        config
            .populate(&mut world, now)
            .expect("nothing is there twice");
        let apps = world.apps();
        assert_eq!(apps.len(), 1);
        assert_eq!(apps[0].policy, Preset::Eager.policy());
        let users = world.users(&apps[0].appid).expect("the app exists");
        assert_eq!(
            (
                users.len(),
                users[0].profile.nick_name.as_str(),
                users[0].unionid
            ),
            (1, "Caro", None)
        );
    }

    #[test]
    fn the_schema_names_exactly_the_accepted_keys() {
        let schema: Value = serde_json::from_str(SCHEMA_JSON).expect("the schema is JSON");
        let names = |pointer: &str| -> BTreeSet<String> {
            let properties = schema
                .pointer(pointer)
                .and_then(Value::as_object)
                .unwrap_or_else(|| panic!("{pointer}"));
            properties.keys().cloned().collect()
        };
        // serde lists every accepted key when it refuses one.
        let accepted = |text: &str| -> BTreeSet<String> {
            let error = Config::parse("f", text).expect_err(text);
            let help = error.help.unwrap_or_default();
            let list = help
                .rsplit_once("accepted: ")
                .map(|(_, list)| list.to_owned())
                .unwrap_or_default();
            list.split(", ")
                .filter(|name| *name != "users")
                .map(str::to_owned)
                .collect()
        };
        let check =
            |pointer: &str, text: &str| assert_eq!(names(pointer), accepted(text), "{pointer}");
        check("/properties", "x = 1");
        check("/properties/server/properties", "[server]\nx = 1");
        check("/properties/journal/properties", "[journal]\nx = 1");
        check("/$defs/app/properties", "[[app]]\nx = 1");
        check("/$defs/user/properties", "[[app]]\n[[app.user]]\nx = 1");
        check(
            "/$defs/profile/properties",
            "[[app]]\n[[app.user]]\nname = \"a\"\nprofile = { x = 1 }",
        );
        check(
            "/$defs/phone/properties",
            "[[app]]\n[[app.user]]\nname = \"a\"\nphone = { x = 1 }",
        );
        check(
            "/$defs/switches/properties",
            "[[app]]\n[[app.user]]\nname = \"a\"\nswitches = { x = 1 }",
        );
        check(
            "/$defs/api_signature/properties",
            "[[app]]\napi_signature = { x = 1 }",
        );
        check("/$defs/push/properties", "[[app]]\npush = { x = 1 }");
        check("/$defs/cloud/properties", "[[app]]\ncloud = { x = 1 }");
        check("/$defs/policy/properties", "[[app]]\npolicy = { x = 1 }");
        for group in [
            "session_key",
            "code",
            "access_token",
            "phone_code",
            "shape",
            "quota",
            "caller",
        ] {
            let pointer = format!("/$defs/policy/properties/{group}/properties");
            check(&pointer, &format!("[[app]]\n[app.policy.{group}]\nx = 1"));
        }
    }
}
