/// <reference types="miniprogram-api-typings" />

/**
 * What a page calls. The types are the official ones; install `miniprogram-api-typings` beside this file.
 *
 * Whatever else a page calls stays what it was before: a test's own double, a framework's own, or undefined.
 */
export type WxApi = Pick<
  WechatMiniprogram.Wx,
  | 'login'
  | 'checkSession'
  | 'getUserProfile'
  | 'getUserInfo'
  | 'getWeRunData'
  | 'getSetting'
  | 'authorize'
  | 'getAccountInfoSync'
  | 'getPrivacySetting'
  | 'onNeedPrivacyAuthorization'
  | 'requirePrivacyAuthorize'
  | 'request'
  | 'setStorage'
  | 'setStorageSync'
  | 'getStorage'
  | 'getStorageSync'
  | 'removeStorage'
  | 'removeStorageSync'
  | 'clearStorage'
  | 'clearStorageSync'
  | 'getStorageInfo'
  | 'getStorageInfoSync'
  | 'canIUse'
>

/** Where the mock is and who holds the phone. What is absent comes from the script's address, the page's, the environment, or the mock. */
export interface PhoneOptions {
  /** Base URL of the mock. Default: where the script came from; else `WXMOCK_SERVER`, `WXMOCK_URL`, `http://127.0.0.1:8910`. */
  server?: string
  /** Appid or name of the mini program. Default: `WXMOCK_APPID`, else the mock's only app. */
  app?: string
  /** The person, a user of the mock. Default: `?user=`, else `WXMOCK_USER`, else the first user of the app. */
  user?: string
  /** Name of the phone. Default: one of its own for each tab of a browser, `phone` elsewhere. */
  device?: string
  /** What `wx.getAccountInfoSync` says. Default: `develop`. */
  envVersion?: 'develop' | 'trial' | 'release'
  /** How long a call waits for the mock, in milliseconds; an API's own `timeout` goes before it. Default: 10000. */
  timeout?: number
}

/** What a fail callback hears, and what a promise rejects with. */
export interface WxFail {
  errMsg: string
  errno?: number
}

/** What a person can be asked for. `login` stands for `wx.login` itself. */
export type Asked = 'userInfo' | 'phone' | 'werun' | 'login'

/**
 * In which words something is denied. `user`: the person says no, as iOS puts it; `android`: the same there. `privacy`: the privacy
 * agreement is not accepted; `permission`, `quota`: the mini program has none. `timeout` and `blocked` are of `login`, and only of it.
 */
export type Denial = 'user' | 'android' | 'privacy' | 'permission' | 'quota' | 'timeout' | 'blocked'

/** The open types of a button that hands something out. */
export type OpenType = 'getPhoneNumber' | 'getRealtimePhoneNumber' | 'getUserInfo' | 'agreePrivacyAuthorization'

/** What the handler of such a button gets; a success has the fields of the API, a failure `errMsg` and perhaps `errno`. */
export interface ButtonEvent {
  type: string
  timeStamp: number
  detail: { errMsg: string; errno?: number; code?: string } & Partial<WechatMiniprogram.GetUserInfoSuccessCallbackResult>
}

/** One call of a page, in the order in which they were made. */
export interface Call {
  api: string
  /** The options without callbacks. */
  options: Record<string, unknown>
  state: 'pending' | 'ok' | 'fail'
  /** What success or fail was told. */
  result?: Record<string, unknown>
}

/** The phone as a test holds it: what a person does, and what WeChat does to the key behind their back. */
export interface Phone {
  /** What the page calls. */
  readonly wx: WxApi
  readonly server: string
  /** The name of the phone. */
  readonly device: string
  /** Asks the mock who this is. Without it `getAccountInfoSync` knows the appid only after the first answer of the mock. */
  ready(): Promise<{ appid: string; user: string; device: string }>
  /** The session key of this person expires: `checkSession` fails, what a backend holds opens nothing more. */
  expireKey(): Promise<void>
  /** WeChat renews the session key of this person, as a login on another phone would. */
  rotateKey(): Promise<void>
  /** The person allows it again. */
  allow(what: Asked): Promise<void>
  /** The person denies it, or the mini program is not let. Default: `user`, and `timeout` for `login`. */
  deny(what: Asked, how?: Denial): Promise<void>
  /** The person has not accepted the privacy agreement: open data needs `onNeedPrivacyAuthorization` first. */
  requirePrivacy(): Promise<void>
  /** Taps a button of this open type and gives what its handler would get; the handler, if any, is called with it. */
  tap(openType: OpenType, handler?: (event: ButtonEvent) => void): Promise<ButtonEvent>
  /** What the page has called, oldest first; of one API, if named. */
  calls(api?: string): Call[]
  /** Forgets the calls, the storage and the privacy listener of this phone, as a fresh install does. The person stays. */
  reset(): void
}

/** Makes a phone. Asks nothing of the network before the first call. */
export function createPhone(options?: PhoneOptions): Phone

/** Puts `wx`, `uni` and `Taro` in the global scope, over what is there already; the function it gives takes them back. */
export function installGlobals(phone: Phone): () => void

/** The phone of this page or this test file. */
export const phone: Phone

/** `phone.wx`. */
export const wx: WxApi
