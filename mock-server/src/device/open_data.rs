//! What the apis that hand out open data have in common: seal, hand over, hand over again.

use serde_json::{Map, Value, json};
use wxmock_world::{Capture, Captured, Effect, KeyNo, OpenDataApi};

use super::api::{Asked, Happened};
use super::variation::{Edits, Wanted};
use crate::control::ApiError;

/// Captures as the parameters say, from what a phone would do.
pub(super) fn capture(asked: &Asked<'_>, usual: Capture) -> Result<Happened, ApiError> {
    let edits = Edits::read(asked)?;
    let answers = asked.handle.answers();
    let (api, who) = (usual.api, &asked.who);
    if edits.replay {
        let (seq, captured) = answers.last(asked.api, who).ok_or_else(|| {
            ApiError::new(
                409,
                "nothing-to-replay",
                format!("this phone was handed nothing by {api} yet"),
            )
            .at("replay")
            .hint("make the same call without replay first")
        })?;
        let effect = Effect {
            seq,
            at: wxmock_world::UnixMs(0),
            reply: Ok(captured),
        };
        return Ok(asked.happened_under(effect, |captured| fields(api, captured, edits)));
    }
    let wanted = Wanted::read(asked, usual)?;
    let effect = asked.with(|world, now, who| {
        let capture = wanted.resolve(world, who)?;
        Ok::<_, ApiError>(world.capture(now, who, &capture))
    })?;
    if let Ok(captured) = &effect.reply {
        answers.keep(asked.api, who, effect.seq, captured);
    }
    Ok(asked.happened_under(effect, |captured| fields(api, captured, edits)))
}

/// The fields of a success in the order a phone shows them.
fn fields(api: OpenDataApi, captured: Captured, edits: Edits) -> (Option<KeyNo>, Value) {
    let mut fields = Map::new();
    let mut put = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            fields.insert(name.to_owned(), value);
        }
    };
    if api == OpenDataApi::GetPhoneNumber {
        put("code", captured.code.map(|code| json!(code.as_ref())));
    }
    put("userInfo", captured.user_info);
    // Without credentials a phone hands out no ciphertext, so there is nothing to do something to.
    let sealed = (!captured.encrypted_data.is_empty()).then(|| {
        edits.handover.apply(
            &captured.encrypted_data,
            &captured.iv,
            captured.sealing_key.as_ref(),
        )
    });
    if sealed != Some(None) {
        let raw_data = captured.raw_data.map(|raw| edits.raw_data.apply(&raw));
        put("rawData", raw_data.map(Value::from));
        put("signature", captured.signature.map(Value::from));
    }
    let (data, iv) = sealed.flatten().unzip();
    put("encryptedData", data.map(Value::from));
    put("iv", iv.map(Value::from));
    (captured.key_no, Value::Object(fields))
}
