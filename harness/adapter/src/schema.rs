//! The published JSON Schema of adapters. Knows nothing of files or values.

/// The JSON Schema (draft 2020-12) of adapter files, as published in `docs/adapter.schema.json`.
#[must_use]
pub fn schema_json() -> &'static str {
    include_str!("../../../docs/adapter.schema.json")
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::names::{ADAPTER, CONDITION, Key, Shape};

    /// The schema a `$ref` points at, or `node` itself.
    fn resolved<'a>(root: &'a Value, node: &'a Value) -> &'a Value {
        match node["$ref"].as_str() {
            Some(pointer) => root
                .pointer(pointer.trim_start_matches('#'))
                .expect("refs resolve"),
            None => node,
        }
    }

    fn check_keys(root: &Value, node: &Value, keys: &'static [Key], path: &str) {
        let node = resolved(root, node);
        assert_eq!(
            node["additionalProperties"], false,
            "{path} has to be closed"
        );
        let published: Vec<&String> = node["properties"]
            .as_object()
            .expect("a section has properties")
            .keys()
            .collect();
        let accepted: Vec<&str> = keys.iter().map(|key| key.name).collect();
        assert_eq!(published, accepted, "keys of {path}");
        for key in keys {
            let path = format!("{path}.{}", key.name);
            check_shape(root, &node["properties"][key.name], key.shape, &path);
        }
    }

    fn check_shape(root: &Value, node: &Value, shape: Shape, path: &str) {
        let inner = resolved(root, node);
        let is = |kind: &str| assert_eq!(inner["type"], kind, "{path}");
        match shape {
            Shape::Text => is("string"),
            Shape::Number if inner.get("const").is_some() => {
                assert!(inner["const"].is_i64(), "{path}")
            }
            Shape::Number => is("integer"),
            Shape::Flag => is("boolean"),
            Shape::Texts => {
                is("array");
                assert_eq!(inner["items"]["type"], "string", "{path}");
            }
            Shape::Free => is("object"),
            Shape::Any => {}
            Shape::Word(words) => {
                let listed = inner["enum"].as_array().expect("words are listed");
                let published: Vec<&str> = listed.iter().filter_map(Value::as_str).collect();
                assert_eq!(published, words, "{path}");
            }
            Shape::Section(keys) => check_keys(root, node, keys, path),
            Shape::Sections(keys) => {
                is("array");
                check_keys(root, &inner["items"], keys, path);
            }
            Shape::Open(keys, others) => {
                is("object");
                for key in keys {
                    check_shape(root, &inner["properties"][key.name], key.shape, path);
                }
                let other = &inner["additionalProperties"];
                check_shape(root, other, Shape::TextOr(others), path);
            }
            Shape::TextOr(keys) => {
                assert_eq!(inner["anyOf"][0]["type"], "string", "{path}");
                check_keys(root, &inner["anyOf"][1], keys, path);
            }
        }
    }

    #[test]
    fn the_published_schema_names_what_the_reader_accepts() {
        let root: Value = serde_json::from_str(schema_json()).expect("the schema is JSON");
        check_keys(&root, &root, ADAPTER, "");
        check_keys(&root, &root["$defs"]["condition"], CONDITION, "condition");
    }
}
