//! Tenants in every placement: random histories of two at the same time, on few connections that both use, with requests that
//! are cancelled and transactions that fail in between. Neither ever sees anything of the other.

use super::*;
use crate::isolation::Two;

/// So few that everybody gets one that somebody else has used before.
const FEW: [&str; 2] = ["--database-connections", "4"];

/// Two tenants that were made so never meet; a URL is of another database.
async fn never_meet(how: [&[&str]; 2]) {
    let Some(house) = House::new(&[]) else { return };
    let other = Database::of(&house.cluster.url());
    let url = other.url();
    let how = how.map(|it| it.iter().map(|word| if *word == "URL" { &url } else { *word }).collect::<Vec<_>>());
    let (server, _) = house.serve(&FEW);
    Two::new(&house.program, &server, [&how[0], &how[1]]).never_meet().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tenants_of_shared_tables_never_meet() {
    never_meet([&[], &[]]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tenants_in_schemas_of_their_own_never_meet() {
    never_meet([&["--placement", "schema"], &["--placement", "schema"]]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tenants_in_another_database_never_meet() {
    let there: &[&str] = &["--placement", "database", "--url", "URL"];
    never_meet([there, there]).await;
}

/// From shared tables to every other placement and back, past the other tenant.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tenants_that_move_never_meet() {
    let Some(house) = House::new(&[]) else { return };
    let other = Database::of(&house.cluster.url());
    let url = other.url();
    let (server, _) = house.serve(&[]);
    let two = Two::new(&house.program, &server, [&[], &["--placement", "database", "--url", &url]]);
    let moves = async {
        let there: &[&str] = &["--to", "database", "--url", &url];
        for (name, to) in [("north", &["--to", "schema"][..]), ("south", &["--to", "pool"]), ("north", there)] {
            let arguments = [&["tenant", "move", name], to].concat();
            tokio::task::block_in_place(|| house.program.succeed(&arguments));
        }
    };
    tokio::join!(two.never_meet(), moves);
}
