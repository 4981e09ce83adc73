/** Set by CI: the tests that take seconds run too, and each with all that it can do. */
export const TEST_EVERYTHING = Boolean(process.env.TEST_EVERYTHING)

/** A few of many, evenly spread and always the same, the first and the last among them; CI takes all. */
export function sampleOf<Item>(all: readonly Item[], count: number): readonly Item[] {
  if (TEST_EVERYTHING || all.length <= count) return all
  return Array.from(
    { length: count },
    (_, index) => all[Math.round((index * (all.length - 1)) / (count - 1))]!,
  )
}
