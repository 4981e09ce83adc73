-- Two summaries of a thread, written in unix seconds; gone with the thread.
-- checksum: 2d318ff566de29fdb00af9abeeee06628078a14ff4bef40209844a1c8bf692b2bb98c7ae7fa528118fc9397d8b15620a
-- checksum with CR/LF: 969a2c64156299d2b6ae657e3d5f74229d0d502b0bdfd3d9b285515f72e481fbb968f1fe7fc3749a9906ebdba94fb0a5
CREATE TABLE thread_memory (
  thread_id TEXT PRIMARY KEY,
  trace_summary TEXT NOT NULL,
  memory_summary TEXT NOT NULL,
  updated_at INTEGER NOT NULL,
  FOREIGN KEY(thread_id) REFERENCES threads(id) ON DELETE CASCADE
);

CREATE INDEX idx_thread_memory_updated_at ON thread_memory(updated_at DESC, thread_id DESC);
