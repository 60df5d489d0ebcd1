//! What each command of Redis does: whether it may be held, and the keys it reads and writes.
//!
//! Source: the `COMMAND` table of Redis 7.4 (key specifications and flags), read 2026-11. A command that is not here touches
//! something unknown.

use std::collections::BTreeSet;

use crate::access::{Access, Resource, Row};

/// What a command is to a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Class {
    /// It may be held.
    Work,
    /// It is never held: set-up, authentication, ping, scripts loaded, a blocking pop.
    Passed,
    Multi,
    Exec,
    Discard,
    Watch,
    Unwatch,
    /// Confirmed once for each of its arguments, and followed by messages nobody asked for.
    Subscribe,
    Unsubscribe,
    /// Replies no longer follow commands.
    Stream,
}

/// The class of a command.
pub(crate) fn class(words: &[&[u8]]) -> Class {
    let Some(name) = words.first() else {
        return Class::Passed;
    };
    let mut upper = [0; LONGEST_CLASSED];
    let Some(upper) = upper.get_mut(..name.len()) else {
        return Class::Work;
    };
    upper.copy_from_slice(name);
    upper.make_ascii_uppercase();
    let name: &[u8] = upper;
    // Which of a command's parts it is matters for a few, told by their second word.
    let second = match name {
        b"CLIENT" | b"SCRIPT" | b"FUNCTION" | b"CONFIG" => words.get(1),
        _ => None,
    };
    let second = second.map(|word| word.to_ascii_uppercase());
    match (name, second.as_deref()) {
        (b"MULTI", _) => Class::Multi,
        (b"EXEC", _) => Class::Exec,
        (b"DISCARD", _) => Class::Discard,
        (b"WATCH", _) => Class::Watch,
        (b"UNWATCH", _) => Class::Unwatch,
        (b"SUBSCRIBE" | b"PSUBSCRIBE" | b"SSUBSCRIBE", _) => Class::Subscribe,
        (b"UNSUBSCRIBE" | b"PUNSUBSCRIBE" | b"SUNSUBSCRIBE", _) => Class::Unsubscribe,
        (b"MONITOR" | b"SYNC" | b"PSYNC", _) | (b"CLIENT", Some(b"REPLY")) => Class::Stream,
        (b"XREAD" | b"XREADGROUP", _) if has_word(words, b"BLOCK") => Class::Passed,
        (b"SCRIPT" | b"FUNCTION", Some(b"FLUSH" | b"DELETE" | b"RESTORE")) => Class::Work,
        (b"CONFIG", Some(b"SET")) => Class::Work,
        _ if PASSED.contains(&name) => Class::Passed,
        _ => Class::Work,
    }
}

fn has_word(words: &[&[u8]], word: &[u8]) -> bool {
    words.iter().any(|other| other.eq_ignore_ascii_case(word))
}

/// Longest name of a command that is not merely work.
const LONGEST_CLASSED: usize = 16;

/// Set-up, authentication, health, and everything that waits by intention.
const PASSED: &[&[u8]] = &[
    b"AUTH",
    b"HELLO",
    b"SELECT",
    b"QUIT",
    b"RESET",
    b"PING",
    b"ECHO",
    b"CLIENT",
    b"COMMAND",
    b"INFO",
    b"TIME",
    b"ROLE",
    b"READONLY",
    b"READWRITE",
    b"ASKING",
    b"CLUSTER",
    b"SENTINEL",
    b"CONFIG",
    b"ACL",
    b"LATENCY",
    b"SLOWLOG",
    b"MEMORY",
    b"MODULE",
    b"DEBUG",
    b"LASTSAVE",
    b"LOLWUT",
    b"PUBSUB",
    b"SCRIPT",
    b"FUNCTION",
    b"REPLCONF",
    b"WAIT",
    b"WAITAOF",
    b"BLPOP",
    b"BRPOP",
    b"BLMOVE",
    b"BRPOPLPUSH",
    b"BLMPOP",
    b"BZPOPMIN",
    b"BZPOPMAX",
    b"BZMPOP",
];

/// Commands whose arguments are secrets or nobody's data: their text stops after the first word.
pub(crate) fn is_private(words: &[&[u8]]) -> bool {
    words.first().is_some_and(|name| {
        [&b"AUTH"[..], b"HELLO", b"ACL", b"CONFIG", b"MIGRATE"]
            .iter()
            .any(|private| name.eq_ignore_ascii_case(private))
    })
}

/// How a command treats its keys.
#[derive(Clone, Copy)]
enum Mode {
    /// Reads.
    R,
    /// Writes without a look.
    W,
    /// Reads and writes.
    Rw,
}

/// Where the keys of a command are.
#[derive(Clone, Copy)]
enum Keys {
    /// None.
    None,
    /// The first argument.
    First,
    /// All arguments.
    All,
    /// All but the last, which is a timeout or a count.
    AllButLast,
    /// Every second argument, from the first.
    Pairs,
    /// The first is written, the second read.
    Second,
    /// The first two, both read and written.
    Both,
    /// The first is written, all others are read.
    StoreRest,
    /// The argument at this place is their number, and they follow.
    Counted(usize),
    /// The first is written; the second is the number of those that are read.
    StoreCounted,
    /// One field of a hash: the second argument.
    Field,
    /// Fields of a hash: all arguments from the second.
    Fields,
    /// Fields and values of a hash, in turns.
    FieldPairs,
    /// A place in a stream: what follows `STREAMS`, half of it keys.
    Streams,
}

/// Commands by what they do and where their keys are.
const TABLE: &[(Mode, Keys, &str)] = &[
    (
        Mode::R,
        Keys::First,
        "GET STRLEN GETRANGE SUBSTR GETBIT BITCOUNT BITPOS BITFIELD_RO HLEN HKEYS HVALS HGETALL HSCAN HRANDFIELD \
        LLEN LRANGE LINDEX LPOS SCARD SMEMBERS SISMEMBER SMISMEMBER SRANDMEMBER SSCAN ZCARD ZSCORE ZMSCORE ZRANK ZREVRANK ZRANGE \
        ZREVRANGE ZRANGEBYSCORE ZREVRANGEBYSCORE ZRANGEBYLEX ZREVRANGEBYLEX ZCOUNT ZLEXCOUNT ZRANDMEMBER ZSCAN TTL PTTL EXPIRETIME \
        PEXPIRETIME TYPE DUMP XLEN XRANGE XREVRANGE XPENDING GEOPOS GEODIST GEOHASH GEORADIUS_RO GEORADIUSBYMEMBER_RO GEOSEARCH \
        SORT_RO DIGEST JSON.GET JSON.TYPE JSON.STRLEN JSON.OBJKEYS JSON.OBJLEN JSON.ARRLEN JSON.ARRINDEX BF.EXISTS BF.MEXISTS",
    ),
    (
        Mode::R,
        Keys::All,
        "MGET EXISTS TOUCH SINTER SUNION SDIFF PFCOUNT",
    ),
    (Mode::R, Keys::Field, "HGET HSTRLEN HEXISTS"),
    (Mode::R, Keys::Fields, "HMGET"),
    (
        Mode::R,
        Keys::Counted(1),
        "SINTERCARD ZUNION ZINTER ZDIFF ZINTERCARD",
    ),
    (Mode::R, Keys::Counted(2), "EVAL_RO EVALSHA_RO FCALL_RO"),
    (Mode::R, Keys::Streams, "XREAD"),
    (
        Mode::W,
        Keys::First,
        "SETEX PSETEX EXPIRE PEXPIRE EXPIREAT PEXPIREAT PERSIST JSON.SET",
    ),
    (Mode::W, Keys::All, "DEL UNLINK"),
    (Mode::W, Keys::Pairs, "MSET"),
    (Mode::W, Keys::FieldPairs, "HSET HMSET"),
    (Mode::W, Keys::Fields, "HDEL"),
    (
        Mode::Rw,
        Keys::First,
        "SET SETNX GETSET GETDEL GETEX APPEND SETRANGE SETBIT BITFIELD INCR DECR INCRBY DECRBY INCRBYFLOAT \
        LPUSH RPUSH LPUSHX RPUSHX LPOP RPOP LSET LINSERT LREM LTRIM SADD SREM SPOP ZADD ZINCRBY ZREM ZPOPMIN ZPOPMAX \
        ZREMRANGEBYRANK ZREMRANGEBYSCORE ZREMRANGEBYLEX PFADD XADD XDEL XTRIM XACK XCLAIM XAUTOCLAIM XGROUP XSETID RESTORE GEOADD \
        HEXPIRE HPEXPIRE HEXPIREAT HPEXPIREAT HPERSIST HTTL HPTTL HGETDEL HGETEX HSETEX DELEX JSON.MERGE JSON.DEL JSON.FORGET \
        JSON.NUMINCRBY JSON.NUMMULTBY JSON.STRAPPEND JSON.ARRAPPEND JSON.ARRINSERT JSON.ARRPOP JSON.ARRTRIM JSON.TOGGLE JSON.CLEAR \
        BF.ADD BF.MADD BF.RESERVE CL.THROTTLE",
    ),
    (Mode::Rw, Keys::Pairs, "MSETNX"),
    (Mode::Rw, Keys::Field, "HSETNX HINCRBY HINCRBYFLOAT"),
    (
        Mode::Rw,
        Keys::Both,
        "RENAME RENAMENX SMOVE LMOVE RPOPLPUSH BLMOVE BRPOPLPUSH",
    ),
    (Mode::Rw, Keys::AllButLast, "BLPOP BRPOP BZPOPMIN BZPOPMAX"),
    (Mode::Rw, Keys::Second, "COPY ZRANGESTORE GEOSEARCHSTORE"),
    (
        Mode::Rw,
        Keys::StoreRest,
        "SINTERSTORE SUNIONSTORE SDIFFSTORE PFMERGE",
    ),
    (
        Mode::Rw,
        Keys::StoreCounted,
        "ZUNIONSTORE ZINTERSTORE ZDIFFSTORE",
    ),
    (Mode::Rw, Keys::Counted(1), "LMPOP ZMPOP"),
    (
        Mode::Rw,
        Keys::Counted(2),
        "EVAL EVALSHA FCALL BLMPOP BZMPOP",
    ),
    (Mode::Rw, Keys::Streams, "XREADGROUP"),
    (
        Mode::R,
        Keys::None,
        "PING ECHO AUTH HELLO SELECT QUIT RESET CLIENT COMMAND INFO TIME ROLE READONLY READWRITE MULTI EXEC DISCARD \
        UNWATCH CLUSTER SENTINEL LASTSAVE WAIT WAITAOF SUBSCRIBE PSUBSCRIBE SSUBSCRIBE UNSUBSCRIBE PUNSUBSCRIBE SUNSUBSCRIBE PUBSUB \
        SLOWLOG LATENCY MEMORY MODULE ACL REPLCONF",
    ),
    (Mode::R, Keys::All, "WATCH"),
];

/// What one command touches.
pub(crate) fn access(words: &[&[u8]]) -> Access {
    let Some((name, arguments)) = words.split_first() else {
        return touches([], []);
    };
    let name = String::from_utf8_lossy(name).to_ascii_uppercase();
    match (name.as_str(), arguments) {
        // Nobody can read what is published, and its order is the subscribers' matter.
        ("PUBLISH" | "SPUBLISH", [channel, ..]) => {
            let channel = Resource {
                name: format!("channel {}", lossy(channel)),
                row: None,
            };
            return touches([], [channel]);
        }
        ("SCRIPT" | "FUNCTION" | "CONFIG", [word, ..]) => {
            let reads_only = ["LOAD", "EXISTS", "GET", "LIST", "STATS", "HELP"];
            let known = reads_only
                .iter()
                .any(|known| word.eq_ignore_ascii_case(known.as_bytes()));
            return if known {
                touches([], [])
            } else {
                Access::Unknown
            };
        }
        ("OBJECT", [_, key, ..]) => return touches([whole(key)], []),
        // A plain SET looks at nothing.
        ("SET", [key, _]) => return touches([], [whole(key)]),
        ("SET", [key, _, options @ ..]) => {
            let looks = [&b"NX"[..], b"XX", b"GET", b"IFEQ", b"IFNE"]
                .iter()
                .any(|word| has_word(options, word));
            return if looks {
                touches([whole(key)], [whole(key)])
            } else {
                touches([], [whole(key)])
            };
        }
        _ => {}
    }
    let known = TABLE
        .iter()
        .find(|(_, _, names)| names.split_ascii_whitespace().any(|known| known == name));
    known.map_or(Access::Unknown, |(mode, keys, _)| {
        resources(*mode, *keys, arguments)
    })
}

fn resources(mode: Mode, keys: Keys, arguments: &[&[u8]]) -> Access {
    let plain = |keys: &[&[u8]]| keys.iter().map(|key| whole(key)).collect::<Vec<_>>();
    let Some((key, rest)) = arguments.split_first() else {
        return if matches!(keys, Keys::None) {
            touches([], [])
        } else {
            Access::Unknown
        };
    };
    let touched = match keys {
        Keys::None => Vec::new(),
        Keys::First => vec![whole(key)],
        Keys::All => plain(arguments),
        Keys::AllButLast => plain(&arguments[..arguments.len() - 1]),
        Keys::Pairs => plain(&arguments.iter().copied().step_by(2).collect::<Vec<_>>()),
        Keys::Both => plain(&arguments[..arguments.len().min(2)]),
        Keys::Second => return touches(plain(&rest[..rest.len().min(1)]), [whole(key)]),
        Keys::StoreRest => return touches(plain(rest), [whole(key)]),
        Keys::StoreCounted => {
            return counted(rest, 0)
                .map_or(Access::Unknown, |read| touches(plain(read), [whole(key)]));
        }
        Keys::Counted(place) => match counted(arguments, place - 1) {
            // A script without keys may touch any.
            None | Some([]) => return Access::Unknown,
            Some(keys) => plain(keys),
        },
        Keys::Field => rest.iter().take(1).map(|name| field(key, name)).collect(),
        Keys::Fields => rest.iter().map(|name| field(key, name)).collect(),
        Keys::FieldPairs => {
            let names = rest.iter().step_by(2);
            names.map(|name| field(key, name)).collect()
        }
        Keys::Streams => {
            let streams = |word: &&[u8]| word.eq_ignore_ascii_case(b"STREAMS");
            let Some(place) = arguments.iter().position(streams) else {
                return Access::Unknown;
            };
            let named = &arguments[place + 1..];
            plain(&named[..named.len() / 2])
        }
    };
    match mode {
        Mode::R => touches(touched, []),
        Mode::W => touches([], touched),
        Mode::Rw => touches(touched.clone(), touched),
    }
}

/// The keys whose number stands at `place`.
fn counted<'a, 'b>(arguments: &'a [&'b [u8]], place: usize) -> Option<&'a [&'b [u8]]> {
    let number = std::str::from_utf8(arguments.get(place)?).ok()?;
    let number: usize = number.parse().ok()?;
    arguments.get(place + 1..(place + 1).checked_add(number)?)
}

fn touches(
    reads: impl IntoIterator<Item = Resource>,
    writes: impl IntoIterator<Item = Resource>,
) -> Access {
    Access::Touches {
        reads: BTreeSet::from_iter(reads),
        writes: BTreeSet::from_iter(writes),
    }
}

fn lossy(bytes: &[u8]) -> String {
    crate::text::readable(bytes)
}

fn whole(key: &[u8]) -> Resource {
    Resource {
        name: lossy(key),
        row: None,
    }
}

fn field(key: &[u8], name: &[u8]) -> Resource {
    Resource {
        name: lossy(key),
        row: Some(Row {
            column: "field".to_owned(),
            value: lossy(name),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(command: &str, expected: &str) {
        let words: Vec<&[u8]> = command.split(' ').map(str::as_bytes).collect();
        let list = |set: &BTreeSet<Resource>| {
            let one = |resource: &Resource| match &resource.row {
                Some(row) => format!("{}.{}", resource.name, row.value),
                None => resource.name.clone(),
            };
            set.iter().map(one).collect::<Vec<_>>().join(",")
        };
        let seen = match access(&words) {
            Access::Touches { reads, writes } => format!("{} / {}", list(&reads), list(&writes)),
            Access::Unknown => "unknown".to_owned(),
            Access::Transaction(step) => format!("{step:?}"),
        };
        assert_eq!(seen.trim(), expected, "{command}");
    }

    #[test]
    fn keys_are_found_by_the_command() {
        check("GET a", "a /");
        check("set a 1", "/ a");
        check("SET a 1 EX 10", "/ a");
        check("SET a 1 NX EX 10", "a / a");
        check("MSET a 1 b 2", "/ a,b");
        check("DEL a b", "/ a,b");
        check("HSET h f 1 g 2", "/ h.f,h.g");
        check("HGETALL h", "h /");
        check("RENAME a b", "a,b / a,b");
        check("EVAL return 2 a b c", "a,b / a,b");
        check("EVAL return 0", "unknown");
        check("EVALSHA abc 1 a 5", "a / a");
        check("EVALSHA abc 18446744073709551615 a", "unknown");
        check("ZUNIONSTORE d 2 a b WEIGHTS 1 2", "a,b / d");
        check("BLPOP a b 0", "a,b / a,b");
        check("XREADGROUP GROUP g c STREAMS s t > >", "s,t / s,t");
        check("PUBLISH c m", "/ channel c");
        check("KEYS *", "unknown");
        check("FLUSHALL", "unknown");
        check("GET", "unknown");
        check("PING", "/");
    }

    #[test]
    fn what_is_never_held() {
        let class =
            |command: &str| class(&command.split(' ').map(str::as_bytes).collect::<Vec<_>>());
        for command in [
            "auth x",
            "PING",
            "SELECT 1",
            "BLPOP a 0",
            "XREAD BLOCK 0 STREAMS a $",
            "client setinfo lib-name x",
            "SCRIPT LOAD x",
        ] {
            assert_eq!(class(command), Class::Passed, "{command}");
        }
        for command in [
            "GET a",
            "XREAD STREAMS a 0",
            "EVALSHA x 1 a",
            "UNHEARDOF",
            "SCRIPT FLUSH",
        ] {
            assert_eq!(class(command), Class::Work, "{command}");
        }
    }
}
