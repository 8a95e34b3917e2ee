//! Who tries out names learns nothing of them: neither from the answer, byte for byte, nor from what it costs. The cost is told
//! by counts of hashes in `/metrics`, as a time would prove nothing.

use super::super::sign_on::issuer::{Issuer, doctor, number, register, registration, sign_on};
use super::*;
use conformance_tests::Client;

/// bcrypt's of `U*U`, cost 5, from the test vectors of crypt_blowfish.
const OLD_HASH: &str = "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW";

/// How many hashes of argon2id and rounds of bcrypt a server has computed.
async fn computed(post: &Post) -> [u64; 2] {
    let address = format!("{}/metrics", post.server.root);
    let text = Client::new(&post.server.root, None).get(&address).await.expect(200).text();
    ["medisync_password_hashes_total", "medisync_bcrypt_rounds_total"].map(|name| {
        let line = text.lines().find_map(|it| it.strip_prefix(name)).unwrap_or_else(|| panic!("no {name} in {text}"));
        line.trim().parse().unwrap()
    })
}

/// An answer without the name that was given, what fields hold, and seconds.
fn plain(answer: &Answer, name: &str) -> String {
    let text = answer.text().replace(name, "NAME");
    let mut parts = text.split("value=\"");
    let first = parts.next().unwrap_or_default().to_owned();
    let rest = parts.map(|it| it.split_once('"').map_or(it, |(_, rest)| rest));
    let text: String = std::iter::once(first.as_str()).chain(rest).collect();
    text.chars().filter(|it| !it.is_ascii_digit()).collect()
}

/// What a wrong password for a name costs and is answered.
async fn tried(post: &Post, place: &Place<'_>, name: &str) -> (u16, String, [u64; 2]) {
    let mut browser = Browser::new(place);
    let page = browser.get("account").await.expect(200);
    let before = computed(post).await;
    let answer = browser.sign_in(&page, &Person { name: name.into(), password: "not the password".into() }).await;
    let after = computed(post).await;
    (answer.status, plain(&answer, name), [after[0] - before[0], after[1] - before[1]])
}

/// A wrong password costs as many hashes as an unknown name, a user without a password, one who is disabled, one whose hash
/// comes from elsewhere and one who waits; so it does not cost any once there were too many attempts.
#[tokio::test]
async fn a_wrong_password_costs_as_much_as_an_unknown_name() {
    let Some(post) = Post::new(&["--private-hosts", "127.0.0.1"]) else { return };
    let place = post.place();
    let known = place.practitioner().await;
    let disabled = place.practitioner().await;
    place.program.succeed(&["user", "disable", "--tenant", &place.tenant, &disabled.name]);
    let user = format!("Patient/{}", place.patient("Mine").await);
    let file = post.program.directory().join("users.ndjson");
    let line = json!({ "username": "maria", "user": user, "password_hash": OLD_HASH });
    std::fs::write(&file, line.to_string()).unwrap();
    place.program.succeed(&["user", "import", "--tenant", &place.tenant, file.to_str().unwrap()]);
    // A provider made this one, who has no password here.
    let (issuer, number) = (Issuer::new().await, number());
    register(&place, &registration(&issuer.issuer)).await.expect(200);
    doctor(&place, &number).await;
    sign_on(&mut Browser::new(&place), &issuer, &number, &json!({})).await.expect(303);

    let names = ["nobody-at-all", &known.name, &disabled.name, "maria", &format!("user-{number}"), "x y"];
    let mut all = Vec::new();
    for name in names {
        all.push(tried(&post, &place, name).await);
    }
    // One of argon2id, and of bcrypt as much as the slowest hash that came from elsewhere.
    assert_eq!((all[0].0, all[0].2), (401, [1, 32]), "{}", all[0].1);
    for (name, it) in names.iter().zip(&all) {
        assert_eq!(it, &all[0], "{name}");
    }
    let mut refused = Vec::new();
    for name in ["nobody-at-all", &known.name] {
        let mut last = None;
        let attempt = async || {
            let it = tried(&post, &place, name).await;
            let status = it.0;
            last = Some(it);
            status
        };
        // One was made above.
        Attempts::free(4).until_refused(401, attempt).await;
        refused.extend(last);
    }
    assert_eq!((refused[0].0, refused[0].2), (429, [0, 0]), "{}", refused[0].1);
    assert_eq!(refused[0], refused[1]);
}

/// Asking for a forgotten password or to register costs no hash, whoever is named.
#[tokio::test]
async fn asking_for_a_link_costs_the_same_for_everybody() {
    let Some(post) = Post::new(&[]) else { return };
    let place = post.place();
    place.program.succeed(&["tenant", "patients", &place.tenant, "--registration", "approval"]);
    let known = user_with(&place, "ana@example.org").await;
    let before = computed(&post).await;
    for (page, field, names) in [
        ("forgotten", "username", ["nobody-at-all", &known.name]),
        ("sign-up", "email", ["nobody@example.org", "ana@example.org"]),
    ] {
        let mut answers = Vec::new();
        for name in names {
            answers.push(plain(&fill(&place, page, page, &[(field, name)]).await.expect(200), name));
        }
        assert_eq!(answers[0], answers[1], "{page}");
    }
    post.mail(3).await;
    assert_eq!(computed(&post).await, before);
}

/// Who holds a link is told that a name is taken, as there is no other way to choose one: at the cost of a free one, and a few
/// times only.
#[tokio::test]
async fn a_link_does_not_try_out_names() {
    let Some(post) = Post::new(&[]) else { return };
    let place = post.place();
    place.program.succeed(&["tenant", "patients", &place.tenant, "--registration", "approval"]);
    let known = place.practitioner().await;
    fill(&place, "sign-up", "sign-up", &[("email", "maria@example.org")]).await.expect(200);
    let registration = post.link(1).await;
    let user = format!("Patient/{}", place.patient("Mine").await);
    place.admin.post("$invite", &parameters(&[("email", "bo@example.org"), ("user", &user)])).await.expect(200);
    let invitation = post.link(2).await;
    for (link, page) in [(&registration, "registration"), (&invitation, "invitation")] {
        let chosen = async |name: &str| {
            let form = [("username", name), ("password", PASSWORD), ("name", "Maria"), ("birthdate", "1980-05-31")];
            let before = computed(&post).await;
            let status = fill(&place, link, page, &form).await.status;
            assert_eq!(computed(&post).await[0] - before[0], u64::from(status != 429), "{page}");
            status
        };
        let mut attempts = Attempts::free(10);
        attempts.until_refused(409, async || chosen(&known.name).await).await;
        // Neither is a free one told of any more, until a while has passed.
        let free = format!("{page}-name");
        assert_eq!(attempts.until_answered(async || chosen(&free).await).await, 200, "{page}");
    }
}
