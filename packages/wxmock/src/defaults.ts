/** Where the mock is and who holds the phone, when nobody says: the script's address, the page's, the environment. */

import { tabShelf } from './storage.ts'
import type { PhoneOptions } from './wx.d.ts'

export interface Settings {
  server: string
  app: string | undefined
  /** Known at once if the mock served the script or the app is named by its appid. */
  appid: string | undefined
  user: string | undefined
  device: string
  envVersion: 'develop' | 'trial' | 'release'
  timeout: number
}

/** What the mock writes before the script it serves: the appid, and a number nobody else has been given. */
interface Served {
  appid?: string
  device: string
}

/** The script's own address; `undefined` in a bundle of somebody else's. Set by the entries that are served. */
export const script: { url?: string; data: Record<string, string | undefined>; served?: Served } = { data: {} }

const SERVER = 'http://127.0.0.1:8910'
const TIMEOUT_MS = 10000

/** An appid, as opposed to the name of an app. */
const APPID = /^wx[0-9a-f]{16}$/

function environment(name: string): string | undefined {
  const value = typeof process === 'undefined' ? undefined : process.env?.[name]
  return value === '' ? undefined : value
}

function pageQuery(name: string): string | undefined {
  if (typeof location === 'undefined') return undefined
  return new URLSearchParams(location.search).get(name) ?? undefined
}

const scriptQuery = (name: string): string | undefined =>
  script.data[name] ?? (script.url === undefined ? undefined : (new URL(script.url).searchParams.get(name) ?? undefined))

export function defaults(options: PhoneOptions): Settings {
  const named = (name: 'app' | 'user' | 'device', variable?: string) =>
    options[name] ?? scriptQuery(name) ?? pageQuery(name) ?? (variable === undefined ? undefined : environment(variable))
  const app = named('app', 'WXMOCK_APPID')
  const server =
    options.server ?? (script.url === undefined ? undefined : new URL(script.url).origin) ?? environment('WXMOCK_SERVER') ?? environment('WXMOCK_URL') ?? SERVER
  const isOurs = options.app === undefined
  return {
    server: server.replace(/\/+$/, ''),
    app,
    appid: app !== undefined && APPID.test(app) ? app : isOurs ? script.served?.appid : undefined,
    user: named('user', 'WXMOCK_USER'),
    device: named('device') ?? tabDevice(),
    envVersion: options.envVersion ?? 'develop',
    timeout: options.timeout ?? TIMEOUT_MS,
  }
}

const KEPT = 'wxmock-device'
const OPEN = 'wxmock-open'

/**
 * A name of its own for each tab, which a reload keeps.
 *
 * A duplicated tab starts with a copy of the session storage, in which the first is still marked as open: then it is another phone.
 */
function tabDevice(): string {
  return (ownDevice ??= chooseDevice())
}
let ownDevice: string | undefined

function chooseDevice(): string {
  const served = script.served?.device
  const shelf = tabShelf()
  if (served === undefined || shelf === undefined) return 'phone'
  const isCopy = shelf.getItem(OPEN) !== null
  const device = (isCopy ? null : shelf.getItem(KEPT)) ?? served
  shelf.setItem(KEPT, device)
  shelf.setItem(OPEN, '1')
  addEventListener('pagehide', () => shelf.removeItem(OPEN))
  addEventListener('pageshow', () => shelf.setItem(OPEN, '1'))
  return device
}
