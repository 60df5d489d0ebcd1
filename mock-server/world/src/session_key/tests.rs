//! How a key comes into force and goes out of it.

use super::*;

const T0: UnixMs = UnixMs(1_700_000_000_000);
const USER: Slot = Slot {
    scope: KeyScope::User,
    device: 0,
};

fn key(active: bool, inherits: Option<KeyNo>) -> NewKey {
    NewKey {
        session_key: SessionKey::new([7; 16]),
        cause: KeyCause::Login,
        active,
        inherits,
    }
}

fn issue(ring: &mut KeyRing, ms: u64, slot: Slot, new: NewKey) -> Vec<KeyChange> {
    let mut changes = Vec::new();
    ring.issue(
        T0.plus(Span(ms)),
        slot,
        &SessionKeyPolicy::default(),
        new,
        &mut changes,
    );
    changes
}

#[test]
fn a_new_key_displaces_the_one_before_it() {
    let mut ring = KeyRing::default();
    issue(&mut ring, 0, USER, key(true, None));
    let changes = issue(&mut ring, 5, USER, key(true, None));
    assert!(matches!(
        changes[1],
        KeyChange::Displaced {
            no: KeyNo(1),
            by: KeyNo(2),
            ..
        }
    ));
    assert_eq!(ring.current(USER), Some(KeyNo(2)));
    assert!(!ring.is_alive(KeyNo(1)));
}

#[test]
fn a_waiting_key_displaces_only_when_it_is_activated() {
    let mut ring = KeyRing::default();
    issue(&mut ring, 0, USER, key(true, None));
    issue(&mut ring, 1, USER, key(false, None));
    issue(&mut ring, 2, USER, key(false, None));
    assert_eq!(
        (ring.current(USER), ring.head(USER)),
        (Some(KeyNo(1)), Some(KeyNo(3)))
    );
    ring.activate(T0.plus(Span(3)), KeyScope::User, KeyNo(3), &mut Vec::new());
    assert_eq!(ring.current(USER), Some(KeyNo(3)));
    assert!(
        !ring.is_alive(KeyNo(2)),
        "a key overtaken while it waited never comes into force"
    );
    ring.activate(T0.plus(Span(4)), KeyScope::User, KeyNo(2), &mut Vec::new());
    assert_eq!(ring.current(USER), Some(KeyNo(3)));
}

#[test]
fn phones_have_keys_of_their_own_under_scope_device() {
    let slot = |device| Slot {
        scope: KeyScope::Device,
        device,
    };
    let mut ring = KeyRing::default();
    issue(&mut ring, 0, slot(0), key(true, None));
    issue(&mut ring, 1, slot(1), key(true, None));
    assert_eq!(
        (ring.current(slot(0)), ring.current(slot(1))),
        (Some(KeyNo(1)), Some(KeyNo(2)))
    );
    assert_eq!(ring.in_force(KeyScope::Device).count(), 2);
    assert_eq!(
        ring.in_force(KeyScope::User).count(),
        1,
        "seen as one user, the newest counts"
    );
}

#[test]
fn renewal_slides_up_to_the_absolute_end_and_a_reset_inherits() {
    let mut ring = KeyRing::default();
    issue(&mut ring, 0, USER, key(true, None));
    let expiry = |ring: &KeyRing, no| ring.get(KeyNo(no)).map(|key| key.expires_at);
    assert_eq!(expiry(&ring, 1), Some(T0.plus(Span::h(72))));
    let idle = SessionKeyPolicy::default().idle_ttl;
    ring.renew(T0.plus(Span::h(10)), KeyNo(1), idle, &mut Vec::new());
    assert_eq!(expiry(&ring, 1), Some(T0.plus(Span::h(82))));
    issue(&mut ring, 36_000_001, USER, key(true, Some(KeyNo(1))));
    assert_eq!(
        expiry(&ring, 2),
        Some(T0.plus(Span::h(82))),
        "reset does not renew"
    );
    ring.renew(T0.plus(Span::h(700)), KeyNo(2), idle, &mut Vec::new());
    assert_eq!(
        expiry(&ring, 2),
        Some(T0.plus(Span::h(720))),
        "the absolute end is inherited too"
    );
}

#[test]
fn grace_accepts_a_displaced_key_for_a_while() {
    let mut ring = KeyRing::default();
    issue(&mut ring, 0, USER, key(true, None));
    issue(&mut ring, 100, USER, key(true, None));
    let accepted = |grace, ms| -> Vec<u32> {
        ring.accepted(KeyScope::User, Span(grace), T0.plus(Span(ms)))
            .map(|(no, _)| no.0)
            .collect()
    };
    assert_eq!(accepted(0, 100), [2]);
    assert_eq!(accepted(50, 149), [2, 1]);
    assert_eq!(accepted(50, 150), [2]);
}

#[test]
fn no_age_brings_a_dead_key_back() {
    let mut ring = KeyRing::default();
    issue(&mut ring, 0, USER, key(true, None));
    ring.expire(T0, KeyNo(1), &mut Vec::new());
    ring.age(Span(u64::MAX));
    assert!(!ring.is_alive(KeyNo(1)));
}
