-- Whose records a place has: installations number their tenants alike, and may be given the same database
-- (docs/decisions/0017-placements.md). Marked when the place is opened or copied to, looked at before anything is taken away.
CREATE TABLE resident (
  tenant       int  PRIMARY KEY,
  installation uuid NOT NULL -- of the directory that numbered the tenant
);
ALTER TABLE resident ENABLE ROW LEVEL SECURITY;
ALTER TABLE resident FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON resident USING (tenant = (SELECT current_setting('medisync.tenant')::int));
GRANT SELECT, INSERT, DELETE ON resident TO medisync_data;

-- Who makes the copy: of the directory, as in `closed`. A mover who was overtaken writes no more.
ALTER TABLE arriving ADD attempt bigint NOT NULL DEFAULT 0;
