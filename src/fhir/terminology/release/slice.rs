//! The concepts of a release that a question is about, as a code system that has just these.

use super::{About, Links};
use crate::json::Doc;
use crate::terminology::{CodeSystem, Content};
use crate::{Failure, Result};
use rustc_hash::FxHashMap;

/// A concept of a release, as it was read.
#[derive(Debug)]
pub struct Row {
    /// Its place.
    pub place: u32,
    /// How it stands to the others.
    pub links: Links,
    /// What is said of it.
    pub said: Doc,
}

impl Row {
    /// Reads what [`super::Arranged::row`] gave.
    pub fn read(place: i64, links: &[u8], said: &str) -> Result<Row> {
        let place = u32::try_from(place).map_err(Failure::internal)?;
        Ok(Row { place, links: Links::read(links)?, said: Doc::parse(said).map_err(Failure::internal)? })
    }
}

impl CodeSystem {
    /// These concepts of a release, beneath one another as far as they are here. It counts as whole: what it is asked about is
    /// here, or the release has no such code.
    pub fn of_release(url: &str, version: &str, about: &About, rows: &[Row]) -> CodeSystem {
        let mut system = CodeSystem {
            url: url.to_owned(),
            version: Some(version.to_owned()),
            name: Some(about.name.clone()),
            is_case_sensitive: about.is_case_sensitive,
            content: Content::Complete,
            defined: about.properties.clone(),
            ..CodeSystem::default()
        };
        let mut positions: FxHashMap<u32, u32> = FxHashMap::default();
        for row in rows {
            if let Some(at) = system.add(row.said.root(), None) {
                positions.insert(row.place, at);
            }
        }
        for row in rows {
            let Some(child) = positions.get(&row.place) else { continue };
            for parent in row.links.parents.iter().filter_map(|it| positions.get(&it)) {
                system.link(*parent, *child);
            }
        }
        system
    }
}
