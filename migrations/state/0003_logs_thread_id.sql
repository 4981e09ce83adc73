-- The thread that an event belongs to; rows written before this stay without one.
-- checksum: e58a2862bdb66d3274e60144a26dc9d68bbefff834cd29b82b740f38fcf95862934f412665d985715167839e8f0eb377
-- checksum with CR/LF: 5ba8ce5778eb03a8932f9609956e352f2738820e16f5cc7cca55418cf8782fb566d27fb7afd9fe9fa701f752a1776b52
ALTER TABLE logs ADD COLUMN thread_id TEXT;

CREATE INDEX idx_logs_thread_id ON logs(thread_id);
