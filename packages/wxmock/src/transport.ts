/** One HTTP exchange, over whatever the environment has: `fetch`, or `XMLHttpRequest` where a test runner hides it (Jest with jsdom). */

export interface Sent {
  method: string
  url: string
  headers: Record<string, string>
  body?: string | ArrayBuffer
  timeout: number
  /** Ends the exchange early, with `reason` as the failure. */
  aborted?: Promise<never>
  redirect?: 'follow' | 'manual'
}

export interface Received {
  status: number
  headers: Record<string, string>
  cookies: string[]
  body: ArrayBuffer
}

/** No answer came: nobody listens, the time was up, the browser forbids it. */
export class NoAnswer extends Error {
  readonly kind: 'timeout' | 'abort' | 'network'

  constructor(kind: 'timeout' | 'abort' | 'network', message: string) {
    super(message)
    this.kind = kind
  }
}

// Taken before a test replaces the timers: a frozen clock must not freeze the way out of a dead exchange.
const { setTimeout: later, clearTimeout: never } = globalThis

export async function exchange(sent: Sent): Promise<Received> {
  let cancel = () => {}
  let timer: unknown
  const over = new Promise<never>((_, reject) => {
    timer = later(() => reject(new NoAnswer('timeout', `no answer within ${sent.timeout} ms`)), sent.timeout)
  })
  const answer =
    typeof fetch === 'function'
      ? byFetch(sent, (stop) => (cancel = stop))
      : typeof XMLHttpRequest === 'function'
        ? byXhr(sent, (stop) => (cancel = stop))
        : Promise.reject(new NoAnswer('network', 'there is neither fetch nor XMLHttpRequest here'))
  try {
    return await Promise.race([answer, over, ...(sent.aborted ? [sent.aborted] : [])])
  } catch (error) {
    answer.catch(() => {})
    cancel()
    throw error instanceof NoAnswer ? error : new NoAnswer('network', reason(error))
  } finally {
    never(timer as number)
  }
}

/** The innermost reason: Node says `fetch failed` and keeps `ECONNREFUSED` in the cause. */
function reason(error: unknown): string {
  let at = error as { message?: string; code?: string; cause?: unknown; errors?: unknown[] } | undefined
  while (at?.cause || at?.errors?.length) at = (at.cause ?? at.errors?.[0]) as typeof at
  return at?.code ?? at?.message ?? String(error)
}

async function byFetch(sent: Sent, onStart: (stop: () => void) => void): Promise<Received> {
  const signal = usableSignal()
  if (signal) onStart(() => signal.abort())
  const response = await fetch(sent.url, {
    method: sent.method,
    headers: sent.headers,
    redirect: sent.redirect ?? 'follow',
    ...(sent.body === undefined ? {} : { body: sent.body }),
    ...(signal ? { signal: signal.signal } : {}),
  })
  const headers: Record<string, string> = {}
  response.headers.forEach((value, name) => (headers[name] = value))
  // Browsers keep Set-Cookie to themselves; Node hands it out.
  const cookies = response.headers.getSetCookie?.() ?? []
  return { status: response.status, headers, cookies, body: await response.arrayBuffer() }
}

/** jsdom and happy-dom bring an AbortController that Node's own fetch refuses; then the answer is only no longer waited for. */
function usableSignal(): AbortController | undefined {
  try {
    const controller = new AbortController()
    new Request('http://127.0.0.1/', { signal: controller.signal })
    return controller
  } catch {
    return undefined
  }
}

function byXhr(sent: Sent, onStart: (stop: () => void) => void): Promise<Received> {
  return new Promise((resolve, reject) => {
    const xhr = new XMLHttpRequest()
    xhr.open(sent.method, sent.url)
    xhr.responseType = 'arraybuffer'
    for (const [name, value] of Object.entries(sent.headers)) xhr.setRequestHeader(name, value)
    xhr.onload = () => {
      const headers: Record<string, string> = {}
      for (const line of xhr.getAllResponseHeaders().trim().split(/[\r\n]+/)) {
        const at = line.indexOf(':')
        if (at > 0) headers[line.slice(0, at).trim().toLowerCase()] = line.slice(at + 1).trim()
      }
      resolve({ status: xhr.status, headers, cookies: [], body: xhr.response as ArrayBuffer })
    }
    xhr.onerror = () => reject(new NoAnswer('network', 'the request failed'))
    onStart(() => xhr.abort())
    xhr.send(sent.body ?? null)
  })
}

/** The body as text. Jest with jsdom hides the decoder as well. */
export function text(body: ArrayBuffer): string {
  const bytes = new Uint8Array(body)
  if (typeof TextDecoder === 'function') return new TextDecoder().decode(bytes)
  return decodeURIComponent(Array.from(bytes, (byte) => `%${byte.toString(16).padStart(2, '0')}`).join(''))
}
