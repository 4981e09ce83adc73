import nodePath, { join, type PlatformPath } from 'node:path'
import { parse as parseToml } from 'smol-toml'
import { readSmallFile } from './small-file.js'

export interface HomeRequest {
  /** As typed after `--codex-home`. */
  typedHome: string | undefined
  env: Readonly<Record<string, string | undefined>>
  /** The user's own home folder. */
  userHome: string
  workingFolder: string
  /** How paths are written: as on this system, unless a test says otherwise. */
  paths?: PlatformPath
}

/** Which rule said where the databases are. */
export type HomeRule = '--codex-home' | 'CODEX_HOME' | 'default' | 'sqlite_home' | 'CODEX_SQLITE_HOME'

export interface CodexHome {
  /** Holds `config.toml`, `sessions/`, `archived_sessions/`, `session_index.jsonl`. */
  codexHome: string
  /** Holds the databases. */
  sqliteHome: string
  /** The rule that gave `sqliteHome`. */
  rule: HomeRule
  /** Why `config.toml` was not used, in one line, when it is there and cannot be. */
  notice?: string
}

/**
 * Where a Codex home and its databases are: the home as typed, else `CODEX_HOME`, else `~/.codex`; in it
 * `sqlite_home` of `config.toml`, else `CODEX_SQLITE_HOME`, else the home itself. A home that a person typed
 * is not overruled by the environment. Blank values count as unset; `~` is the user's home; a relative
 * `sqlite_home` is taken from the home, a relative variable from the working folder (as Codex does).
 */
export function resolveHome(request: HomeRequest): CodexHome {
  const { typedHome, env, userHome, workingFolder, paths = nodePath } = request
  const resolveFrom = (folder: string, value: string) => resolveValue(paths, userHome, folder, value)
  const fromEnv = nonBlank(env.CODEX_HOME)
  const typed = nonBlank(typedHome)
  const codexHome =
    typed !== undefined
      ? resolveFrom(workingFolder, typed)
      : fromEnv !== undefined
        ? resolveFrom(workingFolder, fromEnv)
        : paths.join(userHome, '.codex')
  const { sqliteHome, notice } = readSqliteHome(codexHome)
  const fromSqliteEnv = typed === undefined ? nonBlank(env.CODEX_SQLITE_HOME) : undefined
  const found: Omit<CodexHome, 'notice'> =
    sqliteHome !== undefined
      ? { codexHome, sqliteHome: resolveFrom(codexHome, sqliteHome), rule: 'sqlite_home' }
      : fromSqliteEnv !== undefined
        ? {
            codexHome,
            sqliteHome: resolveFrom(workingFolder, fromSqliteEnv),
            rule: 'CODEX_SQLITE_HOME',
          }
        : {
            codexHome,
            sqliteHome: codexHome,
            rule: typed !== undefined ? '--codex-home' : fromEnv !== undefined ? 'CODEX_HOME' : 'default',
          }
  return notice === undefined ? found : { ...found, notice }
}

function readSqliteHome(codexHome: string): { sqliteHome?: string; notice?: string } {
  const { path, text, problem } = readConfig(codexHome)
  if (problem !== undefined) return { notice: `${problem}, so a sqlite_home in it is not used` }
  // Most configurations do not have the key; parsing costs more than looking.
  if (!text.includes('sqlite_home')) return {}
  try {
    const stored = parseToml(text).sqlite_home
    if (stored !== undefined && typeof stored !== 'string') {
      return { notice: `sqlite_home in ${path} is not a text, so it is not used` }
    }
    const value = nonBlank(stored)
    return value === undefined ? {} : { sqliteHome: value }
  } catch (error) {
    return { notice: `${path} is not valid TOML, so its sqlite_home is not used: ${firstLine(error)}` }
  }
}

/** More than any person writes, and little enough to be read at every start. */
const MAX_CONFIG_MIB = 16

/** The text of `config.toml`, empty where there is none; `problem` when it is there and cannot be used. */
function readConfig(codexHome: string): { path: string; text: string; problem?: string } {
  const path = join(codexHome, 'config.toml')
  const file = readSmallFile(path, MAX_CONFIG_MIB * 1024 * 1024)
  switch (file.kind) {
    case 'missing':
      return { path, text: '' }
    case 'unreadable':
      return { path, text: '', problem: `cannot read ${path}: ${file.reason}` }
    case 'read':
      return file.isCut
        ? { path, text: '', problem: `${path} is larger than ${MAX_CONFIG_MIB} MiB` }
        : { path, text: file.bytes.toString() }
    default:
      return file satisfies never
  }
}

function resolveValue(paths: PlatformPath, userHome: string, folder: string, value: string): string {
  if (value === '~' || value.startsWith('~/') || value.startsWith('~\\')) {
    return paths.join(userHome, value.slice(1))
  }
  return paths.isAbsolute(value) ? paths.resolve(value) : paths.resolve(folder, value)
}

function nonBlank(value: unknown): string | undefined {
  return typeof value === 'string' && value.trim() !== '' ? value.trim() : undefined
}

function firstLine(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).split('\n', 1)[0] ?? ''
}

/** What Codex uses when `config.toml` names no provider. */
const DEFAULT_MODEL_PROVIDER = 'openai'

/** `config.toml` as it was parsed, empty where there is none; `undefined` when it is there and cannot be used. */
export function readConfigTable(
  codexHome: string,
  onNotice: (text: string) => void,
): Readonly<Record<string, unknown>> | undefined {
  const { path, text, problem } = readConfig(codexHome)
  if (problem !== undefined) {
    onNotice(`${problem}, so what it says is not known`)
    return undefined
  }
  try {
    return parseToml(text)
  } catch (error) {
    onNotice(`${path} is not valid TOML, so what it says is not known: ${firstLine(error)}`)
    return undefined
  }
}

/**
 * The shortest silence after which Codex gives a stream up, as `config.toml` has it for any of the providers: which one a
 * thread used is not asked. `undefined` where none is configured, or the file cannot be read.
 */
export function readIdleTimeoutMs(codexHome: string): number | undefined {
  const { text } = readConfig(codexHome)
  if (!text.includes('stream_idle_timeout_ms')) return undefined
  try {
    const providers = Object.values((parseToml(text).model_providers ?? {}) as Record<string, unknown>)
    const spans = providers
      .map((provider) => (provider as Record<string, unknown> | null)?.stream_idle_timeout_ms)
      .filter((value) => typeof value === 'number' && value > 0)
    return spans.length > 0 ? Math.min(...(spans as number[])) : undefined
  } catch {
    return undefined
  }
}

/** `model_provider` of `config.toml`, where the picker takes it from. */
export function readConfiguredProvider(codexHome: string, onNotice: (text: string) => void): string {
  const { path, text, problem } = readConfig(codexHome)
  const assumption = `so the provider is taken to be ${DEFAULT_MODEL_PROVIDER}`
  if (problem !== undefined) onNotice(`${problem}, ${assumption}`)
  try {
    const { model_provider: provider } = parseToml(text)
    if (typeof provider === 'string' && provider !== '') return provider
  } catch {
    onNotice(`${path} is not valid TOML, ${assumption}`)
  }
  return DEFAULT_MODEL_PROVIDER
}
