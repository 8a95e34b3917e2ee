-- Versions of large code systems, loaded from their publishers' files (docs/decisions/0020-loaded-code-systems.md). One
-- that is not finished is never read.
CREATE TABLE code_release (
  number   INTEGER PRIMARY KEY, -- rises with each load, and is never used again
  url      TEXT    NOT NULL,
  version  TEXT    NOT NULL,
  about    TEXT    NOT NULL,    -- JSON
  finished INTEGER NOT NULL     -- 0 or 1
) STRICT;

-- Its concepts. A place is a number from 0 on, given so that what is beneath a concept is a few ranges of places.
CREATE TABLE code_concept (
  release INTEGER NOT NULL,
  place   INTEGER NOT NULL,
  code    TEXT    NOT NULL,
  links   BLOB    NOT NULL, -- sets of places: parents, children, all above, all below
  about   TEXT    NOT NULL, -- JSON: names and properties
  PRIMARY KEY (release, place)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX code_concept_code ON code_concept (release, code);

-- The places of the concepts that have a word (property is empty), a value of a property, or any value of it (term is
-- empty).
CREATE TABLE code_posting (
  release  INTEGER NOT NULL,
  property TEXT    NOT NULL,
  term     TEXT    NOT NULL,
  places   BLOB    NOT NULL, -- a set of places
  PRIMARY KEY (release, property, term)
) STRICT, WITHOUT ROWID;
