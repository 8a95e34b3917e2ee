-- What was encrypted and marked by an earlier edition of the tenant's keys than the greatest of these is not written any more.
CREATE TABLE fence (
  edition INTEGER NOT NULL
) STRICT;

-- How many resources were passed by, as they are damaged.
ALTER TABLE build ADD damaged INTEGER NOT NULL DEFAULT 0;
