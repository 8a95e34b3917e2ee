-- Tenants that have work to be done in the background, by one node at a time.
CREATE TABLE job (
  tenant int         PRIMARY KEY REFERENCES tenant (number) ON DELETE CASCADE,
  asked  bigint      NOT NULL DEFAULT 1, -- how often the work was asked for: what was asked for meanwhile is not done yet
  turn   bigint,                         -- tells the claim of who is at work from all others
  until  timestamptz NOT NULL DEFAULT '-infinity' -- from then on somebody else may take it
);
GRANT SELECT, INSERT, UPDATE, DELETE ON job TO medisync_directory;
