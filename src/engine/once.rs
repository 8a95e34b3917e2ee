//! What many wait for while one reads it from the store. Where the store does not answer, those who waited are told so with the one who
//! asked: if each asked in turn, the last would wait as many times as long as a request may take.

use fhir::{Failure, Result};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::{Mutex, MutexGuard};

/// Turns at reading something.
#[derive(Default)]
pub(crate) struct Turns {
    turn: Mutex<()>,
    /// How often the store did not answer.
    unanswered: AtomicU64,
}

impl Turns {
    /// Waits for a turn; fails with 503 where the store did not answer who had one meanwhile.
    pub(crate) async fn take(&self) -> Result<MutexGuard<'_, ()>> {
        let before = self.unanswered.load(Ordering::Acquire);
        let turn = self.turn.lock().await;
        match self.unanswered.load(Ordering::Acquire) == before {
            true => Ok(turn),
            false => Err(store::Error::Silent.into()),
        }
    }

    /// Notes, within a turn, how reading failed.
    pub(crate) fn note(&self, failure: &Failure) {
        if failure.status == 503 {
            self.unanswered.fetch_add(1, Ordering::AcqRel);
        }
    }
}

/// What is read when it is first needed, and then kept.
pub(crate) struct Once<T> {
    kept: OnceLock<T>,
    turns: Turns,
}

impl<T> Default for Once<T> {
    fn default() -> Once<T> {
        Once { kept: OnceLock::new(), turns: Turns::default() }
    }
}

impl<T: Clone> Once<T> {
    /// What was read, or else is read now.
    pub(crate) async fn get(&self, read: impl AsyncFnOnce() -> Result<T>) -> Result<T> {
        if let Some(kept) = self.kept.get() {
            return Ok(kept.clone());
        }
        let _turn = self.turns.take().await?;
        if let Some(kept) = self.kept.get() {
            return Ok(kept.clone());
        }
        let value = read().await.inspect_err(|failure| self.turns.note(failure))?;
        Ok(self.kept.get_or_init(|| value).clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Three at a time who find nothing kept: how often it was read, and what they got.
    async fn three(once: &Once<u8>, answer: impl Fn() -> Result<u8>) -> (u64, [Result<u8>; 3]) {
        let count = AtomicU64::new(0);
        let get = || {
            once.get(async || {
                count.fetch_add(1, Ordering::Relaxed);
                tokio::task::yield_now().await;
                answer()
            })
        };
        let got = tokio::join!(get(), get(), get());
        (count.into_inner(), got.into())
    }

    #[tokio::test]
    async fn who_waited_for_a_store_that_does_not_answer_asks_it_no_more() {
        let once = Once::default();
        let (count, got) = three(&once, || Err(store::Error::Silent.into())).await;
        assert_eq!(count, 1);
        assert!(got.iter().all(|it| it.as_ref().is_err_and(|failure| failure.status == 503)));
        let (count, got) = three(&once, || Ok(7)).await;
        assert_eq!(count, 1);
        assert!(got.iter().all(|it| it.as_ref().is_ok_and(|it| *it == 7)));
    }

    /// Another failure is of the one who had it: the next one may have more luck.
    #[tokio::test]
    async fn other_failures_are_not_shared() {
        let (count, _) = three(&Once::default(), || Err(Failure::internal("damaged"))).await;
        assert_eq!(count, 3);
    }
}
