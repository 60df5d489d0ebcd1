import type { components } from './api.d.ts'

type Schemas = components['schemas']
/** One call of the backend. */
export type Call = Schemas['CallView']
/** A call that is held. */
export type Parked = Schemas['ParkedCall']
/** A session_key of a user. */
export type Key = Schemas['KeyView']
/** A name as in docs/endpoints.md. */
export type Endpoint = Schemas['Endpoint']

/** Starts a mock on a free port; it ends with `stop`, at the latest when this process exits. `args` are those of `wxmock serve`. */
export function start(...args: string[]): Promise<Mock>

/** A running mock with one mini program, whose users are alice and bob unless `--config` says otherwise. */
export interface Mock {
  /** Base URL: what the backend under test calls instead of https://api.weixin.qq.com. */
  readonly url: string
  readonly appid: string
  /** The AppSecret. */
  readonly secret: string
  /** A fresh login code, as `wx.login` gives it to a page of this user. Default: alice. */
  code(user?: string): Promise<string>
  /** So many of them, 1 to 10000. */
  codes(count: number, user?: string): Promise<string[]>
  /** What a `wx.*` call hands to the page, for example `wx('getUserProfile', { user: 'alice', desc: '…' })`. */
  wx(api: string, options?: { user?: string; [option: string]: unknown }): Promise<Schemas['WxAnswer'] & Record<string, unknown>>
  /** Ends the user's session_key as time would. */
  expireKey(user?: string): Promise<Key>
  /** Gives the user a new session_key, as a login elsewhere would; the old one is displaced. */
  rotateKey(user?: string): Promise<Key>
  /** Holds calls of the backend from now on. A call held for 30 s goes on by itself. */
  hold(endpoint?: Endpoint, options?: HoldOptions): Promise<Hold>
  /** Ends every hold and lets every held call go; how many there were. */
  releaseAll(): Promise<number>
  /** What the backend has called since the start or the last reset, in order of arrival. */
  calls(endpoint?: Endpoint): Promise<Call[]>
  /** Throws unless the backend has called this endpoint exactly so many times. */
  assertCalls(endpoint: Endpoint, count: number): Promise<void>
  /** Back to the start: users, keys and codes as seeded, held calls let go, faults gone, no calls. */
  reset(): Promise<void>
  /** Anything else of the API that `/_mock/openapi.json` describes: the JSON of the answer. A refusal throws. */
  request<Answer = unknown>(method: string, path: string, body?: unknown): Promise<Answer>
  /** Ends the mock. */
  stop(): Promise<void>
}

/** Which calls are held, and where. */
export interface HoldOptions {
  /** `arrived`: nothing has happened yet; `committed` (the default): it has happened and the answer waits; `answered`. */
  point?: Parked['point']
  /** Only calls about this user. */
  user?: string
  /** Only the next so many calls. */
  times?: number
}

/** Calls that are held. */
export interface Hold {
  /** Waits until so many calls are held and gives them; throws if they do not come within so many milliseconds (5000). */
  wait(count?: number, within?: number): Promise<Parked[]>
  /** Lets the first so many go, or all that are held now; how many there were. Later calls are still held. */
  release(first?: number): Promise<number>
  /** Holds nothing more, and lets go what is held. Ending twice is once, also after a reset or `releaseAll`. */
  end(): Promise<void>
}
