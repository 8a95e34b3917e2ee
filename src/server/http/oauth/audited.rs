//! What an authorization server does is in its tenant's audit log before the answer leaves: who signed in or tried to, which
//! tokens were asked for, what people and apps changed about signing in.

use super::problem::Result;
use super::{
    ACCOUNT, ACTING, AUTHENTICATOR, AUTHORIZE, CLINICS, CONFIRM_EMAIL, Desk, EMAIL, END_SESSION, FORGOTTEN, INTROSPECT,
    INVITATION, LINK, PASSKEY, PASSKEYS, PASSWORD, RECOVERY, REGISTER, REGISTRATION, RESET, REVOKE, SECOND, SIGN_IN,
    SIGN_ON_BACK, SIGN_ON_LOGOUT, SIGN_UP, TOKEN,
};
use crate::audit::{self, UNKNOWN};
use crate::auth::Holder;
use crate::auth::grant::Grant;
use crate::http::route::Route;
use engine::{Security, SecurityEvent};
use std::sync::PoisonError;

/// Who turned out to take part in a request.
#[derive(Default)]
pub(super) struct Parties {
    client: Option<String>,
    user: Option<String>,
    fhir_user: Option<String>,
}

impl Desk<'_> {
    /// A client proved to be the one it says.
    pub(super) fn note_client(&self, id: &str) {
        self.parties().client = Some(id.to_owned());
    }

    /// A user takes part, or somebody who gives a user's name.
    pub(super) fn note_user(&self, name: &str, fhir_user: Option<&str>) {
        let mut parties = self.parties();
        parties.user = Some(name.to_owned());
        parties.fhir_user = fhir_user.map(str::to_owned).or_else(|| parties.fhir_user.take());
    }

    /// What is asked for belongs to a grant.
    pub(super) fn note_grant(&self, grant: &Grant) {
        self.note_client(&grant.client);
        if let Some(user) = &grant.account {
            self.note_user(user, grant.fhir_user.as_deref());
        }
    }

    fn parties(&self) -> std::sync::MutexGuard<'_, Parties> {
        self.parties.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Enters what an endpoint did. Fails where that is not possible: then its answer must not leave.
    pub(super) async fn enter(&self, endpoint: &Route, is_post: bool, status: u16) -> Result<()> {
        let Some(what) = event(endpoint, is_post) else { return Ok(()) };
        let Parties { client, user, fhir_user } = std::mem::take(&mut *self.parties());
        let subject = user.clone().or_else(|| client.clone()).unwrap_or_else(|| UNKNOWN.to_owned());
        let holder = Holder { client, fhir_user, ..Holder::default() };
        let origin = audit::origin(self.parts, &self.server.proxies, &holder);
        let asked = Some(endpoint.pattern.to_owned());
        let event = SecurityEvent { what, status, subject, origin, about: user, asked };
        Ok(self.server.engine.record(&*self.session, event).await?)
    }
}

/// What a request to an endpoint does; nothing where it only shows a page or what everybody may know.
fn event(endpoint: &Route, is_post: bool) -> Option<Security> {
    let is = |these: &[&Route]| these.contains(&endpoint);
    match is_post {
        _ if is(&[&SIGN_ON_BACK]) => Some(Security::SignIn),
        _ if is(&[&END_SESSION]) => Some(Security::SignOut),
        false => None,
        true if is(&[&SIGN_IN, &SECOND, &PASSKEY]) => Some(Security::SignIn),
        true if is(&[&ACCOUNT, &SIGN_ON_LOGOUT]) => Some(Security::SignOut),
        true if is(&[&TOKEN]) => Some(Security::Token),
        true if is(&[&INTROSPECT]) => Some(Security::Introspection),
        true if is(&[&REVOKE]) => Some(Security::Revocation),
        true if is(&[&AUTHORIZE, &REGISTER]) => Some(Security::Configuration),
        true if is(&[&ACTING, &AUTHENTICATOR, &PASSKEYS, &RECOVERY, &CLINICS, &LINK, &FORGOTTEN, &RESET]) => {
            Some(Security::User)
        }
        true if is(&[&PASSWORD, &EMAIL, &CONFIRM_EMAIL, &INVITATION, &SIGN_UP, &REGISTRATION]) => Some(Security::User),
        true => None,
    }
}
