/** What the world's events say, in words. */

import { t } from '../lang'
import type { World } from '../types'

export function eventWords(event: World['event']): string {
  const of = (name: string): string => String(event[name] ?? '')
  const key = `k${of('key')}`
  const device = of('device')
  switch (event.kind) {
    case 'code_minted':
      return t(`${device}: wx.login made a code bound to ${key}`, `${device}：wx.login 生成 code，绑定 ${key}`)
    case 'code_exchanged':
      return t(`the code was exchanged for ${key}`, `code 换取到 ${key}`)
    case 'code_refused':
      return t(`the code was refused: ${of('errcode')}`, `code 被拒绝：${of('errcode')}`)
    case 'code_expired':
      return t('the code expired unused', 'code 过期，未被使用')
    case 'key_issued':
      return t(`${key} issued (${of('cause')})`, `签发 ${key}（${of('cause')}）`)
    case 'key_activated':
      return t(`${key} came into force`, `${key} 生效`)
    case 'key_displaced':
      return t(`${key} displaced by k${of('by')}`, `${key} 被 k${of('by')} 顶替`)
    case 'key_renewed':
      return t(`${key} renewed by use`, `${key} 因使用而续期`)
    case 'key_expired':
      return t(`${key} expired`, `${key} 过期`)
    case 'session_checked':
      return t(`${device}: checkSession says ${event['alive'] ? 'alive' : 'log in again'}`, `${device}：checkSession ${event['alive'] ? '有效' : '已失效'}`)
    case 'payload_sealed':
      return t(`${device}: ${of('api')} encrypted under ${event['key'] === undefined ? 'no key' : key}`, `${device}：${of('api')} 用 ${event['key'] === undefined ? '（无 key）' : key} 加密`)
    case 'device_failed':
      return `${device}: ${of('err_msg')}`
    case 'session_verified':
      return t(`the backend verified ${key}`, `后端校验了 ${key}`)
    case 'changed':
      return t(`changed by hand: ${of('what')}`, `手动修改：${of('what')}`)
    default: {
      const rest = Object.entries(event).filter(([name]) => !['seq', 'at', 'app', 'user', 'kind', 'code', 'key'].includes(name))
      return [event.kind.replaceAll('_', ' '), ...rest.map(([name, value]) => `${name} ${String(value)}`)].join(' · ')
    }
  }
}
