-- What a tenant has that is no record: accounts, clients, grants, sessions, marks of what was used up. Each kind's value
-- is the business of who writes it. Secrets stand here as hashes only.
CREATE TABLE ledger (
  tenant  int    NOT NULL,
  kind    text   COLLATE "C" NOT NULL,
  key     text   COLLATE "C" NOT NULL,
  version bigint NOT NULL, -- rises by one with each change, so that of two that change it only one does
  expires bigint,          -- milliseconds since the epoch; from then on the entry is as good as gone
  value   text   NOT NULL, -- JSON
  PRIMARY KEY (tenant, kind, key)
);
CREATE INDEX ledger_expires ON ledger (tenant, expires) WHERE expires IS NOT NULL;

-- As of the other tables (0003_isolation.sql).
ALTER TABLE ledger ENABLE ROW LEVEL SECURITY;
ALTER TABLE ledger FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON ledger USING (tenant = (SELECT current_setting('medisync.tenant')::int));
GRANT SELECT, INSERT, UPDATE, DELETE ON ledger TO medisync_data;
