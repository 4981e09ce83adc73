#!/usr/bin/env node
// The version is looked at first: below Node 22 the SQLite addon would crash the process.
if (require('./find-node.js').isNewEnough(process.versions.node)) require('../dist/codex-logs.cjs').run()
else require('./restart.js').restart()
