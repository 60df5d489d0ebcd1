//! The published JSON Schema of the TOML frame, for editors. The reader does not use it; tests hold the two together.

/// The text of `docs/scenario.schema.json`.
#[must_use]
pub const fn schema_json() -> &'static str {
    include_str!("../../../docs/scenario.schema.json")
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::frame;
    use wxmock_model::program::names;
    use wxmock_model::program::{OBLIGATIONS, OPS, RULES};

    fn at(pointer: &str) -> Value {
        let schema: Value = serde_json::from_str(schema_json()).expect("the schema is JSON");
        schema
            .pointer(pointer)
            .unwrap_or_else(|| panic!("no {pointer}"))
            .clone()
    }

    /// The closed set at `pointer` must be the one the reader accepts.
    fn check(pointer: &str, accepted: &[&str]) {
        assert_eq!(at(pointer), serde_json::json!(accepted), "{pointer}");
    }

    fn keys(pointer: &str) -> Vec<String> {
        at(pointer)
            .as_object()
            .expect("an object")
            .keys()
            .cloned()
            .collect()
    }

    #[test]
    fn the_schema_knows_the_same_words_as_the_reader() {
        assert_eq!(keys("/properties"), frame::KEYS);
        assert_eq!(keys("/$defs/axes/properties"), names::AXES);
        assert_eq!(keys("/$defs/phone/properties"), frame::parts::PHONE_KEYS);
        assert_eq!(
            keys("/$defs/explore/properties"),
            frame::parts::EXPLORE_KEYS
        );
        assert_eq!(keys("/$defs/when/properties"), frame::parts::WHEN_KEYS);
        check("/$defs/rule/enum", RULES);
        check("/$defs/needs/items/enum", OPS);
        check(
            "/$defs/axes/properties/rotation/items/enum",
            names::ROTATIONS,
        );
        check("/$defs/axes/properties/returns/items/enum", names::RETURNS);
        check(
            "/properties/level/enum",
            &frame::LEVELS.map(|(word, _)| word),
        );
        check(
            "/properties/impact/enum",
            &frame::IMPACTS.map(|(word, _)| word),
        );
        check(
            "/$defs/outcomes/items/enum",
            &frame::parts::OUTCOMES.map(|(word, _)| word),
        );
        let listed = at("/$defs/obligations/items/anyOf");
        let known: Vec<Value> = OBLIGATIONS
            .iter()
            .map(|obligation| serde_json::json!({ "const": obligation.name, "description": obligation.statement }))
            .collect();
        assert_eq!(listed, Value::Array(known));
    }
}
