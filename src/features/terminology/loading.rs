//! Loads a code system from its publisher's files into a tenant's store: part by part, seen when it is whole.

use fhir::terminology::release::{Arranged, MEMBERS, MemberTable, PostedTerm, RELATIONS, Relation};
use fhir::{Failure, IssueType, Result};
use store::{Posting, ReleaseConcept, ReleasePart, Session};

/// Concepts, or terms by which they are found, that are written at once.
const BATCH: usize = 10_000;

/// How far a load has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LoadedRows {
    /// Rows written.
    pub done: usize,
    /// Rows in all.
    pub total: usize,
}

/// Loads a code system, in the place of one of the same version. Nothing of it is seen before the end, and what an earlier
/// load left behind is taken away.
pub async fn load_code_system(
    session: &dyn Session,
    arranged: &Arranged,
    told: &(dyn Fn(LoadedRows) + Send + Sync),
) -> Result<()> {
    if arranged.is_empty() {
        return Err(Failure::new(IssueType::Required, "The files have no concepts."));
    }
    let posted = arranged.posted().into_iter().map(posting).chain(relations(arranged));
    let posted: Vec<Posting> = posted.chain(members(arranged)).collect();
    let mut rows = LoadedRows { done: 0, total: arranged.len() + posted.len() };
    let (url, version) = arranged.identity();
    let number = session.begin_release(url, version, &arranged.about.write()).await?;
    session.sweep_releases(url, number).await?;
    let places: Vec<u32> = (0..arranged.len() as u32).collect();
    for batch in places.chunks(BATCH) {
        let concepts = batch.iter().filter_map(|it| concept(arranged, *it)).collect();
        session.fill_release(number, ReleasePart::Concepts(concepts)).await?;
        rows.done += batch.len();
        told(rows);
    }
    for batch in posted.chunks(BATCH) {
        session.fill_release(number, ReleasePart::Postings(batch.to_vec())).await?;
        rows.done += batch.len();
        told(rows);
    }
    if !session.finish_release(number).await? {
        let told = "Another load of the same code system began meanwhile and took this one's place.";
        return Err(Failure::new(IssueType::Conflict, told));
    }
    session.sweep_releases(url, number).await?;
    Ok(())
}

fn concept(arranged: &Arranged, place: u32) -> Option<ReleaseConcept> {
    let (code, links, about) = arranged.row(place)?;
    Some(ReleaseConcept { place: place.into(), code: code.to_owned(), links: links.write(), about })
}

fn posting(it: PostedTerm) -> Posting {
    let mut places = Vec::new();
    it.places.write(&mut places);
    Posting { property: it.property, term: it.term, places }
}

fn relations(arranged: &Arranged) -> impl Iterator<Item = Posting> {
    let parts: Vec<(String, Vec<u8>)> = Relation::parts(&arranged.relations()).collect();
    parts.into_iter().map(|(term, places)| Posting { property: RELATIONS.to_owned(), term, places })
}

/// What the members of reference sets say; the fields of each set come behind its rows.
fn members(arranged: &Arranged) -> impl Iterator<Item = Posting> {
    arranged.members().flat_map(|(set, table, parts)| {
        let property = MemberTable::property(set);
        let part = move |(at, places)| Posting { property: property.clone(), term: MemberTable::term(at), places };
        let fields = Posting { property: MEMBERS.to_owned(), term: set.to_owned(), places: table.write() };
        (0..).zip(parts).map(part).chain([fields])
    })
}
