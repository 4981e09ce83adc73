/** A row of `thread_memory`, which only 0.97, 0.98 and our own generation have. */
export interface ThreadMemory {
  threadId: string
  traceSummary: string
  memorySummary: string
  /** Unix seconds; every write moves it forward. */
  updatedAtSeconds: number
}
