// A program of somebody else: compiled and run against the installed package by npm.package.ts.
import { StateError, type StateErrorCode } from 'codex-state'

const error = new StateError('DB_NOT_FOUND', 'no database here', { hint: 'look elsewhere' })
const code: StateErrorCode = error.code
console.log(code)
