//! The full-text view of a place, which follows its change log when it is asked something: a tenant that never searches
//! text has none and pays nothing for it.

use super::changes;
use super::place::Place;
use crate::query::Answers;
use crate::text::{self, COMMIT, View, Writer, answers_of, asked_by, blocking, put};
use crate::{Error, Indexed, Plan, Result};
use std::sync::Arc;

/// Follows by the place in the change log up to where the view was committed.
pub(super) type Follower = text::Follower<i64>;

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
    place.text.discard().await?;
    follow(place, changes::end(place).await?, told).await.map(|_| ())
}

async fn follow(place: &Place, until: i64, told: &(dyn Fn(Indexed) + Send + Sync)) -> Result<Arc<View>> {
    let has = |seq| changes::has(place, seq);
    let (mut shelf, mut followed) = place.text.take(place.sealer.left_out(), has).await?;
    if followed.at < until {
        let _permit = place.text_writers.acquire().await.map_err(|_| Error::Closed)?;
        let view = followed.view.clone();
        let mut writer = blocking(move || view.writer()).await?;
        let total = changes::resources(place).await?;
        let mut progress = Indexed { done: 0, total };
        while followed.at < until {
            let (seq, back) = fill(place, writer, followed.at, until, &mut progress, told).await?;
            writer = back;
            followed.at = seq;
            followed.refresh().await?;
        }
        blocking(move || writer.close()).await?;
        followed.refresh().await?;
    }
    let view = followed.view.clone();
    *shelf = Some(followed);
    Ok(view)
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
