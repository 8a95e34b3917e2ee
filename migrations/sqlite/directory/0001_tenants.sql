-- Who the tenants are. Knows nothing of their records.
CREATE TABLE tenant (
  name      TEXT PRIMARY KEY,
  created   INTEGER NOT NULL, -- milliseconds since the epoch
  index_key BLOB    NOT NULL, -- keys the hashes of the search index
  page_key  BLOB    NOT NULL, -- signs page links
  token_key BLOB    NOT NULL  -- private key that signs access tokens (PKCS #8)
) STRICT;
