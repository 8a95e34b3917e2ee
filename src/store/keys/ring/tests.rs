use super::*;
use crate::keys::tests::random;

const FIRST: &str = "first AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n";
const SECOND: &str = "second ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8=\n";

#[test]
fn a_ring_is_lines_of_ids_and_keys() {
    let ring = MasterRing::parse(&format!("# keys\n\n{FIRST}  {SECOND}")).unwrap();
    assert_eq!(format!("{ring:?}"), r#"["first", "second"]"#);
    assert_eq!(ring.find("first").unwrap()[..4], [0, 1, 2, 3]);
}

#[test]
fn what_is_wrong_is_told_without_the_key() {
    let key = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
    for (text, told) in [
        (String::new(), "there is no master key"),
        ("# nothing\n".to_owned(), "there is no master key"),
        (format!("\n{key}"), "line 2"),
        (format!("a/b {key}"), "line 1"),
        (format!("none {key}"), "line 1"),
        (format!("{FIRST}{FIRST}"), "line 2"),
        (format!("a {}", &key[..40]), "line 1"),
        (format!("a {key} more"), "line 1"),
    ] {
        let error = MasterRing::parse(&text).unwrap_err().to_string();
        assert!(error.contains(told) && !error.contains(&key[..20]), "{text}: {error}");
    }
}

#[tokio::test]
async fn the_last_key_wraps_and_all_unwrap() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("master.keys");
    std::fs::write(&path, FIRST).unwrap();
    let keys = KeyFile::open(&path, random).unwrap();
    let before = keys.wrap(b"north", b"secret").await.unwrap();
    KeyFile::add(&path, "second", random).unwrap();
    let after = keys.wrap(b"north", b"secret").await.unwrap();
    assert_eq!((&*before.by, &*after.by, keys.current().await.unwrap()), ("first", "second", "second".to_owned()));
    for wrapped in [before, after] {
        assert_eq!(keys.unwrap(b"north", &wrapped).await.unwrap(), b"secret");
        assert!(keys.unwrap(b"south", &wrapped).await.is_err());
    }
}

#[tokio::test]
async fn a_key_that_was_added_elsewhere_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("master.keys");
    KeyFile::make(&path, "first", random).unwrap();
    let node = KeyFile::open(&path, random).unwrap();
    KeyFile::add(&path, "second", random).unwrap();
    let other = KeyFile::open(&path, random).unwrap().wrap(b"north", b"secret").await.unwrap();
    assert_eq!(node.unwrap(b"north", &other).await.unwrap(), b"secret");
}

#[tokio::test]
async fn a_key_that_is_missing_is_named() {
    let wrapped = KeyFile::of(SECOND, random).unwrap().wrap(b"north", b"secret").await.unwrap();
    let error = KeyFile::of(FIRST, random).unwrap().unwrap(b"north", &wrapped).await.unwrap_err();
    assert!(error.to_string().contains("master key second"), "{error}");
}

#[cfg(unix)]
#[test]
fn a_file_that_is_made_is_its_owners_alone_and_stays() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("master.keys");
    KeyFile::make(&path, "first", random).unwrap();
    let made = std::fs::read_to_string(&path).unwrap();
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    KeyFile::make(&path, "first", random).unwrap();
    assert_eq!(std::fs::read_to_string(&path).unwrap(), made);
    KeyFile::add(&path, "second", random).unwrap();
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}
