import { ClosedPipe, type Io, type OutputStream, writeFully } from './io.js'

/**
 * Starts `$PAGER`, else `less`, on what is written to the stream that is given back; `undefined` where there is
 * none. This process goes on to live until the pager has ended.
 *
 * Only where a process's input has a file descriptor (not on Windows): rows are written synchronously, so that
 * nothing piles up in memory while somebody reads the first page.
 */
export function startPager(io: Io): OutputStream | undefined {
  const { PAGER } = io.env
  if (PAGER === '' || PAGER === 'cat') return undefined
  const { spawn } = process.getBuiltinModule('node:child_process')
  const [program, args] = PAGER === undefined ? ['less', ['-FIRX']] : ['sh', ['-c', PAGER]]
  const pager = spawn(program, args, { stdio: ['pipe', 'inherit', 'inherit'] })
  pager.on('error', () => {})
  pager.stdin.on('error', () => {})
  // No public way leads to the descriptor.
  const { fd } = (pager.stdin as unknown as { _handle?: { fd?: number } })._handle ?? {}
  if (pager.pid === undefined || fd === undefined || fd < 0) return undefined

  // Ctrl-C is for the pager, which takes it to stop searching; it is left with q.
  const ignore = () => {}
  process.on('SIGINT', ignore)
  pager.on('exit', () => process.removeListener('SIGINT', ignore))
  const { isTerminal, columns } = io.stdout
  return {
    isTerminal,
    columns,
    write: (chunk) => {
      if (pager.exitCode !== null) throw new ClosedPipe()
      writeFully(fd, typeof chunk === 'string' ? Buffer.from(chunk) : chunk)
    },
    end: () => void pager.stdin.end(),
  }
}
