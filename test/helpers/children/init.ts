import { StateRuntime } from '../../../src/runtime.js'
import { dropRoot } from './drop-root.js'

/** Opens the database of the home at argv[2] in the way of argv[3], and says how that went. */
dropRoot()
const [codexHome, way] = [process.argv[2]!, process.argv[3]!]
try {
  const options = { codexHome, defaultProvider: 'openai' }
  using runtime = way === 'init' ? StateRuntime.init(options) : StateRuntime.openExisting(options)
  console.log(`opened ${runtime.dbPath}`)
} catch (error) {
  const { code, message } = error as { code: string; message: string }
  console.log(`${code} ${message}`)
}
