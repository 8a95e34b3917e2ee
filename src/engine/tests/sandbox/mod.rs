//! A tenant that holds a sample of a record, for whatever input: shared by the property tests and `fuzz/`.

use engine::{Ambient, Answer, Caller, Context, Engine, Headers, PrivacySettings, Request, Scopes, Settings, Verb};
use fhir::Failure;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use store::{
    Changes, Keeper, LedgerChange, LedgerStep, Placement, PostgresSettings, PostgresStore, Residence, Secrets,
    SqliteStore, Store, Unwrapped,
};
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tokio::sync::OnceCell;

/// A patient with what is awkward: gaps in lists, companions, extensions, decimals, contained resources.
pub const PATIENT: &str = r##"{"resourceType":"Patient","id":"1","contained":[{"resourceType":"Organization","id":"o","name":"O"}],"extension":[{"url":"http://example.org/e","valueDecimal":1.10}],"active":true,"name":[{"use":"official","family":"Chalmers","given":["Peter",null,"James"],"_given":[null,{"extension":[{"url":"http://example.org/g","valueCode":"g"}]},null]},{"use":"usual","given":["Jim"]}],"telecom":[{"system":"phone","value":"555"}],"gender":"male","birthDate":"1974-12-25","_birthDate":{"extension":[{"url":"http://hl7.org/fhir/StructureDefinition/patient-birthTime","valueDateTime":"1974-12-25T14:35:45-05:00"}]},"deceasedBoolean":false,"managingOrganization":{"reference":"#o"}}"##;

/// An observation of that patient.
pub const OBSERVATION: &str = r#"{"resourceType":"Observation","id":"1","status":"final","code":{"coding":[{"system":"http://loinc.org","code":"29463-7"}],"text":"Weight"},"subject":{"reference":"Patient/1"},"effectiveDateTime":"2026-11-20T08:30:00Z","valueQuantity":{"value":72.50,"unit":"kg","system":"http://unitsofmeasure.org","code":"kg"},"component":[{"code":{"text":"c"},"valueRange":{"low":{"value":1},"high":{"value":2}}}]}"#;

/// A fixed time, so that an input always means the same.
const NOW_MS: i64 = 1_795_000_000_000;

/// An engine on an empty store, with one tenant that holds the samples.
pub struct Sandbox {
    runtime: Runtime,
    engine: Engine,
    context: Context,
    _folder: TempDir,
}

impl Sandbox {
    /// Makes the tenant and stores the samples.
    pub fn new() -> Sandbox {
        let sandbox = Sandbox::empty();
        sandbox.write(&[("Patient", "1".into(), PATIENT.into()), ("Observation", "1".into(), OBSERVATION.into())]);
        sandbox
    }

    /// Makes the tenant, in SQLite.
    pub fn empty() -> Sandbox {
        Sandbox::empty_in(None)
    }

    /// Makes the tenant in the PostgreSQL of this URL, or in SQLite.
    pub fn empty_in(url: Option<&str>) -> Sandbox {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let folder = tempfile::tempdir().expect("a folder");
        let (engine, context) = runtime.block_on(async {
            match url {
                Some(url) => open(postgres(url, &folder).await, &unique()).await,
                None => open(sqlite(&folder).await, "fuzz").await,
            }
        });
        Sandbox { runtime, engine, context, _folder: folder }
    }

    /// Stores resources by type and id, over those that are there.
    pub fn write(&self, resources: &[(&str, String, String)]) {
        for (of, id, body) in resources {
            let written = self.perform(Verb::Put, &format!("{of}/{id}"), "", body.clone().into_bytes());
            written.unwrap_or_else(|failure| panic!("{failure}: {body}"));
        }
    }

    /// Carries out a request. The engine may refuse it; that it fails by itself is a find.
    pub fn perform(&self, verb: Verb, path: &str, query: &str, body: Vec<u8>) -> Result<Answer, Failure> {
        self.perform_as(&self.context, verb, path, query, body)
    }

    /// Keeps what the tenant says of privacy.
    pub fn keep(&self, settings: &PrivacySettings) {
        let value = serde_json::to_string(settings).expect("JSON");
        let key = PrivacySettings::LEDGER;
        let step = LedgerStep::Insert { value, expires: None };
        let ledger = vec![LedgerChange { kind: key, key: key.to_owned(), step }];
        let changes = Changes { ledger, ..Changes::default() };
        self.runtime.block_on(self.context.session().commit(changes)).expect("a ledger");
    }

    /// A caller with these scopes.
    pub fn caller(&self, scopes: Scopes) -> Context {
        self.context_of(Caller { subject: "narrowed".into(), scopes, ..Caller::default() })
    }

    /// The context of a caller.
    pub fn context_of(&self, caller: Caller) -> Context {
        let context = self.engine.context(self.context.tenant(), caller, self.context.base());
        self.runtime.block_on(context).expect("a context")
    }

    /// Carries out a request of this caller.
    pub fn perform_as(
        &self,
        caller: &Context,
        verb: Verb,
        path: &str,
        query: &str,
        body: Vec<u8>,
    ) -> Result<Answer, Failure> {
        let headers = Headers::default();
        let request = Request { verb, path: path.into(), query: query.into(), headers, body: body.into() };
        let answer = self.runtime.block_on(self.engine.perform(caller, request));
        if let Err(failure) = &answer {
            assert!(failure.status < 500, "{failure}: {:?}", failure.cause);
        }
        answer
    }

    /// Sends a patch of the patient, as the resource of a Bundle entry, in a transaction that is refused after the
    /// patch was carried out: nothing is stored, and every input meets the same patient.
    pub fn patch(&self, patch: &str) {
        const INVALID: &str =
            r#"{"resource":{"resourceType":"Basic","id":"1"},"request":{"method":"PUT","url":"Basic/1"}}"#;
        let bundle = format!(
            r#"{{"resourceType":"Bundle","type":"transaction","entry":[{{"resource":{patch},"request":{{"method":"PATCH","url":"Patient/1"}}}},{INVALID}]}}"#
        );
        let answer = self.perform(Verb::Post, "", "", bundle.into_bytes());
        assert!(answer.is_err(), "a transaction with an invalid entry was taken");
    }
}

impl Default for Sandbox {
    fn default() -> Self {
        Sandbox::new()
    }
}

/// How long a query and a write may take.
const QUERY_TIME: Duration = Duration::from_secs(10);

fn keeper() -> Arc<Keeper> {
    Arc::new(Keeper::new(Arc::new(Unwrapped), |_| Ok(())))
}

async fn sqlite(folder: &TempDir) -> Arc<dyn Store> {
    Arc::new(SqliteStore::open(folder.path(), || NOW_MS, QUERY_TIME, keeper()).await.expect("a store"))
}

async fn postgres(url: &str, folder: &TempDir) -> Arc<dyn Store> {
    static MIGRATED: OnceCell<()> = OnceCell::const_new();
    let migrated = async || PostgresStore::migrate(url, &|_| ()).await.map(drop).expect("a schema");
    MIGRATED.get_or_init(migrated).await;
    let settings = PostgresSettings {
        clock: || NOW_MS,
        query_time: QUERY_TIME,
        write_time: QUERY_TIME,
        text_folder: folder.path().to_owned(),
        connections: 4,
        residence: Residence { placement: Placement::Pool, url: None, region: None, standby: None },
        regions: Vec::new(),
        read_url: None,
        keeper: keeper(),
    };
    Arc::new(PostgresStore::open(url, settings).await.expect("a store"))
}

/// The name of a tenant in a database that others have, too.
fn unique() -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    format!("fuzz-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed))
}

/// Makes a tenant in a store.
async fn open(store: Arc<dyn Store>, name: &str) -> (Engine, Context) {
    let (data_keys, sealing, marks) = <_>::default();
    let secrets =
        Secrets { index_key: [7; 16], page_key: [7; 32], token_key: Vec::new(), edition: 0, data_keys, sealing, marks };
    let tenant = store.create_tenant(name, secrets, NOW_MS).await.expect("a directory").expect("a new tenant");
    // No input creates a resource, so no id is ever asked for twice.
    let ambient = Ambient { now_ms: || NOW_MS, new_id: || "new".into() };
    let engine = Engine::new(store, Settings::default(), ambient, Vec::new());
    let caller = Caller { subject: "fuzz".into(), scopes: Scopes::all(), ..Caller::default() };
    let context = engine.context(&tenant, caller, "http://localhost/fhir/fuzz").await.expect("a context");
    (engine, context)
}
