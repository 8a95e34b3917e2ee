//! Events as they wait: frames of a mark, the length and the CRC-32 of what follows, the tenant's name and its events.

use super::Waiting;
use bytes::{Buf, BufMut};
use memchr::memmem;
use std::io::{Error, Result};
use store::AuditRecords;

/// What a frame begins with.
const MARK: &[u8; 4] = b"\x89EV1";

/// Adds a tenant's events to a file's bytes.
pub(super) fn write(tenant: &str, records: &AuditRecords, out: &mut Vec<u8>) -> Result<()> {
    let name = u16::try_from(tenant.len()).map_err(Error::other)?;
    let length = size_of::<u16>() + tenant.len() + records.as_bytes().len();
    out.reserve(MARK.len() + 2 * size_of::<u32>() + length);
    out.put_slice(MARK);
    out.put_u32_le(u32::try_from(length).map_err(Error::other)?);
    let crc = out.len();
    out.put_u32_le(0);
    let content = out.len();
    out.put_u16_le(name);
    out.put_slice(tenant.as_bytes());
    out.put_slice(records.as_bytes());
    let sum = crc32fast::hash(out.get(content..).unwrap_or_default());
    if let Some((place, _)) = out.get_mut(crc..).and_then(|it| it.split_first_chunk_mut()) {
        *place = sum.to_le_bytes();
    }
    Ok(())
}

/// The events of each tenant, as many together as a log takes at a time, and whether there is something that cannot be read. A
/// last frame that is not whole is no damage: it was never acknowledged.
pub(super) fn read(mut bytes: &[u8]) -> (Waiting, bool) {
    let (mut all, mut is_damaged) = (Waiting::new(), false);
    while let Some(at) = memmem::find(bytes, MARK) {
        is_damaged |= at > 0;
        bytes = bytes.get(at + MARK.len()..).unwrap_or_default();
        let mut rest = bytes;
        match content(&mut rest) {
            Some((tenant, records)) => {
                add(&mut all, tenant, &records);
                bytes = rest;
            }
            None if memmem::find(bytes, MARK).is_none() => return (all, is_damaged),
            None => is_damaged = true,
        }
    }
    (all, is_damaged || bytes.len() >= MARK.len())
}

fn add(all: &mut Waiting, tenant: &str, records: &AuditRecords) {
    if !all.contains_key(tenant) {
        all.insert(tenant.to_owned(), Vec::new());
    }
    let Some(lots) = all.get_mut(tenant) else { return };
    if !lots.last().is_some_and(AuditRecords::has_room) {
        lots.push(AuditRecords::default());
    }
    if let Some(lot) = lots.last_mut() {
        lot.append(records);
    }
}

/// Takes what is in a frame, behind its mark.
fn content<'b>(bytes: &mut &'b [u8]) -> Option<(&'b str, AuditRecords)> {
    let (length, sum) = (bytes.try_get_u32_le().ok()? as usize, bytes.try_get_u32_le().ok()?);
    let mut content = bytes.split_off(..length)?;
    if crc32fast::hash(content) != sum {
        return None;
    }
    let name = usize::from(content.try_get_u16_le().ok()?);
    let tenant = std::str::from_utf8(content.split_off(..name)?).ok()?;
    Some((tenant, AuditRecords::read(content)?))
}
