//! The full-text view of a tenant as an engine has it follow the change log: opened when something is first asked of it.

use super::{View, blocking};
use crate::Result;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::sync::{Mutex, MutexGuard};

/// Views that are written at the same time, of all tenants: each takes some 20 MB and four threads meanwhile.
pub(crate) const WRITERS: usize = 2;

/// A tenant's view and how far it has come, as the engine tells it.
pub(crate) struct Follower<P> {
    folder: PathBuf,
    /// A number that only this tenant has.
    owner: i64,
    /// Locked while the view follows, so that one writes and the others wait for what it brings.
    followed: Mutex<Option<Followed<P>>>,
}

/// An open view.
pub(crate) struct Followed<P> {
    pub(crate) view: Arc<View>,
    /// Whose it is, and what it leaves out.
    owner: i64,
    /// Up to where in the change log it goes.
    pub(crate) at: P,
}

/// Where an open view belongs.
pub(crate) type Shelf<'f, P> = MutexGuard<'f, Option<Followed<P>>>;

impl<P: From<i64>> Follower<P> {
    pub(crate) fn new(folder: PathBuf, owner: i64) -> Follower<P> {
        Follower { folder, owner, followed: Mutex::default() }
    }

    /// The view that leaves out just this, for the one who has it follow and then puts it back; whoever breaks off leaves it to be opened
    /// again. One that is where the log, as `has` tells, has not come to is made anew.
    pub(crate) async fn take<F: Future<Output = Result<bool>>>(
        &self,
        left_out: impl Future<Output = Result<i64>>,
        has: impl FnOnce(i64) -> F,
    ) -> Result<(Shelf<'_, P>, Followed<P>)> {
        let mut shelf = self.followed.lock().await;
        let owner = self.owner ^ left_out.await?;
        if let Some(open) = shelf.take().filter(|it| it.owner == owner) {
            return Ok((shelf, open));
        }
        let (mut view, mut at) = self.view(owner).await?;
        if !has(at).await? {
            drop(view);
            self.remove().await?;
            (view, at) = self.view(owner).await?;
        }
        Ok((shelf, Followed { view: Arc::new(view), owner, at: at.into() }))
    }

    async fn view(&self, owner: i64) -> Result<(View, i64)> {
        let folder = self.folder.clone();
        blocking(move || View::open(&folder, owner)).await
    }

    async fn remove(&self) -> Result<()> {
        let folder = self.folder.clone();
        blocking(move || View::remove(&folder)).await
    }

    /// Throws the view away.
    pub(crate) async fn discard(&self) -> Result<()> {
        let mut shelf = self.followed.lock().await;
        *shelf = None;
        self.remove().await
    }

    /// Takes a view away in which something stands that is to be left out.
    pub(crate) async fn leave_out(&self, left_out: i64) -> Result<()> {
        let owner = self.owner ^ left_out;
        let mut shelf = self.followed.lock().await;
        if left_out == 0 || shelf.as_ref().is_some_and(|it| it.owner == owner) {
            return Ok(());
        }
        *shelf = None;
        let folder = self.folder.clone();
        blocking(move || View::remove_unless(&folder, owner)).await
    }

    /// Waits for the work under way, which ends as soon as the database cannot be read any more.
    pub(crate) async fn close(&self) {
        *self.followed.lock().await = None;
    }
}

impl<P> Followed<P> {
    /// Sees what was committed since.
    pub(crate) async fn refresh(&self) -> Result<()> {
        let view = self.view.clone();
        blocking(move || view.refresh()).await
    }
}
