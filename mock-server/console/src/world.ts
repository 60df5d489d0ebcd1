/** Which apps there are, which one is looked at, and when something in it changed. */

import { useEffect, useState } from 'preact/hooks'
import { act, appPath, get } from './api'
import { follow } from './live'
import { Store, remembered, useStore } from './store'
import type { App, Clock } from './types'

const saved = remembered<string>('wxmock.app')

export const apps = new Store<App[]>([])
/** Wall time at which `apps` was read. */
export const readAt = new Store(Date.now())
export const chosen = new Store<string>(saved.get() ?? '')
/** What went wrong at the last reading of the apps. */
export const unreachable = new Store<Error | null>(null)
/** errmsg of every errcode. */
export const errmsgs = new Store<ReadonlyMap<number, string>>(new Map())

chosen.subscribe(() => {
  saved.set(chosen.get())
  void refresh()
})

export async function refresh(): Promise<void> {
  try {
    const page = await get<{ apps: App[] }>('/_mock/v1/apps')
    const app = page.apps.find((one) => one.appid === chosen.get()) ?? page.apps[0]
    // The list shows when the app last did something; only the clock itself says what time it is.
    if (app) app.clock = await get<Clock>(`${appPath(app.appid)}/clock`)
    readAt.set(Date.now())
    apps.set(page.apps)
    unreachable.set(null)
    chosen.set(app?.appid ?? '')
  } catch (error) {
    unreachable.set(error instanceof Error ? error : new Error(String(error)))
  }
}

export async function learnErrcodes(): Promise<void> {
  const page = await get<{ errcodes: { errcode: number; errmsg: string }[] }>('/_mock/v1/errcodes').catch(() => null)
  if (page) errmsgs.set(new Map(page.errcodes.map((info) => [info.errcode, info.errmsg])))
}

/** The app looked at; undefined while there is none. */
export function useApp(): App | undefined {
  const all = useStore(apps)
  const appid = useStore(chosen)
  return all.find((app) => app.appid === appid)
}

/** Changes virtual time of an app. */
export async function moveClock(appid: string, how: string, body: unknown): Promise<void> {
  await act('POST', `${appPath(appid)}/clock/${how}`, body)
  await refresh()
}

/** How soon after a line that matters something is read again, in milliseconds. */
const SOON = 250

/** What `read` gives, again whenever lines that matter came, a moment later, and on demand. */
export function useLive<T>(read: () => Promise<T>, matters: (app: string | undefined, user: string | undefined, what: string) => boolean, keys: unknown[]): { value: T | undefined; error: Error | undefined; again: () => void; at: number } {
  const [state, set] = useState<{ value: T | undefined; error: Error | undefined; at: number }>({ value: undefined, error: undefined, at: Date.now() })
  const [n, ask] = useState(0)
  useEffect(() => {
    let isOver = false
    let timer: ReturnType<typeof setTimeout> | undefined
    let pause = SOON
    let nAsked = 0
    let shown = 0
    const load = () => {
      timer = undefined
      const began = Date.now()
      const mine = ++nAsked
      // An answer that was overtaken is not shown over a newer one.
      const show = (value: T | undefined, error: Error | undefined) => {
        if (isOver || mine < shown) return
        shown = mine
        set({ value, error, at: Date.now() })
      }
      const ended = () => {
        // What takes long is asked less often: a list of thousands must not keep the mock or the page busy.
        pause = Math.max(SOON, 5 * (Date.now() - began))
      }
      read()
        .then(
          (value) => show(value, undefined),
          (error: Error) => show(undefined, error),
        )
        .finally(ended)
    }
    load()
    const stop = follow((entries) => {
      const isMine = entries.some((entry) => {
        if (entry.what === 'world') return matters(entry.event.app, entry.event.user, entry.what)
        if (entry.what === 'exchange') return matters(entry.appid, entry.user, entry.what)
        return matters(undefined, undefined, entry.what)
      })
      if (isMine) timer ??= setTimeout(load, pause)
    })
    return () => {
      isOver = true
      clearTimeout(timer)
      stop()
    }
  }, [...keys, n])
  return { ...state, again: () => ask(n + 1) }
}
