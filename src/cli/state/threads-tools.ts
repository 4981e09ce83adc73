import { TOOL_KIND } from '../../format/stored-fields.js'
import { findRollout } from '../../inspect/find-rollout.js'
import { findDynamicTools } from '../../inspect/thread-tools.js'
import type { HomeFlags } from '../home-flags.js'
import type { CommandContext } from '../main.js'
import { printedFieldNames, takeBackArgument, writeRecords } from './output.js'
import type { OutputFlags } from './output-flags.js'
import { withSession } from './session.js'
import { requireThread } from './thread-argument.js'

export const THREAD_TOOL_KIND = {
  ...TOOL_KIND,
  shown: ['position', 'namespace', 'name', 'description', 'input_schema'],
}

export async function run(
  context: CommandContext,
  argument: string | undefined,
  flags: HomeFlags & OutputFlags,
): Promise<void> {
  const text = takeBackArgument(THREAD_TOOL_KIND, flags, argument)
  if (printedFieldNames(THREAD_TOOL_KIND, flags, context.io)) return
  await withSession(context, flags, async (session) => {
    const { id, thread } = await requireThread(text, session)
    const { rollout, isHidden } = await findRollout(session.codexHome, id, thread, session.notice)
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
    await writeRecords(THREAD_TOOL_KIND, [rows], flags, session, {
      emptyText: isHidden
        ? `whether thread ${id} has dynamic tools is not known: its rollout cannot be read`
        : `thread ${id} has no dynamic tools`,
    })
  })
}
