-- Who the tenants are and where their records are kept. Knows nothing of their records.
CREATE TABLE tenant (
  number    int    GENERATED ALWAYS AS IDENTITY PRIMARY KEY, -- the tenant in every clinical table, wherever it moves
  name      text   COLLATE "C" NOT NULL UNIQUE,
  created   bigint NOT NULL, -- milliseconds since the epoch
  index_key bytea  NOT NULL, -- keys the hashes of the search index
  page_key  bytea  NOT NULL, -- signs page links
  token_key bytea  NOT NULL, -- private key that signs access tokens (PKCS #8)
  placement text   NOT NULL CHECK (placement IN ('pool', 'schema', 'database')),
  schema    text   NOT NULL, -- of the clinical tables
  database  text   CHECK ((placement = 'database') = (database IS NOT NULL)), -- its URL; null: this one
  region    text   -- where the law wants the records kept
);
GRANT SELECT, INSERT, UPDATE, DELETE ON tenant TO medisync_directory;

-- Tells nodes apart that make numbers at the same time: a node takes the next one when it starts.
CREATE SEQUENCE node MINVALUE 0 MAXVALUE 1023 CYCLE;
GRANT USAGE ON SEQUENCE node TO medisync_directory;

GRANT SELECT ON migration TO medisync_directory;
