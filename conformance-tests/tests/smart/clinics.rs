//! One person's accounts in several tenants: linking them, switching, and what is done to abuse it.

use super::place::{Browser, Person, Place, query};
use conformance_tests::Answer;
use serde_json::json;

/// A browser that has a cookie for each path, as browsers have.
struct Person2<'p> {
    one: (&'p Place<'p>, Person),
    two: (&'p Place<'p>, Person),
    jar: Vec<(String, String, String)>,
}

impl<'p> Person2<'p> {
    async fn new(one: &'p Place<'p>, two: &'p Place<'p>) -> Person2<'p> {
        Person2 { one: (one, one.practitioner().await), two: (two, two.practitioner().await), jar: Vec::new() }
    }

    async fn send(&mut self, method: &str, path: &str, form: Option<&[(&str, &str)]>) -> Answer {
        let address = format!("{}{path}", self.one.0.root);
        let held = self.jar.iter().filter(|(of, ..)| path.starts_with(&format!("{of}/")));
        let cookies: Vec<String> = held.map(|(_, name, value)| format!("{name}={value}")).collect();
        let mut call = self.one.0.with(None).call(method, &address).header("cookie", &cookies.join("; "));
        if let Some(form) = form {
            call = call.body(super::place::FORM, query(form));
        }
        let answer = call.send().await;
        for set in answer.headers.get_all("set-cookie") {
            let set = set.to_str().unwrap();
            let (name, rest) = set.split_once('=').unwrap();
            let value = rest.split(';').next().unwrap();
            let of = set.split("Path=").nth(1).unwrap().split(';').next().unwrap();
            self.jar.retain(|(path, known, _)| (path.as_str(), known.as_str()) != (of, name));
            self.jar.push((of.to_owned(), name.to_owned(), value.to_owned()));
        }
        answer
    }

    /// Sends a page's form that goes to this path, with more in it.
    async fn submit(&mut self, page: &Answer, path: &str, more: &[(&str, &str)]) -> Answer {
        let text = page.text();
        let csrf = text.split("name=\"csrf\" value=\"").nth(1).expect("a form").split('"').next().unwrap();
        let next = text.split("name=\"next\" value=\"").nth(1).map(|it| it.split('"').next().unwrap());
        let mut form = vec![("csrf", csrf)];
        form.extend(next.map(|it| ("next", it)));
        form.extend_from_slice(more);
        self.send("POST", path, Some(&form)).await
    }

    /// Follows redirects to a page, signing in where it is asked for.
    async fn follow(&mut self, mut answer: Answer) -> Answer {
        for _ in 0..8 {
            if answer.status == 303 {
                let to = answer.needed_header("location").to_owned();
                answer = self.send("GET", &to, None).await;
            } else if answer.text().contains("name=\"password\"") {
                let action = answer.text().split("action=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
                let (place, person) = if action.contains(&self.one.0.tenant) { &self.one } else { &self.two };
                assert!(action.contains(&place.tenant));
                let (name, password) = (person.name.clone(), person.password.clone());
                answer = self.submit(&answer, &action, &[("username", &name), ("password", &password)]).await;
            } else {
                return answer;
            }
        }
        panic!("it leads nowhere: {}", answer.status);
    }

    async fn open(&mut self, tenant: &str, page: &str) -> Answer {
        let answer = self.send("GET", &format!("/auth/{tenant}/{page}"), None).await;
        self.follow(answer).await
    }

    /// Links the two accounts; the page of clinics of the second tenant.
    async fn link(&mut self) -> Answer {
        let (one, two) = (self.one.0.tenant.clone(), self.two.0.tenant.clone());
        let page = self.open(&one, "clinics").await.expect(200);
        let sent = self.submit(&page, &format!("/auth/{one}/clinics"), &[("action", "link"), ("clinic", &two)]).await;
        let asked = self.follow(sent).await.expect(200);
        assert!(asked.text().contains(&format!("Link with {one}?")), "{}", asked.text());
        let done = self.submit(&asked, &format!("/auth/{two}/link"), &[]).await;
        self.follow(done).await.expect(200)
    }

    /// Presses a button of the first link on a page of clinics.
    async fn press(&mut self, tenant: &str, page: &Answer, action: &str) -> Answer {
        let text = page.text();
        let link = text.split("name=\"link\" value=\"").nth(1).expect("a link").split('"').next().unwrap().to_owned();
        self.submit(page, &format!("/auth/{tenant}/clinics"), &[("action", action), ("link", &link)]).await
    }

    fn forget(&mut self, tenant: &str) {
        self.jar.retain(|(path, ..)| !path.ends_with(tenant));
    }
}

async fn allow(place: &Place<'_>) {
    let allowed = json!([{"name": "allowed", "valueBoolean": true}]);
    let parameters = json!({"resourceType": "Parameters", "parameter": allowed});
    place.with(None).post("$switching", &parameters).await.expect_outcome(401..=401);
    place.admin.post("$switching", &parameters).await.expect(200);
}

/// Who has signed in to both goes from one to the other without the password, where that one allows it.
#[tokio::test]
async fn linked_accounts_are_switched_between() {
    let (Some(one), Some(two)) = (Place::new(), Place::new()) else { return };
    let mut person = Person2::new(&one, &two).await;
    let page = person.link().await;
    assert!(page.text().contains(&format!("Go to {}", one.tenant)), "{}", page.text());
    for (from, to) in [(&one, &two), (&two, &one)] {
        person.forget(&to.tenant);
        let page = person.open(&from.tenant, "clinics").await.expect(200);
        // Not yet: it is sent to sign in.
        let sent = person.press(&from.tenant, &page, "go").await.expect(303);
        assert_eq!(sent.needed_header("location"), format!("/auth/{}/account", to.tenant));
        allow(to).await;
        let sent = person.press(&from.tenant, &page, "go").await.expect(303);
        assert_eq!(sent.needed_header("location"), format!("/auth/{}/arrive", to.tenant));
        let arrived = person.send("GET", &format!("/auth/{}/arrive", to.tenant), None).await.expect(303);
        let account = arrived.needed_header("location").to_owned();
        let account = person.send("GET", &account, None).await.expect(200);
        assert!(account.text().contains(&format!("You are signed in to {}", to.tenant)), "{}", account.text());
        // Once.
        let before = person.jar.clone();
        person.jar.retain(|(_, name, _)| name.ends_with("clinic-arrival"));
        let again = person.send("GET", &format!("/auth/{}/arrive", to.tenant), None).await.expect(303);
        assert!(again.needed_header("location").ends_with("/account") && again.header("set-cookie").is_some());
        person.jar = before;
    }
}

/// A link that either ends leads nowhere from both.
#[tokio::test]
async fn a_link_ends_on_both_sides() {
    let (Some(one), Some(two)) = (Place::new(), Place::new()) else { return };
    allow(&one).await;
    allow(&two).await;
    let mut person = Person2::new(&one, &two).await;
    let old = person.link().await;
    let first = person.open(&one.tenant, "clinics").await;
    let ended = person.press(&one.tenant, &first, "end").await.expect(200);
    assert!(ended.text().contains("linked with none"), "{}", ended.text());
    assert!(person.open(&two.tenant, "clinics").await.text().contains("linked with none"));
    person.press(&two.tenant, &old, "go").await.expect(404);
}

/// Abuse: an offer holds in the browser that made it only; a stranger's link is not followed; forms are checked; and
/// the page asks before it links.
#[tokio::test]
async fn links_cannot_be_brought_from_elsewhere() {
    let (Some(one), Some(two)) = (Place::new(), Place::new()) else { return };
    allow(&two).await;
    let mut person = Person2::new(&one, &two).await;
    let linked = person.link().await;
    let mut stranger = Person2::new(&one, &two).await;
    let page = stranger.open(&one.tenant, "clinics").await;
    let offered = stranger
        .submit(&page, &format!("/auth/{}/clinics", one.tenant), &[("action", "link"), ("clinic", &two.tenant)])
        .await;
    assert_eq!(offered.needed_header("location"), format!("/auth/{}/link", two.tenant));
    // Somebody else opens the address: there is nothing to link.
    let mut victim = Person2::new(&one, &two).await;
    victim.open(&two.tenant, "account").await;
    let nothing = victim.open(&two.tenant, "link").await.expect(200);
    assert!(nothing.text().contains("linked with none"), "{}", nothing.text());
    // Another's link is nobody else's.
    let text = linked.text();
    let link = text.split("name=\"link\" value=\"").nth(1).unwrap().split('"').next().unwrap();
    let path = format!("/auth/{}/clinics", one.tenant);
    stranger.submit(&page, &path, &[("action", "go"), ("link", link)]).await.expect(404);
    stranger.submit(&page, &path, &[("action", "link"), ("clinic", "nowhere")]).await.expect(400);
    let forged = [("csrf", "forged"), ("action", "go"), ("link", link)];
    stranger.send("POST", &path, Some(&forged)).await.expect(403);
    // Without a cookie that was handed over nobody arrives.
    let arrived = Browser::new(&two).get("arrive").await.expect(303);
    assert_eq!(arrived.needed_header("location"), format!("/auth/{}/account", two.tenant));
    // Nobody else is signed in by it either.
    let account = stranger.send("GET", &format!("/auth/{}/account", two.tenant), None).await;
    assert!(account.text().contains("name=\"password\""));
}

/// The tenant that is switched to goes by its own rules: whoever was disabled there or signed out everywhere stays out.
#[tokio::test]
async fn the_other_tenants_rules_hold() {
    let (Some(one), Some(two)) = (Place::new(), Place::new()) else { return };
    allow(&two).await;
    let mut person = Person2::new(&one, &two).await;
    person.link().await;
    let page = person.open(&one.tenant, "clinics").await;
    person.forget(&two.tenant);
    two.program.succeed(&["user", "disable", "--tenant", &two.tenant, &person.two.1.name]);
    person.press(&one.tenant, &page, "go").await.expect(303);
    person.send("GET", &format!("/auth/{}/arrive", two.tenant), None).await.expect(303);
    let account = person.send("GET", &format!("/auth/{}/account", two.tenant), None).await;
    assert!(account.text().contains("name=\"password\""));
}
