import { removeLegacyStateFiles } from '../../../src/store/legacy-files.js'
import { dropRoot } from './drop-root.js'

/** Removes what is older than generation 4 from the folder at argv[2], and prints the warnings. */
dropRoot()
removeLegacyStateFiles(process.argv[2]!, 4, (message) => console.log(message))
