-- The search index (docs/decisions/0003-search-index.md). A key is a 64-bit keyed hash of all that an equality
-- predicate fixes: parameter, system and code. A slot is a parameter's number with the class of a range's width,
-- so that a range predicate is bounded at both ends.

CREATE TABLE key (
  tenant int    NOT NULL,
  key    bigint NOT NULL,
  rid    bigint NOT NULL,
  PRIMARY KEY (tenant, key, rid)
);

CREATE TABLE reference (
  tenant int    NOT NULL,
  param  bigint NOT NULL,
  target bigint NOT NULL, -- resource.rkey of what is pointed to, or a hash of the URL
  rid    bigint NOT NULL,
  PRIMARY KEY (tenant, param, target, rid)
);
CREATE INDEX reference_rid ON reference (tenant, rid, param, target);

CREATE TABLE string (
  tenant int    NOT NULL,
  rid    bigint NOT NULL,
  param  bigint NOT NULL,
  exact  bigint NOT NULL, -- hash of the text as written
  norm   text   COLLATE "C" NOT NULL, -- folded: without case and accents; its first 250 characters, as a B-tree's
                                      -- entry is short
  whole  text   COLLATE "C", -- all of it where that is longer
  PRIMARY KEY (tenant, rid, param, exact)
);
CREATE INDEX string_norm ON string (tenant, param, norm, rid);

CREATE TABLE date (
  tenant int    NOT NULL,
  rid    bigint NOT NULL,
  slot   bigint NOT NULL, -- param * 4 + class: 0 up to a day, 1 up to a year, 2 longer or open
  low    bigint NOT NULL, -- microseconds since the epoch
  high   bigint NOT NULL,
  PRIMARY KEY (tenant, rid, slot, low, high)
);
CREATE INDEX date_low ON date (tenant, slot, low, rid, high);

CREATE TABLE number (
  tenant int    NOT NULL,
  rid    bigint NOT NULL,
  slot   bigint NOT NULL, -- hash of parameter and unit, its last bit set for ranges
  low    float8 NOT NULL,
  high   float8 NOT NULL,
  PRIMARY KEY (tenant, rid, slot, low, high)
);
CREATE INDEX number_low ON number (tenant, slot, low, rid, high);
