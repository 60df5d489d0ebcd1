import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { start, type Mock } from 'wxmock/server'

let mock: Mock
beforeAll(async () => void (mock = await start()))
beforeEach(() => mock.reset())
afterAll(() => mock.stop())

/** Your backend's, told of mock.url, mock.appid and mock.secret. */
const login = async (code: string) =>
  (await fetch(`${mock.url}/sns/jscode2session?appid=${mock.appid}&secret=${mock.secret}&js_code=${code}&grant_type=authorization_code`)).json()

test('a code works once', async () => {
  const code = await mock.code('alice')
  expect(await login(code)).toHaveProperty('openid')
  expect(await login(code)).toMatchObject({ errcode: 40163 })
  await mock.assertCalls('jscode2session', 2)
})
