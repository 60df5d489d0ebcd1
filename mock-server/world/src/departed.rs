//! Users and apps that are gone while their codes are not: what is left of them is forgotten piece by piece, so that no
//! command takes long, however many codes there are. Nobody finds such a code: its user or its app is not there.

use std::{collections::VecDeque, hash::Hash};

use crate::{
    AppId, JsCode, PhoneCode, Seed, UserId,
    app::App,
    deadline::Deadlines,
    few::Few,
    index::{AppNo, CodeNo, UserNo},
    js_code::{Code, CodeBook, LoginCodes, LoginPart, PhoneCodes, PhonePart},
    state::Core,
    user::{Handset, User},
    values,
};

/// Who is gone, and how far forgetting has come.
#[derive(Debug, Clone)]
pub(crate) enum Departed {
    User(Box<DepartedUser>),
    App(DepartedApp),
}

/// A user whose app is there, or was when they went.
#[derive(Debug, Clone)]
pub(crate) struct DepartedUser {
    pub(crate) app: AppNo,
    id: AppId,
    no: UserNo,
    name: UserId,
    handsets: Few<Handset>,
    n_phone_codes: u32,
    /// The next to forget: index of a phone and the number of its code, then the number of a phone code.
    handset_at: usize,
    code: u32,
    phone_code: u32,
}

/// An app: its codes that are over stand in a list, the others are found by looking at all there are.
#[derive(Debug, Clone)]
pub(crate) struct DepartedApp {
    no: AppNo,
    over: VecDeque<CodeNo>,
    phone_over: VecDeque<CodeNo>,
    /// Where to go on in each book; `None` at the end.
    codes: Option<usize>,
    phone_codes: Option<usize>,
}

/// Places of a book looked at cost far less than a code made from its number.
const PLACES_A_CODE: usize = 16;

impl DepartedUser {
    pub(crate) fn new(app: AppNo, id: AppId, no: UserNo, user: User) -> Self {
        Self {
            app,
            id,
            no,
            name: user.name,
            handsets: user.handsets,
            n_phone_codes: user.n_phone_codes,
            handset_at: 0,
            code: 1,
            phone_code: 1,
        }
    }

    /// Forgets at most so many codes; how many more it could have done, `None` while there are codes left.
    pub(crate) fn forget_some(
        &mut self,
        seed: Seed,
        mut most: usize,
        (codes, phone_codes): (&mut LoginCodes, &mut PhoneCodes),
        due: &mut Deadlines,
    ) -> Option<usize> {
        let (app, no) = (self.app, self.no);
        while let Some(handset) = self.handsets.get(self.handset_at) {
            if self.code > handset.n_codes {
                (self.handset_at, self.code) = (self.handset_at + 1, 1);
                continue;
            }
            most = most.checked_sub(1)?;
            let texts = values::js_codes(seed, &self.id, &self.name, &handset.device, self.code);
            let _ = texts
                .iter()
                .any(|text| codes.forget_gone(text, app, no, &mut due.codes));
            self.code += 1;
        }
        while self.phone_code <= self.n_phone_codes {
            most = most.checked_sub(1)?;
            let text = values::phone_code(seed, &self.id, &self.name, self.phone_code);
            phone_codes.forget_gone(&text, app, no, &mut due.phone_codes);
            self.phone_code += 1;
        }
        Some(most)
    }
}

impl DepartedApp {
    pub(crate) fn new(no: AppNo, app: &mut App) -> Self {
        Self {
            no,
            over: std::mem::take(&mut app.dead_codes),
            phone_over: std::mem::take(&mut app.dead_phone_codes),
            codes: Some(0),
            phone_codes: Some(0),
        }
    }

    /// The same for the codes of an app.
    pub(crate) fn forget_some(
        &mut self,
        most: usize,
        codes: &mut LoginCodes,
        phone_codes: &mut PhoneCodes,
    ) -> Option<usize> {
        let places = most.saturating_mul(PLACES_A_CODE);
        loop {
            if !self.over.is_empty() {
                codes.forget_over(&mut self.over, places);
            } else if !self.phone_over.is_empty() {
                phone_codes.forget_over(&mut self.phone_over, places);
            } else if let Some(at) = self.codes {
                self.codes = codes.forget_app(self.no, at, places);
            } else if let Some(at) = self.phone_codes {
                self.phone_codes = phone_codes.forget_app(self.no, at, places);
            } else {
                return Some(most);
            }
            if most != usize::MAX {
                return None;
            }
        }
    }
}

/// Codes a command forgets on the way: some tenths of a millisecond.
pub(crate) const FORGOTTEN_AT_ONCE: usize = 64;

impl Core {
    /// Somebody is gone, and their codes are still there.
    pub(crate) fn depart(&mut self, who: Departed) {
        self.departed.push_back(who);
        (self.login_codes.may_repeat, self.phone_codes.may_repeat) = (true, true);
    }

    /// Forgets at most so many codes of whoever is gone; whether some are left.
    pub(crate) fn forget_departed(&mut self, mut most: usize) -> bool {
        let mut nobodys = Deadlines::default();
        while let Some(first) = self.departed.front_mut() {
            let left = match first {
                Departed::User(user) => {
                    let app = self.apps.get_mut(user.app.index());
                    let app = app.and_then(Option::as_deref_mut);
                    let due = app.map_or(&mut nobodys, |app| &mut app.deadlines);
                    let books = (&mut self.login_codes, &mut self.phone_codes);
                    user.forget_some(self.seed, most, books, due)
                }
                Departed::App(app) => {
                    app.forget_some(most, &mut self.login_codes, &mut self.phone_codes)
                }
            };
            let Some(left) = left else { return true };
            self.departed.pop_front();
            most = left;
        }
        (self.login_codes.may_repeat, self.phone_codes.may_repeat) = (false, false);
        false
    }

    /// A login code by its text, unless its user or its app is gone.
    pub(crate) fn login_code(&self, text: &JsCode) -> Option<(CodeNo, &Code<LoginPart>)> {
        self.known(&self.login_codes, text)
    }

    /// A phone code, likewise.
    pub(crate) fn phone_code(&self, text: &PhoneCode) -> Option<(CodeNo, &Code<PhonePart>)> {
        self.known(&self.phone_codes, text)
    }

    fn known<'a, C: Hash + Eq + Clone, P: Clone>(
        &self,
        book: &'a CodeBook<C, P>,
        text: &C,
    ) -> Option<(CodeNo, &'a Code<P>)> {
        let no = book.find(text)?;
        let code = book.get(no)?;
        self.app(code.app)?.users.get(code.user)?;
        Some((no, code))
    }
}
