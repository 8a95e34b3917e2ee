//! What those who are signed in change: the password, the address.

use super::*;

async fn signed_in<'p>(place: &'p Place<'p>, person: &Person) -> Browser<'p> {
    let mut browser = Browser::new(place);
    let page = browser.get("account").await.expect(200);
    browser.sign_in(&page, person).await.expect(303);
    browser
}

/// Who knows the password changes it; every other sign-in ends.
#[tokio::test]
async fn a_password_is_changed_by_who_knows_it() {
    let Some(post) = Post::new(&[]) else { return };
    let place = post.place();
    let person = user_with(&place, "ana@example.org").await;
    let (mut here, mut there) = (signed_in(&place, &person).await, signed_in(&place, &person).await);
    let page = here.get("password").await.expect(200);
    here.submit(&page, "password", &[("current", "wrong"), ("password", OTHER)]).await.expect(403);
    here.submit(&page, "password", &[("current", PASSWORD), ("password", "short")]).await.expect(400);
    let before = here.cookie.clone();
    here.submit(&page, "password", &[("current", PASSWORD), ("password", OTHER)]).await.expect(200);
    assert_ne!(before, here.cookie);
    assert!(here.get("account").await.text().contains("You are signed in"));
    assert!(there.get("account").await.text().contains("type=\"password\""));
    assert_eq!(signs_in(&place, &person.name, OTHER).await, 303);
    assert!(post.mail(1).await.contains("Subject: Your password was changed"));
}

/// Without mails too; guessing the password is slowed as at the sign-in.
#[tokio::test]
async fn guessing_the_password_that_one_has_is_slowed() {
    let Some(place) = Place::new() else { return };
    let person = place.practitioner().await;
    let mut browser = signed_in(&place, &person).await;
    let page = browser.get("password").await.expect(200);
    let wrong = async || {
        let form = [("current", "wrong"), ("password", OTHER)];
        let from = [("x-forwarded-for", "192.0.2.9")];
        browser.submit_with(&page, "password", &form, &from).await.status
    };
    Attempts::free(5).until_refused(403, wrong).await;
    browser.submit(&page, "password", &[("current", &person.password), ("password", OTHER)]).await.expect(200);
    assert!(Browser::new(&place).get("password").await.expect(200).text().contains("name=\"username\""));
}

/// An address counts once its link was followed; the one before is told, and a link for a forgotten password that went there is
/// good no longer.
#[tokio::test]
async fn an_address_is_confirmed_before_it_counts() {
    let Some(post) = Post::new(&[]) else { return };
    let place = post.place();
    let person = user_with(&place, "old@example.org").await;
    let mut browser = signed_in(&place, &person).await;
    let page = browser.get("email").await.expect(200);
    browser.submit(&page, "email", &[("email", "new@example.org"), ("current", "wrong")]).await.expect(403);
    let form = [("email", "new@example.org\r\nBcc: x@example.org"), ("current", PASSWORD)];
    browser.submit(&page, "email", &form).await.expect(400);
    browser.submit(&page, "email", &[("email", "new@example.org"), ("current", PASSWORD)]).await.expect(200);
    let confirmation = post.link(1).await;
    assert!(post.all()[0].contains("To: new@example.org"));

    fill(&place, "forgotten", "forgotten", &[("username", &person.name)]).await.expect(200);
    assert!(post.mail(2).await.contains("To: old@example.org"));
    let reset = post.link(2).await;
    let mut reader = Browser::new(&place);
    let page = reader.get(&confirmation).await.expect(200);
    reader.get(&reset).await.expect(200);
    reader.submit(&page, "confirm-email", &[]).await.expect(200);
    assert!(post.mail(3).await.contains("To: old@example.org"));
    reader.get(&confirmation).await.expect(400);
    reader.get(&reset).await.expect(400);
}
