// The output of `npm test`: failed files and tests alone, then what was left out for want of a program. On a terminal
// a line at its end shows how far it is.
import { DefaultReporter } from 'vitest/node'

export default class TestReporter extends DefaultReporter {
  printTestModule(module) {
    if (module.state() === 'failed') super.printTestModule(module)
  }

  printTestCase(state, test) {
    if (test.result().state === 'failed') super.printTestCase(state, test)
  }

  onTestRunEnd(modules, errors, reason) {
    super.onTestRunEnd(modules, errors, reason)
    const counts = countByProgram(modules)
    if (counts.size === 0) return
    const programs = [...counts].sort(([one], [other]) => one.localeCompare(other))
    const list = programs.map(([name, count]) => `${name} (${count})`).join(', ')
    process.stdout.write(`Tests left out for want of a program: ${list}\n`)
    if (process.env.TEST_EVERYTHING) {
      process.stdout.write('TEST_EVERYTHING is set: that is a failure\n')
      process.exitCode = 1
    }
  }
}

/** The program → how many tests were left out because it is missing. */
function countByProgram(modules) {
  const counts = new Map()
  for (const module of modules) {
    for (const test of module.children.allTests('skipped')) {
      const names = /^needs (.+)$/.exec(test.result().note ?? '')?.[1].split(', ') ?? []
      for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1)
    }
  }
  return counts
}
