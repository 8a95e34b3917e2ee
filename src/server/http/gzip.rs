//! gzip both ways (http.html#Compression).

use super::body::too_large;
use ::fhir::{Failure, IssueType, Result};
use axum::body::Bytes;
use flate2::Compression;
use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;
use std::io::{Read, Write};

/// Below this, compression costs more than it saves.
const WORTH_IT: usize = 1024;

/// From this size on, the work is done aside, so that other requests do not wait for it.
const ASIDE: usize = 256 * 1024;

/// Whether an answer of this size is to be compressed for a client that accepts these encodings.
pub fn is_wanted(accepted: Option<&str>, size: usize) -> bool {
    size >= WORTH_IT && accepted.is_some_and(accepts_gzip)
}

/// Whether `Accept-Encoding` names gzip, and not with weight 0 (RFC 9110 section 12.5.3).
fn accepts_gzip(accepted: &str) -> bool {
    accepted.split(',').any(|it| {
        let (coding, weight) = it.split_once(';').unwrap_or((it, ""));
        let is_refused =
            weight.trim().strip_prefix("q=").is_some_and(|it| it.trim().parse::<f32>().is_ok_and(|it| it == 0.0));
        coding.trim().eq_ignore_ascii_case("gzip") && !is_refused
    })
}

/// Compresses an answer.
pub async fn pack(body: Bytes) -> Result<Bytes> {
    aside(body.len(), move || {
        let mut encoder = GzEncoder::new(Vec::with_capacity(body.len() / 4), Compression::fast());
        encoder.write_all(&body)?;
        encoder.finish().map(Bytes::from)
    })
    .await?
    .map_err(Failure::internal)
}

/// Decompresses a request's body, up to a size.
pub async fn unpack(body: Bytes, limit: usize) -> Result<Bytes> {
    aside(body.len().saturating_mul(8), move || {
        let mut unpacked = Vec::with_capacity(body.len().saturating_mul(4).min(limit));
        MultiGzDecoder::new(&body[..])
            .take(limit as u64 + 1)
            .read_to_end(&mut unpacked)
            .map_err(|_| Failure::new(IssueType::Structure, "The body is not valid gzip, as Content-Encoding says."))?;
        if unpacked.len() > limit {
            return Err(too_large("The decompressed body", limit));
        }
        Ok(Bytes::from(unpacked))
    })
    .await?
}

/// Runs work that takes long in proportion to `size`: here, or on a thread of its own.
async fn aside<T: Send + 'static>(size: usize, work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
    if size < ASIDE {
        return Ok(work());
    }
    tokio::task::spawn_blocking(work).await.map_err(Failure::internal)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_packed_unpacks() {
        let text = Bytes::from("Patient ".repeat(100_000));
        let packed = pack(text.clone()).await.unwrap();
        assert!(packed.len() < text.len() / 10);
        assert_eq!(unpack(packed, text.len()).await.unwrap(), text);
    }

    #[tokio::test]
    async fn a_bomb_is_not_unpacked() {
        let packed = pack(Bytes::from(vec![b' '; 10_000])).await.unwrap();
        assert_eq!(unpack(packed, 9_999).await.unwrap_err().status, 413);
        assert_eq!(unpack(Bytes::from_static(b"not gzip"), 100).await.unwrap_err().status, 400);
    }

    #[test]
    fn compresses_for_those_who_ask() {
        assert!(is_wanted(Some("br, gzip;q=0.5"), WORTH_IT) && is_wanted(Some("GZIP"), WORTH_IT));
        assert!(
            !is_wanted(Some("gzip;q=0"), WORTH_IT) && !is_wanted(Some("br"), WORTH_IT) && !is_wanted(None, WORTH_IT)
        );
        assert!(!is_wanted(Some("gzip"), WORTH_IT - 1));
    }
}
