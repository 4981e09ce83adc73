/** Milliseconds from a fixed point in the past. `performance.now()` would load a module for it. */
export function monotonicMs(): number {
  const [seconds, nanos] = process.hrtime()
  return seconds * 1000 + nanos / 1e6
}

/** Unix milliseconds, to be held against the times of files. */
export function wallClockMs(): number {
  return Date.now()
}
