//! What an operation says to the backend's stores while it is proved.

use super::Senses;
use wxmock_model::proof::SaidToStore;
use wxmock_store::{StatementId, StatementKind};

impl Senses<'_> {
    /// The newest statement so far; what comes after it is written down.
    pub(super) fn newest_statement(&self) -> StatementId {
        self.stores.map_or(StatementId(0), |stores| {
            stores.listen();
            stores.last()
        })
    }

    /// What was said since, in turns; what is only set-up is left out.
    pub(super) fn said_since(&self, newest: StatementId) -> Vec<SaidToStore> {
        let log = self.stores.map(|stores| stores.log_since(newest));
        let work = |kind| kind == StatementKind::Work;
        log.into_iter()
            .flatten()
            .filter(|statement| work(statement.kind))
            .map(|statement| SaidToStore {
                store: statement.store.to_string(),
                shape: statement.shape,
            })
            .collect()
    }
}
