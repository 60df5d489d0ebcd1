//! The functions that are fuzzed, over their corpus and a fixed number of its mutations: the same inputs in every run. What a
//! fuzzer makes of hours is `fuzz/run.sh`; what it finds becomes a file in `fuzz/corpus/`, and so a test here.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#![expect(unreachable_pub, reason = "a library to cargo-fuzz, a module here")]

#[path = "../fuzz/src/lib.rs"]
mod targets;

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

/// The corpus of a target, by name, so that the order is the same everywhere.
fn corpus(target: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fuzz/corpus")
        .join(target);
    let files = std::fs::read_dir(&folder).unwrap();
    let mut files: Vec<_> = files.map(|file| file.unwrap().path()).collect();
    files.sort();
    assert!(!files.is_empty(), "{} is empty", folder.display());
    files
        .iter()
        .map(|file| std::fs::read(file).unwrap())
        .collect()
}

/// Every file as it is, then `mutations` of them.
fn run(target: &str, mutations: usize, feed: fn(&[u8])) {
    // A panic of a task of the mock ends that task only; here it fails the test.
    static PANICS: AtomicU64 = AtomicU64::new(0);
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        PANICS.fetch_add(1, Ordering::SeqCst);
        usual(panic);
    }));
    let before = PANICS.load(Ordering::SeqCst);
    let seeds = corpus(target);
    for seed in &seeds {
        feed(seed);
    }
    let mut draw = Draw(target.bytes().map(u64::from).sum());
    for n in 0..mutations {
        let mut input = seeds[n % seeds.len()].clone();
        for _ in 0..=draw.below(4) {
            mutate(&mut input, &seeds, &mut draw);
        }
        input.truncate(1 << 16);
        feed(&input);
    }
    assert_eq!(PANICS.load(Ordering::SeqCst), before, "a task panicked");
}

/// Texts that parsers look for.
const WORDS: [&[u8]; 12] = [
    b"\r\n\r\n",
    b"%",
    b"=",
    b"\0",
    b"\xff\xfe",
    "…".as_bytes(),
    b"{\"",
    b"[[",
    b"((((((((",
    b"99999999999999999999",
    b"-1",
    b"==",
];

fn mutate(input: &mut Vec<u8>, seeds: &[Vec<u8>], draw: &mut Draw) {
    let at = draw.below(input.len() as u64 + 1) as usize;
    let to = at + draw.below((input.len() - at) as u64 + 1) as usize;
    match draw.below(7) {
        0 if at < input.len() => input[at] ^= 1 << draw.below(8),
        1 if at < input.len() => input[at] = draw.below(256) as u8,
        2 => drop(input.drain(at..to)),
        3 => {
            let piece = input[at..to].to_vec();
            input.splice(at..at, piece);
        }
        4 => {
            let other = &seeds[draw.below(seeds.len() as u64) as usize];
            let from = draw.below(other.len() as u64 + 1) as usize;
            input.truncate(at);
            input.extend_from_slice(&other[from..]);
        }
        5 => {
            let word = WORDS[draw.below(WORDS.len() as u64) as usize];
            input.splice(at..at, word.iter().copied());
        }
        _ => input.truncate(at),
    }
}

/// A linear congruential generator: fixed numbers, of which the high bits are used.
struct Draw(u64);

impl Draw {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }
}

#[test]
fn the_port_survives_any_bytes() {
    run("listener", 1_500, targets::listener);
}

#[test]
fn any_query_is_answered() {
    run("query", 3_000, targets::query);
}

#[test]
fn any_pasted_text_is_explained() {
    run("decrypt", 2_000, targets::decrypt);
}

#[test]
fn any_evidence_is_explained() {
    run("which_key", 2_000, targets::which_key);
}

#[test]
fn any_state_is_loaded_or_refused() {
    run("state", 600, targets::state);
}

#[test]
fn any_adapter_is_read_or_refused() {
    run("adapter", 600, targets::adapter);
}

#[test]
fn any_case_is_read_or_refused() {
    run("scenario", 600, targets::scenario);
}

#[test]
fn any_token_is_read_or_refused() {
    run("token", 3_000, targets::token);
}

#[test]
fn any_statements_are_cut_without_loss() {
    run("store", 3_000, targets::store);
}
