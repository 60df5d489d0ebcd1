//! What the functions do that SQL calls: most compute, a few take locks or count, of the rest nothing is known.

/// What calling a function does to data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Effect {
    /// Nothing.
    None,
    /// It takes or gives back a lock named by its first argument.
    Lock,
    /// It changes a sequence named by its first argument.
    Sequence,
    /// Perhaps something: a function of the application's own.
    Unknown,
}

/// What `name`, lower case and without a schema, does.
pub(super) fn effect(name: &str) -> Effect {
    if name == "get_lock"
        || name == "release_lock"
        || name.starts_with("pg_advisory_")
        || name.starts_with("pg_try_advisory_")
    {
        return Effect::Lock;
    }
    if matches!(name, "nextval" | "setval") {
        return Effect::Sequence;
    }
    let built_in = PREFIXES.iter().any(|prefix| name.starts_with(prefix))
        || NAMES.split_ascii_whitespace().any(|known| known == name);
    if built_in {
        Effect::None
    } else {
        Effect::Unknown
    }
}

/// Families of functions that only compute.
const PREFIXES: &[&str] = &[
    "json",
    "pg_get_",
    "pg_",
    "array_",
    "to_",
    "date",
    "time",
    "str_",
    "string_",
    "regexp_",
    "st_",
    "bit_",
    "row_",
    "utc_",
    "is_",
    "current_",
    "has_",
    "inet",
    "uuid",
    "gen_random_",
    "char",
    "octet_",
    "format",
    "week",
    "day",
    "aes_",
    "sha",
    "crc",
    "substr",
];

/// Other functions that only compute, of MySQL and PostgreSQL.
const NAMES: &str = "count sum min max avg coalesce ifnull nullif isnull if now sysdate curdate curtime localtime localtimestamp lower \
    upper lcase ucase concat concat_ws length left right mid locate instr position trim ltrim rtrim replace reverse repeat lpad rpad \
    space ascii ord hex unhex bin oct conv abs sign mod floor ceil ceiling round truncate pow power sqrt exp ln log log2 log10 pi rand \
    random degrees radians sin cos tan greatest least md5 md4 digest encode decode to_base64 from_base64 from_unixtime from_days \
    unix_timestamp year month quarter hour minute second microsecond extract adddate subdate addtime subtime age make_date \
    make_interval cast convert version database schema user session_user system_user connection_id last_insert_id found_rows \
    row_count currval lastval values any all some exists group_concat every bool_and bool_or stddev variance rank dense_rank ntile \
    lag lead first_value last_value nth_value percent_rank cume_dist unnest generate_series obj_description col_description \
    shobj_description quote quote_ident quote_literal split_part starts_with translate initcap btrim chr num_nonnulls num_nulls \
    elt field find_in_set interval insert inet_aton inet_ntoa compress uncompress password any_value grouping sleep benchmark row \
    jsonb_agg tsvector plainto_tsquery websearch_to_tsquery ts_rank similarity set_config setseed txid_current xmin collation coercibility";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_functions_do() {
        for (name, expected) in [
            ("now", Effect::None),
            ("jsonb_build_object", Effect::None),
            ("pg_advisory_xact_lock", Effect::Lock),
            ("get_lock", Effect::Lock),
            ("nextval", Effect::Sequence),
            ("register_user", Effect::Unknown),
        ] {
            assert_eq!(effect(name), expected, "{name}");
        }
    }
}
