//! What an operator wants taken back while the store is away is tried until it is.

use std::sync::Arc;

use super::{Admin, AdminAnswer, AdminCode, AdminError, AdminRequest, NOUNS, Says, Verb};
use crate::engine::Retryable;

impl Retryable for AdminError {
    fn is_retryable(&self) -> bool {
        self.code == AdminCode::Unavailable
    }
}

impl Admin {
    /// As [`Admin::answer`], in a process that goes on: what cannot be taken back now is tried until it is.
    ///
    /// # Errors
    /// [`AdminError`]; [`AdminCode::Pending`] where it is tried.
    pub async fn insist(self: &Arc<Self>, request: AdminRequest) -> Result<AdminAnswer, AdminError> {
        let Some(what) = taken_back(&request) else { return self.answer(request).await };
        match self.answer(request.clone()).await {
            Err(error) if error.is_retryable() => {
                let admin = Arc::clone(self);
                let again = move |_| {
                    let (admin, request) = (Arc::clone(&admin), request.clone());
                    async move { admin.answer(request).await }
                };
                if self.engine.keep_trying(what, again) { Err(pending(&error)) } else { Err(error) }
            }
            answer => {
                if answer.is_ok() {
                    self.engine.no_longer(&what);
                }
                answer
            }
        }
    }
}

/// What it takes back, if it does, in the words of the command.
fn taken_back(request: &AdminRequest) -> Option<String> {
    let AdminRequest { noun, verb, arguments } = request;
    let row: &Verb = NOUNS.iter().filter(|row| row.name == noun).flat_map(|row| row.verbs).find(|row| row.verb == verb)?;
    let Says::TakenBack(_) = row.says else { return None };
    let on = row.arguments.iter().filter_map(|argument| arguments.optional(argument.name));
    Some([noun, verb].into_iter().map(String::as_str).chain(on).collect::<Vec<_>>().join(" "))
}

fn pending(error: &AdminError) -> AdminError {
    AdminError::new(AdminCode::Pending, format!("{error}; this replica keeps trying until it is taken back"))
}
