-- One row for each log event. The time is unix seconds and, beside it, nanoseconds within the second.
-- checksum: 521b72cbc04c7d03b1e4aef8dc0fdee672f1f7f5881385a55a0e937e4ebe87a3f67bca4d3f6b59afbc9a7ca723c82856
-- checksum with CR/LF: 4f866d7ecd0e71d3bf2a0e9cf183761bb556df69e244dbc9fa2ecc1bfd7278f340aab8c1d31036bc39aaca03f73867de
CREATE TABLE logs (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  ts INTEGER NOT NULL,
  ts_nanos INTEGER NOT NULL,
  level TEXT NOT NULL,
  target TEXT NOT NULL,
  message TEXT,
  module_path TEXT,
  file TEXT,
  line INTEGER
);

CREATE INDEX idx_logs_ts ON logs(ts DESC, ts_nanos DESC, id DESC);
