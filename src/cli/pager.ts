import { StateError } from '../errors.js'
import { ClosedPipe, type OutputStream, type ProcessIo, writeFully } from './io.js'

/**
 * The terminal with a pager, started when there is something to show: until then Ctrl-C ends the program. What is
 * told on stderr meanwhile comes when the pager has left: it would stand across what is shown.
 */
export function pageOutput({
  env,
  stdout: terminal,
  stderr: errors,
}: ProcessIo): Pick<ProcessIo, 'stdout' | 'stderr'> {
  let shown: OutputStream | undefined
  const held: (string | Uint8Array)[] = []
  const stdout: OutputStream = {
    isTerminal: terminal.isTerminal,
    get columns() {
      return terminal.columns
    },
    get rows() {
      return terminal.rows
    },
    get isPaged() {
      return shown?.isPaged ?? false
    },
    write(chunk) {
      if (chunk.length === 0) return
      shown ??= startPager(terminal, env) ?? terminal
      shown.write(chunk)
    },
    check: () => shown?.check?.(),
    async end() {
      await shown?.end?.()
      for (const chunk of held.splice(0)) errors.write(chunk)
    },
  }
  const stderr: OutputStream = {
    isTerminal: errors.isTerminal,
    get columns() {
      return errors.columns
    },
    write(chunk) {
      if (stdout.isPaged) held.push(chunk)
      else errors.write(chunk)
    },
  }
  return { stdout, stderr }
}

/**
 * Starts `$PAGER`, else `less`, on what is written to the stream that is given back; `undefined` where there is
 * none.
 *
 * Never on Windows: there a process's input has no file descriptor. Rows are written to it synchronously, so that
 * nothing piles up in memory while somebody reads the first page.
 */
function startPager(
  { isTerminal, columns }: OutputStream,
  { PAGER }: ProcessIo['env'],
): OutputStream | undefined {
  if (PAGER === '' || PAGER === 'cat' || process.platform === 'win32') return undefined
  const { spawn } = process.getBuiltinModule('node:child_process')
  const [program, args] = PAGER === undefined ? ['less', ['-FIRX']] : ['sh', ['-c', PAGER]]
  const pager = spawn(program, args, { stdio: ['pipe', 'inherit', 'inherit'] })
  pager.on('error', () => {})
  pager.stdin.on('error', () => {})
  // No public way leads to the descriptor.
  const { fd } = (pager.stdin as unknown as { _handle?: { fd?: number } })._handle ?? {}
  if (pager.pid === undefined || fd === undefined || fd < 0) return undefined

  let hasLeft = false
  let isInterrupted = false
  // The pager gets Ctrl-C as well, and stays with what it has until it is left: so must this process.
  const interrupt = () => {
    isInterrupted = true
    pager.stdin.end()
  }
  process.on('SIGINT', interrupt)
  const left = new Promise<void>((resolve) => {
    pager.on('exit', () => {
      hasLeft = true
      process.removeListener('SIGINT', interrupt)
      resolve()
    })
  })
  const check = () => {
    if (hasLeft) throw new ClosedPipe()
    if (isInterrupted) throw new StateError('ABORTED', 'interrupted: not all was shown', { cause: 'SIGINT' })
  }
  return {
    isTerminal,
    columns,
    get isPaged() {
      return !hasLeft
    },
    check,
    write: (chunk) => {
      check()
      writeFully(fd, typeof chunk === 'string' ? Buffer.from(chunk) : chunk)
    },
    end() {
      pager.stdin.end()
      return left
    },
  }
}
