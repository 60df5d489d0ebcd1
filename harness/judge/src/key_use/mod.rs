//! KEY-01 to KEY-04: whose data a ciphertext opens to, what a phone is told when it does not open, whether a new
//! login heals, and which key is in force when everything has come to rest.

mod helpfulness;
mod in_force;
mod ownership;
mod recovery;

pub(crate) use helpfulness::key_02;
pub(crate) use in_force::key_04;
pub(crate) use ownership::key_01;
pub(crate) use recovery::{is_locked_out_after_login, key_03};
