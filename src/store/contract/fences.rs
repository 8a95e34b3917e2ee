//! Writes that are encrypted and marked, and committed only after the tenant's keys were changed and all was encrypted anew.

use super::model::Entry;
use super::{Engine, WARD, Ward, clock, put, tenant};
use crate::keys::tests::{self, keeper, keeper_of};
use crate::{
    Changes, CommitError, Committed, Error, Expect, Key, LedgerChange, LedgerStep, Marks, Reindexed, Sealing, Session,
    Store, older_keys,
};
use fhir::Failure;
use fhir::search::ParamId;
use std::cell::RefCell;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use tokio::runtime::Handle;
use tokio::task::{JoinHandle, spawn_blocking};

const SECRET: &str = "Zwiebelturm";

thread_local! {
    /// Whom to tell that this thread encrypts, and who lets it go on.
    static HOLD: RefCell<Option<(SyncSender<()>, Receiver<()>)>> = const { RefCell::new(None) };
}

/// Random numbers that a held write waits for.
fn random(bytes: &mut [u8]) -> std::io::Result<()> {
    if let Some((reached, go)) = HOLD.take() {
        reached.send(()).unwrap();
        go.recv().unwrap();
    }
    tests::random(bytes)
}

/// A write between its encryption and its commit.
struct Held {
    go: SyncSender<()>,
    writing: JoinHandle<Result<Committed, CommitError>>,
}

impl Held {
    /// Begins a write, with an entry of the ledger that has it encrypt something in any case.
    async fn begin(session: &Arc<dyn Session>, changes: Changes) -> Held {
        let ((reached, is_reached), (go, may_go)) = (sync_channel(1), sync_channel(1));
        let step = LedgerStep::Insert { value: SECRET.into(), expires: None };
        let ledger = vec![LedgerChange { kind: "factor", key: "a".into(), step }];
        let (session, runtime) = (session.clone(), Handle::current());
        let writing = spawn_blocking(move || {
            HOLD.set(Some((reached, may_go)));
            runtime.block_on(session.commit(Changes { ledger, ..changes }))
        });
        spawn_blocking(move || is_reached.recv()).await.unwrap().unwrap();
        Held { go, writing }
    }

    /// Lets it be committed, which it must not be.
    async fn refused(self) {
        self.go.send(()).unwrap();
        let refused = self.writing.await.unwrap();
        assert!(matches!(refused, Err(CommitError::Outdated)), "{refused:?}");
    }
}

/// A tenant's session on a server whose writes can be held, and another server.
async fn servers(engine: &dyn Engine) -> (Ward, Arc<dyn Store>) {
    let store = engine.open_with(clock, keeper_of(random)).await;
    let session = store.open(&tenant(&*store, WARD).await).await.unwrap();
    (Ward { store, session }, engine.open_with(clock, keeper()).await)
}

/// A patient in a place.
fn patient(session: &dyn Session) -> crate::Put {
    let city = Entry::String(ParamId::of("Patient", "address-city"), SECRET.into());
    put(session, "Patient", "a", Expect::Absent, SECRET, &[city])
}

/// A body that was to lie open is not written once all are encrypted; made again, it is.
pub(crate) async fn no_body_stays_open(engine: &dyn Engine) {
    let (ward, other) = servers(engine).await;
    ward.store.set_sealing(WARD, Sealing::Files).await.unwrap();
    let held = Held::begin(&ward.session, Changes { puts: vec![patient(&*ward.session)], ..Changes::default() }).await;
    other.set_sealing(WARD, Sealing::All).await.unwrap();
    assert_eq!(other.reseal(WARD, &|_| ()).await.unwrap(), 0);
    held.refused().await;
    assert!(engine.kept_bodies(WARD).await.is_empty());
    ward.commit(vec![patient(&*ward.session)]).await.unwrap();
    assert_eq!(engine.kept_bodies(WARD).await.iter().map(|it| it[0]).collect::<Vec<_>>(), [2], "encrypted");
}

/// Nor is an entry of the ledger by a data key that has a successor.
pub(crate) async fn no_former_key_is_used(engine: &dyn Engine) {
    let (ward, other) = servers(engine).await;
    let held = Held::begin(&ward.session, Changes::default()).await;
    other.rotate_data_key(WARD).await.unwrap();
    assert_eq!(other.reseal(WARD, &|_| ()).await.unwrap(), 0);
    held.refused().await;
    assert!(engine.kept_values(WARD).await.is_empty());
}

/// Nor are index rows that show what is marked, of new versions and made anew.
pub(crate) async fn no_text_stays_in_the_index(engine: &dyn Engine) {
    let (ward, other) = servers(engine).await;
    ward.commit(vec![put(&*ward.session, "Patient", "a", Expect::Absent, "", &[])]).await.unwrap();
    let again = patient(&*ward.session);
    let key = Key::new("Patient", "b");
    let puts = vec![crate::Put { key, ..patient(&*ward.session) }];
    let reindexed = vec![Reindexed { key: again.key, version: 1, rows: again.rows }];
    let written = Held::begin(&ward.session, Changes { puts, ..Changes::default() }).await;
    let indexed = Held::begin(&ward.session, Changes { reindexed, ..Changes::default() }).await;
    let elements = vec!["Patient.address".to_owned()];
    let params = vec!["Patient?address-city".to_owned()];
    let marks = Marks { elements, params, build: "marks/1".into(), ..Marks::default() };
    other.set_marks(WARD, &marks).await.unwrap();
    other.reseal(WARD, &|_| ()).await.unwrap();
    written.refused().await;
    indexed.refused().await;
    assert!(engine.kept_texts(WARD).await.is_empty());
}

/// What was checked by other marks than it is indexed by is checked again.
pub(crate) async fn no_content_is_checked_before(engine: &dyn Engine) {
    let (ward, _) = servers(engine).await;
    let (_, edition) = ward.session.marks().await.unwrap();
    let checked = || crate::Put { checked_by: Some(edition), ..patient(&*ward.session) };
    ward.store.set_sealing(WARD, Sealing::All).await.unwrap();
    let refused = ward.commit(vec![checked()]).await;
    assert!(matches!(refused, Err(CommitError::Outdated)), "{refused:?}");
    let (_, now) = ward.session.marks().await.unwrap();
    ward.commit(vec![crate::Put { checked_by: Some(now), ..checked() }]).await.unwrap();
}

/// Where the directory was restored from an older backup than the records, a write is refused by that name, until it is said that the
/// keys which the directory has are what holds. What was encrypted by a key that is in no backup is told as damaged, and never taken for
/// the new key's: not on a server either that knew the lost one.
pub(crate) async fn by_an_older_directory(engine: &dyn Engine) {
    let (ward, former) = servers(engine).await;
    ward.commit(vec![patient(&*ward.session)]).await.unwrap();
    engine.change_directory("CREATE TABLE older AS SELECT name, wrapped FROM tenant").await;
    let mut lost = Vec::new();
    for _ in 0..2 {
        lost.push(former.rotate_data_key(WARD).await.unwrap());
        former.reseal(WARD, &|_| ()).await.unwrap();
    }
    let step = LedgerStep::Insert { value: SECRET.into(), expires: None };
    let entry = LedgerChange { kind: "factor", key: "lost".into(), step };
    let session = former.open(&tenant(&*former, WARD).await).await.unwrap();
    session.commit(Changes { ledger: vec![entry], ..Changes::default() }).await.unwrap();
    ward.store.close().await;
    engine
        .change_directory("UPDATE tenant SET wrapped = (SELECT o.wrapped FROM older o WHERE o.name = tenant.name)")
        .await;

    let ward = super::ward(engine).await;
    let next = || vec![crate::Put { key: Key::new("Patient", "b"), ..patient(&*ward.session) }];
    let before = older_keys();
    let refused = ward.commit(next()).await.unwrap_err();
    assert!(matches!(refused, CommitError::Store(Error::OlderKeys)), "{refused:?}");
    assert!(older_keys() > before, "it is counted");
    let told = Failure::from(Error::OlderKeys);
    assert!(told.status == 503 && told.to_string().contains("older backup"), "{told}");

    let number = ward.store.rotate_data_key(WARD).await.unwrap();
    assert!(!lost.contains(&number), "{number} was one of {lost:?}");
    ward.store.reseal(WARD, &|_| ()).await.expect("what is lost is passed by");
    ward.commit(next()).await.unwrap();
    let key = Key::new("Patient", "b");
    for reader in [&ward.session, &session] {
        assert!(reader.read(&key).await.unwrap().is_some());
    }
    let damaged = ward.session.read(&Key::new("Patient", "a")).await;
    assert!(matches!(damaged, Err(Error::Damaged { .. })), "its data key was in no backup");
    let sealed = ward.session.entry("factor", "lost").await;
    assert!(matches!(sealed, Err(Error::Sealed)), "nor that of this entry: {sealed:?}");
}
