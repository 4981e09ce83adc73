import { readFileSync } from 'node:fs'
import { Agent, request as requestHttp } from 'node:http'
import { request as requestHttps, Agent as TlsAgent } from 'node:https'
import { promisify } from 'node:util'
import { gzip as gzipCallback } from 'node:zlib'
import { StateError } from '../errors.js'

const gzip = promisify(gzipCallback)

/** Where a signal goes and how, out of the standard variables. */
export interface OtlpTarget {
  readonly url: URL
  readonly headers: Readonly<Record<string, string>>
  readonly isCompressed: boolean
  readonly timeoutMs: number
  readonly tls: { readonly ca?: string; readonly cert?: string; readonly key?: string }
}

export type OtlpSignal = 'logs' | 'traces'

/**
 * The endpoint as typed, else `OTEL_EXPORTER_OTLP_<SIGNAL>_ENDPOINT` (taken as it is), else
 * `OTEL_EXPORTER_OTLP_ENDPOINT` with the signal's path behind it; headers, compression (gzip unless `none`), time limit and
 * certificates by the variables of the same family
 * (https://opentelemetry.io/docs/specs/otel/protocol/exporter/).
 *
 * @throws {StateError} `USAGE` without an endpoint, for one that is no http(s) URL, and for a file of a certificate
 *   that cannot be read
 */
export function resolveOtlpTarget(
  signal: OtlpSignal,
  typedUrl: string | undefined,
  env: Readonly<Record<string, string | undefined>>,
): OtlpTarget {
  const read = (name: string): string | undefined => {
    const value =
      env[`OTEL_EXPORTER_OTLP_${signal.toUpperCase()}_${name}`]?.trim() ||
      env[`OTEL_EXPORTER_OTLP_${name}`]?.trim()
    return value || undefined
  }
  const own = env[`OTEL_EXPORTER_OTLP_${signal.toUpperCase()}_ENDPOINT`]?.trim()
  const text = typedUrl ?? (own || env.OTEL_EXPORTER_OTLP_ENDPOINT?.trim())
  if (!text) {
    throw new StateError('USAGE', 'no receiver is named', {
      hint: 'Pass --otlp URL, or set OTEL_EXPORTER_OTLP_ENDPOINT.',
    })
  }
  const url = URL.parse(text)
  if (!url || !/^https?:$/.test(url.protocol)) {
    throw new StateError('USAGE', `not an http or https URL: ${text}`)
  }
  // A base URL gets the signal's path; a whole one, and a signal's own variable, is used as it is.
  if (typedUrl !== undefined || !own) {
    if (!/\/v1\/(?:logs|traces)\/?$/.test(url.pathname))
      url.pathname = `${url.pathname.replace(/\/+$/, '')}/v1/${signal}`
    else url.pathname = url.pathname.replace(/\/v1\/(?:logs|traces)\/?$/, `/v1/${signal}`)
  }
  const tls = {
    ...readPem('ca', read('CERTIFICATE')),
    ...readPem('cert', read('CLIENT_CERTIFICATE')),
    ...readPem('key', read('CLIENT_KEY')),
  }
  const timeoutMs = Number(read('TIMEOUT') ?? 10_000)
  return {
    url,
    headers: parseHeaders([
      env.OTEL_EXPORTER_OTLP_HEADERS,
      env[`OTEL_EXPORTER_OTLP_${signal.toUpperCase()}_HEADERS`],
    ]),
    isCompressed: read('COMPRESSION')?.toLowerCase() !== 'none',
    timeoutMs: Number.isFinite(timeoutMs) && timeoutMs > 0 ? timeoutMs : 10_000,
    tls,
  }
}

function readPem(name: 'ca' | 'cert' | 'key', path: string | undefined): Record<string, string> {
  if (path === undefined) return {}
  try {
    return { [name]: readFileSync(path, 'utf8') }
  } catch (error) {
    throw new StateError('USAGE', `cannot read ${path}: ${(error as Error).message}`, { cause: error })
  }
}

/** `key=value,key=value`, percent-encoded as in W3C Baggage; the signal's own over the general ones. */
function parseHeaders(texts: readonly (string | undefined)[]): Record<string, string> {
  const headers: Record<string, string> = {}
  for (const pair of texts.flatMap((text) => text?.split(',') ?? [])) {
    const equals = pair.indexOf('=')
    if (equals > 0)
      headers[pair.slice(0, equals).trim().toLowerCase()] = decode(pair.slice(equals + 1).trim())
  }
  return headers
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

export type SendResult =
  /** The receiver has them; of `rejectedCount` it said that it does not want them, and why. */
  | { kind: 'accepted'; rejectedCount: number; message: string; sentBytes: number }
  /** Not now: send the same again after a while. */
  | { kind: 'retry'; reason: string; afterMs: number | undefined }
  /** More than the receiver takes at once. */
  | { kind: 'too-large'; reason: string }
  /** Never: the same would be refused again. */
  | { kind: 'refused'; reason: string }

export interface OtlpClient {
  /** Sends one encoded message; a message that says nothing but the kind of answer never throws. */
  send(json: string, signal?: AbortSignal): Promise<SendResult>
  close(): void
}

/** What says that the same may be taken later (OTLP/HTTP, "Retryable Response Codes"). */
const RETRYABLE_STATUS = new Set([429, 502, 503, 504])

/** Enough for any answer; a receiver that speaks nonsense may speak without end. */
const MAX_ANSWER_BYTES = 64 * 1024

export function createOtlpClient(target: OtlpTarget): OtlpClient {
  const isTls = target.url.protocol === 'https:'
  const agent = isTls
    ? new TlsAgent({ keepAlive: true, maxSockets: 1, ...target.tls })
    : new Agent({ keepAlive: true, maxSockets: 1 })

  return {
    async send(json, signal) {
      const body = target.isCompressed ? await gzip(json, { level: 1 }) : Buffer.from(json)
      const answer = await post(body, signal)
      if ('failure' in answer) return answer.failure
      return judge(answer, body.length)
    },
    close() {
      agent.destroy()
    },
  }

  function post(body: Buffer, signal: AbortSignal | undefined): Promise<Answer | { failure: SendResult }> {
    return new Promise((resolve) => {
      const request = (isTls ? requestHttps : requestHttp)(target.url, {
        method: 'POST',
        agent,
        ...(signal && { signal }),
        headers: {
          'content-type': 'application/json',
          'content-length': body.length,
          ...(target.isCompressed && { 'content-encoding': 'gzip' }),
          ...target.headers,
        },
      })
      // The whole exchange, not the silence between two bytes of it.
      const timer = setTimeout(
        () => request.destroy(new Error(`no answer within ${target.timeoutMs / 1000} s`)),
        target.timeoutMs,
      )
      const fail = (error: NodeJS.ErrnoException): void => {
        clearTimeout(timer)
        resolve({ failure: failureOf(error) })
      }
      request.on('error', fail)
      request.on('response', (response) => {
        const chunks: Buffer[] = []
        let length = 0
        const finish = (): void => {
          clearTimeout(timer)
          resolve({
            status: response.statusCode ?? 0,
            retryAfter: response.headers['retry-after'],
            text: Buffer.concat(chunks).toString(),
          })
        }
        response.on('data', (chunk: Buffer) => {
          chunks.push(chunk)
          length += chunk.length
          if (length <= MAX_ANSWER_BYTES) return
          // What it says is known by its status; it may go on without end.
          finish()
          request.destroy()
        })
        response.on('error', fail)
        response.on('end', finish)
        response.on('close', () => {
          if (!response.complete) fail(new Error('the connection was cut within the answer'))
        })
      })
      request.end(body)
    })
  }
}

interface Answer {
  readonly status: number
  readonly retryAfter: string | undefined
  readonly text: string
}

/** A certificate that is not trusted will not be trusted in a minute either. */
function failureOf(error: NodeJS.ErrnoException): SendResult {
  const reason = error.message || error.code || 'the connection failed'
  return /CERT|SELF_SIGNED|UNABLE_TO_VERIFY|ERR_TLS|ERR_SSL|EPROTO|HPE_/.test(error.code ?? '')
    ? { kind: 'refused', reason: error.code ? `${reason} (${error.code})` : reason }
    : { kind: 'retry', reason, afterMs: undefined }
}

function judge({ status, retryAfter, text }: Answer, sentBytes: number): SendResult {
  if (status >= 200 && status < 300) {
    // A proxy or another server: what it took for well is lost.
    if (/^\s*</.test(text))
      return { kind: 'refused', reason: `a web page answers, no OpenTelemetry receiver (${status})` }
    return { kind: 'accepted', ...readPartialSuccess(text), sentBytes }
  }
  const reason = `${status}${text.trim() === '' ? '' : `: ${firstLine(text)}`}`
  if (RETRYABLE_STATUS.has(status)) return { kind: 'retry', reason, afterMs: parseRetryAfter(retryAfter) }
  return { kind: status === 413 ? 'too-large' : 'refused', reason }
}

/** `partialSuccess`: the receiver took the message, but not all that was in it. */
function readPartialSuccess(text: string): { rejectedCount: number; message: string } {
  try {
    const { partialSuccess } = JSON.parse(text) as {
      partialSuccess?: { rejectedLogRecords?: unknown; rejectedSpans?: unknown; errorMessage?: unknown }
    }
    const count = Number(partialSuccess?.rejectedLogRecords ?? partialSuccess?.rejectedSpans ?? 0)
    return {
      rejectedCount: Number.isFinite(count) ? count : 0,
      message: String(partialSuccess?.errorMessage ?? ''),
    }
  } catch {
    // A status of success is what counts; many receivers answer with nothing.
    return { rejectedCount: 0, message: '' }
  }
}

/** Seconds, or a date. */
function parseRetryAfter(value: string | undefined): number | undefined {
  if (value === undefined || !/^\d{1,6}$/.test(value.trim())) return undefined
  return Number(value) * 1000
}

function firstLine(text: string): string {
  return text.trim().split('\n', 1)[0]!.slice(0, 200)
}
