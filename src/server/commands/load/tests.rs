use super::documents::{Files, Place};
use super::pass::Seen;
use bytes::Bytes;
use bzip2::write::BzEncoder;
use flate2::write::GzEncoder;
use std::io::Write;
use std::path::Path;

fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

fn bzip2(text: &str) -> Vec<u8> {
    let mut encoder = BzEncoder::new(Vec::new(), bzip2::Compression::fast());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

/// Every document of a folder with its place in words, relative to the folder.
fn documents(folder: &Path, limit: usize) -> anyhow::Result<Vec<(String, String)>> {
    let files = Files::find(&[folder.to_owned()], limit)?;
    let mut all = Vec::new();
    for file in 0..files.len() {
        files.read(file, |place, body| {
            let shown = files.place(place).replace(&format!("{}/", folder.display()), "");
            all.push((shown, String::from_utf8(body.to_vec()).unwrap()));
            true
        })?;
    }
    Ok(all)
}

#[test]
fn a_folder_gives_its_documents_in_the_order_of_names() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, content: &[u8]| std::fs::write(folder.path().join(name), content).unwrap();
    write("1-b.json.gz", &gzip("B"));
    write("0-a.json.bz2", &bzip2("A"));
    write("notes.txt", b"not ours");
    write("2.ndjson.gz", &gzip("C\n\n D \r\n"));
    std::fs::create_dir(folder.path().join("3")).unwrap();
    write("3/e.JSON", b"E");
    write("3/f.xml.gz", &gzip("F"));

    let found = documents(folder.path(), 100).unwrap();

    let expected = [
        ("0-a.json.bz2", "A"),
        ("1-b.json.gz", "B"),
        ("2.ndjson.gz line 1", "C"),
        ("2.ndjson.gz line 3", "D"),
        ("3/e.JSON", "E"),
        ("3/f.xml.gz", "F"),
    ];
    assert_eq!(found, expected.map(|(place, text)| (place.to_owned(), text.to_owned())));
}

#[test]
fn a_document_that_is_too_large_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("bomb.json.gz"), gzip(&" ".repeat(101))).unwrap();
    assert!(documents(folder.path(), 100).unwrap_err().to_string().contains("larger than 100 bytes"));
}

#[test]
fn a_missing_file_is_told() {
    let missing = Path::new("no/such/file.json").to_owned();
    assert!(Files::find(&[missing], 100).is_err_and(|it| it.to_string().contains("no/such/file.json")));
}

#[test]
fn the_same_bytes_count_by_occurrence() {
    let (body, other) = (Bytes::from_static(b"{}"), Bytes::from_static(b"[]"));
    let contents = || {
        let mut seen = Seen::default();
        [seen.content(&body), seen.content(&body), seen.content(&other)]
    };
    let [first, second, other] = contents();
    assert!(first != second && second != other && first != other);
    assert_eq!([first, second, other], contents());
}

#[test]
fn places_sort_by_file_then_line() {
    let place = |file, line| Place { file, line };
    assert!(place(0, Some(9)) < place(0, Some(10)) && place(0, Some(10)) < place(1, None));
}
