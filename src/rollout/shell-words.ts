/** Arguments of a command as one line that a shell would read as these arguments. */
export function joinArguments(words: readonly string[]): string {
  return words.map(quoteArgument).join(' ')
}

const BARE = /^[A-Za-z0-9+\-./:@\]_]+/

/** A caret is safe only as the first character of a quote. */
const SINGLE = /^(?:\^[^'\\^]*|[^'\\^]+)/

const DOUBLE = /^[^`$!^]+/

/** A word is glued together from the longest pieces that one way of quoting can hold. */
function quoteArgument(word: string): string {
  if (word === '') return "''"
  let quoted = ''
  for (let rest = word; rest !== ''; ) {
    const [bare, single, double] = [BARE, SINGLE, DOUBLE].map((piece) => piece.exec(rest)?.[0] ?? '')
    const length = Math.max(bare!.length, single!.length, double!.length)
    if (bare!.length === length) quoted += bare
    else if (single!.length === length) quoted += `'${single}'`
    else quoted += `"${double!.replace(/["\\]/g, '\\$&')}"`
    rest = rest.slice(length)
  }
  return quoted
}
