// Where a source file can be changed by one small thing, and the file with all those changes inside, each asleep until
// its number is called: `a < b` becomes `(__change(7) ? a <= b : a < b)`.
import { parseAst } from 'vitest/node'

const OPERATORS = {
  '===': '!==',
  '!==': '===',
  '<': '<=',
  '<=': '<',
  '>': '>=',
  '>=': '>',
  '+': '-',
  '-': '+',
  '&&': '||',
  '||': '&&',
}
const isOperation = ({ type, operator }) => /^(Binary|Logical)Expression$/.test(type) && operator in OPERATORS

/** Calls that choose or order what they are called on: left out, all of it stays. */
const CHOOSING = /^(?:filter|slice|sort|toSorted|reverse|toReversed|trim|trimEnd|toLowerCase|flat)$/

const SQL = /\b(?:SELECT|FROM|WHERE|ORDER BY|LIMIT|strftime|GLOB|COLLATE|IS NULL|IS NOT NULL)\b|'localtime'/
const IN_SQL = [
  [/, 'localtime'/, ''],
  [/ AND /, ' OR '],
  [/ OR /, ' AND '],
  [/ DESC\b/, ''],
  [/ ORDER BY (?=[\w"])/, ' ORDER BY 1, '],
  [/ >= /, ' > '],
  [/ <= /, ' < '],
  [/ > /, ' >= '],
  [/ < /, ' <= '],
  [/ = /, ' <> '],
  [/ IS NOT NULL/, ' IS NULL'],
  [/ IS NULL/, ' IS NOT NULL'],
  [/\bDISTINCT /, ''],
  [/\bmax\(/, 'min('],
  [/\bmin\(/, 'max('],
  [/\bLIMIT 1\b/, 'LIMIT 0'],
]

/** The kinds of change of one expression, and the text that would stand in its place. */
function* changesOf(node, textOf) {
  const text = textOf(node)
  if (isOperation(node)) {
    // A `+` may join texts: only beside a number it is taken for a sum.
    const isSum = node.operator === '+' || node.operator === '-'
    if (!isSum || [node.left, node.right].some(({ value }) => typeof value === 'number')) {
      yield ['operator', `(${textOf(node.left)}) ${OPERATORS[node.operator]} (${textOf(node.right)})`]
    }
  }
  if (node.type === 'LogicalExpression' && node.operator === '??') yield ['no default', textOf(node.left)]
  if (node.type === 'UnaryExpression' && node.operator === '!') yield ['negation', textOf(node.argument)]
  if (node.type === 'ArrayExpression' && node.elements.length > 0) {
    const left = node.elements.slice(0, -1).map((element) => (element ? textOf(element) : ''))
    yield ['shorter list', `[${left.join(', ')}]`]
  }
  if (node.type === 'CallExpression' && node.callee.type === 'MemberExpression' && !text.includes('?.')) {
    if (CHOOSING.test(textOf(node.callee.property))) yield ['left out call', textOf(node.callee.object)]
  }
  if (node.type === 'Literal' && typeof node.value === 'number') {
    yield ['number', node.value < 2 ? String(node.value + 1) : `(${text} * 100)`]
  }
  if (node.type === 'Literal' && typeof node.value === 'boolean') yield ['boolean', String(!node.value)]
  const isText =
    node.type === 'TemplateLiteral' || (node.type === 'Literal' && typeof node.value === 'string')
  if (isText && SQL.test(text)) {
    for (const [pattern, instead] of IN_SQL) {
      if (pattern.test(text)) yield ['SQL', text.replace(pattern, instead)]
    }
  } else if (isText && text.length > 2) {
    yield ['empty text', "''"]
  }
}

/** The parts of a node that run: no types, no names of properties, no paths of modules. */
function partsOf(node) {
  if (/^(?:Import|TS(?!AsExpr|SatisfiesExpr|NonNullExpr))/.test(node.type)) return []
  const skipped = /^(?:typeAnnotation|returnType|type(?:Parameters|Arguments)|source|directive|quasis|quasi)$/
  return Object.entries(node)
    .filter(([key]) => !skipped.test(key) && !(key === 'key' && !node.computed))
    .flatMap(([, value]) => value)
    .filter((value) => typeof value?.type === 'string' && !value.directive)
    .sort((a, b) => a.start - b.start)
}

/**
 * The program with its changes inside, and what they are: `addSite` takes one and gives its number. A site outside of
 * any function is tried by loading the file alone.
 */
export function insertChanges(path, source, addSite) {
  const textOf = ({ start, end }) => source.slice(start, end)
  const lineOf = (index) => source.slice(0, index).split('\n').length
  const add = (node, kind, after, isInFunction) =>
    addSite({ path, line: lineOf(node.start), kind, before: textOf(node), after, isInFunction })

  function print(node, parent, isInFunction) {
    const isFunction = /Function/.test(node.type)
    let text = ''
    let end = node.start
    for (const part of partsOf(node)) {
      // A shorthand property holds the same node twice.
      if (part.start < end) continue
      text += source.slice(end, part.start) + print(part, node, isInFunction || isFunction)
      end = part.end
    }
    text += source.slice(end, node.end)

    if (node.type === 'BlockStatement' && /Function/.test(parent.type) && node.body.length > 1) {
      return `{ if (__change(${add(node, 'early return', 'return', true)})) return; ${text.slice(1)}`
    }
    if (
      node.type === 'ExpressionStatement' &&
      !/^super\(/.test(text) &&
      /Call|Await/.test(node.expression.type)
    ) {
      return `{ if (!__change(${add(node, 'left out', '', isInFunction)})) ${text} }`
    }
    for (const [kind, after] of changesOf(node, textOf)) {
      text = `(__change(${add(node, kind, after, isInFunction)}) ? ${after} : ${text})`
    }
    const isCondition = parent && /^(?:If|Conditional)/.test(parent.type) && parent.test === node
    if (isCondition && !isOperation(node) && node.type !== 'UnaryExpression') {
      text = `(__change(${add(node, 'condition', `!(${textOf(node)})`, isInFunction)}) ? !(${textOf(node)}) : ${text})`
    }
    return text
  }

  const program = parseAst(source, { lang: 'ts', sourceType: 'module' })
  return `const __change = globalThis.__change ?? (() => false); ${source.slice(0, program.start)}${print(program)}${source.slice(program.end)}`
}
