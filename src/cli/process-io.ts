import { fstatSync } from 'node:fs'
import type { WriteStream } from 'node:tty'
import { type OutputStream, type ProcessIo, type StartWorker, writeFully } from './io.js'

/** The process around the commands. */
export function createProcessIo(startWorker: StartWorker): ProcessIo {
  let controller: AbortController | undefined
  let stdout = createOutput(1)
  let stderr = createOutput(2)
  const io: ProcessIo = {
    get stdout() {
      return stdout
    },
    get stderr() {
      return stderr
    },
    get stdinIsTerminal() {
      return isTerminalAt(0)
    },
    env: process.env,
    workingFolder: process.cwd(),
    get userHome() {
      return process.getBuiltinModule('node:os').homedir()
    },
    now: Date.now,
    startWorker,
    interruption() {
      if (!controller) {
        const created = new AbortController()
        controller = created
        for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
          process.once(signal, () => created.abort(signal))
        }
      }
      return controller.signal
    },
    async redact() {
      const { redactStreams } = await import('./redact.js')
      const redacted = redactStreams(io)
      stdout = redacted.stdout
      stderr = redacted.stderr
    },
    async page() {
      const { pageOutput } = await import('./pager.js')
      const paged = pageOutput(io)
      stdout = paged.stdout
      stderr = paged.stderr
    },
  }
  return io
}

/** Not `process.stdout`: touching it costs milliseconds and makes a pipe non-blocking. */
function createOutput(fd: 1 | 2): OutputStream {
  const isTerminal = isTerminalAt(fd)
  const sizeNow = createSizeReader(fd)
  return {
    isTerminal,
    get columns() {
      return isTerminal ? sizeNow().columns : undefined
    },
    get rows() {
      return isTerminal ? sizeNow().rows : undefined
    },
    write(chunk) {
      writeFully(fd, typeof chunk === 'string' ? Buffer.from(chunk) : chunk)
    },
  }
}

/** One stream for all looks: each opens the terminal once more and never closes it. */
function createSizeReader(fd: number): () => { columns: number; rows: number } {
  let stream: (WriteStream & { _refreshSize?(): void }) | undefined
  return () => {
    if (stream) {
      // Node refreshes only `process.stdout` by itself.
      stream._refreshSize?.()
    } else {
      stream = new (process.getBuiltinModule('node:tty').WriteStream)(fd)
      // A terminal that went away keeps the size it had.
      stream.on('error', () => undefined)
    }
    return stream
  }
}

/** `node:tty` costs two milliseconds, so it is asked only about what may be a terminal. */
function isTerminalAt(fd: number): boolean {
  try {
    const stat = fstatSync(fd)
    const isNull = process.platform === 'linux' && stat.rdev === LINUX_DEV_NULL
    const mayBe = process.platform === 'win32' || (stat.isCharacterDevice() && !isNull)
    return mayBe && process.getBuiltinModule('node:tty').isatty(fd)
  } catch {
    // Closed by whoever started us.
    return false
  }
}

/** Major 1, minor 3: https://docs.kernel.org/admin-guide/devices.html */
const LINUX_DEV_NULL = 0x103
