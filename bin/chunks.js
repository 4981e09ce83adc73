// Of the file of chunks that scripts/pack-chunks.mjs describes: for a part of a program that is not kept yet.
const { ID_BYTES, readFrom } = require('./launch.js')

/** Of the length of the index, in hexadecimal. */
const LENGTH_BYTES = 8

/** Where its chunks are, and what each requires. */
exports.readIndex = (file) => {
  const indexLength = Number.parseInt(readFrom(file, ID_BYTES, LENGTH_BYTES).latin1Slice(), 16)
  const indexAt = ID_BYTES + LENGTH_BYTES
  const { chunks, byName } = JSON.parse(readFrom(file, indexAt, indexLength).latin1Slice())
  const starts = [indexAt + indexLength]
  for (const [length] of chunks) starts.push(starts.at(-1) + length)
  return { chunks, byName, starts }
}

/** Chunks and all that they require, but what is there already, in an array. */
exports.gather = (file, { chunks, starts }, wanted, present) => {
  const numbers = new Set()
  const add = (number) => {
    if (present[number] || numbers.has(number)) return
    numbers.add(number)
    for (const required of chunks[number][1]) add(required)
  }
  for (const number of wanted) add(number)
  const inOrder = [...numbers].sort((a, b) => a - b)
  const texts = inOrder.map((number) => readFrom(file, starts[number], chunks[number][0]).latin1Slice())
  return { numbers: inOrder, source: `'use strict';[${texts.join('')}]` }
}
