//! Sign-on between two tenants of this server: one is the other's provider, with real requests between them.

use super::super::place::{Browser, Place};
use super::issuer::{is_signed_in, register, with};
use serde_json::{Value, json};

/// The provider's way: signs in there, and lets the other tenant in; where that leads.
async fn let_in(browser: &mut Browser<'_>, person: &super::super::place::Person, path: &str) -> String {
    let page = browser.get(path).await.expect(200);
    let sent = browser.sign_in(&page, person).await.expect(303);
    let page = browser.get(sent.needed_header("location")).await.expect(200);
    assert!(page.text().contains("Know that it is you who signs in"), "{}", page.text());
    let answer = browser.submit(&page, "authorize", &[("action", "allow")]).await.expect(303);
    answer.needed_header("location").to_owned()
}

/// Whether by a secret or by the tenant's own key, a user of one tenant signs in to another, and out of both.
#[tokio::test]
async fn one_tenant_signs_anothers_people_in() {
    for is_by_key in [false, true] {
        let (Some(home), Some(guest)) = (Place::new(), Place::new()) else { return };
        let person = home.practitioner().await;
        let back = format!("{}/sign-on/staff/back", guest.issuer());
        let out = format!("{}/signed-out", guest.issuer());
        let jwks = format!("{}/jwks", guest.issuer());
        let mut asked = vec!["--redirect", &back, "--signed-out", &out, "--scope", "openid profile fhirUser"];
        if is_by_key {
            asked.extend(["--jwks-uri", &jwks]);
        }
        let (client, secret) = home.register(&asked);
        let mut registration = with(
            &home.issuer(),
            &[
                json!({ "name": "client-id", "valueString": client }),
                json!({ "name": "client-secret" }),
                json!({ "name": "scope", "valueString": "profile fhirUser" }),
                json!({ "name": "username-claim", "valueString": "sub" }),
                json!({ "name": "rule", "part": [{ "name": "scope", "valueString": "user/*.rs" }] }),
                json!({ "name": "person", "part": [
                { "name": "type", "valueCode": "Practitioner" },
                { "name": "claim", "valueString": "fhirUser" },
                { "name": "system", "valueUri": "urn:ietf:rfc:3986" },
            ] }),
            ],
        );
        registration.push(match &secret {
            Some(secret) => json!({ "name": "client-secret", "valueString": secret }),
            None => json!({ "name": "authentication", "valueCode": "private_key_jwt" }),
        });
        register(&guest, &registration).await.expect(200);

        let mut here = Browser::new(&guest);
        let mut there = Browser::new(&home);
        let path = |location: &str| location.strip_prefix(&home.root).expect("this server's").to_owned();
        let begun = here.get("sign-on/staff?next=account").await.expect(303);
        let answer = let_in(&mut there, &person, &path(begun.needed_header("location"))).await;
        // Nobody in the records is who the provider says.
        let page = here.get(&path(&answer)).await.expect(403).text();
        assert!(page.contains("not found in the records"), "{page}");
        let listed: Value = home.admin.get("Practitioner?_count=1").await.expect(200).json();
        let whole =
            format!("{}/Practitioner/{}", home.admin.base, listed["entry"][0]["resource"]["id"].as_str().unwrap());
        let identifier = json!([{ "system": "urn:ietf:rfc:3986", "value": whole }]);
        guest.admin.create(&json!({ "resourceType": "Practitioner", "identifier": identifier })).await;

        let begun = here.get("sign-on/staff?next=account").await.expect(303);
        let page = there.get(&path(begun.needed_header("location"))).await.expect(200);
        let answer = there.submit(&page, "authorize", &[("action", "allow")]).await.expect(303);
        let answer = here.get(&path(answer.needed_header("location"))).await.expect(303);
        assert_eq!(answer.needed_header("location"), format!("/auth/{}/account", guest.tenant));
        let page = here.get("account").await.expect(200);
        assert!(page.text().contains("Ana Weiss"), "{}", page.text());
        // The form's answer may go on to the provider.
        assert!(page.needed_header("content-security-policy").contains(&format!("form-action 'self' {}", home.root)));

        let left = here.submit(&page, "account", &[("leave", "here")]).await.expect(303);
        let ended = there.get(&path(left.needed_header("location"))).await.expect(303);
        assert_eq!(ended.needed_header("location"), out);
        assert!(here.get("signed-out").await.expect(200).text().contains("You are signed out"));
        assert!(!is_signed_in(&mut here).await && !is_signed_in(&mut there).await);
    }
}
