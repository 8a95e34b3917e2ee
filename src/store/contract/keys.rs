//! Tenants' keys in the directory.

use super::{Engine, clock, secrets, tenant};
use crate::keys::tests::random;
use crate::{Keeper, KeyFile, Rewrapped, Secrets, Stale};
use std::sync::{Arc, Mutex};

const FIRST: &str = "first AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n";
const SECOND: &str = "second ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8=\n";

fn keeper(keys: &str) -> Arc<Keeper> {
    Arc::new(Keeper::new(Arc::new(KeyFile::of(keys, random).unwrap()), random))
}

/// All tenants' keys are wrapped by the present master key, once, and stay what they were.
pub(crate) async fn wrapped_anew(engine: &dyn Engine) {
    let before = engine.open_with(clock, keeper(FIRST)).await;
    for name in ["north", "south"] {
        tenant(&*before, name).await;
    }
    before.close().await;

    let both = engine.open_with(clock, keeper(&format!("{FIRST}{SECOND}"))).await;
    let told = Mutex::new(Vec::new());
    assert_eq!(both.rewrap(Stale::Unwrapped, &|_| ()).await.unwrap(), Rewrapped { done: 0, total: 0 });
    let done = both.rewrap(Stale::All, &|it| told.lock().unwrap().push(it.done)).await.unwrap();
    assert_eq!((done, told.into_inner().unwrap()), (Rewrapped { done: 2, total: 2 }, vec![1, 2]));
    assert_eq!(both.rewrap(Stale::All, &|_| ()).await.unwrap(), Rewrapped { done: 0, total: 0 });
    both.close().await;

    let after = engine.open_with(clock, keeper(SECOND)).await;
    let kept = after.tenant("south").await.unwrap().unwrap();
    assert!(*kept.secrets() == secrets("south"));
    after.close().await;
    let lost = engine.open_with(clock, keeper(FIRST)).await.tenant("south").await.unwrap_err();
    assert!(lost.to_string().contains("master key second"), "{lost}");
}

/// Keys that a version wrote which wrapped none are read, and wrapped when that is asked for.
pub(crate) async fn wrapped_by_another_version(engine: &dyn Engine) {
    let store = engine.open().await;
    tenant(&*store, "north").await;
    engine.bare_keys().await;
    assert!(store.tenant("north").await.is_err(), "who knows them wrapped does not believe them");
    store.close().await;
    let store = engine.open().await;
    let (data_keys, sealing, marks) = <_>::default();
    let bare = Secrets {
        index_key: [b'i'; 16],
        page_key: [b'p'; 32],
        token_key: vec![b't'; 138],
        edition: 0,
        data_keys,
        sealing,
        marks,
    };
    assert!(*tenant(&*store, "north").await.secrets() == bare);
    assert_eq!(store.rewrap(Stale::Unwrapped, &|_| ()).await.unwrap().done, 1);
    let wrapped = tenant(&*store, "north").await.secrets().clone();
    assert_eq!(wrapped.data_keys.len(), 1, "a data key was made");
    assert!(Secrets { data_keys: Vec::new(), ..wrapped } == bare);
}

/// Whoever can write into the directory cannot have one tenant open by the keys of another.
pub(crate) async fn of_another_tenant(engine: &dyn Engine) {
    let store = engine.open().await;
    for name in ["north", "south"] {
        tenant(&*store, name).await;
    }
    engine
        .change_directory(
            "UPDATE tenant SET wrapped = (SELECT n.wrapped FROM tenant n WHERE n.name = 'north') WHERE name = 'south'",
        )
        .await;
    assert!(store.tenant("south").await.is_err());
    assert!(store.tenant("north").await.unwrap().is_some());
}
