//! Encrypting anew what is kept of a tenant: by its last data key what another one encrypted, or none.

use super::raw::{self, Place, RawBody, RawRecords, Size};
use super::{Sealer, Secrets};
use crate::Result;

/// Entries that are looked at together.
const LOT: i64 = 200;
/// The most bodies that are,
const BODIES: i64 = 50;
/// and bytes of them after which there are no more.
const BYTES: i64 = 16 << 20;

/// Encrypts all that is to be by the last data key, and tells how much was changed so far. Who writes meanwhile does so by that
/// key: what was encrypted or marked as the tenant had it before is refused before the first look.
pub(crate) async fn reseal(
    sealer: &Sealer,
    records: &mut dyn RawRecords,
    told: &(dyn Fn(usize) + Send + Sync),
) -> Result<usize> {
    // Before the directory: who changes keys changes them there first.
    let fenced = records.fenced().await?;
    let secrets = sealer.caught_up(fenced).await?;
    records.fence(secrets.edition).await?;
    let mut done = reseal_ledger(sealer, &secrets, records, told).await?;
    // Who supersedes a version meanwhile may put it into the history as it was: a pass that finds nothing more is the last.
    loop {
        let bodies = reseal_bodies(sealer, &secrets, records, &|bodies| told(done + bodies)).await?;
        done += bodies;
        if bodies == 0 {
            return Ok(done);
        }
    }
}

async fn reseal_ledger(
    sealer: &Sealer,
    secrets: &Secrets,
    records: &mut dyn RawRecords,
    told: &(dyn Fn(usize) + Send + Sync),
) -> Result<usize> {
    let (mut kind, mut key) = (String::new(), String::new());
    let mut done = 0;
    loop {
        let page = records.entries(raw::entries(&kind, &key, LOT)).await?;
        let Some(last) = page.last() else { return Ok(done) };
        (kind, key) = (last.kind.clone(), last.key.clone());
        let mut changes = Vec::new();
        for it in page {
            if let Some(value) = sealer.resealed(secrets, &it.kind, &it.key, &it.value).await? {
                changes.push(raw::exchange(it, value));
            }
        }
        if !changes.is_empty() {
            done += changes.len();
            records.change(changes).await?;
            told(done);
        }
    }
}

async fn reseal_bodies(
    sealer: &Sealer,
    secrets: &Secrets,
    records: &mut dyn RawRecords,
    told: &(dyn Fn(usize) + Send + Sync),
) -> Result<usize> {
    let mut at: Place = (i64::MIN, 0);
    let mut done = 0;
    while let Some(end) = lot_end(&records.sizes(raw::sizes(at, BODIES)).await?) {
        let page = records.bodies(raw::bodies(records.dialect(), at, end, BODIES)).await?;
        // Others may have come in between.
        at = page.last().map_or(end, |it| it.place);
        let mut changes: Vec<(RawBody, Vec<u8>)> = Vec::new();
        for it in page {
            if let Some(body) = sealer.resealed_body(secrets, &it.version(), &it.body).await? {
                changes.push((it, body));
            }
        }
        if !changes.is_empty() {
            // In the order in which all take rows who write several.
            changes.sort_unstable_by_key(|(it, _)| it.rkey);
            records.change(changes.iter().flat_map(|(it, body)| raw::exchange_body(it, body)).collect()).await?;
            done += changes.len();
            told(done);
        }
    }
    Ok(done)
}

/// The last of the first versions whose bodies are not too much together: one of them, however long, if there is any.
fn lot_end(sizes: &[Size]) -> Option<Place> {
    let mut bytes = 0;
    let fits = |(at, (_, size)): &(usize, &Size)| {
        bytes += size;
        *at == 0 || bytes <= BYTES
    };
    sizes.iter().enumerate().take_while(fits).last().map(|(_, (place, _))| *place)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_are_taken_by_their_length() {
        let end =
            |sizes: &[i64]| lot_end(&sizes.iter().zip(1..).map(|(size, rid)| ((rid, 1), *size)).collect::<Vec<_>>());
        assert_eq!(end(&[]), None);
        assert_eq!(end(&[1, 2, 3]), Some((3, 1)));
        assert_eq!(end(&[BYTES / 2, BYTES / 2, 1]), Some((2, 1)));
        assert_eq!(end(&[3 * BYTES, 1]), Some((1, 1)), "at least one");
        assert_eq!(end(&[1, 3 * BYTES, 1]), Some((1, 1)));
    }
}
