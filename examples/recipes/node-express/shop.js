// A backend that logs in with WeChat: Express and Node's own fetch, no SDK. Users and sessions in memory; a database in yours.
import { createDecipheriv, randomBytes } from 'node:crypto'
import express from 'express'

/** An answer other than success. */
class Problem extends Error {
  constructor(status, error) {
    super(error)
    this.status = status
  }
}
const loginAgain = () => new Problem(401, 'login again')
const tryLater = () => new Problem(503, 'try later')

/** `base` is WeChat's address; a test has another one. */
export function createShop({ base = 'https://api.weixin.qq.com', appid, secret }) {
  const users = new Map() // by openid: id, and keys, the newest first
  const sessions = new Map() // by our own token: openid, key of this login

  async function exchange(code) {
    const query = new URLSearchParams({ appid, secret, js_code: code, grant_type: 'authorization_code' })
    let answer
    try {
      // By content: WeChat labels its JSON as text/plain.
      answer = JSON.parse(await (await fetch(`${base}/sns/jscode2session?${query}`, { signal: AbortSignal.timeout(2000) })).text())
    } catch {
      throw tryLater()
    }
    if ([40029, 40163, 41008].includes(answer?.errcode)) throw loginAgain()
    if (answer?.errcode === 40226) throw new Problem(403, 'blocked')
    if (answer?.errcode || !answer?.openid || !answer.session_key) throw tryLater()
    return { openid: answer.openid, key: answer.session_key }
  }

  /** What WeChat sealed, or nothing if this key does not open it. */
  function opened(key, data, iv) {
    try {
      const cipher = createDecipheriv('aes-128-cbc', Buffer.from(key, 'base64'), Buffer.from(iv, 'base64'))
      const plain = JSON.parse(Buffer.concat([cipher.update(data, 'base64'), cipher.final()]).toString())
      return plain?.watermark?.appid === appid ? plain : undefined
    } catch {
      return undefined
    }
  }

  function current(request) {
    const session = sessions.get((request.get('authorization') ?? '').replace(/^Bearer /, ''))
    if (!session) throw loginAgain()
    return session
  }

  function given(request, name) {
    const value = request.body?.[name]
    if (typeof value !== 'string' || value === '') throw new Problem(400, name)
    return value
  }

  const app = express()
  app.use(express.json())
  app.get('/healthz', (_request, response) => response.json({}))

  app.post('/login', async (request, response) => {
    const { openid, key } = await exchange(given(request, 'code'))
    const user = users.get(openid) ?? { id: users.size + 1, keys: [] }
    // None replaces another: WeChat's answers can overtake each other.
    users.set(openid, { id: user.id, keys: [key, ...user.keys.slice(0, 7)] })
    const token = randomBytes(24).toString('hex')
    sessions.set(token, { openid, key })
    response.json({ token, user: { id: user.id } })
  })

  app.post('/profile', (request, response) => {
    const { openid, key } = current(request)
    const [data, iv] = [given(request, 'encryptedData'), given(request, 'iv')]
    // The key of this login first, then the user's others: a page may have sealed its data after a newer login.
    for (const one of new Set([key, ...users.get(openid).keys])) {
      const plain = opened(one, data, iv)
      if (plain && (plain.openId ?? openid) === openid) return response.json({ nickName: plain.nickName })
    }
    throw loginAgain()
  })

  app.get('/me', (request, response) => response.json({ user: { id: users.get(current(request).openid).id } }))

  app.use((error, _request, response, _next) => response.status(error.status ?? 500).json({ error: error.message }))
  return app
}
