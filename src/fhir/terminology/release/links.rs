//! How a concept stands to the others of its release.

use super::Places;
use crate::{Failure, Result};

/// The places of the concepts above and beneath one, which is itself in none of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Links {
    /// Directly above.
    pub parents: Places,
    /// Directly beneath.
    pub children: Places,
    /// All above.
    pub above: Places,
    /// All beneath.
    pub below: Places,
}

impl Links {
    /// As they are kept.
    pub fn write(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        [&self.parents, &self.children, &self.above, &self.below].into_iter().for_each(|it| it.write(&mut bytes));
        bytes
    }

    /// What [`Links::write`] wrote.
    pub fn read(mut bytes: &[u8]) -> Result<Links> {
        let mut next = || Places::read(&mut bytes).ok_or_else(|| Failure::internal("a concept's links are broken"));
        Ok(Links { parents: next()?, children: next()?, above: next()?, below: next()? })
    }
}
