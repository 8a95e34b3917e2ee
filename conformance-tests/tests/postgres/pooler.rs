//! PgBouncer in transaction mode between the servers and their database (Debian's package has 1.18, which knows nothing of
//! prepared statements): each transaction gets any of a few sessions, so that nothing may be left in one.

use super::*;
use crate::isolation::Two;

/// A database with two servers past a pooler.
struct Pooled {
    _database: Database,
    _cluster: Cluster,
    program: Program,
    token: String,
}

fn pooled() -> Option<Pooled> {
    let cluster = Cluster::start(&[])?;
    let database = Database::of(&cluster.url());
    // A migration locks a session: it goes past the pooler.
    Program::over(database.url()).succeed(&["migrate"]);
    let program = Program::over(cluster.pool(database.name())?);
    program.create_tenant(TENANT);
    let token = program.token(TENANT, "system/*.*");
    Some(Pooled { _database: database, _cluster: cluster, program, token })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn servers_work_past_a_pooler() {
    let Some(house) = pooled() else { return };
    let (first, second) = (house.program.serve(&[]), house.program.serve(&[]));
    let [one, two] = [&first, &second].map(|it| Client::new(&it.base(TENANT), Some(house.token.clone())));
    let load = Load::on(&[one.clone(), two.clone()]);
    for round in 1..=20 {
        let written = with(named("shared"), json!({"birthDate": format!("19{round:02}")}));
        one.put("Patient/shared", &written).await.expect_in(200..=201);
        assert_eq!(two.found(&format!("Patient?birthdate=19{round:02}")).await.len(), 1);
        let once = one.call("POST", "Patient").header("if-none-exist", &format!("identifier=once-{round}"));
        answered(once.json(&patient(&format!("once-{round}")))).await.expect(201);
    }
    assert_eq!(two.page("Patient/shared/_history?_count=100").await.entries().len(), 20);
    let stale = two.call("PUT", "Patient/shared").header("if-match", "W/\"3\"").json(&named("shared"));
    answered(stale).await.expect_outcome(409..=412);
    load.end().await.look(&two).await;
}

/// The sessions are shared by both tenants, by reads and writes, and by both servers' looks into the directory.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tenants_never_meet_past_a_pooler() {
    let Some(house) = pooled() else { return };
    let server = house.program.serve(&[]);
    Two::new(&house.program, &server, [&[], &[]]).never_meet().await;
}

/// Who needs a tenant to himself keeps a lock in a session, and is refused here before anything is done.
#[tokio::test]
async fn what_keeps_a_session_goes_past_the_pooler() {
    let Some(house) = pooled() else { return };
    let erase = ["tenant", "erase", TENANT, "--reason", "The contract ended.", "--confirm", TENANT, "--now"];
    let relocate = ["tenant", "move", TENANT, "--to", "schema"];
    for command in [&erase[..], &relocate, &["keys", "rotate", "--tenant", TENANT]] {
        let output = house.program.run(command);
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && told.contains("past the pooler"), "{command:?}: {told}");
    }
    let server = house.program.serve(&[]);
    let client = Client::new(&server.base(TENANT), Some(house.token.clone()));
    client.put("Patient/p", &named("p")).await.expect(201);
}
