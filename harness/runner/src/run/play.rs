//! Plays one order from its first step to its last: preparation, race, questions. Knows no rule and no verdict.

mod derived;
mod lock;

use wxmock_server::Point;

use super::obligations;
use super::settle::{Decision, Need};
use super::stage::{RunContext, Sample, Stage, Stop};
use super::statements::{Trace, chain_of};
use super::test_users::TestUsers;
use wxmock_model::history::{Ending, History, Outcome, Phase, PhoneRecord, StepKind, UserRecord};
use wxmock_model::order::{Event, EventName, Order};
use wxmock_model::program::{Program, Step, Verb};
use wxmock_model::program::{Returns, Rotation};
use wxmock_model::say;

pub(crate) use lock::Lock;

/// What to play.
pub(crate) struct Piece<'a> {
    pub(crate) program: &'a Program,
    pub(crate) rules: (Rotation, Returns),
    pub(crate) events: &'a [Event],
    pub(crate) order: &'a Order,
    /// A word unique to this attempt at this order.
    pub(crate) prefix: &'a str,
}

/// What came of it. The history is whole up to where the order stopped, however it stopped.
pub(crate) struct Played {
    pub(crate) history: History,
    /// Why it stopped early for a reason the history's ending does not tell.
    pub(crate) cut: Option<Stop>,
    /// A lock that was inferred, by the S events of who waits and who holds.
    pub(crate) lock: Option<Lock>,
    pub(crate) samples: Vec<Sample>,
    /// What the race said to the stores, if it was held there.
    pub(crate) trace: Option<Trace>,
    /// A store gave up a statement because another one was held: what the backend answered to that is no violation.
    pub(crate) gave_up: bool,
}

/// Plays one order to its end.
pub(crate) async fn play(run_context: &RunContext<'_>, piece: &Piece<'_>) -> Played {
    let stage = match stage(run_context, piece) {
        Ok(stage) => stage,
        Err(error) => {
            return Played {
                history: History::default(),
                cut: Some(Stop::Broken(error)),
                lock: None,
                samples: Vec::new(),
                trace: None,
                gave_up: false,
            };
        }
    };
    let mut play = Play {
        stage,
        lock: None,
        at: 0,
    };
    play.stage.record.history_mut().forced = piece.order.forced();
    let stopped = play.all(piece).await.err();
    play.finish(stopped).await
}

/// A stage with the people and phones of a piece, and nothing done yet.
///
/// # Errors
/// The mock's words, if it refuses a person or a phone.
pub(crate) fn stage<'a>(
    run_context: &'a RunContext<'_>,
    piece: &Piece<'a>,
) -> Result<Stage<'a>, String> {
    let test_users = TestUsers::assemble(
        run_context.handle,
        run_context.app,
        piece.program,
        piece.rules,
        piece.prefix,
    )?
    .avoiding_plus(run_context.avoids_plus);
    let devices = piece
        .program
        .phones
        .iter()
        .map(|phone| test_users.device(&phone.user, &phone.device));
    let devices = devices.collect::<Result<_, _>>()?;
    let mut stage = Stage::new(run_context, piece.program, test_users, devices);
    introduce(&mut stage);
    Ok(stage)
}

/// Writes down who takes part, and the secret nobody may see.
fn introduce(stage: &mut Stage<'_>) {
    let users = stage.test_users.people().iter().map(|p| UserRecord {
        name: p.name.clone(),
        user: p.user.to_string(),
        openid: p.openid.clone(),
    });
    let users = users.collect();
    let phones = stage.program.phones.iter();
    let phones = phones
        .map(|p| PhoneRecord {
            name: p.name.clone(),
            user: p.user.clone(),
        })
        .collect();
    let secret = stage.run_context.secret.to_owned();
    let history = stage.record.history_mut();
    history.users = users;
    history.phones = phones;
    history
        .secrets
        .known
        .push((say!("the AppSecret", "AppSecret"), secret));
}

/// Whether a login carries data sealed under another key than its own exchange brought: sending that back is right.
fn is_outdated(history: &History, login: usize) -> bool {
    let payload = history.operations[login].payload;
    let sealed = payload.and_then(|at| history.payloads[at].key_no);
    let mut calls = history.upstream.iter();
    sealed.is_some()
        && calls.any(|call| {
            call.operation == Some(login) && call.key_no.is_some() && call.key_no != sealed
        })
}

struct Play<'a> {
    stage: Stage<'a>,
    lock: Option<Lock>,
    /// Index of the moment of the order that is being carried out.
    at: usize,
}

impl Play<'_> {
    async fn all(&mut self, piece: &Piece<'_>) -> Result<(), Stop> {
        let program = self.stage.program;
        self.stage.record.set_phase(Phase::Before);
        let mut disturbed = false;
        for step in &program.before {
            disturbed |= matches!(step.verb, Verb::Fault { .. } | Verb::Shape { .. });
            self.in_sequence(step).await?;
            if !disturbed {
                self.baseline(step)?;
            }
        }
        self.stage.record.set_phase(Phase::Race);
        self.race(piece).await?;
        self.stage.record.set_phase(Phase::After);
        for step in &program.after {
            self.in_sequence(step).await?;
        }
        self.stage.probe_the_unopened().await?;
        self.stage.probe_across().await?;
        self.stage.log_in_the_mixed_up().await?;
        self.stage.calm_down().await
    }

    async fn in_sequence(&mut self, step: &Step) -> Result<(), Stop> {
        if self.stage.run_context.cancel.is_cancelled() {
            return Err(Stop::Cancelled);
        }
        let from = self.stage.requests.len();
        self.stage.perform(step, None).await?;
        self.stage.settle(Need::Certainty).await?;
        self.stage.try_again(from).await
    }

    /// A login without any fault must succeed in the preparation, or nothing that follows means anything. A login WeChat
    /// itself refused, and one the file expects something of, are the scenario's own business.
    fn baseline(&self, step: &Step) -> Result<(), Stop> {
        let history = self.stage.record.history();
        let Some(operation) = history.operations.last().filter(|o| o.label == step.label) else {
            return Ok(());
        };
        let is_login = matches!(
            step.verb,
            Verb::Login { .. } | Verb::Submit { .. } | Verb::SubmitProfile { .. }
        );
        let last = history.operations.len() - 1;
        let mut calls = history.upstream.iter();
        let refused = calls.any(|call| call.operation == Some(last) && call.errcode.is_some());
        if !is_login
            || refused
            || is_outdated(history, last)
            || operation.answer.outcome == Outcome::Ok
            || self.stage.program.expect.contains_key(&step.label)
        {
            return Ok(());
        }
        let got = match operation.answer.status {
            Some(status) => format!(
                "answered {status} ({:?}): {}",
                operation.answer.outcome, operation.answer.excerpt
            ),
            None => "was not answered".to_owned(),
        };
        Err(Stop::Baseline(format!(
            "{} {} {got}",
            operation.phone, operation.label
        )))
    }

    async fn race(&mut self, piece: &Piece<'_>) -> Result<(), Stop> {
        let from = self.stage.requests.len();
        if piece.order.is_free() {
            self.stage.race_freely(piece).await?;
            return self.stage.try_again(from).await;
        }
        self.stage.hold_stores(piece);
        for (at, moment) in piece.order.moments().iter().enumerate() {
            self.at = at;
            self.moment(piece, moment).await?;
            if self.stage.settle_at_stores().await? == Decision::Blocked {
                self.note_blocked();
                self.stage.blocked_by_a_pool().await?;
            }
        }
        // What the order left open is let go and answered before anybody asks questions.
        self.stage.nothing_due();
        self.stage.settle(Need::Certainty).await?;
        self.stage.try_again(from).await
    }

    /// Takes the steps of one moment without a wait for the backend in between. Replies that stand next to each other leave
    /// one right behind the other, in this order.
    async fn moment(&mut self, piece: &Piece<'_>, mut names: &[EventName]) -> Result<(), Stop> {
        while let Some(first) = names.first() {
            if self.stage.run_context.cancel.is_cancelled() {
                return Err(Stop::Cancelled);
            }
            let is_reply = |name: &&EventName| name.kind == StepKind::Reply;
            let replies = names.iter().take_while(is_reply).count();
            let (now, later) = names.split_at(replies.max(1));
            if first.kind == StepKind::Statement {
                self.resume(*first).await?;
                names = later;
                continue;
            }
            for name in now {
                if !piece.events.iter().any(|event| event.name == *name) {
                    let saw = "the scenario has no such step".to_owned();
                    let at = name.to_string();
                    return Err(Stop::Ended(Ending::Diverged { at, saw }));
                }
            }
            let event = piece.events.iter().find(|event| event.name == *first);
            if let Some(event) = event {
                self.begins(event).await?;
            }
            match event.filter(|_| replies == 0) {
                Some(event) => self.take(piece.program, event).await?,
                None => self.replies(now).await?,
            }
            names = later;
        }
        Ok(())
    }

    /// A request that stays unanswered while others are held is worth a remark; a login that has not even reached WeChat is
    /// looked at when its K step comes.
    fn note_blocked(&mut self) {
        let at = self
            .stage
            .open()
            .filter(|(at, r)| !r.blocked && self.stage.is_stuck(*at))
            .map(|(at, _)| at);
        for at in at.collect::<Vec<_>>() {
            self.stage.requests[at].blocked = true;
            let name = self.stage.name(at);
            self.stage.record.note(format!(
                "{name} is not answered while other replies are held"
            ));
        }
    }

    /// An event of a chain comes: whatever its stores see until all stand again belongs to it.
    async fn begins(&mut self, event: &Event) -> Result<(), Stop> {
        let Some(gated) = &mut self.stage.gated else {
            return Ok(());
        };
        if let Some(held) = gated.held_at(event.chain) {
            if let Some(stop) = self.stage.cannot_happen(event.chain).await? {
                return Err(stop);
            }
            let saw = format!("its statement {held} is still held");
            let at = event.name.to_string();
            return Err(Stop::Ended(Ending::Diverged { at, saw }));
        }
        gated.moves(event.chain, self.at);
        Ok(())
    }

    /// D: lets the statement go at which a chain stands, and those after it.
    async fn resume(&mut self, name: EventName) -> Result<(), Stop> {
        let Some(gated) = &mut self.stage.gated else {
            let saw = "no store of the backend is gated in this run".to_owned();
            let at = name.to_string();
            return Err(Stop::Ended(Ending::Diverged { at, saw }));
        };
        let Err(sent) = gated.resume(name, self.at) else {
            self.stage.stir();
            return Ok(());
        };
        if let Some(stop) = self.stage.cannot_happen(chain_of(name)).await? {
            return Err(stop);
        }
        let saw = format!(
            "the backend sends {sent} statements up to there, and this one is none of them"
        );
        let at = name.to_string();
        Err(Stop::Ended(Ending::Diverged { at, saw }))
    }

    async fn take(&mut self, program: &Program, event: &Event) -> Result<(), Stop> {
        match event.kind {
            StepKind::Commit => self.commit(event.name).await,
            _ => {
                let step = &program.chains[event.chain][event.step];
                self.stage.perform(step, Some(event.name)).await
            }
        }
    }

    /// K: lets the exchange of this chain happen. Its reply stays held.
    async fn commit(&mut self, name: EventName) -> Result<(), Stop> {
        let Some(request) = self.request_of(name) else {
            return self.nothing_to_do(name, "nothing was submitted");
        };
        if self.arrived(request).is_none() && !self.stage.requests[request].done {
            if self.joins_another(request) {
                self.stage.requests[request].commit_due = false;
                self.stage.requests[request].reply_due = false;
                return self.nothing_to_do(name, "it waits for the first submit of the same code");
            }
            if self.stage.settle(Need::Certainty).await? == Decision::Blocked
                && self.stage.exchange(request).is_none()
            {
                return Err(self.infer_lock(request, name).await?);
            }
        }
        self.stage.requests[request].commit_due = false;
        match self.arrived(request) {
            Some(call) => self.stage.let_go(call, Point::Arrived),
            None if self.stage.exchange(request).is_none() => {
                return self.nothing_to_do(name, "it was answered without asking WeChat");
            }
            None => return self.nothing_to_do(name, "its call is past this point already"),
        }
        Ok(())
    }

    /// R: lets the replies of these chains' exchanges go, as one release.
    async fn replies(&mut self, names: &[EventName]) -> Result<(), Stop> {
        let mut calls = Vec::new();
        for &name in names {
            if let Some(call) = self.held_reply(name).await? {
                calls.push(call);
                self.stage.reply(call, name.to_string());
            }
        }
        self.stage.let_replies_go(&calls);
        Ok(())
    }

    /// The call whose reply an R step lets go, which nobody holds back for the schedule's sake from here on.
    async fn held_reply(&mut self, name: EventName) -> Result<Option<usize>, Stop> {
        let Some(request) = self.request_of(name) else {
            self.nothing_to_do(name, "nothing was submitted")?;
            return Ok(None);
        };
        let held = |play: &Self| {
            let at = play.stage.requests[request].exchange?;
            (play.stage.calls[at].parked() == Some(Point::Committed)).then_some(at)
        };
        if held(self).is_none()
            && !self.stage.requests[request].done
            && self.stage.requests[request].reply_due
        {
            // K and R of one chain may stand in one moment: the commit is then still on its way to the second gate.
            self.stage.settle(Need::Rest).await?;
        }
        self.stage.requests[request].reply_due = false;
        let call = held(self);
        if call.is_none() {
            self.nothing_to_do(name, "no reply of it is held")?;
        }
        Ok(call)
    }

    fn nothing_to_do(&mut self, name: EventName, why: &str) -> Result<(), Stop> {
        self.stage
            .record
            .note(format!("{name}: nothing to do, {why}"));
        Ok(())
    }

    /// The request whose S event has this number.
    fn request_of(&self, name: EventName) -> Option<usize> {
        let submit = EventName {
            kind: StepKind::Submit,
            ..name
        };
        self.stage
            .requests
            .iter()
            .position(|r| r.event == Some(submit))
    }

    /// The exchange of a request, if it is held before the commit.
    fn arrived(&self, request: usize) -> Option<usize> {
        let at = self.stage.requests[request].exchange?;
        (self.stage.calls[at].parked() == Some(Point::Arrived)).then_some(at)
    }

    /// Whether an earlier submit of the same code is open and at WeChat: then this one may simply be waiting for it.
    fn joins_another(&self, request: usize) -> bool {
        let code = &self.stage.requests[request].js_code;
        let mut open = self.stage.open();
        let has_own = self.stage.requests[request].exchange.is_some();
        !has_own
            && code.is_some()
            && open.any(|(at, r)| at != request && r.js_code == *code && r.exchange.is_some())
    }

    async fn finish(mut self, stopped: Option<Stop>) -> Played {
        self.derivable_tokens();
        let samples = std::mem::take(&mut self.stage.samples);
        self.stage.pass_stores();
        let trace = self.stage.trace.clone();
        let mut cut = None;
        match stopped {
            None => {}
            Some(Stop::Ended(ending)) => self.stage.record.history_mut().ending = ending,
            Some(other) => cut = Some(other),
        }
        let gave_up = self.stage.gave_up_at_a_store();
        let has_given_up = gave_up.is_some();
        if let Some(ending) = gave_up {
            self.stage.record.history_mut().ending = ending;
        } else if cut != Some(Stop::Cancelled) {
            cut = self.stage.lost_store().await.or(cut);
        }
        self.stage.rest_at_stores();
        let mut obligations = obligations::met(self.stage.record.history());
        obligations.extend(self.stage.witnessed.iter().map(|name| (*name).to_owned()));
        self.stage.record.history_mut().obligations = obligations;
        Played {
            history: self.stage.into_history(),
            cut,
            lock: self.lock,
            samples,
            trace,
            gave_up: has_given_up,
        }
    }
}
