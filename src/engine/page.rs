//! Page tokens: where a result goes on, signed, and bound to the tenant, the caller and the query. What a result is ordered by, such as a
//! name, stands in them, and addresses are logged on their way: so they are encrypted as well.

use crate::Context;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use fhir::search::ParamId;
use fhir::{Failure, IssueType, Result};
use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};
use store::{Position, SortValue};

/// Bytes of the signature that a token carries: 128 bits.
const SIGNATURE: usize = 16;

/// The page of a result that a link leads to.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Turn {
    /// What comes behind the position.
    After(Position),
    /// What ends before it.
    Before(Position),
    /// The end of the result: of the order that ends at this position, where the store took one itself.
    Last(Option<Position>),
}

impl Turn {
    /// The position that the page borders on.
    pub(crate) fn position(self) -> Option<Position> {
        match self {
            Turn::After(position) | Turn::Before(position) => Some(position),
            Turn::Last(end) => end,
        }
    }
}

/// A token for `turn` in the answer to `query`, the relative URL of its first page.
pub(crate) fn seal(ctx: &Context, query: &str, turn: &Turn) -> String {
    let mut bytes = write(turn);
    let signature = sign(ctx, query, &bytes);
    veil(ctx, &signature, &mut bytes);
    bytes.extend_from_slice(&signature);
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The turn in a token; fails unless it was made for this tenant, caller and query.
pub(crate) fn open(ctx: &Context, query: &str, token: &str) -> Result<Turn> {
    let refused = || {
        let told = "The page link is not valid: it was made for another query or caller, or was changed. Search again.";
        Failure::new(IssueType::Invalid, told)
    };
    let mut bytes = URL_SAFE_NO_PAD.decode(token).map_err(|_| refused())?;
    let end = bytes.len().saturating_sub(SIGNATURE);
    let (turn, signature) = bytes.split_at_mut_checked(end).ok_or_else(refused)?;
    veil(ctx, signature, turn);
    mac(ctx, query, turn).verify_truncated_left(signature).map_err(|_| refused())?;
    if signature.len() != SIGNATURE {
        return Err(refused());
    }
    read(turn).ok_or_else(refused)
}

/// Encrypts what was signed, and decrypts it: by a stream that the key makes of the signature, so that no two texts have the same
/// (a synthetic initialization vector, as in RFC 5297).
fn veil(ctx: &Context, signature: &[u8], turn: &mut [u8]) {
    for (block, part) in turn.chunks_mut(Sha256::output_size()).enumerate() {
        let mut stream = keyed(ctx);
        // Nothing that is signed begins so: no part is that long.
        stream.update(&u64::MAX.to_le_bytes());
        stream.update(&(block as u64).to_le_bytes());
        stream.update(signature);
        for (byte, key) in part.iter_mut().zip(stream.finalize().into_bytes()) {
            *byte ^= key;
        }
    }
}

fn keyed(ctx: &Context) -> Hmac<Sha256> {
    let key = &ctx.tenant.secrets().page_key;
    <Hmac<Sha256> as Mac>::new_from_slice(key).unwrap_or_else(|_| unreachable!("HMAC takes any key"))
}

fn mac(ctx: &Context, query: &str, turn: &[u8]) -> Hmac<Sha256> {
    let mut mac = keyed(ctx);
    for part in [ctx.tenant.name().as_bytes(), ctx.caller.subject.as_bytes(), query.as_bytes(), turn] {
        mac.update(&(part.len() as u64).to_le_bytes());
        mac.update(part);
    }
    mac
}

fn sign(ctx: &Context, query: &str, turn: &[u8]) -> Vec<u8> {
    mac(ctx, query, turn).finalize().into_bytes()[..SIGNATURE].to_vec()
}

/// A letter for the turn, then the row, the parameter that the order goes along, and each sort value, each with a letter
/// for its kind.
fn write(turn: &Turn) -> Vec<u8> {
    let (letter, position) = match turn {
        Turn::After(position) => (b'a', position),
        Turn::Before(position) => (b'b', position),
        Turn::Last(Some(end)) => (b'l', end),
        Turn::Last(None) => return vec![b'l'],
    };
    let mut out = vec![letter];
    out.extend_from_slice(&position.row.to_le_bytes());
    if let Some(param) = position.along {
        out.push(b'p');
        out.extend_from_slice(&param.0.to_le_bytes());
    }
    for value in &position.values {
        match value {
            SortValue::Missing => out.push(b'm'),
            SortValue::Int(it) => {
                out.push(b'i');
                out.extend_from_slice(&it.to_le_bytes());
            }
            SortValue::Real(it) => {
                out.push(b'r');
                out.extend_from_slice(&it.to_le_bytes());
            }
            SortValue::Text(it) => {
                out.push(b't');
                out.extend_from_slice(&(it.len() as u32).to_le_bytes());
                out.extend_from_slice(it.as_bytes());
            }
        }
    }
    out
}

fn read(mut bytes: &[u8]) -> Option<Turn> {
    let turn: fn(Position) -> Turn = match take(&mut bytes)? {
        [b'a'] => Turn::After,
        [b'b'] => Turn::Before,
        [b'l'] if bytes.is_empty() => return Some(Turn::Last(None)),
        [b'l'] => |end| Turn::Last(Some(end)),
        _ => return None,
    };
    let row = i64::from_le_bytes(take(&mut bytes)?);
    let mut along = None;
    if let Some(rest) = bytes.strip_prefix(b"p") {
        bytes = rest;
        along = Some(ParamId(u64::from_le_bytes(take(&mut bytes)?)));
    }
    let mut values = Vec::new();
    while !bytes.is_empty() {
        let [kind] = take(&mut bytes)?;
        values.push(match kind {
            b'm' => SortValue::Missing,
            b'i' => SortValue::Int(i64::from_le_bytes(take(&mut bytes)?)),
            b'r' => SortValue::Real(f64::from_le_bytes(take(&mut bytes)?)),
            b't' => {
                let length = u32::from_le_bytes(take(&mut bytes)?) as usize;
                let (text, rest) = bytes.split_at_checked(length)?;
                bytes = rest;
                SortValue::Text(String::from_utf8(text.to_vec()).ok()?)
            }
            _ => return None,
        });
    }
    Some(turn(Position { values, row, along }))
}

fn take<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    let (head, rest) = bytes.split_first_chunk::<N>()?;
    *bytes = rest;
    Some(*head)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turns_survive() {
        let values = vec![SortValue::Missing, SortValue::Int(-7), SortValue::Real(5.4), SortValue::Text("é".into())];
        let position = Position { values, row: 42, along: None };
        let along = Position { along: Some(ParamId::of("Observation", "subject")), ..position.clone() };
        for turn in [
            Turn::After(position.clone()),
            Turn::Before(position),
            Turn::After(along.clone()),
            Turn::Last(along.end()),
            Turn::Last(None),
        ] {
            assert_eq!(read(&write(&turn)), Some(turn));
        }
        assert_eq!(read(b"short"), None);
    }
}
