const { existsSync, openSync, readFileSync, readSync } = require('node:fs')
const { dirname, join } = require('node:path')
const { Script } = require('node:vm')

const DIST = join(dirname(__dirname), 'dist')

/** Runs a command, and ends the process. */
exports.launch = async (name) => {
  await openProgram(name).start().run()
  // All is written by now. To take Node apart piece by piece, as it does where nothing is left to do, takes longer.
  process.exit()
}

function openProgram(name) {
  const ahead = join(DIST, 'code')
  if (existsSync(ahead)) return exports.open(DIST, name, (part) => join(ahead, part))
  // A package brings no code along: it is of use to one version of V8 alone. It is made at the first run.
  const { findCache, keepAtExit } = require('./code-cache.js')
  const opened = exports.open(DIST, name, findCache(process))
  keepAtExit(opened)
  return opened
}

exports.isNewEnough = (version) => {
  const [major, minor] = version.split('.').map(Number)
  return major > 22 || (major === 22 && minor >= 12)
}

/** The index has to fit; the chunks behind it are those that most runs need. */
const HEAD_BYTES = 65_536

/** What stands around the chunks. */
const BEGIN = `'use strict';[`
const END = ']'

/**
 * Opens a program: the file of chunks that scripts/pack-chunks.mjs describes. A chunk that is needed is compiled in
 * one script with all that it requires, and from the code that V8 made of that script, where that is kept: compiling
 * takes half of what a start costs on top of Node's own. The file stays open, so that a program that runs for long is
 * not left with half of another version. https://nodejs.org/api/vm.html#new-vmscriptcode-options
 *
 * @param findCode gives the path of the code of a part of the program, by its name, where one may be
 * @returns `start`, which gives what the program exports; the scripts that it has taken so far, with the path of the
 *   code of each; the id of the file
 */
exports.open = (dist, name, findCode) => {
  const file = openSync(join(dist, 'commands.chunks'), 'r')
  const head = Buffer.allocUnsafe(HEAD_BYTES)
  const headLength = readSync(file, head, 0, HEAD_BYTES, 0)
  const indexEnd = head.indexOf(10)
  const { id, chunks, programs } = JSON.parse(head.latin1Slice(0, indexEnd))
  const starts = [indexEnd + 1]
  for (const [length] of chunks) starts.push(starts.at(-1) + length)

  function readInto(source, at, start, end) {
    const length = end - start
    if (end <= headLength) head.copy(source, at, start, end)
    else if (readSync(file, source, at, length, start) < length)
      throw new Error('commands.chunks is cut short')
    return at + length
  }

  /** The chunks in an array. Texts that are joined would be copied twice more, which V8 has to clear away. */
  function readArray(numbers) {
    const length = numbers.reduce((sum, number) => sum + chunks[number][0], BEGIN.length + END.length)
    const source = Buffer.allocUnsafeSlow(length)
    let filled = source.latin1Write(BEGIN, 0)
    for (let at = 0; at < numbers.length; ) {
      const first = numbers[at]
      while (numbers[at + 1] === numbers[at] + 1) at++
      filled = readInto(source, filled, starts[first], starts[numbers[at++] + 1])
    }
    source.latin1Write(END, filled)
    return source.latin1Slice()
  }

  const functions = []
  const values = []
  const taken = []
  let part = ''

  function gather(number, gathered) {
    if (functions[number] || gathered.has(number)) return gathered
    gathered.add(number)
    for (const required of chunks[number][1]) gather(required, gathered)
    return gathered
  }

  function compile(number) {
    const numbers = [...gather(number, new Set())].sort((a, b) => a - b)
    // What is compiled now depends on what was before.
    part += `${part && '.'}${chunks[number][2]}`
    const path = findCode(`${part}.code`)
    const script = new Script(readArray(numbers), {
      filename: `codex-state:${part}`,
      cachedData: readCode(path, id),
    })
    script.runInThisContext().forEach((chunk, at) => {
      functions[numbers[at]] = chunk
    })
    taken.push({ path, script })
  }

  function take(place) {
    if (typeof place === 'string') return require(place)
    if (!values[place]) {
      if (!functions[place]) compile(place)
      values[place] = functions[place](take, load, bundle, dist)
    }
    return values[place]
  }
  take.resolve = require.resolve

  const load = (place) => Promise.resolve().then(() => take(place))
  const bundle = {
    get url() {
      return require('node:url').pathToFileURL(join(dist, 'commands.chunks')).href
    },
  }
  return { start: () => take(programs[name]), taken, id }
}

/** Begins with the id of the chunks that it was made of: V8 itself compares no more of a source than its length. */
function readCode(path, id) {
  if (path === undefined) return undefined
  try {
    const code = readFileSync(path)
    return code.latin1Slice(0, id.length) === id ? code.subarray(id.length) : undefined
  } catch {
    return undefined
  }
}
