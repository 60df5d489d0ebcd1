import { createDecipheriv, createHash } from 'node:crypto'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { expect, test } from 'vitest'
import { createPhone } from 'wxmock'
import { exchange, freshApp, freshPhone, http, server } from './mock.ts'

/** What a backend does with a payload. */
function open(payload: { encryptedData: string; iv: string }, sessionKey: string): any {
  const bytes = (text: string) => Buffer.from(text, 'base64')
  const cipher = createDecipheriv('aes-128-cbc', bytes(sessionKey), bytes(payload.iv))
  return JSON.parse(Buffer.concat([cipher.update(bytes(payload.encryptedData)), cipher.final()]).toString())
}

test('a person logs in, the key expires, checkSession fails, the person logs in again', async () => {
  const { phone, wx, app } = await freshPhone()
  const { code, errMsg } = await wx.login()
  expect([errMsg, code.length]).toEqual(['login:ok', 32])
  const first = await exchange(app, code)
  expect(await wx.checkSession()).toEqual({ errMsg: 'checkSession:ok' })

  await phone.expireKey()
  await expect(wx.checkSession()).rejects.toEqual({ errMsg: 'checkSession:fail session time out, need relogin' })

  const second = await exchange(app, (await wx.login()).code)
  expect(second.openid).toBe(first.openid)
  expect(second.session_key).not.toBe(first.session_key)
  await wx.checkSession()
  expect(phone.calls('login').length).toBe(2)
  expect(phone.calls().map((call) => [call.api, call.state])).toEqual([
    ['login', 'ok'],
    ['checkSession', 'ok'],
    ['checkSession', 'fail'],
    ['login', 'ok'],
    ['checkSession', 'ok'],
  ])
})

test('what a phone hands out opens under the exchanged key, and under no later one', async () => {
  const { phone, wx, app } = await freshPhone()
  const { session_key } = await exchange(app, (await wx.login()).code)
  const profile = await wx.getUserProfile({ desc: '用于完善会员资料' })
  expect(Object.keys(profile).sort()).toEqual(['cloudID', 'encryptedData', 'errMsg', 'iv', 'rawData', 'signature', 'userInfo'])
  expect(profile.cloudID).toBe('')
  expect(profile.signature).toBe(createHash('sha1').update(profile.rawData + session_key).digest('hex'))
  expect(JSON.parse(profile.rawData).nickName).toBe(profile.userInfo.nickName)
  expect(open(profile, session_key).watermark.appid).toBe(app.appid)

  const number = (await phone.tap('getPhoneNumber')).detail
  expect(open(number as typeof profile, session_key).purePhoneNumber).toMatch(/^1\d{10}$/)
  expect(open(await wx.getWeRunData(), session_key).stepInfoList.length).toBeGreaterThan(0)

  await phone.rotateKey()
  const later = await wx.getUserInfo({ withCredentials: true })
  expect(() => open(later, session_key)).toThrow()
  const without = await wx.getUserInfo({ withCredentials: false })
  expect('encryptedData' in without || 'cloudID' in without).toBe(false)
})

test('two phones of one person: the login on one displaces the key of the other', async () => {
  const { wx, app, phone } = await freshPhone({ device: 'iphone' })
  await exchange(app, (await wx.login()).code)
  const other = createPhone({ server, app: app.appid, user: 'alice', device: 'pad' })
  expect([phone.device, other.device]).toEqual(['iphone', 'pad'])
  const { session_key } = await exchange(app, (await other.wx.login()).code)
  expect(open(await wx.getUserInfo({}), session_key).nickName).toBeTypeOf('string')
})

test('success or fail, then complete, and nothing in the same turn', async () => {
  const { wx } = await freshPhone()
  const said: string[] = []
  const told = new Promise<void>((done) => {
    const nothing = wx.login({
      success: ({ errMsg }) => said.push(`success ${errMsg}`),
      fail: () => said.push('fail'),
      complete: ({ errMsg }) => (said.push(`complete ${errMsg}`), done()),
    })
    expect(nothing).toBeUndefined()
    said.push('returned')
  })
  await told
  expect(said).toEqual(['returned', 'success login:ok', 'complete login:ok'])

  said.length = 0
  await new Promise<void>((done) => {
    wx.authorize({
      scope: undefined as unknown as string,
      success: () => said.push('success'),
      fail: (fail) => said.push(JSON.stringify(fail)),
      complete: () => (said.push('complete'), done()),
    })
    said.push('returned')
  })
  expect(said).toEqual([
    'returned',
    '{"errMsg":"authorize:fail parameter error: parameter.scope should be String instead of Undefined;","errno":1001}',
    'complete',
  ])
})

test('one callback is enough to get no promise; undefined is none', async () => {
  const { wx } = await freshPhone()
  for (const name of ['success', 'fail', 'complete'] as const) {
    expect(wx.checkSession({ [name]: () => {} })).toBeUndefined()
  }
  await expect(wx.login({ success: undefined } as object)).resolves.toMatchObject({ errMsg: 'login:ok' })
})

test('options are checked as the official typings have them', async () => {
  const { wx } = await freshPhone()
  await wx.login({ timeout: 5000 })
  const fails = (promise: Promise<unknown> | void) => expect(promise).rejects
  const wrong = (name: string, type: string) => `parameter error: parameter.${name} should be ${type};`
  await fails(wx.getUserProfile({} as { desc: string })).toEqual({
    errMsg: `getUserProfile:fail ${wrong('desc', 'String instead of Undefined')}`,
    errno: 1001,
  })
  const length = { errMsg: 'getUserProfile:fail desc length does not meet the requirements' }
  await fails(wx.getUserProfile({ desc: '' })).toEqual(length)
  await fails(wx.getUserProfile({ desc: '字'.repeat(31) })).toEqual(length)
  await wx.getUserProfile({ desc: '字'.repeat(30), lang: 'zh_CN' })
  await fails(wx.login({ timeout: '5' as unknown as number })).toMatchObject({
    errMsg: `login:fail ${wrong('timeout', 'Number instead of String')}`,
  })
  await fails(wx.getUserInfo({ withCredentials: 1 as unknown as boolean })).toMatchObject({
    errMsg: `getUserInfo:fail ${wrong('withCredentials', 'Boolean instead of Number')}`,
  })
  await fails(wx.getUserInfo({ lang: 'fr' as 'en' })).toMatchObject({
    errMsg: expect.stringMatching(/^getUserInfo:fail .*zh_CN/),
    errno: expect.any(Number),
  })
})

test('what a person denies fails in the words of a phone', async () => {
  const { phone, wx } = await freshPhone()
  await wx.login()
  await phone.deny('phone')
  expect((await phone.tap('getPhoneNumber')).detail).toEqual({ errMsg: 'getPhoneNumber:fail user deny', errno: 103 })
  await phone.deny('phone', 'android')
  expect((await phone.tap('getRealtimePhoneNumber')).detail.errMsg).toBe('getRealtimePhoneNumber:fail:user deny')
  await phone.allow('phone')
  const event = await phone.tap('getRealtimePhoneNumber')
  expect(event.type).toBe('getrealtimephonenumber')
  expect(Object.keys(event.detail).sort()).toEqual(['code', 'errMsg'])
  await phone.deny('userInfo')
  await expect(wx.getUserProfile({ desc: '资料' })).rejects.toEqual({ errMsg: 'getUserProfile:fail auth deny', errno: 103 })
  await phone.deny('login')
  await expect(wx.login()).rejects.toMatchObject({ errno: 5 })
  await phone.deny('login', 'blocked')
  await expect(wx.login()).rejects.toMatchObject({ errno: 1402101 })
  await phone.allow('login')
  await wx.login()
})

test('who this is', async () => {
  const { phone, wx, app } = await freshPhone()
  expect(wx.getAccountInfoSync().miniProgram).toEqual({ appId: app.appid, envVersion: 'develop', version: '' })
  const shop = await freshApp({ name: `shop of ${app.appid}` })
  const named = createPhone({ server, app: shop.name, user: 'bob', envVersion: 'trial' })
  expect(() => named.wx.getAccountInfoSync()).toThrow(/await phone\.ready\(\)/)
  expect(await named.ready()).toEqual({ appid: shop.appid, user: 'bob', device: 'phone' })
  expect(named.wx.getAccountInfoSync().miniProgram).toMatchObject({ appId: shop.appid, envVersion: 'trial' })
  expect((await phone.ready()).user).toBe('alice')
})

test('privacy: the listener decides, and the call goes on or fails', async () => {
  const { phone, wx } = await freshPhone()
  await wx.login()
  const setting = () =>
    new Promise<WechatMiniprogram.GetPrivacySettingSuccessCallbackResult>((success) => wx.getPrivacySetting({ success }))
  expect((await setting()).needAuthorization).toBe(false)
  await phone.requirePrivacy()
  expect(await setting()).toMatchObject({ needAuthorization: true, errMsg: 'getPrivacySetting:ok' })
  const refused = { errMsg: 'getUserProfile:fail privacy permission is not authorized', errno: 104 }
  await expect(wx.getUserProfile({ desc: '资料' })).rejects.toEqual(refused)

  const asked: string[] = []
  const choose = (event: string) =>
    // The official type of the listener has one parameter, the official page two.
    wx.onNeedPrivacyAuthorization(((resolve: (choice: object) => void, { referrer }: { referrer: string }) => {
      asked.push(referrer)
      resolve({ event: 'exposureAuthorization' })
      resolve({ event, buttonId: 'agree-btn' })
    }) as never)
  choose('disagree')
  await expect(wx.getUserProfile({ desc: '资料' })).rejects.toEqual(refused)
  choose('agree')
  expect((await phone.tap('getPhoneNumber')).detail.errMsg).toBe('getPhoneNumber:ok')
  expect(asked).toEqual(['getUserProfile', 'button.getPhoneNumber'])
  expect((await setting()).needAuthorization).toBe(false)
})

test('what was asked, by scope', async () => {
  const { phone, wx } = await freshPhone()
  await wx.login()
  const setting = async () => (await wx.getSetting()).authSetting
  expect(await setting()).toEqual({})
  await phone.deny('werun')
  const denied = { errMsg: 'authorize:fail auth deny', errno: 103 }
  await expect(wx.authorize({ scope: 'scope.werun' })).rejects.toEqual(denied)
  await expect(wx.getWeRunData()).rejects.toEqual({ errMsg: 'getWeRunData:fail auth deny', errno: 103 })
  expect(await setting()).toEqual({ 'scope.werun': false })
  await phone.allow('werun')
  expect((await wx.authorize({ scope: 'scope.werun' })).errMsg).toBe('authorize:ok')
  await wx.authorize({ scope: 'scope.camera' })
  await wx.getUserInfo({})
  expect(await setting()).toEqual({ 'scope.camera': true, 'scope.userInfo': true, 'scope.werun': true })
  await expect(wx.authorize({ scope: 'scope.steps' })).rejects.toMatchObject({ errMsg: expect.stringContaining('scope.werun'), errno: 1001 })
})

test('a mock that cannot be reached fails the call with a hint, at once', async () => {
  const port = await new Promise<number>((found) => {
    const free = createServer().listen(0, '127.0.0.1', () => {
      const { port } = free.address() as AddressInfo
      free.close(() => found(port))
    })
  })
  const { wx } = createPhone({ server: `http://127.0.0.1:${port}` })
  await expect(wx.login()).rejects.toEqual({
    errMsg: expect.stringMatching(new RegExp(`^login:fail the mock at http://127.0.0.1:${port} cannot be reached .*wxmock serve`)),
  })
  const fail = await new Promise<WechatMiniprogram.GeneralCallbackResult>((fail) => wx.getPrivacySetting({ fail }))
  expect(fail.errMsg).toMatch(/^getPrivacySetting:fail the mock at /)
})

test('a mock that is silent fails the call when the time is up', async () => {
  const silent = createServer(() => {})
  await new Promise<void>((done) => silent.listen(0, '127.0.0.1', done))
  const { wx } = createPhone({ server: `http://127.0.0.1:${(silent.address() as AddressInfo).port}` })
  await expect(wx.login({ timeout: 20 })).rejects.toEqual({ errMsg: 'login:fail time out', errno: 5 })
  silent.close()
})

test('a person or an app that is not there is said', async () => {
  const { app } = await freshPhone()
  const stranger = createPhone({ server, app: app.appid, user: 'alcie' })
  await expect(stranger.wx.login()).rejects.toEqual({ errMsg: expect.stringMatching(/^login:fail .*`alcie`.*alice/), errno: 101 })
  await expect(stranger.expireKey()).rejects.toThrow('alice')
  expect((await http('GET', `/_mock/v1/apps/${app.appid}/users/alice/keys`)).keys).toEqual([])
})
