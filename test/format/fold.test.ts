import { expect, test } from 'vitest'
import { createFolder, type Folded, type FoldOptions } from '../../src/format/fold.js'
import type { LogSummary } from '../../src/model/log-summary.js'

const OPTIONS: FoldOptions = {
  kindOf: ({ text }) => text.replaceAll(/\d+/g, '#'),
  dayOf: ({ tsSeconds }) => String(Math.floor(tsSeconds / 86_400)),
  countsInTurn: false,
}
const MIDNIGHT = 1_795_219_200

function row(text: string, rest: Partial<LogSummary> & { at?: number } = {}): LogSummary {
  const { at = 0, ...own } = rest
  return {
    id: 1,
    tsSeconds: MIDNIGHT + Math.floor(at),
    tsNanos: Math.round((at % 1) * 1e9),
    level: 'INFO',
    target: 'codex_core::session',
    threadId: null,
    text,
    fields: [],
    turn: undefined,
    isFailure: false,
    ...own,
  }
}

/** One row after another, a tenth of a second between them. */
function rowsOf(texts: string, rest: Partial<LogSummary> = {}): LogSummary[] {
  return texts.split(' ').map((text, index) => row(text, { at: index / 10, ...rest }))
}

function fold(rows: readonly LogSummary[], options: Partial<FoldOptions> = {}): Folded[] {
  const folder = createFolder({ ...OPTIONS, ...options })
  return [...rows.flatMap((one) => folder.add(one)), ...folder.flush()]
}

/** `a`, `b×3`, `[2]×4` for four rounds of the two before. */
function describe(folded: readonly Folded[]): string {
  return folded
    .map((one) => {
      if (one.kind === 'repeats') return `[${one.repeats.period}]×${one.repeats.rounds}`
      const { first, count, againCount } = one.group
      return first.text + (count > 1 ? `×${count}` : '') + (againCount > 0 ? `+${againCount}` : '')
    })
    .join(' ')
}

test('rows that come again in the same order are shown once and counted, two by chance are not', () => {
  expect(describe(fold(rowsOf('a b c a b c a b c a b c')))).toBe('a b c [3]×3')
  expect(describe(fold(rowsOf('a b a b')))).toBe('a b a b')
  expect(describe(fold(rowsOf('x a b a b a b y')))).toBe('x a b [2]×2 y')
  expect(describe(fold(rowsOf('a b c d e f '.repeat(4).trim())))).toBe('a b c d e f [6]×3')
  // A round that was not finished stands by itself.
  expect(describe(fold(rowsOf('a b c a b c a b c a b x')))).toBe('a b c [3]×2 a b x')
  // Seven are more than can be seen together.
  expect(describe(fold(rowsOf('a b c d e f g '.repeat(3).trim())))).not.toContain('[')
})

test('alike neighbours within a round are counted with it, as many as there are each time', () => {
  const told = fold(rowsOf('a a b a b a a a b'))
  expect(describe(told)).toBe('a×2 b [2]×2')
  expect(told[2]).toMatchObject({ repeats: { rowCount: 6, isSame: true } })
})

test('a round says whether its rows are the same, and from when to when they are', () => {
  const [, , repeats] = fold(rowsOf('a1 b a2 b a3 b a4 b', { level: 'DEBUG' }))
  expect(repeats).toMatchObject({ repeats: { isSame: false, rowCount: 6, badCounts: new Map() } })
  expect(repeats).toMatchObject({ repeats: { first: { text: 'a2' }, last: { tsNanos: 700_000_000 } } })
})

test('a warning is shown once and counted by name, one with other words is shown itself', () => {
  const warning = (text: string, at: number) => row(text, { level: 'WARN', at })
  const rounds = (texts: readonly string[]) =>
    texts.flatMap((text, index) => [row('a', { at: index }), warning(text, index)])
  const same = fold(rounds(['w', 'w', 'w', 'w']))
  expect(describe(same)).toBe('a w [2]×3')
  expect(same[2]).toMatchObject({ repeats: { badCounts: new Map([['WARN', 3]]) } })
  expect(describe(fold(rounds(['w1', 'w2', 'w3', 'w4'])))).toBe('a w1 a w2 a w3 a w4')
})

test('failures and turns are never counted in a round', () => {
  for (const own of [
    { isFailure: true },
    { turn: { kind: 'start', id: 'T', text: '' } },
  ] satisfies Partial<LogSummary>[]) {
    const rows = rowsOf('a f a f a f a f').map((one) => (one.text === 'f' ? { ...one, ...own } : one))
    expect(describe(fold(rows))).toBe('a f a f a f a f')
  }
  // Nor are failures with other words taken for each other, whatever their level.
  const failures = rowsOf('f1 f2 f2', { isFailure: true, level: 'DEBUG' })
  expect(describe(fold(failures))).toBe('f1 f2×2')
})

test('a silence, a new day and a step back in time are not hidden', () => {
  const at = (text: string, ...times: number[]) => times.map((time) => row(text, { at: time }))
  expect(describe(fold(at('a', 0, 5, 10, 30, 31)))).toBe('a×3 a×2')
  expect(describe(fold(at('a', 86_399, 86_400)))).toBe('a a')
  expect(describe(fold(at('a', 5, 3)))).toBe('a a')
  const trio = (time: number) => ['a', 'b', 'c'].map((text) => row(text, { at: time }))
  expect(describe(fold([0, 1, 2, 3, 60, 61, 62].flatMap(trio)))).toBe('a b c [3]×3 a b c [3]×2')
})

test('rows of other threads, places and levels are others', () => {
  const [a, b] = [row('a'), row('b')]
  for (const other of [{ threadId: 't' }, { target: 'x' }, { level: 'DEBUG' }]) {
    expect(describe(fold([a, b, a, b, { ...a, ...other }, b]))).toBe('a b a b a b')
  }
})

test('whoever follows is shown what there is, and counts go on where they were', () => {
  const folder = createFolder(OPTIONS)
  const batch = (texts: string, at: number) =>
    describe([...texts.split(' ').flatMap((text) => folder.add(row(text, { at }))), ...folder.flush()])
  expect(batch('a b c', 0)).toBe('a b c')
  expect(batch('a b c', 1)).toBe('a b c')
  expect(batch('a b c', 2)).toBe('[3]×1')
  expect(batch('a b c a b c', 3)).toBe('[3]×2')
  expect(batch('a b', 4)).toBe('a b')
  expect(batch('c x', 5)).toBe('c x')
  // After a screen of counts the rows are shown again.
  const counts = Array.from({ length: 20 }, (_, index) => batch('a b c', 6 + index))
  expect(counts.slice(0, 13)).toEqual(['a b c', 'a b c', ...Array(10).fill('[3]×1'), 'a b c'])
})

/** What the rows were by what is shown of them: runs of alike rows in their order. */
function unfold(folded: readonly Folded[]): string[] {
  const runs: string[] = []
  for (const one of folded) {
    if (one.kind === 'rows') runs.push(one.group.kind)
    else {
      const round = runs.slice(-one.repeats.period)
      for (let time = 0; time < one.repeats.rounds; time++) runs.push(...round)
    }
  }
  return runs.filter((run, index) => run !== runs[index - 1])
}

function countRows(folded: readonly Folded[]): number {
  return folded.reduce(
    (sum, one) => sum + (one.kind === 'rows' ? one.group.count + one.group.againCount : one.repeats.rowCount),
    0,
  )
}

function createRandom(seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0
    return Math.floor((state / 2 ** 32) * below)
  }
}

/** Rounds of a few rows with others between them, among them warnings and failures. */
function randomRows(random: (below: number) => number): LogSummary[] {
  const rows: LogSummary[] = []
  let at = 0
  while (rows.length < 300) {
    const period = 1 + random(7)
    const letters = Array.from({ length: period }, () => 'abcdwf'[random(6)]!)
    for (let round = random(9); round > 0; round--) {
      for (const letter of letters) {
        at += random(50) === 0 ? random(30) : random(5) / 100
        const level = letter === 'w' ? 'WARN' : letter === 'd' ? 'DEBUG' : 'INFO'
        const text = letter === 'd' || random(20) === 0 ? `${letter}${random(3)}` : letter
        rows.push(row(text, { at, level, isFailure: letter === 'f' }))
      }
    }
  }
  return rows
}

test('in one piece and batch by batch each row is told, in its order, and none is told otherwise later', () => {
  for (let seed = 1; seed <= 50; seed++) {
    const random = createRandom(seed)
    const rows = randomRows(random)
    const kinds = rows.map(OPTIONS.kindOf)
    const runs = kinds.filter((kind, index) => kind !== kinds[index - 1])
    for (const mostInBatch of [Number.POSITIVE_INFINITY, 40, 7, 1]) {
      const folder = createFolder(OPTIONS)
      const told: Folded[] = []
      const asTold: string[] = []
      const tell = (folded: readonly Folded[]) => {
        told.push(...folded)
        asTold.push(...folded.map((one) => JSON.stringify(one)))
      }
      let left = mostInBatch
      for (const [index, one] of rows.entries()) {
        tell(folder.add(one))
        if (--left > 0) continue
        tell(folder.flush())
        expect(countRows(told), `${seed}`).toBe(index + 1)
        left = 1 + random(mostInBatch)
      }
      tell(folder.flush())
      expect(unfold(told), `${seed}, ${mostInBatch}`).toEqual(runs)
      expect(countRows(told), `${seed}, ${mostInBatch}`).toBe(rows.length)
      expect(told.map((one) => JSON.stringify(one))).toEqual(asTold)
      const shown = new Set(told.flatMap((one) => (one.kind === 'rows' ? [one.group.first.text] : [])))
      for (const { level, text, isFailure } of rows) {
        if (level === 'WARN' || isFailure) expect(shown.has(text), `${seed}: ${text}`).toBe(true)
      }
    }
  }
})

test('rows that are never alike are held back by the dozen, long ones not at all', () => {
  const folder = createFolder({ ...OPTIONS, kindOf: ({ text }) => text })
  let told = 0
  for (let index = 0; index < 1000; index++) {
    told += folder.add(row(`row ${index}`, { at: index / 100 })).length
    expect(index + 1 - told).toBeLessThanOrEqual(13)
  }
  folder.flush()
  const long = (letter: string) => row(letter.repeat(20_000))
  expect(folder.add(long('a'))).toEqual([])
  expect(folder.add(long('b')).length).toBe(1)
})
