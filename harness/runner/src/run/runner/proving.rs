//! Before the first case: every operation is exercised, and what has to be refused; what that costs the backend is mended.

use std::sync::Arc;

use super::Runner;
use crate::fit::Described;
use crate::run::error::RunError;
use crate::run::exit;
use crate::run::prove::{Senses, prove};
use crate::run::shapes;
use wxmock_model::lang::Say;
use wxmock_model::say;

impl Runner {
    /// Exercises every described operation once, and what has to be refused.
    pub(super) async fn prove(&mut self) -> Result<(), RunError> {
        let prefix = self.prefix("proving", "-");
        let mut proof = prove(self.senses(&prefix)).await;
        if self.settings.cancel.is_cancelled() {
            return Err(RunError::Cancelled);
        }
        if let Some(backend) = &mut self.backend {
            proof.look_after(backend).await;
        }
        if let Some((code, text)) = proof.failure() {
            let text = self.with_lines(&text, 20);
            let otherwise = RunError::Unproved { code, text };
            return Err(match code {
                exit::BACKEND => self.by_shape(otherwise).await,
                _ => otherwise,
            });
        }
        if let Some(turned_away) = proof.turned_away.take()
            && self.adapter.starts_backend()
        {
            self.restart_unproved().await?;
            let prefix = self.prefix("limit", "-");
            if turned_away.is_no_limit(self.senses(&prefix)).await {
                proof.violations.push(turned_away.violation());
                self.waiting.keeps_refusing();
            }
        }
        if proof.felled && !self.adapter.starts_backend() {
            let said = proof.violations.last().map(|found| Say {
                en: found.sentence.clone(),
                zh: found.sentence_zh.clone(),
            });
            let text = say!(
                "{reason}: {said}",
                "{reason}: {said}",
                reason = exit::REASON_BASELINE,
                said = said.unwrap_or_default()
            );
            return Err(RunError::Unproved {
                code: exit::BACKEND,
                text,
            });
        }
        if proof.felled {
            // What felled it is told; the cases are for a backend that answers.
            self.restart_unproved().await?;
        }
        self.described = Described::of(&self.adapter).reading_signed(&proof.reads_signed);
        for (op, capture) in &proof.blind {
            self.adapter = Arc::new(self.adapter.without_capture(op, capture));
        }
        self.proof = proof;
        Ok(())
    }

    /// What the proving asks with; `prefix` is a word of its own.
    fn senses<'a>(&'a self, prefix: &'a str) -> Senses<'a> {
        Senses {
            handle: &self.handle,
            adapter: &self.adapter,
            client: &self.client,
            app: &self.app,
            secret: &self.settings.vars.secret,
            prefix,
            stores: self.settings.stores.as_deref(),
            cancel: &self.settings.cancel,
            given: &self.given,
        }
    }

    /// Starts the backend again, before any case.
    async fn restart_unproved(&mut self) -> Result<(), RunError> {
        self.restart().await.map_err(|error| {
            RunError::Baseline(format!("backend: it could not be started again: {error}"))
        })
    }

    /// Why a plain login fails: it works under another legal shape of WeChat's reply, or else as said.
    pub(super) async fn by_shape(&self, otherwise: RunError) -> RunError {
        let prefix = self.prefix("shapes", "-");
        let run_context = self.run_context(self.pace());
        let difference = shapes::difference(&run_context, &prefix).await;
        difference.map_or(otherwise, |found| RunError::Shape(Box::new(found)))
    }
}
