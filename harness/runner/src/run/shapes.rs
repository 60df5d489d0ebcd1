//! Which part of WeChat's reply a backend cannot do without, asked when a plain login fails: the same login of a new person
//! under every other legal shape.
//!
//! It does not know why the backend wants it so.

use super::calibrate::{login, one_phone};
use super::play::{Piece, play};
use super::stage::RunContext;
use wxmock_model::history::Outcome;
use wxmock_model::lang::Say;
use wxmock_model::mechanism::Mechanism;
use wxmock_model::order::Order;
use wxmock_model::program::{FieldOrder, Place, Program, ShapeChange, Step, Verb};
use wxmock_model::program::{Returns, Rotation};
use wxmock_model::say;
use wxmock_model::verdict::{Impact, Level, Violation};

/// A legal shape of the exchange's reply that is not the usual one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    /// Labelled application/json instead of text/plain.
    JsonType,
    /// With `errcode: 0`.
    ErrcodeZero,
    /// With the `expires_in` that replies carried once.
    ExpiresIn,
    /// Without a unionid.
    NoUnionid,
    /// Fields in another order.
    Sorted,
    /// `/` as it is, not as `\/`.
    PlainSlash,
    /// All of the older shape at once.
    Everything,
}

impl Shape {
    const ALL: [Self; 7] = [
        Self::JsonType,
        Self::ErrcodeZero,
        Self::ExpiresIn,
        Self::NoUnionid,
        Self::Sorted,
        Self::PlainSlash,
        Self::Everything,
    ];

    fn change(self) -> ShapeChange {
        let json = || Some("application/json".to_owned());
        let mut change = ShapeChange::default();
        match self {
            Self::JsonType => change.content_type = json(),
            Self::ErrcodeZero => change.errcode_zero = Some(true),
            Self::ExpiresIn => change.legacy_expires_in = Some(true),
            Self::NoUnionid => change.no_unionid = Some(true),
            Self::Sorted => change.field_order = Some(FieldOrder::Sorted),
            Self::PlainSlash => change.slash_escape = Some(false),
            Self::Everything => {
                change.content_type = json();
                change.errcode_zero = Some(true);
                change.legacy_expires_in = Some(true);
            }
        }
        change
    }

    /// What a backend does that cannot do without it.
    const fn mechanism(self) -> Mechanism {
        match self {
            Self::JsonType => Mechanism::ContentTypeStrict,
            Self::NoUnionid => Mechanism::UnionidMandatory,
            _ => Mechanism::ShapeStrict,
        }
    }

    /// The finding: nobody gets in under the reply that WeChat really sends.
    fn violation(self, op: &str) -> Violation {
        let sentence = self.sentence();
        Violation {
            rule: "ERR-05".to_owned(),
            level: Level::Must,
            impact: Some(Impact::LockOut),
            op: Some(op.to_owned()),
            mechanism: self.mechanism(),
            sentence: sentence.en,
            sentence_zh: sentence.zh,
            ..Violation::default()
        }
    }

    /// What the backend wants, and what to do.
    fn sentence(self) -> Say {
        match self {
            Self::JsonType => say!(
                "LB-2, content-type-strict: a login fails when WeChat labels its reply text/plain, as the sns endpoints do, and works when the label is application/json; read the body by its content, whatever the header says",
                "LB-2，content-type-strict：微信的 sns 接口把应答标成 text/plain，后端就登录失败；换成 application/json 就成功。请按内容解析返回体，不要看这个头"
            ),
            Self::ErrcodeZero => say!(
                "LB-3, shape-strict: a login fails when WeChat's good reply has no errcode, and works when it says errcode 0; an absent errcode is success",
                "LB-3，shape-strict：微信成功的应答里没有 errcode，后端就登录失败；写上 errcode 0 就成功。没有 errcode 就是成功"
            ),
            Self::ExpiresIn => say!(
                "LB-3, shape-strict: a login fails when WeChat's reply has no expires_in, and works when it has; the field is gone from real replies",
                "LB-3，shape-strict：微信的应答里没有 expires_in，后端就登录失败；加上就成功。真实应答里早已没有这个字段"
            ),
            Self::NoUnionid => say!(
                "LB-4, shape-strict: a login fails when WeChat's reply has a unionid, and works when it has none; apps bound to an Open Platform account get one",
                "LB-4，shape-strict：微信的应答里有 unionid，后端就登录失败；没有反而成功。绑定了开放平台的小程序都会有 unionid"
            ),
            Self::Sorted => say!(
                "LB-3, shape-strict: a login depends on the order of the fields in WeChat's reply; read them by name",
                "LB-3，shape-strict：登录成败取决于微信应答里字段的先后；请按名字取值"
            ),
            Self::PlainSlash => say!(
                "LB-3, shape-strict: a login fails when WeChat writes \\/ for / in a session_key, and works without; parse the reply as JSON",
                "LB-3，shape-strict：session_key 里的 / 写成 \\/，后端就登录失败；不转义就成功。请按 JSON 解析"
            ),
            Self::Everything => say!(
                "LB-2 and LB-3, shape-strict: a login works only when WeChat's reply is labelled application/json and carries errcode 0 and expires_in, none of which real replies do",
                "LB-2、LB-3，shape-strict：只有微信的应答标成 application/json、带 errcode 0 和 expires_in 时才能登录，而真实应答并不如此"
            ),
        }
    }
}

/// What made the difference, if a plain login fails under the usual shape of the reply and works under some other legal one.
///
/// A slow moment fails a login too, so a shape is named only if the usual one fails again beside it, twice.
pub(crate) async fn difference(run_context: &RunContext<'_>, prefix: &str) -> Option<Violation> {
    let mut logins = ["login", "login_profile"].into_iter();
    let op = logins.find(|op| run_context.adapter.has(op))?;
    let plain_fails =
        async |name: String| !gets_in(run_context, &format!("{prefix}{name}"), None).await;
    for at in 0..PLAIN_LOGINS {
        if !plain_fails(format!("s{at}")).await {
            return None;
        }
    }
    for (at, shape) in Shape::ALL.into_iter().enumerate() {
        let works = async |name: &str| {
            let prefix = format!("{prefix}{name}{at}");
            gets_in(run_context, &prefix, Some(shape)).await
        };
        if works("a").await
            && plain_fails(format!("b{at}")).await
            && works("c").await
            && plain_fails(format!("d{at}")).await
        {
            return Some(shape.violation(op));
        }
    }
    None
}

/// So many plain logins in a row fail before another shape is tried.
const PLAIN_LOGINS: usize = 3;

/// Whether a new person gets in, under the usual shape or another.
async fn gets_in(run_context: &RunContext<'_>, prefix: &str, shape: Option<Shape>) -> bool {
    let shaped = shape.map(|shape| Step {
        phone: None,
        text: "shape A".to_owned(),
        label: "shape A".to_owned(),
        verb: Verb::Shape {
            user: "A".to_owned(),
            change: shape.change(),
        },
        op: None,
        place: Place::default(),
    });
    let steps = login(0, run_context.adapter.has("login"));
    let program = Program {
        before: shaped.into_iter().chain(steps).collect(),
        ..one_phone()
    };
    let piece = Piece {
        program: &program,
        rules: (Rotation::MinInterval, Returns::Bound),
        events: &[],
        order: &Order::default(),
        prefix,
    };
    let played = play(run_context, &piece).await;
    let last = played.history.operations.last();
    played.cut.is_none() && last.is_some_and(|operation| operation.answer.outcome == Outcome::Ok)
}
