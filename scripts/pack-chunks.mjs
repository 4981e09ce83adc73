// Makes one file of the chunks that esbuild splits the commands into. bin/launch.js takes of it what a run needs: a
// start reads and compiles a tenth of both commands, and all chunks of a command at once.
import { createHash } from 'node:crypto'
import { basename, dirname, join } from 'node:path'
import { Script } from 'node:vm'

/**
 * Each chunk is a function that gives what the chunk exports:
 *
 *     (require,load,bundle,__dirname)=>{…;return{name:value}}
 *
 * In front of them stand an id of the whole, of 16 characters; the length of the index, in 8 hexadecimal digits; and the
 * index, as JSON: of each chunk its length and the numbers of the chunks it requires; and the number of each that is loaded
 * by itself. A chunk has a higher number than all that it requires.
 *
 * @param byName name → source file of what is taken by name: the programs, and what a program takes late
 */
export function packChunks({ outputFiles, metafile }, byName) {
  const chunks = outputFiles.map(({ path, text }) => {
    const [output, { imports, entryPoint }] = Object.entries(metafile.outputs).find(
      ([name]) => basename(name) === basename(path),
    )
    const isChunk = ({ path, kind, external }) =>
      kind === 'import-statement' && !external && path in metafile.outputs
    return { output, text, entryPoint, requires: imports.filter(isChunk).map(({ path }) => path) }
  })
  const inOrder = sortByNeed(chunks)
  for (const chunk of inOrder) chunk.requires = withoutDetours(chunk, inOrder)
  const numbers = new Map(inOrder.map(({ output }, number) => [output, number]))
  const taken = new Map(Object.entries(byName).map(([name, source]) => [source, name]))
  const names = new Map(
    inOrder.flatMap(({ output, entryPoint }) =>
      entryPoint === undefined ? [] : [[output, taken.get(entryPoint) ?? nameOf(entryPoint)]],
    ),
  )
  const texts = inOrder.map((chunk) => `${toFunction(chunk, numbers, names)},\n`)
  const index = JSON.stringify({
    chunks: inOrder.map(({ requires }, number) => [
      texts[number].length,
      requires.map((path) => numbers.get(path)),
    ]),
    byName: Object.fromEntries([...names].map(([output, name]) => [name, numbers.get(output)])),
  })
  const id = createHash('sha256').update(texts.join('')).digest('hex').slice(0, 16)
  const length = index.length.toString(16).padStart(8, '0')
  return Buffer.from([id, length, index, ...texts].join(''), 'latin1')
}

/** What is required before what requires it, and what many require first: it is read with the index. */
function sortByNeed(chunks) {
  const byOutput = new Map(chunks.map((chunk) => [chunk.output, chunk]))
  const uses = new Map()
  for (const chunk of chunks.filter(({ entryPoint }) => entryPoint !== undefined)) {
    for (const used of reach(chunk, byOutput)) uses.set(used, (uses.get(used) ?? 0) + 1)
  }
  const sorted = [...chunks].sort(
    (a, b) => (uses.get(b) ?? 0) - (uses.get(a) ?? 0) || (a.output < b.output ? -1 : 1),
  )
  const placed = new Set()
  for (const chunk of sorted) for (const used of reach(chunk, byOutput)) placed.add(used)
  return [...placed]
}

/** A chunk and all that it requires, which comes first. Only what esbuild keeps in one chunk can be a circle. */
function reach(chunk, byOutput, path = [], reached = new Set()) {
  if (path.includes(chunk)) throw new Error(`chunks require each other: ${chunk.output}`)
  if (reached.has(chunk)) return reached
  for (const output of chunk.requires) reach(byOutput.get(output), byOutput, [...path, chunk], reached)
  return reached.add(chunk)
}

/** What a chunk requires, without what is required by something else of it: esbuild lists all. */
function withoutDetours({ requires }, chunks) {
  const byOutput = new Map(chunks.map((chunk) => [chunk.output, chunk]))
  const reached = requires.map((output) => reach(byOutput.get(output), byOutput))
  return requires.filter((output, at) =>
    reached.every((others, other) => other === at || !others.has(byOutput.get(output))),
  )
}

/** As esbuild writes it: `import a,{b as c}from"node:d";`. No text of ours looks like it. */
const IMPORT =
  /\bimport(?:\s+([\w$]+))?,?(?:\*\s*as\s+([\w$]+))?(?:\{([^}]*)\})?\s*(?:from)?\s*"([^"\s]+)";?/g
const IMPORT_CALL = /\bimport\(\s*"([^"]+)"\s*\)/g
const EXPORT = /\bexport\s*\{([^}]*)\};?\s*$/

/** An ES module as a function. Of what it imports nothing changes later, so a constant is as good as a binding. */
function toFunction({ text, output, requires }, numbers, names) {
  const place = (path) => {
    const number = numbers.get(join(dirname(output), path))
    return path.startsWith('./') ? number : JSON.stringify(path)
  }
  const body = text
    .replaceAll(IMPORT, (_, whole, namespace, names, path) => {
      const required = `require(${place(path)})`
      const taken = [whole, namespace, names && `{${names.replaceAll(/\s+as\s+/g, ':')}}`].filter(Boolean)
      // No module of ours does anything but define: what only has to have run may as well run later.
      if (taken.length === 0 && !requires.includes(join(dirname(output), path))) return ''
      return taken.length === 0
        ? `${required};`
        : `const ${taken.map((name) => `${name}=${required}`).join()};`
    })
    .replaceAll(IMPORT_CALL, (_, path) => {
      const name = names.get(join(dirname(output), path))
      if (name === undefined) throw new Error(`${output} loads ${path}, which is not among the chunks`)
      return `load(${place(path)},${JSON.stringify(name)})`
    })
    .replace(EXPORT, (_, names) => `return{${names.split(',').map(toProperty).join()}}`)
    // One byte a character: what it is on disk it is in memory.
    .replaceAll(/[^\x00-\x7f]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
  const written = `(require,load,bundle,__dirname)=>{${body.trim()}}`
  if (/\bimport\(/.test(body)) throw new Error(`${output} imports in a form that is not known here`)
  new Script(written, { filename: output })
  return written
}

/** `local as exported` → `exported:local` */
function toProperty(name) {
  const [local, exported = local] = name.trim().split(/\s+as\s+/)
  return `${exported}:${local}`
}

/** `src/cli/logs/query.ts` → `logs-query` */
function nameOf(entryPoint) {
  return entryPoint
    .split('/')
    .slice(-2)
    .join('-')
    .replace(/\.\w+$/, '')
}
