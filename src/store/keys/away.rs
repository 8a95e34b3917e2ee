//! Tests of who is asked for a tenant's keys, and what holds while nobody answers.

use super::keeper::tests::{keeper, secrets};
use super::{Keeper, Kept, Sealer, Shelf, Version, Wrapped};
use crate::{Error, Key, Result};
use async_trait::async_trait;
use bytes::Bytes;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering};
use tokio::sync::Semaphore;

/// A directory that can be away, and be slow.
struct Slow {
    kept: Wrapped,
    is_away: AtomicBool,
    asked: AtomicUsize,
    /// Each question takes one.
    answers: Semaphore,
}

#[async_trait]
impl Shelf for Slow {
    async fn wrapped_by(&self) -> Result<Vec<(String, Option<String>)>> {
        Ok(Vec::new())
    }

    async fn kept(&self, _: &str) -> Result<Option<Kept>> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        self.answers.acquire().await.unwrap().forget();
        match self.is_away.load(Ordering::SeqCst) {
            true => Err(Error::Silent),
            false => Ok(Some(Kept::Wrapped(self.kept.clone()))),
        }
    }

    async fn exchange(&self, _: &str, _: &Kept, _: &Wrapped) -> Result<bool> {
        Ok(false)
    }

    async fn signing_key(&self) -> Result<Option<Wrapped>> {
        Ok(None)
    }

    async fn exchange_signing_key(&self, _: Option<&Wrapped>, _: &Wrapped) -> Result<bool> {
        Ok(false)
    }
}

async fn directory(keeper: &Keeper, answers: usize) -> Arc<Slow> {
    let mut known = secrets();
    keeper.add_data_key(&mut known).unwrap();
    let kept = keeper.wrap("north", &known).await.unwrap();
    let (is_away, asked) = <_>::default();
    Arc::new(Slow { kept, is_away, asked, answers: Semaphore::new(answers) })
}

fn asked(directory: &Slow) -> usize {
    directory.asked.load(Ordering::SeqCst)
}

#[tokio::test]
async fn a_directory_that_is_away_is_asked_again_after_a_while() {
    static NOW: AtomicI64 = AtomicI64::new(0);
    let clock = || NOW.load(Ordering::SeqCst);
    let (keeper, name) = (keeper(), "north".into());
    let directory = directory(&keeper, 100).await;
    let mut seen = Vec::new();
    for now in [0, 1_000, 2_500, 2_600, 12_000, 12_600, 12_700] {
        NOW.store(now, Ordering::SeqCst);
        keeper.recent(&*directory, &name, clock).await.unwrap();
        directory.is_away.store(true, Ordering::SeqCst);
        seen.push(asked(&directory));
    }
    assert_eq!(seen, [1, 1, 2, 2, 2, 3, 3]);
    assert!(keeper.latest(&*directory, &name, clock).await.is_err(), "the truth is not known");
}

#[tokio::test]
async fn nobody_waits_for_who_asks() {
    static NOW: AtomicI64 = AtomicI64::new(0);
    let clock = || NOW.fetch_add(5_000, Ordering::SeqCst);
    let (keeper, name) = (keeper(), "north".into());
    let directory = directory(&keeper, 1).await;
    keeper.recent(&*directory, &name, clock).await.unwrap();
    let asking = tokio::spawn({
        let (keeper, directory, name) = (keeper.clone(), directory.clone(), name.clone());
        async move { keeper.recent(&*directory, &name, clock).await.map(drop) }
    });
    while asked(&directory) < 2 {
        tokio::task::yield_now().await;
    }
    keeper.recent(&*directory, &name, clock).await.unwrap();
    assert_eq!((asked(&directory), asking.is_finished()), (2, false));
    directory.answers.add_permits(1);
    asking.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_key_that_nobody_knows_is_asked_for_once() {
    let keeper = keeper();
    let directory = directory(&keeper, 100).await;
    let sealer = Sealer { name: "north".into(), keeper: keeper.clone(), shelf: directory.clone(), clock: || 0 };
    sealer.secrets().await.unwrap();
    let key = Key::new("Patient", "a");
    let of = Version { key: &key, version: 1, updated: 0, rid: 1 };
    // A body by data key 9.
    let body = [&[2, 0, 0, 0, 0, 1, 0, 0, 0, 9][..], &[0; 60]].concat();
    let open = async || sealer.open_body(&of, Bytes::copy_from_slice(&body)).await.unwrap_err();
    assert!(matches!(open().await, Error::Damaged { .. }));
    assert_eq!(asked(&directory), 2);
    directory.is_away.store(true, Ordering::SeqCst);
    assert!(matches!(open().await, Error::Silent), "it is not said to be damaged");
}
