//! What the program says of PostgreSQL: what to do next, and never a password.

use super::*;
use std::hash::{BuildHasher, RandomState};
use std::path::{Path, PathBuf};
use std::process::Command;

const PASSWORD: &str = "s3cret-word";

/// Nobody answers at the address.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_is_not_there_is_told_without_the_password() {
    let Some(program) = Program::fresh() else { return };
    let nobody = format!("postgres://medisync:{PASSWORD}@127.0.0.1:1/records?sslmode=disable");
    for command in [&["migrate"][..], &["tenant", "create", "north"], &["serve", "--listen", "127.0.0.1:0"]] {
        let output = program.command(&[command, &["--database", &nobody]].concat()).output().expect("it runs");
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success(), "{command:?}");
        assert!(told.contains("postgres://medisync@127.0.0.1:1/records"), "{told}");
        assert!(!told.contains(PASSWORD), "{told}");
    }
}

/// A login that may change nothing in the database: the error says who has to do what.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_login_without_rights_is_told_to_migrate_with_another() {
    let Some(cluster) = Cluster::start(&[]) else { return };
    let database = Database::of(&cluster.url());
    cluster.query("CREATE ROLE app LOGIN");
    let url = database.url().replacen("postgres://postgres@", "postgres://app@", 1);
    let told = Program::over(url.clone()).refuse_to_serve(&["--listen", "127.0.0.1:0", "--database", &url]);
    assert!(told.contains("medisync migrate"), "{told}");

    // Once somebody else has migrated and granted, the same login serves.
    Program::over(database.url()).succeed(&["migrate"]);
    database.query("GRANT medisync_data, medisync_directory TO app");
    let program = Program::over(url);
    program.create_tenant(TENANT);
    let token = program.token(TENANT, "system/*.*");
    let server = program.serve(&[]);
    let client = Client::new(&server.base(TENANT), Some(token));
    client.create(&patient("kept")).await;
}

/// `--no-migrate`: a database that is not up to date is left alone.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn serve_leaves_a_schema_alone_if_told_so() {
    let Some(cluster) = Cluster::start(&[]) else { return };
    let database = Database::of(&cluster.url());
    let program = Program::over(database.url());
    let told = program.refuse_to_serve(&["--no-migrate", "--listen", "127.0.0.1:0", "--database", program.database()]);
    assert!(told.contains("medisync migrate"), "{told}");
    assert_eq!(database.query("SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'medisync%'"), "0");
    program.succeed(&["migrate"]);
    drop(program.serve(&["--no-migrate"]));
}

/// Makes a key and a certificate for this address, which is its own authority; where they lie.
fn certificate(folder: &Path, name: &str, address: &str) -> (PathBuf, PathBuf) {
    let (key, certificate) = (folder.join(format!("{name}.key")), folder.join(format!("{name}.crt")));
    let made = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=medisync"])
        .args(["-addext", &format!("subjectAltName=IP:{address}"), "-addext", "basicConstraints=critical,CA:FALSE"])
        .arg("-keyout")
        .arg(&key)
        .arg("-out")
        .arg(&certificate)
        .output();
    assert!(made.expect("openssl runs").status.success(), "a certificate");
    (key, certificate)
}

/// `sslmode=verify-full`: the server speaks to no database whose certificate the operator's authority did not sign.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_databases_certificate_is_verified() {
    let Some(cluster) = Cluster::start(&[]) else { return };
    // Any address of 127.0.0.0/8 is this machine, so that the usual port is free there.
    let noise = RandomState::new().hash_one(0).to_le_bytes();
    let address = format!("127.{}.{}.{}", noise[0], noise[1], noise[2] | 1);
    let folder = tempfile::tempdir().expect("a folder");
    let (key, trusted) = certificate(folder.path(), "trusted", &address);
    let (_, foreign) = certificate(folder.path(), "foreign", &address);
    cluster.stop("fast");
    let files = [("ssl_key_file", cluster.adopt(&key)), ("ssl_cert_file", cluster.adopt(&trusted))];
    let mut settings = vec!["ssl=on".to_owned(), format!("listen_addresses={address}")];
    settings.extend(files.map(|(name, file)| format!("{name}={}", file.display())));
    cluster.resume(&settings.iter().map(String::as_str).collect::<Vec<_>>());
    let database = Database::of(&cluster.url());
    let url = |certificate: &Path| {
        let (name, file) = (database.name(), certificate.display());
        format!("postgres://postgres@{address}/{name}?sslmode=verify-full&sslrootcert={file}")
    };
    let refused = Program::over(url(&foreign)).run(&["migrate"]);
    assert!(!refused.status.success(), "a certificate that nobody vouched for");
    let program = Program::over(url(&trusted));
    program.create_tenant(TENANT);
    let client_token = program.token(TENANT, "system/*.*");
    let server = program.serve(&[]);
    Client::new(&server.base(TENANT), Some(client_token)).create(&patient("kept")).await;
    let encrypted = "SELECT bool_and(ssl) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) \
                     WHERE application_name = 'medisync'";
    assert_eq!(database.query(encrypted), "t");
}
