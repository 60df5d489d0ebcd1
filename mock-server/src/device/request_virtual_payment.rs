//! `wx.requestVirtualPayment`: verifies both signatures of the backend.

use serde_json::json;
use wxmock_world::{Consent, VirtualPayment};

use super::api::{Api, Asked, Happened, Run};
use super::arguments::WrongType;
use super::variation::{ANSWER, ANSWERS};
use crate::control::ApiError;

pub(super) const API: Api = Api {
    name: "requestVirtualPayment",
    accepts: &[&["signData", "mode", "paySig", "signature"], ANSWER],
    run: Run::Now(run),
};

fn run(asked: &Asked<'_>) -> Result<Happened, ApiError> {
    let answer = asked.arguments.word("answer", &ANSWERS)?;
    let payment = match payment(asked) {
        Ok(payment) => payment,
        Err(wrong) => return Ok(asked.wrong_type(&wrong)),
    };
    let answer = answer.unwrap_or(Consent::Allow);
    let effect =
        asked.with(|world, now, who| world.request_virtual_payment(now, who, &payment, answer));
    Ok(asked.happened_under(effect, |key| (Some(key), json!({}))))
}

fn payment(asked: &Asked<'_>) -> Result<VirtualPayment, WrongType> {
    let said = &asked.arguments;
    Ok(VirtualPayment {
        sign_data: said.page_string("signData")?,
        mode: said.page_string("mode")?,
        pay_sig: said.page_string("paySig")?,
        signature: said.page_string("signature")?,
    })
}
