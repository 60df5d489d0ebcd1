/** `wx.request`, straight to the backend: in a browser the backend must allow the page's origin, in Node nothing stands between. */

import { answer, checkOptions, Failed, type Fields, parameterError } from './call.ts'
import { exchange, NoAnswer, type Received, text } from './transport.ts'
import type { Call } from './wx.d.ts'

/** Official default of `timeout`, in milliseconds. */
const TIMEOUT_MS = 60000

const METHODS = ['OPTIONS', 'GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'TRACE', 'CONNECT']

type Listener = (result: Fields) => void

/** What may be listened to on the way. */
class Listeners {
  readonly #all = new Set<Listener>()
  on = (listener: Listener) => void this.#all.add(listener)
  off = (listener?: Listener) => void (listener ? this.#all.delete(listener) : this.#all.clear())
  tell = (result: Fields) => this.#all.forEach((listener) => listener(result))
}

function query(data: object): string {
  const pairs = Object.entries(data).filter(([, value]) => value !== undefined)
  return pairs.map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(stringOf(value))}`).join('&')
}

/** A test environment may have an ArrayBuffer of its own. */
const isBytes = (data: unknown): data is ArrayBuffer => Object.prototype.toString.call(data) === '[object ArrayBuffer]'

const stringOf = (value: unknown) => (typeof value === 'object' && value !== null ? JSON.stringify(value) : String(value))

/** URL and body, by the rules of the official page: GET puts an object into the query, other methods send JSON or a form by content type. */
function placed(method: string, url: string, headers: Record<string, string>, data: unknown): { url: string; body?: string | ArrayBuffer } {
  if (data === undefined || data === null) return { url }
  const isRaw = typeof data === 'string' || isBytes(data)
  if (method === 'GET' || method === 'HEAD' || method === 'OPTIONS') {
    const more = typeof data === 'string' ? data : isRaw ? '' : query(data)
    return { url: more === '' ? url : `${url}${url.includes('?') ? '&' : '?'}${more}` }
  }
  if (isRaw) return { url, body: data }
  const isForm = headers['content-type']?.includes('application/x-www-form-urlencoded')
  return { url, body: isForm ? query(data) : JSON.stringify(data) }
}

function received(options: Fields, { status, headers, cookies, body }: Received): Fields {
  let data: unknown = body
  if (options.responseType !== 'arraybuffer') {
    data = text(body)
    // "json" is the default of dataType; what is no JSON stays text.
    if ((options.dataType ?? 'json') === 'json') {
      try {
        data = JSON.parse(data as string)
      } catch {
        // Stays text.
      }
    }
  }
  return { data, statusCode: status, header: headers, cookies }
}

export function requestApi(log: Call[], appid: () => string) {
  return (option: Fields, returns?: 'always a promise') => {
    const heads = new Listeners()
    const chunks = new Listeners()
    let abort = () => {}
    const aborted = new Promise<never>((_, reject) => {
      abort = () => reject(new NoAnswer('abort', 'abort'))
    })
    aborted.catch(() => {})
    const promise = answer(
      log,
      'request',
      option,
      async (options) => {
        checkOptions('request', options, { url: 'String!', timeout: 'Number' })
        const method = String(options.method ?? 'GET').toUpperCase()
        if (!METHODS.includes(method)) throw parameterError('request', `parameter.method should be one of ${METHODS.join(', ')}`)
        const headers: Record<string, string> = { 'content-type': 'application/json' }
        for (const [name, value] of Object.entries((options.header ?? {}) as Fields)) headers[name.toLowerCase()] = String(value)
        // Phones send their own; only outside a browser can it be set.
        if (typeof document === 'undefined') headers.referer = `https://servicewechat.com/${appid()}/devtools/page-frame.html`
        const { url, body } = placed(method, String(options.url), headers, options.data)
        if (body === undefined && !hasHeader(option, 'content-type')) delete headers['content-type']
        const timeout = (options.timeout as number | undefined) ?? TIMEOUT_MS
        const redirect = options.redirect === 'manual' ? ('manual' as const) : ('follow' as const)
        const sent = { method, url, headers, timeout, aborted, redirect, ...(body === undefined ? {} : { body }) }
        const answered = await exchange(sent).catch((error: NoAnswer) => {
          if (error.kind === 'timeout') throw new Failed('request:fail timeout', 5)
          if (error.kind === 'abort') throw new Failed('request:fail abort')
          throw new Failed(`request:fail ${error.message} (${url}); in a browser the backend must also allow this page's origin (CORS)`)
        })
        heads.tell({ header: answered.headers, statusCode: answered.status, cookies: answered.cookies })
        if (options.enableChunked === true) chunks.tell({ data: answered.body })
        return received(options, answered)
      },
      returns,
    )
    // A request is never a promise for `wx`; for whom it is one, the failure is theirs to catch.
    if (!returns) promise?.catch(() => {})
    const task = {
      abort: () => abort(),
      onHeadersReceived: heads.on,
      offHeadersReceived: heads.off,
      onChunkReceived: chunks.on,
      offChunkReceived: chunks.off,
    }
    return returns ? Object.assign(promise as Promise<unknown>, task) : task
  }
}

const hasHeader = (option: Fields, name: string) =>
  Object.keys((option.header ?? {}) as Fields).some((given) => given.toLowerCase() === name)
