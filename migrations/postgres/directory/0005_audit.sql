-- Where each tenant's audit log was lately, signed with the tenant's key: a log that was cut short does not come so far.
CREATE TABLE audit_head (
  tenant    int    PRIMARY KEY REFERENCES tenant (number) ON DELETE CASCADE,
  number    bigint NOT NULL, -- the last row's
  events    bigint NOT NULL, -- how many events there were
  hash      bytea  NOT NULL, -- the last row's
  at        bigint NOT NULL, -- milliseconds since the epoch
  signature bytea  NOT NULL
);
-- A head is never taken away: no right to delete.
GRANT SELECT, INSERT, UPDATE ON audit_head TO medisync_directory;
