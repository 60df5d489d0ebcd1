//! The description of the API: for tools, and for people of two languages.

use std::sync::LazyLock;

use serde_json::{Map, Value};
use wxmock_words::Lang;

use super::call::Call;
use super::error::ApiError;
use super::guard;
use crate::http::Response;

/// The hand-written description of the admin and device APIs.
const OPENAPI: &str = include_str!("../../openapi.json");

/// Every sentence of it in Chinese: English sentence to Chinese sentence.
const CHINESE: &str = include_str!("../../openapi.zh-CN.json");

/// The description in English as it was written; with `lang=zh` its sentences are in Chinese and nothing else differs.
pub(super) fn openapi(call: &Call<'_>) -> Result<Response, ApiError> {
    // A mock that wants a token is asked with one, though this page is open to everybody.
    call.accept_query(&["lang", guard::TOKEN])?;
    let text = match call.query("lang")?.unwrap_or_default() {
        Lang::En => OPENAPI,
        Lang::Zh => &TRANSLATED,
    };
    Ok(Response::new(200, "application/json", text))
}

/// Made when it is first asked for. Both files are JSON, as the tests here show; if one were not, the text would stay English.
static TRANSLATED: LazyLock<String> = LazyLock::new(|| {
    let read = |text| serde_json::from_str::<Value>(text).ok();
    let (Some(mut document), Some(Value::Object(chinese))) = (read(OPENAPI), read(CHINESE)) else {
        return OPENAPI.to_owned();
    };
    translate(&mut document, &chinese);
    document.to_string()
});

/// Puts the Chinese sentence in the place of each English one.
fn translate(value: &mut Value, chinese: &Map<String, Value>) {
    each_sentence(value, &mut |sentence| {
        if let Some(translation) = chinese.get(sentence.as_str()).and_then(Value::as_str) {
            translation.clone_into(sentence);
        }
    });
}

/// Shows every summary and description of an OpenAPI document, however deep.
fn each_sentence(value: &mut Value, see: &mut impl FnMut(&mut String)) {
    match value {
        Value::Object(fields) => {
            for (name, field) in fields {
                match field {
                    Value::String(sentence) if name == "summary" || name == "description" => {
                        see(sentence);
                    }
                    _ => each_sentence(field, see),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| each_sentence(item, see)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::json;

    use super::*;
    use crate::device;

    #[test]
    fn every_sentence_is_there_in_chinese_and_no_other() {
        let mut document: Value = serde_json::from_str(OPENAPI).expect("openapi.json is JSON");
        let chinese: Map<String, Value> =
            serde_json::from_str(CHINESE).expect("openapi.zh-CN.json is JSON");
        let mut english = BTreeSet::new();
        each_sentence(&mut document, &mut |sentence| {
            english.insert(sentence.clone());
        });
        let translated: BTreeSet<String> = chinese.keys().cloned().collect();
        let missing: Vec<_> = english.difference(&translated).collect();
        let unused: Vec<_> = translated.difference(&english).collect();
        assert!(
            missing.is_empty() && unused.is_empty(),
            "openapi.zh-CN.json lacks {missing:?}; openapi.json has no longer {unused:?}"
        );
        for (english, chinese) in &chinese {
            let chinese = chinese.as_str().expect("a sentence");
            let is_chinese = chinese
                .chars()
                .any(|c| ('\u{4e00}'..='\u{9fff}').contains(&c));
            // What is a name in both: wx.getBackgroundFetchToken, token.
            let is_name = english
                .rsplit(' ')
                .next()
                .is_some_and(|name| name == chinese);
            assert!(is_chinese || is_name, "{english}: {chinese}");
        }
    }

    /// Programs made of either description are the same: only sentences for people differ.
    #[test]
    fn the_chinese_description_describes_the_same_api() {
        let blank = |text: &str| {
            let mut document: Value = serde_json::from_str(text).expect("JSON");
            each_sentence(&mut document, &mut String::clear);
            document.to_string()
        };
        assert_eq!(blank(&TRANSLATED), blank(OPENAPI));
        let document: Value = serde_json::from_str(&TRANSLATED).expect("JSON");
        let login = &document["paths"]["/_mock/wx/login"]["get"]["summary"];
        assert_eq!(*login, json!("wx.login：获取登录 code"));
    }

    #[test]
    fn openapi_describes_exactly_the_routes() {
        let document: Value = serde_json::from_str(OPENAPI).expect("openapi.json is JSON");
        let paths = document["paths"].as_object().expect("paths");
        let described: BTreeSet<(String, String)> = paths
            .iter()
            .flat_map(|(path, operations)| {
                let operations = operations
                    .as_object()
                    .expect("operations")
                    .keys()
                    .filter(|key| *key != "parameters");
                operations.map(move |method| (path.clone(), method.to_uppercase()))
            })
            .collect();
        let admin = super::super::ROUTES
            .iter()
            .map(|route| (route.path.to_owned(), route.method.to_string()));
        let device = device::APIS.iter().flat_map(|api| {
            let path = format!("{}{}", device::PREFIX, api.name);
            [(path.clone(), "GET".to_owned()), (path, "POST".to_owned())]
        });
        let pages = crate::shim::PATHS.iter().chain(&crate::console::PATHS);
        let pages = pages.flat_map(|(path, methods)| {
            methods
                .iter()
                .map(|method| ((*path).to_owned(), method.to_string()))
        });
        let served: BTreeSet<(String, String)> = admin.chain(device).chain(pages).collect();
        let missing: Vec<_> = served.difference(&described).collect();
        let invented: Vec<_> = described.difference(&served).collect();
        assert!(
            missing.is_empty() && invented.is_empty(),
            "not described: {missing:?}; not served: {invented:?}"
        );
    }

    /// A parameter that is described and not taken, or taken and not described, is a trap for whoever reads either.
    #[test]
    fn openapi_describes_exactly_the_parameters_of_the_phone() {
        let document: Value = serde_json::from_str(OPENAPI).expect("openapi.json is JSON");
        for api in &device::APIS {
            let taken: BTreeSet<String> = api.parameters().into_iter().map(str::to_owned).collect();
            let path = &document["paths"][format!("{}{}", device::PREFIX, api.name)];
            let query = path["get"]["parameters"].as_array().expect("parameters");
            let query: BTreeSet<String> = query
                .iter()
                .filter_map(|one| resolved(&document, one)["name"].as_str().map(str::to_owned))
                .collect();
            assert_eq!(query, taken, "GET {}", api.name);
            let body = &path["post"]["requestBody"]["content"]["application/json"]["schema"];
            let body = body["properties"].as_object().expect("properties");
            let body: BTreeSet<String> = body.keys().cloned().collect();
            assert_eq!(body, taken, "POST {}", api.name);
        }
    }

    #[test]
    fn openapi_names_every_endpoint() {
        let document: Value = serde_json::from_str(OPENAPI).expect("openapi.json is JSON");
        let named = &document["components"]["schemas"]["Endpoint"]["enum"];
        let played = crate::Endpoint::ALL.map(crate::Endpoint::as_str);
        assert_eq!(*named, serde_json::json!(played));
    }

    /// What programs are generated from: a name of its own for each operation, and the shape of its answer.
    #[test]
    fn every_operation_is_named_explained_and_typed() {
        let document: Value = serde_json::from_str(OPENAPI).expect("openapi.json is JSON");
        let mut names = BTreeSet::new();
        for (path, operations) in document["paths"].as_object().expect("paths") {
            let operations = operations.as_object().expect("operations").iter();
            for (method, operation) in operations.filter(|(key, _)| *key != "parameters") {
                let at = format!("{method} {path}");
                assert!(operation["summary"].is_string(), "{at} has no summary");
                let name = operation["operationId"].as_str();
                let name = name.unwrap_or_else(|| panic!("{at} has no operationId"));
                assert!(names.insert(name), "{at}: {name} is another's operationId");
                let responses = &operation["responses"];
                let success = ["200", "201"]
                    .into_iter()
                    .find_map(|status| responses.get(status));
                let success = success.unwrap_or_else(|| panic!("{at} never succeeds"));
                let content = resolved(&document, success)["content"].clone();
                let content = content.as_object().expect("content").values().next();
                let schema = &content.unwrap_or_else(|| panic!("{at} answers nothing"))["schema"];
                let is_typed = *schema != json!({ "type": "object" });
                assert!(
                    is_typed || name == "exportState",
                    "{at}: its answer has no shape"
                );
            }
        }
        check_references(&document, &document);
    }

    /// What a reference stands for; anything else stands for itself.
    fn resolved<'d>(document: &'d Value, value: &'d Value) -> &'d Value {
        let Some(path) = value["$ref"].as_str() else {
            return value;
        };
        let pointer = path.trim_start_matches('#');
        let target = document.pointer(pointer);
        target.unwrap_or_else(|| panic!("{path} is nowhere"))
    }

    fn check_references(document: &Value, value: &Value) {
        resolved(document, value);
        match value {
            Value::Object(fields) => fields
                .values()
                .for_each(|value| check_references(document, value)),
            Value::Array(items) => items
                .iter()
                .for_each(|value| check_references(document, value)),
            _ => {}
        }
    }
}
