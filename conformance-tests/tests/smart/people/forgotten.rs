//! Forgotten passwords.

use super::*;

async fn ask(place: &Place<'_>, name: &str) -> Answer {
    fill(place, "forgotten", "forgotten", &[("username", name)]).await
}

/// The link works once and ends everything that was granted; the user is told.
#[tokio::test]
async fn another_password_ends_what_was_granted() {
    let Some(post) = Post::new(&[]) else { return };
    let place = post.place();
    let person = user_with(&place, "ana@example.org").await;
    let app = place.app("user/*.rs offline_access");
    let tokens = place.granted(&app, &person, "user/*.rs offline_access", None).await;
    let mut signed_in = Browser::new(&place);
    let page = signed_in.get("account").await.expect(200);
    signed_in.sign_in(&page, &person).await.expect(303);

    ask(&place, &person.name).await.expect(200);
    let link = post.link(1).await;
    assert!(link.starts_with(&format!("/auth/{}/reset?token=", place.tenant)), "{link}");
    fill(&place, &link, "reset", &[("password", "short")]).await.expect(400);
    fill(&place, &link, "reset", &[("password", OTHER)]).await.expect(200);

    assert!(signed_in.get("account").await.text().contains("type=\"password\""));
    place.refresh(&app, &super::super::place::text(&tokens, "refresh_token")).await.expect(400);
    assert_eq!(signs_in(&place, &person.name, PASSWORD).await, 401);
    assert_eq!(signs_in(&place, &person.name, OTHER).await, 303);
    let notice = post.mail(2).await;
    assert!(
        notice.contains("Subject: Your password was changed") && notice.contains("To: ana@example.org"),
        "{notice}"
    );
    let mut browser = Browser::new(&place);
    assert!(browser.get(&link).await.expect(400).text().contains("does not work"));
}

/// Whether there is a user shows neither in the status nor in the page.
#[tokio::test]
async fn an_unknown_name_is_answered_like_a_known_one() {
    let Some(post) = Post::new(&[]) else { return };
    let place = post.place();
    let known = user_with(&place, "ana@example.org").await;
    let without_address = place.practitioner().await;
    let disabled = user_with(&place, "bo@example.org").await;
    place.program.succeed(&["user", "disable", "--tenant", &place.tenant, &disabled.name]);
    let mut answers = Vec::new();
    for name in ["nobody-at-all", &without_address.name, &disabled.name, &known.name] {
        let answer = ask(&place, name).await.expect(200);
        assert!(!answer.text().contains(name));
        answers.push(answer.text());
    }
    assert!(answers.windows(2).all(|it| it[0] == it[1]), "{answers:#?}");
    // The last one alone is known and has an address.
    assert!(post.mail(1).await.contains("To: ana@example.org"));
}

/// Asking again and again sends one mail in a while, leaves the link good, and changes nothing for the user.
#[tokio::test]
async fn asking_bombs_nobody_and_locks_nobody_out() {
    let Some(post) = Post::new(&["--mails-per-address", "2"]) else { return };
    let place = post.place();
    let (person, witness) = (user_with(&place, "ana@example.org").await, user_with(&place, "bo@example.org").await);
    for _ in 0..5 {
        ask(&place, &person.name).await.expect(200);
    }
    assert_eq!(signs_in(&place, &person.name, PASSWORD).await, 303);
    post.mail(1).await;
    ask(&place, &witness.name).await.expect(200);
    // The mail that is second is of somebody else.
    assert!(post.mail(2).await.contains("To: bo@example.org"));
    let link = link(&post.all()[0], &post.server.root);
    fill(&place, &link, "reset", &[("password", OTHER)]).await.expect(200);
}

/// Who asks for many names is slowed down, whoever they are.
#[tokio::test]
async fn asking_is_slowed_for_an_address() {
    let Some(post) = Post::new(&[]) else { return };
    let place = post.place();
    let mut browser = Browser::new(&place);
    let page = browser.get("forgotten").await.expect(200);
    let mut at = 0;
    let ask = async || {
        at += 1;
        let name = format!("nobody-{at}");
        let from = [("x-forwarded-for", "192.0.2.7")];
        browser.submit_with(&page, "forgotten", &[("username", &name)], &from).await.status
    };
    Attempts::free(20).until_refused(200, ask).await;
    let elsewhere = [("x-forwarded-for", "192.0.2.8")];
    browser.submit_with(&page, "forgotten", &[("username", "nobody")], &elsewhere).await.expect(200);
}

/// A link is one tenant's, for one user, and no good beside another password or address.
#[tokio::test]
async fn a_link_is_for_one_user_and_one_password() {
    let Some(post) = Post::new(&[]) else { return };
    let (place, elsewhere) = (post.place(), post.place());
    let person = user_with(&place, "ana@example.org").await;
    ask(&place, &person.name).await.expect(200);
    let link = post.link(1).await;
    let token = link.rsplit_once('=').unwrap().1;
    let (first, rest) = token.split_at(1);
    let changed = format!("{}{rest}", if first == "A" { "B" } else { "A" });
    for wrong in [
        format!("/auth/{}/reset?token={token}", elsewhere.tenant),
        format!("/auth/{}/confirm-email?token={token}", place.tenant),
        format!("/auth/{}/invitation?token={token}", place.tenant),
        format!("/auth/{}/reset?token={changed}", place.tenant),
        format!("/auth/{}/reset", place.tenant),
    ] {
        Browser::new(&place).get(&wrong).await.expect(400);
    }
    let mut forged = Browser::new(&place);
    let page = forged.get(&link).await.expect(200);
    forged.submit(&page, "reset", &[("password", OTHER), ("csrf", "AAAA")]).await.expect(403);
    place.program.succeed(&["user", "password", "--tenant", &place.tenant, &person.name]);
    Browser::new(&place).get(&link).await.expect(400);
}

/// Links are built on the server's own address, whatever a request says of its host.
#[tokio::test]
async fn a_link_never_leads_where_a_request_says() {
    let Some(post) = Post::new(&[]) else { return };
    let place = post.place();
    let person = user_with(&place, "ana@example.org").await;
    let mut browser = Browser::new(&place);
    let page = browser.get("forgotten").await.expect(200);
    let headers = [("host", "evil.example"), ("x-forwarded-host", "evil.example")];
    browser.submit_with(&page, "forgotten", &[("username", &person.name)], &headers).await.expect(200);
    let mail = post.mail(1).await;
    assert!(!mail.contains("evil.example"), "{mail}");
    link(&mail, &post.server.root);
}

/// With base-url that is what they begin with; a server that strangers reach and that does not know its address sends none.
#[tokio::test]
async fn links_begin_with_the_base_url() {
    let Some(post) = Post::new(&["--base-url", "http://fhir.example.org"]) else { return };
    let place = post.place();
    let person = user_with(&place, "ana@example.org").await;
    ask(&place, &person.name).await.expect(200);
    assert!(link(&post.mail(1).await, "http://fhir.example.org").starts_with("/auth/"));
    let other = format!("sqlite:{}", post.program.directory().join("other").display());
    let told = post.program.refuse_to_serve(&["--listen", "0.0.0.0:0", "--mail", "folder:mails", "--database", &other]);
    assert!(told.contains("--base-url"), "{told}");
}

/// Where no mails are sent there is nothing to ask for.
#[tokio::test]
async fn without_mails_nothing_is_offered() {
    let Some(place) = Place::new() else { return };
    let mut browser = Browser::new(&place);
    assert!(!browser.get("account").await.expect(200).text().contains("Forgotten"));
    for page in ["forgotten", "sign-up", "invitation?token=a.b", "reset?token=a"] {
        browser.get(page).await.expect_in(400..500);
    }
    let user = format!("Patient/{}", place.patient("Mine").await);
    let pairs = [("email", "ana@example.org"), ("user", &*user)];
    let told = place.admin.post("$invite", &parameters(&pairs)).await.expect_outcome(400..=499).to_string();
    assert!(told.contains("--mail"), "{told}");
}
