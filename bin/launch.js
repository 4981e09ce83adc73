const { existsSync, openSync, readFileSync, readSync } = require('node:fs')
const { dirname } = require('node:path')
const { Script } = require('node:vm')

// Not joined: that takes longer than to open the file.
const DIST = `${dirname(__dirname)}/dist`

/** Runs a command, and ends the process. */
exports.launch = async (name) => {
  await openProgram(name).start().run()
  // All is written by now. To take Node apart piece by piece, as it does where nothing is left to do, takes longer.
  process.exit()
}

function openProgram(name) {
  const ahead = `${DIST}/code`
  if (existsSync(ahead)) return exports.open(DIST, name, (part) => `${ahead}/${part}`)
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

/** Of the id that the file of chunks begins with, and all that is kept of it. */
const ID_BYTES = 16
exports.ID_BYTES = ID_BYTES

/** Of what is kept: the id, the length of the code in hexadecimal, the code, and what it was made of. */
const CODE_AT = ID_BYTES + 8

/** Opens the file of chunks that scripts/pack-chunks.mjs describes, and gives its id. */
exports.openChunks = (dist) => {
  const file = openSync(`${dist}/commands.chunks`, 'r')
  return { file, id: exports.readFrom(file, 0, ID_BYTES).latin1Slice() }
}

/**
 * Opens a program. What is loaded in one turn is a part: it is compiled in one script with all that it requires. Where
 * a part is kept, its source and the code that V8 made of it are read in one piece: compiling takes half of what a start
 * costs on top of Node's own, and putting chunks together a tenth. The file of chunks stays open, so that a program that
 * runs for long is not left with half of another version.
 * https://nodejs.org/api/vm.html#new-vmscriptcode-options
 *
 * @param findKept gives the path where a part of the program may be kept, by its name
 * @returns `start`, which gives what the program exports; the parts that it has taken so far; the id of the chunks
 */
exports.open = (dist, name, findKept) => {
  const { file, id } = exports.openChunks(dist)
  const functions = []
  const values = []
  const taken = []
  const wanted = new Map()
  const takenByName = new Map()
  let loaded = name
  let index

  /** Compiles a part: what is wanted with all that it requires, but what is present. Gives the numbers of its chunks. */
  function compile(partName, findWanted, present) {
    const path = findKept(`${partName}.code`)
    let part = exports.readKept(path, id)
    if (!part) {
      const { gather, readIndex } = require('./chunks.js')
      index ??= readIndex(file)
      part = gather(file, index, findWanted(index), present)
    }
    const { numbers, source, cachedData } = part
    const script = new Script(source, { filename: `codex-state:${partName}`, cachedData })
    script.runInThisContext().forEach((chunk, at) => {
      functions[numbers[at]] ??= chunk
    })
    taken.push({ path, numbers, source, script })
    return numbers
  }

  function take(place) {
    if (typeof place === 'string') return require(place)
    values[place] ??= functions[place](take, load, bundle, dist)
    return values[place]
  }
  take.resolve = require.resolve

  function load(number, name) {
    if (!functions[number]) wanted.set(number, name)
    return Promise.resolve().then(() => {
      if (wanted.size > 0) {
        // What is compiled now depends on what was before.
        loaded += `.${[...wanted.values()].join('+')}`
        compile(loaded, () => [...wanted.keys()], functions)
        wanted.clear()
      }
      return take(number)
    })
  }

  const bundle = {
    /** A part that is the same whatever is present. A chunk stands behind all that it requires. */
    take(name) {
      if (!takenByName.has(name)) {
        const numbers = compile(name, ({ byName }) => [byName[name]], [])
        takenByName.set(name, take(numbers.at(-1)))
      }
      return takenByName.get(name)
    },
    get url() {
      return require('node:url').pathToFileURL(`${dist}/commands.chunks`).href
    },
  }
  return { start: () => bundle.take(name), taken, id }
}

exports.readFrom = (file, position, length) => {
  const bytes = Buffer.allocUnsafeSlow(length)
  if (readSync(file, bytes, 0, length, position) < length) throw new Error('commands.chunks is cut short')
  return bytes
}

/** V8 itself compares no more of a source than its length, so the id tells whether it is of these chunks. */
exports.readKept = (path, id) => {
  if (path === undefined) return undefined
  try {
    const kept = readFileSync(path)
    if (kept.latin1Slice(0, ID_BYTES) !== id) return undefined
    const codeEnd = CODE_AT + Number.parseInt(kept.latin1Slice(ID_BYTES, CODE_AT), 16)
    const lineEnd = kept.indexOf(10, codeEnd)
    const { numbers, length } = JSON.parse(kept.latin1Slice(codeEnd, lineEnd))
    const source = kept.latin1Slice(lineEnd + 1)
    return source.length === length
      ? { numbers, source, cachedData: kept.subarray(CODE_AT, codeEnd) }
      : undefined
  } catch {
    return undefined
  }
}
