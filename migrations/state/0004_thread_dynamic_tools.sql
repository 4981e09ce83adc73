-- The tools that the client of a thread brought along, in their order (position counts from 0); gone with the thread.
-- checksum: 8adc251366e4c7e5ea78b620ac71f4c4bdfb8f048bf9f2fd7204226cfba54c8e83fc9d83fc1ec334bc683bb7f6d0d8a8
-- checksum with CR/LF: ec5413b05d68aeff6d0f354ed8c3855b7bab3abf4ea351a44d34099947e852533af752cab919aaafa3a3a04e46060268
CREATE TABLE thread_dynamic_tools (
  thread_id TEXT NOT NULL,
  position INTEGER NOT NULL,
  name TEXT NOT NULL,
  description TEXT NOT NULL,
  input_schema TEXT NOT NULL,
  PRIMARY KEY(thread_id, position),
  FOREIGN KEY(thread_id) REFERENCES threads(id) ON DELETE CASCADE
);

CREATE INDEX idx_thread_dynamic_tools_thread ON thread_dynamic_tools(thread_id);
