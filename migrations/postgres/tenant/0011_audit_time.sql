-- An event whose id tells its time is found by it, without a key of its own (docs/decisions/0021-audit.md).
CREATE INDEX audit_block_high ON audit_block (tenant, high, number);
