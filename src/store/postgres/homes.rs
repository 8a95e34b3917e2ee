//! What a node knows of where tenants' records are, and how it learns that they moved.
//!
//! The directory is asked when a tenant is first needed, when it tells of a change, and every second while it cannot be
//! heard. Nobody depends on hearing: a place that a tenant left refuses every statement on it (0007_moves.sql), and what
//! was refused is done again where the records are now.

use super::directory::{Directory, Entry};
use super::notices::{self, Heard};
use super::place::{Place, Pools};
use super::records::Records;
use super::residence::Spot;
use super::target::Target;
use super::text::Follower;
use super::{OPENING, Opened, Shared, audit, moves};
use crate::keys::Sealer;
use crate::rows::IndexHash;
use crate::{Error, Result, Tenant, Told};
use rustc_hash::FxHashMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;
use tokio::sync::broadcast;
use tokio::task::AbortHandle;
use tokio::time::timeout;

/// How often, and after which rest, a place is asked again that refuses a tenant which the directory has there. Between
/// the two steps of a switch it is so for a moment.
pub(super) const TRIES: u32 = 60;
const REST: Duration = Duration::from_millis(50);
/// After so many tries nobody is at work any more: the place is opened again.
const DESERTED: u32 = 50;
/// How long that may take.
const REOPENING: Duration = Duration::from_secs(10);

pub(super) struct Homes {
    url: String,
    pub(super) target: Target,
    pub(super) directory: Arc<Directory>,
    pub(super) shared: Arc<Shared>,
    /// The regions that are served; none: all.
    regions: Vec<String>,
    places: Opened<Spot, Place>,
    /// By the database's URL; `None`: the directory's.
    pools: Mutex<FxHashMap<Option<String>, Pools>>,
    texts: Opened<PathBuf, Follower>,
    homes: Mutex<FxHashMap<Arc<str>, Arc<Home>>>,
    /// Rises when the directory may have told of something that was not heard.
    epoch: AtomicU64,
    pub(super) told: broadcast::Sender<Told>,
    listeners: Mutex<FxHashMap<String, AbortHandle>>,
}

/// A tenant's records, wherever they are.
pub(super) struct Home {
    name: Arc<str>,
    /// Rises when the directory tells of the tenant.
    epoch: AtomicU64,
    known: RwLock<Option<Known>>,
    /// Held by the one who looks into the directory.
    looking: tokio::sync::Mutex<()>,
}

struct Known {
    records: Arc<Records>,
    as_of: (u64, u64),
}

impl Homes {
    pub(super) fn new(
        url: &str,
        directory: Directory,
        shared: Arc<Shared>,
        regions: Vec<String>,
    ) -> Result<Arc<Homes>> {
        let homes = Arc::new(Homes {
            url: url.to_owned(),
            target: url.parse()?,
            directory: Arc::new(directory),
            shared,
            regions,
            places: Opened::default(),
            pools: Mutex::default(),
            texts: Opened::default(),
            homes: Mutex::default(),
            epoch: AtomicU64::default(),
            told: broadcast::Sender::new(super::NOTICES),
            listeners: Mutex::default(),
        });
        homes.listen(url)?;
        Ok(homes)
    }

    pub(super) fn of(&self, name: &Arc<str>) -> Arc<Home> {
        let new = || {
            Arc::new(Home {
                name: name.clone(),
                epoch: AtomicU64::default(),
                known: RwLock::default(),
                looking: tokio::sync::Mutex::default(),
            })
        };
        let mut homes = self.homes.lock().unwrap_or_else(PoisonError::into_inner);
        homes.entry(name.clone()).or_insert_with(new).clone()
    }

    /// What encrypts and decrypts a tenant's ledger.
    pub(super) fn sealer(&self, name: &Arc<str>) -> Sealer {
        Sealer {
            name: name.clone(),
            keeper: self.shared.keeper.clone(),
            shelf: self.directory.clone(),
            clock: self.shared.clock,
        }
    }

    /// Where a tenant's records are, as far as this node has heard.
    pub(super) async fn records(self: &Arc<Self>, home: &Home) -> Result<Arc<Records>> {
        if let Some(records) = home.known_as_of(self.now(home)) {
            return Ok(records);
        }
        // The directory and places may be away: whoever has to wait for them does not wait for ever.
        let found = timeout(OPENING, self.records_now(home)).await;
        found.unwrap_or_else(|_| home.last().ok_or(Error::Silent))
    }

    /// Where a tenant's records are, looked up again.
    async fn records_now(self: &Arc<Self>, home: &Home) -> Result<Arc<Records>> {
        let _looking = match (home.looking.try_lock(), home.last()) {
            (Ok(looking), _) => looking,
            (Err(_), None) => home.looking.lock().await,
            // Somebody else looks, which may take as long as the directory is away. Should the records have moved, their former
            // place says so.
            (Err(_), Some(last)) => return Ok(last),
        };
        // As of before the look: what is told meanwhile is looked up again.
        let now = self.now(home);
        if let Some(records) = home.known_as_of(now) {
            return Ok(records);
        }
        let last = home.last();
        let records = match self.look(home, last.clone()).await {
            // It is looked up again when the directory is heard, when the former place refuses, or after a while.
            Err(error) if error.is_passing() || error.is_connection_lost() => last.ok_or(error)?,
            looked => looked?,
        };
        *home.known.write().unwrap_or_else(PoisonError::into_inner) =
            Some(Known { records: records.clone(), as_of: now });
        Ok(records)
    }

    /// Opens the place that the directory has, unless it is the last one.
    async fn look(self: &Arc<Self>, home: &Home, last: Option<Arc<Records>>) -> Result<Arc<Records>> {
        let mut entry = self.entry(home).await?;
        for tries in 1..=TRIES {
            if let Some(last) = last.as_ref().filter(|it| it.is_at(&entry)) {
                self.follow(&last.place, &entry).await?;
                return Ok(last.clone());
            }
            match self.open(&entry).await {
                Err(Error::Moved) => self.rest(home, tries).await?,
                opened => {
                    let opened = opened?;
                    let now = self.entry(home).await?;
                    // A place that the tenant left meanwhile may have been made anew, empty, by opening it.
                    if opened.is_at(&now) {
                        let opened = Arc::new(opened);
                        // What a node wrote that is no more waits to be chained.
                        audit::wake(&opened);
                        return Ok(opened);
                    }
                }
            }
            entry = self.entry(home).await?;
        }
        Err(Error::Moved)
    }

    async fn entry(&self, home: &Home) -> Result<Entry> {
        let entry = self.directory.find(&home.name).await?.ok_or(Error::Erased)?;
        self.admit(&entry)?;
        Ok(entry)
    }

    /// Waits for those who switch a tenant's place; opens it when nobody seems to be at work any more.
    async fn rest(&self, home: &Home, tries: u32) -> Result<()> {
        if tries == DESERTED {
            tracing::warn!(tenant = &*home.name, "a move was broken off; the tenant's place is opened again");
            let reopening = moves::reopen(&self.directory, &self.target, &home.name);
            timeout(REOPENING, reopening).await.map_err(|_| Error::Silent)??;
        }
        tokio::time::sleep(REST).await;
        Ok(())
    }

    /// Where a tenant's records are, now that their former place refused a statement for the n-th time.
    pub(super) async fn after(
        self: &Arc<Self>,
        home: &Home,
        former: &Arc<Records>,
        tries: u32,
    ) -> Result<Arc<Records>> {
        home.epoch.fetch_add(1, Ordering::AcqRel);
        let records = self.records(home).await?;
        if Arc::ptr_eq(&records, former) {
            self.rest(home, tries).await?;
        }
        Ok(records)
    }

    /// Fails for a tenant that is kept where this server does not serve.
    pub(super) fn admit(&self, entry: &Entry) -> Result<()> {
        let is_served = |region: &String| self.regions.contains(region);
        if self.regions.is_empty() || entry.region.as_ref().is_some_and(is_served) {
            Ok(())
        } else {
            Err(Error::Region)
        }
    }

    /// Succeeds if the database answers and takes writes. Another one that does not holds up its own tenants alone.
    pub(super) async fn ping(&self) -> Result<()> {
        self.directory.ping().await?;
        for place in self.places.those(|it| it.database.is_none()) {
            place.writes.verify().await?;
        }
        Ok(())
    }

    /// Hears nothing any more.
    pub(super) fn stop_listening(&self) {
        self.listeners.lock().unwrap_or_else(PoisonError::into_inner).drain().for_each(|(_, it)| it.abort());
    }

    pub(super) async fn close(&self) {
        self.stop_listening();
        for place in self.places.all() {
            place.close().await;
        }
        for text in self.texts.all() {
            text.close().await;
        }
        self.directory.close().await;
    }

    async fn open(self: &Arc<Self>, entry: &Entry) -> Result<Records> {
        let place = self.place(&entry.spot).await?;
        self.follow(&place, entry).await?;
        let tenant = self.shared.keeper.tenant(entry.name.clone(), entry.kept.clone()).await?;
        let text = self.text(entry, &tenant).await?;
        let (shared, sealer) = (self.shared.clone(), self.sealer(&entry.name));
        Records::open(entry, &tenant, place, text, shared, &self.directory, sealer).await
    }

    /// A tenant's full-text view, without what is left out of it by now.
    async fn text(&self, entry: &Entry, tenant: &Tenant) -> Result<Arc<Follower>> {
        let (folder, secrets) = (self.text_folder(entry), tenant.secrets());
        let new = || Follower::new(folder.clone(), IndexHash::new(&secrets.index_key).owner());
        let text = self.texts.get(&folder, async { Ok(Arc::new(new())) }).await?;
        text.leave_out(secrets.marks.left_out()).await?;
        Ok(text)
    }

    /// The folder of a tenant's full-text view, which goes by a database's transactions: in another database it is another.
    fn text_folder(&self, entry: &Entry) -> PathBuf {
        let name = &*entry.name;
        self.shared.text_folder.join(match entry.spot.database {
            None => format!("{name}.text"),
            Some(_) => format!("{name}.{}.text", entry.residence),
        })
    }

    async fn place(self: &Arc<Self>, spot: &Spot) -> Result<Arc<Place>> {
        let open = async {
            if let Some(url) = &spot.database {
                self.listen(url)?;
            }
            let target = spot.target(&self.target)?;
            let pools = self.pools(&spot.database);
            Ok(Arc::new(Place::open(&target, &spot.schema, &pools, self.shared.bounds).await?))
        };
        self.places.get(spot, open).await
    }

    /// Has a place's reads answered by the standby that it has now: a node is told of its own database's, the directory knows
    /// those of others.
    async fn follow(&self, place: &Place, entry: &Entry) -> Result<()> {
        let standby = match entry.spot.database {
            None => self.shared.standby.as_deref(),
            Some(_) => entry.standby.as_deref(),
        };
        place.follow(standby, &self.pools(&entry.spot.database)).await
    }

    fn pools(&self, database: &Option<String>) -> Pools {
        let mut pools = self.pools.lock().unwrap_or_else(PoisonError::into_inner);
        let directory = database.is_none().then(|| self.directory.budget());
        pools.entry(database.clone()).or_insert_with(|| Pools::new(self.shared.bounds, directory)).clone()
    }

    pub(super) fn clock(&self) -> i64 {
        (self.shared.clock)()
    }

    /// Listens to what is told in a database, unless that is done already.
    fn listen(self: &Arc<Self>, url: &str) -> Result<()> {
        let target: Target = url.parse()?;
        let mut listeners = self.listeners.lock().unwrap_or_else(PoisonError::into_inner);
        listeners.entry(url.to_owned()).or_insert_with(|| {
            let (homes, is_directory) = (Arc::downgrade(self), *url == self.url);
            let hear = move |heard| {
                let Some(homes) = homes.upgrade() else { return };
                if let (Heard::Moved(name), true) = (&heard, is_directory) {
                    tokio::spawn(homes.clone().after_change(name.clone()));
                }
                homes.hear(heard, is_directory);
            };
            tokio::spawn(notices::listen(target, self.shared.node, hear)).abort_handle()
        });
        Ok(())
    }

    /// Forgets a tenant that the directory has no more; of one whose marks may be others, takes away what is to be left out.
    async fn after_change(self: Arc<Self>, name: String) {
        let heeded = match self.directory.find(&name).await {
            Ok(None) => {
                self.shared.keeper.forget(&name);
                self.remove_text(&name).await
            }
            Ok(Some(entry)) if self.text_folder(&entry).exists() => self.leave_out(&entry).await,
            found => found.map(drop),
        };
        if let Err(error) = heeded {
            tracing::warn!(%error, tenant = name, "what this node has of a tenant that was changed or erased could not be looked at");
        }
    }

    async fn leave_out(&self, entry: &Entry) -> Result<()> {
        let tenant = self.shared.keeper.tenant(entry.name.clone(), entry.kept.clone()).await?;
        self.text(entry, &tenant).await.map(drop)
    }

    /// Takes away the full-text views that this node has of a tenant.
    pub(super) async fn remove_text(&self, name: &str) -> Result<()> {
        let folder = &self.shared.text_folder;
        let failed = |cause| Error::File { path: folder.display().to_string(), cause };
        let entries = match std::fs::read_dir(folder) {
            Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => return Ok(()),
            entries => entries.map_err(failed)?,
        };
        for entry in entries {
            let path = entry.map_err(failed)?.path();
            let of = path.file_name().and_then(|it| it.to_str()).and_then(|it| it.strip_suffix(".text"));
            if of.and_then(|it| it.split('.').next()) != Some(name) {
                continue;
            }
            if let Some(open) = self.texts.forget(&path) {
                open.close().await;
            }
            std::fs::remove_dir_all(&path).map_err(failed)?;
        }
        Ok(())
    }

    fn hear(&self, heard: Heard, is_directory: bool) {
        match heard {
            Heard::Told(told) => {
                // Nobody may be there to be told.
                let _ = self.told.send(told);
            }
            Heard::Moved(name) if is_directory => {
                let homes = self.homes.lock().unwrap_or_else(PoisonError::into_inner);
                if let Some(home) = homes.get(name.as_str()) {
                    home.epoch.fetch_add(1, Ordering::AcqRel);
                }
            }
            Heard::Deaf if is_directory => {
                self.epoch.fetch_add(1, Ordering::AcqRel);
            }
            Heard::Moved(_) | Heard::Deaf => {}
        }
    }

    fn now(&self, home: &Home) -> (u64, u64) {
        (self.epoch.load(Ordering::Acquire), home.epoch.load(Ordering::Acquire))
    }
}

impl Home {
    fn known(&self) -> std::sync::RwLockReadGuard<'_, Option<Known>> {
        self.known.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where they were when it was last looked.
    fn last(&self) -> Option<Arc<Records>> {
        self.known().as_ref().map(|it| it.records.clone())
    }

    fn known_as_of(&self, now: (u64, u64)) -> Option<Arc<Records>> {
        self.known().as_ref().filter(|it| it.as_of == now).map(|it| it.records.clone())
    }
}
