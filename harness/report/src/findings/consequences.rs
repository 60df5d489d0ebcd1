//! What one cause brings about in orders of which it is not the name: with one key for the whole site every rule about keys
//! breaks, in whatever way. Told as causes of their own they would send people after bugs that are not there.
//!
//! A consequence is told with its cause and counts to it. It is one only where the histories that show it hold the link
//! between the two, and never of a cause that is less than it: what is left after the repair is seen by the next run.

use super::finding::{Cause, Sighting};
use super::links::{
    answers_without_a_session, brings_an_older_key, has_equal_tokens, has_failed_login,
    has_shared_account, opens_later,
};
use wxmock_model::history::{History, Outcome};
use wxmock_model::mechanism::Mechanism;

/// What every sighting of a consequence must show.
#[derive(Clone, Copy)]
enum Link {
    /// Nothing more: the cause leaves no room for another.
    None,
    /// It is the very answer the cause is about.
    SameAnswer,
    /// WeChat answered an exchange with an errcode.
    Errcode,
    /// Two logins were given one and the same token.
    EqualTokens,
    /// The order was not forced to its last step: requests met inside the backend.
    Together,
    /// The payload was refused.
    Refused,
    /// It is seen in no case that does not show the cause.
    SameCases,
    /// Somebody was given an account of somebody else.
    SharedAccount,
    /// A request without a token, or with one that was logged out, was answered with a success.
    NoSession,
    /// A login failed at WeChat.
    FailedLogin,
    /// A payload that was refused opened when it was sent again after a pause.
    OpenedLater,
    /// Of two keys of a person that reached the backend, the login asked for last brought an older one.
    AskedLast,
    /// The same of the reply that arrived last.
    ArrivedLast,
}

/// What a wrong account makes of payloads, sessions and claims: nothing fits the person any more.
const WITH_A_WRONG_ACCOUNT: &[Mechanism] = &[
    Mechanism::Open,
    Mechanism::SharedRequestState,
    Mechanism::OpenidConfused,
    Mechanism::IdGivenTwice,
    Mechanism::UnionidMandatory,
    Mechanism::IdentityFromRequest,
    Mechanism::LateReplyOverwrites,
    Mechanism::RequestOrder,
    Mechanism::PreviousKeyDropped,
    Mechanism::WrongKeyLookup,
    Mechanism::OneKeyForEverybody,
    Mechanism::UnhelpfulRefusal,
    Mechanism::DamagedInTransit,
    Mechanism::PaddingAsProof,
    Mechanism::AccountPerLogin,
    Mechanism::UnscopedWrite,
];

const ABOUT_ACCOUNTS: &[&str] = &["KEY-01", "KEY-02", "KEY-03", "KEY-04", "ACC-01"];

/// One row: what `root` brings about.
struct Consequence {
    root: Mechanism,
    rules: &'static [&'static str],
    mechanisms: &'static [Mechanism],
    link: Link,
}

const TABLE: &[Consequence] = {
    use Mechanism as M;
    &[
        Consequence {
            root: M::OneKeyForEverybody,
            rules: &["KEY-01", "KEY-02", "KEY-03", "KEY-04"],
            mechanisms: &[
                M::Open,
                M::SharedRequestState,
                M::LateReplyOverwrites,
                M::RequestOrder,
                M::PreviousKeyDropped,
                M::WrongKeyLookup,
                M::UnhelpfulRefusal,
            ],
            link: Link::None,
        },
        Consequence {
            root: M::ErrorBodyAsSuccess,
            rules: &["CODE-01", "CODE-03", "ACC-01", "KEY-02", "KEY-03", "KEY-04"],
            mechanisms: &[
                M::Open,
                M::ReusedCode,
                M::CodeMarkedLate,
                M::AccountPerLogin,
                M::NoOpenid,
                M::SessionWithoutExchange,
            ],
            link: Link::Errcode,
        },
        Consequence {
            root: M::SecondResolutionToken,
            rules: &["TOK-01", "TOK-06", "TOK-07"],
            mechanisms: &[M::Open, M::LogoutDoesNothing, M::LogoutOfOthers],
            link: Link::EqualTokens,
        },
        Consequence {
            root: M::DerivedToken,
            rules: &["TOK-01", "TOK-06", "TOK-07"],
            mechanisms: &[M::Open, M::LogoutDoesNothing, M::LogoutOfOthers],
            link: Link::EqualTokens,
        },
        Consequence {
            root: M::SharedRequestState,
            rules: &["KEY-01", "KEY-02", "KEY-03", "KEY-04"],
            mechanisms: &[
                M::Open,
                M::LateReplyOverwrites,
                M::EmptySuccess,
                M::WrongKeyLookup,
                M::OneKeyForEverybody,
                M::UnscopedWrite,
            ],
            link: Link::Together,
        },
        Consequence {
            root: M::SharedRequestState,
            rules: &["KEY-02", "KEY-03"],
            mechanisms: &[M::UnhelpfulRefusal],
            link: Link::SharedAccount,
        },
        Consequence {
            root: M::AccountShared,
            rules: ABOUT_ACCOUNTS,
            mechanisms: WITH_A_WRONG_ACCOUNT,
            link: Link::SharedAccount,
        },
        Consequence {
            root: M::NewestAccountGiven,
            rules: ABOUT_ACCOUNTS,
            mechanisms: WITH_A_WRONG_ACCOUNT,
            link: Link::SharedAccount,
        },
        Consequence {
            root: M::NewestAccountGiven,
            rules: &["ACC-01"],
            mechanisms: &[M::Open, M::AccountPerLogin],
            link: Link::None,
        },
        Consequence {
            root: M::IdGivenTwice,
            rules: ABOUT_ACCOUNTS,
            mechanisms: WITH_A_WRONG_ACCOUNT,
            link: Link::SharedAccount,
        },
        Consequence {
            root: M::IdentityLeftBehind,
            rules: &["KEY-01", "TOK-06", "ACC-01"],
            mechanisms: &[
                M::Open,
                M::LogoutDoesNothing,
                M::IdentityFromRequest,
                M::UnscopedWrite,
            ],
            link: Link::NoSession,
        },
        Consequence {
            root: M::TokenFixedPerPerson,
            rules: &[
                "TOK-01", "TOK-06", "TOK-07", "CODE-01", "KEY-02", "KEY-03", "KEY-04",
            ],
            mechanisms: &[
                M::Open,
                M::LogoutDoesNothing,
                M::LogoutOfOthers,
                M::SharedRequestState,
                M::LateReplyOverwrites,
                M::PreviousKeyDropped,
            ],
            link: Link::EqualTokens,
        },
        Consequence {
            root: M::FailedLoginEndsSessions,
            rules: &["CODE-01", "TOK-01", "KEY-02", "KEY-03", "KEY-04"],
            mechanisms: &[M::Open, M::CodeMarkedLate],
            link: Link::FailedLogin,
        },
        Consequence {
            root: M::LogoutOfOthers,
            rules: &["TOK-06"],
            mechanisms: &[M::LogoutDoesNothing],
            link: Link::None,
        },
        Consequence {
            root: M::PrivateMemory,
            rules: &["KEY-02", "KEY-03", "KEY-04"],
            mechanisms: &[M::KeyWrittenLate],
            link: Link::None,
        },
        Consequence {
            root: M::KeyWrittenLate,
            rules: &["KEY-02", "KEY-03", "KEY-04"],
            mechanisms: &[M::Open, M::LateReplyOverwrites, M::UnhelpfulRefusal],
            link: Link::OpenedLater,
        },
        Consequence {
            root: M::RequestOrder,
            rules: &["KEY-04"],
            mechanisms: &[M::LateReplyOverwrites],
            link: Link::AskedLast,
        },
        Consequence {
            root: M::LateReplyOverwrites,
            rules: &["KEY-04"],
            mechanisms: &[M::RequestOrder],
            link: Link::ArrivedLast,
        },
        Consequence {
            root: M::DamagedInTransit,
            rules: &["KEY-02", "KEY-03", "KEY-04"],
            mechanisms: &[M::Open, M::PaddingAsProof],
            link: Link::Refused,
        },
        Consequence {
            root: M::TokenFetchedEveryTime,
            rules: &["AT-02", "AT-03"],
            mechanisms: &[M::Open],
            link: Link::None,
        },
        Consequence {
            root: M::TokenStampede,
            rules: &["AT-02", "AT-03"],
            mechanisms: &[M::Open],
            link: Link::SameCases,
        },
        Consequence {
            root: M::LeakInAnswer,
            rules: &["TOK-03"],
            mechanisms: &[M::LeakInErrorPath],
            link: Link::SameAnswer,
        },
        Consequence {
            root: M::IdentityFromRequest,
            rules: &["KEY-01"],
            mechanisms: &[M::Open],
            link: Link::SameCases,
        },
    ]
};

/// Whether `of`, with all its sightings, is what becomes of `root`.
pub(super) fn follows<'a>(
    (root, root_cases): (&Cause<'a>, &[&str]),
    (of, sightings): (&Cause<'a>, &[Sighting<'a>]),
) -> bool {
    if root.mechanism == Mechanism::Open {
        return false;
    }
    if root.mechanism == of.mechanism {
        // Another kind of answer to the same operation, by the same rule, stays a finding of its own.
        let is_same_question = (root.rule, root.op) == (of.rule, of.op);
        let is_same_answer = (root.op, &root.outcome) == (of.op, &of.outcome);
        return is_same_answer || !is_same_question && is_in_one_place(root.mechanism);
    }
    let rows = TABLE.iter().filter(|row| {
        row.root == root.mechanism
            && row.rules.contains(&of.rule)
            && row.mechanisms.contains(&of.mechanism)
    });
    rows.into_iter()
        .any(|row| holds(row.link, (root, root_cases), (of, sightings)))
}

fn holds(
    link: Link,
    (root, root_cases): (&Cause<'_>, &[&str]),
    (of, sightings): (&Cause<'_>, &[Sighting<'_>]),
) -> bool {
    match link {
        Link::None => true,
        Link::SameAnswer => (root.op, &root.outcome) == (of.op, &of.outcome),
        Link::Refused => matches!(of.outcome, Some(Outcome::Invalid | Outcome::Relogin)),
        Link::SameCases => sightings.iter().all(|sighting| {
            let case = sighting.case.map(|case| case.path.as_str());
            case.is_some_and(|case| root_cases.contains(&case))
        }),
        Link::Errcode => every_history(sightings, |history| {
            let mut answers = history.upstream.iter().filter_map(|call| call.errcode);
            answers.any(|errcode| errcode != 0)
        }),
        Link::EqualTokens => every_history(sightings, has_equal_tokens),
        Link::Together => every_history(sightings, |history| !history.forced.is_fully()),
        Link::SharedAccount => every_history(sightings, has_shared_account),
        Link::NoSession => every_history(sightings, answers_without_a_session),
        Link::FailedLogin => every_history(sightings, has_failed_login),
        Link::OpenedLater => every_history(sightings, opens_later),
        Link::AskedLast => every_history(sightings, |history| {
            brings_an_older_key(history, |history, call| {
                let asked = call
                    .operation
                    .and_then(|login| history.operations.get(login));
                asked.map(|login| login.called)
            })
        }),
        Link::ArrivedLast => every_history(sightings, |history| {
            brings_an_older_key(history, |_, call| call.released)
        }),
    }
}

/// Whether all sightings were kept with what happened, and all show it.
fn every_history(sightings: &[Sighting<'_>], shows: impl Fn(&History) -> bool) -> bool {
    !sightings.is_empty() && sightings.iter().all(|one| one.history.is_some_and(&shows))
}

/// Whether a mechanism lies in what one payload or one request holds: established for one, it explains no other.
pub(super) const fn is_of_its_request(mechanism: Mechanism) -> bool {
    use Mechanism as M;
    matches!(
        mechanism,
        M::DamagedInTransit
            | M::PaddingAsProof
            | M::UnionidMandatory
            | M::IdentityFromRequest
            | M::CodeUnescaped
    )
}

/// Whether a mechanism lies where a backend keeps something, which it does in one place: seen at another operation, or by
/// another rule, it is the same. What lies in how one request is read or answered may be in each handler anew.
const fn is_in_one_place(mechanism: Mechanism) -> bool {
    use Mechanism as M;
    matches!(
        mechanism,
        M::LateReplyOverwrites
            | M::RequestOrder
            | M::FirstKeyKept
            | M::PreviousKeyDropped
            | M::WrongKeyLookup
            | M::OneKeyForEverybody
            | M::PrivateMemory
            | M::OneTokenSlot
            | M::SessionReplaced
            | M::LogoutOfOthers
            | M::SecondResolutionToken
            | M::DerivedToken
            | M::SharedRequestState
            | M::OpenidConfused
            | M::AccountShared
            | M::NewestAccountGiven
            | M::IdGivenTwice
            | M::IdentityLeftBehind
            | M::TokenFixedPerPerson
            | M::FailedLoginEndsSessions
            | M::OwnKeyOnly
            | M::KeyWrittenLate
            | M::DeadTokenKept
            | M::TokenErrorKept
            | M::LateTokenOverwrites
            | M::TokenFetchedEveryTime
            | M::TokenStampede
            | M::ErrorBodyAsSuccess
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::RunView;
    use crate::sample;
    use wxmock_model::event::RunEvent;
    use wxmock_model::exploration::Forced;
    use wxmock_model::history::{Operation, Tick, UpstreamCall};
    use wxmock_model::verdict::{Level, Violation};

    fn broken(rule: &str, mechanism: Mechanism, op: &str, outcome: Outcome) -> Violation {
        Violation {
            rule: rule.into(),
            mechanism,
            op: Some(op.into()),
            outcome: Some(outcome),
            ..Violation::default()
        }
    }

    /// One case, in each order one violation in one history; how many findings that is, and which is first.
    fn told(seen: &[(Violation, History)]) -> (usize, String) {
        let mut case = sample::failing("CL-1", "a/b/n:2", sample::two_phones());
        case.violations.clear();
        case.token = None;
        let order = |at: usize| format!("S1.K1.R1{}", ".S2".repeat(at));
        let mut events: Vec<RunEvent> = Vec::new();
        for (at, (violation, history)) in seen.iter().enumerate() {
            events.push(RunEvent::OrderFinished {
                path: case.path.clone(),
                order: order(at),
                index: at + 1,
                of: seen.len(),
                token: format!("wxs1:a/b/n:2@7:{}:0000", order(at)),
                violations: vec![violation.clone()],
                ending: Default::default(),
                history: Some(Box::new(history.clone())),
            });
        }
        events.push(RunEvent::CaseFinished(Box::new(case)));
        let findings = RunView::of(&events).findings();
        (findings.len(), findings[0].id.clone())
    }

    /// The pair is one finding over `linked`, named by its cause, and two over `apart`.
    #[track_caller]
    fn check(root: &Violation, of: &Violation, linked: &History, apart: &History) {
        let plain = || sample::two_phones();
        let (found, first) = told(&[(of.clone(), linked.clone()), (root.clone(), plain())]);
        assert_eq!(found, 1, "{first}");
        assert!(first.contains(root.mechanism.id()), "{first}");
        let (found, _) = told(&[(of.clone(), apart.clone()), (root.clone(), plain())]);
        assert_eq!(found, 2);
    }

    #[test]
    fn an_error_body_taken_for_a_login_explains_what_breaks_where_wechat_answered_an_errcode() {
        let root = broken(
            "ERR-01",
            Mechanism::ErrorBodyAsSuccess,
            "login",
            Outcome::Ok,
        );
        let of = broken("CODE-01", Mechanism::CodeMarkedLate, "login", Outcome::Ok);
        let mut refused = sample::two_phones();
        refused.upstream.push(UpstreamCall {
            errcode: Some(40_163),
            ..UpstreamCall::default()
        });
        check(&root, &of, &refused, &sample::two_phones());
    }

    #[test]
    fn a_wrong_account_explains_what_breaks_where_somebody_was_given_anothers() {
        let outcome = Outcome::Invalid;
        let of = broken(
            "KEY-04",
            Mechanism::LateReplyOverwrites,
            "userinfo",
            outcome,
        );
        let mut shared = sample::two_phones();
        shared.accounts_elsewhere.push(Default::default());
        for root in [
            Mechanism::AccountShared,
            Mechanism::NewestAccountGiven,
            Mechanism::IdGivenTwice,
        ] {
            let root = broken("KEY-01", root, "login", Outcome::Ok);
            check(&root, &of, &shared, &sample::two_phones());
        }
    }

    #[test]
    fn an_answer_without_a_session_explains_a_logout_that_seems_to_do_nothing() {
        let left = Mechanism::IdentityLeftBehind;
        let root = broken("KEY-01", left, "whoami", Outcome::Ok);
        let of = broken(
            "TOK-06",
            Mechanism::LogoutDoesNothing,
            "whoami",
            Outcome::Ok,
        );
        let mut nobody = sample::two_phones();
        let mut whoami = Operation {
            op: "whoami".into(),
            ..Operation::default()
        };
        whoami.answer.outcome = Outcome::Ok;
        nobody.operations.push(whoami);
        check(&root, &of, &nobody, &sample::two_phones());
    }

    #[test]
    fn the_request_that_came_last_explains_a_late_reply_only_where_it_brought_an_older_key() {
        let outcome = Outcome::Relogin;
        let root = broken("KEY-04", Mechanism::RequestOrder, "userinfo", outcome);
        let late = Mechanism::LateReplyOverwrites;
        let of = broken("KEY-04", late, "userinfo", outcome);
        // Asked in the order k1, k2 and answered the other way: only the reply was late.
        let late = sample::two_phones();
        let mut asked_last = late.clone();
        let first = asked_last
            .operations
            .iter()
            .map(|op| op.called)
            .max()
            .unwrap();
        asked_last.operations[0].called = Tick(first.0 + 1);
        // Answered in the order of the keys: only the request was.
        let mut answered_in_order = asked_last.clone();
        let calls = &mut answered_in_order.upstream;
        let (one, two) = (calls[0].released, calls[1].released);
        (calls[0].released, calls[1].released) = (two, one);
        let seen = |history: &History| {
            let root = (root.clone(), answered_in_order.clone());
            told(&[(of.clone(), history.clone()), root])
        };
        let (found, first) = seen(&asked_last);
        assert_eq!(found, 1, "{first}");
        assert!(first.contains("request-order"), "{first}");
        assert_eq!(seen(&late).0, 2);
    }

    #[test]
    fn equal_tokens_explain_what_becomes_of_sessions() {
        let root = broken("TOK-02", Mechanism::DerivedToken, "login", Outcome::Ok);
        let of = broken(
            "TOK-06",
            Mechanism::LogoutDoesNothing,
            "whoami",
            Outcome::Ok,
        );
        let login = |token: &str| {
            let mut login = Operation {
                op: "login".into(),
                ..Operation::default()
            };
            login.answer.token_hash = Some(token.into());
            login
        };
        let (mut equal, mut other) = (sample::two_phones(), sample::two_phones());
        equal.operations = vec![login("a"), login("a")];
        other.operations = vec![login("a"), login("b")];
        check(&root, &of, &equal, &other);
    }

    #[test]
    fn shared_request_state_explains_what_is_seen_only_where_requests_meet() {
        let root = broken(
            "KEY-01",
            Mechanism::SharedRequestState,
            "whoami",
            Outcome::Ok,
        );
        let late = Mechanism::LateReplyOverwrites;
        let of = broken("KEY-04", late, "userinfo", Outcome::Relogin);
        let mut together = sample::two_phones();
        together.forced = Forced::Free;
        check(&root, &of, &together, &sample::two_phones());
    }

    #[test]
    fn what_a_store_keeps_wrongly_is_one_finding_wherever_it_shows() {
        let confused = |op| broken("KEY-01", Mechanism::OpenidConfused, op, Outcome::Ok);
        let helpless = |op| {
            let outcome = Outcome::ServerError;
            broken("KEY-02", Mechanism::UnhelpfulRefusal, op, outcome)
        };
        let plain = || sample::two_phones();
        let both = |a, b| told(&[(a, plain()), (b, plain())]).0;
        assert_eq!(both(confused("login"), confused("whoami")), 1);
        // Two endpoints are mended one by one.
        assert_eq!(both(helpless("userinfo"), helpless("phone_cipher")), 2);
        // Another rule broken by the very same answer is no second cause.
        let mut other = helpless("userinfo");
        other.rule = "KEY-03".into();
        assert_eq!(both(helpless("userinfo"), other), 1);
    }

    #[test]
    fn a_must_is_never_told_with_a_should_and_what_follows_lends_its_weight() {
        let every_time = Mechanism::TokenFetchedEveryTime;
        let mut root = broken("AT-01", every_time, "phone_code", Outcome::Ok);
        root.level = Level::Should;
        let mut of = broken("AT-03", Mechanism::Open, "phone_code", Outcome::ServerError);
        let plain = || sample::two_phones();
        let found = |of: &Violation| told(&[(of.clone(), plain()), (root.clone(), plain())]).0;
        assert_eq!(found(&of), 2);
        of.level = Level::Should;
        assert_eq!(found(&of), 1);
    }
}
