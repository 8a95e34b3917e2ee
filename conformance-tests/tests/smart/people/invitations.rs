//! Invitations.

use super::*;

fn texts(answer: &Value, name: &str) -> Vec<String> {
    let parameters = answer["parameter"].as_array().cloned().unwrap_or_default();
    let of = |it: &Value| it["valueString"].as_str().map(str::to_owned);
    let parts = parameters.iter().flat_map(|it| it["part"].as_array().cloned().unwrap_or_default());
    parameters.iter().cloned().chain(parts).filter(|it| it["name"] == name).filter_map(|it| of(&it)).collect()
}

async fn invite(place: &Place<'_>, email: &str, user: &str) -> String {
    let pairs = [("email", email), ("user", user)];
    let answer = place.admin.post("$invite", &parameters(&pairs)).await.expect(200).json();
    texts(&answer, "id").remove(0)
}

async fn a_patient(place: &Place<'_>) -> String {
    format!("Patient/{}", place.patient("Vonderhaar").await)
}

/// Who is invited chooses name and password, once; the account has who it is and the address.
#[tokio::test]
async fn an_invitation_makes_a_user_once() {
    let Some(post) = Post::new(&[]) else { return };
    let place = post.place();
    let user = a_patient(&place).await;
    let id = invite(&place, "Maria@example.org", &user).await;
    let listed = place.admin.post("$invitations", &parameters(&[])).await.expect(200).json();
    assert_eq!((texts(&listed, "id"), texts(&listed, "user")), (vec![id.clone()], vec![user.clone()]));

    let link = post.link(1).await;
    let mut browser = Browser::new(&place);
    let page = browser.get(&link).await.expect(200);
    // A link may have come to the wrong person.
    assert!(!page.text().contains("Vonderhaar") && !page.text().contains(&user));
    assert!(page.text().contains("value=\"maria@example.org\""));
    let weak = browser.submit(&page, "invitation", &[("username", "maria"), ("password", "short")]).await.expect(400);
    assert!(weak.text().contains("value=\"maria\""));
    let form = [("username", "maria"), ("password", PASSWORD)];
    browser.submit(&weak, "invitation", &form).await.expect(200);

    assert_eq!(signs_in(&place, "maria", PASSWORD).await, 303);
    browser.submit(&weak, "invitation", &[("username", "maria-2"), ("password", PASSWORD)]).await.expect(400);
    let listed = place.admin.post("$invitations", &parameters(&[])).await.expect(200).json();
    assert!(texts(&listed, "id").is_empty());
    fill(&place, "forgotten", "forgotten", &[("username", "maria")]).await.expect(200);
    assert!(post.mail(2).await.contains("To: Maria@example.org"));
}

/// A new link ends the one before; a revoked invitation has none.
#[tokio::test]
async fn an_invitation_is_sent_again_and_revoked() {
    let Some(post) = Post::new(&[]) else { return };
    let place = post.place();
    let user = a_patient(&place).await;
    let id = invite(&place, "maria@example.org", &user).await;
    let first = post.link(1).await;
    place.admin.post("$resend-invitation", &parameters(&[("id", &id)])).await.expect(200);
    let second = post.link(2).await;
    let mut browser = Browser::new(&place);
    browser.get(&first).await.expect(400);
    browser.get(&second).await.expect(200);
    place.admin.post("$revoke-invitation", &parameters(&[("id", &id)])).await.expect(200);
    browser.get(&second).await.expect(400);
    place.admin.post("$revoke-invitation", &parameters(&[("id", &id)])).await.expect_outcome(404..=404);
}

/// Neither has one whose time is over.
#[tokio::test]
async fn an_invitation_runs_out() {
    // The mail goes with it: it has to leave within that time.
    const TIME: Duration = Duration::from_secs(10);
    let Some(post) = Post::new(&["--invitation-time", "10s"]) else { return };
    let place = post.place();
    let user = a_patient(&place).await;
    let begun = Instant::now();
    invite(&place, "maria@example.org", &user).await;
    let link = post.link(1).await;
    let mut browser = Browser::new(&place);
    runs_out(begun, TIME, async || browser.get(&link).await.expect_in(200..=400).status == 200).await;
}

/// Administrators invite, and whom they name is there.
#[tokio::test]
async fn not_everybody_invites_and_not_everybody_is_invited() {
    let Some(post) = Post::new(&[]) else { return };
    let (place, elsewhere) = (post.place(), post.place());
    let (user, id) = (a_patient(&place).await, "none");
    let reader = place.with(Some(&place.program.token(&place.tenant, "system/*.rs user/*.cruds")));
    let pairs = [("email", "maria@example.org"), ("user", &*user)];
    for (operation, pairs) in [
        ("$invite", &pairs[..]),
        ("$invitations", &[]),
        ("$resend-invitation", &[("id", id)]),
        ("$revoke-invitation", &[("id", id)]),
        ("$applicants", &[]),
        ("$approve-applicant", &[("username", "maria"), ("patient", &user)]),
        ("$refuse-applicant", &[("username", "maria")]),
    ] {
        reader.post(operation, &parameters(pairs)).await.expect_outcome(403..=403);
    }
    for (email, user, scope) in [
        ("maria", &*user, "patient/*.rs"),
        ("maria@example.org\r\nBcc: bo@example.org", &user, "patient/*.rs"),
        ("maria@example.org, bo@example.org", &user, "patient/*.rs"),
        ("maria@example.org", "Patient/nobody", "patient/*.rs"),
        ("maria@example.org", "Device/1", "patient/*.rs"),
        ("maria@example.org", &user, "patient/*.everything"),
    ] {
        let pairs = [("email", email), ("user", user), ("scope", scope)];
        place.admin.post("$invite", &parameters(&pairs)).await.expect_outcome(400..=400);
    }
    invite(&place, "maria@example.org", &user).await;
    let other = post.link(1).await.replace(&place.tenant, &elsewhere.tenant);
    Browser::new(&elsewhere).get(&other).await.expect(400);
}
