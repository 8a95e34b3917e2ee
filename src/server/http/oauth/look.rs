//! How a tenant looks: its sheet, its logo, and the brands that apps show. All of it is public.

use super::Desk;
use super::browser::header;
use super::problem::{Problem, Result};
use crate::auth::appearance::Appearance;
use crate::auth::brands::{self, Place, Told};
use crate::auth::secret;
use crate::http::answer;
use crate::http::negotiate::FHIR_JSON;
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, ETAG, IF_NONE_MATCH};
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use serde_json::Value as Json;

/// `GET /auth/{tenant}/theme.css`
pub async fn sheet(desk: &Desk<'_>) -> Result<Response> {
    let look = Appearance::of(&*desk.session).await?;
    let css = look.css(&format!("/auth/{}/logo?v={}", desk.tenant(), look.changed));
    cached(desk, "text/css; charset=utf-8", css.into_bytes(), "no-cache")
}

/// `GET /auth/{tenant}/logo`
pub async fn logo(desk: &Desk<'_>) -> Result<Response> {
    let picture = Appearance::of(&*desk.session).await?.picture();
    let (kind, bytes) = picture.ok_or_else(|| none("The tenant has no logo of its own."))?;
    let mut response = cached(desk, kind, bytes, "public, max-age=300")?;
    let policy = HeaderValue::from_static("default-src 'none'; sandbox");
    response.headers_mut().insert(CONTENT_SECURITY_POLICY, policy);
    Ok(response)
}

/// `GET /auth/{tenant}/brands`
pub async fn brands(desk: &Desk<'_>) -> Result<Response> {
    let told = told(desk).await?.ok_or_else(|| none("The tenant tells of no brands."))?;
    cached(desk, FHIR_JSON, told.bundle.to_string().into_bytes(), "public, max-age=300")
}

/// Adds to SMART's configuration where brands are told, where they are.
pub async fn add_brands(desk: &Desk<'_>, configuration: &mut Json) -> ::fhir::Result<()> {
    if let Some(told) = told(desk).await? {
        configuration["user_access_brand_bundle"] = format!("{}/brands", desk.issuer()).into();
        configuration["user_access_brand_identifier"] = told.primary;
    }
    Ok(())
}

async fn told(desk: &Desk<'_>) -> ::fhir::Result<Option<Told>> {
    // Apps take logos by https alone.
    let has_logo = desk.origin.starts_with("https://") && Appearance::of(&*desk.session).await?.logo.is_some();
    let logo = format!("{}/logo", desk.issuer());
    let place = Place {
        base: &desk.base(),
        origin: &desk.origin,
        portal: &format!("{}/account", desk.issuer()),
        logo: has_logo.then_some(&logo),
    };
    brands::told(&*desk.session, &place).await
}

/// What a client may keep, and ask for again only if it changed.
fn cached(desk: &Desk<'_>, kind: &'static str, content: Vec<u8>, control: &'static str) -> Result<Response> {
    let tag = format!("W/\"{}\"", secret::hash_of(&content));
    let known = desk.parts.headers.get_all(IF_NONE_MATCH).iter().filter_map(|it| it.to_str().ok());
    let is_known = known.flat_map(|it| it.split(',')).any(|it| it.trim() == tag || it.trim() == "*");
    let content = if is_known { Vec::new() } else { content };
    let mut response = answer::response(200, kind, content.into());
    if is_known {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
    }
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static(control));
    headers.insert(ETAG, header(&tag)?);
    Ok(response)
}

fn none(told: &str) -> Problem {
    Problem { status: 404, ..Problem::request(told) }
}
