//! Every form in which people paste a payload comes to the same two texts.

use crate::{Pasted, PastedFrom};

/// With everything in it that transports spoil.
const DATA: &str = "CiyLU1Aw2KjvrjMdj8YKliAjtP4gsMZMQmRzooG2xrDcvSnxIMXFufNstNGTyaGS9uT5geRa0W4oTOb1WT7fJlAC+oNP==";
const IV: &str = "r7BXXKkLb8qrSNn05n0qi+/=";

fn encoded(text: &str) -> String {
    text.replace('+', "%2B")
        .replace('/', "%2F")
        .replace('=', "%3D")
}

fn check(text: &str, from: PastedFrom) {
    let found = Pasted::read(text);
    assert_eq!(found.encrypted_data.as_deref(), Some(DATA), "{text}");
    assert_eq!(found.iv.as_deref(), Some(IV), "{text}");
    assert_eq!(found.from, Some(from), "{text}");
    assert_eq!(found.n_payloads, 1, "{text}");
}

#[test]
fn answers_events_and_bodies_in_json() {
    let fields = format!(r#""encryptedData":"{DATA}","iv":"{IV}""#);
    check(
        &format!(r#"{{"errMsg":"getUserInfo:ok",{fields}}}"#),
        PastedFrom::Json,
    );
    check(
        &format!(r#"{{"type":"getphonenumber","detail":{{"code":"c",{fields}}}}}"#),
        PastedFrom::Json,
    );
    check(
        &format!(r#"{{"data":{{"user":[{{{fields}}}]}}}}"#),
        PastedFrom::Json,
    );
    check(
        &format!(r#"{{"encrypted_data":"{DATA}","IV":"{IV}"}}"#),
        PastedFrom::Json,
    );
    let escaped = format!("{{{fields}}}").replace('/', "\\/");
    check(&escaped, PastedFrom::Json);
    let body = serde_json::to_string(&format!("{{{fields}}}")).unwrap();
    check(&body, PastedFrom::Json);
    check(
        &format!("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n{{{fields}}}"),
        PastedFrom::Json,
    );
    check(
        &format!("12:00:01 INFO login body={{{fields}}} took 3 ms"),
        PastedFrom::Json,
    );
}

#[test]
fn entries_of_a_har() {
    let body =
        serde_json::to_string(&format!(r#"{{"encryptedData":"{DATA}","iv":"{IV}"}}"#)).unwrap();
    let entry = |data: String| {
        format!(
            r#"{{"startedDateTime":"2026-01-01T00:00:00Z","request":{{"method":"POST","url":"http://x/login","headers":[{{"name":"Accept","value":"*/*"}}],"postData":{data}}},"response":{{"status":200,"content":{{"text":"{{\"ok\":true}}"}}}}}}"#
        )
    };
    let json = entry(format!(
        r#"{{"mimeType":"application/json","text":{body}}}"#
    ));
    check(&json, PastedFrom::Json);
    check(
        &format!(r#"{{"log":{{"version":"1.2","entries":[{json}]}}}}"#),
        PastedFrom::Json,
    );
    let params = format!(
        r#"{{"mimeType":"x","params":[{{"name":"encryptedData","value":"{DATA}"}},{{"name":"iv","value":"{IV}"}}]}}"#
    );
    check(&entry(params), PastedFrom::Json);
    let form = format!("encryptedData={}&iv={}", encoded(DATA), encoded(IV));
    check(&entry(format!(r#"{{"text":"{form}"}}"#)), PastedFrom::Json);
    let two = format!("[{json},{json}]");
    assert_eq!(Pasted::read(&two).n_payloads, 2);
}

#[test]
fn forms_queries_and_curl_lines() {
    let form = format!("encryptedData={}&iv={}&x=1", encoded(DATA), encoded(IV));
    let json = format!(r#"{{"encryptedData":"{DATA}","iv":"{IV}"}}"#);
    check(&form, PastedFrom::Form);
    check(&format!("http://shop/login?{form}"), PastedFrom::Form);
    check(&format!("/login?a=b&{form}#top"), PastedFrom::Form);
    check(
        &format!("curl 'http://shop/login?{form}' -H 'Accept: */*'"),
        PastedFrom::Curl,
    );
    check(
        &format!("curl http://shop/login -d '{form}'"),
        PastedFrom::Curl,
    );
    check(
        &format!(
            "$ curl http://shop/login \\\n  -H \"A: b\" \\\n  --data-raw '{json}' --compressed"
        ),
        PastedFrom::Curl,
    );
    check(
        &format!("curl http://x --data-raw \"{}\"", json.replace('"', "\\\"")),
        PastedFrom::Curl,
    );
    check(
        &format!(
            "curl http://x --data-raw $'{}'",
            json.replace('=', "\\u003d")
        ),
        PastedFrom::Curl,
    );
    check(
        &format!(
            "curl http://x --data-urlencode 'encryptedData={DATA}' --data-urlencode 'iv={IV}'"
        ),
        PastedFrom::Curl,
    );
    check(
        &format!("curl http://x -F encryptedData={DATA} -F iv={IV}"),
        PastedFrom::Curl,
    );
    let part = |name: &str, value: &str| {
        format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
    };
    check(
        &format!("{}{}--b--", part("encryptedData", DATA), part("iv", IV)),
        PastedFrom::Multipart,
    );
}

#[test]
fn names_and_values_and_bare_words() {
    check(
        &format!("encryptedData: {DATA}\niv: {IV}\n"),
        PastedFrom::Text,
    );
    check(
        &format!("{{ encryptedData: '{DATA}', iv: '{IV}' }}"),
        PastedFrom::Text,
    );
    check(
        &format!("{{'encryptedData': '{DATA}', 'iv': '{IV}'}}"),
        PastedFrom::Text,
    );
    check(
        &format!("decrypt failed encryptedData={DATA}, iv={IV}, key=k"),
        PastedFrom::Text,
    );
    check(&format!("iv={IV} encryptedData={DATA}"), PastedFrom::Text);
    check(
        &format!("\"encryptedData\" => \"{DATA}\", \"iv\" : \"{IV}\""),
        PastedFrom::Text,
    );
    check(&format!("{DATA}\n{IV}"), PastedFrom::Words);
}

#[test]
fn a_plus_nobody_encoded_is_the_space_a_server_reads() {
    let found = Pasted::read(&format!("encryptedData={DATA}&iv={IV}"));
    assert_eq!(found.encrypted_data, Some(DATA.replace('+', " ")));
    assert_eq!(found.iv, Some(IV.replace('+', " ")));
}

#[test]
fn what_is_beside_a_payload_is_found_too() {
    let found = Pasted::read(
        r#"{"errMsg":"getUserInfo:fail auth deny","encryptedData":null,"iv":"undefined","rawData":"{\"a\":1}","signature":"s","session_key":"k"}"#,
    );
    assert_eq!(found.encrypted_data.as_deref(), Some("null"));
    assert_eq!(found.iv.as_deref(), Some("undefined"));
    assert_eq!(found.raw_data.as_deref(), Some(r#"{"a":1}"#));
    assert_eq!(found.signature.as_deref(), Some("s"));
    assert_eq!(found.session_key.as_deref(), Some("k"));
    assert_eq!(found.err_msg.as_deref(), Some("getUserInfo:fail auth deny"));
    for nothing in ["", "{}", "[]", "hello", "curl http://x", "code=1&x=2"] {
        assert!(Pasted::read(nothing).is_empty(), "{nothing}");
    }
}

#[test]
fn a_code_that_came_alone_is_what_was_sent_for_a_payload() {
    let phone = "ab".repeat(32);
    let found = Pasted::read(&format!(
        r#"{{"errMsg":"getPhoneNumber:ok","code":"{phone}"}}"#
    ));
    assert_eq!(found.encrypted_data, Some(phone.clone()));
    let beside = Pasted::read(&format!(r#"{{"code":"{phone}","iv":"{IV}"}}"#));
    assert_eq!(beside.encrypted_data, None);
    // The status of some other answer is no code.
    assert!(Pasted::read(r#"{"code":0,"data":{}}"#).is_empty());
}
