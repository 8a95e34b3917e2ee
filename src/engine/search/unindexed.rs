//! What a search asks for that no index lists: said to whoever wonders why it takes its time.

use fhir::search::{Clause, Filter};

/// The parameters on which all resources of a type are gone through, as no clause of its filter is one that an index
/// lists; `names` are those of the clauses. And `_sort`, where all that is found must be looked at to be sorted.
pub(super) fn unindexed(filters: &[Filter], names: &[String], is_gathered: bool) -> Vec<String> {
    let scanned: Vec<&Filter> = filters.iter().filter(|it| !it.iter().any(Clause::is_indexed)).collect();
    let is_scanned = |at: usize| scanned.iter().any(|it| it.get(at).is_some());
    let named = names.iter().enumerate().filter(|(at, _)| is_scanned(*at)).map(|(_, name)| name.clone());
    named.chain(is_gathered.then(|| "_sort".to_owned())).collect()
}
