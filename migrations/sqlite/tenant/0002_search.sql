-- The search index (docs/decisions/0003-search-index.md). A key is a 64-bit keyed hash of all that an equality
-- predicate fixes: parameter, system and code. A slot is a parameter's number with the class of a range's width,
-- so that a range predicate is bounded at both ends.

CREATE TABLE key (
  key INTEGER NOT NULL,
  rid INTEGER NOT NULL,
  PRIMARY KEY (key, rid)
) STRICT, WITHOUT ROWID;

CREATE TABLE reference (
  param  INTEGER NOT NULL,
  target INTEGER NOT NULL, -- resource.rkey of what is pointed to, or a hash of the URL
  rid    INTEGER NOT NULL,
  PRIMARY KEY (param, target, rid)
) STRICT, WITHOUT ROWID;
CREATE INDEX reference_rid ON reference (rid, param);

CREATE TABLE string (
  rid   INTEGER NOT NULL,
  param INTEGER NOT NULL,
  norm  TEXT    NOT NULL, -- folded: without case and accents
  exact INTEGER NOT NULL, -- hash of the text as written
  PRIMARY KEY (rid, param, norm, exact)
) STRICT, WITHOUT ROWID;
CREATE INDEX string_norm ON string (param, norm, rid);

CREATE TABLE date (
  rid  INTEGER NOT NULL,
  slot INTEGER NOT NULL, -- param * 4 + class: 0 up to a day, 1 up to a year, 2 longer or open
  low  INTEGER NOT NULL, -- microseconds since the epoch
  high INTEGER NOT NULL,
  PRIMARY KEY (rid, slot, low, high)
) STRICT, WITHOUT ROWID;
CREATE INDEX date_low ON date (slot, low, rid, high);

CREATE TABLE number (
  rid  INTEGER NOT NULL,
  slot INTEGER NOT NULL, -- hash of parameter and unit, its last bit set for ranges
  low  REAL    NOT NULL,
  high REAL    NOT NULL,
  PRIMARY KEY (rid, slot, low, high)
) STRICT, WITHOUT ROWID;
CREATE INDEX number_low ON number (slot, low, rid, high);
