//! What a person may be asked to allow (`scope.*`), and a set of such. Knows nothing of who was asked.

use std::{borrow::Cow, fmt};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

macro_rules! scopes {
    ($($(#[$doc:meta])* $name:ident = $text:literal),* $(,)?) => {
        /// One thing a page asks a person for, as `wx.authorize` and `wx.getSetting` spell it.
        ///
        /// Source: official page on authorisation, and `AuthSetting` of the official typings (5.2.3).
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Scope {
            $($(#[$doc])* $name),*
        }

        impl Scope {
            /// All of them, in the order of the official typings.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// The spelling: `scope.werun`.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => $text),* }
            }
        }
    };
}

scopes! {
    /// The system's calendar.
    AddPhoneCalendar = "scope.addPhoneCalendar",
    /// The system's contacts.
    AddPhoneContact = "scope.addPhoneContact",
    /// Postal addresses; nobody is asked any more, it always reads true.
    Address = "scope.address",
    /// Bluetooth.
    Bluetooth = "scope.bluetooth",
    /// The camera.
    Camera = "scope.camera",
    /// Invoices; nobody is asked any more, it always reads true.
    Invoice = "scope.invoice",
    /// Invoice titles; nobody is asked any more, it always reads true.
    InvoiceTitle = "scope.invoiceTitle",
    /// The microphone.
    Record = "scope.record",
    /// The rough place.
    UserFuzzyLocation = "scope.userFuzzyLocation",
    /// The profile: `wx.getUserInfo`.
    UserInfo = "scope.userInfo",
    /// The exact place.
    UserLocation = "scope.userLocation",
    /// The steps: `wx.getWeRunData`.
    Werun = "scope.werun",
    /// The album, to write to.
    WritePhotosAlbum = "scope.writePhotosAlbum",
}

impl Scope {
    /// The scope of this spelling.
    #[must_use]
    pub fn named(text: &str) -> Option<Self> {
        Self::ALL.iter().find(|scope| scope.name() == text).copied()
    }

    /// Whether it is granted without a question. Source: official typings.
    #[must_use]
    pub const fn is_granted_to_all(self) -> bool {
        matches!(self, Self::Address | Self::Invoice | Self::InvoiceTitle)
    }

    const fn bit(self) -> u16 {
        1 << self as u16
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl<'de> Deserialize<'de> for Scope {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(input)?;
        Self::named(&text).ok_or_else(|| {
            let known: Vec<&str> = Self::ALL.iter().map(|scope| scope.name()).collect();
            de::Error::custom(format!(
                "`{text}` is no scope; expected one of {}",
                known.join(", ")
            ))
        })
    }
}

impl Serialize for Scope {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        out.serialize_str(self.name())
    }
}

/// A set of scopes; in JSON and TOML a list of their names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Scopes(u16);

impl Scopes {
    /// None.
    pub const NONE: Self = Self(0);

    /// Whether the set has this one.
    #[must_use]
    pub const fn has(self, scope: Scope) -> bool {
        self.0 & scope.bit() != 0
    }

    /// Puts one in, or takes it out.
    pub fn set(&mut self, scope: Scope, is_in: bool) {
        if is_in {
            self.0 |= scope.bit();
        } else {
            self.0 &= !scope.bit();
        }
    }

    fn iter(self) -> impl Iterator<Item = Scope> {
        Scope::ALL
            .iter()
            .copied()
            .filter(move |scope| self.has(*scope))
    }
}

impl FromIterator<Scope> for Scopes {
    fn from_iter<I: IntoIterator<Item = Scope>>(scopes: I) -> Self {
        let mut set = Self::NONE;
        for scope in scopes {
            set.set(scope, true);
        }
        set
    }
}

impl Serialize for Scopes {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        out.collect_seq(self.iter())
    }
}

impl<'de> Deserialize<'de> for Scopes {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        Ok(Vec::<Scope>::deserialize(input)?.into_iter().collect())
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
mod tests {
    use super::*;

    #[test]
    fn a_set_is_a_list_of_names() {
        let set: Scopes = [Scope::Werun, Scope::Camera].into_iter().collect();
        let json = serde_json::to_string(&set).unwrap();
        assert_eq!(json, r#"["scope.camera","scope.werun"]"#);
        assert_eq!(serde_json::from_str::<Scopes>(&json).unwrap(), set);
        let wrong = serde_json::from_str::<Scopes>(r#"["scope.wer"]"#).unwrap_err();
        assert!(
            wrong.to_string().contains("`scope.wer` is no scope"),
            "{wrong}"
        );
    }

    #[test]
    fn every_scope_is_found_by_its_name() {
        for scope in Scope::ALL {
            assert_eq!(Scope::named(scope.name()), Some(*scope));
        }
        assert_eq!(Scope::named("werun"), None);
    }
}
