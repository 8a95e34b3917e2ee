//! A mail server of these cases, on a real socket.

use super::*;
use crate::mail::letter::Purpose;
use crate::outbox::Wait;
use tempfile::tempdir;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::task::JoinHandle;

/// What a server says to `RCPT TO`, and when it hears what it was sent: all lines.
struct Server {
    port: u16,
    heard: JoinHandle<Vec<String>>,
}

/// Listens for one connection, and has this answer for a recipient.
async fn server(to_recipient: &'static str) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let heard = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        talk(stream, to_recipient).await
    });
    Server { port, heard }
}

async fn talk(stream: TcpStream, to_recipient: &'static str) -> Vec<String> {
    let (from, mut to) = stream.into_split();
    let mut lines = BufReader::new(from).lines();
    let (mut heard, mut is_data) = (Vec::new(), false);
    to.write_all(b"220 mail.example.org ESMTP\r\n").await.unwrap();
    while let Ok(Some(line)) = lines.next_line().await {
        let answer = match line.split([' ', ':']).next().unwrap_or_default() {
            _ if is_data && line != "." => "",
            "." => "250 taken",
            "EHLO" => "250-mail.example.org\r\n250 AUTH PLAIN LOGIN",
            "AUTH" => "235 welcome",
            "MAIL" => "250 ok",
            "RCPT" => to_recipient,
            "DATA" => "354 go on",
            "QUIT" => "221 bye",
            _ => "250 ok",
        };
        is_data = (is_data || line == "DATA") && line != ".";
        heard.push(line);
        if !answer.is_empty() && to.write_all(format!("{answer}\r\n").as_bytes()).await.is_err() {
            break;
        }
    }
    heard
}

fn settings(route: &str) -> config::Mail {
    let flags = config::MailFlags::default();
    let mut settings = flags.resolve(&config::File::default()).unwrap();
    settings.mail = route.parse().unwrap();
    settings.mail_from = "North Clinic <noreply@example.org>".parse().unwrap();
    settings.mail_reply_to = "desk@example.org".parse().unwrap();
    settings.mail_user = "postbox".parse().unwrap();
    settings.mail_password = "a secret".parse().unwrap();
    settings
}

fn mail() -> Mail {
    Mail {
        purpose: Purpose::Invitation,
        to: "ana@example.com".parse().unwrap(),
        link: Some("https://fhir.example.org/auth/north/invitation?token=abc".into()),
        written: 1_592_222_400_000,
        wait: Wait::new(0),
    }
}

#[tokio::test]
async fn a_server_is_handed_the_mail() {
    let server = server("250 ok").await;
    let transport = Transport::new(&settings(&format!("smtp://127.0.0.1:{}", server.port)), &[]).unwrap().unwrap();
    transport.deliver("north", "0001-a", &mail()).await.unwrap();
    drop(transport);
    let heard = server.heard.await.unwrap();
    for line in [
        "EHLO example.org",
        "MAIL FROM:<noreply@example.org>",
        "RCPT TO:<ana@example.com>",
        "To: ana@example.com",
        "Reply-To: desk@example.org",
        "Subject: Your invitation to north",
        "Message-ID: <0001-a@example.org>",
        "https://fhir.example.org/auth/north/invitation?token=abc",
    ] {
        let is_there = heard.iter().any(|it| it.trim_end() == line || it.starts_with(&format!("{line} ")));
        assert!(is_there, "{line} is missing in {heard:#?}");
    }
    assert!(heard.iter().any(|it| it.starts_with("AUTH PLAIN")), "{heard:#?}");
    assert!(heard.iter().any(|it| it.starts_with("Date: Mon, 15 Jun 2020 12:00:00")), "{heard:#?}");
}

#[tokio::test]
async fn what_a_server_refuses_is_told_by_number() {
    for (answer, is_permanent, is_of_server) in [
        ("550 5.1.1 <ana@example.com> is unknown", true, false),
        ("451 4.7.1 ana@example.com comes too early", false, false),
        ("421 going down", false, true),
        ("530 who are you", false, true),
    ] {
        let server = server(answer).await;
        let transport = Transport::new(&settings(&format!("smtp://127.0.0.1:{}", server.port)), &[]).unwrap().unwrap();
        let refusal = transport.deliver("north", "0001-a", &mail()).await.unwrap_err();
        assert_eq!((refusal.is_permanent, refusal.is_of_server), (is_permanent, is_of_server), "{answer}");
        assert!(refusal.reason.contains(&answer[..3]) && !refusal.reason.contains("ana"), "{}", refusal.reason);
    }
}

#[tokio::test]
async fn nothing_goes_unencrypted_where_tls_is_demanded() {
    let server = server("250 ok").await;
    let mut settings = settings(&format!("smtp://127.0.0.1:{}", server.port));
    let MailRoute::Smtp(smtp) = &mut settings.mail else { panic!("SMTP") };
    smtp.tls = SmtpTls::StartTls;
    let transport = Transport::new(&settings, &[]).unwrap().unwrap();
    let refusal = transport.deliver("north", "0001-a", &mail()).await.unwrap_err();
    assert!(!refusal.is_permanent && refusal.is_of_server, "{refusal:?}");
    drop(transport);
    let heard = server.heard.await.unwrap();
    assert!(!heard.iter().any(|it| it.starts_with("AUTH") || it.starts_with("MAIL")), "{heard:?}");
}

#[tokio::test]
async fn nobody_listens() {
    // The port is taken meanwhile, so that nobody else does.
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let port = socket.local_addr().unwrap().port();
    let transport = Transport::new(&settings(&format!("smtp://127.0.0.1:{port}")), &[]).unwrap().unwrap();
    let refusal = transport.deliver("north", "0001-a", &mail()).await.unwrap_err();
    assert!(!refusal.is_permanent && refusal.is_of_server, "{refusal:?}");
}

#[tokio::test]
async fn a_folder_gets_a_file_however_often_it_is_sent() {
    let place = tempdir().unwrap();
    let folder = place.path().join("mails");
    let transport = Transport::new(&settings(&format!("folder:{}", folder.display())), &[]).unwrap().unwrap();
    for _ in 0..2 {
        transport.deliver("north", "0001-a", &mail()).await.unwrap();
    }
    let files: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|it| it.unwrap().file_name()).collect();
    assert_eq!(files, ["0001-a.eml"]);
    let text = std::fs::read_to_string(folder.join("0001-a.eml")).unwrap();
    assert!(text.contains("text/plain") && text.contains("text/html"), "{text}");
}

#[test]
fn a_mail_comes_from_somebody() {
    let mut without = settings("smtp://mail.example.org");
    without.mail_from = "none".parse().unwrap();
    assert!(Transport::new(&without, &[]).is_err());
    assert!(Transport::new(&settings("none"), &[]).unwrap().is_none());
}
