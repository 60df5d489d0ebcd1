import { expect, test, vi } from 'vitest'
import wxmock from '../src/vite.ts'
import { bindToPhone } from '../src/bind.ts'

test('calls of the phone are bound, and nothing that only looks like one', () => {
  const check = (source: string, bound: string | null) => expect(bindToPhone(source)?.code ?? null, source).toBe(bound)
  check('await uni.login({})', 'await globalThis.wxmock.uni.login({})')
  check('Taro.checkSession().then(ok)', 'globalThis.wxmock.Taro.checkSession().then(ok)')
  check('if (wx.getUserProfile) {}', 'if (globalThis.wxmock.wx.getUserProfile) {}')
  for (const other of ['my.wx.login()', '$wx.login()', 'uni.request({})', 'wx.loginUser()', "fail('wx.login')", 'globalThis.wxmock.uni.login()']) {
    check(other, null)
  }
})

test('a button says its open type where a click can be seen, once', () => {
  const button = '<button open-type="getPhoneNumber" @getphonenumber="number">'
  const seen = '<button open-type="getPhoneNumber" data-open-type="getPhoneNumber" @getphonenumber="number">'
  expect(bindToPhone(button)?.code).toBe(seen)
  expect(bindToPhone(seen)).toBeNull()
  expect(bindToPhone("<Button openType='getUserInfo' />")?.code).toBe(`<Button openType='getUserInfo' data-open-type="getUserInfo" />`)
  expect(bindToPhone('<button open-type="share">')).toBeNull()
})

test('the plugin puts the script into the page; without the address of a mock it does nothing', () => {
  const on = wxmock({ server: 'http://127.0.0.1:8910/', app: 'shop 1' })
  expect(on.transformIndexHtml()).toEqual([
    { tag: 'script', attrs: { src: 'http://127.0.0.1:8910/_mock/wx.js?app=shop%201' }, injectTo: 'head-prepend' },
  ])
  expect(on.transform('uni.login()', '/src/a.vue')).not.toBeNull()
  expect(on.transform('uni.login()', '/node_modules/a/b.js')).toBeNull()
  for (const name of ['WXMOCK_SERVER', 'WXMOCK_URL']) vi.stubEnv(name, '')
  const off = wxmock()
  expect([off.transform('uni.login()', '/src/a.vue'), off.transformIndexHtml()]).toEqual([null, []])
  vi.unstubAllEnvs()
})
