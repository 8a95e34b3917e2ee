use crate::{Ambient, Engine, Settings};
use std::sync::Arc;
use std::time::Duration;
use store::{Keeper, Secrets, SqliteStore, Store, Unwrapped};

/// What somebody was reading who went away is read all the same, and not taken for up to date meanwhile.
#[tokio::test]
async fn who_goes_away_leaves_nothing_outdated() {
    let folder = tempfile::tempdir().unwrap();
    let keeper = Arc::new(Keeper::new(Arc::new(Unwrapped), |_| Ok(())));
    let store = SqliteStore::open(folder.path(), || 1_795_000_000_000, Duration::from_secs(10), keeper).await.unwrap();
    let (data_keys, sealing, marks) = <_>::default();
    let (index_key, page_key, token_key) = ([7; 16], [7; 32], Vec::new());
    let secrets = Secrets { index_key, page_key, token_key, edition: 0, data_keys, sealing, marks };
    let tenant = store.create_tenant("north", secrets, 0).await.unwrap().unwrap();
    let ambient = Ambient { now_ms: || 1_795_000_000_000, new_id: || "new".to_owned() };
    let engine = Engine::new(Arc::new(store), Settings::default(), ambient, Vec::new());
    let ctx = engine.system_context(&tenant, "test", "http://localhost/fhir/north").await.unwrap();

    let former = ctx.own.newest();
    ctx.own.outdate();
    tokio::select! {
        biased;
        read = engine.refresh_params(&ctx) => panic!("nothing is read at once: {read:?}"),
        () = async {} => {}
    }
    engine.refresh_params(&ctx).await.unwrap();
    assert!(!Arc::ptr_eq(&former, &ctx.own.newest()), "they were read anew");
}
