//! What every engine must do: one suite of cases, run on each of them.
//!
//! A case takes an [`Engine`], opens its store and looks at it from the outside only. An engine's own tests name
//! all cases with `contract!`.

pub(crate) mod along;
pub(crate) mod audit;
pub(crate) mod audit_kept;
pub(crate) mod built;
pub(crate) mod clauses;
pub(crate) mod commits;
pub(crate) mod erasure;
pub(crate) mod fences;
pub(crate) mod filters;
pub(crate) mod histories;
pub(crate) mod jobs;
pub(crate) mod keys;
pub(crate) mod ledger;
pub(crate) mod links;
pub(crate) mod marks;
pub(crate) mod measures;
pub(crate) mod model;
pub(crate) mod orders;
pub(crate) mod owned;
pub(crate) mod pairs;
pub(crate) mod properties;
pub(crate) mod records;
pub(crate) mod releases;
pub(crate) mod sealing;
pub(crate) mod tenants;
pub(crate) mod updates;
pub(crate) mod walks;

use crate::keys::tests::keeper;
use crate::{
    Changes, CommitError, Committed, DataKey, Expect, Keeper, Key, Marks, Method, Put, Sealing, Secrets, Session,
    Store, Tenant,
};
use async_trait::async_trait;
use model::Entry;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

/// An engine under test, with a database of its own.
#[async_trait]
pub(crate) trait Engine: Send + Sync {
    /// Opens the store; again, to find what was there when it was closed.
    async fn open(&self) -> Arc<dyn Store> {
        self.open_at(clock).await
    }
    /// The same, where another time is told.
    async fn open_at(&self, clock: fn() -> i64) -> Arc<dyn Store> {
        self.open_with(clock, keeper()).await
    }
    /// The same, with tenants' keys wrapped by another master key.
    async fn open_with(&self, clock: fn() -> i64, keeper: Arc<Keeper>) -> Arc<dyn Store>;
    /// The values of a tenant's ledger as they are kept, by their keys.
    async fn kept_values(&self, tenant: &str) -> Vec<String>;
    /// The bodies of all versions of a tenant's resources, as they are kept.
    async fn kept_bodies(&self, tenant: &str) -> Vec<Vec<u8>>;
    /// The texts of string parameters in a tenant's search index, as they are kept.
    async fn kept_texts(&self, tenant: &str) -> Vec<String>;
    /// The events of a tenant's audit log as they are kept: those that wait to be chained, of rows and of blocks.
    async fn kept_events(&self, tenant: &str) -> Vec<Vec<u8>>;
    /// Changes what is kept of a tenant as whoever has the database can.
    async fn change_bodies(&self, tenant: &str, statement: &'static str);
    /// Has all tenants' keys lie bare, as a version wrote them which wrapped none: 16 times `i`, 32 times `p`, 138 times `t`.
    async fn bare_keys(&self);
    /// Changes the directory of tenants as whoever has the database can.
    async fn change_directory(&self, statement: &'static str);
    /// How many index rows a tenant has in all tables.
    async fn index_rows(&self, tenant: &str) -> i64;
}

/// A clock that steps a millisecond each time it is asked, from some day on.
pub(crate) fn clock() -> i64 {
    static NOW: AtomicI64 = AtomicI64::new(1_790_000_000_000);
    NOW.fetch_add(1, Ordering::Relaxed)
}

/// One test for each case on the engine that the expression makes; none where it cannot be had.
macro_rules! contract {
    ($engine:expr) => {
        crate::contract::contract!($engine;
            records: reads, reads_many, reads_what_lived, reads_what_lived_in_portions, expectations_hold,
                many_ids_at_once;
            commits: one_of_many_racers_wins, all_or_nothing, content_once, time_rises_with_commits,
                guards_see_what_came_before, an_empty_change;
            histories: of_an_instance, of_types_and_all, since, at, of_no_version;
            filters: drives_and_probes, alternatives, long_lists, long_strings, nothing_at_all;
            links: references, chains, logical_links, hierarchies, nested;
            owned: compartments_of_many, leads, of_nobody;
            ledger: entries_change, entries_with_resources, entries_expire, entries_outlive_a_clock_ahead, entries_are_listed,
                entries_made_again, one_uses_an_entry_up, entries_of_two_tenants;
            jobs: one_does_what_was_asked_for, what_is_asked_for_meanwhile_is_left;
            releases: finished_or_nothing, sweeping, looked_up, releases_of_two_tenants;
            audit: newest_first, by_telling_ids, by_keys_and_times, with_what_they_tell_of, many_at_once,
                paging_while_writing, logs_of_two_tenants;
            audit_kept: nothing_shows, what_waited, at_one_place, goes_on_after_reopening, what_is_old_is_dropped,
                acknowledged_events_outlive_a_crash, an_event_twice_is_a_fault;
            measures: quantities, places;
            updates: old_values_are_taken_back, deleted_is_not_found, no_orphans, reindexed,
                strings_folded_anew;
            orders: unsorted, sorted_by_each_kind, sorted_within_a_range, several_keys, several_types, while_writing;
            walks: by_row, by_date, by_what_refers;
            along: answers_are_the_same, while_writing, a_page_goes_on_as_it_began, what_may_repeat_keeps_its_order;
            built: rules_wait_for_all_rows;
            pairs: answers_are_the_same, none_is_missing_while_they_are_made;
            properties: answers_equal_the_model, all_ranges_at_the_ends;
            erasure: counted, erased, signing_key;
            keys: wrapped_anew, wrapped_by_another_version, of_another_tenant;
            sealing: values_are_encrypted, encrypted_anew, keys_changed_elsewhere, bare_tenants_are_not,
                bodies_are_encrypted, files_or_all, bodies_encrypted_anew, damaged, erased_in_copies,
                nothing_without_a_master_key;
            fences: no_body_stays_open, no_former_key_is_used, no_text_stays_in_the_index,
                no_content_is_checked_before, by_an_older_directory;
            marks: searched_by_equality, nothing_shows_of_what_is_damaged, refused_by_name, half_is_not_answered, texts_are_left_out;
            tenants: never_meet, names, survive_reopening, closing_finishes_writes, abandoned_commits
        );
    };
    ($engine:expr; $($module:ident: $($case:ident),+);+) => {
        $(mod $module {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $case() {
                    use super::*;
                    if let Some(engine) = $engine {
                        crate::contract::$module::$case(&engine).await;
                    }
                }
            )+
        })+
    };
}
pub(crate) use contract;

/// A store with one tenant, open.
pub(crate) struct Ward {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) session: Arc<dyn Session>,
}

/// The name of the [`Ward`]'s tenant.
pub(crate) const WARD: &str = "ward";

pub(crate) async fn ward(engine: &dyn Engine) -> Ward {
    let store = engine.open().await;
    let tenant = tenant(&*store, WARD).await;
    let session = store.open(&tenant).await.unwrap();
    Ward { store, session }
}

/// The tenant of this name, made if it is not there.
pub(crate) async fn tenant(store: &dyn Store, name: &str) -> Tenant {
    match store.tenant(name).await.unwrap() {
        Some(tenant) => tenant,
        None => store.create_tenant(name, secrets(name), 0).await.unwrap().unwrap(),
    }
}

pub(crate) fn secrets(name: &str) -> Secrets {
    let mut index_key = [7; 16];
    index_key[0] = name.len() as u8;
    Secrets {
        index_key,
        page_key: [1; 32],
        token_key: name.as_bytes().to_vec(),
        edition: 0,
        data_keys: vec![DataKey { number: 1, key: [9; 32] }],
        // Every second tenant's records are kept so, that cases are run both ways.
        marks: Marks::default(),
        sealing: if name.len().is_multiple_of(2) { Sealing::All } else { Sealing::Files },
    }
}

/// A version to be written: what it says apart from id and time is `note`.
pub(crate) fn put(session: &dyn Session, of: &str, id: &str, expect: Expect, note: &str, entries: &[Entry]) -> Put {
    let head = format!("{{\"resourceType\":\"{of}\",\"id\":\"{id}\",\"meta\":{{\"lastUpdated\":\"");
    let body = format!("{head}YYYY-MM-DDTHH:MM:SS.mmmZ\"}},\"note\":\"{note}\"}}").into_bytes();
    let mut rows = session.rows();
    rows.of_type(of);
    for entry in entries {
        entry.tell(&mut rows);
    }
    let version = if let Expect::Version(before) = expect { before + 1 } else { 1 };
    let method = if version == 1 { Method::Post } else { Method::Put };
    Put {
        key: Key::new(of, id),
        expect,
        version,
        method,
        body,
        stamp: Some(head.len()),
        rows,
        checked_by: None,
        sealed: None,
    }
}

/// A deletion to be written.
pub(crate) fn delete(session: &dyn Session, of: &str, id: &str, before: i64) -> Put {
    Put {
        key: Key::new(of, id),
        expect: Expect::Version(before),
        version: before + 1,
        method: Method::Delete,
        body: Vec::new(),
        stamp: None,
        rows: session.rows(),
        checked_by: None,
        sealed: None,
    }
}

impl Ward {
    pub(crate) async fn commit(&self, puts: Vec<Put>) -> Result<Committed, CommitError> {
        self.session.commit(Changes { puts, ..Changes::default() }).await
    }

    /// Writes the first version of a resource.
    pub(crate) async fn create(&self, of: &str, id: &str, entries: &[Entry]) {
        self.commit(vec![put(&*self.session, of, id, Expect::Absent, "", entries)]).await.unwrap();
    }

    /// Writes the next version of a resource.
    pub(crate) async fn update(&self, of: &str, id: &str, before: i64, entries: &[Entry]) {
        self.commit(vec![put(&*self.session, of, id, Expect::Version(before), "", entries)]).await.unwrap();
    }

    pub(crate) async fn delete(&self, of: &str, id: &str, before: i64) {
        self.commit(vec![delete(&*self.session, of, id, before)]).await.unwrap();
    }
}

pub(crate) fn is_conflict(result: &Result<Committed, CommitError>) -> bool {
    matches!(result, Err(CommitError::Conflict))
}

/// Of several that change the same, one does, and the others are told that it was changed.
pub(crate) async fn one_wins(racers: Vec<tokio::task::JoinHandle<Result<Committed, CommitError>>>) {
    let mut winners = 0;
    for racer in racers {
        let result = racer.await.unwrap();
        assert!(result.is_ok() || is_conflict(&result), "{result:?}");
        winners += usize::from(result.is_ok());
    }
    assert_eq!(winners, 1);
}
