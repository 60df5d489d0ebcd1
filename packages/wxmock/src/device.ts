/** The mock's device API, `/_mock/wx/<api>`, and what a test does to the phone, `/_mock/phone`. */

import { Failed, type Fields } from './call.ts'
import { exchange, NoAnswer, text } from './transport.ts'

/** Who holds which phone, as requests say it. */
export interface Who {
  app?: string
  user?: string
  device?: string
}

/** What `/_mock/phone` tells: who this is, and what the person refuses. No secret is in it. */
export interface PhoneView {
  appid: string
  app: string
  user: string
  switches: { login: string; user_info: string; phone: string; werun: string }
}

/** errno of a call that was made wrongly. Source: the official table. */
const BAD_REQUEST_DATA = 101
/** errno of a call whose time was up. Source: the official table. */
const TIME_OUT = 5

export class Device {
  readonly server: string
  readonly who: Who
  readonly #timeout: number

  constructor(server: string, who: Who, timeout: number) {
    this.server = server
    this.who = who
    this.#timeout = timeout
  }

  /** Asks for one `wx` call; what the mock answers is what the callback hears. `api` is what failures are named after. */
  async call(path: string, options: Fields, api = path): Promise<Fields> {
    const { timeout, ...rest } = options
    const limit = typeof timeout === 'number' ? timeout : this.#timeout
    const detail = await this.#post(`/_mock/wx/${path}`, { ...this.who, ...rest }, api, limit)
    const said = String(detail.errMsg)
    const named = { ...detail, errMsg: said.replace(new RegExp(`^${path}(?=:)`), api) }
    if (!said.includes(':ok')) {
      throw new Failed(named.errMsg, detail.errno as number | undefined)
    }
    return named
  }

  /** Looks at the phone, or changes what the person refuses. */
  view(api: string, change: Fields = {}): Promise<PhoneView> {
    return this.#post('/_mock/phone', { ...this.#person(), ...change }, api, this.#timeout) as Promise<unknown> as Promise<PhoneView>
  }

  /** Does something to this person's session key. */
  async pull(lever: 'expireKey' | 'rotateKey'): Promise<void> {
    await this.#post(`/_mock/phone/${lever}`, this.#person(), lever, this.#timeout)
  }

  #person(): Who {
    const { app, user } = this.who
    return { ...(app === undefined ? {} : { app }), ...(user === undefined ? {} : { user }) }
  }

  async #post(path: string, body: object, api: string, timeout: number): Promise<Fields> {
    // As text, so that a browser sends it without asking first.
    const headers = { 'Content-Type': 'text/plain;charset=UTF-8' }
    const url = `${this.server}${path}`
    const received = await exchange({ method: 'POST', url, headers, body: JSON.stringify(body), timeout }).catch((error: unknown) => {
      const { kind, message } = error as NoAnswer
      if (kind === 'timeout') throw new Failed(`${api}:fail time out`, TIME_OUT)
      throw new Failed(
        `${api}:fail the mock at ${this.server} cannot be reached (${message}); start it with "wxmock serve", or say where it is (WXMOCK_SERVER, or the option server)`,
      )
    })
    const said = text(received.body)
    let answer: Fields
    try {
      answer = JSON.parse(said) as Fields
    } catch {
      throw new Failed(`${api}:fail ${this.server} answers with status ${received.status} and no JSON; is it wxmock?`)
    }
    const refusal = answer.error as { message?: string; hint?: string } | undefined
    if (refusal) {
      throw new Failed(`${api}:fail ${[refusal.message, refusal.hint].filter(Boolean).join('; ')}`, BAD_REQUEST_DATA)
    }
    return answer
  }
}
