#!/usr/bin/env node
require('./launch.js').launch('codex-state')
