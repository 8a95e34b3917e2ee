//! Events as they wait: frames of a mark, the length and the CRC-32 of what follows, the tenant's name and its events, encrypted
//! for it. The sum tells what was never written whole; that it is what the tenant's server wrote tells the encryption.

use super::Waiting;
use bytes::{Buf, BufMut, Bytes};
use memchr::memmem;
use std::io::{Error, Result};

/// What a frame begins with.
const MARK: &[u8; 4] = b"\x89EV1";

/// Adds a tenant's events to a file's bytes, or nothing.
pub(super) fn write(tenant: &str, aside: &[u8], out: &mut Vec<u8>) -> Result<()> {
    let name = u16::try_from(tenant.len()).map_err(Error::other)?;
    let length = size_of::<u16>() + tenant.len() + aside.len();
    let length = u32::try_from(length).map_err(Error::other)?;
    out.put_slice(MARK);
    out.put_u32_le(length);
    let crc = out.len();
    out.put_u32_le(0);
    let content = out.len();
    out.put_u16_le(name);
    out.put_slice(tenant.as_bytes());
    out.put_slice(aside);
    let sum = crc32fast::hash(out.get(content..).unwrap_or_default());
    if let Some((place, _)) = out.get_mut(crc..).and_then(|it| it.split_first_chunk_mut()) {
        *place = sum.to_le_bytes();
    }
    Ok(())
}

/// The events of each tenant, and whether there is something that cannot be read. A last frame that is not whole is no damage, it
/// was never acknowledged, and neither are zeros behind it.
pub(super) fn read(mut bytes: Bytes) -> (Waiting, bool) {
    let (mut all, mut is_damaged) = (Waiting::new(), false);
    while let Some(at) = memmem::find(&bytes, MARK) {
        is_damaged |= at > 0;
        bytes.advance(at + MARK.len());
        let mut rest = bytes.clone();
        match content(&mut rest) {
            Some((tenant, aside)) => {
                all.entry(tenant).or_default().push(aside);
                bytes = rest;
            }
            None if memmem::find(&bytes, MARK).is_none() => return (all, is_damaged),
            None => is_damaged = true,
        }
    }
    (all, is_damaged || bytes.iter().any(|it| *it != 0))
}

/// Takes what is in a frame, behind its mark.
fn content(bytes: &mut Bytes) -> Option<(String, Bytes)> {
    let (length, sum) = (bytes.try_get_u32_le().ok()? as usize, bytes.try_get_u32_le().ok()?);
    if bytes.len() < length {
        return None;
    }
    let mut content = bytes.split_to(length);
    if crc32fast::hash(&content) != sum {
        return None;
    }
    let name = usize::from(content.try_get_u16_le().ok()?);
    if content.len() < name {
        return None;
    }
    let tenant = std::str::from_utf8(&content.split_to(name)).ok()?.to_owned();
    Some((tenant, content))
}
