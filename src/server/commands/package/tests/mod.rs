mod fetching;

use super::archive::{Archive, Bounds};
use super::{install, record};
use crate::{config, database, tenants};
use engine::{Context, Engine};
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};
use tar::{Builder, EntryType, Header};

const MANIFEST: &str = r#"{"name":"org.example.wards","version":"1.0.0","title":"Wards","fhirVersions":["4.0.1"],
    "canonical":"http://example.org","dependencies":{"hl7.fhir.r4.core":"4.0.1","org.example.beds":"2.0.x"}}"#;

/// A tar file in the making; what it holds need not be honest.
struct Making(Builder<GzEncoder<Vec<u8>>>);

impl Making {
    fn new() -> Making {
        Making(Builder::new(GzEncoder::new(Vec::new(), Compression::fast()))).file("package/package.json", MANIFEST)
    }

    /// An entry with just these bytes as its name: a tar builder would refuse some of them.
    fn entry(mut self, kind: EntryType, path: &str, content: &[u8]) -> Making {
        let mut header = Header::new_gnu();
        header.as_gnu_mut().unwrap().name[..path.len()].copy_from_slice(path.as_bytes());
        header.set_entry_type(kind);
        header.set_size(content.len() as u64);
        if kind == EntryType::Symlink || kind == EntryType::Link {
            header.set_link_name("package/package.json").unwrap();
        }
        header.set_cksum();
        self.0.append(&header, content).unwrap();
        self
    }

    fn file(self, path: &str, content: &str) -> Making {
        self.entry(EntryType::Regular, path, content.as_bytes())
    }

    fn resource(self, resource: &Value) -> Making {
        let name = format!("package/{}-{}.json", resource["resourceType"].as_str().unwrap(), resource["id"]);
        self.file(&name.replace('"', ""), &resource.to_string())
    }

    fn bytes(self) -> Vec<u8> {
        self.0.into_inner().unwrap().finish().unwrap()
    }

    fn read(self) -> anyhow::Result<Archive> {
        Archive::read(&*self.bytes(), &Bounds::default())
    }
}

fn refusal(making: Making) -> String {
    format!("{:#}", making.read().unwrap_err())
}

#[test]
fn a_package_is_its_manifest_and_the_json_beside_it() {
    let archive = Making::new()
        .entry(EntryType::Directory, "package/", b"")
        .file("package/.index.json", "{}")
        .file("package/ValueSet-a.json", "A")
        .file("package/example/Patient-b.json", "B")
        .file("package/readme.md", "C")
        .file("other/ValueSet-d.json", "D");
    let archive = archive.read().unwrap();
    assert_eq!(archive.manifest.id(), "org.example.wards-1.0.0");
    assert_eq!(archive.files, [("ValueSet-a.json".to_owned(), "A".to_owned())]);
}

#[test]
fn paths_that_lead_elsewhere_are_refused() {
    for path in ["/etc/a.json", "package/../../a.json", "..", "package\\..\\a.json", "c:/a.json", "package//a.json"] {
        let told = refusal(Making::new().file(path, "{}"));
        assert!(told.contains("would lead out of it"), "{path}: {told}");
    }
    let deep = format!("package/{}a.json", "b/".repeat(8));
    assert!(refusal(Making::new().file(&deep, "{}")).contains("more than 8 folders deep"));
    assert!(refusal(Making::new().file("package/a\nb.json", "{}")).contains("not plain text"));
}

#[test]
fn what_is_no_file_is_refused() {
    for kind in [EntryType::Symlink, EntryType::Link, EntryType::Char, EntryType::Block, EntryType::Fifo] {
        let told = refusal(Making::new().entry(kind, "package/ValueSet-a.json", b""));
        assert!(told.contains("neither a file nor a folder"), "{kind:?}: {told}");
    }
}

#[test]
fn what_is_too_much_is_refused() {
    let read = |bounds: Bounds| {
        let making = Making::new().file("package/a.json", &" ".repeat(5000)).file("package/b.json", "{}");
        Archive::read(&*making.bytes(), &bounds).map_err(|it| format!("{it:#}"))
    };
    let all = Bounds::default();
    assert!(read(all).is_ok());
    assert!(read(Bounds { entries: 2, ..all }).unwrap_err().contains("more than 2 entries"));
    assert!(read(Bounds { file: 4999, ..all }).unwrap_err().contains("larger than 4999 bytes"));
    assert!(read(Bounds { unpacked: 6000, ..all }).unwrap_err().contains("unpacks to too much"));
}

#[test]
fn what_is_damaged_or_no_package_is_refused() {
    let whole = Making::new().file("package/a.json", &"{}".repeat(4000)).bytes();
    assert!(Archive::read(&whole[..whole.len() / 2], &Bounds::default()).is_err());
    assert!(Archive::read(&b"{}"[..], &Bounds::default()).is_err());
    let empty = Making(Builder::new(GzEncoder::new(Vec::new(), Compression::fast())));
    assert!(refusal(empty).contains("no package/package.json"));
    assert!(refusal(Making::new().file("package/package.json", MANIFEST)).contains("twice"));
}

#[tokio::test]
async fn our_own_profiles_are_a_package_too() {
    let place = Place::new().await;
    let archive = super::source::Sources::new("none".into(), None).open(super::source::OURS).await.unwrap();
    let report = install::install(&place.engine, &place.ctx, &archive).await.unwrap();
    assert!(report.is_clean(), "{report}");
    assert_eq!(place.urls("StructureDefinition?url=https://medisync.dev/fhir/StructureDefinition/patient").await, 1);
    assert_eq!(place.urls("ValueSet").await, 1);
}

/// A tenant to install for.
struct Place {
    engine: Engine,
    ctx: Context,
    _folder: tempfile::TempDir,
}

impl Place {
    async fn new() -> Place {
        let folder = tempfile::tempdir().unwrap();
        let mut store = config::StoreFlags::default().resolve(&config::File::default()).unwrap();
        store.database = format!("sqlite:{}", folder.path().display()).parse().unwrap();
        let limits = config::LimitFlags::default().resolve(&config::File::default()).unwrap();
        let database = database::open(&store).await.unwrap();
        tenants::create(&*database, "north").await.unwrap();
        database.close().await;
        let (engine, ctx) = super::open("north", &store, &limits).await.unwrap();
        Place { engine, ctx, _folder: folder }
    }

    async fn install(&self, making: Making) -> String {
        install::install(&self.engine, &self.ctx, &making.read().unwrap()).await.unwrap().to_string()
    }

    async fn installed(&self) -> Vec<String> {
        record::installed(&self.engine, &self.ctx).await.unwrap().iter().map(ToString::to_string).collect()
    }

    async fn urls(&self, address: &str) -> usize {
        let (path, query) = address.split_once('?').unwrap_or((address, ""));
        let found = install::get(&self.engine, &self.ctx, path, query.into()).await.unwrap();
        found.root().get("entry").map_or(0, |it| it.each().count())
    }
}

fn value_set(id: &str, version: &str) -> Value {
    json!({ "resourceType": "ValueSet", "id": id, "url": "http://example.org/ValueSet/wards", "version": version,
        "status": "active" })
}

fn profile() -> Value {
    json!({
        "resourceType": "StructureDefinition", "id": "ward", "url": "http://example.org/StructureDefinition/ward",
        "name": "Ward", "status": "active", "kind": "resource", "abstract": false, "type": "Location",
        "baseDefinition": "http://hl7.org/fhir/StructureDefinition/Location", "derivation": "constraint",
        "differential": { "element": [{ "id": "Location.name", "path": "Location.name", "min": 1 }] }
    })
}

fn wards() -> Making {
    Making::new().resource(&profile()).resource(&value_set("wards", "1")).file("package/x.json", r#"{"a":1}"#)
}

#[tokio::test]
async fn a_package_becomes_the_tenants_own_once() {
    let place = Place::new().await;
    let first = place.install(wards()).await;
    assert_eq!(first, "org.example.wards-1.0.0: 2 resources installed; 0 were there already; 0 refused");
    let second = place.install(wards()).await;
    assert_eq!(second, "org.example.wards-1.0.0: 0 resources installed; 2 were there already; 0 refused");
    assert_eq!((place.urls("StructureDefinition").await, place.urls("ValueSet").await), (1, 1));
    assert_eq!(place.installed().await, ["org.example.wards@1.0.0  2 resources  Wards"]);

    let nameless =
        r#"{"resourceType":"Location","id":"a","meta":{"profile":["http://example.org/StructureDefinition/ward"]}}"#;
    let refused = install::put(&place.engine, &place.ctx, "Location/a", nameless.into()).await.unwrap_err();
    assert_eq!(refused.status, 422, "{refused}");
}

#[tokio::test]
async fn what_is_there_is_left_and_other_versions_stand_beside_it() {
    let place = Place::new().await;
    let mut own = value_set("wards", "1");
    own["description"] = "the tenant's own".into();
    install::put(&place.engine, &place.ctx, "ValueSet/wards", own.to_string()).await.unwrap();
    let told = place.install(Making::new().resource(&value_set("wards", "1"))).await;
    assert!(told.starts_with(
        "left as it is, though the package has it with other content: http://example.org/ValueSet/wards|1"
    ));
    let told = place.install(Making::new().resource(&value_set("wards", "2"))).await;
    assert!(told.contains("1 resources installed"), "{told}");
    assert_eq!(place.urls("ValueSet").await, 2);
    assert!(
        install::get(&place.engine, &place.ctx, "ValueSet/wards", String::new())
            .await
            .unwrap()
            .root()
            .str("description")
            .is_some()
    );
}

#[tokio::test]
async fn what_is_refused_is_told_and_the_rest_installed() {
    let place = Place::new().await;
    let mut bad = profile();
    bad["differential"]["element"][0] = json!({ "id": "Location.nickname", "path": "Location.nickname" });
    let told = place
        .install(Making::new().resource(&bad).resource(&value_set("wards", "1")).file("package/y.json", "{"))
        .await;
    assert!(told.contains("refused: StructureDefinition-ward.json: ") && told.contains("nickname"), "{told}");
    assert!(told.contains("refused: y.json: "), "{told}");
    assert!(told.ends_with("1 resources installed; 0 were there already; 2 refused"), "{told}");
}

#[tokio::test]
async fn what_a_package_builds_on_is_named_unless_it_is_installed() {
    let place = Place::new().await;
    let missing = async || {
        let archive = wards().read().unwrap();
        record::missing(&place.engine, &place.ctx, std::iter::once(&archive.manifest)).await.unwrap()
    };
    place.install(wards()).await;
    let told = missing().await;
    assert!(
        told.len() == 1 && told[0].starts_with("not installed: org.example.beds@2.0.x, which org.example.wards-1.0.0")
    );
    let beds = MANIFEST.replace("org.example.wards", "org.example.beds").replace("1.0.0", "2.0.3");
    let beds =
        Making(Builder::new(GzEncoder::new(Vec::new(), Compression::fast()))).file("package/package.json", &beds);
    place.install(beds).await;
    assert_eq!(missing().await, Vec::<String>::new());
}
