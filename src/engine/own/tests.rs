use crate::{Ambient, Context, Engine, Settings};
use std::sync::Arc;
use std::time::Duration;
use store::{Changes, Expect, Keeper, Key, Method, Put, Secrets, SqliteStore, Store, Unwrapped};
use tempfile::TempDir;

/// An engine, and a tenant of it.
async fn engine() -> (TempDir, Engine, Context) {
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
    (folder, engine, ctx)
}

/// Begins with something and goes away.
async fn begin<T>(work: impl Future<Output = T>) {
    tokio::select! {
        biased;
        _ = work => panic!("nothing is done at once"),
        () = async {} => {}
    }
}

/// What somebody was reading who went away is read all the same, and not taken for up to date meanwhile.
#[tokio::test]
async fn who_goes_away_leaves_nothing_outdated() {
    let (_folder, engine, ctx) = engine().await;
    let former = ctx.own.newest();
    ctx.own.outdate();
    begin(engine.refresh_params(&ctx)).await;
    engine.refresh_params(&ctx).await.unwrap();
    assert!(!Arc::ptr_eq(&former, &ctx.own.newest()), "they were read anew");
}

/// What somebody was writing who went away bears on what this node remembers, as any other write does.
#[tokio::test]
async fn who_goes_away_leaves_no_write_unheeded() {
    let (_folder, engine, ctx) = engine().await;
    let key = Key::new("Patient", "a");
    let put = Put {
        key: key.clone(),
        expect: Expect::Fresh,
        version: 1,
        method: Method::Put,
        body: br#"{"resourceType":"Patient","id":"a"}"#.to_vec(),
        stamp: None,
        rows: ctx.session.rows(),
        checked_by: None,
        sealed: None,
    };
    let before = ctx.privacy.heeded();
    begin(engine.commit(&ctx, Changes { puts: vec![put], ..Changes::default() })).await;
    let heeded = async {
        while ctx.session.read(&key).await.unwrap().is_none() || ctx.privacy.heeded() == before {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), heeded).await.expect("it is written, and heeded");
}
