//! A run, from an empty store to the table.

use crate::limits::memory::Answers;
use crate::load::{Load, Measured};
use crate::place::{Cluster, Place, Places};
use crate::process::{self, Process};
use crate::records::{self, Loaded, Records};
use crate::request::Request;
use crate::table::{Row, Table};
use crate::workloads::{BASE, Material, Workload, check_found};
use anyhow::{Context, Result};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// What a run is made of.
pub struct Plan {
    /// The server's program.
    pub server: PathBuf,
    /// Where servers keep their data.
    pub places: Places,
    /// Folder of Synthea's Bundles.
    pub records: PathBuf,
    /// Patients to load.
    pub patients: usize,
    /// How each workload is measured.
    pub load: Load,
    /// Whether the server keeps its audit log.
    pub is_audited: bool,
    /// Bundles sent at the same time: first the figure that everything else builds on, then others.
    pub parallel: Vec<usize>,
    /// The day, for the table.
    pub date: String,
}

/// How often a workload goes round the server and its limits.
const ROUNDS: u32 = 4;

/// Creates before the limit takes its rows from them.
const CREATED_FIRST: usize = 500;

impl Plan {
    /// Measures everything.
    pub async fn run(&self) -> Result<Table> {
        let mut table = Table::default();
        self.start_up(&mut table).await?;
        match Records::read(&self.records, self.patients)? {
            Some(records) => self.with_records(&records, &mut table).await?,
            None => table.notes.push(format!(
                "SKIPPED all workloads: there are no Synthea records in {}; name their folder with --records",
                self.records.display()
            )),
        }
        Ok(table)
    }

    async fn start_up(&self, table: &mut Table) -> Result<()> {
        let mut times = Vec::new();
        let mut memory = 0;
        for _ in 0..5 {
            let place = self.places.make()?;
            self.make_tenant(&place)?;
            let begun = Instant::now();
            let server = self.serve(&place)?;
            server.answers(&[Request::get("/livez")]).await?;
            times.push(begun.elapsed());
            tokio::time::sleep(Duration::from_millis(300)).await;
            memory = server.memory()?;
        }
        times.sort_unstable();
        table.notes.push(format!(
            "start-up with an empty tenant, until the first answer: {} ms; idle memory: {} MiB",
            times[times.len() / 2].as_millis(),
            memory >> 20
        ));
        Ok(())
    }

    /// A server on a store.
    pub fn serve(&self, place: &Place) -> Result<Process> {
        let url = place.url();
        let mut arguments = vec!["serve", "--no-auth", "--listen", "127.0.0.1:0", "--database", &url];
        arguments.extend((!self.is_audited).then_some("--no-audit"));
        let arguments: Vec<&OsStr> = arguments.into_iter().map(OsStr::new).collect();
        Ok(Process::start(&self.server, &arguments)?.on(place.cluster()))
    }

    /// Makes the tenant that is measured.
    pub fn make_tenant(&self, place: &Place) -> Result<()> {
        process::run(&self.server, &["tenant", "create", "bench", "--database", &place.url()].map(OsStr::new))
    }

    /// A server whose tenant has nothing yet.
    pub async fn serve_new(&self, place: &Place) -> Result<Process> {
        self.make_tenant(place)?;
        let server = self.serve(place)?;
        server.answers(&[Request::get(format!("{BASE}/Patient?_count=1"))]).await?;
        Ok(server)
    }

    /// What the hand-written limit writes Bundles to: as empty as the server's store is before it loads them.
    fn emptied(&self, place: &Place) -> Result<Target> {
        Ok(match place {
            Place::Sqlite(folder) => Target::Copy(copy_of(&file_in(folder))?),
            Place::Postgres { .. } => {
                let empty = self.places.make()?;
                self.make_tenant(&empty)?;
                Target::Database(empty)
            }
        })
    }

    async fn with_records(&self, records: &Records, table: &mut Table) -> Result<()> {
        let place = self.places.make()?;
        let server = self.serve_new(&place).await?;
        let empty = self.emptied(&place)?;

        let (parallel, others) = self.parallel.split_first().context("how many Bundles at a time?")?;
        let (bundles, loaded, made) = self.load_all(&server, records, *parallel).await?;
        let material = Material::gather(&server, made.clone()).await?;
        let cores = std::thread::available_parallelism()?;
        table.setting = format!(
            "{} resources ({} patients) on {}, {} connections, {cores} cores, {} audit log, {}.",
            made.len(),
            records.patients.len(),
            place.kind(),
            self.load.connections,
            if self.is_audited { "with the" } else { "without" },
            self.date
        );

        let writes = material.writes();
        for workload in writes.iter().filter(|it| it.has_limit) {
            let first: Vec<_> = workload.requests.iter().cycle().take(CREATED_FIRST).cloned().collect();
            server.answers(&first).await?;
        }
        let limits = Limits::of(&place)?;

        let reads = material.reads();
        let (memory, refused) = memory_limit(&server, &reads).await?;
        let sqlx = limits.start(&limits.target, 128)?;
        for workload in reads.iter().chain(&writes) {
            if let Some((_, why)) = refused.iter().find(|it| it.0 == workload.name) {
                table.rows.push(Row { name: workload.name.into(), server: Err(why.clone()), sqlx: None, memory: None });
                continue;
            }
            let row = self.compare(workload, &server, &sqlx, &memory).await?;
            eprintln!("{}: {}", row.name, row.server.as_ref().map_or(0.0, Measured::rate));
            table.rows.push(row);
        }
        if let Some(cluster) = place.cluster() {
            let create = &writes[1].requests;
            let ours = self.database_ms(&cluster, &server, create).await?;
            let by_hand = self.database_ms(&cluster, &sqlx, create).await?;
            table.notes.push(format!(
                "CPU ms are those of the server and of PostgreSQL together; of a create of an Observation PostgreSQL takes \
                 {ours:.3} ms, with the limit {by_hand:.3} ms"
            ));
        }
        drop(sqlx);
        if let Target::Copy(_) = &limits.target {
            let alone = self.load.put_on(&limits.start(&limits.target, 1)?, &writes[1].requests).await?;
            table.notes.push(format!(
                "axum + sqlx commits up to 128 creates together, as the server does; one at a time it creates {:.0} \
                 Observations per second at {:.3} ms of CPU",
                alone.rate(),
                alone.cpu_ms()
            ));
        }
        drop((server, memory));

        let limit = limits.start(&empty, 128)?;
        let bulk = bulk(&limit, records, &loaded, *parallel).await?;
        let mut rows = vec![bundle_row(*parallel, bundles, Some(bulk))];
        for parallel in others {
            let place = self.places.make()?;
            let server = self.serve_new(&place).await?;
            let (measured, ..) = self.load_all(&server, records, *parallel).await?;
            rows.push(bundle_row(*parallel, measured, None));
        }
        table.rows.extend(rows);
        Ok(())
    }

    /// CPU milliseconds of the database for each of these requests.
    async fn database_ms(&self, cluster: &Cluster, server: &Process, requests: &[Request]) -> Result<f64> {
        let before = cluster.cpu()?;
        let measured = self.load.put_on(server, requests).await?;
        // What warming up took is in the sum as well, and in the same measure in its count.
        let all = measured.count() as f64 * (1.0 + self.load.warm_up.as_secs_f64() / self.load.length.as_secs_f64());
        Ok(cluster.cpu()?.saturating_sub(before).as_secs_f64() * 1000.0 / all)
    }

    /// A workload on the server and on its limits, in turn: what else the machine does then meets all of them.
    async fn compare(&self, workload: &Workload, server: &Process, sqlx: &Process, memory: &Process) -> Result<Row> {
        let (mut ours, mut by_hand, mut from_memory) = (Measured::default(), Measured::default(), Measured::default());
        for _ in 0..ROUNDS {
            ours = ours.and(self.load.put_on(server, &workload.requests).await?);
            if workload.has_limit {
                by_hand = by_hand.and(self.load.put_on(sqlx, &workload.requests).await?);
            }
            from_memory = from_memory.and(self.load.put_on(memory, &workload.requests).await?);
        }
        Ok(Row {
            name: workload.name.into(),
            server: Ok(ours),
            sqlx: workload.has_limit.then_some(by_hand),
            memory: Some(from_memory),
        })
    }

    /// Loads the records into an empty server; the figures are those of the patients' Bundles.
    pub async fn load_all(
        &self,
        server: &Process,
        records: &Records,
        parallel: usize,
    ) -> Result<(Measured, Vec<Loaded>, Vec<String>)> {
        let (_, first) = records::load(server, transactions(&records.first), 1, None).await?;
        let (measured, loaded) = self.load_patients(server, records, parallel).await?;
        let made = first.iter().chain(&loaded).flat_map(|it| it.made.clone()).collect();
        Ok((measured, loaded, made))
    }

    /// Loads the patients' Bundles: under new ids, however often.
    pub async fn load_patients(
        &self,
        server: &Process,
        records: &Records,
        parallel: usize,
    ) -> Result<(Measured, Vec<Loaded>)> {
        let (measured, loaded) = records::load(server, transactions(&records.patients), parallel, None).await?;
        eprintln!("{parallel} bundles at a time: {:.0} resources/s", measured.rate());
        Ok((measured, loaded))
    }
}

/// A server with the answers of all reads in memory, and the reads that were refused.
async fn memory_limit(server: &Process, reads: &[Workload]) -> Result<(Process, Vec<(&'static str, String)>)> {
    let (mut kept, mut refused) = (Answers::default(), Vec::new());
    for workload in reads {
        match server.answers(&workload.requests).await {
            Ok(answers) => {
                check_found(workload.name, &answers)?;
                workload.requests.iter().zip(answers).for_each(|(request, it)| kept.add(request.target(), it));
            }
            Err(error) => refused.push((workload.name, why(&error))),
        }
    }
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("answers");
    kept.save(&file)?;
    let memory = limit(&["limit", "memory"].map(OsStr::new), &[file.as_os_str()])?;
    Ok((memory, refused))
}

/// Tells at length what failed, for the table in short.
fn why(error: &anyhow::Error) -> String {
    eprintln!("{error:#}");
    "failed".to_owned()
}

/// What the hand-written limit reads and writes.
enum Target {
    /// A copy of a SQLite file.
    Copy(TempDir),
    /// A database: the server's own, or an empty one.
    Database(Place),
    /// The server's own database.
    Same(String, Option<Arc<Cluster>>),
}

/// The hand-written limit: its data, and where it takes the resources from that it copies.
struct Limits {
    target: Target,
    models: Target,
}

impl Target {
    fn of(place: &Place) -> Result<Target> {
        Ok(match place {
            Place::Sqlite(folder) => Target::Copy(copy_of(&file_in(folder))?),
            Place::Postgres { .. } => Target::Same(place.url(), place.cluster()),
        })
    }

    fn name(&self) -> String {
        match self {
            Target::Copy(folder) => sqlite(folder).display().to_string(),
            Target::Database(place) => place.url(),
            Target::Same(url, _) => url.clone(),
        }
    }

    fn cluster(&self) -> Option<Arc<Cluster>> {
        match self {
            Target::Copy(_) => None,
            Target::Database(place) => place.cluster(),
            Target::Same(_, cluster) => cluster.clone(),
        }
    }
}

impl Limits {
    fn of(place: &Place) -> Result<Limits> {
        Ok(Limits { target: Target::of(place)?, models: Target::of(place)? })
    }

    fn start(&self, target: &Target, group: usize) -> Result<Process> {
        let (name, models, group) = (target.name(), self.models.name(), group.to_string());
        let arguments: &[&str] = match target {
            Target::Copy(_) => &["limit", "sqlite", &name, &models, "--group", &group],
            Target::Database(_) | Target::Same(..) => &["limit", "postgres", &name, &models],
        };
        let arguments: Vec<&OsStr> = arguments.iter().map(OsStr::new).collect();
        Ok(limit(&arguments, &[])?.on(target.cluster()))
    }
}

/// Starts this program as a limit.
fn limit(kind: &[&OsStr], rest: &[&OsStr]) -> Result<Process> {
    Process::start(&std::env::current_exe()?, &[kind, rest].concat())
}

/// What the limit makes of the same Bundles: as many resources, in one transaction each.
async fn bulk(limit: &Process, records: &Records, loaded: &[Loaded], parallel: usize) -> Result<Measured> {
    let requests = loaded.iter().map(|it| {
        let target = format!("{BASE}?entries={}", it.made.len());
        Request::with_body("POST", target, &records.patients[it.number])
    });
    let count = loaded.iter().map(|it| it.made.len() as u64).sum();
    Ok(records::load(limit, requests.collect(), parallel, Some(count)).await?.0)
}

fn bundle_row(parallel: usize, server: Measured, sqlx: Option<Measured>) -> Row {
    let name = format!("resource of a transaction bundle, {parallel} bundles at a time");
    Row { name, server: Ok(server), sqlx, memory: None }
}

fn transactions(bundles: &[Vec<u8>]) -> Vec<Request> {
    bundles.iter().map(|it| Request::with_body("POST", BASE, it)).collect()
}

/// The tenant's file in a store's folder.
fn file_in(folder: &TempDir) -> PathBuf {
    folder.path().join("tenants/bench.sqlite")
}

/// A copy of a SQLite file that nobody writes to at the moment, with its log, in a folder of its own.
fn copy_of(file: &Path) -> Result<TempDir> {
    let folder = tempfile::tempdir()?;
    std::fs::copy(file, sqlite(&folder)).with_context(|| format!("cannot copy {}", file.display()))?;
    let log = PathBuf::from(format!("{}-wal", file.display()));
    if log.exists() {
        std::fs::copy(log, folder.path().join("copy.sqlite-wal"))?;
    }
    Ok(folder)
}

fn sqlite(folder: &TempDir) -> PathBuf {
    folder.path().join("copy.sqlite")
}
