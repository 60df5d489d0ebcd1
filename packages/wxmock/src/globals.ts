/** `wx`, `uni` and `Taro` in the global scope, and the clicks on buttons that hand something out. */

import { type Fields, hasCallback, plainOptions } from './call.ts'
import type { ButtonEvent, OpenType, Phone } from './wx.d.ts'

type Api = (...values: unknown[]) => unknown

/** Calls that answer at once, or that only listen. */
const isImmediate = (name: string) => name.endsWith('Sync') || name.startsWith('on') || name === 'canIUse'

/** `uni`: as `wx`, but a request without callbacks is a promise too. */
function uniOf(wx: Record<string, Api>): Record<string, Api> {
  const request = wx.request as Api
  return { ...wx, request: (option) => (hasCallback(option) ? request(option) : request(option, 'always a promise')) }
}

/** `Taro`: every asynchronous call is a promise, callbacks or not. */
function taroOf(wx: Record<string, Api>): Record<string, Api> {
  const promised = ([name, api]: [string, Api]): [string, Api] => {
    if (isImmediate(name)) return [name, api]
    if (name === 'request') return [name, (option) => api(typeof option === 'string' ? { url: option } : option, 'always a promise')]
    return [name, (option) => promise(api, option)]
  }
  return Object.fromEntries(Object.entries(wx).map(promised))
}

function promise(api: Api, option: unknown): Promise<unknown> {
  const callbacks = (option ?? {}) as { success?: Api; fail?: Api; complete?: Api }
  return new Promise((resolve, reject) => {
    api({
      ...plainOptions(option),
      success: (result: unknown) => (resolve(result), callbacks.success?.(result)),
      fail: (result: unknown) => (reject(result), callbacks.fail?.(result)),
      complete: (result: unknown) => callbacks.complete?.(result),
    })
  })
}

export function installGlobals(phone: Phone, more: object = {}): () => void {
  const scope = globalThis as unknown as Record<string, unknown>
  // A page that loads the script twice has one phone, and one listener for its taps.
  if ((scope.wxmock as { phone?: Phone } | undefined)?.phone === phone) return () => {}
  const wx = phone.wx as unknown as Record<string, Api>
  const before: [string, PropertyDescriptor | undefined][] = []
  const put = (name: string, value: unknown) => {
    before.push([name, Object.getOwnPropertyDescriptor(scope, name)])
    Object.defineProperty(scope, name, { value, configurable: true, enumerable: true, writable: true })
  }
  const apis = { wx, uni: uniOf(wx), Taro: taroOf(wx) }
  for (const [name, calls] of Object.entries(apis)) {
    // What else is there stays: a framework's own API, or a test's double of wx.showToast.
    put(name, Object.assign(Object.create((scope[name] as object | undefined) ?? Object.prototype), calls))
  }
  // Where calls lead that were bound at build time: no framework writes over this name.
  put('wxmock', { ...apis, ...more, phone })
  const stopListening = listen(phone)
  return () => {
    stopListening()
    for (const [name, descriptor] of before.reverse()) {
      if (descriptor) Object.defineProperty(scope, name, descriptor)
      else delete scope[name]
    }
  }
}

const OPEN_TYPES: readonly string[] = ['getPhoneNumber', 'getRealtimePhoneNumber', 'getUserInfo', 'agreePrivacyAuthorization'] satisfies OpenType[]

/** A click on `<button open-type="getPhoneNumber">` becomes the event `getphonenumber` on that element. */
function listen(phone: Phone): () => void {
  if (typeof document === 'undefined') return () => {}
  const onClick = (click: Event) => {
    const origin = click.target as Element | null
    const button = origin?.closest?.('[open-type], [data-open-type]')
    const openType = button?.getAttribute('open-type') ?? button?.getAttribute('data-open-type')
    if (!button || !openType || !OPEN_TYPES.includes(openType) || button.hasAttribute('disabled')) return
    void phone.tap(openType as OpenType).then(({ type, detail }: ButtonEvent) => {
      button.dispatchEvent(new CustomEvent<Fields>(type, { detail: detail as unknown as Fields, bubbles: true }))
    })
  }
  document.addEventListener('click', onClick)
  return () => document.removeEventListener('click', onClick)
}
