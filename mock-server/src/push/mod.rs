//! Sends what the world says is due, and tells it what came back. Knows no message: the world writes, judges and repeats.

mod send;

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use wxmock_world::{AppId, Event, EventKind, PushAnswer, PushNo};

use crate::handle::{Handle, Phase};

/// Attempts on their way from the world to the sender, and word that one ended.
#[derive(Debug)]
pub(crate) struct Pushes {
    due: mpsc::UnboundedSender<Due>,
    waiting: Mutex<Option<mpsc::UnboundedReceiver<Due>>>,
    ended: watch::Sender<u64>,
}

type Due = (AppId, PushNo);

impl Default for Pushes {
    fn default() -> Self {
        let (due, waiting) = mpsc::unbounded_channel();
        Self {
            due,
            waiting: Mutex::new(Some(waiting)),
            ended: watch::Sender::new(0),
        }
    }
}

impl Pushes {
    /// Looks at what a command of the world brought about.
    pub(crate) fn follow(&self, events: &[Event]) {
        for event in events {
            match (&event.kind, &event.app) {
                (EventKind::PushSent { push, .. }, Some(app)) => {
                    // Without a sender there is no server any more, and nobody to send.
                    let _ = self.due.send((app.clone(), *push));
                }
                (EventKind::PushAnswered { .. }, _) => self.ended.send_modify(|n| *n += 1),
                _ => {}
            }
        }
    }

    /// Changes whenever an attempt has ended.
    pub(crate) fn ended(&self) -> watch::Receiver<u64> {
        self.ended.subscribe()
    }

    fn take_due(&self) -> Option<mpsc::UnboundedReceiver<Due>> {
        self.waiting
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
    }
}

/// Sends attempts as they fall due, each on a task of its own, until the server stops.
pub(crate) async fn deliver(handle: Handle) {
    let Some(mut due) = handle.pushes().take_due() else {
        return;
    };
    let mut phase = handle.phase().subscribe();
    loop {
        let next = tokio::select! {
            next = due.recv() => next,
            _ = phase.wait_for(|phase| *phase > Phase::Running) => return,
        };
        let Some((app, push)) = next else { return };
        tokio::spawn(attempt(handle.clone(), app, push));
    }
}

async fn attempt(handle: Handle, app: AppId, push: PushNo) {
    let due = |handle: &Handle| handle.with_world(|world, _| world.push_request(&app, push));
    let Some(request) = due(&handle) else { return };
    // A backend is told nothing that could still be lost.
    if handle.durable().await.is_err() {
        return;
    }
    let limit = Duration::from_millis(request.settings.answer_within.0);
    let heard = match tokio::time::timeout(limit, send::exchange(&request)).await {
        Ok(Ok((status, body))) => PushAnswer::Answer { status, body },
        Ok(Err(why)) => PushAnswer::Nothing(why),
        Err(_) => PushAnswer::Nothing(format!(
            "{} did not answer within {}",
            request.settings.url, request.settings.answer_within
        )),
    };
    // After a reset the same number may be another push.
    if due(&handle).as_ref() == Some(&request) {
        // An app deleted meanwhile wants to hear nothing.
        let _ = handle
            .with_world(|world, now| world.push_answered(now, &app, push, request.attempt, &heard));
    }
}
