-- The Codex version that began the thread; empty where it is not known.
-- checksum: 1ac64f85e083e5b49b974bf498fc39c630f0032057fb4bf4cb31708619fac5a80189f261cf3e38dafd92dc406e73c220
ALTER TABLE threads ADD COLUMN cli_version TEXT NOT NULL DEFAULT '';
