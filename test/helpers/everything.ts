/** Set by CI: the tests that take seconds run too, and each with all that it can do. */
export const TEST_EVERYTHING = Boolean(process.env.TEST_EVERYTHING)
