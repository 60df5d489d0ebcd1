//! The variables a child would have had without us. Knows nothing of what we add.

use std::collections::{BTreeMap, BTreeSet};

/// Variables by name; what is not UTF-8 is not there, because nothing we extend can be.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Inherited(BTreeMap<String, String>);

/// Variables that name a file of certificates their reader trusts.
const CERTIFICATE_FILES: [&str; 4] = [
    "SSL_CERT_FILE",
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
    "NODE_EXTRA_CA_CERTS",
];

impl Inherited {
    /// Those of this process.
    #[must_use]
    pub fn of_this_process() -> Self {
        let pairs = std::env::vars_os();
        Self(
            pairs
                .filter_map(|(name, value)| {
                    Some((name.into_string().ok()?, value.into_string().ok()?))
                })
                .collect(),
        )
    }

    /// The same with others laid over it, such as the `env` of an adapter.
    #[must_use]
    pub fn with<'a>(mut self, pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        self.0.extend(
            pairs
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value.to_owned())),
        );
        self
    }

    /// A variable that is set and not empty.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0
            .get(name)
            .map(String::as_str)
            .filter(|value| !value.is_empty())
    }

    /// A variable under its upper-case name or, failing that, its lower-case one.
    pub(super) fn get_in_any_case(&self, name: &str) -> &str {
        self.get(name)
            .or_else(|| self.get(&name.to_lowercase()))
            .unwrap_or_default()
    }

    /// The certificates these variables made their readers trust, as PEM: a company's root must stay trusted when we
    /// put a file of our own in its place. A file that cannot be read was of no use before either.
    #[must_use]
    pub fn roots(&self) -> String {
        let paths: BTreeSet<&str> = CERTIFICATE_FILES
            .iter()
            .filter_map(|name| self.get(name))
            .collect();
        let mut all = String::new();
        for text in paths
            .iter()
            .filter_map(|path| std::fs::read_to_string(path).ok())
        {
            all.push_str(text.trim_end());
            all.push('\n');
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn upper_case_wins_and_empty_is_absent() {
        let inherited =
            Inherited::default().with([("NO_PROXY", ""), ("no_proxy", "a"), ("HTTPS_PROXY", "b")]);
        assert_eq!(inherited.get_in_any_case("NO_PROXY"), "a");
        assert_eq!(inherited.get_in_any_case("HTTPS_PROXY"), "b");
        assert_eq!(inherited.get("NO_PROXY"), None);
    }

    #[test]
    fn every_certificate_file_is_read_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("company.pem");
        std::fs::write(&path, "COMPANY ROOT\n\n").unwrap();
        let path = path.to_str().unwrap();
        let inherited = Inherited::default().with([
            ("SSL_CERT_FILE", path),
            ("REQUESTS_CA_BUNDLE", path),
            ("CURL_CA_BUNDLE", "/nowhere/at/all.pem"),
        ]);
        assert_eq!(inherited.roots(), "COMPANY ROOT\n");
    }
}
