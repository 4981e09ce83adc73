import { build } from '../../scripts/build.mjs'

/** The tests that spawn `bin/*` run the shipped bundle, so it is built first. */
export default async function setup(): Promise<void> {
  await build()
}
