-- Takes index rows away that were found, by their places alone: told to find them again, the planner may read a whole
-- tenant for a few rows, as it knows little of a table that is new.
CREATE FUNCTION take_back(keys tid[], refs tid[], strings tid[], dates tid[], numbers tid[]) RETURNS boolean
LANGUAGE plpgsql SET enable_indexscan = off SET enable_indexonlyscan = off SET enable_bitmapscan = off AS $$
BEGIN
  IF cardinality(keys) > 0 THEN DELETE FROM key WHERE ctid = ANY (keys); END IF;
  IF cardinality(refs) > 0 THEN DELETE FROM reference WHERE ctid = ANY (refs); END IF;
  IF cardinality(strings) > 0 THEN DELETE FROM string WHERE ctid = ANY (strings); END IF;
  IF cardinality(dates) > 0 THEN DELETE FROM date WHERE ctid = ANY (dates); END IF;
  IF cardinality(numbers) > 0 THEN DELETE FROM number WHERE ctid = ANY (numbers); END IF;
  RETURN true;
END $$;
GRANT EXECUTE ON FUNCTION take_back TO medisync_data;
