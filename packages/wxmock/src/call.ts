/** The convention of every asynchronous `wx` call: callbacks or a promise, never in the same turn, and a record of what was called. */

import type { Call, WxFail } from './wx.d.ts'

export type Fields = Record<string, unknown>

/** What a call fails with. A class of its own only inside; pages get a plain object. */
export class Failed {
  readonly fail: WxFail

  constructor(errMsg: string, errno?: number) {
    this.fail = errno === undefined ? { errMsg } : { errMsg, errno }
  }
}

/** Wrong or missing options. The words and the number are those of other `wx` calls; for these ones neither is captured. */
export const parameterError = (api: string, what: string) => new Failed(`${api}:fail parameter error: ${what};`, 1001)

type Kind = 'String' | 'Number' | 'Boolean'

const kindOf = (value: unknown): string => Object.prototype.toString.call(value).slice(8, -1)

/** Checks the options that are there, and that the required ones are (`String!`). */
export function checkOptions(api: string, options: Fields, kinds: Record<string, Kind | `${Kind}!`>): void {
  for (const [name, kind] of Object.entries(kinds)) {
    const [wanted, isRequired] = [kind.replace('!', ''), kind.endsWith('!')]
    const value = options[name]
    if (value === undefined && !isRequired) continue
    if (kindOf(value) !== wanted) {
      throw parameterError(api, `parameter.${name} should be ${wanted} instead of ${kindOf(value)}`)
    }
  }
}

const CALLBACKS = ['success', 'fail', 'complete'] as const

const isCallback = (value: unknown): value is (result: unknown) => void => typeof value === 'function'

/** The options without callbacks. */
export function plainOptions(option: unknown): Fields {
  const plain: Fields = { ...(option as Fields | null | undefined) }
  for (const name of CALLBACKS) delete plain[name]
  return plain
}

export const hasCallback = (option: unknown): boolean =>
  CALLBACKS.some((name) => isCallback((option as Fields | null | undefined)?.[name]))

/** An exception in a page's callback is the page's: it is reported as uncaught, and changes nothing for the other callbacks. */
function tell(callback: unknown, result: unknown): void {
  if (!isCallback(callback)) return
  try {
    callback(result)
  } catch (error) {
    if (typeof reportError === 'function') reportError(error)
    else
      setTimeout(() => {
        throw error
      })
  }
}

/**
 * Runs a call and tells the callbacks `success` or `fail`, then `complete`.
 * Gives a promise if the options have no callback, else nothing.
 */
export function answer(
  log: Call[],
  api: string,
  option: unknown,
  run: (options: Fields) => Promise<Fields> | Fields,
  returns: 'promise or nothing' | 'always a promise' = 'promise or nothing',
): Promise<unknown> | undefined {
  const callbacks = (option ?? {}) as Fields
  const call: Call = { api, options: plainOptions(option), state: 'pending' }
  log.push(call)
  const done = Promise.resolve()
    .then(() => run(call.options))
    .then(
      (fields) => {
        const result = { errMsg: `${api}:ok`, ...fields }
        Object.assign(call, { state: 'ok', result })
        return { name: 'success' as const, result }
      },
      (error: unknown) => {
        const result = error instanceof Failed ? error.fail : { errMsg: `${api}:fail ${String(error)}` }
        Object.assign(call, { state: 'fail', result })
        return { name: 'fail' as const, result }
      },
    )
    .then(({ name, result }) => {
      tell(callbacks[name], result)
      tell(callbacks.complete, result)
      return { name, result }
    })
  if (hasCallback(option) && returns === 'promise or nothing') return undefined
  return done.then(({ name, result }) => {
    if (name === 'fail') throw result
    return result
  })
}
