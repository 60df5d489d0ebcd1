//! Lists of hosts that go past a proxy, in the two dialects clients read. Knows nothing of variables.

use wxmock_server::WECHAT_HOSTS;

/// Names of this machine: the mock itself, a database, the backend's own port.
const LOOPBACK: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

/// A `NO_PROXY` for a child whose proxy is the mock, and the entries that had to go.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Bypass {
    entries: Vec<String>,
    /// Entries that would have led WeChat's hosts past us, such as `*` or `.qq.com`.
    pub(super) dropped: Vec<String>,
}

impl Bypass {
    /// What was there, with the loopback names added and without what matches a host of WeChat's.
    pub(super) fn around_the_mock(inherited: &str) -> Self {
        let (dropped, kept) = split(inherited).partition(|entry| covers_wechat(entry));
        Self::joined(kept, dropped, &LOOPBACK)
    }

    /// What was there, with the loopback names and WeChat's hosts added: for a route on which no proxy may stand.
    pub(super) fn around_every_proxy(inherited: &str) -> Self {
        let mut all = Self::joined(split(inherited).collect(), Vec::new(), &LOOPBACK);
        all.entries.extend(WECHAT_HOSTS.map(str::to_owned));
        all
    }

    fn joined(mut entries: Vec<String>, dropped: Vec<String>, added: &[&str]) -> Self {
        for name in added {
            if !entries.iter().any(|entry| entry == name) {
                entries.push((*name).to_owned());
            }
        }
        Self { entries, dropped }
    }

    /// As `NO_PROXY` writes it.
    pub(super) fn variable(&self) -> String {
        self.entries.join(",")
    }

    /// As Java's `http.nonProxyHosts` writes it: `|` between patterns, `*` only at an end, no networks.
    pub(super) fn java(&self) -> String {
        let mut patterns = vec!["127.*".to_owned(), "[::1]".to_owned()];
        for entry in &self.entries {
            let name = entry.trim_start_matches("*.").trim_start_matches('.');
            if name.is_empty() || name.contains(['/', ':', '|']) || name == "127.0.0.1" {
                continue;
            }
            patterns.push(name.to_owned());
            // `NO_PROXY` means the names below as well.
            if name.contains('.') && name.parse::<std::net::IpAddr>().is_err() {
                patterns.push(format!("*.{name}"));
            }
        }
        patterns.join("|")
    }
}

fn split(list: &str) -> impl Iterator<Item = String> {
    list.split([',', ' '])
        .map(str::trim)
        .filter(|entry| !entry.is_empty())
        .map(str::to_owned)
}

fn covers_wechat(entry: &str) -> bool {
    // `host:port`, but not an IPv6 address.
    let name = entry
        .split_once(':')
        .filter(|(_, port)| !port.contains(':'))
        .map_or(entry, |(host, _)| host);
    let name = name
        .trim_start_matches('*')
        .trim_start_matches('.')
        .to_lowercase();
    name.is_empty()
        || WECHAT_HOSTS
            .iter()
            .any(|host| *host == name || host.ends_with(&format!(".{name}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_is_added_once_and_nothing_leads_past_the_mock() {
        let check = |inherited: &str, variable: &str, dropped: &[&str]| {
            let bypass = Bypass::around_the_mock(inherited);
            assert_eq!(bypass.variable(), variable, "{inherited}");
            assert_eq!(bypass.dropped, dropped, "{inherited}");
        };
        check("", "localhost,127.0.0.1,::1", &[]);
        check(
            "db.internal, 127.0.0.1",
            "db.internal,127.0.0.1,localhost,::1",
            &[],
        );
        check("*", "localhost,127.0.0.1,::1", &["*"]);
        check(
            ".qq.com,*.weixin.qq.com,api.weixin.qq.com:443,QQ.com,mail.qq.com",
            "mail.qq.com,localhost,127.0.0.1,::1",
            &[
                ".qq.com",
                "*.weixin.qq.com",
                "api.weixin.qq.com:443",
                "QQ.com",
            ],
        );
        check("10.0.0.0/8 ::1", "10.0.0.0/8,::1,localhost,127.0.0.1", &[]);
    }

    #[test]
    fn java_gets_patterns() {
        let bypass = Bypass::around_the_mock(".corp.example,registry,10.0.0.0/8,192.0.2.7");
        assert_eq!(
            bypass.java(),
            "127.*|[::1]|corp.example|*.corp.example|registry|192.0.2.7|localhost"
        );
    }

    #[test]
    fn on_the_hosts_route_no_proxy_may_stand() {
        let variable = Bypass::around_every_proxy("x.example").variable();
        assert!(variable.starts_with("x.example,localhost,"), "{variable}");
        assert!(
            WECHAT_HOSTS.iter().all(|host| variable.contains(host)),
            "{variable}"
        );
    }
}
