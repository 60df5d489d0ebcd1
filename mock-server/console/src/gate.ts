/** Gates, and requests to the backend under test, as the walk through the founding bug needs them. */

import { act, ask, get } from './api'
import type { Parked } from './types'

export interface Hold {
  label: string
  point: string
  match: Record<string, string>
  limit: string
  times?: number
}

export const hold = (rule: Hold): Promise<{ id: number }> => act('POST', '/_mock/v1/gates', rule)

export const release = (order: readonly number[]): Promise<unknown> => act('POST', '/_mock/v1/gates/release', { order })

export const openAll = (): Promise<unknown> => act('POST', '/_mock/v1/gates/open')

/** Who is held under a label, once `count` are, or after `wait`. */
export async function parkedAt(label: string, count: number, wait: string): Promise<Parked[]> {
  const query = new URLSearchParams({ label, count: String(count), wait })
  return (await get<{ parked: Parked[] }>(`/_mock/v1/parked?${query}`)).parked
}

export interface Answer {
  status?: number
  headers?: [string, string][]
  body?: string
  error?: string
}

/** One request of a phone to the backend, sent by the mock. */
export const toBackend = (url: string, headers: [string, string][], body: string): Promise<Answer> =>
  ask('/_mock/v1/backend', { url, method: 'POST', headers: [['content-type', 'application/json'], ...headers], body })

/** The value at `token`, `data.token` … in a JSON text. */
export function fieldOf(text: string | undefined, path: string): string | undefined {
  try {
    let value: unknown = JSON.parse(text ?? '')
    for (const name of path.split('.')) value = (value as Record<string, unknown> | null)?.[name]
    return typeof value === 'string' || typeof value === 'number' ? String(value) : undefined
  } catch {
    return undefined
  }
}

/** The Set-Cookie lines of an answer as one Cookie line. */
export const cookiesOf = (answer: Answer): string =>
  (answer.headers ?? [])
    .filter(([name]) => name === 'set-cookie')
    .map(([, value]) => value.split(';')[0] ?? '')
    .join('; ')
