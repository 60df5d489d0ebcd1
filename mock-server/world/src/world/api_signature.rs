//! Server API signing: an app's keys, and the numbers its sealed answers are drawn from.

use super::{Pulled, World};
use crate::{AnswerDraw, ApiSignature, AppId, Command, ControlError, UnixMs};

impl World {
    /// Gives an app keys for signed calls, or (`None`) takes them away.
    ///
    /// # Errors
    /// [`ControlError::NoSuchApp`].
    pub fn set_api_signature(
        &mut self,
        now: UnixMs,
        app: &AppId,
        keys: Option<ApiSignature>,
    ) -> Pulled<()> {
        self.record(now, || {
            Command::SetApiSignature(app.clone(), keys.clone().map(Box::new))
        });
        let (no, _) = self.find_app(app)?;
        self.begin(now);
        Ok(
            self.changed(no, None, "api signature keys changed", |turn, _| {
                turn.app.api_signature = keys.map(Box::new);
            }),
        )
    }

    /// An app's keys for signed calls.
    ///
    /// # Errors
    /// [`ControlError::NoSuchApp`].
    pub fn api_signature(&self, app: &AppId) -> Result<Option<&ApiSignature>, ControlError> {
        Ok(self.find_app(app)?.1.api_signature.as_deref())
    }

    /// What the next sealed answer of an app is made with; `None` if there is no such app.
    pub fn draw_answer(&mut self, app: &AppId) -> Option<AnswerDraw> {
        let (no, _) = self.find_app(app).ok()?;
        self.record(self.wall, || Command::DrawAnswer(app.clone()));
        let seed = self.core.seed;
        let found = self.core.app_mut(no)?;
        found.n_sealed += 1;
        Some(AnswerDraw::new(seed, &found.id, found.n_sealed))
    }
}
