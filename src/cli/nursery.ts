import { setFlagsFromString } from 'node:v8'

let isHeld = false

/**
 * V8's nursery for young objects grows no more in this process. bin/code-cache.js sets the flag back before it keeps
 * code, which V8 takes only under the flags that it was made under.
 */
export function holdNursery(): void {
  if (!isHeld) setFlagsFromString('--semi-space-growth-factor=1')
  isHeld = true
}
