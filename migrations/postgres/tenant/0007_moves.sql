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

-- Sets the tenant as before (0003_isolation.sql), and refuses one whose records moved away. Every writer shares the lock: whoever
-- moves the tenant elsewhere takes it alone for the last changes, and who comes after that finds the place closed.
CREATE OR REPLACE FUNCTION enter(tenant text, definitions bigint, told text) RETURNS int LANGUAGE plpgsql AS $$
DECLARE
  number constant int := tenant::int;
  class constant int := 1802723940;
BEGIN
  PERFORM set_config('medisync.tenant', tenant, true);
  IF told IS NOT NULL THEN
    PERFORM pg_advisory_xact_lock(class, number);
  ELSE
    PERFORM pg_advisory_xact_lock_shared(class, number);
  END IF;
  IF EXISTS (SELECT FROM closed) THEN
    PERFORM refuse('MS005', 'moved');
  END IF;
  IF definitions <> coalesce((SELECT d.number FROM definition d), 0) THEN
    PERFORM refuse('MS004', 'definitions');
  END IF;
  IF told IS NOT NULL THEN
    INSERT INTO definition AS d VALUES (number, 1) ON CONFLICT ON CONSTRAINT definition_pkey DO UPDATE SET number = d.number + 1;
    PERFORM pg_notify('medisync', told);
  END IF;
  RETURN number;
END $$;
