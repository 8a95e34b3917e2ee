//! What many tenants cost on PostgreSQL: in the shared tables, and in schemas of their own.
//!
//! The tenants of the shared tables are made by the program. Those in schemas are entered into the directory with the keys of one
//! that the program made, and `medisync migrate` makes their schemas: so that is measured as well.

use crate::load::{Load, Measured};
use crate::place::{Place, Places};
use crate::process::{self, Process};
use crate::request::Request;
use crate::table::grouped;
use anyhow::{Context, Result};
use std::ffi::OsStr;
use std::fmt::Write;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// How often a server is started to see how long that takes.
const STARTS: usize = 5;
/// Tenants whose first request is looked at, at each start.
const FIRST: usize = 9;
/// Names on one command line.
const AT_ONCE: usize = 1000;
/// What is asked for, and how it is called.
const STEPS: [(&str, &str); 2] = [("read", "Patient/p"), ("search by date", "Patient?birthdate=1970&_count=20")];

/// What is made and measured.
pub struct Tenants {
    /// The server's program.
    pub server: PathBuf,
    /// A private PostgreSQL.
    pub places: Places,
    /// Tenants in the shared tables: few, and many.
    pub pool: [usize; 2],
    /// Tenants in schemas of their own: few, and many.
    pub schemas: [usize; 2],
    /// The most tenants that are asked in turn.
    pub in_turn: usize,
    /// How requests are put on.
    pub load: Load,
    /// The day, for the table.
    pub date: String,
}

/// The figures of one number of tenants, each with its name, in the order of the table.
#[derive(Default)]
struct Figures(Vec<(String, String)>);

impl Figures {
    /// Adds one, and tells it at once: all of them take their time.
    fn add(&mut self, name: impl Into<String>, value: impl Into<String>) {
        let (name, value) = (name.into(), value.into());
        eprintln!("{name}: {value}");
        self.0.push((name, value));
    }
}

impl Tenants {
    /// Both tables.
    pub async fn run(&self) -> Result<String> {
        let cores = std::thread::available_parallelism()?;
        let mut out = format!(
            "{} connections, {cores} cores, {}. CPU is the server's and PostgreSQL's together.\n",
            self.load.connections, self.date
        );
        let (few, many) = (self.in_pool(self.pool[0]).await?, self.in_pool(self.pool[1]).await?);
        table(&mut out, "tenants in the pool", self.pool, &few, &many)?;
        let (few, many) = (self.in_schemas(self.schemas[0]).await?, self.in_schemas(self.schemas[1]).await?);
        table(&mut out, "schemas", self.schemas, &few, &many)?;
        Ok(out)
    }

    async fn in_pool(&self, count: usize) -> Result<Figures> {
        let place = self.places.make()?;
        let names: Vec<String> = (1..=count).map(|it| format!("t{it}")).collect();
        let begun = Instant::now();
        for names in names.chunks(AT_ONCE) {
            self.medisync(&place, &["tenant", "create"], names)?;
        }
        let mut figures = Figures::default();
        figures.add("to make them", seconds(begun.elapsed()));
        figures.add("directory (`medisync.tenant`)", size(&place, "pg_total_relation_size('medisync.tenant')")?);
        self.sizes(&place, &mut figures)?;
        self.served(&place, &names, &mut figures).await?;
        Ok(figures)
    }

    async fn in_schemas(&self, count: usize) -> Result<Figures> {
        let place = self.places.make()?;
        let model = ["model".to_owned()];
        self.medisync(&place, &["tenant", "create", "--placement", "schema"], &model)?;
        let catalogue: u64 = number(&place, CATALOGUE)?;
        let disk: u64 = number(&place, "pg_database_size(current_database())")?;
        query(&place, &entering(count))?;
        let begun = Instant::now();
        self.medisync(&place, &["migrate"], &[])?;
        let made = begun.elapsed();
        let begun = Instant::now();
        self.medisync(&place, &["migrate"], &[])?;
        let passed = begun.elapsed();
        let each = |it: Duration| format!("{}, {:.1} ms each", seconds(it), it.as_secs_f64() * 1000.0 / count as f64);
        let mut figures = Figures::default();
        figures.add("`medisync migrate` makes them", each(made));
        figures.add("`medisync migrate` finds nothing to do", each(passed));
        self.sizes(&place, &mut figures)?;
        let more = |now: u64, before: u64| bytes(now.saturating_sub(before) / count as u64);
        let grown = more(number(&place, CATALOGUE)?, catalogue);
        figures.add("catalogue for each schema", grown);
        let grown = more(number(&place, "pg_database_size(current_database())")?, disk);
        figures.add("disk for each schema, empty", grown);
        let names: Vec<String> = (1..=count).map(|it| format!("s{it}")).collect();
        self.served(&place, &names, &mut figures).await?;
        Ok(figures)
    }

    fn sizes(&self, place: &Place, figures: &mut Figures) -> Result<()> {
        query(place, "VACUUM (ANALYZE) pg_catalog.pg_class")?;
        figures.add("PostgreSQL's catalogue", bytes(number(place, CATALOGUE)?));
        figures.add("entries of `pg_class`", grouped(number(place, "(SELECT count(*) FROM pg_class)")?));
        figures.add("the database", size(place, "pg_database_size(current_database())")?);
        Ok(())
    }

    /// What it costs to start a server and to ask it.
    async fn served(&self, place: &Place, names: &[String], figures: &mut Figures) -> Result<()> {
        let (first, others) = names.split_first().context("there is a tenant")?;
        let (mut starts, mut cost) = (Vec::new(), Duration::ZERO);
        let asked: Vec<Request> = others.iter().take(FIRST).map(|it| read(it, "Patient?_count=1")).collect();
        for _ in 0..STARTS {
            let begun = Instant::now();
            let server = self.serve(place)?;
            starts.push(begun.elapsed());
            server.answers(&[read(first, "Patient?_count=1")]).await?;
            let before = server.cpu()?;
            server.answers(&asked).await?;
            cost += server.cpu()?.saturating_sub(before);
        }
        starts.sort_unstable();
        let starts: Vec<String> = starts.iter().map(|it| it.as_millis().to_string()).collect();
        figures.add(format!("from start to `listening on`, {STARTS} times"), format!("{} ms", starts.join(", ")));
        let each = cost.as_secs_f64() * 1000.0 / (STARTS * asked.len()) as f64;
        figures.add("first request of a tenant on a node, CPU", format!("{each:.1} ms"));
        self.asked(place, &names[..names.len().min(self.in_turn)], figures).await
    }

    async fn asked(&self, place: &Place, names: &[String], figures: &mut Figures) -> Result<()> {
        let server = self.serve(place)?;
        let patient = br#"{"resourceType":"Patient","id":"p","birthDate":"1970-01-01","name":[{"family":"Doe"}]}"#;
        let writes: Vec<Request> =
            names.iter().map(|it| Request::with_body("PUT", format!("/fhir/{it}/Patient/p"), patient)).collect();
        server.answers(&writes).await?;
        for (step, what) in STEPS {
            let all: Vec<Request> = names.iter().map(|it| read(it, what)).collect();
            let one = self.load.put_on(&server, &all[..1]).await?;
            // Once round before the clock starts, however short the warm-up is.
            server.answers(&all).await?;
            let turn = self.load.put_on(&server, &all).await?;
            let told = |it: &Measured| format!("{:.3} ms, {:.0} a second", it.cpu_ms(), it.rate());
            figures.add(format!("{step}, one tenant, CPU"), told(&one));
            figures.add(format!("{step}, tenants in turn"), told(&turn));
        }
        figures.add("tenants asked in turn", grouped(names.len() as u64));
        figures.add("memory of the node, when these have been asked for", bytes(server.memory()?));
        let connections =
            "(SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid())";
        figures.add("connections to the database by then", grouped(number(place, connections)?));
        Ok(())
    }

    fn serve(&self, place: &Place) -> Result<Process> {
        let arguments = ["serve", "--no-auth", "--listen", "127.0.0.1:0", "--database", &place.url()];
        Ok(Process::start(&self.server, &arguments.map(OsStr::new))?.on(place.cluster()))
    }

    fn medisync(&self, place: &Place, command: &[&str], names: &[String]) -> Result<()> {
        let url = place.url();
        let names = names.iter().map(String::as_str);
        let all: Vec<&OsStr> =
            command.iter().copied().chain(names).chain(["--database", &url]).map(OsStr::new).collect();
        process::run(&self.server, &all)
    }
}

/// Enters tenants `s1`, `s2` and so on, in schemas that are not there yet, with the keys of the tenant `model`.
fn entering(count: usize) -> String {
    format!(
        "INSERT INTO medisync.tenant (number, name, created, index_key, page_key, token_key, placement, schema) \
         OVERRIDING SYSTEM VALUE SELECT n, 's' || i, created, index_key, page_key, token_key, 'schema', 'medisync_t' || n \
         FROM (SELECT i, nextval('medisync.tenant_number_seq') AS n FROM generate_series(1, {count}) i) s, medisync.tenant \
         WHERE name = 'model'"
    )
}

const CATALOGUE: &str = "(SELECT sum(pg_total_relation_size(oid))::bigint FROM pg_class \
     WHERE relnamespace = 'pg_catalog'::regnamespace AND relkind = 'r')";

fn read(tenant: &str, what: &str) -> Request {
    Request::get(format!("/fhir/{tenant}/{what}"))
}

fn query(place: &Place, sql: &str) -> Result<String> {
    process::output("psql".as_ref(), &["-XqAt", "-d", &place.url(), "-c", sql].map(OsStr::new))
}

fn number(place: &Place, expression: &str) -> Result<u64> {
    let text = query(place, &format!("SELECT {expression}"))?;
    text.trim().parse().with_context(|| format!("no number: {expression}"))
}

fn size(place: &Place, expression: &str) -> Result<String> {
    Ok(bytes(number(place, expression)?))
}

fn table(out: &mut String, of: &str, [few, many]: [usize; 2], left: &Figures, right: &Figures) -> Result<()> {
    let (few, many) = (grouped(few as u64), grouped(many as u64));
    writeln!(out, "\n| | {few} {of} | {many} |\n|---|--:|--:|")?;
    for ((name, left), (_, right)) in left.0.iter().zip(&right.0) {
        writeln!(out, "| {name} | {left} | {right} |")?;
    }
    Ok(())
}

fn seconds(it: Duration) -> String {
    format!("{:.1} s", it.as_secs_f64())
}

fn bytes(it: u64) -> String {
    match it {
        0..10_000_000 => format!("{} kB", grouped(it.div_ceil(1000))),
        _ => format!("{} MB", grouped(it / 1_000_000)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_rounded() {
        let told: Vec<String> = [1, 48_000, 9_999_000, 54_200_000, 3_200_000_000].map(bytes).into();
        assert_eq!(told, ["1 kB", "48 kB", "9,999 kB", "54 MB", "3,200 MB"]);
    }

    #[test]
    fn a_figure_has_a_row_with_both_numbers() {
        let mut out = String::new();
        let figures = |it: &str| Figures(vec![("read".to_owned(), it.to_owned())]);
        table(&mut out, "schemas", [10, 1000], &figures("1 ms"), &figures("2 ms")).unwrap();
        assert_eq!(out, "\n| | 10 schemas | 1,000 |\n|---|--:|--:|\n| read | 1 ms | 2 ms |\n");
    }
}
