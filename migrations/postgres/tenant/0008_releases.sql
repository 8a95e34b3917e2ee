-- Versions of large code systems, loaded from their publishers' files (docs/decisions/0020-loaded-code-systems.md). One
-- that is not finished is never read.
CREATE TABLE code_release (
  tenant   int     NOT NULL,
  number   bigint  NOT NULL, -- rises with each load, and is never used again
  url      text    NOT NULL,
  version  text    NOT NULL,
  about    text    NOT NULL, -- JSON
  finished boolean NOT NULL,
  PRIMARY KEY (tenant, number)
);

-- Its concepts. A place is a number from 0 on, given so that what is beneath a concept is a few ranges of places.
CREATE TABLE code_concept (
  tenant  int    NOT NULL,
  release bigint NOT NULL,
  place   bigint NOT NULL,
  code    text   COLLATE "C" NOT NULL,
  links   bytea  NOT NULL, -- sets of places: parents, children, all above, all below
  about   text   NOT NULL, -- JSON: names and properties
  PRIMARY KEY (tenant, release, place),
  CONSTRAINT code_concept_code UNIQUE (tenant, release, code)
);

-- The places of the concepts that have a word (property is empty), a value of a property, or any value of it (term is
-- empty).
CREATE TABLE code_posting (
  tenant   int    NOT NULL,
  release  bigint NOT NULL,
  property text   COLLATE "C" NOT NULL,
  term     text   COLLATE "C" NOT NULL,
  places   bytea  NOT NULL, -- a set of places
  PRIMARY KEY (tenant, release, property, term)
);

-- As of the other tables (0003_isolation.sql).
DO $$
DECLARE
  the regclass;
BEGIN
  FOREACH the IN ARRAY ARRAY['code_release', 'code_concept', 'code_posting']::regclass[] LOOP
    EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', the);
    EXECUTE format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', the);
    EXECUTE format('CREATE POLICY tenant ON %s USING (tenant = (SELECT current_setting(''medisync.tenant'')::int))', the);
    EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %s TO medisync_data', the);
  END LOOP;
END $$;
