/** The rules of an app or of one user: a named bundle, and single ones on top of it. */

import { useState } from 'preact/hooks'
import { act, appPath, get, userPath } from '../api'
import { described, lang, t } from '../lang'
import { useStore } from '../store'
import type { App, Knob, Policy as Rules, User } from '../types'
import { Button, Empty, Field, Problem, Select, Tag } from '../ui'
import { refresh, useApp, useLive } from '../world'

interface Preset {
  name: string
  about: string
  policy: Rules
}

/** What the rules mean, as the description of the API says it. */
interface Meanings {
  components: { schemas: { policy: { properties: Record<string, { description?: string; properties?: Record<string, { description?: string }> }> } } }
}

/** What the presets say of themselves, for those who read Chinese. */
const ABOUT_ZH: Record<string, string> = {
  documented: '按官方文档：获取 code 可能换新 key，存在最短间隔，使用会续期，每个用户同时只有一个有效 key，code 有效 5 分钟。',
  observed: '按开发者反馈：连续登录保持同一个 key，约 10 分钟后再登录会变；key 自签发起 3 天有效，使用不续期。',
  eager: '每次登录都换新 key，没有最短间隔；其余同 documented。',
  lazy: 'key 有效期内登录不换 key，有效期 30 天。',
  'worst-legal': '文档未禁止的最坏情况：每次登录换 key，1 小时失效，access_token 不重叠，有调用限额，返回字段陌生且倒序。',
  ide: '开发者工具的行为：登录不换 key，checkSession 总是通过。',
}

const same = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b)

export function Policy() {
  const app = useApp()
  return app ? <OfApp key={app.appid} app={app} /> : <Empty title={t('There is no app', '还没有应用')} />
}

function OfApp({ app }: { app: App }) {
  const [user, whose] = useState('')
  const language = useStore(lang)
  const path = `${user ? userPath(app.appid, user) : appPath(app.appid)}/policy`
  const presets = useLive(() => get<{ presets: Preset[] }>('/_mock/v1/presets'), () => false, [])
  const users = useLive(() => get<{ users: User[] }>(`${appPath(app.appid)}/users?limit=200`), () => false, [app.appid])
  const meanings = useLive(() => get<Meanings>(described()), () => false, [])
  const rules = useLive(() => get<Rules>(path), (appid, _user, what) => what === 'world' && appid === app.appid, [path])
  const now = rules.value
  const all = presets.value?.presets ?? []
  const change = async (body: unknown) => {
    await act('PATCH', path, body)
    rules.again()
    void refresh()
  }
  const groups = meanings.value?.components.schemas.policy.properties
  const documented = all.find((preset) => preset.name === 'documented')
  return (
    <div class="page">
      <div class="bar">
        <Field label={t('Rules of', '适用于')}>
          {(id) => <Select id={id} value={user} options={[['', t(`the app ${app.name}`, `应用 ${app.name}`)], ...(users.value?.users ?? []).map((one) => [one.name, one.name] as const)]} onChange={whose} />}
        </Field>
        {user && (
          <Button run={() => act('DELETE', path).then(rules.again)} title={`DELETE ${path}`}>
            {t('Back to the app’s rules', '恢复为应用的规则')}
          </Button>
        )}
      </div>
      {(rules.error ?? presets.error) && <Problem error={(rules.error ?? presets.error) as Error} />}
      <h2>{t('Presets', '预设')}</h2>
      <p class="lead">{t('WeChat does not publish when a key changes; a backend should survive each of these.', '微信没有公开 key 何时变化；后端应能经受以下每一种规则。')}</p>
      <ul class="cards" id="presets">
        {all.map((preset) => {
          const isOn = now !== undefined && same(now, preset.policy)
          return (
            <li key={preset.name} class={isOn ? 'on' : undefined}>
              <p>
                <b class="mono">{preset.name}</b> {isOn && <Tag tone="good">{t('in use', '使用中')}</Tag>}
              </p>
              <p class="dim">{language === 'zh' ? (ABOUT_ZH[preset.name] ?? preset.about) : preset.about}</p>
              <Button id={`preset-${preset.name}`} run={() => change({ preset: preset.name })} disabled={isOn} title={`PATCH ${path}`}>
                {t('Use', '使用')}
              </Button>
            </li>
          )
        })}
      </ul>
      <h2>{t('Single rules', '单项规则')}</h2>
      {now &&
        Object.entries(now).map(([group, knobs]) => (
          <section key={group} class="knobs">
            <h3 class="mono">{group}</h3>
            <p class="note">{groups?.[group]?.description}</p>
            <dl>
              {Object.entries(knobs).map(([name, value]) => (
                <KnobRow key={`${path}.${group}.${name}`} group={group} name={name} value={value} usual={documented?.policy[group]?.[name]} meaning={groups?.[group]?.properties?.[name]?.description} change={change} />
              ))}
            </dl>
          </section>
        ))}
    </div>
  )
}

/** The words a rule may take; the mock refuses others and says so. */
const WORDS: Record<string, readonly string[]> = {
  'session_key.rotate': ['login', 'exchange', 'never'],
  'session_key.exchange_returns': ['bound', 'current'],
  'session_key.activate_on': ['issue', 'exchange'],
  'session_key.scope': ['user', 'device'],
  'shape.field_order': ['wechat', 'reversed', 'sorted'],
}

function KnobRow({ group, name, value, usual, meaning, change }: { group: string; name: string; value: Knob; usual: Knob | undefined; meaning: string | undefined; change: (body: unknown) => Promise<void> }) {
  const id = `knob-${group}-${name}`
  const [text, type] = useState(shown(value))
  const [seen, see] = useState(value)
  if (!same(seen, value)) {
    see(value)
    type(shown(value))
  }
  const set = (to: unknown) => change({ [group]: { [name]: to } })
  const words = WORDS[`${group}.${name}`]
  const isOther = usual !== undefined && !same(usual, value)
  return (
    <div>
      <dt>
        <label for={id} class="mono">
          {name}
        </label>
        <small>{meaning}</small>
      </dt>
      <dd>
        {typeof value === 'boolean' ? (
          <input type="checkbox" id={id} checked={value} onChange={(event) => void set(event.currentTarget.checked).catch(() => undefined)} />
        ) : words ? (
          <Select id={id} value={String(value)} options={words.map((word) => [word, word] as const)} onChange={(word) => void set(word).catch(() => undefined)} />
        ) : (
          <>
            <input id={id} class="mono" value={text} placeholder={t('none', '无')} onInput={(event) => type(event.currentTarget.value)} />
            {text !== shown(value) && (
              <Button kind="small" run={() => set(read(text, value))}>
                {t('Set', '设置')}
              </Button>
            )}
          </>
        )}
        {isOther && <Tag tone="info">{t(`documented: ${shown(usual) || 'none'}`, `documented：${shown(usual) || '无'}`)}</Tag>}
      </dd>
    </div>
  )
}

const shown = (value: Knob): string => (value === null ? '' : Array.isArray(value) ? value.join(', ') : String(value))

/** What was typed, as the kind of value that was there; a number where only digits are. */
function read(text: string, before: Knob): unknown {
  const typed = text.trim()
  if (Array.isArray(before)) return typed === '' ? [] : typed.split(/[\s,]+/)
  if (typed === '') return null
  return typeof before === 'number' || (before === null && /^\d+$/.test(typed)) ? Number(typed) : typed
}
