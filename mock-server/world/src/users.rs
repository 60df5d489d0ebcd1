//! All users of one app, and the two indexes they are found by.

use serde::{Deserialize, Serialize, Serializer};

use crate::{
    OpenId, UserId,
    chunks::Chunks,
    index::{HashIndex, UserNo, hash_of},
    user::User,
};

/// All users of one app. A place is never given to another user, so that whatever still names it finds nobody.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(from = "Vec<Option<Box<User>>>")]
pub(crate) struct Users {
    slots: Slots,
    by_name: HashIndex,
    by_openid: HashIndex,
    /// The place of the oldest user there is.
    first: usize,
}

type Slots = Chunks<Option<Box<User>>>;

impl Users {
    pub(crate) fn insert(&mut self, user: User) -> Result<UserNo, UserClash> {
        if self.named(&user.name).is_some() {
            return Err(UserClash::Name);
        }
        if let Some(owner) = self.with_openid(&user.openid).and_then(|no| self.get(no)) {
            return Err(UserClash::Openid(owner.name.clone()));
        }
        let no = UserNo::at(self.slots.len());
        self.slots.push(Some(Box::new(user)));
        self.index(no);
        Ok(no)
    }

    pub(crate) fn remove(&mut self, no: UserNo) -> Option<Box<User>> {
        let Self {
            slots,
            by_name,
            by_openid,
            ..
        } = self;
        let user = slots.get(no.index())?.as_ref()?;
        by_name.remove(hash_of(&user.name), no.0);
        by_openid.remove(hash_of(&user.openid), no.0);
        let user = self.slots.get_mut(no.index())?.take();
        self.find_first();
        user
    }

    pub(crate) fn get_mut(&mut self, no: UserNo) -> Option<&mut User> {
        self.slots.get_mut(no.index())?.as_deref_mut()
    }

    pub(crate) fn get(&self, no: UserNo) -> Option<&User> {
        self.slots.get(no.index())?.as_deref()
    }

    pub(crate) fn named(&self, name: &UserId) -> Option<UserNo> {
        let is_it = |place| {
            self.get(UserNo(place))
                .is_some_and(|user| user.name == *name)
        };
        self.by_name.find(hash_of(name), is_it).map(UserNo)
    }

    pub(crate) fn with_openid(&self, openid: &OpenId) -> Option<UserNo> {
        let is_it = |place| {
            self.get(UserNo(place))
                .is_some_and(|user| user.openid == *openid)
        };
        self.by_openid.find(hash_of(openid), is_it).map(UserNo)
    }

    /// Enters a user into the indexes.
    fn index(&mut self, no: UserNo) {
        let Self {
            slots,
            by_name,
            by_openid,
            ..
        } = self;
        let Some(Some(user)) = slots.get(no.index()) else {
            return;
        };
        by_name.insert(hash_of(&user.name), no.0);
        by_openid.insert(hash_of(&user.openid), no.0);
    }

    /// Rebuilds the indexes. Of users who share a name or an openid only the first can be found; import counts them and
    /// refuses.
    pub(crate) fn index_all(&mut self) {
        (self.by_name, self.by_openid) = (HashIndex::default(), HashIndex::default());
        for at in 0..self.slots.len() {
            let no = UserNo::at(at);
            let Some(user) = self.get(no) else { continue };
            if self.named(&user.name).is_none() && self.with_openid(&user.openid).is_none() {
                self.index(no);
            }
        }
        self.first = 0;
        self.find_first();
    }

    fn find_first(&mut self) {
        let from = self.first;
        let gone = self.slots.iter_from(from).take_while(|user| user.is_none());
        self.first = from + gone.count();
    }

    /// Everybody without the indexes: cheap, however many they are.
    pub(crate) fn snapshot(&self) -> Self {
        Self {
            slots: self.slots.clone(),
            first: self.first,
            ..Self::default()
        }
    }

    /// Everybody, oldest first.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (UserNo, &User)> {
        self.iter_from(0)
    }

    /// Everybody from a place on, oldest first.
    pub(crate) fn iter_from(&self, place: usize) -> impl Iterator<Item = (UserNo, &User)> {
        let from = place.max(self.first);
        let numbered = (from..).map(UserNo::at).zip(self.slots.iter_from(from));
        numbered.filter_map(|(no, slot)| slot.as_deref().map(|user| (no, user)))
    }

    /// How many can be found.
    pub(crate) const fn len(&self) -> usize {
        self.by_name.len()
    }
}

impl From<Vec<Option<Box<User>>>> for Users {
    /// The indexes are for [`Users::index_all`] to make.
    fn from(slots: Vec<Option<Box<User>>>) -> Self {
        Self {
            slots: slots.into_iter().collect(),
            ..Self::default()
        }
    }
}

impl Serialize for Users {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        self.slots.serialize(out)
    }
}

/// Why a user cannot be added.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum UserClash {
    Name,
    Openid(UserId),
}
