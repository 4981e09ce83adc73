import { onFlag } from './flags.js'

/** Of every command that prints what a home holds. What is redacted is not shown in a pager. */
export const REDACT_FLAGS = {
  redact: onFlag('print [secret:1], [home], [user:1] … instead of secrets, home folders and names'),
}
