-- Where each tenant's audit log was lately, signed with the tenant's key: a log that was cut short does not come so far.
CREATE TABLE audit_head (
  tenant    TEXT    PRIMARY KEY,
  row       INTEGER NOT NULL, -- the last row's number
  events    INTEGER NOT NULL, -- how many events there were
  hash      BLOB    NOT NULL, -- the last row's
  at        INTEGER NOT NULL, -- milliseconds since the epoch
  signature BLOB    NOT NULL
) STRICT;
