//! `$reindex` and `$reindex-status`: a tenant's index rows made anew, and how far that and the indexing of its own search
//! parameters is. Both are ours; R4 has no operation for it.

use engine::{Access, Answer, Call, Operation, OwnParam, OwnState};
use fhir::spec::r4;
use fhir::{Failure, IssueType, Result};
use serde_json::{Value as Json, json};

/// Every access to everything: the runs touch all that the tenant has.
const DEMANDS: &[(Access, &str)] =
    &[(Access::Create, "*"), (Access::Read, "*"), (Access::Update, "*"), (Access::Delete, "*"), (Access::Search, "*")];

/// The operations.
pub(crate) fn operations() -> [Operation; 2] {
    [
        Operation {
            definition: include_str!("../../profiles/operations/reindex.json"),
            demands: DEMANDS,
            extras: &[],
            run: |call| Box::pin(reindex(call)),
        },
        Operation {
            definition: include_str!("../../profiles/operations/reindex-status.json"),
            demands: DEMANDS,
            extras: &[],
            run: |call| Box::pin(status(call)),
        },
    ]
}

async fn reindex(call: Call<'_>) -> Result<Answer> {
    let mut types: Vec<String> = call.arguments.texts("type").map(str::to_owned).collect();
    if types.iter().any(|it| r4().resource(it).is_none()) {
        return Err(Failure::new(IssueType::Value, "The parameter type names something that is not a resource type."));
    }
    if types.is_empty() {
        types = r4().resources().map(|it| r4().of(it).name.to_string()).collect();
    }
    types.sort_unstable();
    types.dedup();
    call.engine.rebuild_index(call.ctx, types).await?;
    status(call).await
}

async fn status(call: Call<'_>) -> Result<Answer> {
    let mut parameters: Vec<Json> = call.engine.own_params(call.ctx).await?.iter().map(told).collect();
    for run in call.engine.index_runs(call.ctx).await? {
        let state = if run.is_finished { "finished" } else { "building" };
        let mut parts = vec![json!({ "name": "state", "valueCode": state })];
        parts.extend(progress(run.done, run.total));
        parts.extend(damaged(run.damaged));
        let name = if run.by_itself { "upgrade" } else { "run" };
        parameters.push(json!({ "name": name, "part": parts }));
    }
    let mut answer = json!({ "resourceType": "Parameters" });
    if !parameters.is_empty() {
        answer["parameter"] = parameters.into();
    }
    Ok(Answer::new(200, answer.to_string()))
}

fn told(param: &OwnParam) -> Json {
    let mut parts = vec![
        json!({ "name": "definition", "valueReference": { "reference": param.definition() } }),
        json!({ "name": "code", "valueCode": param.code }),
    ];
    let state = |it: &str| json!({ "name": "state", "valueCode": it });
    match &param.state {
        OwnState::Ready => parts.push(state("ready")),
        OwnState::Building(far) => {
            parts.push(state("building"));
            let (done, total) = far.get();
            parts.extend(progress(done, total));
        }
        OwnState::Refused(reason) => {
            parts.push(state("refused"));
            parts.push(json!({ "name": "reason", "valueString": reason }));
        }
    }
    parts.extend(damaged(param.damaged));
    json!({ "name": "parameter", "part": parts })
}

/// Told where there are any.
fn damaged(count: i64) -> Option<Json> {
    (count > 0).then(|| json!({ "name": "damaged", "valueInteger": count }))
}

fn progress(done: i64, total: i64) -> [Json; 2] {
    [json!({ "name": "done", "valueInteger": done }), json!({ "name": "total", "valueInteger": total })]
}
