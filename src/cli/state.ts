import type { Program } from './command.js'
import { COMPLETION_COMMANDS } from './completion/commands.js'

export const STATE_PROGRAM: Program = {
  name: 'codex-state',
  summary: 'inspect the state of the Codex CLI; read-only, except `backfill run` and `history repair`',
  examples: `
  codex-state threads list --cwd .             the threads of this folder
  codex-state threads show last                all about the newest thread
  codex-state why 019a                         why Codex does not show a thread
  codex-state memories last --cwd . -n 3       what is remembered of this folder
  codex-state du                               what takes room, and what may go
  codex-state threads list --json | jq length  one JSON array
`.slice(1),
  groups: {
    threads: { summary: 'list, show and read threads', default: 'list', ofThread: 'show' },
    memories: { summary: 'what Codex remembers of its threads', default: 'list', ofThread: 'show' },
    history: {
      summary: 'threads with turns that Codex does not show',
      default: 'list',
      ofThread: 'list',
    },
    backfill: { summary: 'import threads from rollout files', default: 'status' },
    tokens: { summary: 'tokens that threads used, and rate limits', default: 'list', ofThread: 'list' },
  },
  commands: {
    'threads list': {
      summary: 'all threads, newest first: active and archived, whatever source, provider or folder',
      load: () => import('./state/threads-list.js'),
    },
    'threads show': {
      summary: 'everything known about one thread, and every place that has data of it',
      load: () => import('./state/threads-show.js'),
    },
    'threads turns': {
      summary: 'what happened in one thread, turn by turn: outcome, calls, tokens',
      load: () => import('./state/threads-turns.js'),
    },
    'threads read': {
      summary: 'print one thread as text: who said and ran what, with outputs and patches',
      load: () => import('./state/threads-read.js'),
    },
    'threads path': {
      summary: 'print the path of its rollout file',
      load: () => import('./state/threads-path.js'),
    },
    'threads tree': {
      summary: 'which threads started which others, with their tokens',
      load: () => import('./state/threads-tree.js'),
    },
    'threads tools': {
      summary: 'the tools that its client added',
      load: () => import('./state/threads-tools.js'),
    },

    'memories list': {
      summary: 'all memories that sessions read, newest first, and where each stands',
      load: () => import('./state/memories-list.js'),
    },
    'memories show': {
      summary: 'what is remembered of one thread; last: the newest memory',
      load: () => import('./state/memories-show.js'),
    },
    'memories last': {
      summary: 'the newest memories of one folder (1, or as many as -n says)',
      load: () => import('./state/memories-last.js'),
    },
    'memories why': {
      summary: 'why a thread has no memory: each condition, and what would change it',
      load: () => import('./state/memories-why.js'),
    },
    'memories given': {
      summary: 'what the next session is given of the memories, or why it is given none',
      load: () => import('./state/memories-given.js'),
    },
    'memories files': {
      summary: 'the files of memories: what made each, and whose text it is',
      load: () => import('./state/memories-files.js'),
    },
    'memories jobs': {
      summary: 'the jobs that make memories: where each stands, and when it is tried again',
      load: () => import('./state/memories-jobs.js'),
    },

    'history list': {
      summary: 'threads with turns that Codex does not show, why, and what helps',
      load: () => import('./state/history-list.js'),
    },
    'history repair': {
      summary: 'have Codex rebuild the turns of one thread',
      load: () => import('./state/history-repair.js'),
    },

    'backfill status': {
      summary: 'how far the import is, and whether anything is wrong with it',
      load: () => import('./state/backfill-status.js'),
    },
    'backfill run': {
      summary: 'import threads from rollout files; writes only with --yes',
      load: () => import('./state/backfill-run.js'),
    },

    search: {
      summary: 'find what was said, done and answered, in all rollouts',
      load: () => import('./state/search.js'),
    },
    'tokens list': {
      summary: 'tokens that threads used, most first, or sums of them by day, model, folder …',
      load: () => import('./state/tokens-list.js'),
    },
    'tokens limits': {
      summary: 'how much of the rate limits of the account was used, newest first',
      load: () => import('./state/tokens-limits.js'),
    },
    goals: {
      summary: 'goals of threads',
      load: () => import('./state/goals.js'),
    },
    jobs: {
      summary: 'fan-out jobs of agents (0.105 to 0.144)',
      load: () => import('./state/jobs.js'),
    },
    tools: {
      summary: 'dynamic tools of all threads (0.95 to 0.135)',
      load: () => import('./state/tools.js'),
    },
    tables: {
      summary: 'every table of this home, and what it holds',
      load: () => import('./state/tables.js'),
    },
    table: {
      summary: 'one table as it is stored',
      load: () => import('./state/table.js'),
    },

    where: {
      summary: 'list every database of the home: what it is for, how old its layout is, how large',
      load: () => import('./where.js'),
    },
    schema: {
      summary: 'applied migrations, compared with those of known Codex releases',
      load: () => import('./state/schema.js'),
    },
    verify: {
      summary: 'check every database for damage',
      load: () => import('./state/verify.js'),
    },
    du: {
      summary: 'what takes room, and what of it may go',
      load: () => import('./state/du.js'),
    },
    locks: {
      summary: 'which processes have the databases open, and which that wrote logs are alive',
      load: () => import('./state/locks.js'),
    },

    export: {
      summary: 'write all threads, tokens or turns to a file: NDJSON, CSV or Parquet',
      load: () => import('./state/export.js'),
    },
    diff: {
      summary: 'compare rollouts with rows: what is missing and what differs',
      load: () => import('./state/diff.js'),
    },
    why: {
      summary: 'why the picker of Codex does not show a thread',
      load: () => import('./state/why.js'),
    },
    schemas: {
      summary: 'print the JSON Schema of what a command prints with --json',
      load: () => import('./schemas-command.js'),
    },
    ...COMPLETION_COMMANDS,
  },
}
