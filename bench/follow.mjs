import { spawn } from 'node:child_process'
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { generateLogs } from './generate-logs.mjs'
import { dataFolder, logs, median, node, root } from './measure.mjs'

export async function* measure({ smoke, rounds }) {
  const folder = mkdtempSync(join(tmpdir(), 'codex-state-bench-'))
  const original = generateLogs(join(dataFolder, '100000/logs_2.sqlite'), { rowCount: 100_000 })
  const file = join(folder, 'logs_2.sqlite')
  const startAnew = () => {
    for (const suffix of ['', '-wal', '-shm']) rmSync(file + suffix, { force: true })
    copyFileSync(original, file)
  }
  startAnew()
  try {
    const seconds = smoke ? 2 : 10
    const steady = await latencies(file, [1, 10, seconds])
    yield {
      what: 'tail: commit to printed, 100 commits a second, p50',
      value: at(steady, 0.5),
      unit: 'ms',
      bound: 12,
    }
    yield { what: 'the same, p99', value: at(steady, 0.99), unit: 'ms', bound: 25 }
    const batches = await latencies(file, [128, 2000, seconds])
    yield { what: 'tail: batches of 128 rows, longest', value: at(batches, 1), unit: 'ms', bound: 10 }
    // A folder that reports nothing: that of a link to the database, which is written elsewhere.
    mkdirSync(join(folder, 'link'))
    const link = join(folder, 'link/logs_2.sqlite')
    symlinkSync(file, link)
    const polled = await latencies(file, [1, 50, seconds], link)
    yield {
      what: 'tail: without folder events, p99',
      value: at(polled, 0.99),
      unit: 'ms',
      bound: POLL_MS + 30,
    }
    const idle = await idleShare(file, smoke ? 3 : 60)
    yield { what: 'tail: processor while nothing comes', value: idle * 100, unit: '%', bound: 0.1 }
    for (const [what, command] of [
      ['tail', ['tail', '--json', '-n', '0']],
      ['a dump', ['query', '--json']],
      ['a search', ['query', '--search', 'nowhere to be found']],
    ]) {
      const ratios = []
      let walMiB = 0
      startAnew()
      for (let round = 0; round < (smoke ? 1 : rounds * 2); round++) {
        const alone = await writeBeside(file, undefined)
        const beside = await writeBeside(file, command)
        ratios.push(beside.p50 / alone.p50)
        walMiB = Math.max(walMiB, beside.walMiB)
      }
      yield {
        what: `a writer's commit beside ${what}, against alone`,
        value: median(ratios),
        unit: 'times',
        bound: 1.05,
      }
      yield { what: `its WAL beside ${what}`, value: walMiB, unit: 'MiB', bound: 25 }
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function writer(file, args) {
  return spawn(node, [join(root, 'bench/log-writer.mjs'), file, ...args.map(String)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
}

/** The safety poll of `tail`, by default. */
const POLL_MS = 500

/** Milliseconds from each row's commit to its line, sorted. */
async function latencies(file, args, path = file) {
  const tail = spawn(logs[0], [...logs.slice(1), 'tail', '--format', 'cat', '-n', '0', '--db', path], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const found = []
  createInterface(tail.stdout).on('line', (line) => {
    found.push(performance.timeOrigin + performance.now() - Number.parseFloat(line))
  })
  await sleep(500)
  await ended(writer(file, args))
  await sleep(700)
  tail.kill('SIGTERM')
  await ended(tail)
  return found.sort((a, b) => a - b)
}

/** The share of one processor that an idle tail takes. */
async function idleShare(file, seconds) {
  const tail = spawn(logs[0], [...logs.slice(1), 'tail', '-n', '0', '--db', file], { stdio: 'ignore' })
  await sleep(1000)
  const before = processorTicks(tail.pid)
  await sleep(seconds * 1000)
  const ticks = processorTicks(tail.pid) - before
  tail.kill('SIGTERM')
  await ended(tail)
  return ticks / 100 / seconds
}

function processorTicks(pid) {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ')
  return Number(fields[11]) + Number(fields[12])
}

/** Commit times of a writer of 100 rows every 10 ms for two seconds, a reader at work all the while. */
async function writeBeside(file, command) {
  let isOver = false
  let reader
  const read = async () => {
    while (!isOver && command) {
      reader = spawn(logs[0], [...logs.slice(1), ...command, '--db', file], { stdio: 'ignore' })
      await ended(reader)
    }
  }
  const reading = read()
  if (command) await sleep(400)
  const writing = writer(file, [100, 10, 2])
  let told = ''
  writing.stdout.on('data', (chunk) => {
    told += chunk
  })
  await ended(writing)
  isOver = true
  reader?.kill('SIGTERM')
  await reading
  return JSON.parse(told)
}

function at(sorted, part) {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? Number.POSITIVE_INFINITY
}

function ended(child) {
  return new Promise((done) => child.on('close', done))
}
