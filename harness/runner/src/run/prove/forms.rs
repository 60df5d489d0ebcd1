//! In which form an operation reads a person's data: what is spoilt to see a refusal has to be what it reads.

use super::{Guest, Prover};
use crate::fit::DataForm;
use wxmock_model::history::Outcome;
use wxmock_model::proof::{Probe, subject};

impl Prover<'_, '_> {
    /// Of the operations whose requests carry sealed and signed data, notes those that read the signed: they answer as before
    /// when what is sealed is garbage and the signature is right.
    pub(super) async fn forms(&mut self, guest: &Guest) -> Result<(), String> {
        let adapter = self.senses.adapter;
        let asked: Vec<String> = self.granted.iter().map(|seen| seen.op.clone()).collect();
        for op in asked {
            let is_login = matches!(op.as_str(), "login" | "login_profile");
            if !DataForm::are_both_sent_by(adapter, &op) || (is_login && self.spares_logins()) {
                continue;
            }
            let Some(ask) = self.spoilt(&op, Probe::GarbagePayload, guest)? else {
                continue;
            };
            let seen = self.ask(&op, &guest.device, ask).await?;
            let brought = subject(&op).is_none_or(|name| seen.reading.captures.contains_key(name));
            if seen.reading.outcome == Outcome::Ok && brought {
                self.proof.reads_signed.insert(op);
            }
        }
        Ok(())
    }

    /// What can be wrong with the data that `op` reads.
    pub(super) fn spoilt_data(&self, op: &str) -> Vec<Probe> {
        let form = if self.proof.reads_signed.contains(op) {
            Some(DataForm::Signed)
        } else {
            DataForm::sent_by(self.senses.adapter, op)
        };
        match form {
            Some(DataForm::Sealed) => {
                let mut spoilt = vec![Probe::GarbagePayload, Probe::UndecodablePayload];
                if DataForm::are_both_sent_by(self.senses.adapter, op) {
                    spoilt.push(Probe::AlteredRawData);
                }
                spoilt
            }
            Some(DataForm::Signed) => vec![Probe::FalseSignature, Probe::AlteredRawData],
            None => Vec::new(),
        }
    }
}
