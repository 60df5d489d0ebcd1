/** The mock as a test holds it, from outside the page: plain HTTP without an Origin, whatever the environment makes of `fetch`. */

import { request } from 'node:http'
import { createPhone } from 'wxmock'
import type { Phone, PhoneOptions } from '../src/wx.d.ts'

export const server = process.env.WXMOCK_SERVER ?? 'http://127.0.0.1:8910'

export function http(method: string, path: string, body?: object): Promise<any> {
  return new Promise((resolve, reject) => {
    const sent = request(`${server}${path}`, { method }, (answer) => {
      const parts: Buffer[] = []
      answer.on('data', (part: Buffer) => parts.push(part))
      answer.on('end', () => {
        const text = Buffer.concat(parts).toString()
        if ((answer.statusCode ?? 500) >= 300) reject(new Error(`${method} ${path}: ${answer.statusCode} ${text}`))
        else resolve(JSON.parse(text))
      })
    })
    sent.on('error', (error) => reject(new Error(`no mock at ${server} (${error.message}): start one and set WXMOCK_SERVER`)))
    sent.end(body === undefined ? undefined : JSON.stringify(body))
  })
}

export interface App {
  appid: string
  secret: string
  name: string
}

/** An app of its own, with alice and bob: tests run side by side on one mock. */
export const freshApp = (more: { name?: string } = {}): Promise<App> => http('POST', '/_mock/v1/apps', more)

export const exchange = (app: App, code: string): Promise<any> =>
  http('GET', `/sns/jscode2session?appid=${app.appid}&secret=${app.secret}&js_code=${code}&grant_type=authorization_code`)

export async function freshPhone(options: PhoneOptions = {}): Promise<{ phone: Phone; wx: Phone['wx']; app: App }> {
  const app = await freshApp()
  const phone = createPhone({ server, app: app.appid, user: 'alice', ...options }) as Phone
  return { phone, wx: phone.wx, app }
}
