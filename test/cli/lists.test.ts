import { join } from 'node:path'
import Database from 'better-sqlite3'
import { describe, expect, test } from 'vitest'
import type { Command, Program } from '../../src/cli/command.js'
import { LOGS_PROGRAM } from '../../src/cli/logs.js'
import { STATE_PROGRAM } from '../../src/cli/state.js'
import { copyHome } from '../helpers/homes.js'
import { type RunResult, runLogs, runState } from '../helpers/run.js'

const home = ['--codex-home', copyHome('codex-0.169.0')]

interface Listed {
  program: string
  path: string
  command: Command
  run: typeof runLogs
}

async function listCommands(program: Program, run: typeof runLogs): Promise<Listed[]> {
  const commands = Object.entries(program.commands).map(async ([path, entry]) => ({
    program: program.name,
    path,
    run,
    ...(await entry.load()),
  }))
  return (await Promise.all(commands)).filter(
    ({ command }) =>
      command.writes === undefined && command.jsonForms.some(({ shape }) => shape !== 'object'),
  )
}

/** Every command that prints any number of records. */
const LISTS = [
  ...(await listCommands(LOGS_PROGRAM, runLogs)),
  ...(await listCommands(STATE_PROGRAM, runState)),
  // One never ends, and of the other an empty answer is a verdict.
].filter(({ path }) => path !== 'tail' && path !== 'threads read')

function lineOf({ path, command }: Listed): string[] {
  const words = Object.values(command.args).flatMap(({ form, example }) =>
    form === 'required' ? [example ?? ''] : [],
  )
  return [...path.split(' '), ...words, ...home]
}

function countRecords({ stdout }: RunResult): number {
  return stdout.startsWith('[') ? JSON.parse(stdout).length : stdout.split('\n').length - 1
}

const csvFlags = ({ command }: Listed) => ('csv' in command.flags ? ['--csv'] : ['--format', 'csv'])

test('the columns that scripts get without a choice are these', async () => {
  const columns: Record<string, string> = {}
  for (const list of LISTS) {
    const { stdout } = await list.run([...lineOf(list), ...csvFlags(list)])
    columns[`${list.program} ${list.path}`] = stdout.slice(0, stdout.indexOf('\n'))
  }
  expect(columns).toMatchInlineSnapshot(`
    {
      "codex-logs check": "result,check,says",
      "codex-logs errors": "count,last_at,name,message,where",
      "codex-logs explain": "name,severity,what",
      "codex-logs mcp": "server,state,started_after_ms,calls,failed_calls,timed_out_calls,stderr_lines,pid,why",
      "codex-logs query": "id,time,ts,ts_nanos,level,target,body,thread_id,process_uuid,module_path,file,line",
      "codex-logs stats": "level,rows,row_share,size_bytes,byte_share,first_at,last_at",
      "codex-logs stuck": "stuck,id,title,does,silent_ms,pid,alive",
      "codex-logs turns": "number,started_at,duration_ms,outcome,calls_count,waits,prompt",
      "codex-logs where": "role,generation,age,size_bytes,wal_bytes,migrations,last_write,rule,path",
      "codex-state diff": "difference,id,field,row,rollout,path",
      "codex-state du": "kind,size_bytes,files",
      "codex-state goals": "thread_id,status,updated_at_ms,tokens_used,token_budget,objective",
      "codex-state history list": "thread_id,turns_shown,turns,line,problem,cure",
      "codex-state jobs": "id,name,status,items_completed,items_failed,item_count,updated_at",
      "codex-state locks": "pid,alive,does,database,last_log_at,command",
      "codex-state memories files": "kind,made_by,size_bytes,modified_at,thread_id,orphan,path",
      "codex-state memories jobs": "pipeline,phase,job_key,state,started_at,words",
      "codex-state memories last": "thread_id,remembered_at,state,usage_count,cwd,summary",
      "codex-state memories list": "thread_id,remembered_at,state,usage_count,cwd,summary",
      "codex-state schema": "database,version,description,state,line_ends,installed_on,first_release,note",
      "codex-state search": "thread_id,turn,at,who,text",
      "codex-state table": "database,version,description,installed_on,success,checksum,execution_time",
      "codex-state tables": "name,database,rows,holds",
      "codex-state threads list": "id,updated_at,archived,source,model_provider,cwd,label",
      "codex-state threads tools": "position,namespace,name,description,input_schema",
      "codex-state threads tree": "agent_nickname,id,agent_role,status,tokens_used,subtree_tokens,label",
      "codex-state threads turns": "number,started_at,duration_ms,outcome,prompt,calls,total_tokens,model",
      "codex-state tokens limits": "at,limit_id,plan_type,window,used_percent,resets_at,reached,thread_id",
      "codex-state tokens list": "id,input_tokens,cached_input_tokens,output_tokens,reasoning_output_tokens,total_tokens,responses,label",
      "codex-state tools": "thread_id,position,name,description,input_schema",
      "codex-state verify": "database,state,problems,rebuildable,meaning",
      "codex-state where": "role,generation,age,size_bytes,wal_bytes,migrations,last_write,rule,path",
    }
  `)
})

describe.each(LISTS)('$program $path', (list) => {
  const line = lineOf(list)

  test('an empty list is an answer, and exit code 1 only with --exit-code', async () => {
    const isArray = list.command.jsonForms.some(({ shape }) => shape === 'array')
    const found = await list.run([...line, '--json'])
    const empty = await list.run([...line, '--json', '-n', '0'])
    // Nothing is wrong with this home: a verdict says so, however much of it is shown.
    expect(found.exitCode).toBe(0)
    expect(empty).toMatchObject({ stdout: isArray ? '[]\n' : '', exitCode: 0 })
    const asked = await list.run([...line, '--json', '-n', '0', '--exit-code'])
    expect(asked).toMatchObject({ stdout: empty.stdout, exitCode: 1 })
    const isSomething = found.stdout.length > '[]\n'.length
    expect((await list.run([...line, '--json', '--exit-code'])).exitCode).toBe(isSomething ? 0 : 1)
  })

  test('CSV has the records of the JSON, each on a line below a header', async () => {
    const [{ stdout }, json] = [
      await list.run([...line, ...csvFlags(list)]),
      await list.run([...line, '--json']),
    ]
    const [header, ...rows] = stdout.split('\n').slice(0, -1)
    expect(header).toMatch(/^[\w:]+(,[\w:]+)*$/)
    expect(rows).toHaveLength(countRecords(json))
  })

  // What `query` shows of several rows may be one line.
  test.skipIf(list.path === 'query')('a terminal has a line of each, or a sentence of none', async () => {
    const shown = await list.run(line, { isTerminal: true })
    const count = countRecords(await list.run([...line, '--json']))
    if (count > 0) expect(shown.stdout.split('\n').slice(0, -1).length).toBeGreaterThan(count)
    else expect([shown.stdout, shown.stderr]).toEqual(['', expect.stringMatching(/ (no|nothing) /)])
  })
})

test('CSV quotes what a reader of CSV would take for more, and tells times and flags as JSON does', async () => {
  const fields = 'id,archived,created_at,name,title'
  const argv = ['threads', 'list', '--search', '🧺', '--fields', fields, ...home]
  expect((await runState([...argv, '--csv'])).stdout).toBe(
    `${fields}\n01a1fb72-1070-7d72-a57b-9ce71b9c75c6,false,2026-11-21T00:11:58.962Z,Naming: “Basketwise” 🧺,"Rename the project, please."\n`,
  )
  expect(await runState([...argv, '--csv', '--json'])).toMatchObject({ exitCode: 2 })
  const quoted = await runState([
    'threads',
    'list',
    '--search',
    'staged, unstaged',
    '--csv',
    '-n',
    '1',
    ...home,
  ])
  expect(quoted.stdout.split('\n')[1]).toContain('"Review the current code changes (staged, unstaged,')
})

test('CSV for a spreadsheet has no formula in it', async () => {
  const copy = copyHome('codex-0.169.0')
  const database = new Database(join(copy, 'state_5.sqlite'))
  database.exec(`UPDATE threads SET title = '=HYPERLINK("http://example.org")'`)
  database.close()
  const argv = ['threads', 'list', '-n', '1', '--fields', 'title', '--codex-home', copy]
  expect((await runState([...argv, '--csv'])).stdout).toBe('title\n"=HYPERLINK(""http://example.org"")"\n')
  expect((await runState([...argv, '--csv-safe'])).stdout).toBe(
    `title\n"'=HYPERLINK(""http://example.org"")"\n`,
  )
})

test('-q prints whole ids, on a terminal too, and --print0 ends each with a NUL', async () => {
  const { stdout } = await runState(['threads', 'list', '-q', ...home])
  const ids = stdout.split('\n').slice(0, -1)
  expect(ids).toHaveLength(25)
  const argv = ['threads', 'list', '-q', '--print0', ...home]
  for (const isTerminal of [false, true]) {
    expect((await runState(argv, { isTerminal })).stdout).toBe(ids.map((id) => `${id}\0`).join(''))
  }
  expect((await runState(['threads', 'list', '-q', ...home], { isTerminal: true })).stdout).toBe(stdout)
  expect(await runState(['threads', 'list', '--print0', ...home])).toMatchObject({ exitCode: 2 })
})
