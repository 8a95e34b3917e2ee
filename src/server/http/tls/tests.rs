//! Over real sockets, with certificates that are made for each test.

use super::*;
use crate::http::listen::{self, Times};
use axum::Router;
use axum::routing::get;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion};
use std::net::SocketAddr;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// Files with a certificate of `localhost`'s own, and who serves with it.
struct House {
    folder: TempDir,
    certificate: Arc<Certificate>,
    address: SocketAddr,
    _stop: watch::Sender<bool>,
}

impl House {
    async fn open() -> House {
        let folder = tempfile::tempdir().unwrap();
        issue(&folder);
        let certificate = Arc::new(open(&folder).unwrap());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new().route("/", get(|| async { "hello" }));
        let (sender, stop) = watch::channel(false);
        let times = Times { idle: Duration::from_secs(600), drain: Duration::from_secs(1) };
        tokio::spawn(listen::answer(listener, Some(certificate.clone()), router, stop, times));
        House { folder, certificate, address, _stop: sender }
    }

    /// A connection of one who trusts the certificate that lies in the files now.
    async fn connect(&self, versions: &[&'static SupportedProtocolVersion]) -> std::io::Result<TlsStream<TcpStream>> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(self.folder.path().join("chain.pem")).unwrap()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider).with_protocol_versions(versions).unwrap();
        let mut config = config.with_root_certificates(roots).with_no_client_auth();
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        let stream = TcpStream::connect(self.address).await?;
        TlsConnector::from(Arc::new(config)).connect(ServerName::try_from("localhost").unwrap(), stream).await
    }

    async fn connect_now(&self) -> std::io::Result<TlsStream<TcpStream>> {
        self.connect(&[&rustls::version::TLS13]).await
    }
}

fn open(folder: &TempDir) -> Result<Certificate> {
    Certificate::open(&folder.path().join("chain.pem"), &folder.path().join("key.pem"))
}

/// Puts a new certificate and its key into the files.
fn issue(folder: &TempDir) {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    std::fs::write(folder.path().join("chain.pem"), made.cert.pem()).unwrap();
    std::fs::write(folder.path().join("key.pem"), made.signing_key.serialize_pem()).unwrap();
}

async fn ask(stream: &mut TlsStream<TcpStream>) -> String {
    stream.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    while !answer.ends_with("hello") {
        let mut part = [0; 512];
        let read = stream.read(&mut part).await.unwrap();
        assert!(read > 0, "the connection ended after {answer}");
        answer += std::str::from_utf8(&part[..read]).unwrap();
    }
    answer
}

#[tokio::test]
async fn http_is_spoken_over_tls_1_3() {
    let house = House::open().await;
    let mut stream = house.connect_now().await.unwrap();
    assert!(ask(&mut stream).await.starts_with("HTTP/1.1 200 OK\r\n"));
    let (_, agreed) = stream.get_ref();
    assert_eq!(agreed.protocol_version(), Some(rustls::ProtocolVersion::TLSv1_3));
    assert_eq!(agreed.alpn_protocol(), Some(&b"http/1.1"[..]));
}

#[tokio::test]
async fn older_versions_are_refused() {
    let house = House::open().await;
    assert!(house.connect(&[&rustls::version::TLS12]).await.is_err());
    assert!(house.connect(&[&rustls::version::TLS12, &rustls::version::TLS13]).await.is_ok());
}

#[tokio::test]
async fn a_new_certificate_is_taken_and_breaks_no_connection() {
    let house = House::open().await;
    let mut before = house.connect_now().await.unwrap();
    ask(&mut before).await;
    issue(&house.folder);
    assert!(house.connect_now().await.is_err(), "the former one is still shown");
    house.certificate.reload();
    ask(&mut house.connect_now().await.unwrap()).await;
    ask(&mut before).await;
}

#[tokio::test]
async fn changed_files_are_noticed() {
    let house = House::open().await;
    let following = tokio::spawn(house.certificate.clone().follow());
    // The file's time must be another one.
    tokio::time::sleep(Duration::from_millis(20)).await;
    issue(&house.folder);
    let noticed = async {
        while house.connect_now().await.is_err() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(120), noticed).await.expect("the new certificate");
    following.abort();
}

#[tokio::test]
async fn files_that_cannot_be_used_leave_the_former_certificate() {
    let house = House::open().await;
    let key = std::fs::read(house.folder.path().join("key.pem")).unwrap();
    let other = tempfile::tempdir().unwrap();
    issue(&other);
    std::fs::copy(other.path().join("key.pem"), house.folder.path().join("key.pem")).unwrap();
    let told = format!("{:#}", open(&house.folder).err().unwrap());
    assert!(told.contains("cannot be used with the key"), "{told}");
    house.certificate.reload();
    ask(&mut house.connect_now().await.unwrap()).await;
    std::fs::write(house.folder.path().join("key.pem"), key).unwrap();
}

#[tokio::test]
async fn who_does_not_speak_tls_is_let_go() {
    let house = House::open().await;
    let mut plain = TcpStream::connect(house.address).await.unwrap();
    plain.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
    let mut answer = Vec::new();
    // A TLS alert, and no answer.
    let _ = plain.read_to_end(&mut answer).await;
    assert!(!answer.starts_with(b"HTTP"));
    ask(&mut house.connect_now().await.unwrap()).await;
}
