-- The Codex version that began the thread; empty where it is not known.
-- checksum: 1ac64f85e083e5b49b974bf498fc39c630f0032057fb4bf4cb31708619fac5a80189f261cf3e38dafd92dc406e73c220
-- checksum with CR/LF: 5b9674726067e633a00ad2d22475b355c351d5ce62c617af736eea0a2781acf1b09c9561b62c0bb1a10c7cf86434df33
ALTER TABLE threads ADD COLUMN cli_version TEXT NOT NULL DEFAULT '';
