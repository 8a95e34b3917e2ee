-- Nobody sees another tenant's rows, not even the owner of the tables. The tenant is set for a transaction; where it is
-- not, a statement fails. The query within the policy is run when the first row is looked for, and once.
DO $$
DECLARE
  the regclass;
BEGIN
  FOREACH the IN ARRAY ARRAY['resource', 'history', 'change', 'loaded', 'build', 'definition',
                             'key', 'reference', 'string', 'date', 'number']::regclass[] LOOP
    EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', the);
    EXECUTE format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', the);
    EXECUTE format('CREATE POLICY tenant ON %s USING (tenant = (SELECT current_setting(''medisync.tenant'')::int))', the);
    EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %s TO medisync_data', the);
  END LOOP;
END $$;

-- Ends a statement that finds that it must not go on.
CREATE FUNCTION refuse(code text, said text) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION USING ERRCODE = code, MESSAGE = said;
END $$;
GRANT EXECUTE ON FUNCTION refuse TO medisync_data;

-- Sets the tenant for the rest of a transaction that writes. Index rows that were made by `definitions` are refused if
-- these are others by now: who changes definitions waits for those who write by them, and they for him. What is read
-- here was committed by then, as a volatile function sees more than the statement that calls it. `told` is what other
-- nodes are told of a change of definitions; null: this is none.
CREATE FUNCTION enter(tenant text, definitions bigint, told text) RETURNS int LANGUAGE plpgsql AS $$
DECLARE
  number constant int := tenant::int;
  class constant int := 1802723940;
BEGIN
  PERFORM set_config('medisync.tenant', tenant, true);
  IF told IS NOT NULL THEN
    PERFORM pg_advisory_xact_lock(class, number);
  ELSIF definitions IS NOT NULL THEN
    PERFORM pg_advisory_xact_lock_shared(class, number);
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
GRANT EXECUTE ON FUNCTION enter TO medisync_data;

-- Which migrations were made: a node that may not make any looks whether it has to.
GRANT SELECT ON migration TO medisync_data;
