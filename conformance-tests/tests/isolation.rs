//! Two tenants of one server, with random histories at the same time: neither ever sees anything of the other, whatever
//! fails, is cancelled, or shares a connection to the database in between.

use conformance_tests::{Answer, Call, Client, Program, Server, samples::*, unique};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::hash::{BuildHasher, RandomState};
use std::time::Duration;
use tokio::task::JoinSet;

/// Histories in each tenant at the same time, each with ids of its own.
const HISTORIES: u64 = 4;
const STEPS: u64 = 60;
/// An identifier that the resources of both tenants have.
const COMMON: &str = "common";

/// Random numbers that a seed fixes (SplitMix64).
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut it = self.0;
        it = (it ^ (it >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        it = (it ^ (it >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (it ^ (it >> 31)) % bound
    }
}

/// A resource's content: the number of the step that wrote it, none when it is deleted or was never there.
type Content = Option<u64>;

/// One history in one tenant, and what must be there.
struct History {
    client: Client,
    /// In every resource of this tenant, and in every resource of the other one.
    own: String,
    other: String,
    random: Random,
    /// How many of this history's requests were broken off.
    cancelled: u64,
    /// Where a request was broken off, its effect may be there or not.
    possible: BTreeMap<String, BTreeSet<Content>>,
}

impl History {
    async fn run(mut self, number: u64) -> (String, BTreeMap<String, BTreeSet<Content>>) {
        for step in 0..STEPS {
            // The other tenant's histories use the same ids. After a request that was broken off come others: nobody
            // knows when the server is done with it.
            let id = format!("r-{number}-{}-{}", self.cancelled, self.random.below(3));
            match self.random.below(10) {
                0..=2 => self.write(&id, step, false).await,
                3 => self.write(&id, step, true).await,
                4 => self.delete(&id).await,
                5 => self.read(&id).await,
                6 => self.fail(&id).await,
                7 => self.search().await,
                8 => self.history(&id).await,
                _ => self.transaction(&id, step).await,
            }
        }
        (self.own, self.possible)
    }

    fn resource(&self, id: &str, step: u64) -> Value {
        let named = json!({"id": id, "name": [{"family": self.own}], "birthDate": format!("19{step:02}")});
        with(patient(COMMON), named)
    }

    /// What may be there, where nothing was written so far: nothing.
    fn known(&mut self, id: &str) -> &mut BTreeSet<Content> {
        self.possible.entry(id.to_owned()).or_insert_with(|| BTreeSet::from([None]))
    }

    /// Sends a request and looks that nothing of the other tenant comes back.
    async fn ask(&self, call: Call) -> Answer {
        let answer = call.send().await;
        assert!(!answer.text().contains(&self.other), "{} shows the other tenant's data", answer.asked);
        assert!(answer.status < 500, "{}: {}: {}", answer.asked, answer.status, answer.text());
        answer
    }

    async fn write(&mut self, id: &str, step: u64, is_cancelled: bool) {
        let call = self.client.call("PUT", &format!("Patient/{id}")).json(&self.resource(id, step));
        if is_cancelled {
            let after = Duration::from_micros(self.random.below(8000));
            if !matches!(tokio::time::timeout(after, call.attempt()).await, Ok(Ok(_))) {
                self.known(id).insert(Some(step));
                self.cancelled += 1;
                return;
            }
        } else {
            self.ask(call).await.expect_in(200..=201);
        }
        *self.known(id) = BTreeSet::from([Some(step)]);
    }

    async fn delete(&mut self, id: &str) {
        self.ask(self.client.call("DELETE", &format!("Patient/{id}"))).await.expect_in(200..=204);
        *self.known(id) = BTreeSet::from([None]);
    }

    async fn read(&mut self, id: &str) {
        let answer = self.ask(self.client.call("GET", &format!("Patient/{id}"))).await;
        let found = content(&answer);
        let known = self.known(id);
        assert!(known.contains(&found), "{id} is {found:?} and can be {known:?} only");
        *known = BTreeSet::from([found]);
    }

    /// Requests that change nothing: a version that is not there any more, an element that is not FHIR's.
    async fn fail(&mut self, id: &str) {
        let path = format!("Patient/{id}");
        let stale = self.client.call("PUT", &path).header("if-match", "W/\"999999\"").json(&self.resource(id, 99));
        self.ask(stale).await.expect_outcome(400..=499);
        let wrong = with(self.resource(id, 99), json!({"colour": "red"}));
        self.ask(self.client.call("PUT", &path).json(&wrong)).await.expect_outcome(400..=499);
    }

    async fn search(&mut self) {
        for query in ["Patient?identifier=common&_count=100", "Patient?_sort=-birthdate", "_history?_count=20"] {
            self.ask(self.client.call("GET", query)).await.expect(200);
        }
        let others = self.client.page(&format!("Patient?family={}", self.other)).await;
        assert!(others.entries().is_empty(), "the other tenant's names are found");
    }

    async fn history(&mut self, id: &str) {
        self.ask(self.client.call("GET", &format!("Patient/{id}/_history"))).await.expect_in(200..=404);
    }

    /// A transaction whose second half fails in two of three cases: then the first is not there either.
    async fn transaction(&mut self, id: &str, step: u64) {
        let first = entry("PUT", &format!("Patient/{id}"), self.resource(id, step));
        let second = match self.random.below(3) {
            0 => entry("PUT", &format!("Patient/{id}-second"), self.resource(&format!("{id}-second"), step)),
            1 => entry("PUT", "Patient?identifier=common&_id=a,b&_id=c", json!({"resourceType": "Nothing"})),
            _ => with(
                entry("PUT", &format!("Patient/{id}-second"), self.resource(&format!("{id}-second"), step)),
                json!({"request": {"method": "PUT", "url": format!("Patient/{id}-second"), "ifMatch": "W/\"999999\""}}),
            ),
        };
        let bundle = json!({"resourceType": "Bundle", "type": "transaction", "entry": [first, second]});
        if self.ask(self.client.call("POST", "").json(&bundle)).await.status == 200 {
            for written in [id.to_owned(), format!("{id}-second")] {
                *self.known(&written) = BTreeSet::from([Some(step)]);
            }
        }
    }
}

/// Which step wrote the resource in an answer to a read.
fn content(answer: &Answer) -> Content {
    match answer.status {
        200 => answer.json()["birthDate"].as_str().and_then(|it| it.strip_prefix("19")?.parse().ok()),
        404 | 410 => None,
        other => panic!("{}: {other}: {}", answer.asked, answer.text()),
    }
}

/// Everything that a tenant's histories left is there, and nothing else.
async fn look(client: &Client, own: &str, possible: &BTreeMap<String, BTreeSet<Content>>) {
    for (id, possible) in possible {
        let found = content(&client.get(&format!("Patient/{id}")).await);
        assert!(possible.contains(&found), "{own}: {id} is {found:?} and can be {possible:?} only");
    }
    let mut page = client.page("Patient?identifier=common&_count=7").await;
    loop {
        for found in page.matches() {
            assert_eq!(found["name"][0]["family"], own);
            assert!(possible.contains_key(found["id"].as_str().expect("an id")), "{own}: nobody wrote {}", found["id"]);
        }
        let Some(next) = page.link("next").map(str::to_owned) else { return };
        page = client.page(&next).await;
    }
}

/// security.html: access to one tenant's records is none to another's
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn random_histories_of_two_tenants_never_meet() {
    let Some(program) = Program::fresh() else { return };
    let server = program.serve(&[]);
    Two::new(&program, &server, [&[], &[]]).never_meet().await;
}

/// Two new tenants of a server.
pub struct Two<'a> {
    program: &'a Program,
    /// Each with what marks its own resources, and the other's.
    tenants: [(Client, String, String); 2],
}

impl<'a> Two<'a> {
    /// Their names.
    pub const NAMES: [&'static str; 2] = ["north", "south"];

    /// Makes them, each with these arguments for `tenant create`.
    pub fn new(program: &'a Program, server: &Server, how: [&[&str]; 2]) -> Two<'a> {
        let marks = Two::NAMES.map(|name| format!("{name}-{}", unique()));
        let tenants = [0, 1].map(|i| {
            let name = Two::NAMES[i];
            program.succeed(&[&["tenant", "create", name], how[i]].concat());
            let client = Client::new(&server.base(name), Some(program.token(name, "system/*.*")));
            (client, marks[i].clone(), marks[1 - i].clone())
        });
        Two { program, tenants }
    }

    /// Random histories in both at the same time.
    pub async fn never_meet(&self) {
        let seed = RandomState::new().hash_one(0);
        eprintln!("seed {seed}");
        let mut histories = JoinSet::new();
        for number in 0..HISTORIES {
            for (client, own, other) in &self.tenants {
                let random = Random(seed ^ (number << 32) ^ own.len() as u64 ^ u64::from(own.as_bytes()[0]));
                let (own, other, client) = (own.clone(), other.clone(), client.clone());
                histories
                    .spawn(History { client, own, other, random, cancelled: 0, possible: BTreeMap::new() }.run(number));
            }
        }
        let mut left: BTreeMap<String, BTreeMap<String, BTreeSet<Content>>> = BTreeMap::new();
        for (own, possible) in histories.join_all().await {
            left.entry(own).or_default().extend(possible);
        }
        for (client, own, _) in &self.tenants {
            look(client, own, &left[own]).await;
        }
        let borrowed = self.tenants[1].0.with_token(Some(self.program.token(Two::NAMES[0], "system/*.*")));
        borrowed.get("Patient").await.expect_outcome(401..=404);
    }
}
