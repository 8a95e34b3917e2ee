-- What a tenant has that is no record: accounts, clients, grants, sessions, marks of what was used up. Each kind's value
-- is the business of who writes it. Secrets stand here as hashes only.
CREATE TABLE ledger (
  kind    TEXT    NOT NULL,
  key     TEXT    NOT NULL,
  version INTEGER NOT NULL, -- rises by one with each change, so that of two that change it only one does
  expires INTEGER,          -- milliseconds since the epoch; from then on the entry is as good as gone
  value   TEXT    NOT NULL, -- JSON
  PRIMARY KEY (kind, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX ledger_expires ON ledger (expires) WHERE expires IS NOT NULL;
