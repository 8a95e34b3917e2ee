//! Signing out where a provider signed somebody in: its own session is ended from here (OpenID Connect RP-Initiated Logout
//! 1.0), and it says when it has ended (OpenID Connect Back-Channel Logout 1.0).

use super::{Desk, existing, metadata};
use crate::auth::federation::{Expected, Flaw, Identity, LogOut, LogoutToken, SignOn, identity_key, joined};
use crate::auth::kept::{self, Kept};
use crate::auth::visit::Visitor;
use crate::auth::{account, logout, secret, sign_ins};
use crate::http::answer;
use crate::http::oauth::form::Form;
use crate::http::oauth::problem::{Problem, Result};
use axum::response::Response;
use serde::{Deserialize, Serialize};

/// A mark that a logout token was used, kept under a hash of the provider and its `jti`.
#[derive(Serialize, Deserialize)]
struct Used {}

impl Kept for Used {
    const KIND: &'static str = "logout-token";
}

/// Where a browser goes on that signs out of a visit, if a provider signed it in and has something to end.
pub async fn destination(desk: &Desk<'_>, visitor: &Visitor) -> Result<Option<String>> {
    let Some(name) = &visitor.visit.value.sign_on else { return Ok(None) };
    let Some(sign_on) = kept::find::<SignOn>(&*desk.session, name).await?.map(|it| it.value) else { return Ok(None) };
    // Whoever signs out here is out, whatever becomes of the session there.
    let Ok(provider) = existing(desk, &sign_on.provider).await else { return Ok(None) };
    let Ok(metadata) = metadata(desk, &provider).await else { return Ok(None) };
    let back = format!("{}/signed-out", desk.issuer());
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.append_pair("client_id", &provider.value.client_id);
    let endpoint = match provider.value.log_out {
        LogOut::None => None,
        LogOut::Cognito => {
            query.append_pair("logout_uri", &back);
            metadata.authorization_endpoint.strip_suffix("/oauth2/authorize").map(|it| format!("{it}/logout"))
        }
        LogOut::Openid => {
            query.append_pair("id_token_hint", &sign_on.id_token(&desk.known.tenant)?);
            query.append_pair("post_logout_redirect_uri", &back);
            metadata.end_session_endpoint
        }
    };
    Ok(endpoint.map(|it| joined(&it, &query.finish())))
}

/// `POST /auth/{tenant}/sign-on/{provider}/logout`: the provider says that somebody has signed out.
pub async fn hear(desk: &Desk<'_>, id: &str, form: &Form) -> Result<Response> {
    let provider = existing(desk, id).await?;
    let metadata = metadata(desk, &provider).await.map_err(|cause| Problem {
        status: 503,
        cause: Some(cause),
        ..Problem::new("temporarily_unavailable", "The provider's keys cannot be looked at now.")
    })?;
    let secret = provider.value.secret(&desk.known.tenant, id)?;
    let expected = Expected {
        tenant: desk.tenant(),
        provider: &provider.value,
        metadata: &metadata,
        secret: secret.as_deref(),
        now: desk.now,
    };
    let signed = expected.signed(&desk.server.providers.keys, form.need("logout_token")?).await;
    let token = signed.and_then(|it| it.logout_token()).map_err(refused)?;
    end(desk, id, token).await?;
    Ok(answer::response(200, "application/json", Default::default()))
}

/// Ends what a logout token names: a session, with what was granted in it for no longer; or, where it names none, all of the
/// person's.
async fn end(desk: &Desk<'_>, id: &str, token: LogoutToken) -> Result<()> {
    let (session, mark) = (&*desk.session, secret::hash(&format!("{} {id} {}", id.len(), token.jti)));
    let again = || refused("it was used before");
    if kept::find::<Used>(session, &mark).await?.is_some() {
        return Err(again());
    }
    match (token.session, token.subject) {
        (Some(name), _) => {
            for (account, names) in SignOn::of_session(session, id, &name).await? {
                sign_ins::leave_sign_ons(session, &account, &names).await?;
                for name in names {
                    SignOn::end(session, &name).await?;
                }
            }
            logout::wake(desk.tenant());
        }
        (None, Some(subject)) => {
            let key = identity_key(id, &token.issuer, &subject);
            if let Some(identity) = kept::find::<Identity>(session, &key).await? {
                account::sign_out(session, desk.tenant(), &identity.value.account).await?;
            }
        }
        (None, None) => {}
    }
    // Used up once it has done its work: what fails before this is sent again.
    let first = kept::write(session, vec![kept::insert(mark, &Used {}, Some(token.until))?]).await?;
    if first { Ok(()) } else { Err(again()) }
}

/// Section 2.8
fn refused(why: Flaw) -> Problem {
    Problem::request(format!("The logout token is refused: {why}."))
}
