-- What a server wrote and read that knew the directory's migration 1 and those of records up to 6: the first requests of a
-- tenant, as PostgreSQL logged them (`log_statement = all`) for PUT, GET, DELETE, a search and a history of six Patients. Parts are
-- separated by lines of `--`, and `-- rows: N` says what a statement then found.
--
-- How its sessions begin, and what it asks of the directory; `$1` is the tenant's name.
SET ROLE medisync_directory; SET search_path = "medisync";
--
SET ROLE medisync_data; SET search_path = "medisync_pool"; SET join_collapse_limit = 1; SET from_collapse_limit = 1;
SET enable_hashjoin = off; SET enable_mergejoin = off; SET enable_seqscan = off; SET plan_cache_mode = force_generic_plan; SET jit = off;
--
INSERT INTO tenant (name, created, index_key, page_key, token_key, placement, schema)
VALUES ($1, 1795241825000, '\x73041a5c06db2567b1184e5ab0cd44e9', '\x5b8aa02542be4e7456a135c496e8027f0bd62847d7bdba31e960401afa7ee08b', '\x00', 'pool', 'medisync_pool') ON CONFLICT (name) DO NOTHING;
--
SELECT name, number, index_key, page_key, token_key, database, schema FROM tenant WHERE name = $1;
--
PREPARE previous_read (text, bigint) AS
SELECT q.* FROM (SELECT set_config('medisync.tenant', $1, true) OFFSET 0) t CROSS JOIN LATERAL (SELECT r.type, r.id, r.version, r.updated, r.method, r.body, r.rid FROM resource r WHERE r.rkey = $2) q;
--
PREPARE previous_create (text, bigint, bigint[], bigint[], bigint[], bigint[], bigint[], smallint[], text[], text[], int[], int[], bytea[], bigint[], bigint[], bigint[], bigint[], bigint[], bigint[], text[], text[], bigint[], bigint[], bigint[], bigint[], bigint[], bigint[], float8[], float8[], bigint[], bigint, text) AS
WITH t AS MATERIALIZED (SELECT enter($1, $31, $32) AS id), written AS (
  INSERT INTO resource (tenant, edition, rid, rkey, version, updated, method, type, id, keys, body)
  SELECT t.id, 1, u.number, u.rkey, u.version, $2, u.method, u.type, u.id, ($3::bigint[])[u.first:u.last], u.body
  FROM t CROSS JOIN unnest($4::bigint[], $5::bigint[], $7::bigint[], $8::smallint[], $9::text[], $10::text[], $11::int[],
    $12::int[], $13::bytea[]) AS u(number, rkey, version, method, type, id, first, last, body)
), new_key AS (
  INSERT INTO key (tenant, key, rid) SELECT t.id, k.key, u.number
  FROM t CROSS JOIN unnest($4::bigint[], $11::int[], $12::int[]) AS u(number, first, last)
  CROSS JOIN LATERAL unnest(($3::bigint[])[u.first:u.last]) AS k(key)
), new_change AS (
  INSERT INTO change (tenant, seq, rid, version, updated, type)
  SELECT t.id, u.number, u.number, u.version, $2, u.type
  FROM t CROSS JOIN unnest($4::bigint[], $7::bigint[], $9::text[]) AS u(number, version, type)
), new_reference AS (
  INSERT INTO reference (tenant, rid, param, target) SELECT t.id, u.* FROM t CROSS JOIN unnest($14::bigint[], $15::bigint[], $16::bigint[]) u
), new_string AS (
  INSERT INTO string (tenant, rid, param, exact, norm, whole) SELECT t.id, u.* FROM t CROSS JOIN unnest($17::bigint[], $18::bigint[], $19::bigint[], $20::text[], $21::text[]) u
), new_date AS (
  INSERT INTO date (tenant, rid, slot, low, high) SELECT t.id, u.* FROM t CROSS JOIN unnest($22::bigint[], $23::bigint[], $24::bigint[], $25::bigint[]) u
), new_number AS (
  INSERT INTO number (tenant, rid, slot, low, high) SELECT t.id, u.* FROM t CROSS JOIN unnest($26::bigint[], $27::bigint[], $28::float8[], $29::float8[]) u
) SELECT id FROM t;
--
PREPARE previous_change (text, bigint, bigint[], bigint[], bigint[], bigint[], bigint[], smallint[], text[], text[], int[], int[], bytea[], bigint[], bigint[], bigint[], bigint[], bigint[], bigint[], text[], text[], bigint[], bigint[], bigint[], bigint[], bigint[], bigint[], float8[], float8[], bigint[], bigint, text) AS
WITH t AS MATERIALIZED (SELECT enter($1, $31, $32) AS id), p AS MATERIALIZED (
  SELECT u.n, u.number, coalesce(r.rid, u.number) AS rid, r.rid IS NOT NULL AS is_there, coalesce(r.edition + 1, 1) AS edition,
    r.version AS old_version, r.updated AS old_updated, r.method AS old_method, r.keys AS old_keys, r.body AS old_body, u.rkey, u.expect, u.version,
    u.method, u.type, u.id, ($3::bigint[])[u.first:u.last] AS keys, u.body
  FROM t CROSS JOIN unnest($4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[], $8::smallint[], $9::text[], $10::text[],
    $11::int[], $12::int[], $13::bytea[]) WITH ORDINALITY
    AS u(number, rkey, expect, version, method, type, id, first, last, body, n)
  LEFT JOIN LATERAL (SELECT * FROM resource WHERE rkey = u.rkey AND version = u.expect AND t.id IS NOT NULL OFFSET 0) r ON true
), written AS (
  INSERT INTO resource (tenant, edition, rid, rkey, version, updated, method, type, id, keys, body)
  SELECT t.id, p.edition, p.rid, p.rkey, p.version, $2, p.method, p.type, p.id, p.keys, p.body FROM t CROSS JOIN p
  WHERE p.is_there OR p.expect = 0 ORDER BY p.n
  ON CONFLICT (tenant, rid) DO UPDATE SET edition = excluded.edition, version = excluded.version,
    updated = excluded.updated, method = excluded.method, keys = excluded.keys, body = excluded.body
  WHERE resource.edition = excluded.edition - 1
  RETURNING rid
), superseded AS (
  INSERT INTO history (tenant, rid, version, updated, method, body)
  SELECT t.id, p.rid, p.old_version, p.old_updated, p.old_method, p.old_body FROM t CROSS JOIN p WHERE p.is_there
), new_change AS (
  INSERT INTO change (tenant, seq, rid, version, updated, type)
  SELECT t.id, p.number, p.rid, p.version, $2, p.type FROM t CROSS JOIN p
), rids AS MATERIALIZED (SELECT array_agg(rid ORDER BY n) AS every FROM p)
, references_now AS MATERIALIZED (
  SELECT * FROM (SELECT (SELECT every FROM rids)[u.n] AS rid, u.param, u.target
    FROM unnest($14::bigint[], $15::bigint[], $16::bigint[]) AS u(n, param, target)) u WHERE rid IS NOT NULL
), strings_now AS MATERIALIZED (
  SELECT * FROM (SELECT (SELECT every FROM rids)[u.n] AS rid, u.param, u.exact, u.norm, u.whole
    FROM unnest($17::bigint[], $18::bigint[], $19::bigint[], $20::text[], $21::text[]) AS u(n, param, exact, norm, whole)) u
  WHERE rid IS NOT NULL
), dates_now AS MATERIALIZED (
  SELECT * FROM (SELECT (SELECT every FROM rids)[u.n] AS rid, u.slot, u.low, u.high
    FROM unnest($22::bigint[], $23::bigint[], $24::bigint[], $25::bigint[]) AS u(n, slot, low, high)) u WHERE rid IS NOT NULL
), numbers_now AS MATERIALIZED (
  SELECT * FROM (SELECT (SELECT every FROM rids)[u.n] AS rid, u.slot, u.low, u.high
    FROM unnest($26::bigint[], $27::bigint[], $28::float8[], $29::float8[]) AS u(n, slot, low, high)) u WHERE rid IS NOT NULL
), new_key AS (
  INSERT INTO key (tenant, key, rid) SELECT t.id, k.key, p.rid FROM t CROSS JOIN p
  CROSS JOIN LATERAL (SELECT unnest(p.keys) EXCEPT SELECT unnest(p.old_keys)) AS k(key)
  WHERE p.rid IS NOT NULL ON CONFLICT DO NOTHING
), new_reference AS (
  INSERT INTO reference (tenant, rid, param, target) SELECT t.id, u.* FROM t CROSS JOIN references_now u ON CONFLICT DO NOTHING
), new_string AS (
  INSERT INTO string (tenant, rid, param, exact, norm, whole) SELECT t.id, u.* FROM t CROSS JOIN strings_now u ON CONFLICT DO NOTHING
), new_date AS (
  INSERT INTO date (tenant, rid, slot, low, high) SELECT t.id, u.* FROM t CROSS JOIN dates_now u ON CONFLICT DO NOTHING
), new_number AS (
  INSERT INTO number (tenant, rid, slot, low, high) SELECT t.id, u.* FROM t CROSS JOIN numbers_now u ON CONFLICT DO NOTHING
) SELECT CASE WHEN (SELECT count(*) FROM written) < (SELECT count(*) FROM p) THEN refuse('MS001', 'conflict') WHEN (SELECT max(old_updated) FROM p) >= $2 THEN refuse('MS002', (SELECT max(old_updated)::text FROM p)) ELSE take_back(
  ARRAY(SELECT k.ctid FROM t CROSS JOIN p
    CROSS JOIN LATERAL (SELECT unnest(p.old_keys) EXCEPT SELECT unnest(p.keys)) AS g(key)
    CROSS JOIN LATERAL (SELECT ctid FROM key WHERE key = g.key AND rid = p.rid AND t.id IS NOT NULL OFFSET 0) k
    WHERE p.is_there),
  ARRAY(SELECT i.ctid FROM t CROSS JOIN p
    CROSS JOIN LATERAL (SELECT ctid, * FROM reference WHERE rid = p.rid AND t.id IS NOT NULL OFFSET 0) i
    WHERE p.is_there AND (i.rid, i.param, i.target) NOT IN (SELECT rid, param, target FROM references_now)),
  ARRAY(SELECT i.ctid FROM t CROSS JOIN p
    CROSS JOIN LATERAL (SELECT ctid, * FROM string WHERE rid = p.rid AND t.id IS NOT NULL OFFSET 0) i
    WHERE p.is_there AND (i.rid, i.param, i.exact) NOT IN (SELECT rid, param, exact FROM strings_now)),
  ARRAY(SELECT i.ctid FROM t CROSS JOIN p
    CROSS JOIN LATERAL (SELECT ctid, * FROM date WHERE rid = p.rid AND t.id IS NOT NULL OFFSET 0) i
    WHERE p.is_there AND i.slot <> ALL ($30::bigint[])
      AND (i.rid, i.slot, i.low, i.high) NOT IN (SELECT rid, slot, low, high FROM dates_now)),
  ARRAY(SELECT i.ctid FROM t CROSS JOIN p
    CROSS JOIN LATERAL (SELECT ctid, * FROM number WHERE rid = p.rid AND t.id IS NOT NULL OFFSET 0) i
    WHERE p.is_there AND (i.rid, i.slot, i.low, i.high) NOT IN (SELECT rid, slot, low, high FROM numbers_now))) END;
--
PREPARE previous_count (text, bigint, text, text, bigint) AS
SELECT q.* FROM (SELECT set_config('medisync.tenant', $1, true) OFFSET 0) t CROSS JOIN LATERAL (SELECT (SELECT count(*) FROM (SELECT 1 AS found FROM (SELECT rid FROM string WHERE param = $2 AND norm >= $3 AND norm < $4) d LIMIT $5 + 0) l)) q;
--
PREPARE previous_search (text, bigint, text, text, bigint) AS
SELECT q.* FROM (SELECT set_config('medisync.tenant', $1, true) OFFSET 0) t CROSS JOIN LATERAL (SELECT r.type, r.id, r.version, r.updated, r.method, r.body, p.* FROM (SELECT DISTINCT d.rid AS rid FROM (SELECT rid FROM string WHERE param = $2 AND norm >= $3 AND norm < $4) d WHERE true ORDER BY rid LIMIT $5 + 0) p CROSS JOIN LATERAL (SELECT * FROM resource r WHERE r.rid = p.rid OFFSET 0) r ORDER BY p.rid) q;
--
PREPARE previous_history (text, bigint, text, text, bigint, text, text, bigint) AS
SELECT q.* FROM (SELECT set_config('medisync.tenant', $1, true) OFFSET 0) t CROSS JOIN LATERAL (SELECT r.type, r.id, c.version, c.updated, coalesce(h.method, r.method), coalesce(h.body, r.body), c.seq FROM (SELECT updated * 1000000 + version AS seq, rid, version, updated FROM resource WHERE rkey = $2 AND type = $3 AND id = $4 UNION ALL SELECT o.updated * 1000000 + o.version, o.rid, o.version, o.updated FROM resource n CROSS JOIN LATERAL (SELECT * FROM history o WHERE o.rid = n.rid OFFSET 0) o WHERE n.rkey = $5 AND n.type = $6 AND n.id = $7) c CROSS JOIN LATERAL (SELECT * FROM resource r WHERE r.rid = c.rid OFFSET 0) r LEFT JOIN history h ON h.rid = c.rid AND h.version = c.version WHERE true ORDER BY c.seq DESC LIMIT $8 + 0) q;
--
PREPARE previous_history_count (text, bigint, text, text, bigint, text, text) AS
SELECT q.* FROM (SELECT set_config('medisync.tenant', $1, true) OFFSET 0) t CROSS JOIN LATERAL (SELECT count(*) FROM (SELECT updated * 1000000 + version AS seq, rid, version, updated FROM resource WHERE rkey = $2 AND type = $3 AND id = $4 UNION ALL SELECT o.updated * 1000000 + o.version, o.rid, o.version, o.updated FROM resource n CROSS JOIN LATERAL (SELECT * FROM history o WHERE o.rid = n.rid OFFSET 0) o WHERE n.rkey = $5 AND n.type = $6 AND n.id = $7) c WHERE true) q;
-- rows: 0
EXECUTE previous_read ('1', '5917690233613041627');
-- rows: 1
EXECUTE previous_create ('1', '1795241934607', '{-6120897108078240283,-1555082292003980654,-804453715359222569,7297898943385995981,9090916424919556449}', '{911863225702686720}', '{5917690233613041627}', '{0}', '{1}', '{2}', '{Patient}', '{p0}', '{1}', '{5}', '{"\\x7b227265736f7572636554797065223a2250617469656e74222c226964223a227030222c226d657461223a7b2276657273696f6e4964223a2231222c226c61737455706461746564223a22323032362d31312d32315430363a31383a35342e3630375a227d2c226e616d65223a5b7b2266616d696c79223a224f6c64227d5d2c22626972746844617465223a2231393830227d"}', '{}', '{}', '{}', '{911863225702686720,911863225702686720,911863225702686720}', '{1417936408,1539227075,3255046643}', '{3675902344388414596,3675902344388414596,3675902344388414596}', '{old,old,old}', '{NULL,NULL,NULL}', '{911863225702686720,911863225702686720}', '{5839771505,3160234828}', '{315532800000000,1795241934607000}', '{347155199999999,1795241934607999}', '{}', '{}', '{}', '{}', '{}', '0', NULL);
-- rows: 1
EXECUTE previous_read ('1', '5917690233613041627');
-- rows: 0
EXECUTE previous_read ('1', '-7170291485057883359');
-- rows: 1
EXECUTE previous_create ('1', '1795241934612', '{-6120897108078240283,-1555082292003980654,-804453715359222569,7297898943385995981,9090916424919556449}', '{911863225723658240}', '{-7170291485057883359}', '{0}', '{1}', '{2}', '{Patient}', '{p1}', '{1}', '{5}', '{"\\x7b227265736f7572636554797065223a2250617469656e74222c226964223a227031222c226d657461223a7b2276657273696f6e4964223a2231222c226c61737455706461746564223a22323032362d31312d32315430363a31383a35342e3631325a227d2c226e616d65223a5b7b2266616d696c79223a224f6c64227d5d2c22626972746844617465223a2231393830227d"}', '{}', '{}', '{}', '{911863225723658240,911863225723658240,911863225723658240}', '{1417936408,1539227075,3255046643}', '{3675902344388414596,3675902344388414596,3675902344388414596}', '{old,old,old}', '{NULL,NULL,NULL}', '{911863225723658240,911863225723658240}', '{5839771505,3160234828}', '{315532800000000,1795241934612000}', '{347155199999999,1795241934612999}', '{}', '{}', '{}', '{}', '{}', '0', NULL);
-- rows: 1
EXECUTE previous_read ('1', '-7170291485057883359');
-- rows: 1
EXECUTE previous_change ('1', '1795241934618', '{-6120897108078240283,-1555082292003980654,-804453715359222569,7297898943385995981,9090916424919556449}', '{911863225748824064}', '{-7170291485057883359}', '{1}', '{2}', '{2}', '{Patient}', '{p1}', '{1}', '{5}', '{"\\x7b227265736f7572636554797065223a2250617469656e74222c226964223a227031222c226d657461223a7b2276657273696f6e4964223a2232222c226c61737455706461746564223a22323032362d31312d32315430363a31383a35342e3631385a227d2c226e616d65223a5b7b2266616d696c79223a224f6c64227d5d2c22626972746844617465223a2231393831227d"}', '{}', '{}', '{}', '{1,1,1}', '{1417936408,1539227075,3255046643}', '{3675902344388414596,3675902344388414596,3675902344388414596}', '{old,old,old}', '{NULL,NULL,NULL}', '{1,1}', '{5839771505,3160234828}', '{347155200000000,1795241934618000}', '{378691199999999,1795241934618999}', '{}', '{}', '{}', '{}', '{}', '0', NULL);
-- rows: 1
EXECUTE previous_read ('1', '-7170291485057883359');
-- rows: 1
EXECUTE previous_count ('1', '3255046643', 'old', 'ole', '1000');
-- rows: 2
EXECUTE previous_search ('1', '3255046643', 'old', 'ole', '21');
-- rows: 0
EXECUTE previous_read ('1', '-7967530002874882470');
-- rows: 1
EXECUTE previous_create ('1', '1795241934634', '{-6120897108078240283,-1555082292003980654,-804453715359222569,7297898943385995981,9090916424919556449}', '{911863225815932928}', '{-7967530002874882470}', '{0}', '{1}', '{2}', '{Patient}', '{p2}', '{1}', '{5}', '{"\\x7b227265736f7572636554797065223a2250617469656e74222c226964223a227032222c226d657461223a7b2276657273696f6e4964223a2231222c226c61737455706461746564223a22323032362d31312d32315430363a31383a35342e3633345a227d2c226e616d65223a5b7b2266616d696c79223a224f6c64227d5d2c22626972746844617465223a2231393830227d"}', '{}', '{}', '{}', '{911863225815932928,911863225815932928,911863225815932928}', '{1417936408,1539227075,3255046643}', '{3675902344388414596,3675902344388414596,3675902344388414596}', '{old,old,old}', '{NULL,NULL,NULL}', '{911863225815932928,911863225815932928}', '{5839771505,3160234828}', '{315532800000000,1795241934634000}', '{347155199999999,1795241934634999}', '{}', '{}', '{}', '{}', '{}', '0', NULL);
-- rows: 1
EXECUTE previous_read ('1', '-7967530002874882470');
-- rows: 1
EXECUTE previous_change ('1', '1795241934651', '{-6120897108078240283,-1555082292003980654,-804453715359222569,7297898943385995981,9090916424919556449}', '{911863225887236096}', '{-7967530002874882470}', '{1}', '{2}', '{2}', '{Patient}', '{p2}', '{1}', '{5}', '{"\\x7b227265736f7572636554797065223a2250617469656e74222c226964223a227032222c226d657461223a7b2276657273696f6e4964223a2232222c226c61737455706461746564223a22323032362d31312d32315430363a31383a35342e3635315a227d2c226e616d65223a5b7b2266616d696c79223a224f6c64227d5d2c22626972746844617465223a2231393831227d"}', '{}', '{}', '{}', '{1,1,1}', '{1417936408,1539227075,3255046643}', '{3675902344388414596,3675902344388414596,3675902344388414596}', '{old,old,old}', '{NULL,NULL,NULL}', '{1,1}', '{5839771505,3160234828}', '{347155200000000,1795241934651000}', '{378691199999999,1795241934651999}', '{}', '{}', '{}', '{}', '{}', '0', NULL);
-- rows: 1
EXECUTE previous_read ('1', '-7967530002874882470');
-- rows: 0
EXECUTE previous_read ('1', '2120324306855827229');
-- rows: 1
EXECUTE previous_create ('1', '1795241934757', '{-6120897108078240283,-1555082292003980654,-804453715359222569,7297898943385995981,9090916424919556449}', '{911863226331832320}', '{2120324306855827229}', '{0}', '{1}', '{2}', '{Patient}', '{p3}', '{1}', '{5}', '{"\\x7b227265736f7572636554797065223a2250617469656e74222c226964223a227033222c226d657461223a7b2276657273696f6e4964223a2231222c226c61737455706461746564223a22323032362d31312d32315430363a31383a35342e3735375a227d2c226e616d65223a5b7b2266616d696c79223a224f6c64227d5d2c22626972746844617465223a2231393830227d"}', '{}', '{}', '{}', '{911863226331832320,911863226331832320,911863226331832320}', '{1417936408,1539227075,3255046643}', '{3675902344388414596,3675902344388414596,3675902344388414596}', '{old,old,old}', '{NULL,NULL,NULL}', '{911863226331832320,911863226331832320}', '{5839771505,3160234828}', '{315532800000000,1795241934757000}', '{347155199999999,1795241934757999}', '{}', '{}', '{}', '{}', '{}', '0', NULL);
-- rows: 1
EXECUTE previous_read ('1', '2120324306855827229');
-- rows: 1
EXECUTE previous_change ('1', '1795241934779', '{-6120897108078240283,-1555082292003980654,-804453715359222569,7297898943385995981,9090916424919556449}', '{911863226424107008}', '{2120324306855827229}', '{1}', '{2}', '{2}', '{Patient}', '{p3}', '{1}', '{5}', '{"\\x7b227265736f7572636554797065223a2250617469656e74222c226964223a227033222c226d657461223a7b2276657273696f6e4964223a2232222c226c61737455706461746564223a22323032362d31312d32315430363a31383a35342e3737395a227d2c226e616d65223a5b7b2266616d696c79223a224f6c64227d5d2c22626972746844617465223a2231393831227d"}', '{}', '{}', '{}', '{1,1,1}', '{1417936408,1539227075,3255046643}', '{3675902344388414596,3675902344388414596,3675902344388414596}', '{old,old,old}', '{NULL,NULL,NULL}', '{1,1}', '{5839771505,3160234828}', '{347155200000000,1795241934779000}', '{378691199999999,1795241934779999}', '{}', '{}', '{}', '{}', '{}', '0', NULL);
-- rows: 1
EXECUTE previous_read ('1', '2120324306855827229');
-- rows: 4
EXECUTE previous_search ('1', '3255046643', 'old', 'ole', '21');
-- rows: 1
EXECUTE previous_read ('1', '-7967530002874882470');
-- rows: 1
EXECUTE previous_change ('1', '1795241934807', '{}', '{911863226541547520}', '{-7967530002874882470}', '{2}', '{3}', '{4}', '{Patient}', '{p2}', '{1}', '{0}', '{"\\x"}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '0', NULL);
-- rows: 0
EXECUTE previous_read ('1', '6439388531659129078');
-- rows: 1
EXECUTE previous_create ('1', '1795241934834', '{-6120897108078240283,-1555082292003980654,-804453715359222569,7297898943385995981,9090916424919556449}', '{911863226654793728}', '{6439388531659129078}', '{0}', '{1}', '{2}', '{Patient}', '{p4}', '{1}', '{5}', '{"\\x7b227265736f7572636554797065223a2250617469656e74222c226964223a227034222c226d657461223a7b2276657273696f6e4964223a2231222c226c61737455706461746564223a22323032362d31312d32315430363a31383a35342e3833345a227d2c226e616d65223a5b7b2266616d696c79223a224f6c64227d5d2c22626972746844617465223a2231393830227d"}', '{}', '{}', '{}', '{911863226654793728,911863226654793728,911863226654793728}', '{1417936408,1539227075,3255046643}', '{3675902344388414596,3675902344388414596,3675902344388414596}', '{old,old,old}', '{NULL,NULL,NULL}', '{911863226654793728,911863226654793728}', '{5839771505,3160234828}', '{315532800000000,1795241934834000}', '{347155199999999,1795241934834999}', '{}', '{}', '{}', '{}', '{}', '0', NULL);
-- rows: 1
EXECUTE previous_read ('1', '6439388531659129078');
-- rows: 1
EXECUTE previous_change ('1', '1795241934865', '{-6120897108078240283,-1555082292003980654,-804453715359222569,7297898943385995981,9090916424919556449}', '{911863226784817152}', '{6439388531659129078}', '{1}', '{2}', '{2}', '{Patient}', '{p4}', '{1}', '{5}', '{"\\x7b227265736f7572636554797065223a2250617469656e74222c226964223a227034222c226d657461223a7b2276657273696f6e4964223a2232222c226c61737455706461746564223a22323032362d31312d32315430363a31383a35342e3836355a227d2c226e616d65223a5b7b2266616d696c79223a224f6c64227d5d2c22626972746844617465223a2231393831227d"}', '{}', '{}', '{}', '{1,1,1}', '{1417936408,1539227075,3255046643}', '{3675902344388414596,3675902344388414596,3675902344388414596}', '{old,old,old}', '{NULL,NULL,NULL}', '{1,1}', '{5839771505,3160234828}', '{347155200000000,1795241934865000}', '{378691199999999,1795241934865999}', '{}', '{}', '{}', '{}', '{}', '0', NULL);
-- rows: 1
EXECUTE previous_read ('1', '6439388531659129078');
-- rows: 0
EXECUTE previous_read ('1', '782405277038710281');
-- rows: 1
EXECUTE previous_create ('1', '1795241934898', '{-6120897108078240283,-1555082292003980654,-804453715359222569,7297898943385995981,9090916424919556449}', '{911863226923229184}', '{782405277038710281}', '{0}', '{1}', '{2}', '{Patient}', '{p5}', '{1}', '{5}', '{"\\x7b227265736f7572636554797065223a2250617469656e74222c226964223a227035222c226d657461223a7b2276657273696f6e4964223a2231222c226c61737455706461746564223a22323032362d31312d32315430363a31383a35342e3839385a227d2c226e616d65223a5b7b2266616d696c79223a224f6c64227d5d2c22626972746844617465223a2231393830227d"}', '{}', '{}', '{}', '{911863226923229184,911863226923229184,911863226923229184}', '{1417936408,1539227075,3255046643}', '{3675902344388414596,3675902344388414596,3675902344388414596}', '{old,old,old}', '{NULL,NULL,NULL}', '{911863226923229184,911863226923229184}', '{5839771505,3160234828}', '{315532800000000,1795241934898000}', '{347155199999999,1795241934898999}', '{}', '{}', '{}', '{}', '{}', '0', NULL);
-- rows: 1
EXECUTE previous_read ('1', '782405277038710281');
-- rows: 1
EXECUTE previous_change ('1', '1795241934930', '{-6120897108078240283,-1555082292003980654,-804453715359222569,7297898943385995981,9090916424919556449}', '{911863227057446912}', '{782405277038710281}', '{1}', '{2}', '{2}', '{Patient}', '{p5}', '{1}', '{5}', '{"\\x7b227265736f7572636554797065223a2250617469656e74222c226964223a227035222c226d657461223a7b2276657273696f6e4964223a2232222c226c61737455706461746564223a22323032362d31312d32315430363a31383a35342e3933305a227d2c226e616d65223a5b7b2266616d696c79223a224f6c64227d5d2c22626972746844617465223a2231393831227d"}', '{}', '{}', '{}', '{1,1,1}', '{1417936408,1539227075,3255046643}', '{3675902344388414596,3675902344388414596,3675902344388414596}', '{old,old,old}', '{NULL,NULL,NULL}', '{1,1}', '{5839771505,3160234828}', '{347155200000000,1795241934930000}', '{378691199999999,1795241934930999}', '{}', '{}', '{}', '{}', '{}', '0', NULL);
-- rows: 1
EXECUTE previous_read ('1', '782405277038710281');
-- rows: 5
EXECUTE previous_search ('1', '3255046643', 'old', 'ole', '21');
-- rows: 1
EXECUTE previous_history ('1', '5917690233613041627', 'Patient', 'p0', '5917690233613041627', 'Patient', 'p0', '21');
-- rows: 1
EXECUTE previous_history_count ('1', '5917690233613041627', 'Patient', 'p0', '5917690233613041627', 'Patient', 'p0');
