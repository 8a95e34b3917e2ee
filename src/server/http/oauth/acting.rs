//! Whom a user acts as who is a Person: one of the Practitioners, Patients and RelatedPersons that the Person is linked with
//! (person.html#links). Chosen before anything is granted, and changed later; what was granted goes on as it was granted.

use super::browser::Browser;
use super::form::Form;
use super::problem::Result;
use super::{Desk, next, sign_in};
use crate::auth::standing::Standing;
use crate::auth::visit::Visitor;
use crate::auth::{account, kept};
use crate::pages::{self, ActingView, GuiseView};
use axum::response::Response;
use store::Key;

/// `GET /auth/{tenant}/acting`
pub async fn show(desk: &Desk<'_>, form: &Form) -> Result<Response> {
    let browser = Browser::of(desk)?;
    match browser.visitor(desk).await? {
        None => sign_in::ask(desk, &browser, "acting").await,
        Some(visitor) => page(desk, &browser, &visitor, next::given(form)?, 200, None).await,
    }
}

/// `POST /auth/{tenant}/acting`
pub async fn choose(desk: &Desk<'_>, form: &Form) -> Result<Response> {
    let browser = Browser::of(desk)?;
    browser.check(desk, form.get("csrf"))?;
    let Some(mut visitor) = browser.visitor(desk).await? else {
        return sign_in::ask(desk, &browser, "acting").await;
    };
    let (chosen, next) = (form.need("as")?, next::given(form)?);
    if !visitor.standings.iter().any(|it| it.fhir_user == chosen) {
        let told = "You cannot act so any more.";
        return page(desk, &browser, &visitor, next, 404, Some(told)).await;
    }
    visitor.visit.value.acts_as = Some(chosen.to_owned());
    kept::decided(kept::write(&*desk.session, vec![visitor.visit.replace()?]).await?)?;
    desk.note_user(&visitor.account.key, Some(chosen));
    tracing::info!(tenant = desk.tenant(), user = visitor.account.value.id, "a person acts as another one of theirs");
    browser.redirect(desk, &next::address(desk, next.unwrap_or("acting")))
}

async fn page(
    desk: &Desk<'_>,
    browser: &Browser,
    visitor: &Visitor,
    next: Option<&str>,
    status: u16,
    problem: Option<&str>,
) -> Result<Response> {
    let now = visitor.standing();
    let mut guises = Vec::new();
    for standing in &visitor.standings {
        let (reference, label) = (standing.fhir_user.clone(), label(desk, standing).await?);
        guises.push(GuiseView { reference, label, is_now: now == Some(standing) });
    }
    tell_apart(&mut guises);
    let view = ActingView {
        tenant: (desk.tenant(), &desk.base()),
        csrf: &browser.csrf(desk),
        user: &visitor.account.value.name,
        guises: &guises,
        next,
        problem,
    };
    next::page(desk, browser, status, pages::acting(&view), next).await
}

/// As what a user acts who could act as something else, in words.
pub async fn shown(desk: &Desk<'_>, visitor: &Visitor) -> Result<Option<String>> {
    if visitor.standings.len() < 2 {
        return Ok(None);
    }
    match visitor.standing() {
        Some(standing) => label(desk, standing).await.map(Some),
        None => Ok(Some("not chosen".to_owned())),
    }
}

/// `as Ana Weiss, practitioner`, `for Bo Weiss`
async fn label(desk: &Desk<'_>, standing: &Standing) -> Result<String> {
    let (of, id) = standing.fhir_user.split_once('/').unwrap_or_default();
    let about = match (of, &standing.patient) {
        ("RelatedPerson", Some(patient)) => Key::new("Patient", patient.as_str()),
        _ => Key::new(of, id),
    };
    let name = account::name_of(&*desk.session, &about).await?;
    Ok(match of {
        "Practitioner" => format!("as {name}, practitioner"),
        "Patient" => format!("as {name}, patient"),
        _ => format!("for {name}, whom you stand by"),
    })
}

/// Adds to those who are called the same what tells them apart.
fn tell_apart(guises: &mut [GuiseView]) {
    let labels: Vec<String> = guises.iter().map(|it| it.label.clone()).collect();
    for guise in guises {
        if labels.iter().filter(|it| **it == guise.label).count() > 1 {
            guise.label = format!("{} ({})", guise.label, guise.reference);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn namesakes_are_told_apart() {
        let guise = |reference: &str, label: &str| GuiseView {
            reference: reference.into(),
            label: label.into(),
            is_now: false,
        };
        let mut all = [guise("Patient/1", "as Bo"), guise("Patient/2", "as Bo"), guise("Patient/3", "for Bo")];
        tell_apart(&mut all);
        assert_eq!(all.map(|it| it.label), ["as Bo (Patient/1)", "as Bo (Patient/2)", "for Bo"]);
    }
}
