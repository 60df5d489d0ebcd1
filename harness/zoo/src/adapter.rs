//! The adapter file that describes any backend of the zoo to the harness.

use crate::behaviour::{Behaviour, Queue};
use crate::{Correct, Design, Upstream, limits};

/// An adapter (TOML) for a backend of the zoo that listens at `base`, such as `http://127.0.0.1:41234`.
///
/// It starts nothing: the backend already runs. Every design and mutant answers in the same shape, so that what the
/// suite finds is never a difference between adapters; [`crate::Running::adapter_toml`] adds what depends on the
/// design and names the app.
#[must_use]
pub fn adapter_toml(base: &str) -> String {
    render("zoo", base, "", Behaviour::default())
}

/// The adapter for one running backend: its name, its app, and whether its logins wait for each other.
pub(crate) fn for_design(
    design: Design,
    behaviour: Behaviour,
    base: &str,
    upstream: &Upstream,
) -> String {
    let app = format!(
        "appid = {}\nsecret = {}\n",
        quoted(&upstream.appid),
        quoted(&upstream.secret)
    );
    let text = render(&format!("zoo-{design}"), base, &app, behaviour);
    match design {
        Design::Correct(Correct::SingleSession) => {
            text.replace("multi_device = \"keep\"", "multi_device = \"replace\"")
        }
        Design::Correct(Correct::PerToken) => {
            text.replace("refresh = \"replace\"", "refresh = \"keep\"")
        }
        Design::Correct(Correct::SealedLogin) => part(&text, &["login_profile"])
            .replace("key_storage = \"server\"", "key_storage = \"none\""),
        Design::Correct(correct) => match correct.describes() {
            Some(ops) => part(&text, ops),
            None => text,
        },
        Design::Mutant(_) => text,
    }
}

/// The adapter without the operations that are not among `ops`.
fn part(text: &str, ops: &[&str]) -> String {
    let mut kept = true;
    let mut stays = |line: &&str| {
        if let Some(op) = line.strip_prefix("[ops.") {
            kept = ops.contains(&op.trim_end_matches(']'));
        } else if line.starts_with('[') {
            kept = true;
        }
        kept
    };
    let lines: Vec<&str> = text.lines().filter(&mut stays).collect();
    lines.join("\n") + "\n"
}

fn render(name: &str, base: &str, app: &str, behaviour: Behaviour) -> String {
    let upstream_timeout_ms = behaviour.upstream_timeout.as_millis();
    let answer_within_ms = limits::ANSWER_WITHIN_MS;
    let serialises_logins = behaviour.queue.declared();
    // Only a queue per account wants to know who logs in before WeChat says it.
    let operations = if behaviour.queue == Queue::PerUser {
        OPERATIONS
            .replace(
                "post = \"/login\",",
                &format!("post = \"/login\", {DEVICE},"),
            )
            .replace(
                "post = \"/login/profile\",",
                &format!("post = \"/login/profile\", {DEVICE},"),
            )
    } else {
        OPERATIONS.to_owned()
    };
    format!(
        r#"schema = 1
name = {name}

[backend]
base = {base}

[upstream]
hook = "base_url"
{app}{operations}
[features]
multi_device = "keep"
key_storage = "server"
duplicate_code = "same_session"
refresh = "replace"
serialises_logins = {serialises_logins}
upstream_timeout_ms = {upstream_timeout_ms}
answer_within_ms = {answer_within_ms}
"#,
        name = quoted(name),
        base = quoted(base),
    )
}

/// A TOML basic string; JSON's escapes are a subset of TOML's.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

const DEVICE: &str = r#"headers = { X-Device = "{{device.id}}" }"#;

const OPERATIONS: &str = r#"
[ops.login]
request = { post = "/login", json = { code = "{{device.code}}" } }
capture = { token = "$.token", user_id = "$.user.id" }

[ops.login_profile]
request = { post = "/login/profile", json = { code = "{{device.code}}", encryptedData = "{{device.encryptedData}}", iv = "{{device.iv}}" } }
capture = { token = "$.token", user_id = "$.user.id", plaintext_nonce = "$.profile.nickName" }

[ops.userinfo]
request = { post = "/profile", headers = { Authorization = "Bearer {{session.token}}" }, json = { encryptedData = "{{device.encryptedData}}", iv = "{{device.iv}}" } }
capture = { plaintext_nonce = "$.profile.nickName" }

[ops.phone_cipher]
request = { post = "/phone", headers = { Authorization = "Bearer {{session.token}}" }, json = { encryptedData = "{{device.encryptedData}}", iv = "{{device.iv}}" } }
capture = { phone = "$.phone" }

[ops.phone_code]
request = { post = "/phone/code", headers = { Authorization = "Bearer {{session.token}}" }, json = { code = "{{device.phoneCode}}" } }
capture = { phone = "$.phone" }

[ops.whoami]
request = { get = "/me", headers = { Authorization = "Bearer {{session.token}}" } }
capture = { user_id = "$.user.id" }

[ops.logout]
request = { post = "/logout", headers = { Authorization = "Bearer {{session.token}}" } }

[ops.refresh]
request = { post = "/refresh", headers = { Authorization = "Bearer {{session.token}}" } }
capture = { token = "$.token" }

[[outcome]]
when = { status = 401 }
is = "relogin"

[[outcome]]
when = { status = 403 }
is = "denied"

[[outcome]]
when = { status = [429, 503] }
is = "retry_later"

[[outcome]]
when = { status = "2xx" }
is = "ok"

[[outcome]]
when = { status = "4xx" }
is = "invalid"

[[outcome]]
when = { status = "5xx" }
is = "server_error"
"#;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Mutant;

    fn upstream() -> Upstream {
        Upstream {
            base: "http://127.0.0.1:1".to_owned(),
            appid: "wx0011223344556677".to_owned(),
            secret: "00112233445566778899aabbccddeeff".to_owned(),
        }
    }

    fn of(design: Design) -> String {
        for_design(
            design,
            Behaviour::of(design),
            "http://127.0.0.1:8080",
            &upstream(),
        )
    }

    #[test]
    fn names_the_address_and_the_limits() {
        let text = adapter_toml("http://127.0.0.1:8080");
        assert!(
            text.contains("base = \"http://127.0.0.1:8080\"\n"),
            "{text}"
        );
        assert!(text.contains("upstream_timeout_ms = 1500\n"), "{text}");
        assert!(text.contains("serialises_logins = false\n"), "{text}");
    }

    #[test]
    fn a_design_names_itself_its_app_and_its_lock() {
        let text = of(Design::Correct(Correct::Serialised));
        assert!(text.contains("name = \"zoo-serialised\"\n"), "{text}");
        assert!(text.contains("appid = \"wx0011223344556677\"\n"), "{text}");
        assert!(text.contains("serialises_logins = \"global\"\n"), "{text}");
        let text = of(Design::Mutant(Mutant::Racy));
        assert!(text.contains("name = \"zoo-racy\"\n"), "{text}");
        assert!(!text.contains("X-Device"), "{text}");
    }

    #[test]
    fn a_design_of_less_describes_less() {
        for correct in Correct::ALL {
            let text = of(Design::Correct(*correct));
            let ops: Vec<&str> = text
                .lines()
                .filter_map(|line| line.strip_prefix("[ops.")?.strip_suffix(']'))
                .collect();
            match correct.describes() {
                Some(described) => assert_eq!(ops, described, "{text}"),
                None => assert_eq!(ops.len(), 8, "{text}"),
            }
            assert!(
                text.contains("[[outcome]]") && text.contains("[features]"),
                "{text}"
            );
        }
    }

    #[test]
    fn manners_are_told() {
        let behaviour = Behaviour {
            queue: Queue::PerUser,
            upstream_timeout: std::time::Duration::from_millis(200),
            retries: 1,
        };
        let design = Design::Correct(Correct::CandidateKeys);
        let text = for_design(design, behaviour, "http://127.0.0.1:8080", &upstream());
        assert_eq!(
            text.matches("X-Device = \"{{device.id}}\"").count(),
            2,
            "{text}"
        );
        assert!(text.contains("upstream_timeout_ms = 200\n"), "{text}");
        assert!(
            text.contains("serialises_logins = \"per_user\"\n"),
            "{text}"
        );
    }
}
