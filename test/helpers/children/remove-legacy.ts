import { retireLegacyStateFiles } from '../../../src/store/legacy-files.js'
import { dropRoot } from './drop-root.js'

/** Takes away what is older than generation 4 from the folder at argv[2], and prints the warnings. */
dropRoot()
retireLegacyStateFiles(process.argv[2]!, 4, (message) => console.log(message))
