/** What docs/fixtures.md says of the fixture, method by method. */

import { execFileSync } from 'node:child_process'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest'
import { createPhone } from 'wxmock'
import { start, type Mock } from 'wxmock/server'

let mock: Mock
beforeAll(async () => void (mock = await start()))
beforeEach(() => mock.reset())
afterEach(() => vi.unstubAllEnvs())
afterAll(() => mock.stop())

const login = async (code: string) =>
  (await fetch(`${mock.url}/sns/jscode2session?appid=${mock.appid}&secret=${mock.secret}&js_code=${code}&grant_type=authorization_code`)).json()

test('codes are distinct and belong to their user', async () => {
  const codes = await mock.codes(2, 'bob')
  expect(new Set(codes).size).toBe(2)
  await login(codes[0]!)
  expect(await mock.calls('jscode2session')).toMatchObject([{ user: 'bob', errcode: null, status: 200 }])
})

test('an expired key is noticed by the phone', async () => {
  await login(await mock.code())
  const { wx } = createPhone({ server: mock.url, app: mock.appid, user: 'alice' })
  expect(await wx.checkSession()).toMatchObject({ errMsg: 'checkSession:ok' })
  expect((await mock.expireKey('alice')).current).toBe(false)
  expect((await mock.wx('checkSession', { user: 'alice' })).errMsg).toMatch(/^checkSession:fail/)
  await expect(wx.checkSession()).rejects.toHaveProperty('errMsg')
})

test('a rotated key is another', async () => {
  const { session_key: first } = await login(await mock.code())
  expect((await mock.rotateKey('alice')).no).toBe(2)
  expect((await login(await mock.code())).session_key).not.toBe(first)
})

test('held answers leave in the order of the test', async () => {
  const [older, newer] = await mock.codes(2)
  const hold = await mock.hold()
  const left: string[] = []
  const first = login(older!).then(() => left.push('older'))
  await hold.wait(1)
  const second = login(newer!).then(() => left.push('newer'))
  const [, held] = await hold.wait(2)
  await mock.request('POST', '/_mock/v1/gates/release', { call: held!.call })
  await second
  expect(await hold.release()).toBe(1)
  await first
  expect(left).toEqual(['newer', 'older'])
  await hold.end()
  expect(await login(await mock.code())).toHaveProperty('openid')
})

test('a hold of one user lets others pass', async () => {
  await mock.hold('jscode2session', { user: 'bob', times: 1, point: 'arrived' })
  expect(await login(await mock.code('alice'))).toHaveProperty('openid')
  expect(await mock.releaseAll()).toBe(0)
})

test('a reset forgets calls, codes and holds', async () => {
  const [code, hold] = [await mock.code(), await mock.hold()]
  await mock.reset()
  await hold.end()
  expect(await login(code)).toMatchObject({ errcode: 40029 })
  await mock.reset()
  await mock.assertCalls('jscode2session', 0)
})

test('failures say what the backend did', async () => {
  await login(await mock.code())
  await expect(mock.assertCalls('jscode2session', 2)).rejects.toThrow(
    /^1 calls of jscode2session instead of 2; the backend called:\n {2}#\d+ jscode2session user=alice errcode=null answered$/,
  )
  await expect((await mock.hold('token')).wait(1, 10)).rejects.toThrow('0 calls held instead of 1 after 10ms')
  await expect(mock.code('carol')).rejects.toThrow(/404 .*no user is called/)
  await expect(start('--preset', 'nonsense')).rejects.toThrow(/^wxmock serve ended with 3:\n[^]*--preset/)
})

test('without a binary the error says how to get one', async () => {
  vi.stubEnv('WXMOCK_BIN', '/nowhere/wxmock')
  await expect(start()).rejects.toThrow('WXMOCK_BIN is "/nowhere/wxmock", which is no program')
  vi.stubEnv('WXMOCK_BIN', '')
  vi.stubEnv('PATH', '')
  await expect(start()).rejects.toThrow(/^no wxmock binary: @wxmock\/.* is not installed/)
})

test('a mock that nobody stops ends with its process, and does not keep it', { timeout: 60000 }, async () => {
  const script = "require('wxmock/server').start().then((mock) => console.log(mock.url))"
  const url = execFileSync(process.execPath, ['-e', script], { encoding: 'utf8', timeout: 60000 }).trim()
  const answers = async () => (await fetch(`${url}/_mock/livez`)).ok
  await expect.poll(() => answers().catch(() => false), { timeout: 20000, interval: 20 }).toBe(false)
})
