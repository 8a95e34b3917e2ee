-- Bodies are compressed the faster way where this PostgreSQL was built with it (docs/decisions/0013-postgresql.md).
DO $$ BEGIN
  ALTER TABLE resource ALTER body SET COMPRESSION lz4;
  ALTER TABLE history ALTER body SET COMPRESSION lz4;
EXCEPTION WHEN feature_not_supported THEN NULL;
END $$;
