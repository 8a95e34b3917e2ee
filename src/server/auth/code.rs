//! Authorization codes: short-lived, known by a random text whose hash is kept.

use super::grant::Grant;
use super::kept::Kept;
use super::launch::Scene;
use serde::{Deserialize, Serialize};

/// How long a used code is remembered, in milliseconds: whoever brings it again has stolen it, or was stolen from.
pub const USED: i64 = 10 * 60 * 1000;

/// An authorization code.
#[derive(Clone, Serialize, Deserialize)]
pub struct Code {
    /// What it is exchanged for.
    pub grant: Grant,
    /// Where it was sent.
    pub redirect_uri: String,
    /// PKCE's challenge, S256.
    pub challenge: String,
    /// The nonce of the id token.
    pub nonce: Option<String>,
    /// What the app is told of its surroundings.
    #[serde(default)]
    pub scene: Scene,
    /// The grant that it was exchanged for.
    pub used_for: Option<String>,
}

impl Kept for Code {
    const KIND: &'static str = "code";
}
