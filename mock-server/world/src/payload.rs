//! Open data before it is sealed: exact JSON texts in WeChat's field order. Knows nothing of keys.
//!
//! Source of the orders: captured payloads; `watermark` has `timestamp` before `appid`, slashes are not escaped.

use serde::Serialize;
use serde_json::Value;

use crate::{OpenId, Phone, Profile, UnionId, UnixMs};

/// `watermark`: when and for which app a payload was made.
#[derive(Serialize)]
struct Watermark<'a> {
    timestamp: i64,
    appid: &'a str,
}

/// What every payload says about its making.
#[derive(Clone, Copy)]
pub(crate) struct Made<'a> {
    pub(crate) at: UnixMs,
    pub(crate) app: &'a str,
}

impl<'a> Made<'a> {
    const fn watermark(self) -> Watermark<'a> {
        Watermark {
            timestamp: self.at.seconds(),
            appid: self.app,
        }
    }
}

/// The seven fields of a profile in the order of `rawData`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RawData<'a> {
    nick_name: &'a str,
    gender: u8,
    language: &'a str,
    city: &'a str,
    province: &'a str,
    country: &'a str,
    avatar_url: &'a str,
}

impl<'a> RawData<'a> {
    fn of(profile: &'a Profile) -> Self {
        let Profile {
            nick_name,
            gender,
            language,
            city,
            province,
            country,
            avatar_url,
        } = profile;
        Self {
            nick_name,
            gender: *gender,
            language,
            city,
            province,
            country,
            avatar_url,
        }
    }
}

/// The profile everybody has since WeChat stopped handing out the real one. Source: captures from 2021 on.
pub(crate) fn anonymous_profile() -> Profile {
    Profile {
        nick_name: "微信用户".to_owned(),
        gender: 0,
        language: String::new(),
        city: String::new(),
        province: String::new(),
        country: String::new(),
        avatar_url: "https://thirdwx.qlogo.cn/mmopen/vi_32/POgEwh4mIHO4nibH0KlMECNjjGxQUq24ZEaGT4poC6icRiccVGKSyXwibcPq4BWmiaIGuG1icwxaQX6grC9VemZoJ8rg/132".to_owned(),
    }
}

/// `rawData`.
pub(crate) fn raw_data(profile: &Profile) -> String {
    text(&RawData::of(profile))
}

/// `userInfo`: the fields of `rawData`, and `is_demote` for the anonymous profile.
pub(crate) fn user_info(profile: &Profile, anonymous: bool) -> Value {
    let mut object = serde_json::to_value(RawData::of(profile)).unwrap_or_default();
    if let (true, Some(fields)) = (anonymous, object.as_object_mut()) {
        fields.insert("is_demote".to_owned(), Value::Bool(true));
    }
    object
}

/// Plaintext of getUserInfo and getUserProfile; the latter names nobody.
pub(crate) fn profile(
    made: Made<'_>,
    profile: &Profile,
    identity: Option<(&OpenId, Option<&UnionId>)>,
) -> String {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Plain<'a> {
        #[serde(skip_serializing_if = "Option::is_none")]
        open_id: Option<&'a OpenId>,
        #[serde(flatten)]
        raw: RawData<'a>,
        #[serde(skip_serializing_if = "Option::is_none")]
        union_id: Option<&'a UnionId>,
        watermark: Watermark<'a>,
    }
    let (open_id, union_id) = identity.map_or((None, None), |(open_id, union_id)| {
        (Some(open_id), union_id)
    });
    text(&Plain {
        open_id,
        raw: RawData::of(profile),
        union_id,
        watermark: made.watermark(),
    })
}

/// Plaintext of the phone button.
pub(crate) fn phone(made: Made<'_>, phone: &Phone) -> String {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Plain<'a> {
        phone_number: &'a str,
        pure_phone_number: &'a str,
        country_code: &'a str,
        watermark: Watermark<'a>,
    }
    text(&Plain {
        phone_number: &phone.full_number(),
        pure_phone_number: &phone.pure_number,
        country_code: &phone.country_code,
        watermark: made.watermark(),
    })
}

/// Plaintext of getWeRunData: one entry a day, today last, each at its midnight in Shanghai.
pub(crate) fn werun(made: Made<'_>, steps: &[u32]) -> String {
    #[derive(Serialize)]
    struct Day {
        timestamp: i64,
        step: u32,
    }
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Plain<'a> {
        step_info_list: Vec<Day>,
        watermark: Watermark<'a>,
    }
    const DAY_S: i64 = 86_400;
    const SHANGHAI_S: i64 = 8 * 3600;
    let today = (made.at.seconds() + SHANGHAI_S).div_euclid(DAY_S) * DAY_S - SHANGHAI_S;
    let step_info_list = (0..).zip(steps.iter().rev()).map(|(ago, step)| Day {
        timestamp: today - ago * DAY_S,
        step: *step,
    });
    let mut step_info_list: Vec<Day> = step_info_list.collect();
    step_info_list.reverse();
    text(&Plain {
        step_info_list,
        watermark: made.watermark(),
    })
}

/// Plaintext of getShareInfo.
pub(crate) fn share_info(made: Made<'_>, open_gid: &str) -> String {
    #[derive(Serialize)]
    struct Plain<'a> {
        #[serde(rename = "openGId")]
        open_gid: &'a str,
        watermark: Watermark<'a>,
    }
    text(&Plain {
        open_gid,
        watermark: made.watermark(),
    })
}

/// What getGroupEnterInfo says of the chat the mini program was opened from.
#[derive(Clone, Copy, Default)]
pub(crate) struct EnteredFrom<'a> {
    /// `opengid` of a group.
    pub(crate) opengid: Option<&'a str>,
    /// `open_single_roomid` of a chat of two.
    pub(crate) open_single_roomid: Option<&'a str>,
    /// `group_openid`: who the person is in this chat, if asked for.
    pub(crate) group_openid: Option<&'a str>,
    /// `chat_type`: 1 a chat of two, 3 a group. Source: official typings.
    pub(crate) chat_type: u8,
}

/// Plaintext of getGroupEnterInfo. Field names and order: official page; that what does not apply is left out is assumed, and so
/// is the watermark, which the page does not show and all other payloads have.
pub(crate) fn group_enter_info(made: Made<'_>, from: EnteredFrom<'_>) -> String {
    #[derive(Serialize)]
    struct Plain<'a> {
        #[serde(skip_serializing_if = "Option::is_none")]
        opengid: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        open_single_roomid: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        group_openid: Option<&'a str>,
        chat_type: u8,
        watermark: Watermark<'a>,
    }
    text(&Plain {
        opengid: from.opengid,
        open_single_roomid: from.open_single_roomid,
        group_openid: from.group_openid,
        chat_type: from.chat_type,
        watermark: made.watermark(),
    })
}

/// The same JSON with `count` blanks before `"watermark"`: as long as one likes, and read alike.
pub(crate) fn with_blanks(plaintext: &str, count: usize) -> String {
    let at = plaintext.rfind(r#""watermark""#).unwrap_or(1);
    let (head, tail) = plaintext.split_at(at);
    format!("{head}{}{tail}", " ".repeat(count))
}

fn text<T: Serialize>(plain: &T) -> String {
    serde_json::to_string(plain).expect("plain structs of text and numbers always serialise")
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
mod tests {
    use super::*;

    const MADE: Made<'_> = Made {
        at: UnixMs(1_477_314_187_999),
        app: "wx4f4bc4dec97d474b",
    };

    fn band() -> Profile {
        Profile {
            nick_name: "Band".to_owned(),
            gender: 1,
            language: "zh_CN".to_owned(),
            city: "Guangzhou".to_owned(),
            province: "Guangdong".to_owned(),
            country: "CN".to_owned(),
            avatar_url: "http://wx.qlogo.cn/mmopen/vi_32/aSKcBBPpibyKNicHNTMM0qJVh8Kjgiak2AHWr8MHM4WgMEm7GFhsf8OYrySdbvAMvTsw3mo8ibKicsnfN5pRjl1p8HQ/0".to_owned(),
        }
    }

    #[test]
    fn user_info_is_byte_for_byte_the_official_sample() {
        let vector: Value = serde_json::from_str(include_str!(
            "../../../scenarios/vectors/open-data-aes.json"
        ))
        .unwrap();
        let open_id = "oGZUI0egBJY1zhBYw2KhdUfwVJJE".parse().unwrap();
        let union_id = "ocMvos6NjeKLIBqg5Mr9QjxrP1FA".parse().unwrap();
        let plain = profile(MADE, &band(), Some((&open_id, Some(&union_id))));
        assert_eq!(
            Some(plain.as_str()),
            vector["cases"][0]["plaintext"].as_str()
        );
    }

    #[test]
    fn get_user_profile_names_nobody() {
        let plain = profile(MADE, &band(), None);
        assert!(
            plain.starts_with(r#"{"nickName":"Band","gender":1,"#) && !plain.contains("nionId"),
            "{plain}"
        );
        assert!(
            plain
                .ends_with(r#""watermark":{"timestamp":1477314187,"appid":"wx4f4bc4dec97d474b"}}"#),
            "{plain}"
        );
    }

    #[test]
    fn the_phone_payload_has_timestamp_before_appid_and_a_text_country_code() {
        let phone_of = |country: &str| Phone {
            pure_number: "13900000001".into(),
            country_code: country.into(),
        };
        assert_eq!(
            phone(MADE, &phone_of("86")),
            r#"{"phoneNumber":"13900000001","purePhoneNumber":"13900000001","countryCode":"86","watermark":{"timestamp":1477314187,"appid":"wx4f4bc4dec97d474b"}}"#
        );
        assert!(phone(MADE, &phone_of("852")).starts_with(r#"{"phoneNumber":"+85213900000001","#));
    }

    #[test]
    fn steps_are_dated_by_midnights_in_shanghai_today_last() {
        // 2016-10-24 21:03 in Shanghai; its midnight is 1477238400.
        assert_eq!(
            werun(MADE, &[5, 7]),
            r#"{"stepInfoList":[{"timestamp":1477152000,"step":5},{"timestamp":1477238400,"step":7}],"watermark":{"timestamp":1477314187,"appid":"wx4f4bc4dec97d474b"}}"#
        );
    }

    #[test]
    fn groups_are_named_as_captured_and_as_documented() {
        assert_eq!(
            share_info(MADE, "tGexample"),
            r#"{"openGId":"tGexample","watermark":{"timestamp":1477314187,"appid":"wx4f4bc4dec97d474b"}}"#
        );
        let from = EnteredFrom {
            opengid: Some("tGexample"),
            group_openid: Some("oexample"),
            chat_type: 3,
            ..EnteredFrom::default()
        };
        assert!(group_enter_info(MADE, from).starts_with(
            r#"{"opengid":"tGexample","group_openid":"oexample","chat_type":3,"watermark":"#
        ));
    }

    #[test]
    fn blanks_change_the_length_and_nothing_that_is_read() {
        let plain = share_info(MADE, "tGexample");
        let longer = with_blanks(&plain, 5);
        assert_eq!(longer.len(), plain.len() + 5);
        let read = |text: &str| serde_json::from_str::<Value>(text).unwrap();
        assert_eq!(read(&longer), read(&plain));
    }

    #[test]
    fn the_anonymous_profile_says_so_in_user_info_only() {
        let anonymous = anonymous_profile();
        assert!(
            raw_data(&anonymous)
                .starts_with(r#"{"nickName":"微信用户","gender":0,"language":"","city":"","#)
        );
        assert!(!raw_data(&anonymous).contains("is_demote"));
        let info = user_info(&anonymous, true).to_string();
        assert!(info.ends_with(r#","is_demote":true}"#), "{info}");
    }
}
