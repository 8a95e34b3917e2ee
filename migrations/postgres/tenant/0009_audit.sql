-- The audit log (docs/decisions/0021-audit.md).

-- Events as they were written. Some time later they go into a row.
CREATE TABLE audit_new (
  tenant int    NOT NULL,
  place  bigint NOT NULL, -- the first event's
  mac    bytea  NOT NULL, -- keyed hash of it
  body   bytea  NOT NULL, -- the events that one statement wrote
  PRIMARY KEY (tenant, place)
);

-- The chain.
CREATE TABLE audit_row (
  tenant int    NOT NULL,
  number bigint NOT NULL, -- counted from 1 without a gap
  total  bigint NOT NULL, -- how many events there are up to its end
  newest bigint NOT NULL, -- the greatest place of an event
  low    bigint NOT NULL, -- the times of the earliest event and the latest, in milliseconds since the epoch
  high   bigint NOT NULL,
  mac    bytea  NOT NULL, -- keyed hash of the row and of the one before
  body   bytea  NOT NULL,
  PRIMARY KEY (tenant, number)
);

-- Rows that were sealed. Once their time is over all of it stays but the body.
CREATE TABLE audit_block (
  tenant  int    NOT NULL,
  number  bigint NOT NULL, -- of its first row
  last    bigint NOT NULL, -- of its last row
  earlier bigint NOT NULL, -- how many events there are before its first row
  total   bigint NOT NULL, -- and up to the end of its last
  oldest  bigint NOT NULL, -- the least place of an event
  newest  bigint NOT NULL,
  low     bigint NOT NULL,
  high    bigint NOT NULL,
  before  bytea  NOT NULL, -- hash of the row before its first
  mac     bytea  NOT NULL, -- hash of its last row
  seal    bytea  NOT NULL, -- keyed hash of all of it
  body    bytea  NOT NULL, -- the rows' bodies, compressed
  PRIMARY KEY (tenant, number)
);
ALTER TABLE audit_block ALTER body SET STORAGE EXTERNAL;
CREATE INDEX audit_block_newest ON audit_block (tenant, newest);

-- Which blocks have events of a key: keyed hashes of keys.
CREATE TABLE audit_key (
  tenant int    NOT NULL,
  hash   bigint NOT NULL,
  block  bigint NOT NULL,
  PRIMARY KEY (tenant, hash, block)
);

-- As of the other tables (0003_isolation.sql), but that nobody has the right to change or to take away: what has to be done,
-- the functions below do with their owner's rights, and nothing else.
DO $$
DECLARE
  the regclass;
BEGIN
  FOREACH the IN ARRAY ARRAY['audit_new', 'audit_row', 'audit_block', 'audit_key']::regclass[] LOOP
    EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', the);
    EXECUTE format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', the);
    EXECUTE format('CREATE POLICY tenant ON %s USING (tenant = (SELECT current_setting(''medisync.tenant'')::int))', the);
    EXECUTE format('GRANT SELECT, INSERT ON %s TO medisync_data', the);
  END LOOP;
END $$;
DO $$ BEGIN
  ALTER TABLE audit_new ALTER body SET COMPRESSION lz4;
  ALTER TABLE audit_row ALTER body SET COMPRESSION lz4;
EXCEPTION WHEN feature_not_supported THEN NULL;
END $$;

-- The tenant of the transaction. An owner who may pass row-level security by is held to it as well.
CREATE FUNCTION audit_tenant() RETURNS int LANGUAGE sql STABLE AS $$ SELECT current_setting('medisync.tenant')::int $$;

-- Puts what was written into a new row, all of it or nothing.
CREATE FUNCTION audit_chain(places bigint[], number bigint, total bigint, newest bigint, low bigint, high bigint, mac bytea,
  body bytea) RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
  gone bigint;
BEGIN
  DELETE FROM audit_new n WHERE n.tenant = audit_tenant() AND n.place = ANY (places);
  GET DIAGNOSTICS gone = ROW_COUNT;
  IF gone <> cardinality(places) THEN
    PERFORM refuse('MS003', 'overtaken');
  END IF;
  INSERT INTO audit_row VALUES (audit_tenant(), number, total, newest, low, high, mac, body);
  RETURN true;
END $$;

-- Puts a block in the place of its rows, all of them.
CREATE FUNCTION audit_seal(keys bigint[], first bigint, final bigint, earlier bigint, total bigint, oldest bigint, newest bigint,
  low bigint, high bigint, before bytea, mac bytea, seal bytea, body bytea)
  RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
  gone bigint;
BEGIN
  DELETE FROM audit_row r WHERE r.tenant = audit_tenant() AND r.number BETWEEN first AND final;
  GET DIAGNOSTICS gone = ROW_COUNT;
  IF gone <> final - first + 1 THEN
    PERFORM refuse('MS003', 'overtaken');
  END IF;
  INSERT INTO audit_block
    VALUES (audit_tenant(), first, final, earlier, total, oldest, newest, low, high, before, mac, seal, body);
  INSERT INTO audit_key SELECT audit_tenant(), k.hash, first FROM unnest(keys) AS k(hash);
  RETURN true;
END $$;

-- Drops the events of a block whose time is over. That they were there stays, with the seal of what stays.
CREATE FUNCTION audit_drop(keys bigint[], first bigint, new_seal bytea)
  RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
  UPDATE audit_block b SET seal = new_seal, body = '' WHERE b.tenant = audit_tenant() AND b.number = first;
  DELETE FROM audit_key k WHERE k.tenant = audit_tenant() AND k.block = first AND k.hash = ANY (keys);
  RETURN true;
END $$;

-- Takes the copy of a log away where the tenant is not served from: of one that is moving here, or that moved away. `blocks`
-- are the numbers of those that go; null: some thousand rows of each table. How many rows went.
CREATE FUNCTION audit_clear(blocks bigint[])
  RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
  part bigint;
  gone bigint := 0;
  the text;
BEGIN
  IF NOT EXISTS (SELECT FROM arriving a WHERE a.tenant = audit_tenant())
    AND NOT EXISTS (SELECT FROM closed c WHERE c.tenant = audit_tenant()) THEN
    RAISE EXCEPTION 'the audit log of a tenant that is served from here stays';
  END IF;
  IF blocks IS NOT NULL THEN
    DELETE FROM audit_new n WHERE n.tenant = audit_tenant();
    DELETE FROM audit_row r WHERE r.tenant = audit_tenant();
    DELETE FROM audit_block b WHERE b.tenant = audit_tenant() AND b.number = ANY (blocks);
    DELETE FROM audit_key k WHERE k.tenant = audit_tenant() AND cardinality(blocks) > 0 AND k.block = ANY (blocks);
    RETURN 0;
  END IF;
  FOREACH the IN ARRAY ARRAY['audit_new', 'audit_row', 'audit_key', 'audit_block'] LOOP
    EXECUTE format('DELETE FROM %1$I WHERE ctid = ANY (ARRAY(SELECT ctid FROM %1$I WHERE tenant = audit_tenant() LIMIT 5000))', the);
    GET DIAGNOSTICS part = ROW_COUNT;
    gone := gone + part;
  END LOOP;
  RETURN gone;
END $$;

REVOKE ALL ON FUNCTION audit_chain, audit_seal, audit_drop, audit_clear FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit_tenant, audit_chain, audit_seal, audit_drop, audit_clear TO medisync_data;
