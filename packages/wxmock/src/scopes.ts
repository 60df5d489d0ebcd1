/** What this phone asked its person for, and what they said: `wx.authorize` and `wx.getSetting`. */

import { Failed, parameterError } from './call.ts'
import type { PhoneView } from './device.ts'
import type { PhoneStorage } from './storage.ts'

/** Every scope, and the switch of the person that decides; nobody refuses the others. Source: official page, `AuthSetting` of the typings. */
const SCOPES: Record<string, 'user_info' | 'werun' | undefined> = {
  'scope.addPhoneCalendar': undefined,
  'scope.addPhoneContact': undefined,
  'scope.address': undefined,
  'scope.bluetooth': undefined,
  'scope.camera': undefined,
  'scope.invoice': undefined,
  'scope.invoiceTitle': undefined,
  'scope.record': undefined,
  'scope.userFuzzyLocation': undefined,
  'scope.userInfo': 'user_info',
  'scope.userLocation': undefined,
  'scope.werun': 'werun',
  'scope.writePhotosAlbum': undefined,
}

/** The calls that ask by themselves. */
const ASKING: Record<string, string> = { getUserInfo: 'scope.userInfo', getWeRunData: 'scope.werun' }

/** errno of a person's no. Source: the official table. */
const USER_DENIED = 103

export class Scopes {
  readonly #said: PhoneStorage

  constructor(said: PhoneStorage) {
    this.#said = said
  }

  /** `authSetting`: only what the person was asked for. */
  setting(): Record<string, boolean> {
    const asked = Object.keys(SCOPES).filter((scope) => this.#said.has(scope))
    return Object.fromEntries(asked.map((scope) => [scope, this.#said.get(scope) as boolean]))
  }

  /** Asks for a scope; who has refused is not asked again. Not asked of the person: what the mini program lacks. */
  async authorize(scope: string, look: () => Promise<PhoneView>): Promise<void> {
    if (!Object.hasOwn(SCOPES, scope)) throw parameterError('authorize', `parameter.scope should be one of ${Object.keys(SCOPES).join(', ')}`)
    if (!this.#said.has(scope)) {
      const name = SCOPES[scope]
      this.#said.set(scope, name === undefined || !(await look()).switches[name].startsWith('deny'))
    }
    if (this.#said.get(scope) === false) throw new Failed('authorize:fail auth deny', USER_DENIED)
  }

  /** Remembers what a call that asks by itself was told. */
  async remember<T>(api: string, call: Promise<T>): Promise<T> {
    const scope = ASKING[api]
    if (scope === undefined) return call
    try {
      const given = await call
      this.#said.set(scope, true)
      return given
    } catch (error) {
      if (error instanceof Failed && error.fail.errno === USER_DENIED) this.#said.set(scope, false)
      throw error
    }
  }

  /** The person opens the settings and turns a switch: the next question is open again. */
  forget(name: string): void {
    for (const [scope, by] of Object.entries(SCOPES)) if (by === name) this.#said.remove(scope)
  }

  clear(): void {
    this.#said.clear()
  }
}
