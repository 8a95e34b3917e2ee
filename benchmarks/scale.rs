//! Whether a page costs the same however much there is: the same searches on the records, and when there are ten times as many, or more.

use crate::process::Process;
use crate::records::Records;
use crate::run::Plan;
use crate::workloads::{Material, Workload, check_found, entries};
use anyhow::Result;
use std::fmt::Write;

impl Plan {
    /// The table of the server's CPU milliseconds for a page, by workload, when the records have been loaded so many times, each time
    /// under new ids.
    pub async fn scale(&self, sizes: &[usize]) -> Result<String> {
        let Some(records) = Records::read(&self.records, self.patients)? else {
            return Ok("SKIPPED: there are no Synthea records; name their folder with --records\n".to_owned());
        };
        let place = self.places.make()?;
        let server = self.serve_new(&place).await?;
        let (_, _, made) = self.load_all(&server, &records, self.parallel[0]).await?;
        let once = made.len();
        let material = Material::gather(&server, made).await?;
        let pages = material.pages();
        let single: Vec<Workload> =
            material.reads().into_iter().take(1).chain(material.writes().into_iter().skip(1).take(1)).collect();
        let workloads: Vec<&Workload> = pages.iter().chain(&single).collect();
        let mut costs = vec![Vec::new(); workloads.len()];
        let mut copies = 1;
        for size in sizes {
            for _ in copies..*size {
                self.load_patients(&server, &records, self.parallel[0]).await?;
            }
            copies = copies.max(*size);
            eprintln!("{copies} times the records are loaded");
            for (at, (workload, costs)) in workloads.iter().zip(&mut costs).enumerate() {
                let found = if at < pages.len() { found(&server, workload).await? } else { 1.0 };
                costs.push((self.load.put_on(&server, &workload.requests).await?.cpu_ms(), found));
            }
        }
        let columns = |of: &str| sizes.iter().map(|it| format!(" {of}{it}× |")).collect::<String>();
        let mut table = format!(
            "{once} resources on {}, loaded as often as the columns say; CPU ms for a page, the database's included, {} \
             connections, {}; the last size to the first; and resources on a page.\n\n| |{} ratio |{}\n|---|{}\n",
            place.kind(),
            self.load.connections,
            self.date,
            columns(""),
            columns("on a page, "),
            "--:|".repeat(2 * sizes.len() + 1)
        );
        for (workload, costs) in workloads.iter().zip(costs) {
            let (Some(first), Some(last)) = (costs.first(), costs.last()) else { continue };
            let each: String = costs.iter().map(|it| format!(" {:.3} |", it.0)).collect();
            let found: String = costs.iter().map(|it| format!(" {:.1} |", it.1)).collect();
            writeln!(table, "| {} |{each} {:.2} |{found}", workload.name, last.0 / first.0)?;
        }
        Ok(table)
    }
}

/// Resources on a page of this search.
async fn found(server: &Process, workload: &Workload) -> Result<f64> {
    let answers = server.answers(&workload.requests).await?;
    check_found(workload.name, &answers)?;
    Ok(entries(&answers) as f64 / answers.len() as f64)
}
