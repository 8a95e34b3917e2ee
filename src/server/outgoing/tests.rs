use super::*;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

/// A certificate authority of these tests, whose key was thrown away.
const AUTHORITY: &str = "MIIBdTCCARugAwIBAgIUEv61GXvJ6VTqPh4dl873pNvSYuQwCgYIKoZIzj0EAwIwDzENMAsGA1UEAwwEVGVzdDAgFw0yNjExMjEwNjM2NTNaGA\
     8yMTI2MTAyODA2MzY1M1owDzENMAsGA1UEAwwEVGVzdDBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABDi0nGnLdfOCSMYuaJiuutuGhHgXMF2b\
     hQSn9puCoZNkSlz6Urfsz5SGi+3sJ24x1xycnJvr2EHEm1iqGDg8vkSjUzBRMB0GA1UdDgQWBBSD8UjNxDfEgIC5LYVG+gQ8Ftp43jAfBgNVHS\
     MEGDAWgBSD8UjNxDfEgIC5LYVG+gQ8Ftp43jAPBgNVHRMBAf8EBTADAQH/MAoGCCqGSM49BAMCA0gAMEUCIQDSMfWzYec4skhsJ6KuKQIH95md\
     YKLoNQ7qCihGU7w49wIgPMq+iJu5Hj9K7RBjuDrVx0s3fyhWhxFud6GyMv4CzLk=";
/// The certificate that it gave to `localhost`.
const CERTIFICATE: &str = "MIIBizCCATCgAwIBAgIUa6JThf7JJONxEVm+BqP1kCWlXckwCgYIKoZIzj0EAwIwDzENMAsGA1UEAwwEVGVzdDAgFw0yNjExMjEwNjM2NTNaGA\
     8yMTI2MTAyODA2MzY1M1owFDESMBAGA1UEAwwJbG9jYWxob3N0MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEYBMEcTeBmaQVKMnz49Y/YMiP\
     vuKr/MXWW9ihoSq9s0V/q+w6PxyOxTsCFSWEkOkb1etZVoHhDjC0juZhp/LBc6NjMGEwFAYDVR0RBA0wC4IJbG9jYWxob3N0MAkGA1UdEwQCMA\
     AwHQYDVR0OBBYEFEn4dW1v4ONOasFK8kiWrmx3uwvhMB8GA1UdIwQYMBaAFIPxSM3EN8SAgLkthUb6BDwW2njeMAoGCCqGSM49BAMCA0kAMEYC\
     IQDy3BCvS0mhAtBZZbxbeRS1Lvr7VHOGCf031M0Y6ejGMAIhAK7cEcnEK2YJ9gTi1shEglpeg9HP8SpPVB7pN+MRV7d7";
/// The certificate's key, which is good for nothing else.
const KEY: &str = "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg618QJhOPo3YBNZPhKmNlm8qzecvkTqoztmZS0n/lpHKhRANCAARgEwRxN4GZpB\
     UoyfPj1j9gyI++4qv8xdZb2KGhKr2zRX+r7Do/HI7FOwIVJYSQ6RvV61lWgeEOMLSO5mGn8sFz";

const ANSWER: &str = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";

fn der(text: &str) -> Vec<u8> {
    STANDARD.decode(text).unwrap()
}

fn of(hosts: Hosts) -> Outgoing {
    Outgoing::trusting(hosts, Authorities::default().with_public().unwrap()).unwrap()
}

async fn get(outgoing: &Outgoing, uri: &str) -> Result<Response<Bytes>, Refusal> {
    outgoing.send(Request::get(uri).body(Bytes::new()).unwrap(), 100).await
}

/// A server that reads a request and gives this answer to it, over TLS if it is to.
async fn server(answer: &'static str, tls: Option<TlsAcceptor>) -> u16 {
    async fn serve(mut stream: impl AsyncRead + AsyncWrite + Unpin, answer: &str) {
        let mut asked = [0; 1024];
        let read = stream.read(&mut asked).await.unwrap();
        assert!(asked[..read].starts_with(b"GET /keys?x=1 HTTP/1.1\r\n"));
        stream.write_all(answer.as_bytes()).await.unwrap();
        stream.shutdown().await.unwrap();
    }
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        match tls {
            // A client that does not trust the certificate leaves.
            Some(tls) => {
                if let Ok(stream) = tls.accept(stream).await {
                    serve(stream, answer).await;
                }
            }
            None => serve(stream, answer).await,
        }
    });
    port
}

#[tokio::test]
async fn addresses_that_lead_inward_are_not_asked() {
    let outgoing = of(Hosts::default());
    for uri in [
        "https://127.0.0.1/keys",
        "https://localhost/keys",
        "https://LOCALHOST:8443/keys",
        "https://[::1]/keys",
        "https://[::ffff:127.0.0.1]/keys",
        "https://2130706433/keys",
        "https://0/keys",
        "https://169.254.169.254/latest/meta-data",
        "https://10.0.0.1/keys",
        "https://somebody@1.1.1.1/keys",
        "http://1.1.1.1/keys",
        "http://127.0.0.1/keys",
        "ftp://1.1.1.1/keys",
        "/keys",
    ] {
        assert!(matches!(get(&outgoing, uri).await, Err(Refusal::Address(_))), "{uri}");
    }
}

#[tokio::test]
async fn a_private_host_that_is_named_may_be_asked_without_tls_on_this_machine_only() {
    let outgoing = of("127.0.0.1, 10.0.0.1".parse().unwrap());
    let port = server(ANSWER, None).await;
    let answer = get(&outgoing, &format!("http://127.0.0.1:{port}/keys?x=1")).await.unwrap();
    assert_eq!((answer.status().as_u16(), &answer.body()[..]), (200, &b"hello"[..]));
    for uri in ["http://10.0.0.1/keys", "http://localhost/keys"] {
        assert!(matches!(get(&outgoing, uri).await, Err(Refusal::Address(_))), "{uri}");
    }
}

#[tokio::test]
async fn no_redirect_is_followed_and_no_large_body_is_read() {
    let outgoing = of("127.0.0.1".parse().unwrap());
    let moved = "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n";
    let port = server(moved, None).await;
    let answer = get(&outgoing, &format!("http://127.0.0.1:{port}/keys?x=1")).await.unwrap();
    assert_eq!(answer.status(), 302);
    let large = "HTTP/1.1 200 OK\r\nContent-Length: 101\r\n\r\n0123456789012345678901234567890123456789012345678901234567890123456789\
        0123456789012345678901234567890";
    let port = server(large, None).await;
    let answer = get(&outgoing, &format!("http://127.0.0.1:{port}/keys?x=1")).await;
    assert!(matches!(answer, Err(Refusal::Unreachable(_))), "{answer:?}");
}

#[tokio::test]
async fn certificates_are_verified() {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let chain = vec![CertificateDer::from(der(CERTIFICATE))];
    let config =
        config.with_no_client_auth().with_single_cert(chain, PrivatePkcs8KeyDer::from(der(KEY)).into()).unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let hosts: Hosts = "localhost, 127.0.0.1".parse().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("authorities.pem");
    std::fs::write(&file, format!("-----BEGIN CERTIFICATE-----\n{AUTHORITY}\n-----END CERTIFICATE-----\n")).unwrap();
    let authorities: Authorities = file.to_str().unwrap().parse().unwrap();
    let trusting = Outgoing::trusting(hosts.clone(), authorities.with_public().unwrap()).unwrap();
    let usual = of(hosts);
    for (outgoing, host, is_answered) in
        [(&trusting, "localhost", true), (&trusting, "127.0.0.1", false), (&usual, "localhost", false)]
    {
        let port = server(ANSWER, Some(acceptor.clone())).await;
        let answer = get(outgoing, &format!("https://{host}:{port}/keys?x=1")).await;
        match is_answered {
            true => assert_eq!(answer.unwrap().status(), 200),
            false => assert!(matches!(answer, Err(Refusal::Unreachable(_))), "{host}: {answer:?}"),
        }
    }
}

/// They vouch for who answers; where the server may be sent is not theirs to say.
#[tokio::test]
async fn authorities_of_ones_own_open_no_address() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("authorities.pem");
    std::fs::write(&file, format!("-----BEGIN CERTIFICATE-----\n{AUTHORITY}\n-----END CERTIFICATE-----\n")).unwrap();
    let authorities: Authorities = file.to_str().unwrap().parse().unwrap();
    let trusting = Outgoing::trusting(Hosts::default(), authorities.with_public().unwrap()).unwrap();
    assert!(matches!(get(&trusting, "https://localhost:1/keys").await, Err(Refusal::Address(_))));
    std::fs::write(&file, "no certificate").unwrap();
    assert!(authorities.certificates().is_err());
    std::fs::write(&file, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n").unwrap();
    assert!(authorities.with_public().is_err());
    std::fs::remove_file(&file).unwrap();
    assert!(authorities.certificates().is_err());
}

#[test]
fn private_hosts_are_named_one_by_one() {
    assert_eq!("none".parse(), Ok(Hosts::default()));
    assert_eq!("a.internal, B.internal".parse(), Ok(Hosts(vec!["a.internal".into(), "b.internal".into()])));
    for wrong in ["", "https://a.internal", "*.internal", "a,,b"] {
        assert!(wrong.parse::<Hosts>().is_err(), "{wrong}");
    }
}
