/** A phone: the `wx` a page calls, and the hand that holds it. Holds no session key; what is sealed is sealed by the mock, with the key of that moment. */

import { answer, checkOptions, Failed, type Fields } from './call.ts'
import { defaults, type Settings } from './defaults.ts'
import { Device, type PhoneView } from './device.ts'
import { requestApi } from './request.ts'
import { Scopes } from './scopes.ts'
import { PhoneStorage, storageApis } from './storage.ts'
import type { Asked, ButtonEvent, Call, Denial, OpenType, Phone, PhoneOptions, WxApi } from './wx.d.ts'

/** errno of a missing privacy consent. Source: the official table. */
const PRIVACY_ERRNO = 104

/** How the mock spells what is asked for, and in which words it is denied. */
const SWITCHES: Record<Asked, string> = { userInfo: 'user_info', phone: 'phone', werun: 'werun', login: 'login' }
const DENIALS: Record<Denial, string> = {
  user: 'deny',
  android: 'deny_android',
  privacy: 'privacy',
  permission: 'no_permission',
  quota: 'no_quota',
  timeout: 'timeout',
  blocked: 'blocked',
}

type Resolve = (choice: { event: 'exposureAuthorization' | 'agree' | 'disagree'; buttonId?: string }) => void
type PrivacyListener = (resolve: Resolve, info: { referrer: string }) => void

export class MockPhone implements Phone {
  readonly wx: WxApi
  readonly #settings: Settings
  readonly #device: Device
  readonly #storage: PhoneStorage
  readonly #scopes: Scopes
  readonly #log: Call[] = []
  #appid: string | undefined
  #onNeedPrivacy: PrivacyListener | undefined

  constructor(options: PhoneOptions = {}) {
    const settings = defaults(options)
    const { server, app, user, device } = settings
    this.#settings = settings
    this.#appid = settings.appid
    this.#device = new Device(server, { ...(app === undefined ? {} : { app }), ...(user === undefined ? {} : { user }), device }, settings.timeout)
    const place = `${app ?? ''}:${user ?? ''}:${device}:`
    this.#storage = new PhoneStorage(`wxmock:${place}`)
    this.#scopes = new Scopes(new PhoneStorage(`wxmock-scope:${place}`))
    // The official signatures are generic over the options; what they say of the result holds, and no plainer type says it.
    this.wx = this.#apis() as unknown as WxApi
  }

  get server(): string {
    return this.#settings.server
  }

  get device(): string {
    return this.#settings.device
  }

  async ready() {
    const { appid, user } = await thrown(this.#view('ready'))
    return { appid, user, device: this.device }
  }

  async expireKey(): Promise<void> {
    await thrown(this.#device.pull('expireKey'))
  }

  async rotateKey(): Promise<void> {
    await thrown(this.#device.pull('rotateKey'))
  }

  async allow(what: Asked): Promise<void> {
    this.#scopes.forget(SWITCHES[what])
    await this.#switch({ [SWITCHES[what]]: what === 'login' ? 'works' : 'allow' })
  }

  async deny(what: Asked, how: Denial = what === 'login' ? 'timeout' : 'user'): Promise<void> {
    this.#scopes.forget(SWITCHES[what])
    await this.#switch({ [SWITCHES[what]]: DENIALS[how] })
  }

  async requirePrivacy(): Promise<void> {
    await this.#switch({ user_info: 'privacy', phone: 'privacy', werun: 'privacy' })
  }

  async tap(openType: OpenType, handler?: (event: ButtonEvent) => void): Promise<ButtonEvent> {
    const run = async () => {
      if (openType === 'agreePrivacyAuthorization') return this.#agree()
      if (openType === 'getUserInfo') {
        return this.#scopes.remember(openType, this.#openData(openType, openType, {}, `button.${openType}`))
      }
      return this.#phoneNumber(openType)
    }
    const promise = answer(this.#log, openType, {}, run) as Promise<ButtonEvent['detail']>
    // A button has one event for both; only its detail tells them apart.
    const detail = await promise.catch((fail: ButtonEvent['detail']) => fail)
    const event = { type: openType.toLowerCase(), timeStamp: Math.round(globalThis.performance?.now() ?? 0), detail }
    handler?.(event)
    return event
  }

  calls(api?: string): Call[] {
    return this.#log.filter((call) => api === undefined || call.api === api)
  }

  reset(): void {
    this.#log.length = 0
    this.#storage.clear()
    this.#scopes.clear()
    this.#onNeedPrivacy = undefined
  }

  /** Every API of the type, each by the convention of its kind. */
  #apis() {
    const later = (api: string, run: (options: Fields) => Promise<Fields>) => (option?: unknown) => answer(this.#log, api, option, run)
    const openData = (api: string, check: (options: Fields) => void = () => {}) =>
      later(api, (options) => {
        check(options)
        return this.#scopes.remember(api, this.#openData(api, api, options, api))
      })
    const apis = {
      login: later('login', (options) => {
        checkOptions('login', options, { timeout: 'Number' })
        return this.#device.call('login', pick(options, 'timeout'))
      }),
      checkSession: later('checkSession', () => this.#device.call('checkSession', {})),
      getUserProfile: openData('getUserProfile', (options) =>
        checkOptions('getUserProfile', options, { desc: 'String!', lang: 'String' }),
      ),
      getUserInfo: openData('getUserInfo', (options) =>
        checkOptions('getUserInfo', options, { lang: 'String', withCredentials: 'Boolean' }),
      ),
      getWeRunData: openData('getWeRunData'),
      getSetting: later('getSetting', async () => ({ authSetting: this.#scopes.setting() })),
      authorize: later('authorize', async (options) => {
        checkOptions('authorize', options, { scope: 'String!' })
        await this.#scopes.authorize(options.scope as string, () => this.#view('authorize'))
        return {}
      }),
      getAccountInfoSync: () => this.#accountInfo(),
      getPrivacySetting: later('getPrivacySetting', async () => {
        const view = await this.#view('getPrivacySetting')
        return { needAuthorization: needsPrivacy(view), privacyContractName: `《${view.app}小程序隐私保护指引》` }
      }),
      onNeedPrivacyAuthorization: (listener: PrivacyListener) => void (this.#onNeedPrivacy = listener),
      requirePrivacyAuthorize: later('requirePrivacyAuthorize', async () => {
        const api = 'requirePrivacyAuthorize'
        if (needsPrivacy(await this.#view(api)) && !(await this.#askPrivacy(api))) {
          throw new Failed(`${api}:fail privacy permission is not authorized`, PRIVACY_ERRNO)
        }
        return {}
      }),
      request: requestApi(this.#log, () => this.#appid ?? ''),
      ...storageApis(this.#storage, this.#log),
      canIUse: (schema: string): boolean => Object.hasOwn(apis, schema.split('.')[0] ?? ''),
    }
    return apis
  }

  /** Open data under the key of this moment; asks for privacy consent where that is what is missing. */
  async #openData(path: string, api: string, options: Fields, referrer: string): Promise<Fields> {
    const ask = () => this.#device.call(path, pick(options, 'desc', 'lang', 'withCredentials'), api)
    const fields = await ask().catch(async (error: unknown) => {
      const isPrivacy = error instanceof Failed && error.fail.errno === PRIVACY_ERRNO
      if (!isPrivacy || !(await this.#askPrivacy(referrer))) throw error
      return ask()
    })
    // The official type says it is there; without cloud development it names nothing.
    return 'encryptedData' in fields ? { cloudID: '', ...fields } : fields
  }

  /** The phone button. The real-time one hands out a code and nothing sealed. */
  async #phoneNumber(openType: 'getPhoneNumber' | 'getRealtimePhoneNumber'): Promise<Fields> {
    const fields = await this.#openData('getPhoneNumber', openType, {}, `button.${openType}`)
    return openType === 'getPhoneNumber' ? fields : { code: fields.code, errMsg: fields.errMsg }
  }

  /** Whether the person accepts the privacy agreement, now that a page must ask. Without a listener nobody asks them. */
  #askPrivacy(referrer: string): Promise<boolean> {
    const listener = this.#onNeedPrivacy
    if (!listener) return Promise.resolve(false)
    return new Promise((resolve, reject) => {
      const choose: Resolve = ({ event }) => {
        if (event === 'agree') this.#agree().then(() => resolve(true), reject)
        else if (event === 'disagree') resolve(false)
      }
      listener(choose, { referrer })
    })
  }

  /** The person accepts the privacy agreement; what they deny otherwise stays denied. */
  async #agree(): Promise<Fields> {
    const { switches } = await this.#view('agreePrivacyAuthorization')
    const waiting = Object.entries(switches).filter(([, consent]) => consent === 'privacy')
    await this.#device.view('agreePrivacyAuthorization', { switches: Object.fromEntries(waiting.map(([name]) => [name, 'allow'])) })
    return {}
  }

  #accountInfo() {
    if (this.#appid === undefined) {
      throw new Error(
        `getAccountInfoSync:fail the appid is not known before the mock at ${this.server} has answered; await phone.ready() first, or name it (WXMOCK_APPID, or the option app)`,
      )
    }
    return { miniProgram: { appId: this.#appid, envVersion: this.#settings.envVersion, version: '' } }
  }

  async #view(api: string): Promise<PhoneView> {
    const view = await this.#device.view(api)
    this.#appid = view.appid
    return view
  }

  async #switch(switches: Record<string, string>): Promise<void> {
    await thrown(this.#device.view('phone', { switches }))
  }
}

const needsPrivacy = ({ switches }: PhoneView) => Object.values(switches).includes('privacy')

/** Those options that are there. */
function pick(options: Fields, ...names: string[]): Fields {
  return Object.fromEntries(names.filter((name) => options[name] !== undefined).map((name) => [name, options[name]]))
}

/** For a test, which wants an Error with a stack, not the plain object a page gets. */
async function thrown<T>(promise: Promise<T>): Promise<T> {
  try {
    return await promise
  } catch (error) {
    throw error instanceof Failed ? Object.assign(new Error(error.fail.errMsg), error.fail) : error
  }
}

