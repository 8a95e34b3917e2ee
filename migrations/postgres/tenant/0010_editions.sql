-- The edition of a tenant's keys by which writes must be encrypted and marked, or by a later one: who changes what is encrypted
-- raises it before he goes over what is there, and so what was made before that comes no more behind him.
ALTER TABLE definition ADD edition bigint NOT NULL DEFAULT 0;

-- How many resources were passed by, as they are damaged.
ALTER TABLE build ADD damaged bigint NOT NULL DEFAULT 0;

-- Sets the tenant as before (0007_moves.sql), for a write that was encrypted and marked by this edition of the tenant's keys; null:
-- nothing of it was.
CREATE FUNCTION enter(tenant text, definitions bigint, told text, sealed_by bigint) RETURNS int LANGUAGE plpgsql AS $$
DECLARE
  number constant int := enter(tenant, definitions, told);
BEGIN
  IF sealed_by < coalesce((SELECT d.edition FROM definition d), 0) THEN
    PERFORM refuse('MS004', 'keys');
  END IF;
  RETURN number;
END $$;
GRANT EXECUTE ON FUNCTION enter(text, bigint, text, bigint) TO medisync_data;
