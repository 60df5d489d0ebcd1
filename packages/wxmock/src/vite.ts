/**
 * `wxmock/vite`: what a built uni-app or Taro page needs besides the script.
 *
 * Their compilers bind `uni.login` and `Taro.login` to their own H5 runtime when the page is built, so that a global set later is
 * not looked at. Here such a call is bound to the phone before they see it, and the page gets the script. Without an address of a
 * mock this plugin does nothing: a production build stays what it was.
 */

import { bindToPhone } from './bind.ts'
import type { ViteOptions } from './types/vite.d.ts'

const environment = (name: string) => process.env[name] || undefined

export default function wxmock(options: ViteOptions = {}) {
  const server = options.server ?? environment('WXMOCK_SERVER') ?? environment('WXMOCK_URL')
  return {
    name: 'wxmock',
    // Before the frameworks' own plugins.
    enforce: 'pre' as const,
    transform(code: string, id: string) {
      if (server === undefined || /[\\/]node_modules[\\/]/.test(id)) return null
      return bindToPhone(code)
    },
    transformIndexHtml() {
      if (server === undefined) return []
      const app = options.app ?? environment('WXMOCK_APPID')
      const src = `${server.replace(/\/+$/, '')}/_mock/wx.js${app === undefined ? '' : `?app=${encodeURIComponent(app)}`}`
      return [{ tag: 'script', attrs: { src }, injectTo: 'head-prepend' as const }]
    },
  }
}
