import { StateError } from '../errors.js'
import type { Io } from './io.js'

/** Reads one thing; where there is none, that is a value too for who reads JSON: `null`. The error goes on. */
export async function readOrNull<Thing>(
  isJson: boolean,
  io: Io,
  read: () => Thing | Promise<Thing>,
): Promise<Thing> {
  try {
    return await read()
  } catch (error) {
    if (isJson && error instanceof StateError && error.code === 'NOT_FOUND') io.stdout.write('null\n')
    throw error
  }
}
