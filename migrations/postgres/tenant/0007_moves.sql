-- Moves of tenants from one placement to another (docs/operator.md#placements).

-- Tenants whose records moved away: every statement on them is refused here, so that a node that has not heard of it
-- neither writes nor reads what does not count any more.
CREATE TABLE closed (
  tenant  int    PRIMARY KEY,
  attempt bigint NOT NULL -- of the directory: whoever opens it again has a later one
);

-- Tenants that are moving here, and how far their copy has come.
CREATE TABLE arriving (
  tenant    int    PRIMARY KEY,
  residence bigint NOT NULL, -- which of the tenant's residences it is copied from
  seen      pg_snapshot NOT NULL, -- there, what was visible then is in the copy once `rid` is at the end
  rid       bigint NOT NULL, -- resources up to this one are copied
  tx        bigint NOT NULL, -- the change log is copied up to this transaction
  seq       bigint NOT NULL  -- and this place
);

-- Tenants that are being copied elsewhere.
CREATE TABLE leaving (
  tenant int PRIMARY KEY
);

-- Resources whose index rows were made anew meanwhile: the change log has nothing of it.
CREATE TABLE reindexed (
  tenant int    NOT NULL,
  rid    bigint NOT NULL,
  tx     xid8   NOT NULL,
  PRIMARY KEY (tenant, rid)
);

-- As of the other tables (0003_isolation.sql).
DO $$
DECLARE
  the regclass;
BEGIN
  FOREACH the IN ARRAY ARRAY['closed', 'arriving', 'leaving', 'reindexed']::regclass[] LOOP
    EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', the);
    EXECUTE format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', the);
    EXECUTE format('CREATE POLICY tenant ON %s USING (tenant = (SELECT current_setting(''medisync.tenant'')::int))', the);
    EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %s TO medisync_data', the);
  END LOOP;
END $$;
