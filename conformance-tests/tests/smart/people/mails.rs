//! What mails are, how they are sent and told of.

use super::*;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpSocket};

/// RFC 5322: one of each header, and nothing of a record.
#[tokio::test]
async fn a_mail_names_nobody() {
    let Some(post) = Post::new(&["--mail-from", "North <noreply@example.org>", "--mail-reply-to", "desk@example.org"])
    else {
        return;
    };
    let place = post.place();
    let patient = place.patient("Vonderhaar").await;
    let pairs = [("email", "maria@example.org"), ("user", &*format!("Patient/{patient}"))];
    place.admin.post("$invite", &parameters(&pairs)).await.expect(200);
    let mail = post.mail(1).await;
    let head = mail.split("\r\n\r\n").next().unwrap();
    for header in
        ["From: ", "To: maria@example.org", "Reply-To: desk@example.org", "Subject: ", "Date: ", "Message-ID: <"]
    {
        assert_eq!(head.lines().filter(|it| it.starts_with(header)).count(), 1, "{header} in {head}");
    }
    assert!(
        head.contains("From: North <noreply@example.org>") || head.contains("From: \"North\" <noreply@example.org>")
    );
    assert!(!mail.contains("Vonderhaar") && !mail.contains(&patient), "{mail}");
    assert!(mail.contains("text/plain") && mail.contains("text/html"));
}

/// What is written while no mail server is there is sent once there is one, also by a server that starts later; it is listed
/// meanwhile, without addresses.
#[tokio::test]
async fn a_mail_waits_for_the_mail_server() {
    let Some(program) = Program::fresh() else { return };
    // A port that is taken and at which nobody listens so far.
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let route = format!("smtp://{}", socket.local_addr().unwrap());
    let settings = ["--mail", &*route, "--mail-from", "noreply@example.org"];
    let server = program.serve(&settings);
    let place = Place::of(&program, &server.root);
    let pairs = [("email", "maria@example.org"), ("user", &*format!("Patient/{}", place.patient("Mine").await))];
    place.admin.post("$invite", &parameters(&pairs)).await.expect(200);
    let tenant = place.tenant.clone();
    let list = || program.succeed(&["mail", "list", "--tenant", &tenant]);
    let told = eventually("a try", async || Some(list()).filter(|it| it.contains("tried 1 times"))).await;
    assert!(told.contains("invitation  waits") && !told.contains("maria"), "{told}");
    server.kill();

    let sent = tokio::spawn(take_one(socket.listen(8).unwrap()));
    let server = program.serve(&settings);
    let mail = tokio::time::timeout(Duration::from_secs(300), sent).await.unwrap().unwrap();
    let name = told.split(' ').next().unwrap();
    assert!(mail.contains(&format!("Message-ID: <{name}@example.org>")), "{mail}");
    eventually("an empty list", async || list().is_empty().then_some(())).await;
    let metrics = async || place.with(None).get(&format!("{}/metrics", server.root)).await.expect(200).text();
    let is_counted = |it: &String| it.contains("medisync_mails_total{outcome=\"sent\"} 1");
    eventually("a mail that is counted", async || Some(metrics().await).filter(is_counted)).await;
}

/// What a mail server refuses for good is given up and listed with the reason, without the address.
#[tokio::test]
async fn a_refused_mail_is_given_up() {
    let Some(program) = Program::fresh() else { return };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let route = format!("smtp://127.0.0.1:{}", listener.local_addr().unwrap().port());
    let server = program.serve(&["--mail", &route, "--mail-from", "noreply@example.org"]);
    let place = Place::of(&program, &server.root);
    tokio::spawn(converse(listener, "550 5.1.1 <maria@example.org> is unknown"));
    let pairs = [("email", "maria@example.org"), ("user", &*format!("Patient/{}", place.patient("Mine").await))];
    place.admin.post("$invite", &parameters(&pairs)).await.expect(200);
    let list = || program.succeed(&["mail", "list", "--tenant", &place.tenant]);
    let told = eventually("a mail that is given up", async || Some(list()).filter(|it| it.contains("given up"))).await;
    assert!(told.contains("the mail server refused it (550)") && !told.contains("maria"), "{told}");
}

async fn take_one(listener: TcpListener) -> String {
    converse(listener, "250 ok").await
}

/// A mail server for one connection: gives what it was sent as DATA.
async fn converse(listener: TcpListener, to_recipient: &str) -> String {
    let (stream, _) = listener.accept().await.unwrap();
    let (from, mut to) = stream.into_split();
    let mut lines = BufReader::new(from).lines();
    let (mut data, mut is_data) = (String::new(), false);
    to.write_all(b"220 mail.example.org ESMTP\r\n").await.unwrap();
    while let Ok(Some(line)) = lines.next_line().await {
        let answer = match &*line {
            "." => "250 taken",
            _ if is_data => {
                data.push_str(&line);
                data.push_str("\r\n");
                continue;
            }
            "DATA" => "354 go on",
            "QUIT" => "221 bye",
            it if it.starts_with("RCPT") => to_recipient,
            _ => "250 ok",
        };
        is_data = line == "DATA";
        to.write_all(format!("{answer}\r\n").as_bytes()).await.unwrap();
        if line == "." {
            return data;
        }
    }
    data
}

/// A mail server elsewhere is not told anything without TLS, and what is wrong with settings is told without secrets.
#[tokio::test]
async fn settings_are_looked_at_before_the_start() {
    let Some(program) = Program::fresh() else { return };
    let told = program.refuse_to_serve(&["--mail", "smtp://user:hunter2@mail.example.org"]);
    assert!(told.contains("smtps://HOST:PORT") && told.contains("settings of their own"), "{told}");
    let told = program.refuse_to_serve(&["--mail", "smtp://mail.example.org"]);
    assert!(told.contains("--mail-from"), "{told}");
}

/// The privacy officer gets a mail when a glass is broken, which names nobody, and the list of them says so.
#[tokio::test]
async fn an_officer_is_told_of_broken_glass() {
    let Some(post) = Post::new(&["--mail-from", "noreply@example.org"]) else { return };
    let place = post.place();
    let patient = place.patient("Vonderhaar").await;
    let told = place.admin.post("$privacy-settings", &parameters(&[("officer", "officer@example.org")])).await;
    assert!(!told.expect(200).text().contains("warning"));
    let id = place.admin.create(&json!({"resourceType": "Practitioner", "name": [{"family": "Weiss"}]})).await;
    let (scope, user) = ("user/*.rs", format!("Practitioner/{id}"));
    let arguments =
        ["token", "--tenant", &place.tenant, "--scope", scope, "--subject", "d", "--user", &user, "--role", "doctor"];
    let doctor = place.with(Some(post.program.succeed(&arguments).trim()));
    let asked = json!({"resourceType": "Parameters", "parameter": [
        {"name": "patient", "valueId": patient}, {"name": "reason", "valueString": "Found unconscious."},
    ]});
    let broken = doctor.post("Patient/$break-glass", &asked).await.expect(200).json();
    let notified = broken["parameter"].as_array().unwrap().iter().find(|it| it["name"] == "notified");
    assert_eq!(notified.map(|it| &it["valueBoolean"]), Some(&json!(true)), "{broken}");
    assert!(!broken.to_string().contains("warning"), "{broken}");
    let mail = post.mail(1).await;
    assert!(mail.contains("To: officer@example.org") && mail.contains("$glass-reviews"), "{mail}");
    assert!(!mail.contains("Vonderhaar") && !mail.contains(&patient) && !mail.contains("unconscious"), "{mail}");
    let listed = place.admin.post("$glass-reviews", &parameters(&[])).await.expect(200).json();
    let parts = listed["parameter"][0]["part"].as_array().unwrap();
    assert!(parts.contains(&json!({"name": "notified", "valueBoolean": true})), "{listed}");
}
