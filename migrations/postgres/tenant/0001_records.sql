-- Records of the tenants of one schema. Every table leads with the tenant, and so does every index.

-- The current version of every resource, deleted ones included (their body is empty).
CREATE TABLE resource (
  tenant  int      NOT NULL,
  edition int      NOT NULL, -- counts the writes of this row, so that none goes by what another has changed
  rid     bigint   NOT NULL, -- rises with creation, so that default order and paging walk forward
  rkey    bigint   NOT NULL, -- keyed hash of type and id
  version bigint   NOT NULL,
  updated bigint   NOT NULL, -- milliseconds since the epoch
  method  smallint NOT NULL, -- how this version came to be: 1 POST, 2 PUT, 3 PATCH, 4 DELETE
  type    text     COLLATE "C" NOT NULL,
  id      text     COLLATE "C" NOT NULL,
  keys    bigint[] NOT NULL, -- the resource's rows in `key`, so that they can be taken back
  body    bytea    NOT NULL,
  PRIMARY KEY (tenant, rid),
  CONSTRAINT resource_rkey UNIQUE (tenant, rkey)
);

-- Superseded versions.
CREATE TABLE history (
  tenant  int      NOT NULL,
  rid     bigint   NOT NULL,
  version bigint   NOT NULL,
  updated bigint   NOT NULL,
  method  smallint NOT NULL,
  body    bytea    NOT NULL,
  PRIMARY KEY (tenant, rid, version)
);

-- The change log: every version of every resource. `seq` leads with the time of the change, so that a time is a place
-- in the log. Who follows it goes by `tx`: what is not yet committed is never behind the oldest transaction under way.
CREATE TABLE change (
  tenant  int    NOT NULL,
  seq     bigint NOT NULL,
  rid     bigint NOT NULL,
  version bigint NOT NULL,
  updated bigint NOT NULL,
  tx      xid8   NOT NULL DEFAULT pg_current_xact_id(),
  type    text   COLLATE "C" NOT NULL,
  PRIMARY KEY (tenant, seq)
);
CREATE INDEX change_type ON change (tenant, type, seq);
CREATE INDEX change_tx ON change (tenant, tx, seq);

-- What was loaded by `medisync load`, by content, so that loading again adds nothing.
CREATE TABLE loaded (
  tenant  int   NOT NULL,
  content bytea NOT NULL,
  PRIMARY KEY (tenant, content)
);

-- Index rows in the making: one row for each run over the resources of some types that makes their index rows anew,
-- for a search parameter of the tenant's own or because somebody asked for it.
CREATE TABLE build (
  tenant   int     NOT NULL,
  name     text    COLLATE "C" NOT NULL,
  types    text[]  NOT NULL,
  position bigint  NOT NULL, -- the greatest resource.rid that is done
  done     bigint  NOT NULL,
  total    bigint  NOT NULL, -- how many resources there were at the beginning
  finished boolean NOT NULL,
  PRIMARY KEY (tenant, name)
);

-- Counts the changes of a tenant's definitions (SearchParameter), by which others are indexed.
CREATE TABLE definition (
  tenant int    PRIMARY KEY,
  number bigint NOT NULL
);
