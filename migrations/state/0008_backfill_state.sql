-- How far reading the rollouts into threads got: a single row. Times are unix seconds, updated_at is also the lease.
-- checksum: aa3f287f7a448554e7af01f259f0871ce90ace1a7d4b8ebbd74c87ae57c3e21119f7eec8b9c2e9f4a9e76e63a0f0b60a
-- checksum with CR/LF: e48b6cfdfe480a9b0aceea619e1a14df03aa3852d5572c443cb7f14e5893cdfaa9249074c95201bd49e9495179982ec6
CREATE TABLE backfill_state (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  status TEXT NOT NULL,
  last_watermark TEXT,
  last_success_at INTEGER,
  updated_at INTEGER NOT NULL
);

INSERT INTO backfill_state (id, status, updated_at) VALUES (1, 'pending', unixepoch());
