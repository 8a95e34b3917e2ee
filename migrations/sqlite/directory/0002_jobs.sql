-- Tenants that have work to be done in the background, one at a time.
CREATE TABLE job (
  tenant TEXT    PRIMARY KEY,
  asked  INTEGER NOT NULL DEFAULT 1, -- how often the work was asked for: what was asked for meanwhile is not done yet
  process INTEGER,                   -- who is at work: no other process does, so what a former one had is free
  turn   INTEGER,                    -- tells the claim from all others
  until  INTEGER NOT NULL DEFAULT 0  -- milliseconds since the epoch; from then on somebody else may take it
) STRICT;
