//! The statements that write. One statement is one transaction, and takes one round trip: it writes the versions, moves the
//! superseded ones into the history, exchanges the index rows that changed and adds to the change log, for any number of
//! resources. Values come as arrays, a column each.
//!
//! What is looked up is looked up for one row at a time, behind `LATERAL` and `OFFSET 0`, so that no estimate of the
//! planner's can turn the order around and have it read a table for it.

/// The number by which [`CONFLICT`] and the others are told apart from PostgreSQL's own errors: what must hold does not.
pub(super) const CONFLICT: &str = "MS001";
/// The version to be superseded is not older than the new one; the message is its time.
pub(super) const TOO_EARLY: &str = "MS002";
/// Somebody else was faster; the same statement can be run again.
pub(super) const AGAIN: &str = "MS003";
/// Index rows were made by definitions that are others by now, or a write by an earlier edition of the tenant's keys.
pub(super) const OUTDATED: &str = "MS004";
/// The tenant's records are elsewhere by now.
pub(crate) const MOVED: &str = "MS005";

/// What a statement does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// All versions are first ones.
    Create,
    /// Some have predecessors.
    Change,
    /// Only index rows are made anew.
    Reindex,
}

/// `t` sets the tenant and is in every part's `FROM`: a row of it is there before anything else is looked at.
const TENANT: &str = "WITH t AS MATERIALIZED (SELECT enter($1, $31, $32, $33) AS id)";

/// The resources with the versions they have: `n` counts them from 1, `rid` is theirs from now on.
const MET: &str = "\
, p AS MATERIALIZED (
  SELECT u.n, u.number, coalesce(r.rid, u.number) AS rid, r.rid IS NOT NULL AS is_there, coalesce(r.edition + 1, 1) AS edition,
    r.version AS old_version, r.updated AS old_updated, r.method AS old_method, r.keys AS old_keys, r.body AS old_body, u.rkey, u.expect, u.version,
    u.method, u.type, u.id, ($3::bigint[])[u.first:u.last] AS keys, u.body
  FROM t CROSS JOIN unnest($4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[], $8::smallint[], $9::text[], $10::text[],
    $11::int[], $12::int[], $13::bytea[]) WITH ORDINALITY
    AS u(number, rkey, expect, version, method, type, id, first, last, body, n)
  LEFT JOIN LATERAL (SELECT * FROM resource WHERE rkey = u.rkey AND version = u.expect AND t.id IS NOT NULL OFFSET 0) r ON true
)";

/// The resources whose index rows are exchanged, if their version is still the same.
const MET_AGAIN: &str = "\
, p AS MATERIALIZED (
  SELECT u.n, r.rid, r.rid IS NOT NULL AS is_there, u.version, r.keys AS old_keys, ($3::bigint[])[u.first:u.last] AS keys
  FROM t CROSS JOIN unnest($5::bigint[], $7::bigint[], $11::int[], $12::int[]) WITH ORDINALITY
    AS u(rkey, version, first, last, n)
  LEFT JOIN LATERAL (SELECT * FROM resource WHERE rkey = u.rkey AND version = u.version AND method < 4
    AND t.id IS NOT NULL OFFSET 0) r ON true
)";

const CREATED: &str = "\
, written AS (
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
)";

/// A version goes in where its predecessor is, and only where nobody else has written since it was looked at.
const CHANGED: &str = "\
, written AS (
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
)";

const REINDEXED: &str = "\
, written AS (
  INSERT INTO resource (tenant, edition, rid, rkey, version, updated, method, type, id, keys, body)
  SELECT t.id, r.edition + 1, r.rid, r.rkey, r.version, r.updated, r.method, r.type, r.id, p.keys, r.body
  FROM t CROSS JOIN p
  CROSS JOIN LATERAL (SELECT * FROM resource WHERE rid = p.rid AND t.id IS NOT NULL OFFSET 0) r WHERE p.is_there
  ON CONFLICT (tenant, rid) DO UPDATE SET edition = excluded.edition, keys = excluded.keys
  WHERE resource.edition = excluded.edition - 1
  RETURNING rid
), noted AS (
  INSERT INTO reindexed (tenant, rid, tx) SELECT t.id, w.rid, pg_current_xact_id() FROM t CROSS JOIN written w
  WHERE EXISTS (SELECT FROM leaving) ON CONFLICT (tenant, rid) DO UPDATE SET tx = excluded.tx
)";

/// What resources are found by from now on, and the keys that are new among it.
const EXCHANGED: &str = "\
, rids AS MATERIALIZED (SELECT array_agg(rid ORDER BY n) AS every FROM p)
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
)";

/// Takes the index rows back that a resource had and no longer has.
const TAKE_BACK: &str = "\
take_back(
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
    WHERE p.is_there AND (i.rid, i.slot, i.low, i.high) NOT IN (SELECT rid, slot, low, high FROM numbers_now)))";

/// Index rows come; `{…}` is where from.
fn indexed(references: &str, strings: &str, dates: &str, numbers: &str, tail: &str, tail_of_strings: &str) -> String {
    format!(
        "\
, new_reference AS (
  INSERT INTO reference (tenant, rid, param, target) SELECT t.id, u.* FROM t CROSS JOIN {references}{tail}
), new_string AS (
  INSERT INTO string (tenant, rid, param, exact, norm, whole) SELECT t.id, u.* FROM t CROSS JOIN {strings}{tail_of_strings}
), new_date AS (
  INSERT INTO date (tenant, rid, slot, low, high) SELECT t.id, u.* FROM t CROSS JOIN {dates}{tail}
), new_number AS (
  INSERT INTO number (tenant, rid, slot, low, high) SELECT t.id, u.* FROM t CROSS JOIN {numbers}{tail}
)"
    )
}

/// What is there stays.
const KEPT: &str = " ON CONFLICT DO NOTHING";
/// A string that is there is kept by what it was folded to, which may be another by now.
const FOLDED_ANEW: &str = " ON CONFLICT (tenant, rid, param, exact) DO UPDATE SET norm = excluded.norm, whole = excluded.whole \
     WHERE (string.norm, string.whole) IS DISTINCT FROM (excluded.norm, excluded.whole)";

const LOADED: &str = "\
, new_loaded AS (
  INSERT INTO loaded (tenant, content) SELECT t.id, u.content FROM t CROSS JOIN unnest($34::bytea[]) AS u(content)
)";

/// Events of the audit log, with their places from this parameter on.
fn audited(first: usize) -> String {
    format!(
        ", new_audit AS (INSERT INTO audit_new (tenant, place, mac, body) \
         SELECT t.id, ${}::bigint, ${}::bytea, ${}::bytea FROM t)",
        first,
        first + 1,
        first + 2
    )
}

/// The statement that writes events of the audit log alone.
pub(super) const AUDITED: &str = "WITH t AS MATERIALIZED (SELECT enter($1, NULL, NULL) AS id) \
     INSERT INTO audit_new (tenant, place, mac, body) SELECT t.id, $2::bigint, $3::bytea, $4::bytea FROM t";

/// The statement of a shape; `has_content` where it marks content as loaded, `has_audit` where it has events of the audit log.
pub(super) fn text(shape: Shape, has_content: bool, has_audit: bool) -> String {
    let mut text = String::from(TENANT);
    match shape {
        Shape::Create => {
            text.push_str(CREATED);
            text.push_str(&indexed(
                "unnest($14::bigint[], $15::bigint[], $16::bigint[]) u",
                "unnest($17::bigint[], $18::bigint[], $19::bigint[], $20::text[], $21::text[]) u",
                "unnest($22::bigint[], $23::bigint[], $24::bigint[], $25::bigint[]) u",
                "unnest($26::bigint[], $27::bigint[], $28::float8[], $29::float8[]) u",
                "",
                "",
            ));
        }
        Shape::Change | Shape::Reindex => {
            let (met, written) = if shape == Shape::Change { (MET, CHANGED) } else { (MET_AGAIN, REINDEXED) };
            for part in [met, written, EXCHANGED] {
                text.push_str(part);
            }
            let now = ["references_now u", "strings_now u", "dates_now u", "numbers_now u"];
            let strings = if shape == Shape::Reindex { FOLDED_ANEW } else { KEPT };
            text.push_str(&indexed(now[0], now[1], now[2], now[3], KEPT, strings));
        }
    }
    if has_content {
        text.push_str(LOADED);
    }
    if has_audit {
        text.push_str(&audited(if has_content { 35 } else { 34 }));
    }
    text.push_str(&verdict(shape));
    text
}

/// What must hold of what was met and written; `refuse` ends the statement, and with it all that it did.
fn verdict(shape: Shape) -> String {
    match shape {
        Shape::Create => " SELECT id FROM t".to_owned(),
        Shape::Change => format!(
            " SELECT CASE \
             WHEN (SELECT count(*) FROM written) < (SELECT count(*) FROM p) THEN refuse('{CONFLICT}', 'conflict') \
             WHEN (SELECT max(old_updated) FROM p) >= $2 \
             THEN refuse('{TOO_EARLY}', (SELECT max(old_updated)::text FROM p)) ELSE {TAKE_BACK} END"
        ),
        Shape::Reindex => format!(
            " SELECT CASE WHEN (SELECT count(*) FROM written) < (SELECT count(*) FROM p WHERE is_there) \
             THEN refuse('{AGAIN}', 'overtaken') ELSE {TAKE_BACK} END"
        ),
    }
}
