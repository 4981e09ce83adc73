#!/usr/bin/env node
// The version is looked at first: below Node 22 the SQLite addon would crash the process.
const { isNewEnough, launch } = require('./launch.js')
if (isNewEnough(process.versions.node)) launch('codex-logs')
else require('./restart.js').restart()
