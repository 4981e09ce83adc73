import { readFileSync, rmSync } from 'node:fs'
import { dirname } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import type { SearchQuery } from '../../src/model/search.js'
import { createHomeIndex } from '../../src/rollout/home-index.js'
import { listRollouts } from '../../src/rollout/list.js'
import { createRolloutSearcher, findLines } from '../../src/rollout/search-file.js'
import { createBytesFilter, createMatcher, findRequired } from '../../src/rollout/search-text.js'
import { wordsOf } from '../../src/rollout/search-words.js'
import { readTurns } from '../../src/rollout/turns.js'
import { copyFixtureHome } from '../helpers/homes.js'
import { createRandom } from '../helpers/random.js'
import { PLAIN_SEARCH } from '../helpers/rollouts.js'

const homes = ['items-0.120.0', 'items-0.140.0', 'items-0.153.0', 'items-0.169.0'].map((name) => ({
  name,
  home: copyFixtureHome('items', name),
}))

afterAll(() => {
  for (const { home } of homes) rmSync(dirname(home), { recursive: true, force: true })
})

async function search(home: string, query: Partial<SearchQuery>) {
  const { files } = await listRollouts(home)
  const searcher = createRolloutSearcher(
    { ...PLAIN_SEARCH, ...query },
    { findRollout: createHomeIndex(home) },
  )
  return (await searcher.searchAll(files.map(({ path }) => path))).flatMap(({ hits }) => hits)
}

describe('the look at the bytes', () => {
  test.each(homes)('passes over no file of $name that has what is looked for', async ({ home }) => {
    const random = createRandom(14)
    const { files } = await listRollouts(home)
    let checked = 0
    for (const { path } of files.filter((file) => file.path.endsWith('.jsonl'))) {
      const bytes = readFileSync(path)
      const { turns, outside } = await readTurns(path, { findRollout: async () => undefined })
      for (const entry of [...turns.flatMap(({ entries }) => entries), ...outside])
        for (const { text } of wordsOf(entry))
          for (let round = 0; round < 3; round += 1) {
            const start = random.below(text.length)
            const part = text.slice(start, start + 1 + random.below(30))
            for (const ignoresCase of [false, true]) {
              const typed = ignoresCase ? part.toUpperCase() : part
              if (createMatcher({ text: typed, isRegex: false, ignoresCase }).find(text) === undefined)
                continue
              const filter = createBytesFilter({ text: typed, isRegex: false, ignoresCase })
              expect(filter?.mayMatchPart(bytes) ?? true, `a part of ${path}`).toBe(true)
              expect(filter?.mayMatch(bytes) ?? true, `${JSON.stringify(typed)} in ${path}`).toBe(true)
              checked += 1
            }
          }
    }
    expect(checked).toBeGreaterThan(1000)
  })

  test.each([
    ['quokka', ['quokka']],
    ['qu?okka+s', ['q', 'okka', 's']],
    ['a{0,2}bc{2}d', ['bc', 'd']],
    ['[a-z]{5}-q[a-z]okka', ['-q', 'okka']],
    ['(abc|def)ghi', ['ghi']],
    ['abc|def', []],
    ['(abc|def)?ghi', ['ghi']],
    ['^\\s*error: \\d+ of\\.', ['error: ', ' of.']],
    ['\\x41bc\\u0041de\\bfgh', ['bc', 'de', 'fgh']],
    ['[\\]a]bc', ['bc']],
    ['a.b$', ['a', 'b']],
  ])('finds what must be in all that matches %s', (pattern, wanted) => {
    expect(findRequired(pattern)).toEqual(wanted)
  })
})

test('Letters that are the same but for capitals are looked for in all their forms', () => {
  const query = { text: 'ς', isRegex: false, ignoresCase: true }
  for (const text of ['ς', 'σ', 'Σ']) {
    expect(createMatcher(query).find(text)).toBeDefined()
    expect(createBytesFilter(query)?.mayMatch(Buffer.from(text))).toBe(true)
  }
})

test('A pattern is held against each line of a text, what it says of the ends of lines too', () => {
  const text = 'one\r\ntwo three\n🧺 four'
  const find = (pattern: string) =>
    findLines(text, createMatcher({ text: pattern, isRegex: true, ignoresCase: false }), 0).map(
      (found) => found.text,
    )
  expect(find('^two')).toEqual(['two three'])
  expect(find('one$')).toEqual(['one'])
  expect(find('^(?![\\s\\S]*four)')).toEqual(['one', 'two three'])
  expect(find('(?<=^)🧺')).toEqual(['🧺 four'])
  expect(find('\\p{Emoji_Presentation} \\u{66}')).toEqual(['🧺 four'])
  expect(find('e\\nt')).toEqual([])
})

describe('what is searched', () => {
  test.each(homes)(
    '$name: items are found at their turn, whatever their kind, and each once',
    async ({ home }) => {
      const { files } = await listRollouts(home)
      let checked = 0
      for (const { path } of files) {
        const { turns } = await readTurns(path, { findRollout: createHomeIndex(home) })
        for (const turn of turns)
          for (const entry of turn.entries) {
            if (entry.kind !== 'item' || entry.isInherited) continue
            const [words] = wordsOf(entry)
            const text = words?.text.split('\n').find((line) => line.trim().length > 12)
            if (words === undefined || text === undefined || checked >= 60) continue
            checked += 1
            const hits = await search(home, { text, places: [words.place] })
            expect(
              hits.filter(({ turnId, lineNumber }) => turnId === turn.id && lineNumber === entry.lineNumber),
            ).toHaveLength(1)
          }
      }
      expect(checked).toBeGreaterThan(20)
    },
  )

  test('Instructions, the environment and pictures are not', async () => {
    for (const { home } of homes)
      for (const text of ['environment_context', 'AGENTS.md instructions', 'iVBORw0KGgo'])
        expect(await search(home, { text }), text).toEqual([])
  })

  test('Places are kept apart, and lines around a match can be asked for', async () => {
    const { home } = homes.at(-1)!
    const all = await search(home, { text: 'tick', contextLines: 1 })
    expect(new Set(all.map(({ place }) => place))).toEqual(
      new Set(
        ['user', 'calls', 'output', 'assistant'].filter((place) => all.some((hit) => hit.place === place)),
      ),
    )
    const output = await search(home, { text: 'tick 2', places: ['output'], contextLines: 1 })
    expect(output.length).toBeGreaterThan(0)
    expect(output.every(({ place }) => place === 'output')).toBe(true)
    expect(output.some(({ before, after }) => before.join() === 'tick 1' && after.join() === 'tick 3')).toBe(
      true,
    )
  })
})
