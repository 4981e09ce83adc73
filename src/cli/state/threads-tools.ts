import { TOOL_KIND } from '../../format/stored-fields.js'
import { findRollout } from '../../inspect/find-rollout.js'
import { findDynamicTools } from '../../inspect/thread-tools.js'
import { defineListCommand } from '../records.js'
import { requireThread, THREAD_ARGUMENT } from './thread-argument.js'

export const command = defineListCommand({
  examples: ['threads tools last'],
  kind: { ...TOOL_KIND, shown: ['position', 'namespace', 'name', 'description', 'input_schema'] },
  args: { thread: THREAD_ARGUMENT },
  tables: ['thread_dynamic_tools'],
  async read(session, _, args) {
    const { id, thread } = await requireThread(args.thread, session)
    const { rollout, isHidden } = await findRollout(session.codexHome, { id, thread }, session.notice)
    const tools = await findDynamicTools(session.tryOpen('thread_dynamic_tools'), id, rollout, session.notice)
    const rows = tools.map((tool) => ({
      thread_id: id,
      position: tool.position,
      namespace: tool.namespace,
      name: tool.name,
      description: tool.description,
      input_schema: tool.inputSchema,
      defer_loading: tool.deferLoading,
    }))
    if (rows.length > 0 || !isHidden) {
      return { pages: [rows], emptyText: `thread ${id} has no dynamic tools` }
    }
    const unknown = `whether thread ${id} has dynamic tools is not known: its rollout cannot be read`
    session.notice(unknown)
    // Said already, and only once.
    return { pages: [], emptyText: unknown }
  },
})
