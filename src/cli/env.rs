//! `wxmock env`: the variables of a running mock, ready to paste.

use std::fmt::Write as _;
use std::path::Path;

use serde_json::Value;
use wxmock_adapter::routes;
use wxmock_adapter::routes::{
    Environment, Facts, Files, Inherited, Preload, Route, Stack, Variable,
};

use super::ServerArg;
use super::authority::{self, CaFolderArg};
use crate::client::{self, Server};
use crate::exit::Failure;

/// Print the variables that bring an unmodified program's calls to a running mock
///
/// What `wxmock exec` gives its child, for programs that something else starts. The files they point at are written beside
/// the certificate authority, under names that do not change.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  eval \"$(wxmock env)\"                          everything, for this shell and what it starts
  wxmock env --for node20                       only what Node before 22.21 reads
  wxmock env --for dotenv > .env.wxmock         as a file of variables
  wxmock env --for php-fpm                      lines for the pool's configuration
  wxmock env --for docker-compose               alias, port 443 and certificates for containers")]
pub(crate) struct Args {
    /// For whom, or in which form
    #[arg(
        long = "for",
        value_name = "STACK",
        value_enum,
        default_value = "shell"
    )]
    form: Form,
    /// Redirect Python as well, for clients that ignore proxy variables
    #[arg(long)]
    preload: bool,
    #[command(flatten)]
    server: ServerArg,
    #[command(flatten)]
    folder: CaFolderArg,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Form {
    /// Node before 22.21 and 24.5
    #[value(name = "node20")]
    Node20,
    /// Node from 22.21 and 24.5
    #[value(name = "node22")]
    Node22,
    Python,
    Jvm,
    Go,
    PhpFpm,
    Dotnet,
    /// Everything, as `export` lines
    Shell,
    /// Everything, as NAME=value lines
    Dotenv,
    DockerCompose,
}

impl Args {
    pub(crate) fn run(self) -> Result<(), Failure> {
        let (ca, folder) = authority::open(&self.folder)?;
        let folder = std::path::absolute(&folder).unwrap_or(folder);
        let files = Files::below(&folder);
        authority::write(&files, &ca, "")?;
        let server = &self.server.server;
        let (apps, theirs) = client::block_on(async {
            let apps = server.get("/_mock/v1/apps").await?.json()?;
            Ok((apps, server.get("/_mock/v1/ca").await?.json()?))
        })?;
        let same = theirs["root_pem"].as_str() == Some(ca.root_pem());
        let facts = facts(server, &apps);
        let text = text(self.form, self.preload, &facts, &files, &folder);
        let mut warning = if same {
            String::new()
        } else {
            other_authority(&theirs, &folder)
        };
        if self.form != Form::DockerCompose && !is_loopback(&facts.host) {
            warning.push_str("# WARNING: the mock is not on this machine, and its proxy serves its own machine only; see --for docker-compose.\n");
        }
        super::print(&format!("{warning}{text}"))
    }
}

fn facts(server: &Server, apps: &Value) -> Facts {
    let app = |name: &str| {
        apps["apps"][0][name]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    };
    let (host, port) = server.host_and_port();
    Facts {
        host,
        port,
        appid: app("appid"),
        secret: app("secret"),
    }
}

fn is_loopback(host: &str) -> bool {
    host == "localhost"
        || host
            .parse::<std::net::IpAddr>()
            .is_ok_and(|ip| ip.is_loopback())
}

/// As a comment, so that the lines below can still be pasted.
fn other_authority(theirs: &Value, folder: &Path) -> String {
    let why = match theirs["root_pem"].as_str() {
        Some(_) => {
            "has another certificate authority (--ephemeral-ca, or another --ca-dir), so these certificates will not be trusted"
        }
        None => "has no certificate authority, so it speaks no TLS",
    };
    format!(
        "# WARNING: the mock {why}. Start it with --ca-dir '{}'.\n",
        folder.display()
    )
}

fn text(form: Form, preload: bool, facts: &Facts, files: &Files, folder: &Path) -> String {
    // A file is read elsewhere: what this shell has set is no business of its reader.
    let inherited = match form {
        Form::Dotenv | Form::DockerCompose | Form::PhpFpm => Inherited::default(),
        _ => Inherited::of_this_process(),
    };
    let preload = if preload {
        Preload::NodeAndPython
    } else {
        Preload::Node
    };
    let all = routes::environment(facts, files, &inherited, Route::Proxy, preload);
    match form {
        Form::Shell => shell(&all, |_| true),
        Form::Node20 => shell(&all, |variable| variable.stacks.contains(&Stack::Node20)),
        Form::Node22 => shell(&all, |variable| variable.stacks.contains(&Stack::Node22)),
        Form::Python => shell(&all, |variable| variable.stacks.contains(&Stack::Python)),
        Form::Jvm => shell(&all, |variable| variable.stacks.contains(&Stack::Jvm)),
        Form::Go => shell(&all, |variable| variable.stacks.contains(&Stack::Go)),
        Form::Dotnet => shell(&all, |variable| variable.stacks.contains(&Stack::Dotnet)),
        Form::Dotenv => dotenv(&all),
        Form::PhpFpm => php_fpm(facts, files),
        Form::DockerCompose => docker_compose(facts, folder),
    }
}

fn shell(environment: &Environment, wanted: impl Fn(&Variable) -> bool) -> String {
    let mut text = String::new();
    // Writing to a String cannot fail.
    for remark in &environment.remarks {
        let _ = writeln!(text, "# note: {remark}");
    }
    let wanted: Vec<&Variable> = environment
        .variables
        .iter()
        .filter(|variable| wanted(variable))
        .collect();
    for variable in &wanted {
        let _ = writeln!(
            text,
            "# {}\nexport {}='{}'",
            variable.covers,
            variable.name,
            variable.value.replace('\'', r"'\''")
        );
    }
    let names: Vec<&str> = wanted.iter().map(|variable| variable.name).collect();
    let _ = writeln!(text, "# undo: unset {}", names.join(" "));
    text
}

fn dotenv(environment: &Environment) -> String {
    let plain = |value: &str| {
        value
            .chars()
            .all(|letter| letter.is_ascii_alphanumeric() || "_./:,@%+=-".contains(letter))
    };
    let mut text = String::new();
    for Variable {
        name,
        value,
        covers,
        ..
    } in &environment.variables
    {
        let value = if plain(value) {
            value.clone()
        } else {
            format!("\"{}\"", value.replace('\\', r"\\").replace('"', "\\\""))
        };
        let _ = writeln!(text, "# {covers}\n{name}={value}");
    }
    text
}

fn php_fpm(facts: &Facts, files: &Files) -> String {
    let (url, bundle) = (facts.url(), files.bundle.display());
    format!(
        "; In the pool's file (www.conf), then restart FPM. Its workers start with an empty environment unless clear_env = no.\n\
         ; The workers' user must be able to read the bundle: `wxmock ca --dir DIR` writes it elsewhere.\n\
         ; covers: curl in PHP, Guzzle and Symfony HttpClient on it\n\
         env[https_proxy] = {url}\n\
         env[no_proxy] = localhost,127.0.0.1,::1\n\
         php_admin_value[curl.cainfo] = {bundle}\n\
         ; covers: https:// streams (file_get_contents), which need the proxy in their stream context\n\
         php_admin_value[openssl.cafile] = {bundle}\n\
         env[WXMOCK_URL] = {url}\n\
         env[WXMOCK_APPID] = {}\n\
         env[WXMOCK_SECRET] = {}\n",
        facts.appid, facts.secret
    )
}

/// The proxy serves loopback clients only, so containers take the other route: the name itself leads to the mock.
fn docker_compose(facts: &Facts, folder: &Path) -> String {
    let mut aliases = String::new();
    for host in wxmock_server::WECHAT_HOSTS {
        let _ = writeln!(aliases, "          - {host}");
    }
    let inside = |name: &str| format!("/wxmock-certs/{name}");
    let Facts { appid, secret, .. } = facts;
    format!(
        "# Between containers the name itself leads to the mock: a network alias, port 443, and certificates to trust.\n\
         # First: wxmock ca --dir ./wxmock-certs   (certificates only; the key stays in the folder of the authority)\n\
         # Then these two services belong in compose.yaml. No proxy is used: it serves loopback clients only.\n\
         services:\n\
         \x20 wxmock:\n\
         \x20   command: [\"serve\", \"--listen\", \"0.0.0.0\", \"--port\", \"443\", \"--ca-dir\", \"/wxmock-ca\"]\n\
         \x20   volumes: [\"{folder}:/wxmock-ca\"]   # must belong to the user the mock runs as\n\
         \x20   networks:\n\
         \x20     default:\n\
         \x20       aliases:\n{aliases}\
         \x20 backend:\n\
         \x20   volumes: [\"./wxmock-certs:/wxmock-certs:ro\"]\n\
         \x20   environment:\n\
         \x20     SSL_CERT_FILE: {bundle}   # Python's ssl, httpx, aiohttp, Go, .NET, Ruby; not Python requests\n\
         \x20     REQUESTS_CA_BUNDLE: {bundle}   # Python requests\n\
         \x20     CURL_CA_BUNDLE: {bundle}   # curl; for PHP set curl.cainfo and openssl.cafile to it\n\
         \x20     NODE_EXTRA_CA_CERTS: {root}   # Node\n\
         \x20     JAVA_TOOL_OPTIONS: -Djavax.net.ssl.trustStore={store} -Djavax.net.ssl.trustStorePassword={password} -Djavax.net.ssl.trustStoreType=PKCS12\n\
         \x20     WXMOCK_URL: https://api.weixin.qq.com\n\
         \x20     WXMOCK_APPID: {appid}\n\
         \x20     WXMOCK_SECRET: {secret}\n",
        folder = folder.display(),
        bundle = inside("bundle.pem"),
        root = inside("root.pem"),
        store = inside("truststore.p12"),
        password = routes::TRUSTSTORE_PASSWORD,
    )
}

#[cfg(test)]
mod tests {
    use clap::ValueEnum as _;

    use super::*;

    fn say(form: Form) -> String {
        let facts = Facts {
            host: "127.0.0.1".to_owned(),
            port: 8910,
            appid: "wx01".to_owned(),
            secret: "s3".to_owned(),
        };
        text(
            form,
            false,
            &facts,
            &Files::below(Path::new("/it's here")),
            Path::new("/it's here"),
        )
    }

    #[test]
    fn every_form_says_who_the_mock_is() {
        for form in Form::value_variants() {
            let said = say(*form);
            for fact in ["WXMOCK_APPID", "wx01", "s3"] {
                assert!(said.contains(fact), "{fact} in {form:?}: {said}");
            }
        }
    }

    #[test]
    fn a_stack_gets_what_it_reads() {
        let check = |form: Form, there: &[&str], absent: &[&str]| {
            let said = say(form);
            for name in there {
                assert!(
                    said.contains(&format!("export {name}=")),
                    "{name} for {form:?}: {said}"
                );
            }
            for name in absent {
                assert!(
                    !said.contains(&format!("export {name}=")),
                    "{name} for {form:?}: {said}"
                );
            }
        };
        check(
            Form::Node20,
            &["NODE_OPTIONS", "NODE_EXTRA_CA_CERTS"],
            &["NODE_USE_ENV_PROXY", "JAVA_TOOL_OPTIONS"],
        );
        check(
            Form::Node22,
            &["NODE_USE_ENV_PROXY", "HTTPS_PROXY"],
            &["REQUESTS_CA_BUNDLE"],
        );
        check(
            Form::Python,
            &["REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "https_proxy"],
            &["NODE_OPTIONS"],
        );
        check(Form::Jvm, &["JAVA_TOOL_OPTIONS"], &["HTTPS_PROXY"]);
        check(
            Form::Go,
            &["HTTPS_PROXY", "SSL_CERT_FILE"],
            &["CURL_CA_BUNDLE"],
        );
    }

    #[test]
    fn a_shell_reads_back_what_was_meant() {
        let script = say(Form::Shell) + "printf %s \"$SSL_CERT_FILE\"";
        let output = std::process::Command::new("sh")
            .args(["-c", &script])
            .output()
            .expect("sh runs");
        assert_eq!(
            String::from_utf8_lossy(&output.stdout),
            "/it's here/bundle.pem"
        );
    }
}
