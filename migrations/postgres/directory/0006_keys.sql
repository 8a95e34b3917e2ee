-- Tenants' keys, wrapped by a master key that is not in the database. Where `wrapped` is null the three columns beside it hold
-- them as they are, as versions before wrote them; else these are empty.
ALTER TABLE tenant ADD wrapped bytea, ADD wrapped_by text, ADD CHECK ((wrapped IS NULL) = (wrapped_by IS NULL));
DROP TRIGGER tell ON tenant;
CREATE TRIGGER tell AFTER DELETE OR UPDATE OF residence, region, standby, wrapped ON tenant FOR EACH ROW EXECUTE FUNCTION tell();

-- The key that signs what the operator hands out, wrapped as tenants' keys are.
CREATE TABLE signing_key (
  name       text  PRIMARY KEY,
  wrapped    bytea NOT NULL,
  wrapped_by text  NOT NULL
);
GRANT SELECT, INSERT, UPDATE ON signing_key TO medisync_directory;

-- Tenants whose keys were destroyed.
CREATE TABLE erased (
  name        text COLLATE "C" PRIMARY KEY, -- no other tenant gets it
  number      int  NOT NULL, -- as it was in `tenant`, and where the records are that are to go
  schema      text NOT NULL,
  database    text,
  record      text NOT NULL, -- JSON: what there was, and why it was erased
  certificate text           -- what was made of it; null as long as something is left
);
GRANT SELECT, INSERT, UPDATE ON erased TO medisync_directory;
