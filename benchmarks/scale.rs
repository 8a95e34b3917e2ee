//! Whether a page costs the same however much there is: the same searches on the records, and on ten times as many.

use crate::records::Records;
use crate::run::Plan;
use crate::workloads::{Material, check_found, entries};
use anyhow::Result;
use std::fmt::Write;

/// How often the records are loaded in all, each time under new ids.
const COPIES: usize = 10;

impl Plan {
    /// The table of the server's CPU milliseconds for a page, by workload and size.
    pub async fn scale(&self) -> Result<String> {
        let Some(records) = Records::read(&self.records, self.patients)? else {
            return Ok("SKIPPED: there are no Synthea records; name their folder with --records\n".to_owned());
        };
        let place = self.places.make()?;
        let server = self.serve_new(&place).await?;
        let (_, _, made) = self.load_all(&server, &records, self.parallel[0]).await?;
        let once = made.len();
        let material = Material::gather(&server, made).await?;
        let workloads = material.pages();
        let mut costs = vec![Vec::new(); workloads.len()];
        for copies in [1, COPIES] {
            for _ in 1..copies {
                self.load_patients(&server, &records, self.parallel[0]).await?;
            }
            for (workload, costs) in workloads.iter().zip(&mut costs) {
                let answers = server.answers(&workload.requests).await?;
                check_found(workload.name, &answers)?;
                let entries = entries(&answers) as f64 / answers.len() as f64;
                costs.push((self.load.put_on(&server, &workload.requests).await?.cpu_ms(), entries));
            }
        }
        let mut table = format!(
            "{once} resources on {}, and about {COPIES} times as many; CPU ms for a page, the database's included, {} connections, \
             {}; and resources on a page.\n\n\
             | search | 1× | {COPIES}× | ratio | on a page, 1× | {COPIES}× |\n|---|--:|--:|--:|--:|--:|\n",
            place.kind(),
            self.load.connections,
            self.date
        );
        for (workload, costs) in workloads.iter().zip(costs) {
            let [(small, few), (large, many)] = costs[..] else { continue };
            let ratio = large / small;
            writeln!(table, "| {} | {small:.3} | {large:.3} | {ratio:.2} | {few:.1} | {many:.1} |", workload.name)?;
        }
        Ok(table)
    }
}
