import { DASH, DOT, UNDERSCORE } from '../model/bytes.js'
import type { TextScanner } from './find-secrets.js'
import { copyText } from './plain-text.js'

/** A place of a name in a text: UTF-16 offsets, the end is not part of it. */
export interface FoundName {
  readonly start: number
  readonly end: number
  readonly kind: 'user' | 'host'
}

interface Name {
  readonly name: string
  readonly kind: 'user' | 'host'
}

export interface NameFinder {
  /** Looked for from now on, in the text at hand too; a name that says nothing of a person is not. */
  add(name: string, kind: 'user' | 'host'): void
  /** Wherever a name stands as a word. The places are those at which the scanner saw one begin. */
  find(text: string, places: readonly number[], found: { push(name: FoundName): void }): void
  /** The text at hand is done: names that it brought are told to the scanner. */
  endText(): void
}

/** Names that say nothing of a person. */
const COMMON_NAMES =
  /^(?:root|user|users|admin|administrator|ubuntu|debian|codex|home|git|runner|node|public|shared|default|localhost|guest|me|dev|test|www|app|build|vscode|.{0,2})$/i

/** Names of people and machines: the scanner sees those begin that it knows; each other one is a search of its own. */
export function createNameFinder(scanner: TextScanner): NameFinder {
  const known: Record<Name['kind'], Set<string>> = { user: new Set(), host: new Set() }
  /** By the first three characters. */
  const scanned = new Map<string, readonly Name[]>()
  /** Names that the scanner does not know yet, and those that it cannot see begin. */
  let searched: Name[] = []

  return {
    add(name, kind) {
      if (known[kind].has(name) || COMMON_NAMES.test(name)) return
      const own = copyText(name)
      known[kind].add(own)
      searched.push({ name: own, kind })
    },
    find(text, places, found) {
      for (const at of places) {
        for (const { name, kind } of scanned.get(text.slice(at, at + 3)) ?? []) {
          if (text.startsWith(name, at) && isWord(text, at, at + name.length))
            found.push({ start: at, end: at + name.length, kind })
        }
      }
      for (const { name, kind } of searched) {
        for (let at = text.indexOf(name); at >= 0; at = text.indexOf(name, at + name.length)) {
          if (isWord(text, at, at + name.length)) found.push({ start: at, end: at + name.length, kind })
        }
      }
    },
    endText() {
      const rest: Name[] = []
      for (const name of searched) {
        if (!/^[A-Za-z0-9]/.test(name.name)) rest.push(name)
        else {
          const beginning = name.name.slice(0, 3)
          // Who is a user and a machine is a user first.
          const others = scanned.get(beginning) ?? []
          scanned.set(beginning, name.kind === 'user' ? [name, ...others] : [...others, name])
          scanner.addName(name.name)
        }
      }
      searched = rest
    },
  }
}

/** Part of a longer name (`acme-demo`, `demo-notes`, `demo.rs`) is another name. */
function isWord(text: string, start: number, end: number): boolean {
  const isAlone =
    !isNameCharacter(text.charCodeAt(start - 1)) || /\\[nrt]$/.test(text.slice(Math.max(0, start - 2), start))
  if (!isAlone) return false
  const next = text.charCodeAt(end)
  return next === DOT ? !/\w/.test(text[end + 1] ?? '') : !isNameCharacter(next)
}

/** A letter, a digit, `_`, `-` or `.` of ASCII. */
function isNameCharacter(code: number): boolean {
  const letter = code | 32
  return (
    (letter >= 97 && letter <= 122) ||
    (code >= 48 && code <= 57) ||
    code === UNDERSCORE ||
    code === DASH ||
    code === DOT
  )
}
