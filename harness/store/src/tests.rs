//! Whatever comes, in whatever pieces: no protocol panics, and none loses, adds or moves a byte.

use bytes::BytesMut;
use proptest::{collection::vec, prelude::*};

use crate::{
    conversation::{Conversation, Lost},
    mysql::Mysql,
    postgres::Postgres,
    redis::Redis,
    tcp::Tcp,
};

fn conversations() -> [(&'static str, Box<dyn Conversation>); 4] {
    [
        ("redis", Box::new(Redis::default())),
        ("mysql", Box::new(Mysql::new(u32::MAX))),
        ("postgres", Box::new(Postgres::default())),
        ("tcp", Box::new(Tcp::default())),
    ]
}

/// Feeds `bytes` in pieces of the given sizes, in turns; gives what came out, the statements, and how it ended.
fn feed(
    conversation: &mut dyn Conversation,
    bytes: &[u8],
    sizes: &[usize],
) -> (Vec<u8>, Vec<String>, Option<Lost>) {
    feed_while(conversation, bytes, sizes, true)
}

/// The same while somebody listens, or nobody does.
fn feed_while(
    conversation: &mut dyn Conversation,
    bytes: &[u8],
    sizes: &[usize],
    listening: bool,
) -> (Vec<u8>, Vec<String>, Option<Lost>) {
    let (mut input, mut out, mut said) = (BytesMut::new(), Vec::new(), Vec::new());
    let mut rest = bytes;
    let mut lost = None;
    for size in sizes.iter().cycle() {
        if rest.is_empty() || lost.is_some() {
            break;
        }
        let (piece, left) = rest.split_at((*size).min(rest.len()));
        rest = left;
        input.extend_from_slice(piece);
        let mut parts = Vec::new();
        lost = conversation.cut(&mut input, &mut parts, listening).err();
        for part in parts {
            out.extend_from_slice(&part.bytes);
            if let Some(unit) = part.unit {
                conversation.sent();
                said.push(unit.said.read().text);
            }
        }
    }
    out.extend_from_slice(&input);
    out.extend_from_slice(rest);
    (out, said, lost)
}

/// Bytes that look like a protocol here and there.
fn soup() -> impl Strategy<Value = Vec<u8>> {
    let word = prop_oneof![
        vec(any::<u8>(), 0..12),
        Just(b"*2\r\n$3\r\nGET\r\n$1\r\na\r\n".to_vec()),
        Just(b"*1\r\n$5\r\nMULTI\r\n".to_vec()),
        Just(b"EXEC\r\n".to_vec()),
        Just(b"$-1\r\n".to_vec()),
        Just(b"*-1\r\n".to_vec()),
        Just(b"*3\r\n".to_vec()),
        Just(b"%2\r\n".to_vec()),
        Just(b":1\r\n".to_vec()),
        Just(b"\x09\0\0\0\x03SELECT 1".to_vec()),
        Just(b"\x05\0\0\0\x17\x01\0\0\0".to_vec()),
        Just(b"\x09\0\0\x01\0\x01\0\0\0\0\0\0\0".to_vec()),
        Just(b"\x01\0\0\x01\x02".to_vec()),
        Just(b"\x05\0\0\x05\xfe\0\0\x02\0".to_vec()),
        Just(b"Q\0\0\0\x0dSELECT 1\0".to_vec()),
        Just(b"P\0\0\0\x10\0SELECT $1\0\0\0".to_vec()),
        Just(b"B\0\0\0\x0d\0\0\0\0\0\0\0\0\0".to_vec()),
        Just(b"E\0\0\0\x09\0\0\0\0\0".to_vec()),
        Just(b"S\0\0\0\x04".to_vec()),
        Just(b"Z\0\0\0\x05I".to_vec()),
        Just(b"C\0\0\0\x0dSELECT 1\0".to_vec()),
        Just(b"E\0\0\0\x05\0".to_vec()),
    ];
    vec(word, 0..40).prop_map(|words| words.concat())
}

/// What a client of each protocol says, whole.
fn honest(name: &str, count: usize) -> Vec<u8> {
    let one: &[u8] = match name {
        "redis" => b"*3\r\n$3\r\nSET\r\n$1\r\na\r\n$4\r\n\r\n*1\r\n",
        "mysql" => b"\x09\0\0\0\x03SELECT 1",
        "postgres" => b"Q\0\0\0\x0dSELECT 1\0",
        _ => b"anything",
    };
    let mut start: Vec<u8> = match name {
        // Protocol 4.1 and a user, then the server's yes is looked at.
        "mysql" => {
            let mut response = vec![36, 0, 0, 1, 0, 2, 0, 0];
            response.extend([0; 32]);
            response
        }
        "postgres" => b"\0\0\0\x09\0\x03\0\0\0".to_vec(),
        _ => Vec::new(),
    };
    if count > 0 {
        start.clear();
        start.extend(one.repeat(count));
    }
    start
}

#[test]
fn an_empty_answer_of_mysql_is_no_panic() {
    for (name, mut conversation) in conversations() {
        if name != "mysql" {
            continue;
        }
        let _ = feed(conversation.as_mut(), &honest(name, 0), &[64]);
        conversation
            .look(&[7, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0], &mut Vec::new())
            .expect("a yes");
        let _ = feed(conversation.as_mut(), &honest(name, 1), &[64]);
        let mut found = Vec::new();
        let _ = conversation.look(&[0, 0, 0, 1], &mut found);
        assert!(found.len() <= 1, "{found:?}");
    }
}

proptest! {
    #[test]
    fn no_bytes_are_lost_added_or_moved(bytes in soup(), sizes in vec(1usize..40, 1..8)) {
        for (name, mut conversation) in conversations() {
            let (out, _, _) = feed(conversation.as_mut(), &bytes, &sizes);
            prop_assert_eq!(&out, &bytes, "{}", name);
        }
    }

    #[test]
    fn who_does_not_listen_loses_no_bytes_either(bytes in soup(), sizes in vec(1usize..40, 1..8)) {
        for (name, mut conversation) in conversations() {
            let (out, said, _) = feed_while(conversation.as_mut(), &bytes, &sizes, false);
            prop_assert_eq!(&out, &bytes, "{}", name);
            prop_assert!(said.is_empty(), "{}: {:?}", name, said);
        }
    }

    #[test]
    fn who_begins_to_listen_hears_the_answer_of_its_own_statement(unheard in 0usize..6, sizes in vec(1usize..24, 1..8)) {
        for (name, mut conversation) in conversations() {
            let (yes, answer): (&[u8], &[u8]) = match name {
                "redis" => (b"", b"$3\r\nabc\r\n"),
                "mysql" => (&[7, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0], &[7, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0]),
                "postgres" => (b"Z\0\0\0\x05I", b"C\0\0\0\x0dSELECT 1\0Z\0\0\0\x05I"),
                _ => continue,
            };
            let _ = feed(conversation.as_mut(), &honest(name, 0), &sizes);
            conversation.look(yes, &mut Vec::new()).expect("a yes");
            if unheard > 0 {
                let _ = feed_while(conversation.as_mut(), &honest(name, unheard), &sizes, false);
            }
            let whole = honest(name, 1);
            let (_, said, lost) = feed(conversation.as_mut(), &whole, &[whole.len()]);
            prop_assert_eq!((said.len(), lost), (1, None), "{}", name);
            let mut heard = Vec::new();
            for piece in answer.repeat(unheard).chunks(sizes[0]) {
                conversation.look(piece, &mut heard).expect("answers");
            }
            prop_assert!(heard.is_empty(), "{}: {:?}", name, heard);
            conversation.look(answer, &mut heard).expect("an answer");
            prop_assert_eq!(heard.len(), 1, "{}", name);
        }
    }

    #[test]
    fn no_answer_panics(said in soup(), answers in soup(), sizes in vec(1usize..40, 1..8)) {
        for (name, mut conversation) in conversations() {
            if name != "tcp" {
                let _ = feed(conversation.as_mut(), &honest(name, 0), &sizes);
                let _ = conversation.look(&[7, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0], &mut Vec::new());
            }
            let (_, statements, _) = feed(conversation.as_mut(), &said, &sizes);
            let mut found = Vec::new();
            for piece in answers.chunks(sizes[0]) {
                if conversation.look(piece, &mut found).is_err() {
                    break;
                }
            }
            prop_assert!(found.len() <= statements.len(), "{}: {:?} of {:?}", name, found, statements);
        }
    }

    #[test]
    fn statements_are_the_same_however_they_are_split(count in 1usize..8, sizes in vec(1usize..24, 1..8)) {
        for (name, mut conversation) in conversations() {
            if name == "tcp" {
                continue;
            }
            let (start, statements) = (honest(name, 0), honest(name, count));
            let (out, said, lost) = feed(conversation.as_mut(), &start, &[start.len().max(1)]);
            prop_assert_eq!((out, said, lost), (start, Vec::new(), None));
            if name == "mysql" {
                conversation.look(&[7, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0], &mut Vec::new()).expect("a yes");
            }
            let (out, said, lost) = feed(conversation.as_mut(), &statements, &sizes);
            prop_assert_eq!(out, statements);
            prop_assert_eq!(lost, None);
            let text = said.join("; ");
            let one = if name == "redis" { "SET a \\r\\n*1" } else { "SELECT 1" };
            prop_assert_eq!(text, vec![one; count].join("; "));
        }
    }
}
