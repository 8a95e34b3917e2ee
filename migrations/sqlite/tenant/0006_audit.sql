-- The audit log (docs/decisions/0021-audit.md). Rows are only ever added; what they hold goes into a block, whole.
CREATE TABLE audit_row (
  number INTEGER PRIMARY KEY, -- counted from 1 without a gap
  total  INTEGER NOT NULL,    -- how many events there are up to its end
  newest INTEGER NOT NULL,    -- the greatest place of an event
  low    INTEGER NOT NULL,    -- the times of the earliest event and the latest, in milliseconds since the epoch
  high   INTEGER NOT NULL,
  mac    BLOB    NOT NULL,    -- keyed hash of the row and of the one before
  body   BLOB    NOT NULL     -- the events that one commit wrote
) STRICT;

-- Rows that were sealed. Once their time is over all of it stays but the body.
CREATE TABLE audit_block (
  number  INTEGER PRIMARY KEY, -- of its first row
  last    INTEGER NOT NULL,    -- of its last row
  earlier INTEGER NOT NULL,    -- how many events there are before its first row
  total   INTEGER NOT NULL,    -- and up to the end of its last
  oldest  INTEGER NOT NULL,    -- the least place of an event
  newest  INTEGER NOT NULL,
  low     INTEGER NOT NULL,
  high    INTEGER NOT NULL,
  before  BLOB    NOT NULL,    -- hash of the row before its first
  mac     BLOB    NOT NULL,    -- hash of its last row
  seal    BLOB    NOT NULL,    -- keyed hash of all of it
  body    BLOB    NOT NULL     -- the rows' bodies, compressed
) STRICT;
CREATE INDEX audit_block_newest ON audit_block (newest);

-- Which blocks have events of a key: keyed hashes of keys.
CREATE TABLE audit_key (
  hash  INTEGER NOT NULL,
  block INTEGER NOT NULL,
  PRIMARY KEY (hash, block)
) STRICT, WITHOUT ROWID;
