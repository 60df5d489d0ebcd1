/** Calls of the admin API, and the same calls as lines to paste. */

import { Store } from './store'

/** Needed where the mock does not listen on loopback only; it stands in this page's own address. */
const token = new URLSearchParams(location.search).get('token')

export class Refused extends Error {
  constructor(
    message: string,
    readonly hint: string | undefined,
    readonly status: number,
  ) {
    super(message)
  }
}

/** One call that changed something, to be shown and copied. */
export interface Told {
  no: number
  method: string
  path: string
  body: unknown
  error?: string | undefined
  hint?: string | undefined
}

export const told = new Store<Told | null>(null)
let nTold = 0

async function send(method: string, path: string, body: unknown): Promise<Response> {
  const headers: Record<string, string> = {}
  if (token) headers['authorization'] = `Bearer ${token}`
  if (body !== undefined) headers['content-type'] = 'application/json'
  return fetch(path, { method, headers, body: body === undefined ? null : JSON.stringify(body) })
}

async function answered<T>(response: Response): Promise<T> {
  const text = await response.text()
  if (response.ok) return JSON.parse(text) as T
  let message = `HTTP ${response.status}`
  let hint: string | undefined
  try {
    const { error } = JSON.parse(text) as { error: { message: string; hint?: string } }
    message = error.message
    hint = error.hint
  } catch {
    // Not one of the mock's own refusals.
  }
  throw new Refused(message, hint, response.status)
}

/** Reads. */
export async function get<T>(path: string): Promise<T> {
  return answered<T>(await send('GET', path, undefined))
}

/** Asks something that changes nothing, with a body. */
export async function ask<T>(path: string, body: unknown): Promise<T> {
  return answered<T>(await send('POST', path, body))
}

/** Changes something, and tells how a script would. */
export async function act<T>(method: string, path: string, body?: unknown): Promise<T> {
  const line = { no: ++nTold, method, path, body }
  try {
    const value = await answered<T>(await send(method, path, body))
    told.set(line)
    return value
  } catch (error) {
    const hint = error instanceof Refused ? error.hint : undefined
    told.set({ ...line, error: error instanceof Error ? error.message : String(error), hint })
    throw error
  }
}

/** Sends as given and returns what came back, refusals too. */
export async function raw(method: string, path: string, body: string | undefined): Promise<{ status: number; type: string; text: string; ms: number }> {
  const headers: Record<string, string> = {}
  if (token) headers['authorization'] = `Bearer ${token}`
  if (body !== undefined) headers['content-type'] = 'application/json'
  const began = performance.now()
  const response = await fetch(path, { method, headers, body: body ?? null })
  const text = await response.text()
  const type = response.headers.get('content-type') ?? ''
  return { status: response.status, type, text, ms: performance.now() - began }
}

/** Where the journal is streamed from. */
export function eventsFrom(after: number): string {
  const query = new URLSearchParams({ format: 'sse', after: String(after) })
  if (token) query.set('token', token)
  return `/_mock/v1/journal?${query}`
}

/** In single quotes, for a POSIX shell. */
export const quoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`

/** A call of the admin API as a line for a shell. */
export function curl(method: string, path: string, body?: unknown): string {
  const parts = ['curl -s']
  if (method !== 'GET') parts.push(`-X ${method}`)
  parts.push(quoted(location.origin + path))
  if (token) parts.push(`-H ${quoted(`Authorization: Bearer ${token}`)}`)
  if (body !== undefined) parts.push(`-d ${quoted(JSON.stringify(body))}`)
  return parts.join(' ')
}

export const appPath = (app: string): string => `/_mock/v1/apps/${encodeURIComponent(app)}`
export const userPath = (app: string, user: string): string => `${appPath(app)}/users/${encodeURIComponent(user)}`
