//! What a large code system costs: loading a million made-up concepts from files in the publisher's format, and a call of each
//! operation on them.

use crate::process;
use crate::request::{Request, mixed};
use crate::run::Plan;
use crate::workloads::BASE;
use anyhow::{Context, Result};
use std::ffi::OsStr;
use std::fmt::Write as _;
use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::Path;
use std::time::Instant;

const SNOMED: &str = "http://snomed.info/sct";
const MODULE: &str = "900000000000207008";
/// Concepts beneath one.
const FAN: u64 = 10;
/// The first code; others are counted from it on.
const FIRST: u64 = 100_000_000;
/// An attribute, and a reference set: the last two concepts.
const SPECIAL: u64 = 2;
/// Requests of one kind.
const REQUESTS: u64 = 500;
const HEADERS: [&str; 4] = [
    "id effectiveTime active moduleId definitionStatusId",
    "id effectiveTime active moduleId conceptId languageCode typeId term caseSignificanceId",
    "id effectiveTime active moduleId sourceId destinationId relationshipGroup typeId characteristicTypeId modifierId",
    "id effectiveTime active moduleId refsetId referencedComponentId",
];
const FILES: [&str; 4] = [
    "sct2_Concept_Snapshot_INT_20250101.txt",
    "sct2_Description_Snapshot-en_INT_20250101.txt",
    "sct2_Relationship_Snapshot_INT_20250101.txt",
    "der2_Refset_SimpleSnapshot_INT_20250101.txt",
];

/// A made-up edition of so many concepts.
struct Edition(u64);

impl Edition {
    fn attribute(&self) -> u64 {
        FIRST + self.0 - SPECIAL
    }

    fn set(&self) -> u64 {
        FIRST + self.0 - 1
    }

    /// One of its concepts, as good as random.
    fn some(&self, n: u64) -> u64 {
        FIRST + mixed(n) % (self.0 - SPECIAL)
    }

    /// Writes its files: a tree, in which every fourth concept has a second parent, every other one attributes in two groups, and
    /// every hundredth is in the reference set.
    fn write(&self, folder: &Path) -> Result<()> {
        let create = |name: &str| File::create(folder.join(name)).map(BufWriter::new);
        let mut files = FILES.iter().map(|it| create(it)).collect::<std::io::Result<Vec<_>>>()?;
        for (file, header) in files.iter_mut().zip(HEADERS) {
            write!(file, "{}\r\n", header.replace(' ', "\t"))?;
        }
        let [concepts, names, links, members] = files.as_mut_slice() else { anyhow::bail!("there are four files") };
        let row = format!("20250101\t1\t{MODULE}");
        let tail = "900000000000011006\t900000000000451002";
        let mut link = 200_000_000_u64;
        for n in 0..self.0 {
            let code = FIRST + n;
            write!(concepts, "{code}\t{row}\t900000000000074008\r\n")?;
            let words = [mixed(n) % 5000, mixed(n + 1) % 5000].map(|it| format!("word{it}")).join(" ");
            for (kind, end) in [("900000000000003001", " (finding)"), ("900000000000013009", "")] {
                write!(names, "3{n:08}1\t{row}\t{code}\ten\t{kind}\tConcept {n} {words}{end}\t900000000000448009\r\n")?;
            }
            let mut relate = |to: u64, group: u32, kind: &str| {
                link += 1;
                write!(links, "{link}\t{row}\t{code}\t{to}\t{group}\t{kind}\t{tail}\r\n")
            };
            if n > 0 {
                relate(FIRST + (n - 1) / FAN, 0, "116680003")?;
            }
            if n % 4 == 3 {
                relate(FIRST + mixed(n) % n.min(self.0 / FAN), 0, "116680003")?;
            }
            if n % 2 == 1 {
                let kind = self.attribute().to_string();
                relate(self.some(n), 1, &kind)?;
                relate(self.some(n + 1), 2, &kind)?;
            }
            if n % 100 == 0 {
                write!(members, "m{n}\t{row}\t{}\t{code}\r\n", self.set())?;
            }
        }
        files.iter_mut().try_for_each(std::io::Write::flush).context("the files could not be written")
    }

    /// What is measured, by name.
    fn workloads(&self) -> Vec<(&'static str, Vec<Request>)> {
        let many = |target: &dyn Fn(u64) -> String| -> Vec<Request> {
            (0..REQUESTS).map(|it| Request::get(format!("{BASE}/{}", target(it)))).collect()
        };
        let system = "CodeSystem/";
        let (attribute, set) = (self.attribute(), self.set());
        // A concept of the third level, beneath which about a thousandth of all are.
        let branch = |n: u64| FIRST + FAN + 1 + mixed(n) % (FAN * FAN);
        let validate = |url: String, code: u64| {
            let url = url.replace('%', "%25");
            format!("ValueSet/$validate-code?url={SNOMED}?fhir_vs={url}&system={SNOMED}&code={code}")
        };
        let expand =
            |url: String| format!("ValueSet/$expand?url={SNOMED}?fhir_vs={}&count=20", url.replace('%', "%25"));
        vec![
            ("$lookup", many(&|n| format!("{system}$lookup?system={SNOMED}&code={}", self.some(n)))),
            (
                "$validate-code, code system",
                many(&|n| format!("{system}$validate-code?url={SNOMED}&code={}", self.some(n))),
            ),
            (
                "$subsumes",
                many(&|n| format!("{system}$subsumes?system={SNOMED}&codeA={}&codeB={}", branch(n), self.some(n))),
            ),
            ("$validate-code, isa", many(&|n| validate(format!("isa/{}", branch(n)), self.some(n)))),
            ("$validate-code, refset", many(&|n| validate(format!("refset/{set}"), self.some(n)))),
            ("$validate-code, refined ECL", {
                many(&|n| validate(format!("ecl/%3C{}:{attribute}=%3C%3C{}", branch(n), branch(n + 1)), self.some(n)))
            }),
            ("$expand of isa, 20 of a page", many(&|n| expand(format!("isa/{}", branch(n))))),
            (
                "$expand of isa by a word, 20 of a page",
                many(&|n| format!("{}&filter=word1", expand(format!("isa/{}", branch(n))))),
            ),
            ("$expand of refined ECL, 20 of a page", {
                many(&|n| expand(format!("ecl/%3C{}:{attribute}=%3C%3C{}", branch(n), branch(n + 1))))
            }),
        ]
    }
}

impl Plan {
    /// The table of what a code system of so many concepts costs.
    pub async fn terminology(&self, concepts: u64) -> Result<String> {
        let edition = Edition(concepts.max(1000));
        let files = tempfile::tempdir()?;
        edition.write(files.path())?;
        let place = self.places.make()?;
        self.make_tenant(&place)?;
        let url = place.url();
        let before = process::cpu_of_ended_children("self")?;
        let began = Instant::now();
        let load = ["terminology", "load", "--tenant", "bench", "--database", &url].map(OsStr::new);
        process::run(&self.server, &[&load[..], &[files.path().as_os_str()]].concat())?;
        let (elapsed, cpu) = (began.elapsed(), process::cpu_of_ended_children("self")? - before);
        let server = self.serve(&place)?;
        let mut table = format!(
            "{} concepts on {}, {}: loaded in {:.0} s, {:.0} s of the program's CPU. CPU ms for a call, the database's included, {} \
             connections.\n\n| call | CPU ms | 50 % within | 99 % within |\n|---|--:|--:|--:|\n",
            edition.0,
            place.kind(),
            self.date,
            elapsed.as_secs_f64(),
            cpu.as_secs_f64(),
            self.load.connections
        );
        for (name, requests) in edition.workloads() {
            let measured = self.load.put_on(&server, &requests).await?;
            let within = |percent: usize| measured.percentile(percent).as_secs_f64() * 1000.0;
            writeln!(table, "| {name} | {:.2} | {:.1} | {:.1} |", measured.cpu_ms(), within(50), within(99))?;
        }
        Ok(table)
    }
}
