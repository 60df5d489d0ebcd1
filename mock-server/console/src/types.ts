/** What the admin API answers, as far as this page reads it. */

export interface Clock {
  now: number
  frozen: boolean
  scale: number
}

export interface App {
  appid: string
  secret: string
  kind: string
  name: string
  policy: Policy
  clock: Clock
  n_users: number
}

export type Knob = string | number | boolean | null | string[]
export type Policy = Record<string, Record<string, Knob>>

export interface Key {
  no: number
  cause: 'login' | 'exchange' | 'rotate' | 'reset'
  device: string
  session_key: string
  issued_at: number
  renewed_at: number
  activated_at: number | null
  displaced_at: number | null
  displaced_by: number | null
  expires_at: number
  expired_at: number | null
  current: boolean
}

export interface User {
  name: string
  openid: string
  unionid: string | null
  phone: { pure_number: string; country_code: string } | null
  profile: { nickName: string }
  switches: Record<string, unknown> & { user_info: string; phone: string; login: string; blocked: boolean }
  policy: unknown
  keys: Key[]
}

export interface Code {
  code: string
  user: string
  device: string
  key: number
  minted_at: number
  expires_at: number
  state: 'fresh' | 'exchanged' | 'expired' | 'burnt'
  ended_at: number | null
}

/** One line of the journal. */
export type Entry = { no: number; at: number } & (Exchange | World | GateLine | FaultLine)

export interface Exchange {
  what: 'exchange'
  call: number
  method: string
  path: string
  endpoint: string
  user_agent?: string
  appid?: string
  user?: string
  code?: string
  state: 'answered' | 'gone'
  status: number | null
  errcode?: number
  why?: { is: string }
  key_no?: number
  rid?: string
  fault?: string
  took_us: number
}

export interface World {
  what: 'world'
  event: { app?: string; user?: string; kind: string } & Record<string, unknown>
}

export interface GateLine {
  what: 'gate'
  call: number
  gate: number
  label: string
  point: Point
  act: string
}

export interface FaultLine {
  what: 'fault'
  call: number
  label: string
  effect: string
  when: string
}

export type Point = 'arrived' | 'committed' | 'answered'

export interface Body {
  bytes: number
  kept: number
  text?: string
  base64?: string
}

export interface Wire {
  call: { id: number; user: string | null; appid: string | null; state: string; parked: Point | null; errcode: number | null }
  request: { method: string; target: string; headers: [string, string][]; body: Body } | null
  reply: { status: number; headers: [string, string][]; body: Body; cut_after: number | null; after_us: number } | null
  why: { en: string | null; zh: string | null }
  advice: { en: string | null; zh: string | null }
}

export interface Gate {
  id: number
  label: string
  point: Point
  match: Record<string, string>
  limit: string
  times: number | null
  open_when: number | null
  taken: number
  held: number
}

export interface Parked {
  call: number
  gate: number
  label: string
  point: Point
  endpoint: string
  js_code: string | null
  user: string | null
  held_ms: number
  limit_ms: number
}

export interface Fault {
  id: number
  label: string
  match: Record<string, string>
  times: number | null
  when: string
  effect: { kind: string } & Record<string, unknown>
  hits: number
}

export interface Opener {
  key: string
  app?: string
  user?: string
  no?: number
  current?: boolean
}

export interface Finding {
  has_payload: boolean
  opener: Opener | null
  plaintext: string | null
  /** What became of the session_key that was said to be used; `no` where it is one of the person's. */
  believed: { is: string; no?: number } | null
  believed_unpads: boolean
  signature: unknown
  good: boolean
  explanation: string
}
