//! Wraps and unwraps tenants' keys.

use super::aead::KEY;
use super::{DataKey, Master, NONE, Secrets, Shelf, Wrapped, figures};
use crate::{Error, Result, Tenant};
use rustc_hash::FxHashMap;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::Mutex as AsyncMutex;

/// Fills bytes that nobody can guess.
pub type Random = fn(&mut [u8]) -> std::io::Result<()>;

/// A tenant's keys as they stand in the directory.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Kept {
    /// As a version wrote them that wrapped none.
    Bare(Secrets),
    /// Wrapped.
    Wrapped(Wrapped),
}

impl Kept {
    /// Keys as a version wrote them that wrapped none.
    pub(crate) fn bare(index_key: Vec<u8>, page_key: Vec<u8>, token_key: Vec<u8>) -> Result<Kept> {
        let wrong = |_| Error::Directory("a tenant's key has the wrong length");
        let (index_key, page_key) = (index_key.try_into().map_err(wrong)?, page_key.try_into().map_err(wrong)?);
        let (data_keys, sealing, marks) = <_>::default();
        Ok(Kept::Bare(Secrets { index_key, page_key, token_key, edition: 0, data_keys, sealing, marks }))
    }

    /// The wrapped bytes, unless they are bare.
    pub(crate) fn wrapped(&self) -> Option<&Wrapped> {
        match self {
            Kept::Bare(_) => None,
            Kept::Wrapped(wrapped) => Some(wrapped),
        }
    }
}

/// Wraps and unwraps tenants' keys by a master key. What was unwrapped is remembered as long as the directory has the same: a
/// master key may be a service that takes its time.
pub struct Keeper {
    master: Arc<dyn Master>,
    random: Random,
    known: Mutex<FxHashMap<Arc<str>, Known>>,
}

/// A tenant's keys as they were found.
struct Known {
    kept: Kept,
    secrets: Arc<Secrets>,
    /// When the directory was asked, and for how many milliseconds it need not be asked again; none where it must be.
    asked: Option<(i64, i64)>,
    /// Held by the one who asks it.
    asking: Arc<AsyncMutex<()>>,
    /// The build by which index rows are as its marks want them.
    settled: Option<String>,
    /// That they are older than its records was said.
    is_told_old: bool,
}

impl Known {
    fn is_recent(&self, now: i64) -> bool {
        self.asked.is_some_and(|(at, span)| (0..span).contains(&(now - at)))
    }
}

/// Tells the time in milliseconds.
type Clock = fn() -> i64;

/// For so many milliseconds keys are taken for what the directory has: then others' changes show.
const RECENT: i64 = 2_000;
/// For so many milliseconds a directory that did not answer is not asked again.
const AWAY: i64 = 10_000;

impl Keeper {
    /// By this master key.
    pub fn new(master: Arc<dyn Master>, random: Random) -> Keeper {
        Keeper { master, random, known: Mutex::default() }
    }

    /// The id of the key that wraps now.
    pub(crate) async fn current(&self) -> Result<String> {
        self.master.current().await
    }

    /// A tenant of this name with its keys.
    pub(crate) async fn tenant(&self, name: Arc<str>, kept: Kept) -> Result<Tenant> {
        let secrets = self.known_or_unwrapped(&name, kept).await?;
        Ok(Tenant { name, secrets })
    }

    async fn known_or_unwrapped(&self, name: &Arc<str>, kept: Kept) -> Result<Arc<Secrets>> {
        let known = self.known().get(name).filter(|it| it.kept == kept).map(|it| it.secrets.clone());
        if let Some(secrets) = known {
            return Ok(secrets);
        }
        let was_wrapped = self.known().get(name).is_some_and(|it| it.kept.wrapped().is_some());
        let secrets = Arc::new(match &kept {
            // No version takes a wrap away: it was somebody who can write there, and has no master key.
            Kept::Bare(_) if was_wrapped => {
                let told =
                    "the tenant's keys lie open in the directory, where they were wrapped: somebody has changed them";
                return Err(Error::MasterKey(told.to_owned()));
            }
            Kept::Bare(secrets) => secrets.clone(),
            Kept::Wrapped(wrapped) => self.unwrap(name, wrapped).await?,
        });
        let mut known = self.known();
        let asking = known.get(name).map(|it| it.asking.clone()).unwrap_or_default();
        let found = Known { kept, secrets: secrets.clone(), asked: None, asking, settled: None, is_told_old: false };
        known.insert(name.clone(), found);
        drop(known);
        Ok(secrets)
    }

    /// A tenant's keys as they were when they were last looked up.
    pub(crate) fn remembered(&self, name: &str) -> Option<Arc<Secrets>> {
        self.known().get(name).map(|it| it.secrets.clone())
    }

    /// Whether a master key wraps a tenant's keys, as far as is known: else who has the database has them.
    pub(crate) fn is_wrapped(&self, name: &str) -> bool {
        self.known().get(name).and_then(|it| it.kept.wrapped()).is_some_and(|it| it.by != NONE)
    }

    /// A tenant's keys as they were a moment ago. While the directory does not answer they are as they were: one asks, again
    /// and again after a while, and the others do not wait for that.
    pub(crate) async fn recent(&self, shelf: &dyn Shelf, name: &Arc<str>, clock: Clock) -> Result<Arc<Secrets>> {
        let look = |it: &Known| (it.secrets.clone(), it.is_recent(clock()), it.asked.is_some(), it.asking.clone());
        let look = || self.known().get(name).map(look);
        let Some((secrets, is_recent, may_be_old, asking)) = look() else {
            return self.latest(shelf, name, clock).await;
        };
        if is_recent {
            return Ok(secrets);
        }
        let _asking = match asking.try_lock() {
            Err(_) if may_be_old => return Ok(secrets),
            Err(_) => asking.lock().await,
            Ok(asking) => asking,
        };
        // Somebody may have asked meanwhile.
        if let Some((secrets, true, ..)) = look() {
            return Ok(secrets);
        }
        match self.latest(shelf, name, clock).await {
            Err(error) if error.is_passing() || error.is_connection_lost() => {
                self.note(name, Some((clock(), AWAY)));
                Ok(secrets)
            }
            latest => latest,
        }
    }

    /// A tenant's keys as the directory has them; fails while it does not answer.
    pub(crate) async fn latest(&self, shelf: &dyn Shelf, name: &Arc<str>, clock: Clock) -> Result<Arc<Secrets>> {
        let now = clock();
        let secrets = self.known_or_unwrapped(name, shelf.kept(name).await?.ok_or(Error::Erased)?).await?;
        self.note(name, Some((now, RECENT)));
        Ok(secrets)
    }

    /// Has a tenant's keys looked up when they are needed next.
    pub(crate) fn look_again(&self, name: &str) {
        self.note(name, None);
    }

    fn note(&self, name: &str, asked: Option<(i64, i64)>) {
        if let Some(known) = self.known().get_mut(name) {
            known.asked = asked;
        }
    }

    /// Whether index rows of a tenant are known to be as its marks want them, by the build that made them so.
    pub(crate) fn is_settled(&self, name: &str, build: &str) -> bool {
        self.known().get(name).is_some_and(|it| it.settled.as_deref() == Some(build))
    }

    /// Notes that they are.
    pub(crate) fn settle(&self, name: &str, build: &str) {
        if let Some(known) = self.known().get_mut(name) {
            known.settled = Some(build.to_owned());
        }
    }

    /// Says that a tenant's keys are older than its records: counted each time, and told once for the keys that they are.
    pub(crate) fn tell_old(&self, name: &str) {
        figures::refused();
        if let Some(known) = self.known().get_mut(name).filter(|it| !it.is_told_old) {
            known.is_told_old = true;
            let advice = Error::OlderKeys.advice();
            tracing::error!(
                tenant = name,
                advice,
                "writes are refused, as the directory was restored from an older backup than the records: it has older keys"
            );
        }
    }

    fn known(&self) -> std::sync::MutexGuard<'_, FxHashMap<Arc<str>, Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn random(&self) -> Random {
        self.random
    }

    /// Wraps a tenant's keys by the master key of now.
    pub(crate) async fn wrap(&self, name: &str, secrets: &Secrets) -> Result<Wrapped> {
        self.master.wrap(&about(name), &secrets.to_bytes()?).await
    }

    async fn unwrap(&self, name: &str, wrapped: &Wrapped) -> Result<Secrets> {
        Secrets::from_bytes(&self.master.unwrap(&about(name), wrapped).await?)
    }

    /// Wraps the key that signs what the operator hands out.
    pub(crate) async fn wrap_signing_key(&self, key: &[u8]) -> Result<Wrapped> {
        self.master.wrap(SIGNING, key).await
    }

    pub(crate) async fn unwrap_signing_key(&self, wrapped: &Wrapped) -> Result<Vec<u8>> {
        self.master.unwrap(SIGNING, wrapped).await
    }

    /// Remembers nothing of a tenant any more.
    pub(crate) fn forget(&self, name: &str) {
        self.known().remove(name);
    }

    /// The keys that the directory has, past what is remembered, and with a data key where there was none.
    pub(crate) async fn complete(&self, name: &str, kept: &Kept) -> Result<Secrets> {
        let mut secrets = match kept {
            Kept::Bare(secrets) => secrets.clone(),
            Kept::Wrapped(wrapped) => self.unwrap(name, wrapped).await?,
        };
        if secrets.data_keys.is_empty() {
            self.add_data_key(&mut secrets)?;
        }
        Ok(secrets)
    }

    /// Adds a key by which data is encrypted from then on.
    pub(crate) fn add_data_key(&self, secrets: &mut Secrets) -> Result<()> {
        let last = secrets.data_keys.last().map_or(0, |it| it.number);
        let (mut key, mut step) = ([0; KEY], [0; 4]);
        (self.random)(&mut key).and_then(|()| (self.random)(&mut step)).map_err(Error::Random)?;
        secrets.data_keys.push(DataKey { number: number_after(last, u32::from_be_bytes(step))?, key });
        Ok(())
    }
}

/// The number of the data key after this one, some random steps further (up to 1/4096 of what is left): where the directory is restored from
/// an older backup, a key that was lost with the later one has another number than the key that takes its place.
fn number_after(last: u32, random: u32) -> Result<u32> {
    let left = u32::MAX - last;
    if left == 0 {
        return Err(Error::Directory("a tenant has too many data keys"));
    }
    Ok(last + 1 + random % (left / 4096).max(1))
}

/// Shows no key.
impl std::fmt::Debug for Keeper {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Keeper")
    }
}

/// What the wrapped key is bound to that signs what the operator hands out.
const SIGNING: &[u8] = b"medisync signing key";

/// What a tenant's wrapped keys are bound to: in another tenant's row they cannot be unwrapped.
fn about(name: &str) -> Vec<u8> {
    [b"medisync keys of tenant ", name.as_bytes()].concat()
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::keys::{KeyFile, Unwrapped};
    use std::sync::atomic::{AtomicU64, Ordering};

    /// Never the same twice, which is enough for tests.
    pub(crate) fn random(bytes: &mut [u8]) -> std::io::Result<()> {
        static COUNT: AtomicU64 = AtomicU64::new(1);
        for chunk in bytes.chunks_mut(8) {
            let number = COUNT.fetch_add(1, Ordering::Relaxed).to_le_bytes();
            chunk.copy_from_slice(&number[..chunk.len()]);
        }
        Ok(())
    }

    /// A keeper with a master key that is the same in each test.
    pub(crate) fn keeper() -> Arc<Keeper> {
        keeper_of(random)
    }

    /// A keeper without a master key.
    pub(crate) fn bare_keeper() -> Arc<Keeper> {
        Arc::new(Keeper::new(Arc::new(Unwrapped), random))
    }

    /// The same with random numbers of the test's own.
    pub(crate) fn keeper_of(random: Random) -> Arc<Keeper> {
        let keys = KeyFile::of("test AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=", random).unwrap();
        Arc::new(Keeper::new(Arc::new(keys), random))
    }

    pub(crate) fn secrets() -> Secrets {
        let (data_keys, sealing, marks) = <_>::default();
        Secrets {
            index_key: [1; 16],
            page_key: [2; 32],
            token_key: vec![3; 138],
            edition: 0,
            data_keys,
            sealing,
            marks,
        }
    }

    #[tokio::test]
    async fn keys_are_unwrapped_for_their_tenant_only() {
        let keeper = keeper();
        let wrapped = keeper.wrap("north", &secrets()).await.unwrap();
        assert!(!wrapped.bytes.windows(16).any(|it| it == [1; 16]));
        let north = keeper.tenant("north".into(), Kept::Wrapped(wrapped.clone())).await.unwrap();
        assert!(*north.secrets() == secrets());
        assert!(keeper.tenant("south".into(), Kept::Wrapped(wrapped)).await.is_err());
    }

    #[tokio::test]
    async fn what_is_remembered_gives_way_to_what_the_directory_has() {
        let keeper = keeper();
        let mut other = secrets();
        keeper.add_data_key(&mut other).unwrap();
        for keys in [secrets(), other] {
            let kept = Kept::Wrapped(keeper.wrap("north", &keys).await.unwrap());
            assert!(*keeper.tenant("north".into(), kept).await.unwrap().secrets() == keys);
        }
    }

    #[tokio::test]
    async fn bare_keys_get_a_data_key_when_they_are_wrapped() {
        let complete = keeper().complete("north", &Kept::Bare(secrets())).await.unwrap();
        assert_eq!(complete.data_keys.len(), 1);
    }

    #[test]
    fn numbers_of_data_keys_rise_by_steps_that_nobody_can_foretell() {
        for last in [0, 1, 1 << 20, u32::MAX - 5000, u32::MAX - 2, u32::MAX - 1] {
            let next = [0, 77, u32::MAX].map(|random| number_after(last, random).unwrap());
            assert!(next.iter().all(|it| *it > last), "{last}: {next:?}");
            assert!(u32::MAX - last < 8192 || next[0] != next[1], "{last}: {next:?}");
        }
        assert!(number_after(u32::MAX, 1).is_err());
        // Each step leaves almost all of what there was.
        let longest = (0..10_000).try_fold(1, |last, _| number_after(last, u32::MAX));
        assert!(longest.is_ok());
    }

    #[tokio::test]
    async fn without_a_master_key_wrapped_keys_are_refused() {
        let wrapped = keeper().wrap("north", &secrets()).await.unwrap();
        let bare = bare_keeper();
        let refused = bare.tenant("north".into(), Kept::Wrapped(wrapped)).await.unwrap_err();
        assert!(refused.to_string().contains("--master-key"), "{refused}");
    }
}
