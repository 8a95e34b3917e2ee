-- Schema-based sharding on Citus 12 and later: each tenant with a schema of its own is on one worker, and Citus moves it between
-- workers while it is used. Run on the coordinator, behind `medisync migrate`, as the owner of the schemas:
--
--   psql --file migrations/postgres/citus/0001_distribute.sql, then CALL medisync.distribute()
--
-- What becomes of what there is:
--
--   medisync         stays on the coordinator: who the tenants are, and their jobs. Nothing joins it with records
--   medisync_pool    stays on the coordinator: tenants who are to be sharded are moved out of it first
--                    (`medisync tenant move NAME --to schema`)
--   medisync_t…      becomes a distributed schema, all its tables on one worker
--   reference tables none: no table of records refers to a table outside its own schema
CREATE OR REPLACE FUNCTION medisync.undistributed() RETURNS SETOF name LANGUAGE plpgsql AS $$
BEGIN
  RETURN QUERY
    SELECT n.nspname FROM medisync.tenant t JOIN pg_namespace n ON n.nspname = t.schema
    WHERE t.placement = 'schema' AND t.database IS NULL
      AND NOT EXISTS (SELECT FROM citus_schemas s WHERE s.schema_name = n.oid::regnamespace)
    ORDER BY t.number;
END $$;

-- A schema at a time, each for itself, so that it goes on where it was when it is called again.
CREATE OR REPLACE PROCEDURE medisync.distribute() LANGUAGE plpgsql AS $$
DECLARE
  the name;
BEGIN
  FOR the IN SELECT * FROM medisync.undistributed() LOOP
    PERFORM citus_schema_distribute(quote_ident(the)::regnamespace);
    COMMIT;
  END LOOP;
END $$;
