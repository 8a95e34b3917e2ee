//! Patients who register themselves.

use super::*;

const BIRTH: &str = "1980-05-31";

async fn open(place: &Place<'_>) {
    let told = ["tenant", "patients", &place.tenant, "--registration", "approval"];
    place.program.succeed(&told);
}

fn form(name: &'static str) -> [(&'static str, &'static str); 4] {
    [("name", "Mine Patient"), ("birthdate", BIRTH), ("username", name), ("password", PASSWORD)]
}

/// Nobody is a patient until an administrator has said which one.
#[tokio::test]
async fn who_registers_waits_for_approval() {
    let Some(post) = Post::new(&[]) else { return };
    let place = post.place();
    open(&place).await;
    let patient = format!("Patient/{}", place.patient("Mine").await);
    assert!(Browser::new(&place).get("account").await.text().contains("Register as a patient"));
    fill(&place, "sign-up", "sign-up", &[("email", "maria@example.org")]).await.expect(200);
    let link = post.link(1).await;
    for (name, value) in [("birthdate", "soon"), ("name", " "), ("password", "short"), ("username", "a b")] {
        let mut wrong = form("maria").to_vec();
        wrong.retain(|(it, _)| *it != name);
        wrong.push((name, value));
        fill(&place, &link, "registration", &wrong).await.expect(400);
    }
    fill(&place, &link, "registration", &form("maria")).await.expect(200);
    Browser::new(&place).get(&link).await.expect(400);
    assert_eq!(signs_in(&place, "maria", PASSWORD).await, 401);

    let waiting = place.admin.post("$applicants", &parameters(&[])).await.expect(200).json();
    let told: Vec<&Value> = waiting["parameter"][0]["part"].as_array().unwrap().iter().collect();
    assert!(told.iter().any(|it| it["valueDate"] == BIRTH) && told.iter().any(|it| it["valueString"] == "maria"));
    for wrong in ["Practitioner/1", "Patient/nobody"] {
        let pairs = [("username", "maria"), ("patient", wrong)];
        place.admin.post("$approve-applicant", &parameters(&pairs)).await.expect_outcome(400..=400);
    }
    let pairs = [("username", "Maria"), ("patient", &*patient)];
    place.admin.post("$approve-applicant", &parameters(&pairs)).await.expect(200);
    assert_eq!(signs_in(&place, "maria", PASSWORD).await, 303);
    assert!(post.mail(2).await.contains("Subject: Your registration was approved"));
    place.admin.post("$approve-applicant", &parameters(&pairs)).await.expect_outcome(404..=404);
}

/// Two have not one name, and who is refused is forgotten.
#[tokio::test]
async fn a_name_is_taken_once_and_who_is_refused_is_forgotten() {
    let Some(post) = Post::new(&[]) else { return };
    let place = post.place();
    open(&place).await;
    for email in ["maria@example.org", "bo@example.org"] {
        fill(&place, "sign-up", "sign-up", &[("email", email)]).await.expect(200);
    }
    post.mail(2).await;
    let [first, second] = [0, 1].map(|it| link(&post.all()[it], &post.server.root));
    fill(&place, &first, "registration", &form("maria")).await.expect(200);
    fill(&place, &second, "registration", &form("Maria")).await.expect(409);
    place.admin.post("$refuse-applicant", &parameters(&[("username", "maria")])).await.expect(200);
    fill(&place, &second, "registration", &form("Maria")).await.expect(200);
}

/// Patients do not register themselves unless the tenant says so; a link is worth nothing once it says so no longer.
#[tokio::test]
async fn registration_is_off_unless_it_is_on() {
    let Some(post) = Post::new(&[]) else { return };
    let place = post.place();
    assert!(!Browser::new(&place).get("account").await.text().contains("Register"));
    Browser::new(&place).get("sign-up").await.expect(404);
    open(&place).await;
    fill(&place, "sign-up", "sign-up", &[("email", "maria@example.org")]).await.expect(200);
    let link = post.link(1).await;
    place.program.succeed(&["tenant", "patients", &place.tenant, "--registration", "closed"]);
    Browser::new(&place).get(&link).await.expect(400);
}

/// Nobody can fill somebody's mailbox, and the answer does not tell that a mail was not sent.
#[tokio::test]
async fn an_address_gets_a_few_mails_in_an_hour() {
    let Some(post) = Post::new(&["--mails-per-address", "2"]) else { return };
    let place = post.place();
    open(&place).await;
    let mut answers = Vec::new();
    for email in ["maria@example.org", "MARIA@example.org", "maria@example.org", "bo@example.org"] {
        answers.push(fill(&place, "sign-up", "sign-up", &[("email", email)]).await.expect(200).text());
    }
    assert!(answers.windows(2).all(|it| it[0] == it[1]));
    tokio::time::sleep(Duration::from_millis(500)).await;
    let of_maria = |it: &&String| it.to_lowercase().contains("to: maria@example.org");
    post.mail(3).await;
    assert_eq!(post.all().iter().filter(of_maria).count(), 2);
}
