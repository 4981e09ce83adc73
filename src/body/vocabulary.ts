/**
 * The words of Codex's log bodies, of every release that was tried together: the parser needs them only where the
 * text alone can be read in two ways. A new release's words are read without them.
 */

/** The spans and, in the order they are written in, the fields of each. */
export const SPAN_FIELDS: Readonly<Record<string, string>> = {
  apply_rollout_reconstruction: 'thread_id rollout_item_count',
  'app_server.request':
    'otel.kind otel.name rpc.system rpc.method rpc.transport rpc.request_id app_server.connection_id app_server.api_version app_server.client_name app_server.client_version',
  'app_server.thread_start.attach_listener': 'otel.name thread_start.experimental_raw_events',
  'app_server.thread_start.config_snapshot': 'otel.name',
  'app_server.thread_start.create_thread':
    'otel.name thread_start.dynamic_tool_count thread_start.persist_extended_history',
  'app_server.thread_start.notify_started': 'otel.name',
  append_items: 'item_count',
  build_extension_turn_input_items: 'user_input_count',
  build_skills_and_plugins: '',
  build_tool_call: '',
  built_tools: 'turn_id model apps_enabled',
  capture_binding_with_metadata: '',
  'codex.turn_input': 'conversation.id turn.id',
  consume_startup_prewarm_for_regular_turn: '',
  dispatch_tool_call_with_code_mode_result:
    'otel.name tool_name call_id aborted thread.id conversation.id turn.id turn_id tool_source codex.tool.phase',
  dispatch_tool_call_with_state: '',
  dispatch_tool_call_with_terminal_outcome: '',
  drain_in_flight: '',
  'endpoint_session.stream_encoded_json_with': 'http.method api.path',
  'endpoint_session.stream_with': 'http.method api.path',
  'environments.resolve': 'environment_id remote configuration_pending',
  get_model_info: 'model',
  handle_output_item_done: '',
  handle_response_stream_error: 'request',
  handle_responses: 'otel.name from tool_name codex.request.reasoning_effort codex.response.receive_wait_ms',
  handle_tool_call: '',
  handle_tool_call_with_source: '',
  initialize: '',
  list_all_tools: 'mcp_server_count',
  list_models: 'refresh_strategy',
  load: '',
  load_with_cli_overrides: '',
  'mcp.request': '',
  'mcp.runtime.refresh': '',
  'mcp.runtime.resolve_for_step': 'turn.id',
  'model_client.stream_responses_api':
    'model wire_api transport http.method api.path turn.has_metadata_header',
  'model_client.stream_responses_websocket':
    'model wire_api transport api.path turn.has_metadata_header websocket.warmup',
  'model_client.websocket_connection': 'provider wire_api transport api.path turn.has_metadata_header',
  new: 'server_name',
  persist_rollout_items: 'item_count',
  receiving_stream: '',
  record_context_updates_and_set_reference_context_item: '',
  record_conversation_items: 'item_count',
  'regular_task.prepare_run_turn': '',
  'responses.stream': 'transport http.method api.path turn.has_state',
  'responses.stream_request': 'transport http.method api.path',
  'responses_websocket.connect': 'transport api.path',
  'responses_websocket.stream_request': 'transport api.path',
  resume_running_thread: '',
  resume_thread_with_history: '',
  run_auto_compact: 'reason phase',
  run_hooks_and_record_inputs: '',
  run_pre_sampling_compact: '',
  run_sampling_request: 'turn_id model cwd',
  run_turn: 'conversation.id turn.id',
  'run_turn.collect_post_sampling_state': '',
  run_turn_stop_hooks: '',
  serve_inner: '',
  'session.flush_rollout': '',
  session_init: '',
  'session_init.mcp_manager_init': 'otel.name',
  'session_init.thread_persistence': 'otel.name session_init.ephemeral',
  session_loop: 'thread_id',
  'session_task.run': '',
  shell_snapshot: 'thread_id',
  'skills.shadow_selection.rank': 'catalog_entries',
  start_server_task: 'server_name',
  startup_prewarm: 'otel.name thread.id prewarm.input',
  'startup_prewarm.resolve': '',
  'step_context.capture': '',
  stream_request: '',
  submission_dispatch: 'otel.name submission.id codex.op',
  thread_spawn: 'otel.name',
  track_turn_resolved_config_analytics: 'input_count',
  try_run_sampling_request: 'turn_id model',
  turn: 'otel.name thread.id turn.id model codex.turn.reasoning_effort codex.turn.token_usage.input_tokens codex.turn.token_usage.cached_input_tokens codex.turn.token_usage.non_cached_input_tokens codex.turn.token_usage.output_tokens codex.turn.token_usage.reasoning_output_tokens codex.turn.token_usage.total_tokens codex.turn.token_usage.cache_write_input_tokens',
  'turn_context.build': 'build_mode',
  'unified_exec.exec_command': 'conversation.id turn_id call_id unified_exec_process_id mode',
  'world_state.build': '',
}

/** Fields of spans that hold any text without quotes: a folder may be called `a}:b c=1`. */
export const TEXT_SPAN_FIELDS: readonly string[] = ['cwd']

/** What stands directly below a span that holds such text; of a span that is not here, anything. */
export const SPANS_BELOW: Readonly<Record<string, readonly string[]>> = {
  run_sampling_request: ['try_run_sampling_request', 'built_tools', 'handle_response_stream_error'],
}

/** The target of events that come from Rust's `log` crate: they have a message and never a field. */
export const LOG_CRATE_TARGET = 'log'

/** How an event of one place in the program is read: where its message ends, and which of its fields hold any text. */
export interface CallSite {
  /** How the event begins; `''` for one without a message. */
  head: string
  /** Its fields. */
  keys: string
  /** Those of them that hold text without quotes, in which ` word=` may occur. */
  texts?: string
  /** The message holds such text itself: it ends at the last place where its fields fit, not at the first. */
  isTextBeforeFields?: true
  /** What follows a text where its own words cannot be told from fields; the last such place counts. */
  ends?: Readonly<Record<string, RegExp>>
}

/** Events that are one text up to their end. */
const wholly = (...heads: string[]): CallSite[] => heads.map((head) => ({ head, keys: '' }))

const TURN_SITES = [
  ...wholly('Turn error: '),
  {
    head: 'stream disconnected - retrying sampling request',
    keys: 'turn_id retries max_retries sampling_error',
    texts: 'sampling_error',
  },
]

const OTEL_CONTEXT =
  'event.timestamp conversation.id app.version auth_mode user.account_id user.email originator terminal.type model slug'

const OTEL_SITES: CallSite[] = [
  ...['codex.sse_event', 'codex.websocket_event', 'codex.api_request', 'codex.websocket_request'].map(
    (name) => ({
      head: `event.name="${name}"`,
      keys:
        'event.name event.kind duration_ms success error.message input_token_count output_token_count ' +
        'cached_token_count reasoning_token_count tool_token_count http.response.status_code attempt endpoint ' +
        'auth.header_attached auth.header_name auth.retry_after_unauthorized auth.recovery_mode auth.recovery_phase ' +
        'auth.connection_reused auth.request_id auth.cf_ray auth.error auth.error_code ' +
        'auth.env_openai_api_key_present auth.env_codex_api_key_present auth.env_codex_api_key_enabled ' +
        'auth.env_provider_key_name auth.env_provider_key_present auth.env_refresh_token_url_override_present ' +
        OTEL_CONTEXT,
      texts: 'error.message',
    }),
  ),
  {
    head: 'event.name="codex.tool_result"',
    keys:
      'event.name tool_name call_id arguments duration_ms success output arguments_length output_length ' +
      `output_line_count tool_origin mcp_tool mcp_server mcp_server_origin ${OTEL_CONTEXT}`,
    texts: 'arguments output',
    ends: {
      arguments: / duration_ms=\d+ success=(?:true|false) output=/g,
      output: / mcp_server=\S* mcp_server_origin=\S* event\.timestamp=/g,
    },
  },
]

const STARTUP_SYNC: CallSite[] = ['git sync failed', 'GitHub HTTP sync failed'].map((head) => ({
  head,
  keys: 'error backup_archive_api_url git_binary',
  texts: 'error',
}))

const FEATURED_PLUGINS: CallSite[] = [
  { head: 'failed to warm featured plugin', keys: 'error', texts: 'error' },
]

const REQUESTS: CallSite[] = [
  { head: 'Request completed', keys: 'method url status headers version', texts: 'status' },
  { head: 'Request failed', keys: 'method url is_timeout is_connect error', texts: 'error' },
]

const REQUEST_BODIES = wholly('POST to ', 'GET to ')

const SUBMISSIONS: CallSite[] = [
  {
    head: 'Submission',
    keys: 'sub thread_id submission_id operation parent_turn_id root_turn_id op',
  },
]

/** By target; in each list the first head that fits counts. */
export const CALL_SITES: Readonly<Record<string, readonly CallSite[]>> = {
  'codex_core::codex': [...TURN_SITES, ...SUBMISSIONS],
  'codex_core::session::turn': TURN_SITES,
  'codex_core::responses_retry': TURN_SITES,
  'codex_core::session::handlers': SUBMISSIONS,
  'codex_core::stream_events_utils': [
    { head: 'ToolCall: ', keys: 'thread_id', isTextBeforeFields: true },
    { head: 'Output item', keys: 'item item_type item_id' },
  ],
  'codex_core::tools::router': [{ head: '', keys: 'error', texts: 'error' }],
  'codex_core::mcp_tool_call': wholly('MCP tool call error: '),
  'codex_mcp::rmcp_client': [
    { head: 'MCP server startup failed', keys: 'server_name error', texts: 'error' },
  ],
  'codex_rmcp_client::rmcp_client': wholly('MCP server stderr ('),
  'codex_rmcp_client::stdio_server_launcher': wholly('MCP server stderr ('),
  'codex_otel.log_only': OTEL_SITES,
  'codex_otel.trace_safe': OTEL_SITES,
  'codex_client::transport': REQUEST_BODIES,
  'codex_http_client::transport': REQUEST_BODIES,
  'codex_client::default_client': REQUESTS,
  'codex_http_client::client': REQUESTS,
  'codex_http_client::default_client': REQUESTS,
  'codex_api::sse::responses': wholly('SSE event: ', 'SSE Error: '),
  'codex_api::endpoint::responses_websocket': [
    ...wholly(
      'websocket event: ',
      'websocket request: ',
      'connecting to websocket: ',
      'failed to connect to websocket: ',
    ),
  ],
  'codex_core_plugins::startup_sync': STARTUP_SYNC,
  'codex_core::plugins::startup_sync': STARTUP_SYNC,
  'codex_core_plugins::manager': FEATURED_PLUGINS,
  'codex_core::plugins::manager': FEATURED_PLUGINS,
  'codex_app_server_transport::transport::remote_control::websocket': [
    { head: 'waiting to resolve remote control preference', keys: 'error', texts: 'error' },
  ],
  'codex_exec_server::client::http_client::route_aware_http_client': [
    {
      head: 'http/request send failed',
      keys: 'http_method error_is_timeout error_is_connect error',
      texts: 'error',
    },
  ],
  'hyper_util::client::legacy::connect::http': wholly('Http::connect; '),
  'codex_tui::app::agent_message_consolidation': wholly('ConsolidateAgentMessage: '),
  'codex_tui::chatwidget': wholly('handle_codex_event: '),
  'codex_core::spawn': wholly('spawn_child_async: '),
}
