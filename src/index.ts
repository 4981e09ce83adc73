export * from './errors.js'
export type * from './model/log.js'
export type * from './model/thread.js'
