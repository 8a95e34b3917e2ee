//! What an authorization server does is in its tenant's audit log before the answer leaves: who signed in or tried to, which
//! tokens were asked for, what people and apps changed about signing in.

use super::problem::Result;
use super::{
    ACCOUNT, ACTING, AUTHENTICATOR, AUTHORIZE, CLINICS, CONFIRM_EMAIL, Desk, EMAIL, END_SESSION, FORGOTTEN, INTROSPECT,
    INVITATION, LINK, PASSKEY, PASSKEYS, PASSWORD, RECOVERY, REGISTER, REGISTRATION, RESET, REVOKE, SECOND, SIGN_IN,
    SIGN_ON_BACK, SIGN_ON_LOGOUT, SIGN_UP, TOKEN, USER_INFO,
};
use crate::act;
use crate::audit::{self, UNKNOWN};
use crate::auth::Holder;
use crate::auth::grant::Grant;
use crate::http::route::Route;
use axum::response::Response;
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
        let mut parties = self.parties();
        parties.client = Some(id.to_owned());
        act::amend(|it| parties.fill(it));
    }

    /// A user takes part, or somebody who gives a user's name.
    pub(super) fn note_user(&self, name: &str, fhir_user: Option<&str>) {
        let mut parties = self.parties();
        parties.user = Some(name.to_owned());
        parties.fhir_user = fhir_user.map(str::to_owned).or_else(|| parties.fhir_user.take());
        act::amend(|it| parties.fill(it));
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

    /// Carries out what an endpoint does. Its event goes with what it changes, or is entered before the answer leaves; fails
    /// where that is not possible.
    pub(super) async fn entered(
        &self,
        endpoint: &Route,
        is_post: bool,
        work: impl Future<Output = Result<Response>>,
    ) -> Result<Response> {
        let Some(what) = event(endpoint, is_post).filter(|_| self.server.engine.settings().audit) else {
            return work.await;
        };
        let followed = async {
            act::begin(&*self.session, self.event(what, endpoint, 200));
            let result = work.await;
            (result, act::end())
        };
        let (result, is_kept) = act::may_act(followed).await;
        let status = result.as_ref().map_or_else(|it| it.status, |it| it.status().as_u16());
        // What was changed was told with the change; that it went wrong all the same is another event. Of what is refused for its rate
        // the log is told otherwise: each by itself would fill it.
        let is_told = self.meter.is_over() && status == 429;
        if !is_told && (!is_kept || status >= 400) {
            self.server.engine.record(&*self.session, self.event(what, endpoint, status)).await?;
        }
        result
    }

    fn event(&self, what: Security, endpoint: &Route, status: u16) -> SecurityEvent {
        let origin = audit::origin(self.parts, &self.server.proxies, &Holder::default());
        let asked = Some(endpoint.pattern.to_owned());
        let mut event =
            SecurityEvent { what, status, subject: UNKNOWN.to_owned(), origin, about: None, asked, reason: None };
        self.parties().fill(&mut event);
        event
    }
}

impl Parties {
    fn fill(&self, event: &mut SecurityEvent) {
        let Parties { client, user, fhir_user } = self;
        event.subject = user.clone().or_else(|| client.clone()).unwrap_or_else(|| UNKNOWN.to_owned());
        event.origin.client.clone_from(client);
        event.origin.user.clone_from(fhir_user);
        event.about.clone_from(user);
    }
}

/// What a request to an endpoint does; nothing where it only shows a page or what everybody may know (as the tests say of each).
fn event(endpoint: &Route, is_post: bool) -> Option<Security> {
    let is = |these: &[&Route]| these.contains(&endpoint);
    match is_post {
        _ if is(&[&SIGN_ON_BACK]) => Some(Security::SignIn),
        _ if is(&[&END_SESSION]) => Some(Security::SignOut),
        _ if is(&[&USER_INFO]) => Some(Security::UserInfo),
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

#[cfg(test)]
mod tests {
    use super::super::{ENDPOINTS, OF_PROVIDERS};
    use super::*;

    /// What leaves no event, and why.
    const SILENT: &[(&str, &str)] = &[
        (
            "GET [auth]/authorize",
            "shows a page; patients to choose from are searched for, which is an event of its own",
        ),
        ("POST [auth]/par", "what an app is about to ask for; the asking is told"),
        ("GET [auth]/second", "a page"),
        ("GET [auth]/authenticator", "a page of the user's own"),
        ("GET [auth]/passkeys", "a page of the user's own"),
        ("GET [auth]/recovery-codes", "a page of the user's own"),
        ("GET [auth]/account", "a page of the user's own"),
        ("GET [auth]/acting", "a page of the user's own"),
        ("GET [auth]/clinics", "a page of the user's own"),
        ("GET [auth]/link", "a page of the user's own"),
        ("GET [auth]/arrive", "goes on to the sign-in that was handed over"),
        ("GET [auth]/forgotten", "a page"),
        ("GET [auth]/reset", "a page"),
        ("GET [auth]/password", "a page"),
        ("GET [auth]/email", "a page"),
        ("GET [auth]/confirm-email", "a page"),
        ("GET [auth]/invitation", "a page"),
        ("GET [auth]/sign-up", "a page"),
        ("GET [auth]/registration", "a page"),
        ("GET [auth]/signed-out", "a page"),
        ("GET [auth]/sign-on/[provider]", "goes on to the provider"),
        ("GET [auth]/sign-on/[provider]/jwks", "public"),
        ("GET [auth]/jwks", "public"),
        ("GET [auth]/style", "public"),
        ("GET [auth]/theme.css", "public"),
        ("GET [auth]/logo", "public"),
        ("GET [auth]/brands", "public"),
        ("GET [auth]/.well-known/openid-configuration", "public"),
    ];

    #[test]
    fn every_address_leaves_an_event_or_says_why_not() {
        for endpoint in ENDPOINTS.iter().copied().chain(OF_PROVIDERS) {
            for method in endpoint.methods.split(", ") {
                let row = format!("{method} {}", endpoint.pattern);
                let reason = SILENT.iter().find(|it| it.0 == row).map(|it| it.1);
                match (event(endpoint, method == "POST"), reason) {
                    (Some(_), None) => {}
                    (None, Some(reason)) => assert!(!reason.is_empty(), "{row}"),
                    (Some(_), Some(_)) => panic!("{row} leaves an event, and is said to leave none"),
                    (None, None) => panic!("{row} leaves no event in the audit log, and nobody says why"),
                }
            }
        }
    }
}
