-- A tenant's records: one file holds one tenant, so no table has a tenant column.

-- The current version of every resource, deleted ones included (their body is empty).
CREATE TABLE resource (
  rid     INTEGER PRIMARY KEY, -- rises with creation, so that default order and paging walk forward
  rkey    INTEGER NOT NULL,    -- keyed hash of type and id
  type    TEXT    NOT NULL,
  id      TEXT    NOT NULL,
  version INTEGER NOT NULL,
  updated INTEGER NOT NULL,    -- milliseconds since the epoch
  method  INTEGER NOT NULL,    -- how this version came to be: 1 POST, 2 PUT, 3 PATCH, 4 DELETE
  keys    BLOB    NOT NULL,    -- the resource's rows in `key`, 8 bytes each, so that they can be taken back
  body    BLOB    NOT NULL
) STRICT;
CREATE INDEX resource_rkey ON resource (rkey);

-- Superseded versions.
CREATE TABLE history (
  hid     INTEGER PRIMARY KEY,
  rid     INTEGER NOT NULL,
  version INTEGER NOT NULL,
  updated INTEGER NOT NULL,
  method  INTEGER NOT NULL,
  body    BLOB    NOT NULL
) STRICT;
CREATE UNIQUE INDEX history_version ON history (rid, version);

-- The change log: every version of every resource in the order of commit. `seq` is about the time of the change in
-- microseconds, made unique, so that a time is a place in the log.
CREATE TABLE change (
  seq     INTEGER PRIMARY KEY,
  rid     INTEGER NOT NULL,
  version INTEGER NOT NULL,
  updated INTEGER NOT NULL,
  type    TEXT    NOT NULL
) STRICT;
CREATE INDEX change_type ON change (type, seq);

-- What was loaded by `medisync load`, by content, so that loading again adds nothing.
CREATE TABLE loaded (
  content BLOB PRIMARY KEY
) STRICT, WITHOUT ROWID;
