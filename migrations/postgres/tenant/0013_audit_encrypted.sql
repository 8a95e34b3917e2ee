-- Events are encrypted by the tenant's key (docs/decisions/0024-keys.md). A server of the version before takes what is for changed, and
-- would seal it so for ever: what it calls is refused where such rows are among those that it would seal, and one of this version seals them.
ALTER FUNCTION audit_seal RENAME TO audit_seal_rows;

CREATE FUNCTION audit_seal(keys bigint[], first bigint, final bigint, earlier bigint, total bigint, oldest bigint, newest bigint,
  low bigint, high bigint, before bytea, mac bytea, seal bytea, body bytea)
  RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
  -- How what is encrypted begins, and no event: its place would be from before there were any.
  IF EXISTS (SELECT FROM audit_row r WHERE r.number BETWEEN first AND final AND substr(r.body, 1, 5) = '\x0100000000') THEN
    PERFORM refuse('MS003', 'encrypted');
  END IF;
  RETURN audit_seal_rows(keys, first, final, earlier, total, oldest, newest, low, high, before, mac, seal, body);
END $$;
REVOKE ALL ON FUNCTION audit_seal FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit_seal TO medisync_data;
