//! Versions of large code systems, loaded from their publishers' files: what a tenant has licensed, in its own database
//! (docs/decisions/0020-loaded-code-systems.md). The store keeps rows and knows nothing of what the bytes in them say.

use crate::Result;
use async_trait::async_trait;

/// A version of a code system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Release {
    /// Rises with each load.
    pub number: i64,
    /// Canonical URL of the code system.
    pub url: String,
    /// Its version.
    pub version: String,
    /// JSON; what it says is the business of who wrote it.
    pub about: String,
}

/// A concept of a release.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReleaseConcept {
    /// Its number within the release, from 0 on.
    pub place: i64,
    /// Its code.
    pub code: String,
    /// Sets of places that stand to it in some way.
    pub links: Vec<u8>,
    /// JSON: what is said of it.
    pub about: String,
}

/// The concepts of a release that something is said of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Posting {
    /// The property; empty for words of names.
    pub property: String,
    /// Its value, or a word; empty for any value.
    pub term: String,
    /// A set of places.
    pub places: Vec<u8>,
}

/// Which terms of a property.
#[derive(Clone, Copy, Debug)]
pub enum Terms<'t> {
    /// This one.
    Is(&'t str),
    /// Those that begin so.
    Begins(&'t str),
}

/// Part of a release that is being loaded.
#[derive(Clone, Debug)]
pub enum ReleasePart {
    /// Concepts.
    Concepts(Vec<ReleaseConcept>),
    /// Postings.
    Postings(Vec<Posting>),
}

/// The releases of one tenant: what [`crate::Session`] has besides resources. One is read from the moment it is finished, and
/// nothing of it before.
#[async_trait]
pub trait Releases: Send + Sync {
    /// Those that are finished, the oldest first.
    async fn releases(&self) -> Result<Vec<Release>>;
    /// Begins a release, as of now, and gives its number.
    async fn begin_release(&self, url: &str, version: &str, about: &str) -> Result<i64>;
    /// Adds a part to one that is not finished. Called again for a part that was added it fails.
    async fn fill_release(&self, number: i64, part: ReleasePart) -> Result<()>;
    /// Makes it seen, at once and whole; another one of its version is not seen any more. `false` where it is gone.
    async fn finish_release(&self, number: i64) -> Result<bool>;
    /// Makes it unseen; `false` if there is none.
    async fn drop_release(&self, number: i64) -> Result<bool>;
    /// Takes all rows away of releases of this code system that are not finished and were begun before this time.
    async fn sweep_releases(&self, url: &str, before: i64) -> Result<()>;
    /// The concepts that have one of these codes.
    async fn concepts_with(&self, release: i64, codes: &[&str]) -> Result<Vec<ReleaseConcept>>;
    /// The concepts at these places, of those that there are.
    async fn concepts_at(&self, release: i64, places: &[i64]) -> Result<Vec<ReleaseConcept>>;
    /// The terms with their sets of places, of at most so many of these.
    async fn postings(
        &self,
        release: i64,
        property: &str,
        terms: Terms<'_>,
        most: usize,
    ) -> Result<Vec<(String, Vec<u8>)>>;
}
