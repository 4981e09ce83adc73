export const LOG_FILES: string[]
export const THREAD_COUNT: number
export const NEWEST_SECONDS: number
export function generateLogs(path: string, options: { rowCount: number; withTurns?: boolean }): string
