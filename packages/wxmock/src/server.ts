/** `wxmock/server`: a mock for the tests of a backend in Node; one method for each thing a test does, over the admin API. */

import { AssertionError } from 'node:assert'
import { request as send } from 'node:http'
import { startProcess } from './process.ts'
import type { components } from './types/api.d.ts'
import type { Call, Endpoint, Hold, HoldOptions, Key, Mock } from './types/server.d.ts'

type Responses = components['responses']
/** What is in an answer, by the name it has in the description of the API. */
type Answer<Name extends keyof Responses> = Responses[Name] extends { content: { 'application/json': infer Body } } ? Body : never

/** Set by the build: where this file is, in either module system. */
declare const FROM: string

export async function start(...args: string[]): Promise<Mock> {
  const { url, stop } = await startProcess(args, FROM)
  const ask = <T>(method: string, path: string, body?: unknown) => http<T>(url, method, path, body)
  const { apps } = await ask<Answer<'Apps'>>('GET', '/_mock/v1/apps')
  const { appid, secret } = apps[0]!
  let since = 0
  let holds = 0

  const codes = async (count: number, user = 'alice') =>
    (await ask<Answer<'Minted'>>('POST', '/_mock/v1/codes', { app: appid, user, count })).codes
  const key = (user: string, lever: string) =>
    ask<Key>('POST', `/_mock/v1/apps/${appid}/users/${encodeURIComponent(user)}/keys/${lever}`)
  const calls = async (endpoint?: Endpoint) =>
    (await ask<Answer<'Calls'>>('GET', `/_mock/v1/calls?after=${since}`)).calls.filter((call) => endpoint === undefined || call.endpoint === endpoint)

  const hold = async (endpoint: Endpoint = 'jscode2session', { point, user, times }: HoldOptions = {}): Promise<Hold> => {
    const label = `hold-${++holds}`
    const gate = await ask<components['schemas']['GateView']>('POST', '/_mock/v1/gates', { label, point, match: { endpoint, appid, user }, times })
    return holdOf(ask, gate.id, label, calls)
  }

  return {
    url,
    appid,
    secret,
    codes,
    calls,
    hold,
    code: async (user) => (await codes(1, user))[0]!,
    wx: (api, options) => ask('POST', `/_mock/wx/${api}`, { app: appid, ...options }),
    expireKey: (user = 'alice') => key(user, 'expire'),
    rotateKey: (user = 'alice') => key(user, 'rotate'),
    releaseAll: async () => (await ask<Answer<'Released'>>('POST', '/_mock/v1/gates/open')).released,
    async assertCalls(endpoint, count) {
      const all = await calls()
      const found = all.filter((call) => call.endpoint === endpoint).length
      if (found !== count) fail(`${found} calls of ${endpoint} instead of ${count}`, all)
    },
    async reset() {
      await ask('POST', '/_mock/v1/reset')
      since = (await ask<Answer<'Calls'>>('GET', `/_mock/v1/calls?after=${since}`)).last
    },
    request: ask,
    stop,
  }
}

type Ask = <T>(method: string, path: string, body?: unknown) => Promise<T>

function holdOf(ask: Ask, gate: number, label: string, calls: () => Promise<Call[]>): Hold {
  const release = async (first?: number) => (await ask<Answer<'Released'>>('POST', '/_mock/v1/gates/release', { label, first })).released
  return {
    release,
    async wait(count = 1, within = 5000) {
      const path = `/_mock/v1/parked?label=${label}&count=${count}&wait=${within}ms`
      const { parked } = await ask<Answer<'Parked'>>('GET', path)
      if (parked.length < count) fail(`${parked.length} calls held instead of ${count} after ${within}ms`, await calls())
      return parked
    },
    async end() {
      const { gates } = await ask<Answer<'Gates'>>('GET', '/_mock/v1/gates')
      if (gates.some(({ id }) => id === gate)) await ask('DELETE', `/_mock/v1/gates/${gate}`)
      await release()
    },
  }
}

function fail(what: string, calls: Call[]): never {
  const lines = calls.map(({ id, endpoint, user, errcode, state }) => `  #${id} ${endpoint} user=${user} errcode=${errcode} ${state}`)
  const message = `${what}; the backend called:\n${lines.join('\n') || '  nothing'}`
  throw new AssertionError({ message })
}

/** Plain HTTP, whatever a DOM environment makes of `fetch`, a proxy of the environment, or a test of the global agent. */
function http<T>(server: string, method: string, path: string, body?: unknown): Promise<T> {
  return new Promise((resolve, reject) => {
    const sent = send(`${server}${path}`, { method, agent: false, headers: { 'content-type': 'application/json' } }, (answer) => {
      const parts: Uint8Array[] = []
      answer.on('data', (part: Uint8Array) => parts.push(part))
      answer.on('error', reject)
      answer.on('end', () => {
        const text = Buffer.concat(parts).toString()
        if ((answer.statusCode ?? 500) >= 300) reject(new Error(`${method} ${path}: ${answer.statusCode} ${text}`))
        else resolve(JSON.parse(text) as T)
      })
    })
    sent.on('error', reject)
    sent.end(body === undefined ? undefined : JSON.stringify(body))
  })
}
