-- The URL of a standby that answers the reads of a tenant in another database; null where there is none. A server knows that of
-- the directory's own database by itself.
ALTER TABLE tenant ADD standby text;
DROP TRIGGER tell ON tenant;
CREATE TRIGGER tell AFTER DELETE OR UPDATE OF residence, region, standby ON tenant FOR EACH ROW EXECUTE FUNCTION tell();
