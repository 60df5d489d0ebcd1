//! What a page has to do with data that was fetched ahead: `wx.setBackgroundFetchToken`, `wx.getBackgroundFetchToken` and
//! `wx.getBackgroundFetchData`. The fetching itself is in `prefetch`.

use serde_json::json;

use super::api::{Api, Asked, Happened, Run};
use crate::control::ApiError;

pub(super) const SET_TOKEN: Api = Api {
    name: "setBackgroundFetchToken",
    accepts: &[&["token"]],
    run: Run::Now(set_token),
};

pub(super) const GET_TOKEN: Api = Api {
    name: "getBackgroundFetchToken",
    accepts: &[],
    run: Run::Now(get_token),
};

pub(super) const GET_DATA: Api = Api {
    name: "getBackgroundFetchData",
    accepts: &[&["fetchType"]],
    run: Run::Now(get_data),
};

fn set_token(asked: &Asked<'_>) -> Result<Happened, ApiError> {
    let token = match asked.arguments.page_string("token") {
        Ok(token) => token,
        Err(wrong) => return Ok(asked.wrong_type(&wrong)),
    };
    let effect = asked.with(|world, now, who| world.set_background_fetch_token(now, who, &token));
    Ok(asked.happened(effect, |()| json!({})))
}

fn get_token(asked: &Asked<'_>) -> Result<Happened, ApiError> {
    let effect = asked.with(|world, now, who| world.get_background_fetch_token(now, who));
    Ok(asked.happened(effect, |token| json!({ "token": token })))
}

/// `fetchType` must be there; data that is fetched at the start (`pre`) is all there is, so `periodic` finds the same.
fn get_data(asked: &Asked<'_>) -> Result<Happened, ApiError> {
    if let Err(wrong) = asked.arguments.page_string("fetchType") {
        return Ok(asked.wrong_type(&wrong));
    }
    let effect = asked.with(|world, now, who| world.get_background_fetch_data(now, who));
    Ok(asked.happened(effect, |data| {
        json!({
            "fetchedData": data.fetched_data,
            "timeStamp": data.at.0,
            "path": data.path,
            "query": data.query,
            "scene": data.scene,
        })
    }))
}
