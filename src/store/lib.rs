//! What we keep, one tenant at a time. Alone knows SQL.
