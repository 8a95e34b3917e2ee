-- Index rows in the making: one row for each run over the resources of some types that makes their index rows anew,
-- for a search parameter of the tenant's own or because somebody asked for it. It stays when the run is finished: a
-- parameter is served from then on.
CREATE TABLE build (
  name     TEXT    PRIMARY KEY,
  types    TEXT    NOT NULL, -- resource types, with a comma between two
  position INTEGER NOT NULL, -- the greatest resource.rid that is done
  done     INTEGER NOT NULL,
  total    INTEGER NOT NULL, -- how many resources there were at the beginning
  finished INTEGER NOT NULL  -- 0 or 1
) STRICT;
