//! Work in the background: each tenant's is done by one at a time.

use super::{Engine, tenant, ward};

pub(crate) async fn one_does_what_was_asked_for(engine: &dyn Engine) {
    let ward = ward(engine).await;
    let (here, there) = (tenant(&*ward.store, "here").await, tenant(&*ward.store, "there").await);
    let store = &ward.store;
    assert!(store.claim(None).await.unwrap().is_none());
    for it in [&here, &there, &here] {
        store.ask(it).await.unwrap();
    }
    let first = store.claim(Some(&here)).await.unwrap().unwrap();
    assert_eq!(first.tenant(), "here");
    assert!(store.claim(Some(&here)).await.unwrap().is_none(), "somebody is at it");
    let second = store.claim(None).await.unwrap().unwrap();
    assert_eq!(second.tenant(), "there");
    assert!(store.claim(None).await.unwrap().is_none(), "nothing is left");
    assert!(store.renew(&first).await.unwrap() && store.renew(&second).await.unwrap());
    store.finish(&first).await.unwrap();
    assert!(!store.renew(&first).await.unwrap());
    assert!(store.claim(None).await.unwrap().is_none(), "it is done");
}

pub(crate) async fn what_is_asked_for_meanwhile_is_left(engine: &dyn Engine) {
    let ward = ward(engine).await;
    let here = tenant(&*ward.store, "here").await;
    ward.store.ask(&here).await.unwrap();
    let first = ward.store.claim(None).await.unwrap().unwrap();
    ward.store.ask(&here).await.unwrap();
    ward.store.finish(&first).await.unwrap();
    let next = ward.store.claim(None).await.unwrap().unwrap();
    assert_eq!(next.tenant(), "here");
    // Whoever had it before does not have it by that.
    ward.store.finish(&first).await.unwrap();
    assert!(!ward.store.renew(&first).await.unwrap() && ward.store.renew(&next).await.unwrap());
}
