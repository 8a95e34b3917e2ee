-- What was encrypted and marked by an earlier edition of the tenant's keys than the greatest of these is not written any more.
CREATE TABLE fence (
  edition INTEGER NOT NULL
) STRICT;
