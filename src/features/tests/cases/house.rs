//! A tenant of its own for each case, behind an engine with every feature's operations.

use engine::{
    Ambient, Answer, Caller, Context, Engine, Headers, LoadItem, Loaded, Operation, Request, Scopes, Settings, Verb,
};
use fhir::{Failure, Result};
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use store::{Keeper, Secrets, SqliteStore, Store, Tenant, Unwrapped};

/// The time of every case: 2026-11-18T11:06:40Z.
const NOW_MS: i64 = 1_795_000_000_000;

const BASE: &str = "http://localhost/fhir/north";

static IDS: AtomicU64 = AtomicU64::new(0);

/// An engine on a store with one tenant.
pub struct House {
    engine: Engine,
    tenant: Tenant,
    context: Context,
    _folder: tempfile::TempDir,
}

impl House {
    /// An empty one.
    pub async fn new() -> House {
        House::serving(features::operations()).await
    }

    /// An empty one that serves these operations.
    pub async fn serving(operations: Vec<Operation>) -> House {
        House::on(tempfile::tempdir().unwrap(), operations, Settings::default()).await
    }

    /// The house after a restart, with other settings.
    pub async fn restarted(self, settings: Settings) -> House {
        self.engine.store().close().await;
        House::on(self._folder, features::operations(), settings).await
    }

    /// The house after a restart, when what was interrupted is done, before anybody asked for anything.
    pub async fn closed_and_resumed(self) -> House {
        self.engine.store().close().await;
        let keeper = Arc::new(Keeper::new(Arc::new(Unwrapped), |_| Ok(())));
        let store = SqliteStore::open(self._folder.path(), || NOW_MS, Duration::from_secs(10), keeper).await.unwrap();
        let ambient = Ambient { now_ms: || NOW_MS, new_id: || "unused".into() };
        let engine = Engine::new(Arc::new(store), Settings::default(), ambient, Vec::new());
        engine.resume_builds(|_| BASE.into()).await;
        engine.store().close().await;
        House::on(self._folder, features::operations(), Settings::default()).await
    }

    async fn on(folder: tempfile::TempDir, operations: Vec<Operation>, settings: Settings) -> House {
        let keeper = Arc::new(Keeper::new(Arc::new(Unwrapped), |_| Ok(())));
        let store = SqliteStore::open(folder.path(), || NOW_MS, Duration::from_secs(10), keeper).await.unwrap();
        let (data_keys, sealing, marks) = <_>::default();
        let secrets = Secrets {
            index_key: [7; 16],
            page_key: [7; 32],
            token_key: Vec::new(),
            edition: 0,
            data_keys,
            sealing,
            marks,
        };
        let made = store.create_tenant("north", secrets, NOW_MS).await.unwrap();
        let tenant = match made {
            Some(tenant) => tenant,
            None => store.tenant("north").await.unwrap().unwrap(),
        };
        let new_id = || format!("00000000-0000-4000-8000-{:012}", IDS.fetch_add(1, Ordering::Relaxed));
        let ambient = Ambient { now_ms: || NOW_MS, new_id };
        let engine = Engine::new(Arc::new(store), settings, ambient, operations);
        let context = engine.system_context(&tenant, "test", BASE).await.unwrap();
        House { engine, tenant, context, _folder: folder }
    }

    /// The tenant's data.
    pub async fn session(&self) -> Arc<dyn store::Session> {
        self.engine.store().open(&self.tenant).await.unwrap()
    }

    /// One with the demo hospital in it.
    pub async fn with_demo() -> House {
        let house = House::new().await;
        for bundle in features::demo::bundles("2026-11-18").unwrap() {
            house.send(Verb::Post, "", bundle).await.unwrap();
        }
        house
    }

    /// What of the demo is to be written on a day.
    pub async fn due(&self, today: &str) -> Vec<String> {
        let mut due = Vec::new();
        for bundle in features::demo::bundles(today).unwrap() {
            due.extend(features::demo::due(&self.context, &bundle).await.unwrap());
        }
        due
    }

    /// A caller with these scopes.
    pub async fn caller(&self, scopes: &str) -> Context {
        let (scopes, purposes) = (Scopes::parse(scopes, None).0, vec!["TREAT".into()]);
        let caller = Caller { subject: "nurse".into(), scopes, purposes, ..Caller::default() };
        self.engine.context(&self.tenant, caller, BASE).await.unwrap()
    }

    /// Stores resources.
    pub async fn put(&self, resources: &[Value]) {
        self.put_as(&self.context, resources).await;
    }

    /// The same as a caller, who may be of another tenant.
    pub async fn put_as(&self, context: &Context, resources: &[Value]) {
        for resource in resources {
            let path = format!("{}/{}", resource["resourceType"].as_str().unwrap(), resource["id"].as_str().unwrap());
            self.engine.perform(context, request(Verb::Put, &path, "", resource.to_string())).await.unwrap();
        }
    }

    /// Another tenant, as its own system.
    pub async fn neighbour(&self, name: &str) -> Context {
        let (data_keys, sealing, marks) = <_>::default();
        let secrets = Secrets {
            index_key: [8; 16],
            page_key: [8; 32],
            token_key: Vec::new(),
            edition: 0,
            data_keys,
            sealing,
            marks,
        };
        let tenant = self.engine.store().create_tenant(name, secrets, NOW_MS).await.unwrap().unwrap();
        self.engine.system_context(&tenant, "test", &format!("http://localhost/fhir/{name}")).await.unwrap()
    }

    /// Loads a document, with this as its mark.
    pub async fn load(&self, document: &Value, mark: u8) -> Result<Loaded> {
        let item = LoadItem { body: document.to_string().into(), content: [mark; 16] };
        self.engine.load(&self.context, item).await
    }

    /// GET of an address below the base, as the system.
    pub async fn get(&self, address: &str) -> Result<Value> {
        self.get_as(&self.context, address).await
    }

    /// GET of an address, relative or with the base, as a caller.
    pub async fn get_as(&self, context: &Context, address: &str) -> Result<Value> {
        let address = address.strip_prefix(BASE).map_or(address, |it| it.trim_start_matches('/'));
        let (path, query) = address.split_once('?').unwrap_or((address, ""));
        let answer = self.engine.perform(context, request(Verb::Get, path, query, String::new())).await?;
        Ok(json_of(&answer))
    }

    /// POST of a Parameters resource with these parameters.
    pub async fn post(&self, path: &str, parameters: Value) -> Result<Value> {
        self.post_as(&self.context, path, parameters).await
    }

    /// The same as a caller.
    pub async fn post_as(&self, context: &Context, address: &str, parameters: Value) -> Result<Value> {
        let (path, query) = address.split_once('?').unwrap_or((address, ""));
        let body = json!({ "resourceType": "Parameters", "parameter": parameters });
        let answer = self.engine.perform(context, request(Verb::Post, path, query, body.to_string())).await?;
        Ok(json_of(&answer))
    }

    pub async fn send(&self, verb: Verb, address: &str, body: String) -> Result<Answer, Failure> {
        let (path, query) = address.split_once('?').unwrap_or((address, ""));
        self.engine.perform(&self.context, request(verb, path, query, body)).await
    }

    /// Every entry of a searchset from this address on, over all pages: key and mode.
    pub async fn pages(&self, address: &str) -> Vec<(String, String)> {
        let mut entries = Vec::new();
        let mut next = Some(address.to_owned());
        while let Some(address) = next {
            let page = self.get(&address).await.unwrap();
            entries.extend(keys(&page));
            next = link(&page, "next");
        }
        entries
    }
}

fn request(verb: Verb, path: &str, query: &str, body: String) -> Request {
    Request { verb, path: path.into(), query: query.into(), headers: Headers::default(), body: body.into() }
}

fn json_of(answer: &Answer) -> Value {
    serde_json::from_slice(&answer.body).unwrap()
}

/// A link of a Bundle.
pub fn link(bundle: &Value, relation: &str) -> Option<String> {
    let links = bundle["link"].as_array()?;
    links.iter().find(|it| it["relation"] == relation)?["url"].as_str().map(str::to_owned)
}

/// `Type/id` and mode of a Bundle's entries.
pub fn keys(bundle: &Value) -> Vec<(String, String)> {
    let entries = bundle["entry"].as_array().into_iter().flatten();
    let key = |it: &Value| {
        let resource = &it["resource"];
        format!("{}/{}", resource["resourceType"].as_str().unwrap(), resource["id"].as_str().unwrap_or_default())
    };
    entries.map(|it| (key(it), it["search"]["mode"].as_str().unwrap_or_default().to_owned())).collect()
}
