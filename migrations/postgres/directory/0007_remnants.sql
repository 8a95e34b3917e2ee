-- Tells this directory's tenants from those of another one that has the same numbers.
CREATE TABLE installation (
  id uuid PRIMARY KEY
);
INSERT INTO installation VALUES (gen_random_uuid());
GRANT SELECT ON installation TO medisync_directory;

-- Where something of a tenant is besides the place that serves it: copies that are being made or were broken off, and former
-- places. A tenant that is erased has none before that is certified.
CREATE TABLE remnant (
  tenant   int     NOT NULL, -- its number, also once it is erased
  schema   text    NOT NULL,
  database text,             -- its URL; null: this one
  kept     boolean NOT NULL, -- as was asked for: until the tenant is moved there again, or erased
  UNIQUE NULLS NOT DISTINCT (tenant, schema, database)
);
GRANT SELECT, INSERT, UPDATE, DELETE ON remnant TO medisync_directory;
