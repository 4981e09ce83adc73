import { fileURLToPath } from 'node:url'
import { type Running, startProcess } from './spawn.js'

/** A second process that writes logs; every call ends when its transaction is committed. */
export interface Writer {
  process: Running
  /** Adds rows and gives the last one's id; deletes all but the newest `keep`. */
  insert(count: number, keep?: number): Promise<number>
  /** Adds rows whose bodies are the numbers from `first` on, and gives the last one's id; the first gets `id`. */
  insertNumbered(count: number, first: number, id?: string): Promise<number>
  checkpoint(
    mode: 'PASSIVE' | 'FULL' | 'RESTART' | 'TRUNCATE',
  ): Promise<{ busy: number; log: number; checkpointed: number }>
  exec(sql: string): Promise<void>
  /** Closes the database and ends. */
  close(): Promise<void>
  /** Ends as a crash would: the log stays. */
  kill(): Promise<void>
}

export function startWriter(path: string): Writer {
  const script = fileURLToPath(new URL('log-writer.mjs', import.meta.url))
  const running = startProcess(process.execPath, [script, path], { stdio: 'pipe' })
  let answerCount = 0
  async function ask<T>(...request: unknown[]): Promise<T> {
    const wanted = answerCount++
    running.child.stdin!.write(`${JSON.stringify(request)}\n`)
    await running.until(() => running.stdout.split('\n').length > wanted + 1)
    const answer = JSON.parse(running.stdout.split('\n')[wanted]!) as { result: T; error?: string }
    if (answer.error) throw new Error(answer.error)
    return answer.result
  }
  return {
    process: running,
    insert: (count, keep) => ask('insert', count, ...(keep === undefined ? [] : [keep])),
    insertNumbered: (count, first, id) =>
      ask('insertNumbered', count, first, ...(id === undefined ? [] : [id])),
    checkpoint: (mode) => ask('checkpoint', mode),
    exec: (sql) => ask('exec', sql),
    async close() {
      await ask('close')
      running.child.stdin!.end()
      await running.end()
    },
    async kill() {
      await running.end('SIGKILL')
    },
  }
}
