-- Tenants' keys, wrapped by a master key that is not in the database. Where `wrapped` is null the three columns beside it hold
-- them as they are, as versions before wrote them; else these are empty.
ALTER TABLE tenant ADD COLUMN wrapped BLOB;
ALTER TABLE tenant ADD COLUMN wrapped_by TEXT; -- the id of the master key

-- The key that signs what the operator hands out, wrapped as tenants' keys are.
CREATE TABLE signing_key (
  name       TEXT PRIMARY KEY,
  wrapped    BLOB NOT NULL,
  wrapped_by TEXT NOT NULL
) STRICT;

-- Tenants whose keys were destroyed.
CREATE TABLE erased (
  name        TEXT PRIMARY KEY, -- no other tenant gets it
  record      TEXT NOT NULL,    -- JSON: what there was, and why it was erased
  certificate TEXT              -- what was made of it; null as long as something is left
) STRICT;
