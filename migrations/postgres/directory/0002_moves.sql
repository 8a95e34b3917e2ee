-- Moves of tenants. `attempt` counts whoever took a tenant in hand: only the last one can change where it is, and open
-- its place again. `residence` counts the places that it had.
ALTER TABLE tenant ADD attempt bigint NOT NULL DEFAULT 0, ADD residence bigint NOT NULL DEFAULT 0;

-- Every node is told, whoever makes the change.
CREATE FUNCTION tell() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_notify('medisync', '- ' || OLD.name);
  RETURN NULL;
END $$;
CREATE TRIGGER tell AFTER DELETE OR UPDATE OF residence, region ON tenant FOR EACH ROW EXECUTE FUNCTION tell();

-- A new tenant's number is taken before its row is made, as its schema is called by it.
GRANT USAGE ON SEQUENCE tenant_number_seq TO medisync_directory;
