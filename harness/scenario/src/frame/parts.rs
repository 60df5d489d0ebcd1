//! The tables below the top of a scenario file: phones, exploration, expectations, exceptions.

use std::ops::Range;

use crate::located::Located;
use wxmock_model::history::Outcome;

/// A `[[phone]]`.
#[derive(Debug, Clone)]
pub(crate) struct PhoneFrame {
    pub(crate) name: Located,
    pub(crate) user: Located,
    pub(crate) repeat: Option<Located>,
    pub(crate) device: Option<Located>,
    /// What it does in the race: tasks race with each other too.
    pub(crate) tasks: Vec<Vec<Located>>,
}

/// `[explore]`.
#[derive(Debug, Clone, Default)]
pub(crate) struct ExploreFrame {
    pub(crate) orders: OrdersFrame,
    pub(crate) inversions: Option<u32>,
    pub(crate) max_orders: Option<usize>,
    pub(crate) span: Range<usize>,
}

/// `orders = …`.
#[derive(Debug, Clone, Default)]
pub(crate) enum OrdersFrame {
    #[default]
    All,
    Fifo,
    Named(Vec<Located>),
}

/// One line of `[expect]`.
#[derive(Debug, Clone)]
pub(crate) struct ExpectFrame {
    pub(crate) key: Located,
    pub(crate) must: Vec<Outcome>,
    pub(crate) should: Option<Vec<Outcome>>,
    pub(crate) rule: Located,
}

/// A `[[when]]`: what is different for some axis values.
#[derive(Debug, Clone)]
pub(crate) struct WhenFrame {
    /// Axis to the values it applies to; all must fit.
    pub(crate) axes: Vec<(Located, Vec<Located>)>,
    pub(crate) needs: Vec<Located>,
    pub(crate) before: Option<Vec<Located>>,
    pub(crate) after: Option<Vec<Located>>,
    pub(crate) expect: Vec<ExpectFrame>,
    pub(crate) obligations: Option<Vec<Located>>,
}

pub(crate) const PHONE_KEYS: &[&str] = &["name", "user", "repeat", "device", "do", "tasks"];

pub(crate) const EXPLORE_KEYS: &[&str] = &["orders", "inversions", "max_orders"];

pub(crate) const WHEN_KEYS: &[&str] =
    &["axes", "needs", "before", "after", "expect", "obligations"];

/// `indefinite` is not among them: it can never be what a case waits for.
pub(crate) const OUTCOMES: [(&str, Outcome); 6] = [
    ("ok", Outcome::Ok),
    ("relogin", Outcome::Relogin),
    ("retry_later", Outcome::RetryLater),
    ("denied", Outcome::Denied),
    ("invalid", Outcome::Invalid),
    ("server_error", Outcome::ServerError),
];
