//! What runs out, and what is slowed down, without luck: how slow the machine is makes no difference to what is right.

use conformance_tests::Client;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// How much earlier than said something may be over (tokens count whole seconds), and how much later every node knows.
const EARLIER: Duration = Duration::from_secs(1);
const LATER: Duration = Duration::from_secs(3);

/// Whether a client's token opens something, or is refused.
pub async fn opens(client: &Client) -> bool {
    let answer = client.get("Patient").await;
    if answer.status != 200 {
        answer.expect_outcome(401..=401);
        return false;
    }
    true
}

/// Uses what was made after `begun`, for so long, until it is refused: neither before its time nor long after it.
pub async fn runs_out(begun: Instant, time: Duration, mut is_good: impl AsyncFnMut() -> bool) {
    let made = Instant::now();
    loop {
        let asked = Instant::now();
        if !is_good().await {
            assert!(begun.elapsed() + EARLIER >= time, "it is over before its time");
            return;
        }
        assert!(asked < made + time + LATER, "it is good after its time");
        sleep(Duration::from_millis(200)).await;
    }
}

/// The wait after the last attempt that is free; each further one that is answered doubles it.
const FIRST: Duration = Duration::from_secs(2);
/// How far the server's clock and this one may be apart meanwhile.
const APART: Duration = Duration::from_millis(100);

/// Attempts at what is slowed down: so many are free, and then one is answered, instead of 429, after a wait alone.
pub struct Attempts {
    free: u32,
    answered: u32,
    last: Instant,
}

impl Attempts {
    pub fn free(free: u32) -> Attempts {
        Attempts { free, answered: 0, last: Instant::now() }
    }

    /// Makes one, whose status this gives: it is answered or refused as it should be.
    pub async fn make(&mut self, attempt: impl Future<Output = u16>) -> u16 {
        let begun = Instant::now();
        let status = attempt.await;
        let over = self.answered.checked_sub(self.free);
        if status == 429 {
            assert!(over.is_some(), "it is refused after {} of {} that are free", self.answered, self.free);
            return status;
        }
        if let Some(over) = over {
            let (waited, wait) = (self.last.elapsed() + APART, FIRST * 2u32.pow(over));
            assert!(waited >= wait, "{status} after {} attempts and {waited:?}", self.answered);
        }
        (self.answered, self.last) = (self.answered + 1, begun);
        status
    }

    /// Makes them until one is refused; the others have this status. It ends on every machine, as the waits grow.
    pub async fn until_refused(&mut self, status: u16, mut attempt: impl AsyncFnMut() -> u16) {
        loop {
            match self.make(attempt()).await {
                429 => return,
                given => assert_eq!(given, status),
            }
        }
    }

    /// Makes them until one is answered: after a wait.
    pub async fn until_answered(&mut self, mut attempt: impl AsyncFnMut() -> u16) -> u16 {
        loop {
            match self.make(attempt()).await {
                429 => sleep(Duration::from_millis(100)).await,
                given => return given,
            }
        }
    }
}
