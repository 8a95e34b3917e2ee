//! The full-text view of a place, which follows its change log when it is asked something: a tenant that never searches
//! text has none and pays nothing for it.

use super::changes;
use super::place::Place;
use crate::query::Answers;
use crate::text::{COMMIT, View, Writer, answers_of, asked_by, blocking, put};
use crate::{Error, Indexed, Plan, Result};
use std::path::PathBuf;
use std::sync::Arc;
use tokio::sync::{Mutex, Semaphore};

/// Views that are written at the same time, of all tenants: each takes some 20 MB and four threads meanwhile.
pub(super) const WRITERS: usize = 2;

/// A place's view and what keeps it up to date.
pub(super) struct Follower {
    folder: PathBuf,
    /// A number that only this tenant has.
    owner: i64,
    writers: Arc<Semaphore>,
    /// Locked while the view follows, so that one writes and the others wait for what it brings.
    followed: Mutex<Option<Followed>>,
}

struct Followed {
    view: Arc<View>,
    /// Whose it is, and what it leaves out.
    owner: i64,
    /// The place in the change log up to where the view was committed.
    seq: i64,
}

/// Asks the view all full-text tests of a plan, as of the end of the change log now.
pub(super) async fn answers(place: &Arc<Place>, plan: &Plan) -> Result<Answers> {
    let asked = asked_by(plan);
    if asked.is_empty() {
        return Ok(Answers::default());
    }
    let view = reach(place, changes::end(place).await?).await?;
    answers_of(view, asked).await
}

/// The view when it has come to a place in the log. It goes on without the caller, who waits no longer than a query
/// may take.
async fn reach(place: &Arc<Place>, seq: i64) -> Result<Arc<View>> {
    let work = tokio::spawn({
        let place = place.clone();
        async move { follow(&place, seq, &|_| ()).await }
    });
    match tokio::time::timeout(place.readers.query_time(), work).await {
        Ok(done) => done.map_err(Error::text)?,
        Err(_) => Err(Error::TextBehind),
    }
}

/// Throws the view away and makes it anew from all resources; tells how far it has come.
pub(super) async fn rebuild(place: &Place, told: &(dyn Fn(Indexed) + Send + Sync)) -> Result<()> {
    let mut followed = place.text.followed.lock().await;
    *followed = None;
    let folder = place.text.folder.clone();
    blocking(move || View::remove(&folder)).await?;
    drop(followed);
    follow(place, changes::end(place).await?, told).await.map(|_| ())
}

async fn follow(place: &Place, until: i64, told: &(dyn Fn(Indexed) + Send + Sync)) -> Result<Arc<View>> {
    let follower = &place.text;
    let mut followed = follower.followed.lock().await;
    let owner = follower.owner ^ place.sealer.left_out().await?;
    let followed = match followed.take().filter(|it| it.owner == owner) {
        Some(open) => followed.insert(open),
        None => followed.insert(follower.open(place, owner).await?),
    };
    if followed.seq < until {
        let _permit = follower.writers.acquire().await.map_err(|_| Error::Closed)?;
        let view = followed.view.clone();
        let mut writer = blocking(move || view.writer()).await?;
        let total = changes::resources(place).await?;
        let mut progress = Indexed { done: 0, total };
        while followed.seq < until {
            let (seq, back) = fill(place, writer, followed.seq, until, &mut progress, told).await?;
            writer = back;
            followed.seq = seq;
            let view = followed.view.clone();
            blocking(move || view.refresh()).await?;
        }
        blocking(move || writer.close()).await?;
        let view = followed.view.clone();
        blocking(move || view.refresh()).await?;
    }
    Ok(followed.view.clone())
}

/// Puts changes in and commits them; up to where.
async fn fill(
    place: &Place,
    mut writer: Writer,
    from: i64,
    until: i64,
    progress: &mut Indexed,
    told: &(dyn Fn(Indexed) + Send + Sync),
) -> Result<(i64, Writer)> {
    let (mut seq, mut count) = (from, 0);
    while count < COMMIT && seq < until {
        let batch = changes::after(place, seq, until).await?;
        // Behind the last change that counts there are only superseded ones.
        seq = batch.last().map_or(until, |it| it.seq);
        count += batch.len();
        progress.done += batch.len() as i64;
        writer = blocking(move || put(writer, batch.into_iter().map(|it| (it.rid, it.body)))).await?;
        told(*progress);
    }
    let writer = blocking(move || writer.commit(seq).map(|()| writer)).await?;
    Ok((seq, writer))
}

impl Follower {
    pub(super) fn new(folder: PathBuf, owner: i64, writers: Arc<Semaphore>) -> Follower {
        Follower { folder, owner, writers, followed: Mutex::default() }
    }

    /// Opens the view; one that follows another log than the place has now is made anew.
    async fn open(&self, place: &Place, owner: i64) -> Result<Followed> {
        let (view, seq) = self.view(owner).await?;
        if changes::has(place, seq).await? {
            return Ok(Followed { view: Arc::new(view), owner, seq });
        }
        drop(view);
        let folder = self.folder.clone();
        blocking(move || View::remove(&folder)).await?;
        let (view, seq) = self.view(owner).await?;
        Ok(Followed { view: Arc::new(view), owner, seq })
    }

    async fn view(&self, owner: i64) -> Result<(View, i64)> {
        let folder = self.folder.clone();
        blocking(move || View::open(&folder, owner)).await
    }

    /// Takes a view away in which something stands that is to be left out.
    pub(super) async fn leave_out(&self, left_out: i64) -> Result<()> {
        let owner = self.owner ^ left_out;
        let mut followed = self.followed.lock().await;
        if left_out == 0 || followed.as_ref().is_some_and(|it| it.owner == owner) {
            return Ok(());
        }
        *followed = None;
        let folder = self.folder.clone();
        blocking(move || View::remove_unless(&folder, owner)).await
    }

    /// Waits for the work under way, which ends as soon as the place cannot be read any more.
    pub(super) async fn close(&self) {
        *self.followed.lock().await = None;
    }
}
