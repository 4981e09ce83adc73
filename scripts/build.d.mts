/** Gives the names of the packages that went into the bundles. */
export function build(): Promise<string[]>
export function buildAll(): Promise<void>
