//! The way back from a provider.

use super::users::{self, Refused};
use super::{BACK, Desk, address, away, existing, metadata, refused};
use crate::auth::factor::assurance::Proved;
use crate::auth::federation::{
    Attempt, Claims, Expected, Metadata, Prover, Provider, SignOn, Tokens, add_user_info, exchange,
};
use crate::auth::kept::{self, Entry};
use crate::auth::secret;
use crate::auth::session_limits::SessionLimits;
use crate::http::oauth::browser::Browser;
use crate::http::oauth::form::Form;
use crate::http::oauth::problem::{Problem, Result};
use crate::http::oauth::second;
use axum::response::Response;

/// What a provider may say where it lets somebody not in, and what that means (OpenID Connect Core section 3.1.2.6). Its own
/// words are not repeated: anybody can make such a link.
const REFUSALS: [(&str, &str); 4] = [
    ("access_denied", "The provider did not let you in, or you said no."),
    ("login_required", "You are not signed in at the provider."),
    ("temporarily_unavailable", "The provider is too busy. Try again in a moment."),
    ("server_error", "The provider failed. Try again in a moment."),
];

/// How much longer a sign-on is kept than the sign-in may last, in milliseconds: a second factor may be asked for in between.
const SPARE: i64 = 15 * 60 * 1000;

/// Why somebody who comes back is not signed in.
enum Failed {
    /// The provider does not answer as it must: a cause for the log.
    Away(String),
    /// What the provider says is not good: a cause for the log.
    Flawed(&'static str),
    /// What it says lets nobody in here.
    Refused(Refused),
    /// Something here fails.
    Problem(Problem),
}

impl<P: Into<Problem>> From<P> for Failed {
    fn from(problem: P) -> Failed {
        Failed::Problem(problem.into())
    }
}

/// `GET /auth/{tenant}/sign-on/{provider}/back`
pub async fn back(desk: &Desk<'_>, id: &str, form: &Form) -> Result<Response> {
    let browser = Browser::of(desk)?;
    let Some((attempt, state)) = taken(desk, &browser, id, form).await? else {
        let told =
            "This answer is not one to a question of your browser's, is too old, or was used before. Sign in again.";
        return Ok(refused(desk, 403, "account", told));
    };
    let next = attempt.value.next.as_str();
    let provider = existing(desk, id).await?;
    if let Some(error) = form.get("error") {
        let known = REFUSALS.iter().find(|(code, _)| *code == error);
        tracing::info!(tenant = desk.tenant(), provider = id, error = known.map(|it| it.0), "a provider let nobody in");
        return Ok(refused(desk, 403, next, known.map_or("The provider did not let you in.", |(_, told)| told)));
    }
    match signed_on(desk, &browser, &provider, form, (state, next)).await {
        Ok(response) => Ok(response),
        Err(Failed::Away(cause)) => away(desk, id, next, &cause),
        Err(Failed::Flawed(cause)) => {
            tracing::warn!(tenant = desk.tenant(), provider = id, cause, "a provider's answer is refused");
            Ok(refused(desk, 403, next, "What the provider answered is not as it must be. Nobody was signed in."))
        }
        Err(Failed::Refused(why)) => {
            tracing::info!(
                tenant = desk.tenant(),
                provider = id,
                why = why.cause(),
                "a provider's person is not let in"
            );
            Ok(refused(desk, 403, next, why.told()))
        }
        Err(Failed::Problem(problem)) => Err(problem),
    }
}

/// The attempt that an answer belongs to, which is used up by this, and its state. It is this browser's: an answer that somebody
/// else got would sign this browser in as somebody else (RFC 6749 section 10.12).
async fn taken<'f>(
    desk: &Desk<'_>,
    browser: &Browser,
    id: &str,
    form: &'f Form,
) -> Result<Option<(Entry<Attempt>, &'f str)>> {
    let Some(state) = form.get("state") else { return Ok(None) };
    let found = kept::find::<Attempt>(&*desk.session, &secret::hash(state)).await?;
    let is_ours = |it: &Entry<Attempt>| it.value.provider == id && it.value.browser == secret::hash(browser.cookie());
    let Some(attempt) = found.filter(is_ours) else { return Ok(None) };
    let is_first = kept::write(&*desk.session, vec![attempt.delete()]).await?;
    Ok(is_first.then_some((attempt, state)))
}

/// Signs somebody in whom the provider lets in, or asks for the second factor that is owed here.
async fn signed_on(
    desk: &Desk<'_>,
    browser: &Browser,
    provider: &Entry<Provider>,
    form: &Form,
    (state, next): (&str, &str),
) -> Result<Response, Failed> {
    let metadata = metadata(desk, provider).await.map_err(Failed::Away)?;
    if !metadata.may_answer(form.get("iss")) {
        return Err(Failed::Flawed("the answer is another issuer's, or does not say whose it is"));
    }
    let code = form.get("code").ok_or(Failed::Flawed("the answer has no code"))?;
    let (claims, id_token) = claims(desk, provider, &metadata, code, state).await?;
    let account = users::user(desk, provider, &claims).await?.map_err(Failed::Refused)?;
    let until = desk.now + SessionLimits::of(&*desk.session).await?.longest + SPARE;
    let told = (&*provider.key, claims.text("sid"), &*id_token);
    let sign_on = SignOn::begin(&*desk.session, &desk.known.tenant, told, &account.key, until).await?;
    let proved = Proved { sign_on: Some(sign_on), ..Proved::from(claims.methods()) };
    Ok(second::proceed(desk, browser, &account, proved, next).await?)
}

/// What the provider says of who signed in there, and its id token.
async fn claims(
    desk: &Desk<'_>,
    provider: &Entry<Provider>,
    metadata: &Metadata,
    code: &str,
    state: &str,
) -> Result<(Claims, String), Failed> {
    let (tenant, outgoing) = (&desk.known.tenant, &desk.server.providers.outgoing);
    let secret = provider.value.secret(tenant, &provider.key)?;
    let prover = Prover { tenant, keys: &desk.known.keys, id: &provider.key, now: desk.now };
    let proof = prover.proof(&provider.value, metadata, secret.as_deref()).map_err(Failed::Away)?;
    let (verifier, redirect_uri) = (Attempt::verifier(tenant, state), address(desk, &provider.key, BACK));
    let exchanged = exchange(outgoing, &provider.value, metadata, proof, (code, &verifier, &redirect_uri)).await;
    let Tokens { id_token, access_token } = exchanged.map_err(Failed::Away)?;
    let expected = Expected {
        tenant: desk.tenant(),
        provider: &provider.value,
        metadata,
        secret: secret.as_deref(),
        now: desk.now,
    };
    let signed = expected.signed(&desk.server.providers.keys, &id_token).await.map_err(Failed::Flawed)?;
    let nonce = Attempt::nonce(tenant, state);
    let mut claims = signed.id_token(&nonce, access_token.as_deref()).map_err(Failed::Flawed)?;
    if provider.value.asks_user_info {
        add_user_info(outgoing, metadata, access_token.as_deref(), &mut claims).await.map_err(Failed::Away)?;
    }
    Ok((claims, id_token))
}
