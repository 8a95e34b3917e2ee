//! What access rules and the audit log cost, with all else that stands before a record: the same requests with proof of who asks,
//! limits, a role's rules and an event for each, and with none of them (`scripts/bench --guard`). Once with the events of
//! reads in the database before the answer leaves, and once with them on the node's disk. A create is measured without the Provenance
//! that an app's change leaves, which is a second resource, and with it.

use crate::auth::{House, LIMITED};
use crate::load::Measured;
use crate::records::Records;
use crate::request::Request;
use crate::run::Plan;
use crate::workloads::{Material, Workload};
use anyhow::{Context, Result};
use std::fmt::Write;

/// How often it goes round the two ways to serve.
const ROUNDS: usize = 4;
const OPEN: [&str; 2] = ["--no-auth", "--no-audit"];
const ON_NODE: [&str; 2] = ["--audit-reads", "node"];
const WITHOUT: [&str; 2] = ["--provenance", "none"];
/// What is measured, its aim (the rate with everything on, as a part of that with everything off), and what else the server is told.
const AIMS: [(&str, f64, &[&str]); 5] = [
    ("read", 0.85, &[]),
    ("search of 20: patient", 0.85, &[]),
    ("search of 20: code", 0.85, &[]),
    ("create Patient", 0.9, &WITHOUT),
    ("create Patient", 0.9, &[]),
];

/// Measures, and makes the table.
pub async fn run(plan: &Plan) -> Result<String> {
    let records =
        Records::read(&plan.records, plan.patients)?.context("there are no Synthea records; name their folder")?;
    let place = plan.places.make()?;
    let house = House::make(plan, &place).await?;
    let server = house.serve(&OPEN)?;
    let (_, _, made) = plan.load_all(&server, &records, 4).await?;
    let count = made.len();
    let material = Material::gather(&server, made).await?;
    drop(server);
    let (_, token) = house.flows().await?;
    let proof = [("authorization", format!("Bearer {token}")), ("x-forwarded-for", "192.0.2.1".to_owned())];

    let all: Vec<Workload> = material.reads().into_iter().chain(material.writes()).collect();
    let mut rows = Vec::new();
    for (name, aim, more) in AIMS {
        let workload = all.iter().find(|it| it.name == name).context("a workload has another name now")?;
        let requests: Vec<Request> = workload.requests.iter().filter(|it| is_a_doctors(it)).cloned().collect();
        let proven: Vec<Request> = requests.iter().map(|it| it.with_headers(&proof)).collect();
        let (mut open, mut guarded, mut on_node) = (Measured::default(), Measured::default(), Measured::default());
        let (database, node) = ([&LIMITED, more].concat(), [&LIMITED, &ON_NODE[..], more].concat());
        for _ in 0..ROUNDS {
            open = open.and(plan.load.put_on(&house.serve(&OPEN)?, &requests).await?);
            guarded = guarded.and(plan.load.put_on(&house.serve(&database)?, &proven).await?);
            on_node = on_node.and(plan.load.put_on(&house.serve(&node)?, &proven).await?);
        }
        let provenance = if name.starts_with("create") && more.is_empty() { ", and its Provenance" } else { "" };
        rows.push((format!("{name}{provenance}"), aim, open, guarded, on_node));
    }
    let mut table = format!(
        "What tokens, limits, a doctor's rules and the audit log cost, on {}, {}: {count} resources, {} connections.\n\n\
         | | off: per second | CPU ms | on: per second | CPU ms | rate, on to off | CPU, off to on | reads on the node's disk: per second | CPU ms | \
         rate, on to off | CPU, off to on | aim |\n|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|\n",
        place.kind(),
        plan.date,
        plan.load.connections
    );
    for (name, aim, open, guarded, on_node) in &rows {
        write!(table, "| {name} | {:.0} | {:.3} |", open.rate(), open.cpu_ms())?;
        for on in [guarded, on_node] {
            let (rate, cpu) = (on.rate() / open.rate(), open.cpu_ms() / on.cpu_ms());
            write!(table, " {:.0} | {:.3} | {rate:.2} | {cpu:.2} |", on.rate(), on.cpu_ms())?;
        }
        writeln!(table, " {aim:.2} |")?;
    }
    Ok(table)
}

/// Bills are not a doctor's to read.
fn is_a_doctors(request: &Request) -> bool {
    !["/ExplanationOfBenefit", "/Claim"].iter().any(|it| request.target().contains(it))
}
